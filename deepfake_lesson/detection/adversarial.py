"""Noise that nobody sees and that turns a detector round.

A network's score depends smoothly on every pixel. Who has the network can ask which way each pixel
must go to lower it, and move all of them by a grey level or two. Goodfellow, Shlens and Szegedy
2015, "Explaining and Harnessing Adversarial Examples" (ICLR); in several steps Kurakin, Goodfellow
and Bengio 2017, "Adversarial Examples in the Physical World". Used here to learn how little a score
is worth once somebody works against it.
"""

import numpy as np

from deepfake_lesson.detection.saliency import need_tensorflow
from deepfake_lesson.errors import check_range
from deepfake_lesson.models import keras

BATCH = 8  # pictures whose slopes are found together


def slopes(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """How the logit of p_fake changes with each pixel: (N, S, S, 3) float32.

    Args:
        network: of `models.forensics`, whose last layer is a dense one.
        images: (N, S, S, 3) float32 RGB in [0, 1].

    Raises:
        LessonError: if Keras does not run on TensorFlow.
    """
    need_tensorflow()
    import tensorflow as tf

    last = network.layers[-1]
    body, found = keras.Model(network.input, last.input), []
    for k in range(0, len(images), BATCH):
        part = tf.constant(images[k : k + BATCH], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(part)
            logit = tf.matmul(body(part, training=False), last.kernel.value)
        found.append(tape.gradient(logit, part).numpy())
    return np.concatenate(found)


def evade(
    network: keras.Model, images: np.ndarray, levels: float = 2.0, steps: int = 1
) -> np.ndarray:
    """Pictures that the network takes for less fake: (N, S, S, 3) uint8.

    Args:
        network: as for `slopes`.
        images: (N, S, S, 3) uint8.
        levels: grey levels of 255 by which a value may change at most, 0 to 64.
        steps: in how many steps; 1 is the fast gradient sign method.

    Raises:
        LessonError: for levels or steps out of range, or if Keras does not run on TensorFlow.
    """
    check_range("levels", levels, 0, 64)
    check_range("steps", steps, 1, 100)
    start = images.astype(np.float32)
    moved = start
    for _ in range(steps):
        moved = moved - levels / steps * np.sign(slopes(network, moved / 255))
        moved = np.clip(moved, 0, 255)
    return np.rint(moved).astype(np.uint8)
