"""First order motion at work: what belongs to the picture is computed once, not for every frame.

Two Keras networks with one input and one output each, so that `export.fast_function` can make a
fixed graph of them. Keypoints travel packed: (N, K, 6) float32, place and Jacobian side by side,
(N, K, 2) for a model without Jacobians.
"""

import keras
import numpy as np
from keras import layers, ops

from deepfake_lesson.export import fast_function
from deepfake_lesson.images import to_float, to_uint8
from deepfake_lesson.models.first_order import CHANNELS, FirstOrderModel


class MovingPicture:
    """A picture and a model that moves it.

    picture: (size, size, 3) uint8, cut as the model's training clips were. engine: see
    `export.fast_function`. keypoints: of the picture, as `detect` gives them.

    Raises LessonError for an engine that is unknown or not installed.
    """

    def __init__(
        self, model: FirstOrderModel, picture: np.ndarray, engine: str | None = None
    ) -> None:
        self.picture = picture
        detector, painter = _Detector(model), _Painter(model, to_float(picture[None]))
        self._detect = fast_function(_network(detector, picture.shape), engine)
        self.keypoints = self.detect(picture[None])
        self._paint = fast_function(
            _network(painter, (model.config.num_kp, detector.width)), engine
        )

    def detect(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        """Keypoints of frames (N, size, size, 3) uint8, as from `FirstOrderModel.keypoints`."""
        return unpack(self._detect(to_float(frames)))

    def paint(self, keypoints: dict[str, np.ndarray]) -> np.ndarray:
        """The picture with its keypoints moved to these: (N, size, size, 3) uint8."""
        return to_uint8(np.asarray(self._paint(np.asarray(pack(keypoints), np.float32))))


def pack(keypoints: dict):
    """{"value": (N, K, 2), "jacobian": (N, K, 2, 2)} as one array (N, K, 6)."""
    parts = [keypoints["value"]]
    if "jacobian" in keypoints:
        parts.append(ops.reshape(keypoints["jacobian"], (-1, *keypoints["value"].shape[1:2], 4)))
    return ops.concatenate(parts, axis=-1)


def unpack(packed) -> dict:
    """The opposite of `pack`, for arrays and tensors."""
    keypoints = {"value": packed[..., :2]}
    if packed.shape[-1] > 2:
        keypoints["jacobian"] = ops.reshape(packed[..., 2:], (-1, packed.shape[1], 2, 2))
    return keypoints


class _Detector(layers.Layer):
    """Pictures (N, size, size, 3) to packed keypoints."""

    def __init__(self, model: FirstOrderModel) -> None:
        super().__init__(dtype="float32")
        self.model, self.width = model, 6 if model.config.estimate_jacobian else 2

    def call(self, pictures):
        return pack(self.model.keypoints(pictures))

    def compute_output_shape(self, shape):
        return (shape[0], self.model.config.num_kp, self.width)


class _Painter(layers.Layer):
    """Packed keypoints to pictures of one source (1, size, size, 3)."""

    def __init__(self, model: FirstOrderModel, source: np.ndarray) -> None:
        super().__init__(dtype="float32")
        self.model, self.source = model, ops.convert_to_tensor(source)
        self.keypoints = model.keypoints(self.source)
        self.features = model.networks["encoder"](self.source, training=False)

    def call(self, packed):
        made = self.model.generate(
            self.source, self.keypoints, unpack(packed), features=self.features
        )
        return made["prediction"]

    def compute_output_shape(self, shape):
        return (shape[0], *self.source.shape[1:3], CHANNELS)


def _network(layer: layers.Layer, shape: tuple[int, ...]) -> keras.Model:
    given = keras.Input(shape)
    return keras.Model(given, layer(given))
