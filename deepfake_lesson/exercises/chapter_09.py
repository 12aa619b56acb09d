"""Checks of chapter 09: everything in real time."""

import math

import numpy as np

from deepfake_lesson.exercises import exercise, require

CAMERA_HINT = "no result comes without a frame: the camera's rate is the most there can be"


@exercise
def rate(student) -> None:
    """Results a second of stages one by one and in threads."""
    stages = [10.0, 50.0, 20.0]
    alone = _number(student(list(stages), False))
    require(not _near(alone, 80), "80 ms is the time of one frame; how many of them in 1000 ms?")
    require(not _near(alone, 0.0125), "that is results a millisecond; a second has 1000 of them")
    require(not _near(alone, 20), "one by one the stages wait for each other: add their times")
    require(_near(alone, 12.5), f"10 + 50 + 20 ms one by one give 12.5 a second, not {alone:g}")
    threaded = _number(student(list(stages), True))
    require(not _near(threaded, 12.5), "in threads the stages work at the same time")
    require(not _near(threaded, 37.5), "not the mean of the stages counts, but the slowest")
    require(not _near(threaded, 100), "that is the fastest stage; the others cannot keep up")
    require(_near(threaded, 20), f"the slowest needs 50 ms: 20 a second, not {threaded:g}")
    require(_near(_number(student([5.0, 4.0], True)), 30), CAMERA_HINT)
    require(_near(_number(student([5.0, 5.0], False, 25)), 25), CAMERA_HINT)


@exercise
def detect_every(student) -> None:
    """The smallest distance between searches that keeps a budget."""
    answer = _number(student(50.0, 10.0, 20.0))
    require(not _near(answer, 3), "one search in 3 still means 23.3 ms: mind the n - 1 of the mean")
    require(not _near(answer, 5), "5 keeps the budget, but so does a smaller distance")
    require(
        not _near(answer, 2.5),
        "the search itself takes the place of one following: (50 + (n - 1) 10) / n",
    )
    require(_near(answer, 4), f"(50 + 3 x 10) / 4 is just 20 ms, so 4, not {answer:g}")
    answer = _number(student(51.0, 10.0, 20.0))
    require(answer > 4, "(51 + 3 x 10) / 4 is more than 20 ms: round up, not down")
    require(_near(answer, 5), f"51, 10 and 20 ms need 5, not {answer:g}")
    answer = _number(student(12.0, 5.0, 20.0))
    require(_near(answer, 1), f"if a search fits the budget, search each frame: 1, not {answer:g}")
    answer = _number(student(15.0, 30.0, 20.0))
    require(
        _near(answer, 1), f"search 15 ms, budget 20 ms: follow plays no part; 1, not {answer:g}"
    )
    answer = _number(student(50.0, 20.0, 20.0))
    require(_near(answer, 0), "if following alone takes the whole budget, nothing helps: 0")


@exercise
def worked_on(student) -> None:
    """The frames that a stage behind a queue of one works on."""
    steady = [0.0, 40, 80, 120, 160, 200]
    answer = _numbers(student(list(steady), 30.0))
    require(answer == [*range(6)], f"who needs 30 of 40 ms misses no frame; you have {answer}")
    answer = _numbers(student(list(steady), 100.0))
    require(answer != [*range(6)], "the stage is busy for 100 ms; meanwhile frames are dropped")
    require(
        answer != [0, 3],
        "the queue holds one frame: at 100 ms frame 2 waits there, nobody waits for frame 3",
    )
    require(
        answer != [0, 3, 5], "free at 100 ms, it takes frame 2 that waits, not the next to come"
    )
    require(
        answer != [0, 1, 2], "at 100 ms frame 2 has taken the place of frame 1: the newest wins"
    )
    require(
        answer != [0, 2],
        "the last frame waits in the queue until the stage is free: it is worked on",
    )
    require(answer == [0, 2, 5], f"busy 100 ms: frames 0, 2 and 5, not {answer}")
    answer = _numbers(student([0.0, 10, 20, 500], 50.0))
    require(answer == [0, 2, 3], f"arrivals 0, 10, 20, 500, busy 50: 0, 2 and 3, not {answer}")
    require(_numbers(student([], 50.0)) == [], "no frame, nothing to work on: []")


@exercise
def smooth(student) -> None:
    """Exponential smoothing."""
    values = np.array([4.0, 8.0, 8.0, 0.0])
    given = values.copy()
    answer = np.asarray(_there(student(given, 0.25)), np.float64)
    require(np.array_equal(given, values), "your function changed the values it was given")
    require(answer.shape == values.shape, f"the shape should be (4,), not {answer.shape}")
    require(not np.allclose(answer, values), "nothing has been smoothed")
    require(not np.isclose(answer[0], 1), "the first value has nothing before it: keep it as it is")
    require(np.isclose(answer[0], 4), f"the first value stays 4, not {answer[0]:g}")
    require(not np.isclose(answer[1], 7), "the share belongs to the new value, the rest to the old")
    require(np.isclose(answer[1], 5), f"4 and a quarter of the way to 8 is 5, not {answer[1]:g}")
    require(
        not np.isclose(answer[2], 8),
        "the rest is kept of the last *result*, which was 5, not of the last value",
    )
    require(np.allclose(answer, [4, 5, 5.75, 4.3125]), f"it should go on 5.75, 4.3125: {answer}")


@exercise
def one_euro_share(student) -> None:
    """Alpha of the One-Euro filter."""
    rest = _number(student(0.0, 0.04, 1.0, 5.0))
    expected = _share(1.0, 0.04)
    require(
        not _near(rest, 1 / (1 + 1 / 0.04)), "the cutoff is in hertz: 2 pi times it is what counts"
    )
    require(
        not _near(rest, _share(1.0, 25)), "step is the time between frames, not frames a second"
    )
    require(
        not _near(rest, 1 - expected), "that is the share of the old value; the new one's, please"
    )
    require(_near(rest, expected), f"at rest alpha is {expected:.3f} here, not {rest:.3f}")
    fast = _number(student(2.0, 0.04, 1.0, 5.0))
    require(not _near(fast, rest), "with speed the cutoff grows: f_min + beta |v|")
    require(not _near(fast, _share(10.0, 0.04)), "beta |v| comes on top of the lowest cutoff")
    require(
        _near(fast, _share(11.0, 0.04)), f"f_min 1, beta 5, speed 2: the cutoff is 11, {fast:g}"
    )
    back = _number(student(-2.0, 0.04, 1.0, 5.0))
    require(_near(back, fast), "moving back is as fast as moving forth: use the speed's amount")


def _share(cutoff: float, step: float) -> float:
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))


def _near(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-6, abs_tol=1e-9)


def _there(value):
    require(value is not None, "your function returns nothing; is there a `return`?")
    return value


def _number(value) -> float:
    """The answer as a number; a hint if it is something else."""
    require(np.ndim(_there(value)) == 0, "give one number")
    return float(value)


def _numbers(value) -> list[int]:
    """The answer as a list of whole numbers; a hint if it is something else."""
    require(np.ndim(_there(value)) == 1, "give a list of frame numbers")
    return [int(number) for number in value]
