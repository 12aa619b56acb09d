"""The checks of chapter 12 know right answers, typical wrong ones and untouched ones."""

import hashlib

import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_12 as check


def sentence(verdict, watermark):
    if verdict == "tampered":
        return 4
    return {True: (2, 1), False: (5, 3)}[watermark][verdict == "trusted"]


def bound(data, record):
    return hashlib.sha256(data).hexdigest() == record["sha256"]


def correlated(picture, pattern):
    return int(np.sign(np.corrcoef(picture.ravel(), pattern.ravel())[0, 1]))


RIGHT = {
    check.statement: sentence,
    check.holds: bound,
    check.receive: correlated,
    check.disclose: lambda: {"A", "C", "E"},
}
WRONG = [
    (check.statement, lambda v, w: "no idea", "1 to 5"),
    (check.statement, lambda v, w: 2 if w else 4, "whether it is from this tool"),
    (check.statement, lambda v, w: 1 if v == "valid" else sentence(v, w), "anybody can sign"),
    (check.statement, lambda v, w: 2 if w and v != "trusted" else sentence(v, w), "changed it"),
    (check.statement, lambda v, w: 4 if v == "missing" else sentence(v, w), "says nothing"),
    (check.holds, lambda d, r: True, "one changed byte"),
    (check.holds, lambda d, r: False, "must hold"),
    (check.holds, lambda d, r: r["sha256"], "True or False"),
    (check.holds, lambda d, r: d != b"a picturf", "not the claim"),
    (check.holds, lambda d, r: bound(d, r) and r["claim"] == "by me", "compares the bytes only"),
    (check.receive, lambda x, p: np.sign((x * p).mean()), "mean away"),
    (check.receive, lambda x, p: -correlated(x, p), "is read as"),
    (check.receive, lambda x, p: (x * p).mean(), "+1 or -1"),
    (check.disclose, lambda: {"A", "C"}, "E is missing"),
    (check.disclose, lambda: {"A", "B", "C", "E"}, "bluer"),
    (check.disclose, lambda: {"A", "C", "D", "E"}, "cartoon"),
    (check.disclose, lambda: 3, "a set of letters"),
    (check.disclose, lambda: {"Z"}, "A to E"),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
