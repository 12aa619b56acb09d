"""A clip of the driver in, a clip of the target doing the same out: labelled, signed, measured.

The driver's clip is read twice. First the face is followed, and all of it says where the square is
and what the driver's mean shape is; then every frame is drawn, painted and written, several at
once. What is in memory does not grow with the pictures of a clip.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from tqdm import tqdm

from deepfake_lesson import provenance
from deepfake_lesson.detectors import DETECTORS
from deepfake_lesson.errors import MediaError, check_choice, check_range
from deepfake_lesson.evaluation import describe, measured_frames
from deepfake_lesson.files import replacing
from deepfake_lesson.images import fit, grid, write_image
from deepfake_lesson.landmarks import transform_points, warp
from deepfake_lesson.pipeline import Stopwatch, ahead
from deepfake_lesson.reenactment import conditions
from deepfake_lesson.reenactment.driving import (
    Track,
    describe_stretches,
    follow_face,
    resting_shape,
)
from deepfake_lesson.reenactment.evaluation import ReenactmentEvaluation, reenactment_truth
from deepfake_lesson.video import VideoWriter, is_video, probe, read_frames

BATCH = 8  # frames that are painted together
SHEET_ROWS, SHEET_SIZE = 5, 256  # of a contact sheet, and pixels of its pictures


@dataclass(frozen=True)
class ReenactOptions:
    """How a clip is re-enacted.

    size: pixels of the video's side, None for the model's own.
    adapt: move the driver's landmarks to the target's face shape, see `conditions.adapt`.
    beside: show driver and drawing to the left of the result.
    label: draw the visible label. The content credential is always there.
    detector: one of `detectors.DETECTORS`.
    smooth: frames on either side over which landmarks are averaged, see `tracking.steady`.

    Raises:
        LessonError: for a value that is unknown or out of range.
    """

    size: int | None = None
    adapt: bool = True
    beside: bool = False
    label: bool = True
    detector: str = "hog"
    smooth: int = 2

    def __post_init__(self) -> None:
        check_choice("detector", self.detector, DETECTORS)
        check_range("smooth", self.smooth, 0, 5)
        if self.size is not None:
            check_range("size", self.size, 64, 2048)


@dataclass(frozen=True, eq=False)
class Drive:
    """What a driver's clip asks of the target, in the network's pixels.

    landmarks: (N, 68, 2), pupils: (N, 2, 2) float32. matrix: (2, 3), driver's pixels to those.
    """

    track: Track
    matrix: np.ndarray
    landmarks: np.ndarray
    pupils: np.ndarray

    @classmethod
    def of(cls, track: Track, model, adapt: bool = True) -> "Drive":
        """Frame a driver as the model's pairs were, and give him the target's face shape."""
        matrix = conditions.square_matrix(track.square(model.framing), model.size)
        landmarks = transform_points(track.landmarks, matrix)
        pupils = transform_points(track.pupils, matrix)
        if adapt:
            own_shape = resting_shape(landmarks, model.size)
            adapted = conditions.adapt(landmarks, own_shape, model.target_mean)
            pupils = conditions.move_pupils(pupils, landmarks, adapted)
            landmarks = adapted
        return cls(track, matrix, landmarks, pupils)


@dataclass(frozen=True, eq=False)
class Shot:
    """A frame that is done; `index` is that of the painted landmarks in the track."""

    number: int
    frame: np.ndarray
    index: int
    drawing: np.ndarray
    picture: np.ndarray


def reenact(
    source: str | Path,
    model_folder: str | Path,
    out: str | Path,
    options: ReenactOptions = ReenactOptions(),
    progress: bool = False,
) -> dict:
    """Let the model's person do what the driver in a clip does, and say how well that went.

    Writes `out`, as long as the clip, with its sound, labelled and signed, and beside it
    `report.json` and `contact_sheet.png` (driver, drawing, result and, for people of the studio,
    the truth). Where a frame shows no face, the last result stays; before the first face, the
    first. Of several faces the largest is followed, then the one nearest to it.

    Args:
        source: the driver's clip.
        model_folder: a model made by `reenactment.training.train_reenactment`.
        out: the video to write.

    Returns:
        The report: `frames`, `faces_found`, `held` (ranges of frames without a face), `seconds`
        (per stage; stages overlap), what `ReenactmentEvaluation.report` has, `video`, `options`.

    Raises:
        MediaError: for a source that is no video, or an `out` that does not suit it.
        ModelError: for a broken model folder.
        NoFaceError: if no frame shows a face.
    """
    from deepfake_lesson.reenactment.training import load_reenactment

    source, out = Path(source), Path(out)
    _check_files(source, out)
    job = _Job(load_reenactment(model_folder), source, out, options)
    info = probe(source)
    with job.timed("detect"):
        frames = tqdm(read_frames(source), "driver", info.frames, disable=not progress)
        track = follow_face(source, options.detector, options.smooth, frames)
    job.plan(track)
    with replacing(out) as draft:
        with (
            VideoWriter(draft, info.fps, job.shape, source) as writer,
            closing(job.shots()) as shots,
        ):
            for shot in tqdm(shots, "painting", track.frames, disable=not progress):
                job.look_at(shot)
                with job.timed("encode"):
                    writer.write(job.shown(shot))
        job.sign(draft, info.audio)
    return job.finish()


def _check_files(source: Path, out: Path) -> None:
    """Raise MediaError for files with which there is nothing to be done."""
    if not source.is_file():
        raise MediaError(source, "there is no such file", "Check the name.")
    if not is_video(source):
        raise MediaError(source, "is no video", "Give a clip of the driver.")
    provenance.check_signable(out)
    if not is_video(out):
        raise MediaError(out, "is no video", "Choose a name that ends in .mp4.")
    if out.exists() and out.samefile(source):
        raise MediaError(out, "would replace the original", "Choose another name.")


class _Job:
    """What is painted, timed, measured and shown while a clip is re-enacted."""

    def __init__(self, model, source: Path, out: Path, options: ReenactOptions) -> None:
        self.model, self.source, self.out, self.options = model, source, out, options
        truth = reenactment_truth(source, model.recipe, model.square, model.size)
        target = model.target
        self.evaluation = ReenactmentEvaluation(target.embedding, target.threshold, truth)
        self.timed, self.sheet, self.start = Stopwatch(), [], perf_counter()
        self.size = options.size or model.size

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height of the video."""
        return (3 if self.options.beside else 1) * self.size, self.size

    def plan(self, track: Track) -> None:
        """Frame the driver, and choose which frames are measured and which of them shown."""
        self.drive = Drive.of(track, self.model, self.options.adapt)
        self.measured = measured_frames(track.numbers)
        rows = np.linspace(0, len(self.measured) - 1, SHEET_ROWS).round().astype(int)
        self.sheet_numbers = {sorted(self.measured)[row] for row in rows}

    def shots(self) -> Iterator[Shot]:
        """All frames of the clip with what is to be shown for them."""
        numbers, painted, index = self.drive.track.numbers, ahead(self._painted()), -1
        for number, frame in enumerate(ahead(read_frames(self.source))):
            wanted = max(0, int(np.searchsorted(numbers, number, side="right")) - 1)
            if wanted > index:
                index, (drawing, picture) = wanted, next(painted)
            yield Shot(number, frame, index, drawing, picture)

    def _painted(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Drawing and result for each row of the track."""
        for first in range(0, len(self.drive.landmarks), BATCH):
            part = slice(first, first + BATCH)
            with self.timed("paint"):
                points = zip(self.drive.landmarks[part], self.drive.pupils[part], strict=True)
                drawings = np.stack([self.model.draw(*each) for each in points])
                pictures = self.model.predict(drawings)
            yield from zip(drawings, pictures, strict=True)

    def look_at(self, shot: Shot) -> None:
        """Measure some frames and, of a few, keep pictures."""
        if shot.number not in self.measured:
            return
        drawn, driver = self.drive.landmarks[shot.index], self.drive.track.landmarks[shot.index]
        with self.timed("measure"):
            truth = self.evaluation.add(shot.number, shot.picture, drawn, shot.frame, driver)
        if shot.number in self.sheet_numbers:
            pictures = [self._crop(shot), shot.drawing, self._labelled(shot.picture)]
            if self.evaluation.truth:  # white where the driver's clip is longer than its recipe
                pictures.append(np.full_like(shot.picture, 255) if truth is None else truth)
            self.sheet += [fit(picture, SHEET_SIZE) for picture in pictures]

    def shown(self, shot: Shot) -> np.ndarray:
        """The picture of the video for a frame."""
        result = self._labelled(fit(shot.picture, self.size))
        if not self.options.beside:
            return result
        sides = [fit(picture, self.size) for picture in (self._crop(shot), shot.drawing)]
        return np.concatenate([*sides, result], axis=1)

    def _crop(self, shot: Shot) -> np.ndarray:
        return warp(shot.frame, self.drive.matrix, self.model.size)

    def _labelled(self, picture: np.ndarray) -> np.ndarray:
        return (
            provenance.label_frame(picture, provenance.REENACTMENT_LABEL)
            if self.options.label
            else picture
        )

    def sign(self, draft: Path, has_sound: bool) -> None:
        kind = provenance.COMPOSITE if has_sound else provenance.TRAINED  # the sound is recorded
        with self.timed("sign"):
            provenance.sign(draft, None, self.out.name, kind, self.source)

    def finish(self) -> dict:
        """Write contact sheet and report, and return the report."""
        folder, track = self.out.parent, self.drive.track
        columns = 4 if self.evaluation.truth else 3
        labels = ("driver", "drawing", "result", "truth")[:columns]
        with replacing(folder / "contact_sheet.png") as draft:
            rows = len(self.sheet) // columns
            write_image(draft, grid(self.sheet, columns, labels * rows))
            provenance.sign(draft, title="contact_sheet.png")
        report = {
            "source": str(self.source),
            "out": str(self.out),
            "target": self.model.target.name,
            "frames": track.frames,
            "faces_found": len(track.numbers),
            "held": describe_stretches(track.without_face),
            "seconds": {**self.timed.seconds, "total": perf_counter() - self.start},
            **self.evaluation.report(),
            "threshold": self.model.target.threshold,
            "video": describe(self.out),
            "options": asdict(self.options),
        }
        with replacing(folder / "report.json") as draft:
            draft.write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
        return report
