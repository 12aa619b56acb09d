"""The checks of chapter 06 know right answers, typical wrong ones and untouched ones."""

import cv2
import numpy as np
from answers import exercise_tests

from deepfake_lesson.blending import match_color
from deepfake_lesson.exercises import chapter_06 as check
from deepfake_lesson.landmarks import invert_matrix


def mixed(frame, face, alpha):
    return np.rint(frame + alpha[..., None] * (face.astype(float) - frame)).astype(np.uint8)


def shifted(face, original, inside, clip=True):
    moved = np.rint(face + original[inside].mean(0) - face[inside].mean(0))
    return (np.clip(moved, 0, 255) if clip else moved % 256).astype(np.uint8)


def grown(mask, pixels):
    kernel = np.ones((2 * pixels + 1,) * 2, np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


def rolled(mask, pixels):
    steps = range(-pixels, pixels + 1)
    return np.any([np.roll(mask, (y, x), (0, 1)) for y in steps for x in steps], axis=0)


RIGHT = {
    check.way_back: invert_matrix,
    check.mix: mixed,
    check.match_mean: lambda *pictures: match_color(*pictures, "mean"),
    check.dilate: grown,
    check.best_erosion: lambda erosions, left, spilled: erosions[np.argmin(left + spilled)],
    check.frames_swapped: lambda first, last, total: len(range(total)[first : last + 1]),
}
WRONG = [
    (check.way_back, lambda m: m, "way out"),
    (check.way_back, lambda m: np.column_stack([m[:, :2].T, -m[:, 2]]), "scale"),
    (check.way_back, lambda m: np.column_stack([np.linalg.inv(m[:, :2]), -m[:, 2]]), "before A"),
    (check.way_back, lambda m: invert_matrix(m) * [1, 1, -1], "sign"),
    (check.way_back, lambda m: np.linalg.inv(np.vstack([m, [0, 0, 1]])), "(2, 3)"),
    (check.mix, lambda frame, face, alpha: mixed(face, frame, alpha), "exchanged"),
    (check.mix, lambda *a: (a[0] + a[2][..., None] * (a[1] - a[0])).astype(np.uint8), "runs over"),
    (check.mix, lambda *a: a[0] * (1 - a[2][..., None]) + a[1] * a[2][..., None], "uint8"),
    (
        check.mix,
        lambda *a: (a[0] * (1 - a[2][..., None]) + a[1] * a[2][..., None]).astype(np.uint8),
        "round",
    ),
    (check.mix, lambda *a: a[0], "alpha is 1"),
    (check.mix, lambda frame, face, alpha: frame * alpha + face, "ValueError"),
    (check.match_mean, lambda face, *_: face, "not changed"),
    (check.match_mean, lambda *a: shifted(*a[:2], np.ones_like(a[2])), "use the mask"),
    (check.match_mean, lambda *a: shifted(*a, clip=False), "clip"),
    (
        check.match_mean,
        lambda face, original, inside: np.clip(
            np.rint(face + (original[inside].mean() - face[inside].mean())), 0, 255
        ).astype(np.uint8),
        "channel",
    ),
    (
        check.match_mean,
        lambda *a: np.where(a[2][..., None], shifted(*a), a[0]),
        "whole picture",
    ),
    (check.match_mean, lambda *a: None, "return"),
    (check.dilate, lambda mask, pixels: mask, "not grown"),
    (check.dilate, lambda mask, pixels: ~grown(~mask, pixels), "erosion"),
    (
        check.dilate,
        lambda mask, pixels: cv2.dilate(
            mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), None, None, 2
        ),
        "diamond",
    ),
    (check.dilate, lambda mask, pixels: grown(mask, pixels // 2), "5 pixels wide"),
    (check.dilate, rolled, "np.roll"),
    (check.best_erosion, lambda e, left, spilled: np.argmin(left + spilled), "position"),
    (check.best_erosion, lambda e, left, spilled: e[np.argmin(left)], "much is spilled"),
    (check.best_erosion, lambda e, left, spilled: e[np.argmin(spilled)], "much is left over"),
    (check.best_erosion, lambda e, left, spilled: e[np.argmax(left + spilled)], "left over"),
    (check.best_erosion, lambda e, left, spilled: -10, "follow the curves"),
    (check.frames_swapped, lambda first, last, total: last - first, "both ends"),
    (check.frames_swapped, lambda first, last, total: last - first + 1, "frame 44"),
    (check.frames_swapped, lambda first, last, total: min(last, total) - first + 1, "from 0"),
    (
        check.frames_swapped,
        lambda first, last, total: min(last, total - 1) - first + 1,
        "holds no frame",
    ),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
