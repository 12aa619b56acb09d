"""How good is a fake: errors against the truth, identity, landmarks, pose and steadiness.

Each measure is one function over plain arrays; `evaluation` applies them to whole videos.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from deepfake_lesson.landmarks import head_pose, interocular

MOUTH = ("jaw", "smile")  # what `mouth` measures


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


def sharpness(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """How much fine detail a picture has beside the truth: 1 as much, below 1 blurred.

    The ratio of the standard deviations of what a Gaussian blur of one pixel takes away, inside the
    mask. NaN for an empty mask, or where the truth is flat.

    Args:
        image: (H, W, 3) uint8.
        truth: (H, W, 3) uint8.
        mask: (H, W) bool.
    """
    fine, wanted = (
        (picture.astype(np.float32) - cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1))[mask]
        for picture in (image, truth)
    )
    return float(fine.std() / wanted.std()) if wanted.any() else float("nan")


def mean_color(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean colour inside the mask as (3,) float64 L*, a*, b*; a distance of 2 is just seen.

    image: (H, W, 3) uint8. mask: (H, W) bool, not empty.
    """
    from skimage.color import rgb2lab

    return rgb2lab(image[mask].mean(0) / 255)


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


def mouth(landmarks: np.ndarray) -> tuple[float, float]:
    """How far the jaw is open, and how wide the smile (`MOUTH`), by the eyes' outer distance.

    Mean gap of the inner lips and distance of the mouth's corners. landmarks: (68, 2).
    """
    gaps = np.linalg.norm(landmarks[[61, 62, 63]] - landmarks[[67, 66, 65]], axis=1)
    width = np.linalg.norm(landmarks[48] - landmarks[54])
    return float(gaps.mean() / interocular(landmarks)), float(width / interocular(landmarks))


def mean_known(values: Sequence[float]) -> float | None:
    """The mean of the values that are numbers; None where none is."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None


def correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Pearson's correlation, -1 to 1; None for fewer than three values or where one is constant."""
    if len(a) < 3 or min(np.std(a), np.std(b)) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def acceleration(path: np.ndarray, numbers: Sequence[int] | None = None) -> float:
    """Mean length of the second difference of a path (frames, ..., D).

    Smooth motion gives next to nothing, trembling gives much. numbers: of the frames, where they
    are not consecutive; what spans a gap is left out. NaN where nothing is left.
    """
    numbers = np.arange(len(path)) if numbers is None else np.asarray(numbers)
    whole = numbers[2:] - numbers[:-2] == 2
    if not whole.any():
        return float("nan")
    return float(np.linalg.norm(np.diff(path, n=2, axis=0)[whole], axis=-1).mean())


def jitter(landmarks: np.ndarray, numbers: Sequence[int] | None = None) -> float:
    """Mean acceleration of landmarks as a share of the eyes' outer distance, per frame squared.

    Args:
        landmarks: (frames, 68, 2).
        numbers: of the frames, see `acceleration`.
    """
    unit = np.mean([interocular(face) for face in landmarks])
    return acceleration(landmarks, numbers) / float(unit)
