"""One face followed through a clip: whose motion is learned from, or handed on."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepfake_lesson.errors import NoFaceError
from deepfake_lesson.landmarks import head_pose, interocular, mouth_aspect_ratio
from deepfake_lesson.pipeline import ahead
from deepfake_lesson.reenactment.conditions import (
    Square,
    face_square,
    find_pupils,
    whole_square,
)
from deepfake_lesson.tracking import FaceTracker, TrackedFace, nearest_face, steady
from deepfake_lesson.video import read_frames

RESTING_TURN = 7.0  # degrees, and
RESTING_MOUTH = 0.15  # mouth aspect ratio: so far from rest a frame counts for 60 %


@dataclass(frozen=True, eq=False)
class Track:
    """Where the face of a clip is: N of its `frames` frames show it.

    `numbers` (N,) int are those frames, from 0; `landmarks` (N, 68, 2) and `pupils` (N, 2, 2)
    float32 are in frame pixels; `size` is the frame's (width, height).
    """

    frames: int
    size: tuple[int, int]
    numbers: np.ndarray
    landmarks: np.ndarray
    pupils: np.ndarray

    @property
    def without_face(self) -> list[tuple[int, int]]:
        """First and last frame of every stretch without a face."""
        return stretches(np.setdiff1d(np.arange(self.frames), self.numbers))

    def square(self, framing: str) -> Square:
        """What of the clip the network sees, with a framing of `conditions.FRAMINGS`."""
        return face_square(self.landmarks) if framing == "face" else whole_square(*self.size)


def follow_face(
    clip: str | Path, detector: str = "hog", smooth: int = 2, frames: Iterable | None = None
) -> Track:
    """Follow the face of a clip, with steady landmarks; see `main_face` for which one.

    A face that the detector misses for a few frames is followed on if it is found again.

    Args:
        clip: a video; any size, upright as it is shown.
        detector: one of `detectors.DETECTORS`.
        smooth: frames on either side over which landmarks are averaged, see `tracking.steady`.
        frames: its frames, where they come by another way than `read_frames`.

    Raises:
        MediaError: for a clip that cannot be read.
        NoFaceError: for a clip that shows no face at all.
    """
    tracker = FaceTracker(None, 0.0, detector)
    rows, unsure, last, count, size = [], [], None, 0, (0, 0)
    found = ((frame, tracker.find(frame)) for frame in ahead(frames or read_frames(clip)))
    with closing(steady(found, smooth)) as steadied:
        for number, (frame, faces, landmarks) in enumerate(steadied):
            count, size = number + 1, frame.shape[1::-1]
            last = main_face(faces, last)
            if last is None:
                unsure = []
                continue
            points = landmarks[next(i for i, face in enumerate(faces) if face is last)]
            unsure.append((number, points, find_pupils(frame, points)))
            if not last.lost:
                rows += unsure
                unsure = []
    if not rows:
        raise NoFaceError(clip, "no face was found", "Give a clip in which a face is seen.")
    numbers, points, pupils = (np.array(column) for column in zip(*rows, strict=True))
    return Track(count, size, numbers, points, pupils)


def main_face(faces: Sequence[TrackedFace], last: TrackedFace | None) -> TrackedFace | None:
    """Of the faces of a frame the one that was followed so far, else the largest; None for none."""
    followed = nearest_face(last.landmarks, faces) if last else None
    return followed or max(faces, key=lambda face: interocular(face.landmarks), default=None)


def resting_shape(landmarks: np.ndarray, size: int) -> np.ndarray:
    """(68, 2) float32: the face when it looks ahead with a shut mouth, a mean weighted so.

    Who talks and turns to the left all the time has another mean than who sits still. Moved by the
    difference of such means, a driver's face would turn and open its mouth; resting faces differ by
    who they are.

    Args:
        landmarks: (N, 68, 2) of a clip, in pixels of the network's pictures.
        size: side of these in pixels.
    """
    poses = np.array([head_pose(points, (size, size)) for points in landmarks])
    poses[:, 1] -= np.median(poses[:, 1])  # a long nose shifts all pitches of a person
    mouths = np.array([mouth_aspect_ratio(points) for points in landmarks])
    opened = mouths - np.quantile(mouths, 0.1)
    unrest = (poses**2).sum(1) / RESTING_TURN**2 + opened**2 / RESTING_MOUTH**2
    weights = np.exp((unrest.min() - unrest) / 2)
    return np.average(landmarks, axis=0, weights=weights).astype(np.float32)


def stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Rising whole numbers as (first, last) of every run without a gap."""
    numbers = np.asarray(numbers, int)
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs if len(run)]


def describe_stretches(ranges: Sequence[tuple[int, int]]) -> str:
    """Frame ranges as text, such as "0-9, 40"."""
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
