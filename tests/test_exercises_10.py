"""The checks of chapter 10 know right answers, typical wrong ones and untouched ones."""

import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_10 as check


def mean_place(heatmap, ends=None):
    height, width = heatmap.shape
    x, y = ends or (np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    return np.array([(heatmap.sum(0) * x).sum(), (heatmap.sum(1) * y).sum()])


def edges(heatmap):
    height, width = heatmap.shape
    ends = [(2 * np.arange(side) + 1) / side - 1 for side in (width, height)]
    return mean_place(heatmap, ends)


def brightest(heatmap):
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    return mean_place(np.eye(1, heatmap.size, y * heatmap.shape[1] + x).reshape(heatmap.shape))


def after(outer, inner):
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def moved(z, source, j_source, driving, j_driving):
    return j_source @ np.linalg.inv(j_driving) @ (z - driving) + source


def distance(found, wanted):
    return np.abs(found - wanted).mean()


RIGHT = {
    check.keypoint: mean_place,
    check.compose: after,
    check.taylor: moved,
    check.hidden: lambda: {"A", "C", "E"},
    check.akd: distance,
}
WRONG = [
    (check.keypoint, lambda m: mean_place(m, (np.arange(9), np.arange(5))), "in pixels"),
    (check.keypoint, lambda m: mean_place(m)[::-1], "x first"),
    (check.keypoint, edges, "middles"),
    (check.keypoint, brightest, "not the brightest"),
    (check.keypoint, lambda m: mean_place(m > 0) / (m > 0).sum(), "as much as the map"),
    (check.keypoint, lambda m: 0.5, "two numbers"),
    (check.keypoint, lambda m: None, "return"),
    (check.compose, lambda a, b: after(b, a), "other way round"),
    (check.compose, lambda a, b: a * b, "`@`"),
    (check.compose, lambda a, b: a @ np.vstack([b, [0, 0, 0]]), "b_outer"),
    (
        check.compose,
        lambda a, b: np.column_stack([a[:, :2] @ b[:, :2], a[:, 2] + b[:, 2]]),
        "turned by the outer",
    ),
    (check.compose, lambda a, b: (a, b), "2 x 3"),
    (check.taylor, lambda z, s, js, d, jd: z - d, "comes from the keypoint"),
    (check.taylor, lambda z, s, js, d, jd: z - d + s, "zeroth order"),
    (check.taylor, lambda z, s, js, d, jd: js @ jd @ (z - d) + s, "inverted"),
    (check.taylor, lambda z, s, js, d, jd: np.linalg.inv(jd) @ js @ (z - d) + s, "first back"),
    (check.hidden, lambda: "ACE", "a set of letters"),
    (check.hidden, lambda: {"A", "B", "C", "E"}, "forehead"),
    (check.hidden, lambda: {"A", "C", "D", "E"}, "nose"),
    (check.hidden, lambda: ["c", "e"], "teeth"),
    (check.hidden, lambda: {"A", "E"}, "turns towards us"),
    (check.hidden, lambda: {"A", "C"}, "wall"),
    (check.hidden, lambda: {"F"}, "from A to E"),
    (check.hidden, lambda: None, "return"),
    (check.akd, lambda a, b: (a - b).mean(), "cancel"),
    (check.akd, lambda a, b: np.abs(a - b).sum(), "not their sum"),
    (check.akd, lambda a, b: np.linalg.norm(a - b, axis=-1).mean(), "x and y each"),
    (check.akd, lambda a, b: np.abs(a - b).mean(-1), "one number"),
    (check.akd, lambda a, b: 2 * distance(a, b), "mean amount"),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
