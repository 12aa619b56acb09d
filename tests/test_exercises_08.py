"""The checks of chapter 08 know right answers, typical wrong ones and untouched ones."""

import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_08 as check
from deepfake_lesson.models.pix2pix import Pix2pixConfig, build_discriminator
from deepfake_lesson.reenactment.pairs import MIRRORED, flip_pair

NO_PUPILS = np.zeros((2, 2))


def line(landmarks, first, last, closed):
    return landmarks[[*range(first, last + 1), *([first] if closed else [])]]


def mirrored(landmarks, width):
    return flip_pair(np.zeros((4, width, 3), np.uint8), landmarks, NO_PUPILS)[1]


def seen(layers):
    pixels = 1
    for kernel, stride in layers:
        pixels = (pixels - 1) * stride + kernel
    return pixels


def side(size):
    return build_discriminator(Pix2pixConfig(size, 4, critic_filters=2)).output.shape[1]


def loss(painted, photograph, verdicts, weight=100):
    return weight * np.abs(painted - photograph).mean() + np.square(1 - verdicts).mean()


def apart(shape):
    return np.linalg.norm(shape[36] - shape[45])


def moved(driver, target):
    mean = driver.mean(0)
    return (driver - mean.mean(0)) * apart(target) / apart(mean) + target.mean(0)


RIGHT = {
    check.line_points: line,
    check.mirror: mirrored,
    check.receptive_field: lambda layers: seen(layers[::-1]),
    check.verdicts: side,
    check.painter_loss: loss,
    check.onto_target: moved,
}
WRONG = [
    (check.line_points, lambda p, first, last, closed: p[first:last], "point 35"),
    (check.line_points, lambda p, first, last, closed: p[first : last + 1], "where it began"),
    (check.line_points, lambda p, first, last, closed: line(p, first, last, True), "open line"),
    (check.line_points, lambda p, *_: p, "31 to 35"),
    (check.mirror, lambda p, width: p * [-1, 1] + [width - 1, 0], "MIRRORED"),
    (check.mirror, lambda p, width: p[MIRRORED], "not moved"),
    (check.mirror, lambda p, width: mirrored(p, width + 1), "off by one"),
    (check.mirror, lambda p, width: p[MIRRORED] * [1, -1] + [0, width - 1], "leaves y"),
    (check.mirror, lambda p, width: p.__imul__(0), "copy"),
    (check.mirror, lambda p, width: None, "return"),
    (check.receptive_field, lambda layers: 4, "70 pixels"),
    (check.receptive_field, seen, "begin at the verdict"),
    (check.receptive_field, lambda layers: 1 + sum(k - 1 for k, _ in layers), "strides count"),
    (check.receptive_field, lambda layers: 70 if len(layers) > 1 else 4, "13 pixels"),
    (check.verdicts, lambda size: size // 8, "two more follow"),
    (check.verdicts, lambda size: size // 8 - 1, "fifth"),
    (check.verdicts, lambda size: size // 8 - 6, "border"),
    (check.verdicts, lambda size: (size // 8 - 2) ** 2, "side of the map"),
    (check.verdicts, lambda size: 30, "gets 14"),
    (check.painter_loss, lambda a, b, v, w: w * np.abs(a - b).mean(), "do not count"),
    (check.painter_loss, lambda a, b, v, w: loss(a, b, v, 1), "`weight` times"),
    (check.painter_loss, lambda a, b, v, w: w * loss(a, b, v, 1), "only L1"),
    (check.painter_loss, lambda a, b, v, w: loss(a, b, 1 - v, w), "with 1"),
    (
        check.painter_loss,
        lambda a, b, v, w: w * np.square(a - b).mean() + np.square(1 - v).mean(),
        "not squares",
    ),
    (
        check.painter_loss,
        lambda a, b, v, w: w * (a - b).mean() + np.square(1 - v).mean(),
        "cancel",
    ),
    (
        check.painter_loss,
        lambda a, b, v, w: w * np.abs(a - b).mean() + np.abs(1 - v).mean(),
        "are squared",
    ),
    (check.painter_loss, lambda a, b, v, w: w * np.abs(a - b) + 1, "one number"),
    (check.onto_target, lambda driver, target: driver, "nothing has moved"),
    (
        check.onto_target,
        lambda d, target: np.stack([moved(f[None], target)[0] for f in d]),
        "still",
    ),
    (check.onto_target, lambda d, t: d + (t.mean(0) - d.mean((0, 1))), "size is not"),
    (check.onto_target, lambda d, t: d + (t - d.mean(0)), "adapt"),
    (
        check.onto_target,
        lambda d, t: d * apart(t) / apart(d.mean(0)) + (t.mean(0) - d.mean((0, 1))),
        "subtract it first",
    ),
    (check.onto_target, lambda d, t: moved(d, t) * 1.1, "apart"),
    (check.onto_target, lambda d, t: moved(d, t) + 3, "elsewhere"),
]

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)
