"""The checks of chapter 04: right answers, typical mistakes, and untouched exercises."""

import numpy as np
import pytest

from deepfake_lesson.exercises import NOT_TRIED
from deepfake_lesson.exercises import chapter_04 as check
from deepfake_lesson.extraction import MIN_SHARPNESS, sharpness
from deepfake_lesson.identity import FaceFilter
from deepfake_lesson.landmarks import similarity_transform

CHECKS = ["blurred_faces", "frame_numbers", "eyes_onto", "best_threshold", "is_wanted"]


@pytest.mark.parametrize("name", CHECKS)
def test_an_untouched_exercise_was_not_tried(name):
    def untouched(*_):
        raise NotImplementedError

    assert getattr(check, name)(untouched).verdict == NOT_TRIED


def expect(answer, right: bool, hint: str = "") -> None:
    assert answer.right == right, answer
    assert hint in answer.hint


def test_the_line_up_is_as_blurred_as_the_check_says():
    values = [sharpness(face) for face in check.line_up()]
    assert {number for number, value in enumerate(values) if value < MIN_SHARPNESS} == check.BLURRED
    assert check.line_up()[check.DARK].mean() < 70


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ([1, 3], ""),
        ({1, 3, 4}, "dark"),
        ({0, 1, 3}, "face 0 is sharp"),
        ({3}, "look for 1 more"),
        (1, "stopped"),
    ],
)
def test_blurred_faces(answer, hint):
    expect(check.blurred_faces(lambda: answer), not hint, hint)


def by_moments(frames, fps, wanted):
    count = int(np.ceil(frames * wanted / fps))
    return sorted({int(moment * fps / wanted) for moment in range(count)})


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (by_moments, ""),
        (lambda frames, fps, wanted: np.array(by_moments(frames, fps, wanted)), ""),
        (lambda frames, fps, wanted: range(0, frames, wanted), "3 apart"),
        (lambda frames, fps, wanted: range(0, frames, max(1, fps // wanted)), "drifts"),
        (
            lambda frames, fps, wanted: [
                round(moment * fps / wanted) for moment in range(frames * wanted // fps)
            ],
            "do not round up",
        ),
        (
            lambda frames, fps, wanted: [
                int(moment * fps / wanted) for moment in range(frames * wanted // fps)
            ],
            "each of its frames once",
        ),
        (lambda frames, fps, wanted: range(0, frames + 1, fps // wanted), "has ended"),
        (lambda frames, fps, wanted: range(3, frames, 3), "frame 0"),
    ],
)
def test_frame_numbers(answer, hint):
    expect(check.frame_numbers(answer), not hint, hint)


def from_points(left, right, target_left, target_right):
    return similarity_transform(np.array([left, right]), np.array([target_left, target_right]))


def without_shift(*points):
    matrix = from_points(*points)
    matrix[:, 2] = 0
    return matrix


def turned_the_wrong_way(left, *points):
    matrix = from_points(left, *points)
    matrix[:, :2] = matrix[:, :2].T
    matrix[:, 2] = np.subtract(points[1], matrix[:, :2] @ left)
    return matrix


def only_shifted(left, right, target_left, target_right):
    return np.column_stack([np.eye(2), np.subtract(target_left, left)])


def stretched_upwards(factor):
    """The eyes land where they belong, but the face is `factor` times as high as it should be."""

    def answer(left, right, target_left, target_right):
        matrix = from_points(left, right, target_left, target_right)
        upwards = np.array([-1, 1]) * np.subtract(right, left)[::-1]
        upwards = upwards / np.linalg.norm(upwards)
        matrix[:, :2] += (factor - 1) * np.outer(matrix[:, :2] @ upwards, upwards)
        matrix[:, 2] = target_left - matrix[:, :2] @ left
        return matrix

    return answer


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (from_points, ""),
        (without_shift, "shift it"),
        (only_shifted, "60 apart and shall be 80"),
        (turned_the_wrong_way, "sign of the sine"),
        (stretched_upwards(0.8), "squeezed"),
        (stretched_upwards(-1), "mirrored"),
        (lambda *points: np.vstack([from_points(*points), [0, 0, 1]]), "2 rows and 3 columns"),
    ],
)
def test_eyes_onto(answer, hint):
    expect(check.eyes_onto(answer), not hint, hint)


def by_counting(same, other):
    candidates = np.r_[same, other]
    rightly = [(same <= limit).sum() + (other > limit).sum() for limit in candidates]
    return candidates[np.argmax(rightly)]


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (by_counting, ""),
        (lambda same, other: 0.6, "lets in 8 of 8"),
        (lambda same, other: same.mean(), "loses 4 of 8"),
        (lambda same, other: same.max(), "try every distance"),
        (lambda same, other: (same.mean() + other.mean()) / 2, "lets in 1 of 8"),
        (lambda same, other: other, "stopped"),
    ],
)
def test_best_threshold(answer, hint):
    expect(check.best_threshold(answer), not hint, hint)


def nearest(embedding, references):
    return np.linalg.norm(references - embedding, axis=1).min(initial=np.inf)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda *question: FaceFilter(*question[1:]).accepts(question[0]), ""),
        (lambda face, want, refuse, limit: nearest(face, want) <= limit, "compare the two"),
        (
            lambda face, want, refuse, limit: nearest(face, want) < nearest(face, refuse),
            "too far for the threshold",
        ),
        (
            lambda face, want, refuse, limit: (
                nearest(face, want.mean(0)[None]) <= limit
                and nearest(face, want) < nearest(face, refuse)
            ),
            "smallest distance, not the mean",
        ),
        (
            lambda face, want, refuse, limit: (
                nearest(face, want) <= limit and nearest(face, refuse) > limit
            ),
            "only if it is the nearer one",
        ),
        (lambda *_: False, "0.1 from a wanted picture"),
    ],
)
def test_is_wanted(answer, hint):
    expect(check.is_wanted(answer), not hint, hint)
