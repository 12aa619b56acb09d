"""pix2pix: a drawing in, a photograph out, and a critic who looks at both.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR). The
generator is a U-Net: it shrinks the drawing to a point, grows it to a picture, and hands every size
across, so that lines stay where they are. The discriminator looks at drawing and picture together
and judges every patch of 70 x 70 pixels by itself: it asks for texture, not for composition, which
the L1 loss takes care of.

Inside the networks pictures are float32 in [-1, 1] (`to_network`, `to_picture`).
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from deepfake_lesson.errors import LessonError
from deepfake_lesson.models.adversarial import LOSSES, adversarial_losses
from deepfake_lesson.models.layers import PixelShuffle, layer_seeds
from deepfake_lesson.models.losses import dssim_map

UPSCALES = ("transpose", "resize", "shuffle")
WIDEST = 8  # times the first layer's filters: no layer has more
DROPPED = 3  # blocks of the decoder, the deepest ones, with dropout
SLOPE = 0.2  # of LeakyReLU


@dataclass(frozen=True)
class Pix2pixConfig:
    """What the two networks look like and what they are blamed for.

    size: side of the pictures, a power of two from 32. filters: of the generator's first layer, 64
    in the paper. upscale: how the decoder grows, "transpose" (the paper), "resize" (repeat pixels,
    then convolve; the classic chapter) or "shuffle" (`PixelShuffle`). dropout: in the three deepest
    decoder blocks while training. critic_filters: of the discriminator's first layer. loss: of the
    discriminator. gan, l1, dssim: weights of the generator's losses; gan 0 leaves the
    discriminator out.
    """

    size: int = 256
    filters: int = 64
    upscale: str = "transpose"
    dropout: float = 0.5
    critic_filters: int = 64
    loss: str = "least-squares"
    gan: float = 1.0
    l1: float = 100.0
    dssim: float = 0.0

    def __post_init__(self):
        if self.size < 32 or self.size & (self.size - 1):
            raise LessonError("size", f"{self.size} is not 32, 64, 128, 256 ...", "Take 256.")
        for name in ("filters", "critic_filters"):
            if (value := getattr(self, name)) < 1:
                raise LessonError(name, f"{value} is less than 1", "Try 16.")
        if not 0 <= self.dropout < 1:
            raise LessonError("dropout", f"{self.dropout} is not in 0..1", "Try 0.5.")
        for name, known in (("upscale", UPSCALES), ("loss", LOSSES)):
            if (value := getattr(self, name)) not in known:
                raise LessonError(name, f"'{value}' is unknown", f"Use one of {', '.join(known)}.")


def to_network(images: np.ndarray) -> np.ndarray:
    """Pictures uint8 as the networks take them: float32 in [-1, 1]."""
    return np.asarray(images, np.float32) / 127.5 - 1


def to_picture(painted: np.ndarray) -> np.ndarray:
    """What the generator gives, float32 in [-1, 1], as uint8 pictures."""
    return np.rint((np.clip(painted, -1, 1) + 1) * 127.5).astype(np.uint8)


def build_generator(config: Pix2pixConfig, seed: int = 0, dtype: str = "float32") -> keras.Model:
    """The U-Net: drawings (N, size, size, 3) to pictures (N, size, size, 3), both in [-1, 1].

    At 256 pixels and 64 filters it is the paper's, with 54.4 million weights.
    """
    seeds = layer_seeds(seed)
    sizes = config.size.bit_length() - 1  # halvings from the picture to a single pixel
    widths = [config.filters * min(2**k, WIDEST) for k in range(sizes)]
    x = drawing = keras.Input((config.size, config.size, 3), name="drawing")
    # Encoder: 256 -> 128 -> ... -> 1
    skips = []
    for k, filters in enumerate(widths):
        x = _halve(x, filters, next(seeds), dtype, norm=0 < k < sizes - 1)
        skips.append(x)
    # Decoder: 1 -> 2 -> ... -> 128, every size joined by what the encoder saw at that size
    for k, filters in enumerate(reversed(widths[:-1])):
        x = _double(x, filters, next(seeds), dtype, config.upscale)
        x = _norm(x, dtype)
        if k < DROPPED and config.dropout:
            x = layers.Dropout(config.dropout, seed=next(seeds), dtype=dtype)(x)
        x = layers.Concatenate(dtype=dtype)([layers.ReLU(dtype=dtype)(x), skips[-2 - k]])
    # 128 -> 256
    x = _double(x, 3, next(seeds), dtype, config.upscale, use_bias=True)
    picture = layers.Activation("tanh", dtype="float32", name="picture")(x)
    return keras.Model(drawing, picture, name="generator")


def build_discriminator(
    config: Pix2pixConfig, seed: int = 1, dtype: str = "float32"
) -> keras.Model:
    """The 70 x 70 PatchGAN: [drawings, pictures] (N, size, size, 3) each to maps of verdicts.

    A verdict, high for real, for every patch of 70 x 70 pixels: (N, 30, 30, 1) for 256 pixels.
    """
    seeds = layer_seeds(seed)
    shape = (config.size, config.size, 3)
    pair = [keras.Input(shape, name=name) for name in ("drawing", "picture")]
    x = layers.Concatenate(dtype=dtype)(pair)
    for k in range(3):
        x = _halve(x, config.critic_filters * 2**k, next(seeds), dtype, norm=k > 0)
    x = layers.ZeroPadding2D(dtype=dtype)(x)
    x = _conv(x, config.critic_filters * 8, next(seeds), dtype, padding="valid", use_bias=False)
    x = _norm(x, dtype)
    x = layers.LeakyReLU(negative_slope=SLOPE, dtype=dtype)(x)
    x = layers.ZeroPadding2D(dtype=dtype)(x)
    x = _conv(x, 1, next(seeds), dtype, padding="valid")
    verdicts = layers.Activation("linear", dtype="float32", name="verdicts")(x)
    return keras.Model(pair, verdicts, name="discriminator")


def _norm(x, dtype):
    """Every channel of every picture to mean 0 and deviation 1, then a learned gain and shift.

    The paper's batch normalisation, with one picture a batch and the batch's own statistics at test
    time too, is this; said so, training and inference cannot differ.
    """
    return layers.GroupNormalization(groups=-1, dtype=dtype)(x)


def _conv(x, filters, seed, dtype, kernel=4, **options):
    start = keras.initializers.RandomNormal(stddev=0.02, seed=seed)
    return layers.Conv2D(filters, kernel, kernel_initializer=start, dtype=dtype, **options)(x)


def _halve(x, filters, seed, dtype, norm):
    """Half height and width: 4 x 4 convolution of stride 2, then LeakyReLU."""
    x = _conv(x, filters, seed, dtype, strides=2, padding="same", use_bias=not norm)
    if norm:
        x = _norm(x, dtype)
    return layers.LeakyReLU(negative_slope=SLOPE, dtype=dtype)(x)


def _double(x, filters, seed, dtype, upscale, use_bias=False):
    """Double height and width, in one of three ways."""
    if upscale == "transpose":
        start = keras.initializers.RandomNormal(stddev=0.02, seed=seed)
        options = {"strides": 2, "padding": "same", "use_bias": use_bias, "dtype": dtype}
        return layers.Conv2DTranspose(filters, 4, kernel_initializer=start, **options)(x)
    if upscale == "resize":
        x = layers.UpSampling2D(2, dtype=dtype)(x)
        return _conv(x, filters, seed, dtype, padding="same", use_bias=use_bias)
    x = _conv(x, 4 * filters, seed, dtype, kernel=3, padding="same", use_bias=use_bias)
    return PixelShuffle(dtype=dtype)(x)


@keras.saving.register_keras_serializable("deepfake_lesson")
class Pix2pix(keras.Model):
    """Generator and discriminator, trained together on pairs of drawing and picture.

    Called with drawings it paints. Each step blames the discriminator for what it took for real or
    painted by mistake, and the generator for what was recognised, and for what differs from the
    photograph. Neither is blamed for the other's weights (`adversarial_losses`), so that one
    optimiser step serves both.
    """

    def __init__(self, config: Pix2pixConfig, seed: int = 0, dtype: str = "float32") -> None:
        super().__init__(name="pix2pix")
        self.config = config
        self.generator = build_generator(config, seed, dtype)
        self.discriminator = build_discriminator(config, seed + 1, dtype) if config.gan else None
        self.parts = {name: keras.metrics.Mean(name) for name in ("l1_loss", *self._gan_names())}
        self.built = True

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Generator and, where there is one, discriminator, by name."""
        both = {"generator": self.generator, "discriminator": self.discriminator}
        return {name: network for name, network in both.items() if network}

    def _gan_names(self):
        return ("generator_loss", "discriminator_loss") if self.config.gan else ()

    def call(self, drawings, training=False):
        return self.generator(drawings, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The sum of what both networks are blamed for. x: drawings, y: photographs.

        sample_weight: (N, H, W), how much a pixel counts in L1 and DSSIM; of mean 1.
        """
        weight = 1.0 if sample_weight is None else sample_weight
        error = ops.mean(weight * ops.mean(ops.abs(y - y_pred), axis=-1))
        self.parts["l1_loss"].update_state(error)
        loss = self.config.l1 * error
        if self.config.dssim:
            structure = ops.mean(weight * dssim_map((y + 1) / 2, (y_pred + 1) / 2))
            loss += self.config.dssim * structure
        if not self.config.gan:
            return loss
        caught, judged = adversarial_losses(self.discriminator, x, y, y_pred, self.config.loss)
        self.parts["generator_loss"].update_state(caught)
        self.parts["discriminator_loss"].update_state(judged)
        return loss + self.config.gan * caught + judged
