"""Putting a generated face back into a frame: masks, colour, sharpening, pasting."""

import cv2
import numpy as np

from deepfake_lesson.errors import check_choice, check_range
from deepfake_lesson.landmarks import (
    alignment_matrix,
    compose,
    invert_matrix,
    model_matrix,
    transform_points,
    warp,
)
from deepfake_lesson.metrics import sharpness

MASKS = ("facehull", "rect", "facehullandrect")
COLORS = ("none", "light", "mean", "histogram", "transfer")
SOFT = 0.11  # of the picture's side: the blur that leaves light and takes features away
LIGHT_SHARE = 0.5  # of a difference in light: what lies in the other's features is in it too
LEAST_RAMP = 3  # percent: how softly a widened mask ends at the square that the model sees
MOST_SHARPENED = 2.0  # a blur holds no more to be had
POISSON_MARGIN = 6  # pixels of frame round the mask: seamlessClone first erodes its mask by three


def face_mask(
    landmarks: np.ndarray,
    shape: tuple[int, ...],
    kind: str = "facehull",
    erosion: float = 0.0,
    feather: float = 0.0,
) -> np.ndarray:
    """How much of each pixel is replaced: 0 keeps the frame, 1 takes the generated face.

    `facehull` is the convex hull of the 68 points, `rect` the tilted square that the model sees,
    `facehullandrect` their intersection. Erosion moves the edge inwards, a negative one outwards:
    the hull's, never the square's, for outside of it nothing was painted. Feather is the width of
    the smooth ramp from 0 at that edge to 1 inside; along the square it shrinks by as much as the
    hull grows, to LEAST_RAMP at least. Both are percent of the face's width, so a setting means
    the same at any resolution. The shape may leave the frame: it is cut there, with no ramp along
    the frame's border.

    Args:
        landmarks: (68, 2), pixels of the frame.
        shape: the frame's shape; only height and width are read.
        kind: one of `MASKS`.
        erosion: -50 to 50 percent of `face_width`.
        feather: 0 to 50 percent of `face_width`.

    Returns:
        (height, width) float32 in [0, 1].

    Raises:
        LessonError: for an unknown kind or a value out of range.
    """
    check_choice("mask", kind, MASKS)
    check_range("erosion", erosion, -50, 50)
    check_range("feather", feather, 0, 50)
    landmarks = np.asarray(landmarks, np.float64)
    mask = np.zeros(shape[:2], np.float32)
    percent = face_width(landmarks) / 100
    if percent < 0.01:
        return mask
    outlines = _outlines(landmarks, kind)
    reach = 1 + 1.5 * max(0.0, -erosion) * percent
    box = _bounding_box(np.concatenate(list(outlines.values())), reach, mask.shape)
    grown = max(0.0, -erosion)
    mask[box] = 1
    for name, outline in outlines.items():
        inside = _distance_inside(outline, box) / percent
        start, width = erosion, feather
        if name == "rect" and grown:
            start, width = 0.0, min(feather, max(LEAST_RAMP, feather - grown))
        ramp = np.clip((inside - start) / width, 0, 1) if width else inside > start
        mask[box] = np.minimum(mask[box], ramp * ramp * (3 - 2 * ramp.astype(np.float32)))
    return mask


def face_width(landmarks: np.ndarray) -> float:
    """Distance in pixels between the two ends of the jaw line (points 0 and 16)."""
    return float(np.linalg.norm(landmarks[16] - landmarks[0]))


def _outlines(landmarks: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """The convex polygons (n, 2), clockwise on the screen, whose intersection is the mask."""
    hull = cv2.convexHull(landmarks.astype(np.float32), clockwise=False)[:, 0]
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) - 0.5
    to_model = compose(alignment_matrix(landmarks), model_matrix(1))
    rect = transform_points(square, invert_matrix(to_model))
    both = {"hull": hull, "rect": rect}
    return {name: outline for name, outline in both.items() if name in kind}


