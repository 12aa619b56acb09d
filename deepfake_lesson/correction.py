"""Taking the systematic errors out of dlib's landmarks on the people of the studio.

dlib learned its points from photographs. On people of another domain it errs, and in part it errs
in the same way each time. That part can be learned where the truth is known: ridge regression
(Hoerl and Kennard 1970, "Ridge Regression: Biased Estimation for Nonorthogonal Problems") foretells
the error of all points from where dlib put them, and `correct_landmarks` subtracts it.

The shipped weights come from `data_scripts/train_landmark_correction.py`.
"""

from functools import cache
from pathlib import Path

import numpy as np

from .landmarks import (
    ALIGNED_SIZE,
    MEAN_FACE,
    alignment_matrix,
    invert_matrix,
    transform_points,
)
from .morphable import checked_landmarks

WEIGHTS = Path(__file__).parent / "weights" / "landmark_correction.npy"


def correct_landmarks(landmarks: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """dlib's points of a studio person, less the error that was foretold: (68, 2) float32 pixels.

    On studio people that it was not trained on, the mean error falls from 4.2 to 3.0 % of the
    distance between the outer eye corners. For real photographs use dlib's points as they are:
    dlib is at home there. On the portrait `skimage.data.astronaut` the correction moves corners of
    the mouth and outline away from where they are seen, though a fit explains its points better.

    Args:
        landmarks: (68, 2) pixels, as from `detect_faces`.
        weights: (137, 136) from `learn_correction`; those that the package brings if not given.

    Raises:
        LessonError: the landmarks are not 68 finite points, or both eyes lie on one pixel.
    """
    landmarks = checked_landmarks(landmarks)
    matrix = alignment_matrix(landmarks)
    weights = _shipped() if weights is None else weights
    error = ALIGNED_SIZE * (features(landmarks) @ weights).reshape(68, 2)
    corrected = transform_points(landmarks, matrix) - error
    return transform_points(corrected, invert_matrix(matrix)).astype(np.float32)


def learn_correction(found: np.ndarray, exact: np.ndarray, price: float) -> np.ndarray:
    """Weights (137, 136) that foretell dlib's error: found minus exact, in widths of aligned faces.

    The smallest sum of squared errors, and of squared weights times a price: it keeps the weights
    from following the chance errors of these faces.

    Args:
        found, exact: (N, 68, 2) pixels, where dlib put the points and where they are.
        price: above 0; with an endless one nothing is corrected.
    """
    inputs = np.array([features(landmarks) for landmarks in found])
    errors = np.array([_aligned(a, a) - _aligned(b, a) for a, b in zip(found, exact, strict=True)])
    both = inputs.T @ inputs + price * np.eye(inputs.shape[1])
    return np.linalg.solve(both, inputs.T @ errors)


def features(landmarks: np.ndarray) -> np.ndarray:
    """(137,): the aligned points less those of the mean face, in widths of the aligned face, and 1.

    So they are the same wherever in the picture the face is, how large it is and how it leans.
    """
    return np.append(_aligned(landmarks, landmarks) - MEAN_FACE.ravel(), 1.0)


def _aligned(landmarks, found):
    """(136,) where landmarks lie on the face that is aligned by the found ones, in its widths."""
    return transform_points(landmarks, alignment_matrix(found)).ravel() / ALIGNED_SIZE


@cache
def _shipped():
    return np.load(WEIGHTS, allow_pickle=False)
