"""The same face from frame to frame: who it is, where it is, and where it is without trembling."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, repeat
from typing import Any

import cv2
import numpy as np
from scipy.special import comb

from deepfake_lesson.detectors import detect_faces, refine_landmarks
from deepfake_lesson.identity import distance, embed
from deepfake_lesson.landmarks import alignment_matrix, interocular, warp

LARGEST_STEP = 0.4  # of the eyes' outer distance: what moves more in one frame is another face
CHECK_EVERY = 10  # frames for which a face that is followed keeps its identity unchecked
LEEWAY = 1.25  # thresholds that a followed face may be away, or it would flicker at the border
LOST_FOR = 5  # frames for which a face that the detector misses is looked for where it was
CLOSE = 0.2  # share of the picture's longer side that the face before a camera fills at least
UPRIGHT_SIZE = 128  # pixels of the aligned face in which HOG sees whether there is one
DOUBTFUL = -0.3  # HOG's score down to which a face that is followed counts as one


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face in a frame.

    `box` (x0, y0, x1, y1) and `landmarks` (68, 2) float32 are in pixels. `is_wanted` says whether
    it is the person looked for, `identity_distance` how far off it was when last checked (`age`
    frames ago), `lost` for how many frames the detector has missed it.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    is_wanted: bool
    identity_distance: float
    age: int = 0
    lost: int = 0


class FaceTracker:
    """Find the faces of consecutive frames and tell which are the wanted person's.

    Args:
        wanted: (128,) embedding of the wanted person; None takes every face.
        threshold: embedding distance up to which a face is the wanted person's.
        detector: one of `detectors.DETECTORS`.
    """

    def __init__(self, wanted: np.ndarray | None, threshold: float, detector: str = "hog") -> None:
        self.wanted = wanted
        self.threshold = threshold
        self.detector = detector
        self.faces: list[TrackedFace] = []

    def find(self, frame: np.ndarray) -> list[TrackedFace]:
        """The faces of the next frame, RGB uint8 (H, W, 3)."""
        before, faces = self.faces, []
        for found in detect_faces(frame, self.detector):
            old = nearest_face(found.landmarks, before)
            faces.append(self._identify(frame, found.box, found.landmarks, old))
        for old in before:
            if old.is_wanted and old.lost < LOST_FOR and not nearest_face(old.landmarks, faces):
                faces += self._look_again(frame, old)
        self.faces = faces
        return faces

    def _identify(self, frame, box, landmarks, old: TrackedFace | None) -> TrackedFace:
        if old and old.age + 1 < CHECK_EVERY:
            return replace(old, box=box, landmarks=landmarks, age=old.age + 1, lost=0)
        if self.wanted is None:
            return TrackedFace(box, landmarks, True, 0.0)
        off = distance(embed(frame, landmarks), self.wanted)
        limit = self.threshold * (LEEWAY if old and old.is_wanted else 1)
        return TrackedFace(box, landmarks, off <= limit, off)

    def _look_again(self, frame: np.ndarray, old: TrackedFace) -> list[TrackedFace]:
        landmarks = refine_landmarks(frame, old.landmarks)
        off = 0.0 if self.wanted is None else distance(embed(frame, landmarks), self.wanted)
        if off > self.threshold * LEEWAY or not nearest_face(landmarks, [old]):
            return []
        return [replace(old, landmarks=landmarks, identity_distance=off, lost=old.lost + 1)]


def nearest_face(landmarks: np.ndarray, faces: Iterable[TrackedFace]) -> TrackedFace | None:
    """The face that these landmarks (68, 2) can have come from since the last frame, or None."""

    def step(face: TrackedFace) -> float:
        return _move(landmarks, face.landmarks)

    return min((face for face in faces if step(face) < LARGEST_STEP), key=step, default=None)


def steady(
    stream: Iterable[tuple[np.ndarray, list[TrackedFace]]], radius: int = 2
) -> Iterator[tuple[np.ndarray, list[TrackedFace], list[np.ndarray]]]:
    """Add to each frame and its faces the faces' landmarks without the detector's trembling.

    Each face is followed up to `radius` frames back and ahead, and its landmarks are averaged with
    binomial weights (1 4 6 4 1 for a radius of 2). The span is as long on both sides, so that the
    result does not lag behind; it ends where a face appears, vanishes or jumps, as at a cut.

    Args:
        stream: frames and their faces; `radius` frames are held back.
        radius: 0 leaves the landmarks as they are.
    """
    window = deque([None] * (2 * radius + 1), maxlen=2 * radius + 1)
    for item in chain(stream, repeat(None, radius)):
        window.append(item)
        if window[radius] is not None:
            frame, faces = window[radius]
            behind, ahead = list(window)[:radius][::-1], list(window)[radius + 1 :]
            yield frame, faces, [_average(face, behind, ahead) for face in faces]


def _average(face: TrackedFace, behind: list, ahead: list) -> np.ndarray:
    past, future = _follow(face, behind), _follow(face, ahead)
    reach = min(len(past), len(future))
    path = [*past[:reach][::-1], face.landmarks, *future[:reach]]
    weights = comb(2 * reach, np.arange(2 * reach + 1)) / 4**reach
    return np.tensordot(weights, np.stack(path), axes=1).astype(np.float32)


def _follow(face: TrackedFace, items: Iterable) -> list[np.ndarray]:
    """The face's landmarks in one frame after the other, until it is lost."""
    path = []
    for item in items:
        face = item and nearest_face(face.landmarks, item[1])
        if not face:
            break
        path.append(face.landmarks)
    return path


