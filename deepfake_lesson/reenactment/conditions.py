"""What the re-enactment network is shown: a drawing of a face, and where it is framed.

A driver's face becomes landmarks, the landmarks a drawing, and the network paints the target from
the drawing. So a drawing must say how a face moves and be silent about whose face it is: it is
framed alike for everybody (`face_square`) and moved to the target's own shape (`adapt`).

    frame -- square_matrix(square, size) --> the network's picture, upright, size x size
"""

from dataclasses import dataclass

import cv2
import numpy as np

from deepfake_lesson.errors import LessonError
from deepfake_lesson.landmarks import (
    CLOSED_REGIONS,
    MEAN_FACE,
    PRECISION,
    REGIONS,
    alignment_matrix,
    draw_line,
    invert_matrix,
    matrix_scale,
    transform_points,
)

FRAMINGS = ("face", "whole")
FACE_SHARE = 0.95  # of the side of a face's square: the width of its aligned crop, head and neck
ABOVE = 0.06  # of the side: how far the square is moved up from the crop, for the hair
DARK = 0.3  # share of an eye's pixels that can be iris and pupil
WITHIN = 9  # pixels at least without the rim of an eye
# One colour a region: a crossing of lines, or a shut mouth, stays readable.
COLORS = {
    "jaw": (255, 255, 255),
    "left_brow": (255, 128, 0),
    "right_brow": (255, 128, 0),
    "nose_bridge": (160, 160, 255),
    "nose": (160, 160, 255),
    "left_eye": (0, 255, 0),
    "right_eye": (0, 255, 0),
    "outer_lip": (255, 0, 0),
    "inner_lip": (255, 0, 255),
}
PUPIL, OUTLINE = (255, 255, 0), (0, 96, 255)


@dataclass(frozen=True)
class Square:
    """A square of a frame in pixels: its middle (x, y) and its side."""

    x: float
    y: float
    side: float


def face_square(landmarks: np.ndarray) -> Square:
    """The square that holds head and neck in all frames of a clip, in the middle of their motion.

    The same face fills the same share of it wherever the camera stood: this is what normalises
    position and scale. landmarks: (68, 2) or (N, 68, 2) pixels.
    """
    landmarks = _checked(landmarks).reshape(-1, 68, 2)
    to_frame = [invert_matrix(alignment_matrix(points, 1)) for points in landmarks]
    middles = np.array([transform_points(MEAN_FACE.mean(0) - 0.5, m) for m in to_frame])
    side = float(np.median([matrix_scale(matrix) for matrix in to_frame])) / FACE_SHARE
    x, y = np.median(middles, axis=0)
    return Square(float(x), float(y) - ABOVE * side, side)


def whole_square(width: int, height: int) -> Square:
    """The largest square in the middle of a frame: the classic way, which normalises nothing."""
    return Square((width - 1) / 2, (height - 1) / 2, float(min(width, height)))


def square_matrix(square: Square, size: int) -> np.ndarray:
    """(2, 3) float64 matrix from frame pixels to those of the network's picture (size x size)."""
    scale = size / square.side
    middle = (size - 1) / 2
    return np.array(
        [[scale, 0.0, middle - scale * square.x], [0.0, scale, middle - scale * square.y]]
    )


def adapt(landmarks: np.ndarray, driver_mean: np.ndarray, target_mean: np.ndarray) -> np.ndarray:
    """A driver's landmarks on the target's face: the target's shape and the driver's motion.

    All (68, 2) or, for landmarks, (N, 68, 2), in the network's pixels; the means are those of a
    clip or of a stretch of it.
    """
    return (landmarks + (target_mean - driver_mean)).astype(np.float32)


def move_pupils(pupils: np.ndarray, landmarks: np.ndarray, adapted: np.ndarray) -> np.ndarray:
    """Pupils (..., 2, 2) that stay in their eyes as landmarks (..., 68, 2) become adapted ones."""
    eyes = [REGIONS["left_eye"], REGIONS["right_eye"]]
    moves = [(adapted - landmarks)[..., eye, :].mean(-2) for eye in eyes]
    return pupils + np.stack(moves, axis=-2)


def find_pupils(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(2, 2) float32 pixels: middle of the dark part of the left and of the right eye.

    Within the outline of an eye iris and pupil are darker than the white; its rim is left out where
    the eye is open enough, for lashes are dark too. image: (H, W, 3) uint8.
    """
    pupils = []
    for name in ("left_eye", "right_eye"):
        eye = np.asarray(landmarks[REGIONS[name]], np.float32)
        low = np.floor(eye.min(0)).astype(int) - 1
        high = np.ceil(eye.max(0)).astype(int) + 2
        width, height = high - low
        patch = cv2.getRectSubPix(image, (int(width), int(height)), ((low + high - 1) / 2).tolist())
        inside = np.zeros((height, width), np.uint8)
        cv2.fillPoly(inside, [np.rint(eye - low).astype(np.int32)], 1)
        within = cv2.erode(inside, np.ones((3, 3), np.uint8))
        inside = within if within.sum() >= WITHIN else inside
        gray = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
        limit = np.quantile(gray[inside > 0], DARK)
        weights = inside * np.maximum(limit - gray, 0) + 1e-6 * inside
        rows, columns = np.mgrid[:height, :width]
        total = weights.sum()
        middle = (columns * weights).sum() / total, (rows * weights).sum() / total
        pupils.append(low + np.array(middle))
    return np.array(pupils, np.float32)


def draw_condition(
    landmarks: np.ndarray,
    size: int,
    thickness: int = 2,
    pupils: np.ndarray | None = None,
    outline: np.ndarray | None = None,
) -> np.ndarray:
    """The drawing (size, size, 3) uint8 that stands for a face: all 68 points, a line a region.

    landmarks: (68, 2) in the pixels of the drawing. thickness: of the lines in pixels. pupils:
    (2, 2), as spots. outline: (N, 2) of the head, as a closed line, see `head_outline`.
    """
    landmarks, drawing = _checked(landmarks), np.zeros((size, size, 3), np.uint8)
    if outline is not None:
        draw_line(drawing, outline, True, OUTLINE, thickness)
    for name, region in REGIONS.items():
        draw_line(drawing, landmarks[region], name in CLOSED_REGIONS, COLORS[name], thickness)
    for x, y in () if pupils is None else np.rint(np.asarray(pupils) * 2**PRECISION).astype(int):
        radius = round(size / 100 * 2**PRECISION)
        cv2.circle(drawing, (int(x), int(y)), radius, PUPIL, -1, cv2.LINE_AA, PRECISION)
    return drawing


def _checked(landmarks):
    landmarks, remedy = np.asarray(landmarks), "Take them from a detector."
    if landmarks.shape[-2:] != (68, 2) or not landmarks.size:
        raise LessonError("landmarks", f"their shape is {landmarks.shape}, not (68, 2)", remedy)
    if not np.isfinite(landmarks).all():
        raise LessonError("landmarks", "some are not numbers", remedy)
    return landmarks
