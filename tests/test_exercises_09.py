"""The checks of chapter 09 know right answers, typical wrong ones and untouched ones."""

import math

import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_09 as check
from deepfake_lesson.tracking import OneEuro


def rate_of(milliseconds, threads, camera=30):
    return min(camera, 1000 / (max(milliseconds) if threads else sum(milliseconds)))


def seldom(search, follow, budget):
    """Tries one distance after the other."""
    means = ((search + (n - 1) * follow) / n for n in range(1, 1000))
    return next((n for n, mean in enumerate(means, 1) if mean <= budget + 1e-9), 0)


def queued(arrivals, busy):
    """A simulation that goes from one free moment to the next."""
    taken, now = [], 0.0
    while (taken[-1] if taken else -1) < len(arrivals) - 1:
        waiting = [k for k, time in enumerate(arrivals) if time <= now]
        if waiting and (not taken or waiting[-1] > taken[-1]):
            taken.append(waiting[-1])
            now += busy
        else:
            now = min(time for time in arrivals if time > now)
    return taken


def smoothed(values, share):
    """The One-Euro filter without beta, at the cutoff whose alpha is the share."""
    one_euro = OneEuro(share / (1 - share) / (2 * math.pi))
    return np.array([float(one_euro.smooth(np.array(v), float(k))) for k, v in enumerate(values)])


def alpha(speed, step, lowest, beta):
    return 1 / (1 + 1 / (2 * math.pi * (lowest + beta * abs(speed)) * step))


RIGHT = {
    check.rate: rate_of,
    check.detect_every: seldom,
    check.worked_on: queued,
    check.smooth: smoothed,
    check.one_euro_share: alpha,
}
WRONG = [
    (check.rate, lambda stages, threads, camera=30: sum(stages), "80 ms"),
    (check.rate, lambda stages, threads, camera=30: 1 / sum(stages), "a second has 1000"),
    (check.rate, lambda stages, threads, camera=30: 1000 / max(stages), "add their times"),
    (check.rate, lambda stages, threads, camera=30: 1000 / sum(stages), "same time"),
    (
        check.rate,
        lambda s, threads, camera=30: 1000 / (np.mean(s) if threads else sum(s)),
        "mean",
    ),
    (
        check.rate,
        lambda s, threads, camera=30: 1000 / (max(s) if threads else sum(s)),
        "without a frame",
    ),
    (check.rate, lambda *_: None, "return"),
    (check.detect_every, lambda search, follow, budget: math.ceil(search / budget), "n - 1"),
    (
        check.detect_every,
        lambda search, follow, budget: math.ceil(search / (budget - follow)),
        "smaller distance",
    ),
    (
        check.detect_every,
        lambda search, follow, budget: round((search - follow) / (budget - follow)),
        "round up",
    ),
    (
        check.detect_every,
        lambda search, follow, budget: math.ceil((search - follow) / (budget - follow)),
        "follow plays no part",
    ),
    (
        check.detect_every,
        lambda search, follow, budget: (
            1 if search <= budget else seldom(search, follow, budget) or 1
        ),
        "nothing helps",
    ),
    (check.worked_on, lambda arrivals, busy: [*range(len(arrivals))], "busy for 100 ms"),
    (check.worked_on, lambda arrivals, busy: [*range(0, len(arrivals), 2)], "misses no frame"),
    (
        check.worked_on,
        lambda arrivals, busy: [*range(0, len(arrivals), math.ceil(busy / 40))],
        "nobody waits",
    ),
    (
        check.worked_on,
        lambda arrivals, busy: queued(arrivals, busy)[: 2 if busy == 100 else None],
        "the last frame",
    ),
    (check.worked_on, lambda arrivals, busy: len(arrivals), "list"),
    (check.smooth, lambda values, share: values, "nothing has been smoothed"),
    (check.smooth, lambda values, share: smoothed([0, *values], share)[1:], "first value"),
    (check.smooth, lambda values, share: smoothed(values, 1 - share), "belongs to the new"),
    (
        check.smooth,
        lambda values, share: np.append(values[0], values[:-1] + share * np.diff(values)),
        "last *result*",
    ),
    (check.smooth, lambda values, share: values.mean(), "shape"),
    (check.one_euro_share, lambda speed, step, low, beta: 1 / (1 + 1 / (low * step)), "2 pi"),
    (check.one_euro_share, lambda speed, step, *rest: alpha(speed, 1 / step, *rest), "step is"),
    (check.one_euro_share, lambda *given: 1 - alpha(*given), "old value"),
    (check.one_euro_share, lambda speed, *rest: alpha(0, *rest), "cutoff grows"),
    (
        check.one_euro_share,
        lambda speed, step, low, beta: alpha(speed, step, 0 if speed else low, beta),
        "on top",
    ),
    (
        check.one_euro_share,
        lambda speed, step, low, beta: alpha(max(speed, 0), step, low, beta),
        "amount",
    ),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
