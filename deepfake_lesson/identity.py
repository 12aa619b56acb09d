"""Who is it? Face embeddings, their distances, and a filter for the wanted person.

A network (dlib's ResNet, King 2017; the one behind face_recognition) turns a face into 128 numbers,
so that two pictures of one person lie near each other. How near is near enough depends on the kind
of pictures: a threshold belongs to a domain. For photographs of real people 0.6 is the usual value.
The studio's people share one template and one renderer, and 0.6 takes most of them for the same
person (79 of 100 pairs); about 0.44 parts them best (95 of 100 pairs judged rightly). Hence
`THRESHOLDS` by domain, stored in each person's consent.toml, where it can be changed.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from .detectors import model_file
from .landmarks import similarity_transform, warp
from .people import THRESHOLDS

__all__ = ["THRESHOLDS", "FaceFilter", "distance", "embed", "mean_embedding"]

_CHIP_SIZE = 150  # pixels of the network's input
_CHIP_POINTS = [36, 39, 42, 45, 33]  # eye corners and the base of the nose
_CHIP_TARGET = np.array(  # where dlib's training pictures have them, in a face of size 1
    [[0.1206, 0.2137], [0.3341, 0.2291], [0.6461, 0.2290], [0.8596, 0.2135], [0.4901, 0.6278]]
)
_CHIP_MARGIN = 0.25  # on each side, in faces


def embed(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The identity of the face with these landmarks: (128,) float64.

    Args:
        image: RGB uint8 (H, W, 3). BGR gives other numbers, and no error.
        landmarks: (68, 2) pixels.
    """
    target = (_CHIP_TARGET + _CHIP_MARGIN) / (1 + 2 * _CHIP_MARGIN) * _CHIP_SIZE - 0.5
    matrix = similarity_transform(landmarks[_CHIP_POINTS], target)
    chip = warp(image, matrix, _CHIP_SIZE)
    return np.array(_network().compute_face_descriptor(np.ascontiguousarray(chip)))


def distance(a: np.ndarray, b: np.ndarray) -> float | np.ndarray:
    """Euclidean distance of embeddings: 0 the same picture, above 0.8 hardly alike."""
    return np.linalg.norm(np.asarray(a) - np.asarray(b), axis=-1)


def mean_embedding(embeddings: Sequence[np.ndarray]) -> np.ndarray:
    """The middle of several embeddings of one person: steadier than any one of them."""
    return np.mean(embeddings, axis=0)


class FaceFilter:
    """Tells the wanted person from others.

    Args:
        wanted: embeddings of the person; none means everybody.
        unwanted: embeddings of people to leave out.
        threshold: greatest distance at which two embeddings are taken for one person.
    """

    def __init__(
        self,
        wanted: Sequence[np.ndarray] = (),
        unwanted: Sequence[np.ndarray] = (),
        threshold: float = THRESHOLDS["real"],
    ) -> None:
        self.wanted = np.reshape(wanted, (-1, 128))
        self.unwanted = np.reshape(unwanted, (-1, 128))
        self.threshold = threshold

    def distance(self, embedding: np.ndarray) -> float | None:
        """Distance to the nearest wanted reference, None if there is none."""
        return float(distance(self.wanted, embedding).min()) if len(self.wanted) else None

    def accepts(self, embedding: np.ndarray) -> bool:
        """Whether the face is near a wanted reference, and no unwanted one is nearer."""
        to_wanted = self.distance(embedding)
        to_unwanted = distance(self.unwanted, embedding).min(initial=np.inf)
        if to_wanted is None:
            return bool(to_unwanted > self.threshold)
        return bool(to_wanted <= self.threshold and to_wanted < to_unwanted)


@cache
def _network():
    import dlib

    return dlib.face_recognition_model_v1(model_file("dlib_face_recognition_resnet_model_v1.dat"))
