"""Which pixels of a face crop show the head, and where something lies in front of its face.

A hull of landmarks knows neither where the painted face ends nor that hair or glasses hang over the
face to be replaced. A small U-Net does (Ronneberger et al. 2015, "U-Net: Convolutional Networks for
Biomedical Image Segmentation"): it halves the picture until a pixel sees the whole face, doubles it
again, and hands the fine detail across at every size. It has learnt from the part labels of studio
people, blurred, lit and worn in every way, because it also has to read faces that a network
painted.
"""

from functools import cache
from pathlib import Path

import cv2
import keras
import numpy as np

from deepfake_lesson.checkpoints import explained
from deepfake_lesson.images import to_float
from deepfake_lesson.models.layers import downscale, layer_seeds, upscale

SIZE = 64  # pixels, width and height of what the network sees
FILTERS = (12, 24, 32, 48, 64)  # at 64, 32, 16, 8 and 4 pixels
MAPS = ("head", "cover")
WEIGHTS = Path(__file__).parents[1] / "weights" / "segmentation.weights.h5"


def build_segmentation(seed: int = 0, dtype: str = "float32") -> keras.Model:
    """Pictures (N, 64, 64, 3) in [0, 1] -> (N, 64, 64, 2) in [0, 1], the `MAPS`.

    head: whether a pixel shows the head (skin, ears, hair, glasses) and not neck, clothes or what
    is behind. cover: whether it shows hair, glasses or a thing in front of the face. Both at once
    is hair or glasses. dtype is a Keras dtype policy; with a mixed one the weights stay float32.
    """
    picture = keras.Input((SIZE, SIZE, 3), name="picture")
    seeds = layer_seeds(seed)

    def mix(features, filters: int):
        initializer = keras.initializers.HeUniform(seed=next(seeds))
        convolution = keras.layers.Conv2D(
            filters, 3, padding="same", kernel_initializer=initializer, dtype=dtype
        )
        return keras.layers.LeakyReLU(negative_slope=0.1, dtype=dtype)(convolution(features))

    levels = [mix(picture, FILTERS[0])]
    for filters in FILTERS[1:]:
        levels.append(downscale(levels[-1], filters, next(seeds), dtype))
    features = mix(levels.pop(), FILTERS[-1])
    while levels:
        same_size = levels.pop()
        filters = same_size.shape[-1]
        features = upscale(features, filters, next(seeds), dtype)
        both = keras.layers.Concatenate(dtype=dtype)([features, same_size])
        features = mix(both, filters)
    maps = keras.layers.Conv2D(len(MAPS), 1, activation="sigmoid", dtype="float32")(features)
    return keras.Model(picture, maps, name="segmentation")


def segment(pictures: np.ndarray) -> np.ndarray:
    """The `MAPS` of face crops by the network that the package brings.

    Args:
        pictures: (N, size, size, 3) uint8, crops as the face swap sees them, of any size.

    Returns:
        (N, size, size, 2) float32 in [0, 1].

    Raises:
        ModelError: when the shipped weights are damaged.
    """
    if len(pictures) == 0:
        return np.empty((*pictures.shape[:-1], len(MAPS)), np.float32)
    small = [cv2.resize(p, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for p in pictures]
    maps = _shipped().predict_on_batch(to_float(np.stack(small)))
    side = pictures.shape[1]
    return np.stack([cv2.resize(each, (side, side)) for each in maps])


@cache
def _shipped() -> keras.Model:
    network = build_segmentation()
    with explained(WEIGHTS):
        network.load_weights(WEIGHTS)
    return network
