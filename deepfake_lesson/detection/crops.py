"""What of a frame a detector sees: the one crop for training, for testing and for use.

Scores that do not say how the face was cut cannot be compared: a tight crop hides the boundary that
a wide one shows. Here it is always the square round the 68 landmarks' box, SCALE times as wide, not
turned. A clip gives up to FRAMES such squares, evenly spread over its length.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.errors import LessonError, MediaError
from deepfake_lesson.identity import distance, embed
from deepfake_lesson.images import fit, is_image, read_image
from deepfake_lesson.landmarks import transform_points, warp
from deepfake_lesson.metrics import landmark_change
from deepfake_lesson.people import THRESHOLDS
from deepfake_lesson.tracking import LARGEST_STEP
from deepfake_lesson.video import probe, read_frames

SCALE = 1.3  # sides of the crop over the longer side of the landmarks' box
FRAMES = 32  # of a clip, as is usual in the field


def crop_matrix(landmarks: np.ndarray, size: int, scale: float = SCALE) -> np.ndarray:
    """(2, 3) float64 matrix from frame pixels to those of the crop (size x size).

    landmarks: (68, 2) frame pixels. Raises LessonError for other shapes or a face without extent.
    """
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (68, 2) or not np.isfinite(landmarks).all():
        problem = f"are no 68 points but {landmarks.shape}"
        raise LessonError("landmarks", problem, "Take them from a detector.")
    low, high = landmarks.min(0), landmarks.max(0)
    side = scale * float((high - low).max())
    if side <= 0:
        raise LessonError("landmarks", "lie all in one place", "Take them from a detector.")
    zoom = size / side
    shift = (size - 1) / 2 - zoom * (low + high) / 2
    return np.array([[zoom, 0.0, shift[0]], [0.0, zoom, shift[1]]])


def crop_face(
    frame: np.ndarray, landmarks: np.ndarray, size: int, scale: float = SCALE
) -> tuple[np.ndarray, np.ndarray]:
    """The face's crop (size, size, 3) uint8, and its landmarks (68, 2) float32 in crop pixels.

    frame: (H, W, 3) uint8; beyond its border the last pixels are repeated.
    """
    matrix = crop_matrix(landmarks, size, scale)
    return warp(frame, matrix, size), transform_points(landmarks, matrix).astype(np.float32)


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One face through the frames of a clip in which it was seen, N of them.

    numbers: of these frames, from 0. landmarks: (N, 68, 2) float32, frame pixels. crops: (N, size,
    size, 3) uint8. points: (N, 68, 2) float32, the landmarks in crop pixels.
    """

    numbers: np.ndarray
    landmarks: np.ndarray
    crops: np.ndarray
    points: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, eq=False)
class FaceCrops:
    """Faces of many videos, of which is known what they are.

    images: (N, size, size, 3) uint8. points: (N, 68, 2) float32, crop pixels. labels: (N,) int, 1
    fake, 0 real. videos, makers: (N,) text; the maker of a real video is "real".
    """

    images: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    videos: np.ndarray
    makers: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def rows_of(self) -> dict[str, np.ndarray]:
        """Each maker's rows, in the order of their names; "real" is among them."""
        return {
            str(maker): np.flatnonzero(self.makers == maker) for maker in np.unique(self.makers)
        }

    def where(self, chosen: np.ndarray) -> "FaceCrops":
        """Those chosen by a mask or by numbers."""
        return FaceCrops(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def joined(self, other: "FaceCrops") -> "FaceCrops":
        """These and those of another set."""
        names = [each.name for each in fields(self)]
        return FaceCrops(*(np.concatenate([getattr(self, n), getattr(other, n)]) for n in names))

    @property
    def real(self) -> "FaceCrops":
        return self.where(self.labels == 0)

    def resized(self, size: int) -> "FaceCrops":
        """The same faces, `size` pixels wide and high."""
        if self.images.shape[1] == size:
            return self
        images = np.stack([fit(image, (size, size)) for image in self.images])
        zoom = size / self.images.shape[1]
        points = ((self.points + 0.5) * zoom - 0.5).astype(np.float32)
        return replace(self, images=images, points=points)


def spread(count: int, most: int) -> np.ndarray:
    """Numbers below `count`, at most so many, evenly spread: int."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(int)


def clip_tracks(
    clip: str | Path, size: int, frames: int = FRAMES, detector: str = "hog"
) -> list[FaceTrack]:
    """The faces of a clip or picture, the one that is seen most often first; [] without a face.

    A face belongs to a track if it is where that was last, or else if it looks like it. What takes
    somebody's very place at a cut is therefore not told apart.

    Args:
        clip: a video or a picture.
        size: pixels of a crop's side.
        frames: how many of a video are looked at, evenly spread.
        detector: one of `detectors.DETECTORS`.

    Raises:
        MediaError: for a clip that cannot be read.
        LessonError: for an unknown detector, or less than one frame.
    """
    paths: list[_Path] = []
    for number, frame in chosen_frames(clip, frames):
        free = list(paths)
        for face in detect_faces(frame, detector):
            row = _Row(number, face.landmarks, *crop_face(frame, face.landmarks, size))
            path = next((each for each in free if each.is_near(row)), None)
            path = path or next((each for each in free if each.looks_like(row)), None)
            if path is None:
                paths.append(_Path([row]))
            else:
                free.remove(path)
                path.rows.append(row)
    return [path.track() for path in sorted(paths, key=lambda path: -len(path.rows))]


def chosen_frames(clip: str | Path, frames: int) -> Iterator[tuple[int, np.ndarray]]:
    """Up to so many frames of a video with their numbers, evenly spread; of a picture the one."""
    if frames < 1:
        raise LessonError(f"frames {frames}", "is less than one", "Give 1 or more.")
    if is_image(clip):
        yield 0, read_image(clip)
        return
    total = probe(clip).frames
    wanted = set(np.linspace(0, max(total, 1) - 1, frames).round().astype(int).tolist())
    number = -1
    for number, frame in enumerate(read_frames(clip)):
        if number in wanted:
            yield number, frame
    if number < 0:
        raise MediaError(clip, "holds no frame", "Copy or record it again.")


class _Row(NamedTuple):
    """A face in one frame."""

    number: int
    landmarks: np.ndarray
    crop: np.ndarray
    points: np.ndarray

    def looks(self) -> np.ndarray:
        return embed(self.crop, self.points)


@dataclass(frozen=True, eq=False)
class _Path:
    """A face that is followed."""

    rows: list[_Row]

    def is_near(self, row: _Row) -> bool:
        return landmark_change(self.rows[-1].landmarks, row.landmarks) < LARGEST_STEP

    def looks_like(self, row: _Row) -> bool:
        return distance(self.rows[-1].looks(), row.looks()) <= THRESHOLDS["synthetic"]

    def track(self) -> FaceTrack:
        columns = zip(*self.rows, strict=True)
        return FaceTrack(*(np.array(column) for column in columns))
