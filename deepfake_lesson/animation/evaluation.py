"""How good first order motion is: a clip rebuilt from its first frame, beside two simple ways.

The measures are the authors' (Siarohin et al. 2019). The first frame and the keypoints of the
others are all that the model gets, and the clip itself is the truth. Doing nothing (the *still*
picture) and one affine map for the whole picture, from 68 landmarks, show what the model is worth.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from deepfake_lesson import metrics
from deepfake_lesson.detectors import detect_faces, read_landmarks
from deepfake_lesson.errors import NoFaceError
from deepfake_lesson.identity import distance, embed
from deepfake_lesson.landmarks import warp
from deepfake_lesson.models.first_order import FirstOrderModel
from deepfake_lesson.models.first_order_inference import MovingPicture
from deepfake_lesson.reenactment.driving import main_face

BATCH = 8  # frames that are painted together
METHODS = ("still", "affine", "model")


def reconstruct(model: FirstOrderModel, clip: np.ndarray, engine: str | None = None) -> np.ndarray:
    """The clip (N, S, S, 3) uint8 as painted from its first frame and everybody's keypoints."""
    moving = MovingPicture(model, clip[0], engine)
    parts = [clip[first : first + BATCH] for first in range(0, len(clip), BATCH)]
    return np.concatenate([moving.paint(moving.detect(part)) for part in parts])


def still(clip: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The first frame, again and again."""
    return np.broadcast_to(clip[0], clip.shape)


def affine(clip: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The first frame, moved by the affine map that brings its landmarks nearest to each frame's.

    clip: (N, S, S, 3) uint8. landmarks: (N, 68, 2) pixels.
    """
    return np.stack([affine_warp(clip[0], landmarks[0], points) for points in landmarks])


def affine_warp(picture: np.ndarray, landmarks: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """A picture (S, S, 3) moved so that its landmarks (68, 2) come near the wanted ones."""
    known = np.column_stack([landmarks, np.ones(len(landmarks))])
    matrix = np.linalg.lstsq(known, wanted.astype(np.float64), rcond=None)[0].T
    return warp(picture, matrix, picture.shape[0], cv2.INTER_LINEAR)


@dataclass(frozen=True)
class ClipTruth:
    """A clip and what dlib reads in it, once for all methods that are compared with it.

    clip: (N, S, S, 3) uint8. landmarks: (N, 68, 2) float32 pixels, each frame's read from the one
    before. again: (N, 68, 2), read once more from `landmarks`, as those of a rebuilt frame are, for
    a reading hangs on where it begins. faces: (N, 128) identity embeddings.
    """

    clip: np.ndarray
    landmarks: np.ndarray
    again: np.ndarray
    faces: np.ndarray

    @classmethod
    def read(cls, clip: np.ndarray) -> "ClipTruth":
        """Read a clip that is cut to one face. Raises NoFaceError if its first frame shows none."""
        found = detect_faces(clip[0])
        if not found:
            raise NoFaceError("clip", "no face in its first frame", "Cut it with clips.face_clip.")
        points = [main_face(found, None).landmarks]
        for frame in clip:
            points.append(read_landmarks(frame, points[-1]))
        landmarks = np.stack(points[1:])
        again = np.stack([read_landmarks(*each) for each in zip(clip, landmarks, strict=True)])
        faces = np.stack([embed(*each) for each in zip(clip, again, strict=True)])
        return cls(clip, landmarks, again, faces)


def reconstruction_scores(
    made: np.ndarray, truth: ClipTruth, threshold: float
) -> dict[str, float | None]:
    """How near a rebuilt clip comes to the true one, means over all frames but the first.

    made: (N, S, S, 3) uint8. threshold: distance of embeddings up to which two pictures are of one
    person.

    `l1`: mean absolute difference, share of white. `akd`, average keypoint distance: of dlib's 68
    landmarks, pixels, mean over x and y. `aed`, average Euclidean distance: of identity embeddings,
    squared. `kept`: share of frames in which the person is the first frame's. `jaw`, `smile`:
    correlation of what dlib reads there with the truth's; None where the mouth does not move.
    """
    rows, mouths = [], []
    for k in range(1, len(made)):
        found = read_landmarks(made[k], truth.landmarks[k])
        face = embed(made[k], found)
        rows.append(
            {
                "l1": metrics.truth_error(made[k], truth.clip[k], np.ones(made.shape[1:3])),
                "akd": float(np.abs(found - truth.again[k]).mean()),
                "aed": float(distance(face, truth.faces[k]) ** 2),
                "kept": float(distance(face, truth.faces[0]) <= threshold),
            }
        )
        mouths.append((metrics.mouth(found), metrics.mouth(truth.again[k])))
    pairs = np.array(mouths).transpose(2, 1, 0)
    follows = {
        name: metrics.correlation(*pair) for name, pair in zip(metrics.MOUTH, pairs, strict=True)
    }
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} | follows


def compare(
    model: FirstOrderModel, clip: np.ndarray, threshold: float
) -> dict[str, dict[str, float | None]]:
    """`reconstruction_scores` of a clip for each of METHODS."""
    truth = ClipTruth.read(clip)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "still": lambda: still(clip, truth.landmarks),
        "affine": lambda: affine(clip, truth.landmarks),
        "model": lambda: reconstruct(model, clip),
    }
    return {name: reconstruction_scores(ways[name](), truth, threshold) for name in METHODS}