class FaceFollower:
    """One face from frame to frame, fast enough for a camera.

    The whole picture is searched every `detect_every` frames: for the largest face, or for the one
    nearest to that of the frame before. In between dlib reads the landmarks anew where they were,
    and HOG looks at that upright crop alone, to see whether there is still a face.

    Args:
        detect_every: frames from one search to the next; 1 searches each.
        detector: one of `detectors.DETECTORS`.
    """

    def __init__(self, detect_every: int = 10, detector: str = "hog") -> None:
        self.detect_every, self.detector = detect_every, detector
        self.forget()

    def forget(self) -> None:
        """Follow nobody; the next frame is searched."""
        self.landmarks: np.ndarray | None = None
        self.lost = self.since = 0

    def search(self, frame: np.ndarray) -> np.ndarray | None:
        """Landmarks (68, 2) from the whole frame, RGB uint8 (H, W, 3), if it is time to search it.

        None if it is not, or if the face is not found: `follow` may still see it.
        """
        self.since += 1
        if self.landmarks is not None and self.since < self.detect_every:
            return None
        self.since = 0
        found = [face.landmarks for face in detect_faces(frame, self.detector, smallest=CLOSE)]
        if self.landmarks is not None:
            found = [points for points in found if _move(points, self.landmarks) < 1]
            chosen = min(found, key=lambda points: _move(points, self.landmarks), default=None)
        else:
            chosen = max(found, key=interocular, default=None)
        if chosen is not None:
            self.landmarks, self.lost = chosen, 0
        return chosen

    def follow(self, frame: np.ndarray) -> np.ndarray | None:
        """Landmarks (68, 2) where they were a frame ago; None if no face is there any more.

        After LOST_FOR frames without it the face is given up.
        """
        if self.landmarks is None:
            return None
        landmarks = refine_landmarks(frame, self.landmarks)
        if face_score(frame, landmarks) < DOUBTFUL:
            self.lost += 1
            if self.lost > LOST_FOR:
                self.forget()
            return None
        self.landmarks, self.lost = landmarks, 0
        return landmarks


def face_score(frame: np.ndarray, landmarks: np.ndarray) -> float:
    """How surely HOG sees a face at landmarks (68, 2): above 0 a face, -inf nothing like one.

    It looks at the upright crop alone, about a millisecond, and so it sees tilted heads too.
    """
    upright = warp(frame, alignment_matrix(landmarks, UPRIGHT_SIZE), UPRIGHT_SIZE, cv2.INTER_LINEAR)
    _, scores, _ = _upright_detector().run(upright, 0, -1.0)
    return max(scores, default=-np.inf)


class OneEuro:
    """A low-pass filter whose cutoff rises with speed: no trembling at rest, no lag in motion.

    Casiez, Roussel and Vogel 2012, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy
    Input in Interactive Systems" (CHI).

    Args:
        cutoff: hertz, at rest: lower trembles less.
        beta: hertz for each unit a second of speed: higher lags less.
        speed_cutoff: hertz, of the filter that the speed itself goes through.
    """

    def __init__(self, cutoff: float = 1.0, beta: float = 0.0, speed_cutoff: float = 1.0) -> None:
        self.cutoff, self.beta, self.speed_cutoff = cutoff, beta, speed_cutoff
        self.time = None

    def smooth(self, values: np.ndarray, time: float) -> np.ndarray:
        """The values, an array of any but always the same shape, at a time in seconds."""
        if self.time is None:
            self.values, self.speed = values, np.zeros_like(values)
        elif time > self.time:
            step = time - self.time
            speed = (values - self.values) / step
            self.speed = self.speed + _share(self.speed_cutoff, step) * (speed - self.speed)
            cutoff = self.cutoff + self.beta * np.abs(self.speed)
            self.values = self.values + _share(cutoff, step) * (values - self.values)
        self.time = time
        return self.values


class Calm:
    """Values that go with those of the frames before; after a gap of frames they begin anew.

    Args:
        cutoff: hertz, of a `OneEuro` filter for each value; 0 leaves them as they are.
        fps: frames a second.
    """

    def __init__(self, cutoff: float, fps: float) -> None:
        self.cutoff, self.fps = cutoff, fps
        self.filters: dict[str, OneEuro] = {}
        self.number = -1

    def at(self, number: int) -> Callable[[str, Any], Any]:
        """The function for frame `number`: a value's name and the value to the calm value."""
        if number != self.number + 1:
            self.filters = {}
        self.number = number

        def calmed(name: str, value: Any) -> Any:
            if value is None or not (self.cutoff and self.fps):
                return value
            known = self.filters.setdefault(name, OneEuro(self.cutoff))
            return known.smooth(np.asarray(value, np.float64), number / self.fps)

        return calmed


def _share(cutoff: float | np.ndarray, step: float) -> float | np.ndarray:
    """How much of a new value a first-order low-pass filter takes after `step` seconds."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))


def _move(landmarks: np.ndarray, before: np.ndarray) -> float:
    """Mean distance of two sets of landmarks, in distances of the outer eye corners."""
    move = np.linalg.norm(landmarks - before, axis=1).mean()
    return float(move / max(interocular(landmarks), 1e-6))


@cache
def _upright_detector():
    import dlib

    return dlib.get_frontal_face_detector()
