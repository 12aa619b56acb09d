"""The face swap autoencoder: one encoder for everybody, one decoder for each person.

Both halves learn to undo a warp of their own person's pictures. As the encoder is shared, its code
can only say what both people have in common (expression, pose, light), and who it is lives in the
decoder: a's code through b's decoder is b, acting like a.
"""

from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np

from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import to_float, to_uint8
from deepfake_lesson.landmarks import model_matrix, warp
from deepfake_lesson.models.layers import (
    UPSCALES,
    dense,
    downscale,
    layer_seeds,
    to_picture,
    upscale,
)

PEOPLE = ("a", "b")


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape of the network.

    size: side of the square pictures in pixels, a power of two from 32 to 512 (classic: 64).
    width: factor on the number of filters and dense units (classic: 1.0).
    upscale: "shuffle" (sub-pixel convolution) or "resize" (plain up-sampling), see `layers`.
    """

    size: int = 64
    width: float = 1.0
    upscale: str = "shuffle"

    def __post_init__(self):
        if self.size not in (32, 64, 128, 256, 512):
            raise LessonError("size", f"{self.size} is no power of two in 32..512", "Try 64.")
        if not 1 / 16 <= self.width <= 4:
            raise LessonError("width", f"{self.width} is not in 1/16..4", "Try 0.25 or 1.")
        if self.upscale not in UPSCALES:
            known = " or ".join(UPSCALES)
            raise LessonError("upscale", f"'{self.upscale}' is unknown", f"Use {known}.")

    def scaled(self, filters: float) -> int:
        """A number of filters or units of the classic network at this width."""
        return max(1, round(filters * self.width))

    @property
    def encoder_filters(self) -> tuple[int, ...]:
        """Filters of the stride-2 convolutions, which end at 4 x 4 pixels and 1024 filters."""
        halvings = (self.size // 4).bit_length() - 1
        return tuple(self.scaled(1024 / 2**left) for left in reversed(range(halvings)))

    @property
    def decoder_filters(self) -> tuple[int, ...]:
        """Filters of the upscales from 8 x 8 pixels to the picture: 256, 128, 64, ...

        The published plain variant keeps the convolutions as wide as those before a pixel shuffle,
        four times as many, although nothing folds them away.
        """
        doublings = (self.size // 8).bit_length() - 1
        folded = 1 if self.upscale == "shuffle" else 4
        return tuple(self.scaled(folded * 256 / 2**done) for done in range(doublings))

    @property
    def code_shape(self) -> tuple[int, int, int]:
        """Shape of what the encoder hands to the decoders."""
        return 8, 8, self.scaled(512)


def build_encoder(config: AutoencoderConfig, seed: int = 0, dtype: str = "float32") -> keras.Model:
    """Pictures (N, size, size, 3) in [0, 1] -> code (N, 8, 8, 512 * width).

    dtype is a Keras dtype policy, for example "mixed_bfloat16"; the weights stay float32.

    >>> build_encoder(AutoencoderConfig()).count_params()
    69662976
    """
    seeds = layer_seeds(seed)
    x = face = keras.Input((config.size, config.size, 3), name="face")
    for filters in config.encoder_filters:
        x = downscale(x, filters, next(seeds), dtype)
    x = keras.layers.Flatten(dtype=dtype)(x)
    x = dense(x, config.scaled(1024), next(seeds), dtype)
    x = dense(x, 4 * 4 * config.scaled(1024), next(seeds), dtype)
    x = keras.layers.Reshape((4, 4, config.scaled(1024)), dtype=dtype)(x)
    code = upscale(x, config.scaled(512), next(seeds), dtype, config.upscale)
    return keras.Model(face, code, name="encoder")


def build_decoder(
    config: AutoencoderConfig, seed: int = 1, dtype: str = "float32", name: str = "decoder"
) -> keras.Model:
    """Code (N, 8, 8, 512 * width) -> pictures (N, size, size, 3), float32 in [0, 1]."""
    seeds = layer_seeds(seed)
    x = code = keras.Input(config.code_shape, name="code")
    for filters in config.decoder_filters:
        x = upscale(x, filters, next(seeds), dtype, config.upscale)
    return keras.Model(code, to_picture(x, next(seeds), dtype), name=name)


def build_autoencoder(
    config: AutoencoderConfig, seed: int = 0, dtype: str = "float32"
) -> keras.Model:
    """One model, two people: [face_a, face_b] -> [a by decoder_a, b by decoder_b].

    `get_layer("encoder")`, `get_layer("decoder_a")` and `get_layer("decoder_b")` are its parts.
    """
    encoder = build_encoder(config, seed, dtype)
    faces = [keras.Input((config.size, config.size, 3), name=f"face_{who}") for who in PEOPLE]
    pictures = []
    for number, (who, face) in enumerate(zip(PEOPLE, faces, strict=True), start=1):
        decoder = build_decoder(config, seed + number, dtype, f"decoder_{who}")
        pictures.append(decoder(encoder(face)))
    return keras.Model(faces, pictures, name="autoencoder")


@lru_cache(maxsize=4)
def swap_path(autoencoder: keras.Model, to: str = "b") -> keras.Model:
    """Anybody's face -> the face of person `to` ("a" or "b"): encoder, then that one's decoder.

    It shares its weights with the autoencoder, and is built once.
    """
    if to not in PEOPLE:
        raise LessonError("to", f"'{to}' is nobody this model knows", "Use a or b.")
    encoder, decoder = autoencoder.get_layer("encoder"), autoencoder.get_layer(f"decoder_{to}")
    face = keras.Input(encoder.input_shape[1:], name="face")
    return keras.Model(face, decoder(encoder(face)), name=f"to_{to}")


def paint_faces(autoencoder: keras.Model, faces: np.ndarray, to: str = "b") -> np.ndarray:
    """Crops (N, size, size, 3), uint8 or float32 in [0, 1], as person `to`: float32 in [0, 1]."""
    faces, path = to_float(faces), swap_path(autoencoder, to)
    batches = [faces[start : start + 64] for start in range(0, len(faces), 64)]
    return np.concatenate([path.predict_on_batch(batch) for batch in batches])


def swap_faces(autoencoder: keras.Model, faces: np.ndarray, to: str = "b") -> np.ndarray:
    """Aligned faces (N, 256, 256, 3) uint8 as person `to`: (N, size, size, 3) uint8."""
    size = autoencoder.input_shape[0][1]
    crops = np.stack([warp(face, model_matrix(size), size) for face in faces])
    return to_uint8(paint_faces(autoencoder, crops, to))
