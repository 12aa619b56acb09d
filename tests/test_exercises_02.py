"""The checks of chapter 02 know right answers, typical wrong ones and untouched ones."""

import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_02 as check
from deepfake_lesson.landmarks import similarity_transform

WORRIED = {"AU1": 0.8, "AU4": 0.8, "AU15": 0.8, "AU17": 0.8}


def worried(**change):
    return lambda: WORRIED | change


def turn_of_head(left, right, tip, depth):
    """By way of the transform that lays the eyes on the x axis, one unit apart."""
    upright = similarity_transform(np.stack([left, right]), np.array([(-0.5, 0), (0.5, 0)]))
    along = upright[0, :2] @ tip + upright[0, 2]
    return np.degrees(np.arctan2(along, depth))


def along_x(left, right, tip, depth):
    offset = tip[0] - (left[0] + right[0]) / 2
    return np.degrees(np.arctan(offset / (right[0] - left[0]) / depth))


def in_pixels(left, right, tip, depth):
    offset = tip[0] - (left[0] + right[0]) / 2
    return np.degrees(np.arctan(offset / (100 * np.cos(np.radians(20))) / depth))


def with_rows(effects, seen, price, power=0.5):
    """Ordinary least squares after a row of zeros has been asked of each number."""
    rows = price**power * np.eye(effects.shape[1])
    wanted = np.append(seen, np.zeros(effects.shape[1]))
    return np.linalg.lstsq(np.vstack([effects, rows]), wanted, rcond=None)[0]


def numbers(description, frames, once=30, points=136):
    each = {"points": points, "model": 22, "units": 15}[description]
    return each * frames + (once if description == "model" else 0)


RIGHT = {
    check.worried: worried(),
    check.morphed: lambda mean, traits, amounts: mean + np.tensordot(amounts, traits, 1),
    check.turn_of_head: turn_of_head,
    check.likely: with_rows,
    check.numbers: numbers,
}
WRONG = [
    (check.worried, lambda: WORRIED.keys(), "dictionary"),
    (check.worried, lambda: {1: 0.8, 4: 0.8}, "no unit"),
    (check.worried, worried(AU12=0.8), "down"),
    (check.worried, worried(AU2=0.8), "only the inner"),
    (check.worried, worried(AU17=0), "chin"),
    (check.worried, worried(AU26=0.3), "does not ask"),
    (check.worried, worried(AU4=1.0), "0.8"),
    (check.morphed, lambda mean, traits, amounts: np.tensordot(amounts, traits, 1), "mean head"),
    (check.morphed, lambda mean, traits, amounts: mean, "not changed"),
    (check.morphed, lambda mean, traits, amounts: mean + traits.sum(0), "multiply"),
    (check.morphed, lambda mean, traits, amounts: mean + traits, "(6, 3)"),
    (
        check.morphed,
        lambda mean, traits, amounts: mean + (amounts[:, None, None] * traits).mean(0),
        "do not take their mean",
    ),
    (check.morphed, lambda mean, traits, amounts: mean + amounts * traits, "ValueError"),
    (check.turn_of_head, lambda *a: np.radians(turn_of_head(*a)), "radians"),
    (check.turn_of_head, lambda *a: -turn_of_head(*a), "sign"),
    (check.turn_of_head, lambda *a: turn_of_head(*a[:3], 1), "divide by it"),
    (check.turn_of_head, in_pixels, "larger picture"),
    (check.turn_of_head, along_x, "leans"),
    (check.likely, lambda effects, seen, price: with_rows(effects, seen, 0), "price is missing"),
    (check.likely, lambda *a: with_rows(*a, power=1), "square root"),
    (
        check.likely,
        lambda a, b, price: np.linalg.solve(a.T @ a + price, a.T @ b),
        "diagonal",
    ),
    (check.likely, lambda a, b, price: np.linalg.solve(a, b), "LinAlgError"),
    (check.likely, lambda *a: -with_rows(*a), "smallest sum"),
    (check.numbers, lambda *a: numbers(*a, points=68), "an x and a y"),
    (
        check.numbers,
        lambda kind, frames: 52 * frames if kind == "model" else numbers(kind, frames),
        "only once",
    ),
    (check.numbers, lambda *a: numbers(*a, once=0), "missing"),
    (check.numbers, lambda kind, frames: numbers(kind, 100), "follow"),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
