"""Checks of chapter 02: describing a face."""

import numpy as np

from deepfake_lesson.exercises import exercise, require
from deepfake_lesson.studio import ACTION_UNITS


@exercise
def worried(student) -> None:
    """Four action units at 0.8, and no other."""
    answer = student()
    require(isinstance(answer, dict), 'give a dictionary, such as {"AU12": 0.5}')
    unknown = [name for name in answer if name not in ACTION_UNITS]
    require(not unknown, f"{unknown[:1]} is no unit of the studio; they are written like 'AU12'")
    units = {name for name, strength in answer.items() if strength}
    require("AU12" not in units, "AU12 pulls the corners of the mouth up; they should go down")
    require("AU2" not in units, "AU2 raises the outer ends of the brows; only the inner ones rise")
    for name, part in WORRIED.items():
        require(name in units, f"something is missing: {part}")
    extra = sorted(units - set(WORRIED))
    require(not extra, f"{extra[:1]} does something that the description does not ask for")
    require(
        all(np.isclose(answer[name], 0.8) for name in WORRIED), "the strength should be 0.8 each"
    )


WORRIED = {
    "AU1": "the inner ends of the brows rise",
    "AU4": "the brows are drawn together",
    "AU15": "the corners of the mouth go down",
    "AU17": "the chin is pushed up",
}


@exercise
def morphed(student) -> None:
    """A mean head and a weighted sum of traits."""
    rng = np.random.default_rng(2)
    mean, traits = rng.normal(0, 50, (6, 3)), rng.normal(0, 2, (4, 6, 3))
    amounts = np.array([1.5, -2.0, 0.0, 0.7])
    answer = student(mean.copy(), traits.copy(), amounts.copy())
    require(answer is not None, "your function returns nothing; is there a `return`?")
    answer = np.asarray(answer, float)
    require(answer.shape == (6, 3), f"the shape should be (6, 3) here, not {answer.shape}")
    change = np.einsum("k,kna->na", amounts, traits)
    require(not np.allclose(answer, change), "that is the change alone; add it to the mean head")
    require(not np.allclose(answer, mean), "the head has not changed")
    require(
        not np.allclose(answer, mean + traits.sum(0)),
        "each trait counts as much as its amount says; multiply before you add them up",
    )
    require(not np.allclose(answer, mean + change / 4), "add the traits up; do not take their mean")
    require(np.allclose(answer, mean + change), "not the weighted sum: mean + amount_k * trait_k")


@exercise
def turn_of_head(student) -> None:
    """Yaw from two eye corners and the tip of the nose."""
    depth = 0.45
    answer = student(*_seen(20, depth), depth)
    require(np.ndim(answer) == 0, "give one number")
    ratio = depth * np.tan(np.radians(20))
    require(not np.isclose(answer, np.radians(20)), "that is in radians; np.degrees helps")
    require(not np.isclose(answer, -20), "the sign is wrong: a turn to the right is positive")
    require(
        not np.isclose(answer, np.degrees(np.arctan(ratio))),
        "the tip lies `depth` eye distances in front of the eyes: divide by it before the arctan",
    )
    require(
        not np.isclose(answer, np.degrees(np.arcsin(np.tan(np.radians(20))))),
        "that is the arcsine; but the eyes' distance shrinks as well, so take the arctan",
    )
    require(np.isclose(answer, 20), f"this head is turned by 20 degrees, not by {answer:.1f}")
    larger = student(*(3 * point + (40, 9) for point in _seen(20, depth)), depth)
    require(
        np.isclose(larger, 20),
        "in a larger picture, or elsewhere, it should be the same: divide by the eyes' distance",
    )
    leaning = student(*_seen(-15, depth, roll=30), depth)
    require(
        np.isclose(leaning, -15),
        "a head that leans comes out wrong: measure along the line from eye to eye, not along x",
    )


def _seen(yaw: float, depth: float, roll: float = 0.0) -> list[np.ndarray]:
    """Outer eye corners, left and right, and tip of the nose, (2,) pixels, y downwards."""
    yaw, roll = np.radians([yaw, roll])
    head = np.array([[-50, 0, 0], [50, 0, 0], [0, 40, 100 * depth]])
    x, y = head[:, 0] * np.cos(yaw) + head[:, 2] * np.sin(yaw), head[:, 1]
    turned = [x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)]
    return list(np.transpose(turned) + 128)


@exercise
def likely(student) -> None:
    """Least squares with a price on large numbers."""
    rng = np.random.default_rng(3)
    effects, seen, price = rng.normal(size=(12, 5)), rng.normal(size=12), 2.5
    answer = student(effects.copy(), seen.copy(), price)
    require(answer is not None, "your function returns nothing; is there a `return`?")
    answer = np.asarray(answer, float)
    require(answer.shape == (5,), f"the shape should be (5,) here, not {answer.shape}")

    def solved(addition):
        return np.linalg.solve(effects.T @ effects + addition, effects.T @ seen)

    right = solved(price * np.eye(5))
    require(not np.allclose(answer, solved(0)), "that is plain least squares; the price is missing")
    require(
        not np.allclose(answer, solved(price)),
        "the price belongs on the diagonal only: price * np.eye(K)",
    )
    require(
        not np.allclose(answer, solved(price**2 * np.eye(5))),
        "the price counts squared here; rows below the effects carry its square root",
    )
    require(
        np.allclose(answer, right),
        "not the smallest sum: set its slope to zero, (Aᵀ A + price I) x = Aᵀ b",
    )


@exercise
def numbers(student) -> None:
    """Numbers that describe a clip, in three ways."""
    points = student("points", 100)
    require(points != 6800, "a point has an x and a y")
    require(points == 13600, f"68 points in 100 frames are 13600 numbers, not {points}")
    units = student("units", 100)
    require(units == 1500, f"15 units in 100 frames are 1500 numbers, not {units}")
    model = student("model", 100)
    require(
        model != 5200, "the person stays the same for the whole clip: identity counts only once"
    )
    require(model != 2200, "the 30 numbers of the identity are missing; they count once")
    require(model == 2230, f"the model needs 2230 numbers for 100 frames, not {model}")
    require(student("model", 1) == 52, "your answer should follow the number of frames")
