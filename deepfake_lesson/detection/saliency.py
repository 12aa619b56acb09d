"""Where in a face a detector sees the fake: Grad-CAM.

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization" (ICCV): the last maps of the network, each weighted by how much more of it would raise
the score. It shows where the network looks, not why, and no finer than those maps are.
"""

import cv2
import numpy as np

from deepfake_lesson.errors import LessonError
from deepfake_lesson.models import keras

OPACITY = 0.5  # of the colours over a face


def grad_cam(network: keras.Model, image: np.ndarray) -> np.ndarray:
    """What speaks for a fake, from 0 (nothing) to 1 (the most in this picture).

    Args:
        network: of `models.forensics`, whose last layer is a dense one.
        image: (size, size, 3) float32 RGB in [0, 1].

    Returns:
        (size, size) float32; all 0 where nothing speaks for a fake.

    Raises:
        LessonError: if Keras does not run on TensorFlow.
    """
    maps, gradients = _maps_and_gradients(network, image[None])
    heat = np.maximum((maps * gradients.mean((0, 1))).sum(-1), 0)
    if heat.max() > 0:
        heat = heat / heat.max()
    return cv2.resize(heat, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def overlay(face: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A face (H, W, 3) uint8 with saliency (H, W) in [0, 1] over it, dark to bright yellow."""
    bgr = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = OPACITY * heat[..., None]
    return np.rint(face * (1 - share) + bgr[..., ::-1] * share).astype(np.uint8)


def _maps_and_gradients(network: keras.Model, images: np.ndarray) -> tuple:
    """The last maps (h, w, C) for one picture, and what of the logit depends on them."""
    need_tensorflow()
    import tensorflow as tf

    last = network.layers[-1]
    spread = [layer for layer in network.layers if len(layer.output.shape) == 4]
    body = keras.Model(network.input, [spread[-1].output, last.input])
    with tf.GradientTape() as tape:
        maps, features = body(tf.constant(images, tf.float32), training=False)
        # The logit, for a sigmoid that is sure has no slope left.
        logit = tf.matmul(features, last.kernel.value) + last.bias.value
    return maps[0].numpy(), tape.gradient(logit, maps)[0].numpy()


def need_tensorflow() -> None:
    """Raise LessonError unless Keras runs on TensorFlow, whose gradients are asked for."""
    if keras.backend.backend() != "tensorflow":
        problem = f"runs on {keras.backend.backend()}, and this needs gradients of TensorFlow"
        raise LessonError("Keras", problem, "Set KERAS_BACKEND=tensorflow.")
