"""The building blocks of the networks: shrink by two, grow by two."""

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers, ops

UPSCALES = ("shuffle", "resize")


def layer_seeds(seed: int) -> Iterator[int]:
    """An endless stream of layer seeds: two layers of one shape must not start out equal."""
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(2**31))


@keras.saving.register_keras_serializable("deepfake_lesson")
class PixelShuffle(layers.Layer):
    """Fold channels into space: (N, H, W, 4C) -> (N, 2H, 2W, C).

    Each group of C channels becomes one pixel of a 2 x 2 block, row by row. A convolution before it
    computes four fine pixels at the price of a coarse one (Shi et al. 2016, "Real-Time Single
    Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network").
    """

    def call(self, features):
        _, height, width, channels = features.shape
        fine = ops.reshape(features, (-1, height, width, 2, 2, channels // 4))
        fine = ops.transpose(fine, (0, 1, 3, 2, 4, 5))
        return ops.reshape(fine, (-1, 2 * height, 2 * width, channels // 4))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, 2 * height, 2 * width, channels // 4


def _conv(filters: int, kernel: int, seed: int, dtype: str, strides: int = 1, activation=None):
    return layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding="same",
        activation=activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        dtype=dtype,
    )


def downscale(features, filters: int, seed: int, dtype: str = "float32"):
    """Halve height and width: 5 x 5 convolution of stride 2, then LeakyReLU of slope 0.1."""
    features = _conv(filters, 5, seed, dtype, strides=2)(features)
    return layers.LeakyReLU(negative_slope=0.1, dtype=dtype)(features)


def upscale(features, filters: int, seed: int, dtype: str = "float32", kind: str = "shuffle"):
    """Double height and width and come out with `filters` channels.

    kind "shuffle": 3 x 3 convolution to 4 x filters, LeakyReLU, `PixelShuffle`.
    kind "resize": repeat every pixel 2 x 2, then 3 x 3 convolution and LeakyReLU (Odena et al.
    2016, "Deconvolution and Checkerboard Artifacts").
    """
    if kind == "shuffle":
        features = _conv(4 * filters, 3, seed, dtype)(features)
        features = layers.LeakyReLU(negative_slope=0.1, dtype=dtype)(features)
        return PixelShuffle(dtype=dtype)(features)
    features = layers.UpSampling2D(2, dtype=dtype)(features)
    features = _conv(filters, 3, seed, dtype)(features)
    return layers.LeakyReLU(negative_slope=0.1, dtype=dtype)(features)


def dense(features, units: int, seed: int, dtype: str = "float32"):
    """Mix all features into `units` numbers: without it a convolution cannot move a face."""
    kernel = keras.initializers.GlorotUniform(seed=seed)
    return layers.Dense(units, kernel_initializer=kernel, dtype=dtype)(features)


def to_picture(features, seed: int, dtype: str = "float32"):
    """5 x 5 convolution to three channels in [0, 1], float32 whatever the compute dtype."""
    features = _conv(3, 5, seed, dtype)(features)
    return layers.Activation("sigmoid", dtype="float32")(features)
