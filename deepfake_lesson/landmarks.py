"""The 68 facial landmarks and the geometry of the face crop.

The 68 points are those of Sagonas et al., "300 Faces in-the-Wild Challenge" (ICCV Workshops 2013).
"left" is the left side of the picture. Coordinates are (x, y) pixels, pixel centres at integers:
a picture of width W covers the plane from x = -0.5 to x = W - 0.5.

One geometry serves extraction, training and conversion:

    frame  -- alignment_matrix(landmarks) -->  aligned face, 256 x 256
           -- model_matrix(size) ---------->  what a network sees and paints

and ``invert_matrix`` brings a painted face back by the same road.
"""

import math

import cv2
import numpy as np

REGIONS = {
    "jaw": slice(0, 17),
    "left_brow": slice(17, 22),
    "right_brow": slice(22, 27),
    "nose_bridge": slice(27, 31),
    "nose": slice(31, 36),
    "left_eye": slice(36, 42),
    "right_eye": slice(42, 48),
    "outer_lip": slice(48, 60),
    "inner_lip": slice(60, 68),
}
CLOSED_REGIONS = ("left_eye", "right_eye", "outer_lip", "inner_lip")
INNER = slice(17, 68)  # not the jaw: it slides along the outline as the head turns

PRECISION = 4  # of drawn points: OpenCV takes whole numbers of 1/16 pixel
ALIGNED_SIZE = 256  # pixels, width and height of an aligned face
FACE_SCALE = 0.50  # aligned widths per unit of the mean shape: holds heads turned by 25 degrees
FACE_CENTER = (0.4901, 0.62)  # the point of the mean shape in the middle of the aligned face
MODEL_COVERAGE = 0.70  # share of the aligned width that networks see: a frontal face, no more

# The mean shape to which dlib aligns points 17-67, with the jaw of an average head added.
# fmt: off
_MEAN_SHAPE = np.array([
    (-.108, .229), (-.112, .385), (-.092, .549), (-.051, .704), (.015, .852), (.109, .987),
    (.228, 1.090), (.355, 1.147), (.4901, 1.163), (.625, 1.147), (.752, 1.090), (.871, .987),
    (.965, .852), (1.031, .704), (1.072, .549), (1.092, .385), (1.088, .229),
    (.0002, .1065), (.0753, .0389), (.1811, .0187), (.2908, .0345), (.3934, .0774),
    (.5869, .0774), (.6895, .0345), (.7991, .0187), (.9050, .0389), (.9800, .1065),
    (.4901, .2034), (.4901, .3070), (.4901, .4098), (.4901, .5156),
    (.3669, .5873), (.4260, .6093), (.4901, .6281), (.5542, .6093), (.6134, .5873),
    (.1217, .2164), (.1871, .1788), (.2658, .1799), (.3346, .2317), (.2609, .2451),
    (.1827, .2441),
    (.6456, .2317), (.7144, .1799), (.7931, .1788), (.8585, .2164), (.7975, .2441),
    (.7193, .2451),
    (.2541, .7802), (.3410, .7454), (.4289, .7274), (.4901, .7426), (.5514, .7274),
    (.6393, .7454), (.7261, .7802), (.6422, .8648), (.5567, .9022), (.4901, .9093),
    (.4235, .9022), (.3381, .8648),
    (.2904, .7848), (.4281, .7787), (.4901, .7853), (.5522, .7787), (.6899, .7848),
    (.5534, .8242), (.4901, .8318), (.4269, .8242),
])
_RIGID = [*range(27, 36), 36, 39, 42, 45]  # nose and eye corners: no muscle moves them much
_RIGID_HEAD = np.array([  # those points of an average head, mm: x right, y down, z away from us
    (0, -1, -101), (0, 11.5, -104), (0, 24, -110.5), (0, 37, -119),
    (-13.5, 48, -102), (-7, 50, -100), (0, 51.5, -105), (7, 50, -100), (13.5, 48, -102),
    (-45, 0.5, -81.5), (-19, 2.5, -87.5), (19, 2.5, -87.5), (45, 0.5, -81.5),
], np.float64)
# fmt: on
# An average head in the same space is nearly an ellipsoid: its half axes and its middle.
_SKULL, _SKULL_CENTER = np.array([80.0, 120.0, 118.0]), np.array([0.0, -6.0, -18.0])

