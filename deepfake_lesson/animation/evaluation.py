"""How good first order motion is: a clip rebuilt from its first frame, beside two simple ways.

The measures are the authors' (Siarohin et al. 2019). The first frame and the keypoints of the
others are all that the model gets, and the clip itself is the truth. Doing nothing (the *still*
picture) and one affine map for the whole picture, from 68 landmarks, show what the model is worth.
"""

from collections.abc import Callable

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


def clip_landmarks(clip: np.ndarray) -> np.ndarray:
    """(N, 68, 2) float32 pixels: dlib's reading of every frame of a clip cut to one face.

    Raises NoFaceError if the first frame shows none.
    """
    faces = detect_faces(clip[0])
    if not faces:
        raise NoFaceError("clip", "no face in its first frame", "Cut it with clips.face_clip.")
    points = [main_face(faces, None).landmarks]
    for frame in clip:
        points.append(read_landmarks(frame, points[-1]))
    return np.stack(points[1:])


def reconstruction_scores(
    made: np.ndarray, clip: np.ndarray, landmarks: np.ndarray, threshold: float
) -> dict[str, float]:
    """How near a rebuilt clip comes to the true one, means over all frames but the first.

    made, clip: (N, S, S, 3) uint8. landmarks: (N, 68, 2) of the clip: from there dlib reads both,
    for a reading hangs on where it begins. threshold: distance of embeddings up to which two
    pictures are of one person.

    `l1`: mean absolute difference, share of white. `akd`, average keypoint distance: of dlib's 68
    landmarks, pixels, mean over x and y. `aed`, average Euclidean distance: of identity embeddings,
    squared. `kept`: share of frames in which the person is the first frame's. `jaw`, `smile`:
    correlation of what dlib reads there with the truth's; None where the mouth does not move.
    """
    rows, mouths = [], []
    first = embed(clip[0], landmarks[0])
    for picture, truth, begin in list(zip(made, clip, landmarks, strict=True))[1:]:
        found, points = (read_landmarks(each, begin) for each in (picture, truth))
        face = embed(picture, found)
        rows.append(
            {
                "l1": metrics.truth_error(picture, truth, np.ones(truth.shape[:2])),
                "akd": float(np.abs(found - points).mean()),
                "aed": float(distance(face, embed(truth, points)) ** 2),
                "kept": float(distance(face, first) <= threshold),
            }
        )
        mouths.append((metrics.mouth(found), metrics.mouth(points)))
    pairs = np.array(mouths).transpose(2, 1, 0)
    follows = {
        name: metrics.correlation(*pair) for name, pair in zip(metrics.MOUTH, pairs, strict=True)
    }
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} | follows


def compare(
    model: FirstOrderModel, clip: np.ndarray, threshold: float
) -> dict[str, dict[str, float]]:
    """`reconstruction_scores` of a clip for each of METHODS."""
    points = clip_landmarks(clip)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "still": lambda: still(clip, points),
        "affine": lambda: affine(clip, points),
        "model": lambda: reconstruct(model, clip),
    }
    return {name: reconstruction_scores(ways[name](), clip, points, threshold) for name in METHODS}
