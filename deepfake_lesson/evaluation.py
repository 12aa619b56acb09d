"""How good a swapped video is: the measures of `metrics` over its frames, in one report.

In a report `a` is the person in the original and `b` the one who was put on him.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from deepfake_lesson import metrics
from deepfake_lesson.blending import face_mask
from deepfake_lesson.dataset import person_embedding
from deepfake_lesson.detectors import read_landmarks
from deepfake_lesson.errors import MediaError, NoFaceError
from deepfake_lesson.identity import distance, embed
from deepfake_lesson.images import is_image, read_image
from deepfake_lesson.people import Person
from deepfake_lesson.tracking import FaceTracker, TrackedFace
from deepfake_lesson.truth import (
    Truth,
    TruthComparison,
    file_truth,
    media_frames,
    studio_truth,
)
from deepfake_lesson.video import probe

MEASURED_FRAMES, RUN = 64, 8  # of longer videos eight times eight frames in a row
CHANGED = 0.01  # a face whose pixels changed by more than this share of white counts as swapped


class Evaluation:
    """Measures of one face after another, and their summary.

    Args:
        a: (128,) embedding of the person in the original, None if unknown.
        b: (128,) embedding of the person put on him, None if unknown.
        truth: gives the perfect swap, or None.
    """

    def __init__(
        self, a: np.ndarray | None, b: np.ndarray | None, truth: Truth | None = None
    ) -> None:
        self.people = {who: known for who, known in (("a", a), ("b", b)) if known is not None}
        self.truth = truth
        self.comparison = TruthComparison()
        self.rows: list[dict[str, float]] = []
        self.paths: list[tuple[int, np.ndarray, np.ndarray]] = []

    def add(
        self,
        number: int,
        original: np.ndarray,
        swapped: np.ndarray,
        face: TrackedFace,
        mask: np.ndarray,
    ) -> np.ndarray | None:
        """Measure a face of frame `number`; return the perfect swap (H, W, 3), if there is one.

        Args:
            original: (H, W, 3) uint8.
            swapped: (H, W, 3) uint8.
            face: the face in the original.
            mask: (H, W), above 0 wherever the frame was to be changed.
        """
        before, after = face.landmarks, read_landmarks(swapped, face.landmarks)
        row = {
            "landmarks": metrics.landmark_change(before, after),
            "pose": metrics.pose_change(before, after, original.shape[1::-1]),
            "outside": metrics.truth_error(swapped, original, mask == 0),
        }
        embeddings = {"before": embed(original, before), "after": embed(swapped, after)}
        for when, embedding in embeddings.items():
            row |= {
                f"{when}_to_{who}": distance(embedding, self.people[who]) for who in self.people
            }
        truth = self.truth(number) if self.truth else None
        if truth is not None and truth.face_mask.any():
            pictures = {"input": original, "swap": swapped}
            known = {"input": embeddings["before"], "swap": embeddings["after"]}
            self.comparison.add(number, pictures, known, truth)
        self.rows.append(row)
        self.paths.append((number, before, after))
        return None if truth is None else truth.image

    def report(self) -> dict:
        """The measured part of a report: means over all faces added, None where there are none."""
        to_b, to_a = self._column("after_to_b"), self._column("after_to_a")
        return {
            "identity": {
                "before": {f"to_{who}": self._mean(f"before_to_{who}") for who in "ab"},
                "after": {f"to_{who}": self._mean(f"after_to_{who}") for who in "ab"},
                "share_nearer_b": metrics.share_nearer(to_b, to_a) if to_a and to_b else None,
            },
            "truth": self.comparison.report(),
            "change": {name: self._mean(name) for name in ("landmarks", "pose")},
            "outside_mask": self._mean("outside"),
            "jitter": self._jitter(),
            "measured": len(self.rows),
        }

    def _column(self, name: str) -> list[float]:
        return [row[name] for row in self.rows if np.isfinite(row.get(name, np.nan))]

    def _mean(self, name: str) -> float | None:
        return metrics.mean_known(self._column(name))

    def _jitter(self) -> dict[str, float] | None:
        """Jitter before and after; None without consecutive frames."""
        numbers, *paths = zip(*self.paths, strict=True)
        before, after = (metrics.jitter(np.stack(path), numbers) for path in paths)
        return {"before": before, "after": after} if np.isfinite(before) else None


def evaluate(
    original: str | Path,
    swapped: str | Path,
    person_a: Person,
    person_b: Person,
    truth: str | Path | None = None,
) -> dict:
    """Measure a swap that lies in files: pictures or videos of as many frames.

    Args:
        original: the media before; a studio clip with its recipe brings its own truth.
        swapped: the media after.
        person_a: the person in the original; with extracted faces, as person_b.
        person_b: the person put on him.
        truth: the perfect swap as a file, if it is known otherwise.

    Returns:
        `frames`, `faces_found`, `faces_swapped`, `seconds`, `identity`, `truth`, `video`,
        and what `Evaluation.report` adds. Errors are shares of white, identity distances
        Euclidean, landmark changes shares of the eyes' outer distance, pose changes degrees.

    Raises:
        MediaError: for media that cannot be read or do not belong together.
        NoFaceError: if the person is nowhere in the original, or has no extracted faces.
    """
    start = perf_counter()
    known = file_truth(truth) if truth else studio_truth(original, person_b.seed)
    a, b = _known(person_a), _known(person_b)
    evaluation, tracker = Evaluation(a, b, known), FaceTracker(a, person_a.threshold)
    measured = measured_frames(range(1 if is_image(original) else probe(original).frames))
    counts = {"frames": 0, "faces_found": 0, "faces_swapped": 0}
    for number, (before, after) in enumerate(_pairs(original, swapped)):
        faces = tracker.find(before)
        wanted = [face for face in faces if face.is_wanted]
        masks = [face_mask(face.landmarks, before.shape, erosion=-10) for face in wanted]
        changed = [metrics.truth_error(after, before, mask) > CHANGED for mask in masks]
        counts["frames"] += 1
        counts["faces_found"] += len(faces)
        counts["faces_swapped"] += sum(changed)
        if number in measured or not evaluation.rows:
            for face in wanted:
                evaluation.add(number, before, after, face, np.max(masks, axis=0))
    if not evaluation.rows:
        raise nobody(original, person_a.name, counts["faces_found"])
    seconds = {"evaluate": perf_counter() - start}
    return counts | {"seconds": seconds} | evaluation.report() | {"video": describe(swapped)}


def measured_frames(numbers: Sequence[int]) -> set[int]:
    """Which of these frames are measured, so that the report of a long video takes bounded time.

    All of a short one; of a long one runs of consecutive frames, evenly spread: trembling shows
    only from frame to frame.
    """
    if len(numbers) <= MEASURED_FRAMES:
        return set(numbers)
    starts = np.linspace(0, len(numbers) - RUN, MEASURED_FRAMES // RUN).round().astype(int)
    return {int(numbers[start + k]) for start in starts for k in range(RUN)}


def _known(person: Person) -> np.ndarray:
    embedding = person_embedding(person)
    if embedding is None:
        raise NoFaceError(person.folder, "has no extracted faces", "Extract them first.")
    return embedding


def nobody(source: str | Path, name: str, found: int) -> NoFaceError:
    """The error for media in which the wanted person does not appear."""
    if found == 0:
        return NoFaceError(source, "no face was found", "Give media in which a face is seen.")
    problem = f"{found} faces were found, none of them is {name}"
    return NoFaceError(source, problem, f"Give media of {name}, or raise the threshold.")


def describe(path: str | Path) -> dict:
    """The entry `video` of a report: width, height, fps (None for a picture) and audio."""
    if is_image(path):
        height, width = read_image(path).shape[:2]
        return {"width": width, "height": height, "fps": None, "audio": False}
    info = probe(path)
    size = {"width": info.width, "height": info.height}
    return size | {"fps": float(info.fps), "audio": info.audio}


def _pairs(original: str | Path, swapped: str | Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames of both media side by side; MediaError unless they are of one size and length."""
    remedy = f"Give the media that were made from {original}."
    after_frames = media_frames(swapped)
    for before in media_frames(original):
        after = next(after_frames, None)
        if after is None or after.shape != before.shape:
            raise MediaError(swapped, f"differs from {original} in size or length", remedy)
        yield before, after
    if next(after_frames, None) is not None:
        raise MediaError(swapped, f"is longer than {original}", remedy)
