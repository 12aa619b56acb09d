"""Put one person's face on another's, in a picture, a folder of pictures or a video.

A video runs through stages that work at the same time, each on later frames than the next:

    decode -> detect -> generate (several frames at once) -> blend -> measure, label, encode

Only a few frames are in memory at once, however long the video is.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from tqdm import tqdm

from deepfake_lesson import blending, provenance
from deepfake_lesson.detectors import DETECTORS
from deepfake_lesson.errors import LessonError, MediaError, check_choice, check_range
from deepfake_lesson.evaluation import Evaluation, describe, measured_frames, nobody
from deepfake_lesson.files import replacing
from deepfake_lesson.images import (
    fit,
    grid,
    is_image,
    list_images,
    read_image,
    to_uint8,
    write_image,
)
from deepfake_lesson.landmarks import alignment_matrix, compose, model_matrix, warp
from deepfake_lesson.pipeline import Stopwatch, ahead
from deepfake_lesson.tracking import Calm, FaceTracker, TrackedFace, steady
from deepfake_lesson.truth import studio_truth
from deepfake_lesson.video import VideoWriter, is_video, probe, read_frames

BATCH = 8  # frames whose faces are generated together
ENDLESS = 2**40  # a frame number that no video reaches
SHEET_ROWS, SHEET_SIZE = 5, 320  # of a contact sheet, and pixels of its pictures


@dataclass(frozen=True)
class ConvertOptions:
    """How faces are put back.

    mask, erosion, feather: see `blending.face_mask`; percent of the face's width. The default edge
    lies outside the landmarks' hull, so that brows and jaw are the new person's too.
    segment: paste only where the painted face shows a head, and leave what covers the original
    (hair, glasses, a hand) in front, see `models.segmentation`.
    seamless: clone gradients, see `blending.paste`.
    color: see `blending.match_color`. sharpen: see `blending.sharpen`. match_sharpness: instead,
    sharpen until the face has the fine detail of the one it replaces, see `blending.sharpness_gap`.
    frames: "10-50" swaps only in these frames, counted from 0, both ends included; also "10-", "7".
    discard_others: leave the other frames and their sound out; else they pass untouched.
    label: draw the visible labels. Watermark and content credential are always there.
    detector: one of `detectors.DETECTORS`.
    threshold: identity distance up to which a face is swapped; the person's own if None.
    smooth: frames on either side over which landmarks are averaged, see `tracking.steady`.
    calm: hertz; slower than that colour and sharpness follow the frame, so that they do not
    flicker, see `tracking.OneEuro`. 0 lets them follow at once.

    Raises:
        LessonError: for a value that is unknown or out of range.
    """

    mask: str = "facehullandrect"
    erosion: float = -12.0
    feather: float = 10.0
    segment: bool = True
    seamless: bool = False
    color: str = "none"
    sharpen: float = 0.3
    match_sharpness: bool = False
    frames: str | None = None
    discard_others: bool = False
    label: bool = True
    detector: str = "hog"
    threshold: float | None = None
    smooth: int = 2
    calm: float = 0.5

    def __post_init__(self) -> None:
        check_choice("mask", self.mask, blending.MASKS)
        check_choice("color", self.color, blending.COLORS)
        check_choice("detector", self.detector, DETECTORS)
        check_range("erosion", self.erosion, -50, 50)
        check_range("feather", self.feather, 0, 50)
        check_range("sharpen", self.sharpen, 0, 5)
        check_range("smooth", self.smooth, 0, 5)
        check_range("calm", self.calm, 0, 100)
        if self.threshold is not None:
            check_range("threshold", self.threshold, 0, 2)
        is_range = self.frames is None or re.fullmatch(r"\d{1,9}(-\d{0,9})?", self.frames)
        if not is_range or not self.span:
            raise LessonError(f"frames {self.frames!r}", "is no range", "Give one like 10-50.")

    @property
    def span(self) -> range:
        """The numbers of the frames in which faces are swapped."""
        first, dash, last = (self.frames or "0-").partition("-")
        last = last or (ENDLESS if dash else first)
        return range(int(first), int(last) + 1)


@dataclass(frozen=True, eq=False)
class Shot:
    """A frame that is done: all faces found in it, the wanted ones, the swap and where it is."""

    number: int
    frame: np.ndarray
    faces: list[TrackedFace]
    wanted: list[TrackedFace]
    swapped: np.ndarray
    mask: np.ndarray


class Swapper:
    """A trained model at work on frames.

    Args:
        model: from `training.load_model`.
        to: "b" puts b's face on a, "a" the other way round.
    """

    def __init__(self, model, to: str = "b", options: ConvertOptions = ConvertOptions()) -> None:
        check_choice("to", to, ("a", "b"))
        self.model = model
        self.to = to
        self.options = options
        self.source, self.target = model.identities["a" if to == "b" else "b"], model.identities[to]

    @classmethod
    def load(
        cls, folder: str | Path, to: str = "b", options: ConvertOptions = ConvertOptions()
    ) -> "Swapper":
        """Open a model's folder; raises ModelError if it is broken."""
        from deepfake_lesson.training import load_model

        return cls(load_model(folder), to, options)

    def tracker(self) -> FaceTracker:
        """Looks for the person whose face is to be replaced."""
        threshold = self.options.threshold
        limit = self.source.threshold if threshold is None else threshold
        return FaceTracker(self.source.embedding, limit, self.options.detector)

    def swap_frame(self, frame: np.ndarray) -> tuple[np.ndarray, int, int]:
        """Swap every face of the wanted person in a single picture.

        Args:
            frame: RGB uint8 (H, W, 3).

        Returns:
            The picture (the same array if nothing was swapped), faces found, faces swapped.
        """
        faces = self.tracker().find(frame)
        wanted = [face.landmarks for face in faces if face.is_wanted]
        painted = zip(*self.generate(self.crops(frame, wanted)), strict=True)
        return self.blend(frame, wanted, painted)[0], len(faces), len(wanted)

    def matrix(self, landmarks: np.ndarray) -> np.ndarray:
        """(2, 3) frame pixels to the model's pixels, there and back."""
        return compose(alignment_matrix(landmarks), model_matrix(self.model.size))

    def crops(self, frame: np.ndarray, landmarks: list[np.ndarray]) -> list[np.ndarray]:
        """What the model sees of each face, (size, size, 3) uint8."""
        return [warp(frame, self.matrix(points), self.model.size) for points in landmarks]

    def generate(self, crops: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The other person's faces for some crops, and how much of them is to be seen.

        Returns:
            Faces (n, size, size, 3) uint8 and their opacity (n, size, size) float32 in [0, 1].
        """
        size = self.model.size
        if not crops:
            return np.empty((0, size, size, 3), np.uint8), np.empty((0, size, size), np.float32)
        faces = to_uint8(self.model.predict(np.stack(crops), to=self.to))
        if not self.options.segment:
            return faces, np.ones(faces.shape[:3], np.float32)
        return faces, opacity(np.stack(crops), faces)

    def blend(
        self,
        frame: np.ndarray,
        landmarks: list[np.ndarray],
        painted: Iterable[tuple[np.ndarray, np.ndarray]],
        calmed: Callable[[str, Any], Any] = lambda name, value: value,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Paste painted faces with their opacity, as from `generate`, at their landmarks.

        calmed: makes of a value and its name one that goes with those of the frames before.

        Returns:
            The picture, and a mask (H, W) float32 that is 0 where nothing may have changed.
        """
        options, size, swapped = self.options, self.model.size, frame
        changed = np.zeros(frame.shape[:2], np.float32)
        for who, (points, (face, visible)) in enumerate(zip(landmarks, painted, strict=True)):
            matrix = self.matrix(points)
            mask = blending.face_mask(
                points, frame.shape, options.mask, options.erosion, options.feather
            )
            amount = options.sharpen
            if options.color != "none" or options.match_sharpness:
                crop = warp(frame, matrix, size)
                skin = warp(blending.face_mask(points, frame.shape), matrix, size)
                change = blending.color_change(face, crop, skin, options.color)
                face = blending.change_color(face, calmed(f"color {who}", change), options.color)
            if options.match_sharpness:
                amount = float(calmed(f"sharpen {who}", blending.sharpness_gap(face, crop, skin)))
            face = blending.sharpen(face, amount)
            swapped = blending.paste(swapped, face, matrix, mask, visible, options.seamless)
            changed = np.maximum(changed, mask)
        return swapped, changed


def opacity(crops: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """How much of painted faces is to be seen: heads, where nothing covers the original.

    crops, painted: (N, size, size, 3) uint8, what the model saw and what it painted.
    Returns (N, size, size) float32 in [0, 1].
    """
    from deepfake_lesson.models.segmentation import MAPS, segment
    from deepfake_lesson.studio.sculpt import smoothstep

    maps = segment(np.concatenate([painted, crops]))
    head = maps[: len(painted), ..., MAPS.index("head")]
    cover = maps[len(painted) :, ..., MAPS.index("cover")]
    # 0 below a quarter, 1 above three quarters: a doubt is no veil over the whole face.
    return smoothstep(0.25, 0.75, head) * (1 - smoothstep(0.25, 0.75, cover))


def convert(
    source: str | Path,
    model_folder: str | Path,
    to: str,
    out: str | Path,
    options: ConvertOptions = ConvertOptions(),
    progress: bool = False,
) -> dict:
    """Put the face of `to` on every face of the other person, and say how well that went.

    Writes `out`, labelled and signed, and beside it (for a folder: in it) `report.json` and
    `contact_sheet.png` (original, swapped and, for studio people, the truth). Nothing is written
    unless all goes well. Frames without the wanted face stay as they are.

    Args:
        source: a picture, a folder of pictures or a video.
        model_folder: a model made by `training.train`.
        to: "b" for b's face on a, "a" for a's face on b.
        out: a picture, folder or video to write.

    Returns:
        The report: what `Evaluation.report` has and `frames`, `faces_found`, `faces_swapped`,
        `seconds` (per stage; stages overlap), `video`, `watermark` (False if the pictures are too
        small to have it found), `options` and who was who. `a` is always the person in the source,
        `b` the one put on.

    Raises:
        MediaError: for a source that is no media, or an `out` that does not suit it.
        ModelError: for a broken model folder.
        NoFaceError: if there is no face, or none of the wanted person.
        LessonError: for `frames` outside the video.
    """
    from deepfake_lesson.checkpoints import model_name

    source, out = Path(source), Path(out)
    work = _way_to_convert(source, out)
    swapper = Swapper.load(model_folder, to, options)
    return work(_Job(swapper, model_name(model_folder), source, out, progress))


def _way_to_convert(source: Path, out: Path) -> Callable[["_Job"], dict]:
    """The function for such a source; MediaError if there is none or `out` does not suit it."""
    if not source.exists():
        raise MediaError(source, "there is no such file or folder", "Check the name.")
    if out.exists() and out.samefile(source):
        raise MediaError(out, "would replace the original", "Choose another name.")
    if source.is_dir():
        if out.is_file() or is_image(out) or is_video(out):
            raise MediaError(out, "is a file, but the source is a folder", "Name a folder.")
        return _convert_folder
    for kind, work in ((is_image, _convert_picture), (is_video, _convert_video)):
        if kind(source):
            provenance.check_signable(out)
            if not kind(out):
                remedy = f"Choose a name that ends in {source.suffix}."
                raise MediaError(out, f"is another kind of file than {source.name}", remedy)
            return work
    raise MediaError(source, "is neither a picture nor a video", "Give one, or a folder.")


def _convert_video(job: "_Job") -> dict:
    info, options = probe(job.source), job.options
    job.fps = float(info.fps)
    job.plan(info.frames)
    sound_span = None
    if options.discard_others:
        ends = options.span.start, min(options.span.stop, info.frames)
        sound_span = tuple(float(end / info.fps) for end in ends)
    size = (info.width, info.height)
    frames = enumerate(job.timed.each("decode", read_frames(job.source)))
    with replacing(job.out) as draft:
        with (
            VideoWriter(draft, info.fps, size, job.source, sound_span=sound_span) as writer,
            closing(_shots(job, frames, options.smooth)) as shots,
        ):
            for shot in tqdm(shots, "converting", info.frames, disable=not job.progress):
                job.look_at(shot, job.source)
                if job.is_kept(shot.number):
                    with job.timed("encode"):
                        writer.write(job.marked(shot))
            job.check()
        job.sign(draft, job.out, job.source)
    return job.finish(job.out.parent, describe(job.out))


def _convert_picture(job: "_Job") -> dict:
    job.plan(1)
    shot = _picture_shot(job, 0, job.source)
    job.check()
    job.write_picture(job.out, shot, job.source)
    return job.finish(job.out.parent, describe(job.out))


def _convert_folder(job: "_Job") -> dict:
    """All pictures of a folder; they appear in the other one together, when all are done."""
    pictures = list_images(job.source)
    if not pictures:
        raise MediaError(job.source, "holds no pictures", "Choose a folder of pictures.")
    job.plan(len(pictures))
    job.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{job.out.name}.", dir=job.out.parent) as drafts:
        for number, path in enumerate(tqdm(pictures, "converting", disable=not job.progress)):
            shot = _picture_shot(job, number, path)
            if shot.wanted:
                job.write_picture(Path(drafts, _signable_name(path)), shot, path)
            elif job.is_kept(number):
                shutil.copyfile(path, Path(drafts, path.name))
        job.check()
        job.out.mkdir(exist_ok=True)
        for draft in list_images(drafts):
            os.replace(draft, job.out / draft.name)
    return job.finish(job.out, describe(pictures[0]))


def _signable_name(path: Path) -> str:
    suffix = path.suffix.lower()
    return path.name if suffix in provenance.SIGNABLE else f"{path.name}.png"


def _picture_shot(job: "_Job", number: int, path: Path) -> Shot:
    with closing(_shots(job, iter([(number, read_image(path))]), smooth=0)) as shots:
        shot = next(shots)
    job.look_at(shot, path)
    return shot


def _shots(job: "_Job", frames: Iterator[tuple[int, np.ndarray]], smooth: int) -> Iterator[Shot]:
    """Convert numbered frames in stages that work at the same time."""
    found = ahead(_detect(job, ahead(frames)))
    painted = ahead(_generate(job, steady(found, smooth)))
    return ahead(_blend(job, painted))


def _detect(job: "_Job", frames: Iterable[tuple[int, np.ndarray]]) -> Iterator[tuple]:
    """Numbered frames and their faces; outside of the wanted stretch nobody looks for any."""
    tracker = job.swapper.tracker()
    for number, frame in frames:
        with job.timed("detect"):
            faces = tracker.find(frame) if number in job.options.span else []
        yield (number, frame), faces


def _generate(job: "_Job", tracked: Iterator[tuple]) -> Iterator[tuple]:
    """Add the wanted faces and what the model makes of them, of several frames at once."""
    while batch := list(islice(tracked, BATCH)):
        with job.timed("generate"):
            wanted = [_wanted(faces, landmarks) for _, faces, landmarks in batch]
            crops = [
                crop
                for ((_, frame), *_), faces in zip(batch, wanted, strict=True)
                for crop in job.swapper.crops(frame, [face.landmarks for face in faces])
            ]
            painted = zip(*job.swapper.generate(crops), strict=True)
        for (numbered, found, _), faces in zip(batch, wanted, strict=True):
            yield numbered, found, faces, list(islice(painted, len(faces)))


def _wanted(faces: list[TrackedFace], landmarks: list[np.ndarray]) -> list[TrackedFace]:
    """The faces to be swapped, with their steady landmarks."""
    pairs = zip(faces, landmarks, strict=True)
    return [replace(face, landmarks=points) for face, points in pairs if face.is_wanted]


def _blend(job: "_Job", painted: Iterable[tuple]) -> Iterator[Shot]:
    calm = Calm(job.options.calm, job.fps)
    for (number, frame), found, wanted, new_faces in painted:
        with job.timed("blend"):
            landmarks = [face.landmarks for face in wanted]
            swapped, mask = job.swapper.blend(frame, landmarks, new_faces, calm.at(number))
        yield Shot(number, frame, found, wanted, swapped, mask)


class _Job:
    """What is counted, timed, measured and shown while a source is converted.

    model: its name, for the credentials.
    """

    def __init__(
        self, swapper: Swapper, model: str, source: Path, out: Path, progress: bool
    ) -> None:
        self.swapper, self.model, self.options = swapper, model, swapper.options
        self.source, self.out, self.progress = source, out, progress
        truth = studio_truth(source, swapper.target.seed)
        self.evaluation = Evaluation(swapper.source.embedding, swapper.target.embedding, truth)
        self.counts = dict.fromkeys(("frames", "faces_found", "faces_swapped"), 0)
        self.timed = Stopwatch()
        self.sheet: list[np.ndarray] = []
        self.has_room = True  # for the watermark, in all pictures
        self.shown: list[Path] = []  # the files that the sheet shows
        self.fps = 0.0  # of a video
        self.start = perf_counter()

    def plan(self, frames: int) -> None:
        """Choose which of about so many frames are measured, and which of them are shown."""
        span = range(frames)[self.options.span.start : self.options.span.stop]
        self.measured = measured_frames(span)
        self.show_every, self.next_shown = max(1, len(span) // SHEET_ROWS), span.start

    def look_at(self, shot: Shot, path: Path) -> None:
        """Count, measure and, for a few frames, keep pictures; path: where the frame is from."""
        self.counts["frames"] += 1
        self.counts["faces_found"] += len(shot.faces)
        self.counts["faces_swapped"] += len(shot.wanted)
        is_due = shot.number in self.measured or not self.evaluation.rows
        if not (shot.wanted and is_due):
            return
        with self.timed("measure"):
            for face in shot.wanted:
                truth = self.evaluation.add(shot.number, shot.frame, shot.swapped, face, shot.mask)
        if shot.number >= self.next_shown:
            self.next_shown = shot.number + self.show_every
            pictures = [shot.frame, self.marked(shot)]
            if self.evaluation.truth:  # white where the clip is longer than its recipe
                pictures.append(np.full_like(shot.frame, 255) if truth is None else truth)
            self.sheet += [fit(picture, SHEET_SIZE) for picture in pictures]
            self.shown.append(path)

    def is_kept(self, number: int) -> bool:
        return number in self.options.span or not self.options.discard_others

    def marked(self, shot: Shot) -> np.ndarray:
        self.has_room &= provenance.has_room(shot.swapped)
        faces = [face.landmarks for face in shot.wanted]
        return provenance.mark(shot.swapped, faces=faces, visible=self.options.label)

    def check(self) -> None:
        """Raise an error if there was nothing to do."""
        if self.options.span.start >= self.counts["frames"]:
            problem = f"has only {self.counts['frames']} frames, not {self.options.frames}"
            raise LessonError(self.source, problem, "Frames are counted from 0.")
        if self.counts["faces_swapped"] == 0:
            raise nobody(self.source, self.swapper.source.name, self.counts["faces_found"])

    def sign(self, draft: Path, out: Path, original: Path) -> None:
        with self.timed("sign"):
            provenance.sign(draft, title=out.name, original=original, model=self.model)

    def write_picture(self, out: Path, shot: Shot, original: Path) -> None:
        """Write a marked, signed picture, whole or not at all."""
        with replacing(out) as draft:
            write_image(draft, self.marked(shot))
            self.sign(draft, out, original)

    def finish(self, folder: Path, video: dict) -> dict:
        """Write contact sheet and report, and return the report."""
        columns = 3 if self.evaluation.truth else 2
        labels = ("original", "swapped", "truth")[:columns] * (len(self.sheet) // columns)
        with replacing(folder / "contact_sheet.png") as draft:
            write_image(draft, grid(self.sheet, columns, labels))
            shown = tuple(dict.fromkeys(self.shown))
            provenance.sign(draft, title="contact_sheet.png", inputs=shown, model=self.model)
        swapper, total = self.swapper, perf_counter() - self.start
        report = {
            "source": str(self.source),
            "out": str(self.out),
            "a": swapper.source.name,
            "b": swapper.target.name,
            **self.counts,
            "seconds": {**self.timed.seconds, "total": total},
            **self.evaluation.report(),
            "threshold_b": swapper.target.threshold,
            "video": video,
            "watermark": self.has_room,
            "options": asdict(self.options),
        }
        with replacing(folder / "report.json") as draft:
            draft.write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
        return report
