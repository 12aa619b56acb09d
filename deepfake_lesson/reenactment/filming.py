"""From a driver's clip to one of somebody else: as long, with sound, labelled, signed, measured.

The driver's clip is read twice. First the face is followed, and all of it says where the square is;
then every frame is painted and written, several at once. What is in memory does not grow with the
pictures of a clip. Who paints, and from what, is the caller's business.
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
from deepfake_lesson.landmarks import warp
from deepfake_lesson.pipeline import Stopwatch, ahead
from deepfake_lesson.reenactment.driving import Track, describe_stretches, follow_face
from deepfake_lesson.reenactment.evaluation import ReenactmentEvaluation
from deepfake_lesson.video import VideoWriter, is_video, probe, read_frames

BATCH = 8  # frames that are painted together
SHEET_ROWS, SHEET_SIZE = 5, 256  # of a contact sheet, and pixels of its pictures


@dataclass(frozen=True, kw_only=True)
class FilmOptions:
    """How the driver is read and the result is shown.

    size: pixels of the video's side, None for the model's own.
    beside: show the driver, and what was painted from, to the left of the result.
    label: draw the visible label. Watermark and content credential are always there.
    detector: one of `detectors.DETECTORS`.
    smooth: frames on either side over which landmarks are averaged, see `tracking.steady`.

    Raises:
        LessonError: for a value that is unknown or out of range.
    """

    size: int | None = None
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
class Plan:
    """What is asked of the painter for each of the N frames of a track.

    matrix: (2, 3), the driver's pixels to those of the network's pictures, `size` wide and high.
    landmarks: (N, 68, 2) float32, where the result's ought to be.
    """

    track: Track
    matrix: np.ndarray
    size: int
    landmarks: np.ndarray

    def crops(self, source: str | Path) -> Iterator[np.ndarray]:
        """What the network sees of the driver, (size, size, 3) uint8 for each frame of the track.

        source: the clip that was followed.
        """
        shown = set(self.track.numbers.tolist())
        for number, frame in enumerate(read_frames(source)):
            if number in shown:
                yield warp(frame, self.matrix, self.size)


@dataclass(frozen=True, eq=False)
class _Shot:
    """A frame that is done; `index` is that of the painted row of the track."""

    number: int
    frame: np.ndarray
    index: int
    origin: np.ndarray
    picture: np.ndarray


class Filming:
    """What is painted, timed, measured and shown while a clip is made from a driver's.

    names: of the driver and of what the result is painted from, for the contact sheet. label: drawn
    into the result.

    Raises MediaError for a source that is no video, or an `out` that does not suit it.
    """

    def __init__(
        self,
        source: str | Path,
        out: str | Path,
        options: FilmOptions,
        names: tuple[str, str],
        label: str,
    ) -> None:
        self.source, self.out, self.options = Path(source), Path(out), options
        self.names, self.label = names, label
        self.timed, self.sheet, self.start = Stopwatch(), [], perf_counter()
        _check_files(self.source, self.out)
        self.info = probe(self.source)

    def follow(self, progress: bool) -> Track:
        """Where the driver's face is; raises NoFaceError if it is nowhere."""
        with self.timed("detect"):
            frames = tqdm(
                read_frames(self.source), "driver", self.info.frames, disable=not progress
            )
            return follow_face(self.source, self.options.detector, self.options.smooth, frames)

    def film(
        self,
        plan: Plan,
        painted: Iterator[tuple[np.ndarray, np.ndarray]],
        evaluation: ReenactmentEvaluation,
        progress: bool,
        model: str,
        inputs: tuple[Path, ...] = (),
    ) -> None:
        """Write the clip from (what was painted from, result), one pair for each row of the track.

        Both are (size, size, 3) uint8. Where a frame shows no face the last result stays; before
        the first face, the first. model, inputs: for the credential, as in `provenance.sign`; the
        driver's clip is there anyway.
        """
        self.plan, self.evaluation = plan, evaluation
        self.model, self.inputs = model, inputs
        self.measured = measured_frames(plan.track.numbers)
        rows = np.linspace(0, len(self.measured) - 1, SHEET_ROWS).round().astype(int)
        self.sheet_numbers = {sorted(self.measured)[row] for row in rows}
        size = self.options.size or plan.size
        shape = (3 if self.options.beside else 1) * size, size
        with replacing(self.out) as draft:
            with (
                VideoWriter(draft, self.info.fps, shape, self.source) as writer,
                closing(self._shots(painted)) as shots,
            ):
                for shot in tqdm(shots, "painting", plan.track.frames, disable=not progress):
                    self._look_at(shot)
                    with self.timed("encode"):
                        writer.write(self._shown(shot, size))
            self._sign(draft)

    def _shots(self, painted: Iterator) -> Iterator[_Shot]:
        """All frames of the clip with what is to be shown for them."""
        numbers, painted, index = self.plan.track.numbers, ahead(painted), -1
        for number, frame in enumerate(ahead(read_frames(self.source))):
            wanted = max(0, int(np.searchsorted(numbers, number, side="right")) - 1)
            if wanted > index:
                index, (origin, picture) = wanted, next(painted)
            yield _Shot(number, frame, index, origin, picture)

    def _look_at(self, shot: _Shot) -> None:
        """Measure some frames and, of a few, keep pictures."""
        if shot.number not in self.measured:
            return
        asked = self.plan.landmarks[shot.index]
        driver = self.plan.track.landmarks[shot.index]
        with self.timed("measure"):
            truth = self.evaluation.add(shot.number, shot.picture, asked, shot.frame, driver)
        if shot.number in self.sheet_numbers:
            pictures = [self._crop(shot), shot.origin, self._marked(shot.picture, shot)]
            if self.evaluation.truth:  # white where the driver's clip is longer than its recipe
                pictures.append(np.full_like(shot.picture, 255) if truth is None else truth)
            self.sheet += [fit(picture, SHEET_SIZE) for picture in pictures]

    def _shown(self, shot: _Shot, size: int) -> np.ndarray:
        """The picture of the video for a frame."""
        result = self._marked(fit(shot.picture, size), shot)
        if not self.options.beside:
            return result
        sides = [fit(picture, size) for picture in (self._crop(shot), shot.origin)]
        return np.concatenate([*sides, result], axis=1)

    def _crop(self, shot: _Shot) -> np.ndarray:
        return warp(shot.frame, self.plan.matrix, self.plan.size)

    def _marked(self, picture: np.ndarray, shot: _Shot) -> np.ndarray:
        scale = picture.shape[0] / self.plan.size
        face = (self.plan.landmarks[shot.index] + 0.5) * scale - 0.5
        return provenance.mark(picture, self.label, [face], self.options.label)

    def _sign(self, draft: Path) -> None:
        # Sound is recorded, not made.
        kind = provenance.COMPOSITE if self.info.audio else provenance.TRAINED
        with self.timed("sign"):
            provenance.sign(draft, None, self.out.name, kind, self.source, self.inputs, self.model)

    def report(self, **more) -> dict:
        """Write contact sheet and report.json beside the clip; return the report.

        `watermark` in it is False if the clip is too small to have it found.

        more: what the caller knows, such as `target` and `threshold`.
        """
        folder, track = self.out.parent, self.plan.track
        labels = (*self.names, "result", "truth")[: 4 if self.evaluation.truth else 3]
        with replacing(folder / "contact_sheet.png") as draft:
            rows = len(self.sheet) // len(labels)
            write_image(draft, grid(self.sheet, len(labels), labels * rows))
            inputs = (self.source, *self.inputs)
            provenance.sign(draft, title="contact_sheet.png", inputs=inputs, model=self.model)
        report = {
            "source": str(self.source),
            "out": str(self.out),
            "frames": track.frames,
            "faces_found": len(track.numbers),
            "held": describe_stretches(track.without_face),
            "seconds": {**self.timed.seconds, "total": perf_counter() - self.start},
            **self.evaluation.report(),
            **more,
            "video": describe(self.out),
            "watermark": provenance.has_room(self.out),
            "options": asdict(self.options),
        }
        with replacing(folder / "report.json") as draft:
            draft.write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
        return report


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
