"""Checks of chapter 03: finding faces and landmarks."""

import numpy as np

from deepfake_lesson.exercises import exercise, require


@exercise
def box_sum(student) -> None:
    """The sum of a rectangle by an integral image."""
    pixels = np.random.default_rng(3).integers(0, 50, (9, 12))
    integral = np.pad(pixels.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    x, y, width, height = 3, 2, 5, 4
    answer = _number(student(integral.copy(), x, y, width, height))
    right, bottom = x + width, y + height
    corner = integral[bottom, right]
    above, beside = integral[y, right], integral[bottom, x]
    require(answer != corner, "that is everything above and to the left; take the rest away")
    require(
        answer != corner - above - beside,
        "what lies above and to the left was taken away twice: add it once",
    )
    require(
        answer != pixels[x : x + width, y : y + height].sum(),
        "the row comes first: integral[y, x], not integral[x, y]",
    )
    one_short = pixels[y : bottom - 1, x : right - 1].sum()
    require(
        answer != one_short, "the last row and column are missing: use y + height and x + width"
    )
    expected = pixels[y:bottom, x:right].sum()
    require(answer == expected, f"the sum of this rectangle is {expected}, not {answer:g}")
    answer = _number(student(integral, 0, 0, 12, 9))
    require(answer == pixels.sum(), "the rectangle may be the whole picture")


@exercise
def cell_histogram(student) -> None:
    """Lengths of gradients in nine drawers."""
    right, down = np.zeros((8, 8)), np.zeros((8, 8))
    right[:, 3], down[:, 3] = 3.0, 4.0
    answer = _array(student(right.copy(), down.copy()), (9,))
    expected = np.zeros(9)
    expected[2] = 40
    require(not np.isclose(answer.sum(), 8), "an arrow counts with its length, not as one")
    require(
        not np.isclose(answer.sum(), 64), "an arrow counts with its length; most here have none"
    )
    require(
        not np.isclose(answer.sum(), 5), "give the sum of the lengths in a drawer, not their mean"
    )
    turned = np.zeros(9)
    turned[1] = 40
    require(
        not np.allclose(answer, turned),
        "3 to the right and 4 down is 53 degrees: arctan2(down, right), in this order",
    )
    require(
        np.isclose(answer.sum(), 40),
        f"eight arrows of length 5 are 40 in all, not {answer.sum():g}",
    )
    require(
        np.allclose(answer, expected),
        f"53 degrees belong into drawer 2 (40 to 60), not {answer.argmax()}; in degrees?",
    )
    answer = _array(student(-right, -down), (9,))
    require(
        np.allclose(answer, expected),
        "the opposite arrow belongs to the same edge and drawer: take the angle modulo 180",
    )
    rng = np.random.default_rng(5)
    right, down = rng.normal(size=(2, 8, 8))
    answer = _array(student(right.copy(), down.copy()), (9,))
    require(np.allclose(answer, _histogram(right, down)), "it fails on arrows in all directions")


@exercise
def best_boxes(student) -> None:
    """Non-maximum suppression."""
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [40, 0, 50, 10], [2, 0, 12, 10]], float)
    scores = np.array([0.5, 0.9, 0.7, 0.6])
    answer = _numbers(student(boxes.copy(), scores.copy(), 0.5))
    require(sorted(answer) != [0, 1, 2, 3], "all boxes are still there; three lie on one face")
    require(answer != [1], "the box on the other face has gone: it overlaps nothing, keep it")
    require(
        0 not in answer and 3 not in answer,
        f"of boxes 0, 1 and 3 the best is 1; you kept {answer}",
    )
    require(answer != [2, 1], "the highest score comes first: box 1, then box 2")
    require(answer == [1, 2], f"boxes 1 and 2 should stay, not {answer}")
    answer = _numbers(student(boxes.copy(), scores.copy(), 0.9))
    require(answer == [1, 2, 3, 0], "with limit 0.9 all four stay, in the order of their scores")
    chain = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]], float)
    answer = _numbers(student(chain, np.array([0.9, 0.8, 0.7]), 0.2))
    require(
        answer == [0, 2],
        "a box that was dropped must not drop others: compare with the boxes that stay",
    )
    answer = student(np.zeros((0, 4)), np.zeros(0), 0.5)
    require(len(answer) == 0, "no boxes, no answer: return an empty list")


