"""The checks of chapter 03 know right answers, typical wrong ones and untouched ones."""

import cv2
import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_03 as check


def four_look_ups(table, x, y, width, height):
    right, bottom = x + width, y + height
    return table[bottom, right] - table[y, right] - table[bottom, x] + table[y, x]


def histogram(right, down, period=180.0, weights=None):
    angle = np.degrees(np.arctan2(down, right)) % period
    weights = np.hypot(right, down) if weights is None else weights
    return np.histogram(angle, np.linspace(0, 180, 10), weights=weights)[0]


def overlap(a, b):
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = max(width, 0) * max(height, 0)
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


def opencv_suppression(boxes, scores, limit):
    sizes = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    return list(cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.0, limit))


def dropped_boxes_drop(boxes, scores, limit):
    order = np.argsort(-scores).tolist()
    return [
        number
        for place, number in enumerate(order)
        if all(overlap(boxes[number], boxes[other]) <= limit for other in order[:place])
    ]


def offsets(found, truth):
    return np.linalg.norm(found - truth, axis=1)


def eyes(points):
    return np.linalg.norm(points[36] - points[45])


def dips(ratios, limit, frames):
    """Runs of at least `frames` frames below the limit, found by their ends."""
    padded = np.concatenate([[0], ratios < limit, [0]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    return int(np.sum(ends - starts >= frames))


RIGHT = {
    check.box_sum: four_look_ups,
    check.cell_histogram: histogram,
    check.best_boxes: opencv_suppression,
    check.landmark_error: lambda found, truth: offsets(found, truth).mean() / eyes(truth),
    check.count_blinks: lambda ratios: dips(ratios, 0.75 * np.median(ratios), 2),
}
WRONG = [
    (check.box_sum, lambda t, x, y, w, h: t[y + h, x + w], "take the rest away"),
    (check.box_sum, lambda t, x, y, w, h: t[y + h, x + w] - t[y, x + w] - t[y + h, x], "twice"),
    (check.box_sum, lambda t, x, y, w, h: four_look_ups(t.T, x, y, w, h), "row comes first"),
    (check.box_sum, lambda t, x, y, w, h: four_look_ups(t, x, y, w - 1, h - 1), "missing"),
    (check.box_sum, lambda t, x, y, w, h: four_look_ups(t, x + 1, y + 1, w, h), "rectangle is"),
    (check.box_sum, lambda *_: None, "return"),
    (check.cell_histogram, lambda r, d: histogram(r, d, weights=(r != 0) * 1.0), "length"),
    (check.cell_histogram, lambda r, d: histogram(r, d, weights=np.ones_like(r)), "length"),
    (check.cell_histogram, lambda r, d: histogram(r, d) / 8, "mean"),
    (check.cell_histogram, lambda r, d: histogram(d, r), "in this order"),
    (check.cell_histogram, lambda r, d: histogram(r, d, period=360), "modulo 180"),
    (check.cell_histogram, lambda r, d: np.histogram(r, 8)[0], "shape"),
    (check.best_boxes, lambda boxes, scores, limit: list(np.argsort(-scores)), "still there"),
    (check.best_boxes, lambda boxes, scores, limit: [int(scores.argmax())], "other face"),
    (check.best_boxes, lambda boxes, scores, limit: [0, 2], "best is 1"),
    (check.best_boxes, lambda *a: sorted(opencv_suppression(*a), reverse=True), "comes first"),
    (check.best_boxes, lambda b, s, limit: opencv_suppression(b, s, 0.5), "limit 0.9"),
    (check.best_boxes, dropped_boxes_drop, "must not drop"),
    (
        check.best_boxes,
        lambda b, s, limit: [*opencv_suppression(b, s, limit)] if b[0].any() else None,
        "IndexError",
    ),
    (check.landmark_error, lambda found, truth: offsets(found, truth).mean(), "pixels"),
    (
        check.landmark_error,
        lambda found, truth: 100 * offsets(found, truth).mean() / eyes(truth),
        "percent",
    ),
    (check.landmark_error, lambda found, truth: offsets(found, truth).sum() / eyes(truth), "sum"),
    (
        check.landmark_error,
        lambda found, truth: offsets(found, truth).mean() / eyes(found),
        "eyes of the truth",
    ),
    (
        check.landmark_error,
        lambda found, truth: np.abs(found - truth).mean() / eyes(truth),
        "over x and y",
    ),
    (
        check.landmark_error,
        lambda found, truth: np.sqrt((offsets(found, truth) ** 2).mean()) / eyes(truth),
        "mean square",
    ),
    (check.count_blinks, lambda r: int((r < 0.75 * np.median(r)).sum()), "in a row"),
    (check.count_blinks, lambda r: dips(r, 0.2, 2), "above 0.2"),
    (check.count_blinks, lambda r: dips(r, 0.75 * np.median(r), 1), "noise"),
    (check.count_blinks, lambda r: dips(np.append(r[:-3], 1), 0.75 * np.median(r), 2), "cuts off"),
    (check.count_blinks, lambda r: 2, "stay open"),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
