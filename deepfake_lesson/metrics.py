"""How good is a fake: errors against the truth, identity, landmarks, pose and steadiness.

Each measure is one function over plain arrays; `evaluation` applies them to whole videos.
"""

from collections.abc import Sequence

import numpy as np

from deepfake_lesson.landmarks import head_pose, interocular


def truth_error(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute difference inside the mask, 0 (equal) to 1; NaN for an empty mask.

    Args:
        image: (H, W, 3) uint8.
        truth: (H, W, 3) uint8, the picture as it ought to be.
        mask: (H, W) bool, or float weights in [0, 1].
    """
    weights = np.asarray(mask, np.float64)
    if not weights.any():
        return float("nan")
    difference = np.abs(image.astype(np.float64) - truth).mean(axis=-1) / 255
    return float(np.average(difference, weights=weights))


def ssim(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Structural similarity, at most 1 (equal), the mean over the mask.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity" (2004),
    with their Gaussian window of 1.5 pixels, on the three colour channels.

    Args:
        image: (H, W, 3) uint8, at least 11 pixels wide and high.
        truth: (H, W, 3) uint8.
        mask: (H, W) bool or weights; everywhere when None. NaN for an empty mask.
    """
    from skimage.metrics import structural_similarity

    _, similarity = structural_similarity(
        image,
        truth,
        channel_axis=-1,
        gaussian_weights=True,
        use_sample_covariance=False,
        full=True,
    )
    if mask is None:
        return float(similarity.mean())
    weights = np.asarray(mask, np.float64)
    return (
        float(np.average(similarity.mean(-1), weights=weights)) if weights.any() else float("nan")
    )


def share_nearer(to_new: Sequence[float], to_old: Sequence[float]) -> float:
    """Share of frames, 0 to 1, whose distance to the new identity is the smaller one.

    NaN when there is no frame.
    """
    nearer = np.less(to_new, to_old)
    return float(nearer.mean()) if nearer.size else float("nan")


def landmark_change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean distance of (68, 2) landmarks as a share of the eyes' outer distance before."""
    distances = np.linalg.norm(np.subtract(after, before, dtype=np.float64), axis=-1)
    return float(distances.mean() / interocular(before))


def pose_change(before: np.ndarray, after: np.ndarray, size: tuple[int, int]) -> float:
    """Largest change of yaw, pitch and roll between two (68, 2) landmarks, in degrees.

    `size` is the frame's width and height in pixels.
    """
    return float(np.abs(np.subtract(head_pose(after, size), head_pose(before, size))).max())


def jitter(landmarks: np.ndarray) -> float:
    """Mean acceleration of landmarks as a share of the eyes' outer distance, per frame squared.

    Smooth motion gives next to nothing, trembling gives much.

    Args:
        landmarks: (frames, 68, 2) of consecutive frames; NaN for fewer than three.
    """
    if len(landmarks) < 3:
        return float("nan")
    acceleration = np.linalg.norm(np.diff(landmarks, n=2, axis=0), axis=-1).mean()
    return float(acceleration / np.mean([interocular(face) for face in landmarks]))