@exercise
def landmark_error(student) -> None:
    """The normalised mean error of 68 points."""
    rng = np.random.default_rng(7)
    truth = rng.uniform(50, 150, (68, 2))
    found = truth + rng.normal(0, 4, (68, 2))
    offsets = np.linalg.norm(found - truth, axis=1)
    unit = np.linalg.norm(truth[36] - truth[45])
    answer = _number(student(found.copy(), truth.copy()))
    expected = offsets.mean() / unit

    def is_near(value: float) -> bool:
        return bool(np.isclose(answer, value, rtol=1e-4))

    require(not is_near(offsets.mean()), "these are pixels; divide by the distance of the eyes")
    require(not is_near(100 * expected), "give a share, not percent: 0.05 is 5 percent")
    require(not is_near(offsets.sum() / unit), "the mean of the 68 distances, not their sum")
    require(
        not is_near(np.linalg.norm(found[36] - found[45]) ** -1 * offsets.mean()),
        "divide by the eyes of the truth: a found face that is too large must not flatter itself",
    )
    require(
        not is_near(np.abs(found - truth).mean() / unit),
        "that is the mean over x and y; a distance is the root of both squares: norm(axis=1)",
    )
    require(
        not is_near(np.sqrt(np.mean(offsets**2)) / unit),
        "that is the root of the mean square; take the mean of the distances",
    )
    require(is_near(expected), f"for these points it is {expected:.4f}, not {answer:.4f}")


@exercise
def count_blinks(student) -> None:
    """Dips of an eye aspect ratio."""
    narrow = np.full(100, 0.26)
    narrow[20:24], narrow[60:63] = (0.18, 0.1, 0.12, 0.18), 0.15
    wide = np.full(100, 0.42)
    wide[30:34], wide[50], wide[80:83] = 0.24, 0.2, 0.25
    answer = _number(student(narrow.copy()))
    require(answer != 7, "these are closed frames; frames in a row are one blink")
    require(answer == 2, f"this person blinks twice, not {answer:g} times")
    answer = _number(student(wide.copy()))
    require(answer != 0, "wide eyes stay above 0.2 when shut: take 0.75 of the median as the limit")
    require(answer != 3, "the dip in frame 50 is one frame long, and noise")
    require(answer == 2, f"wide eyes blink twice here, not {answer:g} times")
    answer = _number(student(np.full(50, 0.3)))
    require(answer == 0, f"eyes that stay open do not blink, not even {answer:g} times")
    at_the_end = np.full(50, 0.3)
    at_the_end[-3:] = 0.1
    answer = _number(student(at_the_end))
    require(answer == 1, "a blink that the end of the clip cuts off counts, too")


def _histogram(right: np.ndarray, down: np.ndarray) -> np.ndarray:
    angle = np.degrees(np.arctan2(down, right)) % 180
    return np.histogram(angle, np.linspace(0, 180, 10), weights=np.hypot(right, down))[0]


def _number(value) -> float:
    """The answer as a number; a hint if it is none."""
    require(value is not None, "your function returns nothing; is there a `return`?")
    require(np.ndim(value) == 0, f"give one number, not an array of shape {np.shape(value)}")
    return float(value)


def _numbers(value) -> list[int]:
    """The answer as a list of whole numbers; a hint if it is none."""
    require(value is not None, "your function returns nothing; is there a `return`?")
    require(np.ndim(value) == 1, "give a list with the numbers of the boxes that stay")
    return [int(number) for number in value]


def _array(value, shape: tuple[int, ...]) -> np.ndarray:
    """The answer as floats; a hint if it has another shape."""
    require(value is not None, "your function returns nothing; is there a `return`?")
    value = np.asarray(value, np.float64)
    require(value.shape == shape, f"the shape should be {shape}, not {value.shape}")
    return value
