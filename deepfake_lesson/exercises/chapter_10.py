"""Checks of chapter 10: one picture moved by first order motion."""

import numpy as np

from deepfake_lesson.exercises import exercise, require


@exercise
def keypoint(student) -> None:
    """The expected position under a heat-map."""
    corner = np.zeros((5, 9))
    corner[0, 8] = 1
    answer = _array(student(corner.copy()), (2,), "give (x, y): two numbers")
    require(
        not np.allclose(answer, (8, 0)), "that is in pixels; the right edge is 1, the upper edge -1"
    )
    require(not np.allclose(answer, (-1, 1)), "x first, then y")
    require(
        not np.allclose(answer, (1 - 1 / 9, -1 + 1 / 5)),
        "-1 and 1 are the *middles* of the outermost pixels, as in `coordinate_grid`",
    )
    require(
        np.allclose(answer, (1, -1)),
        f"all weight in the upper right pixel is (1, -1), not ({answer[0]:g}, {answer[1]:g})",
    )
    two = np.zeros((5, 9))
    two[0, 0], two[4, 8] = 0.75, 0.25
    answer = _array(student(two), (2,), "give (x, y): two numbers")
    require(
        not np.allclose(answer, (-1, -1)),
        "not the brightest pixel: the mean of all positions, weighted by the map",
    )
    require(not np.allclose(answer, (0, 0)), "each position counts as much as the map says there")
    require(
        np.allclose(answer, (-0.5, -0.5)),
        "three quarters at (-1, -1) and a quarter at (1, 1) have their mean at (-0.5, -0.5)",
    )


@exercise
def compose(student) -> None:
    """Two affine maps, one after the other."""
    rng = np.random.default_rng(0)
    inner, outer = rng.normal(size=(2, 2, 3))
    answer = _array(student(outer.copy(), inner.copy()), (2, 3), "give a matrix of 2 x 3")
    swapped = _after(inner, outer)
    require(
        not np.allclose(answer, swapped), "the other way round: inner is applied first, then outer"
    )
    require(not np.allclose(answer[:, :2], swapped[:, :2]), "matrices multiply outer @ inner")
    right = _after(outer, inner)
    require(
        not np.allclose(answer[:, :2], outer[:, :2] * inner[:, :2]),
        "`*` multiplies each number for itself; matrices are multiplied with `@`",
    )
    require(np.allclose(answer[:, :2], right[:, :2]), "the first two columns are A_outer @ A_inner")
    shifts = outer[:, 2] + inner[:, 2]
    require(
        not np.allclose(answer[:, 2], shifts),
        "the inner shift is turned by the outer matrix too: A_outer @ b_inner + b_outer",
    )
    require(
        np.allclose(answer[:, 2], right[:, 2]), "the last column is A_outer @ b_inner + b_outer"
    )


@exercise
def taylor(student) -> None:
    """Where a pixel comes from, to the first order."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    source, driving = np.array([0.2, -0.1]), np.array([-0.3, 0.4])
    answer = _array(
        student(driving.copy(), source, turn, driving, np.eye(2)), (2,), "give (x, y): two numbers"
    )
    require(
        np.allclose(answer, source),
        "the keypoint of the driving frame itself comes from the keypoint of the source",
    )
    step = np.array([0.1, 0.0])

    def asked(j_source, j_driving) -> np.ndarray:
        given = driving + step, source, j_source, driving, j_driving
        return _array(student(*given), (2,), "give (x, y): two numbers")

    answer = asked(turn, np.eye(2))
    require(
        not np.allclose(answer, source + step),
        "that only shifts (zeroth order): the step z - driving is turned by the Jacobians",
    )
    right = source + turn @ step
    require(np.allclose(answer, right), "with J_driving = 1 the step is multiplied by J_source")
    answer = asked(np.eye(2), 2 * np.eye(2))
    require(
        not np.allclose(answer, source + 2 * step),
        "J_driving is *inverted*: twice as large in the driving frame is half the step back",
    )
    stretch = np.array([[2.0, 0.5], [0.0, 1.0]])
    answer = asked(turn, stretch)
    right = source + turn @ np.linalg.inv(stretch) @ step
    wrong = source + np.linalg.inv(stretch) @ turn @ step
    require(
        not np.allclose(answer, wrong), "first back to the reference, then on: J_source @ inverse"
    )
    require(np.allclose(answer, right), "J_source @ inverse of J_driving @ (z - driving) + source")


@exercise
def hidden(student) -> None:
    """What the occlusion map hides: names of what has to be invented."""
    answer = _there(student())
    require(isinstance(answer, set | list | tuple), "give a set of letters, as {'A', 'B'}")
    chosen = {str(each).upper() for each in answer}
    require(chosen <= set("ABCDE"), "only letters from A to E")
    for letter, why in (
        ("B", "B: the forehead is there in both; it only moves"),
        ("D", "D: the tip of the nose is there in both; it only moves"),
    ):
        require(letter not in chosen, why)
    for letter, why in (
        ("A", "A: with a shut mouth, where in the picture would the teeth come from?"),
        ("C", "C: the side of the head that turns towards us was behind it in the picture"),
        ("E", "E: the wall that the head leaves free was behind the head in the picture"),
    ):
        require(letter in chosen, why)


@exercise
def akd(student) -> None:
    """Average keypoint distance."""
    rng = np.random.default_rng(1)
    found, wanted = rng.uniform(0, 128, (2, 3, 68, 2))
    answer = _number(student(found.copy(), wanted.copy()))
    difference = found - wanted
    require(
        not np.isclose(answer, difference.mean()),
        "to the left and to the right cancel: take amounts",
    )
    require(
        not np.isclose(answer, np.abs(difference).sum() / 3)
        and not np.isclose(answer, np.abs(difference).sum()),
        "a mean over all points too, not their sum",
    )
    require(
        not np.isclose(answer, np.linalg.norm(difference, axis=-1).mean()),
        "a fine measure, but not the authors': they take x and y each for itself",
    )
    right = np.abs(difference).mean()
    require(np.isclose(answer, right), f"the mean amount is {right:.2f} here, not {answer:.2f}")


def _after(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _there(value):
    require(value is not None, "your function returns nothing; is there a `return`?")
    return value


def _array(value, shape: tuple[int, ...], hint: str) -> np.ndarray:
    """The answer as an array of this shape; the hint if it is something else."""
    array = np.asarray(_there(value))
    require(array.shape == shape and array.dtype.kind in "fiu", hint)
    return array.astype(float)


def _number(value) -> float:
    """The answer as a number; a hint if it is something else."""
    require(np.ndim(_there(value)) == 0, "give one number")
    return float(value)
