"""How first order motion learns: from pairs of frames of one clip, and nothing else.

The model gets one frame as the source and has to paint another from it, knowing only the keypoints
of both. Nobody says where keypoints should be: those that help to paint survive. The losses:

- **perceptual**: the painted frame beside the true one, at four sizes, for a network that has
  learnt to look (`losses.feature_map`), and their plain difference;
- **equivariance**: keypoints and Jacobians of a bent frame are the bent keypoints and Jacobians;
- **adversarial**, if wanted: a discriminator that is shown the driving keypoints tells painted
  from filmed, and what it noticed on the way has to be alike for both (feature matching).
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from deepfake_lesson.models.adversarial import adversarial_losses, frozen
from deepfake_lesson.models.deformation import Deformation
from deepfake_lesson.models.first_order import (
    CHANNELS,
    FirstOrderModel,
    inverse_2x2,
    keypoint_bumps,
    shrink,
)
from deepfake_lesson.models.layers import layer_seeds
from deepfake_lesson.models.losses import feature_map

SCALES = (1.0, 0.5, 0.25, 0.125)


@dataclass(frozen=True)
class FirstOrderLosses:
    """Weights of the losses. The paper has 10 for each but `l1`, which it leaves to VGG-19.

    gan: of having been recognised; 0 as in the authors' "vox" is no discriminator, 1 is their
    "vox-adv". feature_matching: only counts beside it.
    """

    perceptual: float = 10.0
    l1: float = 10.0
    equivariance_value: float = 10.0
    equivariance_jacobian: float = 10.0
    gan: float = 0.0
    feature_matching: float = 10.0


def build_discriminator(
    num_kp: int,
    block_expansion: int = 32,
    max_features: int = 512,
    num_blocks: int = 4,
    seed: int = 0,
    dtype: str = "float32",
) -> keras.Model:
    """[bumps (N, H, W, num_kp), picture (N, H, W, 3)] to verdicts (N, h, w, 1), high for real.

    As published: 4 x 4 convolutions with spectral normalisation (Miyato et al. 2018, "Spectral
    Normalization for Generative Adversarial Networks"), each picture's channels normalised, halved
    between blocks. bumps: of the driving keypoints, see `first_order.keypoint_bumps`.
    """
    seeds = layer_seeds(seed)

    def conv(x, filters: int, kernel: int):
        start = keras.initializers.HeUniform(seed=next(seeds))
        layer = layers.Conv2D(filters, kernel, kernel_initializer=start, dtype=dtype)
        return layers.SpectralNormalization(layer, dtype=dtype)(x)

    bumps = keras.Input((None, None, num_kp), name="bumps")
    picture = keras.Input((None, None, CHANNELS), name="picture")
    x = layers.Concatenate(dtype=dtype)([picture, bumps])
    for k in range(num_blocks):
        x = conv(x, min(max_features, block_expansion * 2 ** (k + 1)), 4)
        if k:
            x = layers.GroupNormalization(groups=-1, epsilon=1e-5, dtype=dtype)(x)
        x = layers.LeakyReLU(negative_slope=0.2, dtype=dtype)(x)
        if k < num_blocks - 1:
            x = layers.AveragePooling2D(2, dtype=dtype)(x)
    verdicts = layers.Activation("linear", dtype="float32", name="verdicts")(conv(x, 1, 1))
    return keras.Model([bumps, picture], verdicts, name="discriminator")


@keras.saving.register_keras_serializable("deepfake_lesson")
class FirstOrderTraining(keras.Model):
    """The model and its losses. A batch: `training_batch` as inputs, the driving frames as targets.

    features: pictures (N, H, W, 3) in [0, 1] of any size to a list of maps; needed for the
    perceptual loss. discriminator: as from `build_discriminator`; needed for adversarial losses.
    parts: the mean of each loss since the last reset, for the history.
    """

    def __init__(
        self,
        model: FirstOrderModel,
        features: keras.Model | None,
        losses: FirstOrderLosses = FirstOrderLosses(),
        discriminator: keras.Model | None = None,
    ) -> None:
        super().__init__(name="first_order_training")
        self.model, self.features, self.blame = model, features, losses
        self.networks = list(model.networks.values())
        self.discriminator = discriminator
        names = [*["perceptual"] * bool(losses.perceptual), "l1", "value"]
        names += ["jacobian"] * self._has_jacobians
        if discriminator:
            kept = [x.output for x in discriminator.layers if isinstance(x, layers.LeakyReLU)]
            self.noticed = keras.Model(discriminator.inputs, kept)
            names += ["generator", "matching", "discriminator"]
        self.parts = {name: keras.metrics.Mean(f"{name}_loss") for name in names}
        self.built = True

    @property
    def _has_jacobians(self) -> bool:
        return self.model.config.estimate_jacobian

    def call(self, inputs, training=False):
        """The painted frame, and the keypoints of driving and of bent driving frames."""
        source, driving, affine, pulls = inputs
        bent = Deformation(affine, pulls).pictures(driving)
        everything = ops.concatenate([source, driving, bent])
        points = self.model.keypoints(everything, training=training)
        thirds = {name: ops.split(value, 3) for name, value in points.items()}
        kp_source, kp_driving, kp_bent = (
            {name: third[k] for name, third in thirds.items()} for k in range(3)
        )
        made = self.model.generate(source, kp_source, kp_driving, training=training)
        return {"prediction": made["prediction"], "driving": kp_driving, "bent": kp_bent}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The weighted sum of all losses."""
        weights, painted = self.blame, y_pred["prediction"]
        errors = {"l1": weights.l1 * ops.mean(ops.abs(y - painted))}
        if weights.perceptual:
            errors["perceptual"] = weights.perceptual * self._perceptual(y, painted)
        bend, points, bent = Deformation(*x[2:]), y_pred["driving"], y_pred["bent"]
        away = points["value"] - bend.points(bent["value"])
        errors["value"] = weights.equivariance_value * ops.mean(ops.abs(away))
        if self._has_jacobians:
            turned = ops.matmul(bend.jacobian(bent["value"]), bent["jacobian"])
            away = ops.matmul(inverse_2x2(points["jacobian"]), turned) - ops.eye(2)
            errors["jacobian"] = weights.equivariance_jacobian * ops.mean(ops.abs(away))
        if self.discriminator:
            errors |= self._adversarial(points["value"], y, painted)
        for name, error in errors.items():
            self.parts[name].update_state(error)
        return sum(errors.values())

    def _perceptual(self, truth, painted):
        distances = [
            ops.mean(feature_map(self.features, shrink(truth, scale), shrink(painted, scale)))
            for scale in SCALES
        ]
        return sum(distances) / len(distances)

    def _adversarial(self, points, truth, painted) -> dict:
        bumps = ops.stop_gradient(keypoint_bumps(points, *truth.shape[1:3]))
        caught, missed = adversarial_losses(self.discriminator, bumps, truth, painted)
        both = [frozen(self.noticed, [bumps, picture]) for picture in (truth, painted)]
        unlike = sum(ops.mean(ops.abs(a - b)) for a, b in zip(*both, strict=True))
        return {
            "generator": self.blame.gan * caught,
            "matching": self.blame.feature_matching * ops.cast(unlike, "float32"),
            "discriminator": missed,
        }


def training_batch(
    source: np.ndarray, driving: np.ndarray, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """(inputs, targets) of frames (N, H, W, 3), float32 in [0, 1], of the same N clips."""
    bend = Deformation.sample(rng, len(driving))
    return [source, driving, bend.affine, bend.pulls], driving