MEAN_FACE = ((_MEAN_SHAPE - FACE_CENTER) * FACE_SCALE + 0.5).astype(np.float32)
"""(68, 2) float32: the mean face in the aligned unit square, y downwards."""


def similarity_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation, uniform scale and shift that best bring `source` onto `target`.

    Least squares after Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two
    Point Patterns" (PAMI 1991). Both (N, 2), N >= 2 distinct points; returns a (2, 3) float64
    matrix. Mirror images are never returned.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    source_mean, target_mean = source.mean(0), target.mean(0)
    source, target = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(target.T @ source)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = (singular * sign).sum() / (source**2).sum()
    shift = target_mean - scale * rotation @ source_mean
    return np.column_stack([scale * rotation, shift])


def alignment_matrix(landmarks: np.ndarray, size: int = ALIGNED_SIZE) -> np.ndarray:
    """(2, 3) float64 matrix from frame pixels to the pixels of the aligned face (size x size)."""
    mean_face = MEAN_FACE[INNER].astype(np.float64) * size - 0.5
    return similarity_transform(landmarks[INNER], mean_face)


def model_matrix(size: int) -> np.ndarray:
    """(2, 3) float64 matrix from aligned-face pixels (256 x 256) to a model's pixels (size x size).

    The middle MODEL_COVERAGE of the aligned face, edge on edge.
    """
    scale = size / (MODEL_COVERAGE * ALIGNED_SIZE)
    corner = (1 - MODEL_COVERAGE) / 2 * ALIGNED_SIZE - 0.5
    shift = -0.5 - scale * corner
    return np.array([[scale, 0.0, shift], [0.0, scale, shift]])