def _bounding_box(points: np.ndarray, reach: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the picture that lie within `reach` pixels of the points' box."""
    limit = np.array(shape[1::-1])
    start = np.clip(np.floor(points.min(0) - reach), 0, limit).astype(int)
    stop = np.clip(np.ceil(points.max(0) + reach) + 1, 0, limit).astype(int)
    return slice(start[1], stop[1]), slice(start[0], stop[0])


def _distance_inside(outline: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
    """How many pixels the polygon's nearest edge is away from each pixel of the box, < 0 outside.

    A convex polygon is where the half planes of its edges meet, so one minimum does it.
    """
    y, x = (np.arange(side.start, side.stop, dtype=np.float32) for side in box)
    distance = np.full((len(y), len(x)), np.inf, np.float32)
    edges = np.roll(outline, -1, axis=0) - outline
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1)
    normals /= np.linalg.norm(edges, axis=1, keepdims=True)
    for (nx, ny), (x0, y0) in zip(normals, outline, strict=True):
        np.minimum(distance, nx * (x - x0) + (ny * (y - y0))[:, None], out=distance)
    return distance


def match_color(
    generated: np.ndarray, original: np.ndarray, mask: np.ndarray, kind: str = "none"
) -> np.ndarray:
    """The generated face in the colours that the original has under the mask.

    `light` makes the face lighter where the original is lighter than its own mean, and darker where
    it is darker: the lamps of the frame, and no skin. The others give the skin too: `mean` shifts
    each channel to the original's mean, `histogram` maps each channel's distribution onto the
    original's, `transfer` gives the original's mean and spread in L*a*b* (after Reinhard et al.,
    "Color Transfer between Images", 2001). What is learnt where the mask is above one half is
    applied everywhere; a mask without such a pixel changes nothing.

    Args:
        generated: (H, W, 3) uint8.
        original: (H, W, 3) uint8, the same crop of the frame.
        mask: (H, W) float in [0, 1], the same crop of the mask.
        kind: one of `COLORS`.

    Returns:
        (H, W, 3) uint8.

    Raises:
        LessonError: for an unknown kind.
    """
    return change_color(generated, color_change(generated, original, mask, kind), kind)


def color_change(
    generated: np.ndarray, original: np.ndarray, mask: np.ndarray, kind: str
) -> np.ndarray | None:
    """What `match_color` has learnt under the mask, as numbers that can be averaged over frames.

    `light` (H, W), a factor for each place; `mean` (3,), added to the channels; `histogram`
    (3, 256), what each value becomes; `transfer` (2, 3), factor and addend of L*, a*, b*. None
    where nothing is to be changed. Arguments and errors as those of `match_color`.
    """
    check_choice("color", kind, COLORS)
    inside = mask > 0.5
    if kind == "none" or not inside.any():
        return None
    learn = {
        "light": _light_change,
        "mean": _mean_change,
        "histogram": _histogram_change,
        "transfer": _lab_change,
    }
    return learn[kind](generated, original, inside)


def change_color(generated: np.ndarray, change: np.ndarray | None, kind: str) -> np.ndarray:
    """The face (H, W, 3) uint8 with a `color_change` of that kind."""
    if change is None:
        return generated
    if kind == "light":
        return _to_uint8(generated * change[..., None])
    if kind == "mean":
        return _to_uint8(generated + change)
    if kind == "histogram":
        return cv2.LUT(generated, _to_uint8(change).T[None])
    factor, addend = change
    return _to_uint8(
        255 * cv2.cvtColor(np.float32(_lab(generated) * factor + addend), cv2.COLOR_LAB2RGB)
    )


def _light_change(generated: np.ndarray, original: np.ndarray, inside: np.ndarray) -> np.ndarray:
    have, want = (_soft_light(picture, inside) for picture in (generated, original))
    return np.clip(want / have, 0.5, 2) ** LIGHT_SHARE


def _soft_light(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(H, W) around 1: how light each place is beside the mean under the mask, without features."""
    sigma, weight = SOFT * picture.shape[1], inside.astype(np.float32)
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) + 1
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    soft = cv2.GaussianBlur(gray * weight, (0, 0), sigma) / np.maximum(total, 1e-3)
    soft = np.where(total > 1e-2, soft, soft[inside].mean())
    return soft / soft[inside].mean()


def _mean_change(generated: np.ndarray, original: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return original[inside].mean(0) - generated[inside].mean(0)


def _histogram_change(
    generated: np.ndarray, original: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    tables = np.empty((3, 256))
    for channel in range(3):
        have = np.bincount(generated[inside, channel], minlength=256).cumsum()
        want = np.bincount(original[inside, channel], minlength=256)
        tables[channel] = np.interp(have, want.cumsum()[want > 0], np.flatnonzero(want))
    return tables


def _lab_change(generated: np.ndarray, original: np.ndarray, inside: np.ndarray) -> np.ndarray:
    have, want = (_lab(picture)[inside] for picture in (generated, original))
    factor = want.std(0) / np.maximum(have.std(0), 1e-3)
    return np.stack([factor, want.mean(0) - factor * have.mean(0)])


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def sharpness_gap(generated: np.ndarray, original: np.ndarray, mask: np.ndarray) -> float:
    """The amount of `sharpen` that gives the face the fine detail that the original has.

    From `metrics.sharpness` under the mask; 0 where the face has enough or nothing can be compared,
    at most MOST_SHARPENED. Arguments as those of `match_color`.
    """
    share = sharpness(generated, original, mask > 0.5)
    return 0.0 if np.isnan(share) else float(np.clip(1 / max(share, 1e-6) - 1, 0, MOST_SHARPENED))


def sharpen(image: np.ndarray, amount: float = 0.0) -> np.ndarray:
    """The picture plus `amount` times what a blur of one pixel takes from it (unsharp mask).

    Args:
        image: (H, W, 3) uint8.
        amount: 0 (nothing) to 5.

    Raises:
        LessonError: when amount is out of range.
    """
    check_range("sharpen", amount, 0, 5)
    if amount == 0:
        return image
    return cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), 1.0), -amount, 0)


def paste(
    frame: np.ndarray,
    face: np.ndarray,
    matrix: np.ndarray,
    mask: np.ndarray,
    opacity: np.ndarray | None = None,
    seamless: bool = False,
) -> np.ndarray:
    """The frame with the generated face in it; where the mask is 0 not one bit changes.

    Args:
        frame: (H, W, 3) uint8.
        face: (h, w, 3) uint8, as it came from the model.
        matrix: (2, 3), frame pixels to face pixels: the very one that cut the model's input out.
        mask: (H, W) float32 in [0, 1] as from `face_mask`.
        opacity: (h, w) float32 in [0, 1], how much of the generated face counts; all if None.
        seamless: clone gradients instead of colours before blending (Pérez et al., "Poisson Image
            Editing", 2003), so that light and skin tone of the frame are kept.

    Returns:
        (H, W, 3) uint8, a new picture.
    """
    result = frame.copy()
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    if width == 0:
        return result
    box = slice(y, y + height), slice(x, x + width)
    to_box = compose(invert_matrix(matrix), np.array([[1.0, 0, -x], [0, 1.0, -y]]))
    patch = warp(face, to_box, (width, height))
    if opacity is None:
        opacity = np.ones(face.shape[:2], np.float32)
    inside = warp(opacity, to_box, (width, height), cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    alpha = mask[box] * inside
    if seamless:
        patch = _clone_gradients(frame, patch, alpha > 0, (x, y))
    difference = patch.astype(np.float32) - frame[box]
    result[box] = np.rint(frame[box] + alpha[..., None] * difference)
    return result


def _clone_gradients(
    frame: np.ndarray, patch: np.ndarray, inside: np.ndarray, corner: tuple[int, int]
) -> np.ndarray:
    """The patch in the light of the frame, whose pixel `corner` (x, y) is the patch's first.

    OpenCV puts the middle of the MASK's bounding box on the point it is given (not the middle of
    the patch), erodes the mask by three pixels and wants frame all round it; a face at the border
    gets the border's pixels repeated. A face too small for that is left as it is.
    """
    inside = np.pad(inside.astype(np.uint8) * 255, POISSON_MARGIN)
    if not cv2.erode(inside, None, iterations=3).any():
        return patch
    rows, columns = (
        np.clip(np.arange(-POISSON_MARGIN, side + POISSON_MARGIN) + start, 0, limit - 1)
        for side, start, limit in zip(patch.shape[:2], corner[::-1], frame.shape[:2], strict=True)
    )
    target = frame[rows[:, None], columns]
    source, own = target.copy(), slice(POISSON_MARGIN, -POISSON_MARGIN)
    source[own, own] = patch
    x, y, width, height = cv2.boundingRect(inside)
    center = x + width // 2, y + height // 2
    return cv2.seamlessClone(source, target, inside, center, cv2.NORMAL_CLONE)[own, own]


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
