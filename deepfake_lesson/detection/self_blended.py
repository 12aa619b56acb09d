"""Fakes made of real faces alone: a face blended into a slightly changed copy of itself.

    face --+-- jitter (one of the two) --> target -----------------+
           +-- jitter, shift, resize ----> source --+              +--> blended
           landmarks --> hull --> deformed, blurred twice --> mask +

Whatever maker a fake comes from, somewhere a face was pasted into a frame, and colour, sharpness
and place do not quite agree. A detector that learns this from self-blended images never sees a
maker's own traces, and so does not depend on them. After Shiohara and Yamasaki 2022, "Detecting
Deepfakes with Self-Blended Images" (CVPR); the boundary is that of Li et al. 2020, "Face X-ray for
More General Face Forgery Detection" (CVPR).
"""

import cv2
import numpy as np

from deepfake_lesson.blending import sharpen
from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import to_uint8

RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)  # how much of the source is laid on the target
BROWS = slice(17, 27)
PAPER_SIDE = 256.0  # pixels of the pictures for which the paper's widths are meant


def self_blend(
    face: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A fake made of one real face, and how much of each pixel was replaced.

    Args:
        face: (H, W, 3) uint8, a crop with some room round the face, as from `crops.crop_face`.
        landmarks: (68, 2), pixels of that crop.
        rng: decides all that is random.

    Returns:
        The blended face (H, W, 3) uint8, and the mask (H, W) float32 in [0, 1], 0 where nothing of
        the source is to be seen.

    Raises:
        LessonError: for landmarks that are not (68, 2) numbers, or lie outside of the picture.
    """
    _, blended, mask = self_blended_pair(face, landmarks, rng)
    return blended, mask


def self_blended_pair(
    face: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Target (real), blended (fake) and mask, as in `self_blend`.

    Where the mask is 0 the two pictures are equal: nothing but the blending tells them apart.
    """
    landmarks = _checked(face, landmarks)
    mask = hull_mask(landmarks, face.shape, _pick(rng, tuple(HULLS)))
    source, target = face, face
    if rng.random() < 0.5:
        source = jitter(face, rng)
    else:
        target = jitter(face, rng)
    source, mask = shifted(source, mask, rng)
    mask = _pick(rng, RATIOS) * soft_mask(elastic(mask, rng), rng)
    mixed = target + mask[..., None] * (source.astype(np.float32) - target)
    return target, np.rint(mixed).astype(np.uint8), mask


def boundary(mask: np.ndarray) -> np.ndarray:
    """Where two pictures meet: 4 m (1 - m), 1 where they count alike and 0 where only one does.

    mask: (..., H, W) float in [0, 1]. The "Face X-ray", which a network may be asked to paint.
    """
    return 4 * mask * (1 - mask)


def hull_mask(landmarks: np.ndarray, shape: tuple[int, ...], kind: str = "face") -> np.ndarray:
    """(H, W) float32, 1 inside the convex hull of some of the 68 points; `kind` is one of HULLS."""
    mask = np.zeros(shape[:2], np.float32)
    hull = cv2.convexHull(HULLS[kind](landmarks).astype(np.float32))
    return cv2.fillConvexPoly(mask, np.rint(hull).astype(np.int32), 1.0)


def _with_forehead(landmarks: np.ndarray) -> np.ndarray:
    """All points, and the brows again half-way from the eyes up the forehead."""
    eyes = landmarks[36:48].mean(0)
    return np.concatenate([landmarks, landmarks[BROWS] + 0.75 * (landmarks[BROWS] - eyes)])


HULLS = {  # which points the replaced region goes round
    "face": lambda landmarks: landmarks,
    "with forehead": _with_forehead,
    "without jaw": lambda landmarks: landmarks[17:],
    "lower half": lambda landmarks: np.concatenate([landmarks[2:15], landmarks[28:36]]),
}


# What makes the two copies differ


def jitter(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other colours, and either less detail or more: (H, W, 3) uint8."""
    face = jitter_color(face, rng)
    return lose_detail(face, rng) if rng.random() < 0.5 else sharpen(face, rng.uniform(0.3, 1.0))


def jitter_color(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Channels shifted by up to 20 of 255, then hue, saturation and value, then the contrast."""
    if rng.random() < 0.3:
        face = np.clip(face + rng.uniform(-20, 20, 3), 0, 255).astype(np.uint8)
    hsv = cv2.cvtColor(face, cv2.COLOR_RGB2HSV_FULL).astype(np.float32)
    hue, saturation, value = rng.uniform(-1, 1, 3) * (3, 12, 12)
    hsv[..., 0] = (hsv[..., 0] + hue) % 256
    hsv[..., 1:] = np.clip(hsv[..., 1:] + (saturation, value), 0, 255)
    face = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB_FULL)
    contrast, brightness = 1 + rng.uniform(-0.1, 0.1), 255 * rng.uniform(-0.1, 0.1)
    return np.clip(contrast * face + brightness, 0, 255).astype(np.uint8)


def lose_detail(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As if the face had been two or four times smaller: (H, W, 3) uint8."""
    height, width = face.shape[:2]
    factor = _pick(rng, (2, 4))
    small = max(1, width // factor), max(1, height // factor)
    worn = cv2.resize(face, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(worn, (width, height), interpolation=cv2.INTER_LINEAR)


def shifted(
    source: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Source and mask moved together: by up to 3 % sideways, 1.5 % up or down, 5 % in size."""
    height, width = mask.shape
    zoom = rng.uniform(0.95, 1 / 0.95)
    move = rng.uniform(-1, 1, 2) * (0.03 * width, 0.015 * height)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = middle + move - zoom * middle
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    moved = cv2.warpAffine(source, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return moved, cv2.warpAffine(mask, matrix, (width, height))


def elastic(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The mask with a wavy edge (Simard et al. 2003, "Best Practices for Convolutional Neural
    Networks"): a smooth random field moves its pixels by about one percent of the side."""
    height, width = mask.shape
    coarse = rng.uniform(-1, 1, (2, 12, 12)).astype(np.float32)
    field = [cv2.resize(each, (width, height), interpolation=cv2.INTER_CUBIC) for each in coarse]
    reach = 2.5 / PAPER_SIDE * max(height, width)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(
        mask, columns + reach * field[0], rows + reach * field[1], interpolation=cv2.INTER_LINEAR
    )


def soft_mask(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred, cut back to where it stayed whole, and blurred again: float32 in [0, 1].

    So the softness lies inside of the hull and differs from picture to picture.
    """
    scale = max(mask.shape) / PAPER_SIDE
    first, second = (_kernel(rng.integers(2, 13), scale) for _ in range(2))
    whole = (cv2.GaussianBlur(mask, first, 0) > 0.999).astype(np.float32)
    if not whole.any():
        whole = (mask > 0.5).astype(np.float32)
    return np.clip(cv2.GaussianBlur(whole, second, rng.uniform(5, 46) * scale), 0, 1)


def _kernel(half: int, scale: float) -> tuple[int, int]:
    """An odd kernel of 2 `half` + 1 pixels in the paper's pictures."""
    side = 2 * max(1, round(half * scale)) + 1
    return side, side


def _pick(rng: np.random.Generator, choices: tuple):
    return choices[rng.integers(len(choices))]


def _checked(face: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    landmarks = np.asarray(landmarks, np.float32)
    remedy = "Take both from `crops.crop_face`."
    if landmarks.shape != (68, 2) or not np.isfinite(landmarks).all():
        raise LessonError("landmarks", f"are no 68 points but {landmarks.shape}", remedy)
    if to_uint8(face).ndim != 3 or face.dtype != np.uint8:
        raise LessonError("face", f"is {face.dtype} {face.shape}, no RGB uint8 picture", remedy)
    inside = (landmarks >= 0) & (landmarks <= np.array(face.shape[1::-1]) - 1)
    if inside.all(1).mean() < 0.5:
        raise LessonError("landmarks", "lie outside of the picture for the most part", remedy)
    return landmarks