def invert_matrix(matrix: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix that undoes `matrix`, float64."""
    return cv2.invertAffineTransform(np.asarray(matrix, np.float64))


def compose(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix that applies `first`, then `second`."""
    return np.asarray(second, np.float64) @ np.vstack([first, [0.0, 0.0, 1.0]])


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`points` (..., 2) moved by a (2, 3) matrix; float32 stays float32."""
    points = np.asarray(points)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved.astype(np.float32) if points.dtype == np.float32 else moved


def matrix_scale(matrix: np.ndarray) -> float:
    """How many times longer lengths become under `matrix` (the root of its change of area)."""
    return math.sqrt(abs(np.linalg.det(np.asarray(matrix)[:, :2])))


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    size: int | tuple[int, int],
    interpolation: int = cv2.INTER_CUBIC,
    border: int = cv2.BORDER_REPLICATE,
) -> np.ndarray:
    """The picture `image` moved by `matrix` onto a canvas of `size` (side, or width and height).

    `matrix` maps pixels of `image` to pixels of the result. Any number of channels, uint8 or
    float32. When the picture shrinks, every result pixel averages the pixels it covers (it is drawn
    larger by a whole factor, then reduced by area), so that no detail turns into false patterns.
    """
    width, height = (size, size) if isinstance(size, int) else size
    factor = min(max(1, round(1 / matrix_scale(matrix))), 8)
    enlarge = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2]])
    large = cv2.warpAffine(
        image,
        compose(matrix, enlarge),
        (width * factor, height * factor),
        flags=interpolation,
        borderMode=border,
    )
    if factor == 1:
        return large
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)


def points5(landmarks: np.ndarray) -> np.ndarray:
    """(5, 2): middle of the left and of the right eye, nose tip, left and right mouth corner."""
    left_eye = landmarks[REGIONS["left_eye"]].mean(0)
    right_eye = landmarks[REGIONS["right_eye"]].mean(0)
    return np.stack([left_eye, right_eye, landmarks[30], landmarks[48], landmarks[54]])


def interocular(landmarks: np.ndarray) -> float:
    """Distance of the outer eye corners in pixels: the unit of landmark errors (300-W)."""
    return float(np.linalg.norm(landmarks[36] - landmarks[45]))


def head_pose(landmarks: np.ndarray, image_size: tuple[int, int]) -> tuple[float, float, float]:
    """Yaw, pitch and roll of the head in degrees, from nose and eye corners.

    Yaw + turns towards the right of the picture, pitch + up, roll + clockwise. The camera is taken
    to have a focal length of twice the picture's longer side. An average head stands in for this
    one: over studio people half of the errors are below 1.6 degrees in yaw, 4.1 in pitch and 0.5
    in roll. A long or short nose shifts all pitches of a person alike, by up to 10 degrees;
    differences between frames of one person are better than that.

    Args:
        landmarks: (68, 2) pixels.
        image_size: (width, height) of the picture in pixels.
    """
    width, height = image_size
    focal = 2.0 * max(width, height)
    camera = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    points = np.asarray(landmarks, np.float64)[_RIGID]
    _, turn, shift = cv2.solvePnP(_RIGID_HEAD, points, camera, None, flags=cv2.SOLVEPNP_EPNP)
    _, turn, _ = cv2.solvePnP(_RIGID_HEAD, points, camera, None, turn, shift, True)
    matrix = cv2.Rodrigues(turn)[0]
    yaw = math.asin(np.clip(matrix[2, 0], -1, 1))
    pitch = math.atan2(-matrix[2, 1], matrix[2, 2])
    roll = math.atan2(matrix[1, 0], matrix[0, 0])
    return tuple(map(math.degrees, (yaw, pitch, roll)))


def head_outline(landmarks: np.ndarray, points: int = 48) -> np.ndarray:
    """Where the outline of an average head with these landmarks would be: (points, 2) pixels.

    An ellipsoid on nose and eye corners, seen from far away (after DeMenthon and Davis 1995,
    "Model-based object pose in 25 lines of code"); it knows nothing of hair. It covers bare or
    short-haired studio heads with an intersection over union of .85 (mean; .72 at least).
    """
    rigid, middle = np.asarray(landmarks, np.float64)[_RIGID], _RIGID_HEAD.mean(0)
    affine = np.linalg.lstsq(_RIGID_HEAD - middle, rigid - rigid.mean(0), rcond=None)[0].T
    left, scales, right = np.linalg.svd(affine, full_matrices=False)
    view = scales.mean() * left @ right  # the nearest rotation and scale, (2, 3)
    axes, lengths, _ = np.linalg.svd(view * _SKULL, full_matrices=False)
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    ellipse = np.column_stack([np.cos(turn), np.sin(turn)]) * lengths
    return ellipse @ axes.T + view @ (_SKULL_CENTER - middle) + rigid.mean(0)


def eye_aspect_ratio(landmarks: np.ndarray) -> float:
    """Height over width of the open eye, mean of both: about 0.3 open, below 0.2 closed.

    Soukupova and Cech, "Real-Time Eye Blink Detection using Facial Landmarks" (CVWW 2016).
    """
    return float(
        np.mean([_eye_ratio(landmarks[REGIONS[eye]]) for eye in ("left_eye", "right_eye")])
    )


def mouth_aspect_ratio(landmarks: np.ndarray) -> float:
    """Height over width of the gap between the lips: 0 closed, above 0.5 wide open."""
    corner, *upper, other_corner, lower_3, lower_2, lower_1 = landmarks[REGIONS["inner_lip"]]
    gaps = [_distance(*pair) for pair in zip(upper, (lower_1, lower_2, lower_3), strict=True)]
    return float(np.mean(gaps) / _distance(corner, other_corner))


def draw_landmarks(
    image: np.ndarray,
    landmarks: np.ndarray,
    color: tuple[int, int, int] = (0, 255, 120),
    thickness: int = 1,
) -> np.ndarray:
    """A copy of the RGB picture with each region of the face drawn as a line."""
    image = np.ascontiguousarray(image).copy()
    for name, region in REGIONS.items():
        draw_line(image, landmarks[region], name in CLOSED_REGIONS, color, thickness)
    return image


def draw_line(
    image: np.ndarray,
    points: np.ndarray,
    closed: bool,
    color: tuple[int, int, int],
    thickness: int = 1,
) -> None:
    """Draw a line through points (N, 2) into the picture, smooth and exact to 1/16 pixel."""
    path = np.rint(np.asarray(points, np.float64) * 2**PRECISION).astype(np.int32)
    path = path.reshape(-1, 1, 2)
    cv2.polylines(image, [path], closed, color, thickness, cv2.LINE_AA, PRECISION)


def _eye_ratio(eye: np.ndarray) -> float:
    height = (_distance(eye[1], eye[5]) + _distance(eye[2], eye[4])) / 2
    return height / _distance(eye[0], eye[3])


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b))
