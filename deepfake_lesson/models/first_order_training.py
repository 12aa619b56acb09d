"""How first order motion learns: from pairs of frames of one clip, and nothing else.

The model gets one frame as the source and has to paint another from it, knowing only the keypoints
of both. Nobody says where keypoints should be: those that help to paint survive. Two losses:

- **perceptual**: the painted frame beside the true one, at four sizes, for a network that has
  learnt to look (`losses.feature_map`), and their plain difference;
- **equivariance**: keypoints and Jacobians of a bent frame are the bent keypoints and Jacobians.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from deepfake_lesson.models.deformation import Deformation
from deepfake_lesson.models.first_order import FirstOrderModel, inverse_2x2, shrink
from deepfake_lesson.models.losses import feature_map

SCALES = (1.0, 0.5, 0.25, 0.125)


@dataclass(frozen=True)
class FirstOrderLosses:
    """Weights of the losses. The paper has 10 for each but `l1`, which it leaves to VGG-19."""

    perceptual: float = 10.0
    l1: float = 10.0
    equivariance_value: float = 10.0
    equivariance_jacobian: float = 10.0


@keras.saving.register_keras_serializable("deepfake_lesson")
class FirstOrderTraining(keras.Model):
    """The model and its losses. A batch: `training_batch` as inputs, the driving frames as targets.

    features: pictures (N, H, W, 3) in [0, 1] of any size to a list of maps, for the perceptual
    loss. parts: the mean of each loss since the last reset, for the history.
    """

    def __init__(
        self,
        model: FirstOrderModel,
        features: keras.Model,
        losses: FirstOrderLosses = FirstOrderLosses(),
    ) -> None:
        super().__init__(name="first_order_training")
        self.model, self.features, self.blame = model, features, losses
        self.networks = list(model.networks.values())
        names = ("perceptual", "l1", "value", "jacobian")[: 4 if self._has_jacobians else 3]
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
        weights = self.blame
        errors = {
            "perceptual": weights.perceptual * self._perceptual(y, y_pred["prediction"]),
            "l1": weights.l1 * ops.mean(ops.abs(y - y_pred["prediction"])),
        }
        bend, points, bent = Deformation(*x[2:]), y_pred["driving"], y_pred["bent"]
        away = points["value"] - bend.points(bent["value"])
        errors["value"] = weights.equivariance_value * ops.mean(ops.abs(away))
        if self._has_jacobians:
            turned = ops.matmul(bend.jacobian(bent["value"]), bent["jacobian"])
            away = ops.matmul(inverse_2x2(points["jacobian"]), turned) - ops.eye(2)
            errors["jacobian"] = weights.equivariance_jacobian * ops.mean(ops.abs(away))
        for name, error in errors.items():
            self.parts[name].update_state(error)
        return sum(errors.values())

    def _perceptual(self, truth, painted):
        distances = [
            ops.mean(feature_map(self.features, shrink(truth, scale), shrink(painted, scale)))
            for scale in SCALES
        ]
        return sum(distances) / len(distances)


def training_batch(
    source: np.ndarray, driving: np.ndarray, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """(inputs, targets) of frames (N, H, W, 3), float32 in [0, 1], of the same N clips."""
    bend = Deformation.sample(rng, len(driving))
    return [source, driving, bend.affine, bend.pulls], driving
