"""From a person's media to aligned faces: every frame is looked at once, every face cut out once.

The work may stop at any moment, even by kill -9, and is taken up where it stopped. A face exists
when its line in alignments.jsonl does; the line is written after the picture.
"""

import hashlib
import json
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import floor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from .dataset import BLURRED, contact_sheet, is_kept
from .detectors import DetectedFace, detect_faces
from .errors import LessonError, MediaError, NoFaceError
from .files import folder_lock, replacing
from .identity import FaceFilter, embed
from .images import is_image, read_image, write_image
from .landmarks import (
    ALIGNED_SIZE,
    MODEL_COVERAGE,
    alignment_matrix,
    interocular,
    warp,
)
from .people import Alignment, Person, append_alignments, read_alignments
from .video import is_video, probe, read_frames

MIN_SHARPNESS = 8.0  # see `sharpness`: what is below is set aside
SAVE_EVERY = 25  # frames between two notes of how far the work has come

Numbered = tuple[int, np.ndarray]  # a frame's number, from 0, and its picture


@dataclass
class ExtractionReport:
    """What an extraction did; `seconds` by stage, summed over all processes."""

    frames: int = 0
    faces_found: int = 0
    kept: int = 0
    blurred: int = 0
    refused: int = 0
    skipped_existing: int = 0
    seconds: dict[str, float] = field(default_factory=Counter)


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face of a frame and whether it is the wanted person's.

    `identity_distance` is None where there is no picture of the wanted person to compare.
    """

    face: DetectedFace
    identity_distance: float | None = None
    accepted: bool = True


def create_face_dataset(
    person: Person,
    detector: str = "hog",
    want: Iterable[str | Path] = (),
    refuse: Iterable[str | Path] = (),
    threshold: float | None = None,
    fps: float | None = None,
    rotate: bool = False,
    min_sharpness: float | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> ExtractionReport:
    """Cut the aligned faces out of a person's pictures and videos into the person's faces/.

    A second run does only what is new. Faces of other people are counted, but stored nowhere.
    contact_sheet.png in the person's folder shows what was kept and what was too blurred.

    Args:
        person: whose media to look at.
        detector: one of `detectors.DETECTORS`.
        want: pictures of this person; faces that do not resemble them are refused.
        refuse: pictures of people to leave out.
        threshold: embedding distance up to which two faces are one person's; None for `person`'s.
        fps: frames per second of a video to look at; None for all.
        rotate: also look for faces that lean or stand on their head.
        min_sharpness: less sharp faces go to faces/blurred; None for MIN_SHARPNESS.
        jobs: processes; the result does not depend on their number.
        progress: show a bar where stderr is a terminal.

    Raises:
        MediaError: there are no media, or one of them cannot be read.
        NoFaceError: there is no usable face in them, or none of the wanted person.
        BusyError: another extraction is at work in this folder.
        DiskFullError: the disk is full.
    """
    sources = _sources(person)
    who = _references(want, refuse, person.threshold if threshold is None else threshold, detector)
    method = _Method(detector, rotate, _checked_fps(fps), who)
    limit = MIN_SHARPNESS if min_sharpness is None else min_sharpness
    with folder_lock(person.faces, "an extraction"):
        work = _Work(person, limit)
        with _ordered_map(jobs) as run, _progress_bar(sources, fps, progress) as bar:
            for source in sources:
                for _ in _extract(source, method, work, run):
                    bar.update()
        work.close(who)
    return work.report


def find_faces(
    image: np.ndarray,
    who: FaceFilter | None = None,
    detector: str = "hog",
    rotate: bool = False,
    sizes: Sequence[float] = (0.25, 0.1),
    seconds: Counter | None = None,
) -> list[FoundFace]:
    """The faces of a frame, from left to right, each compared with `who` if that is given.

    `sizes` are shares of the picture's longer side: faces as large as the first are looked for, and
    smaller ones only if nobody wanted is among them. With one person in front of a camera that is
    several times as fast as looking for all sizes. `seconds` gathers the time by stage.
    """
    seconds = Counter() if seconds is None else seconds
    found: list[FoundFace] = []
    for size in sizes:
        with _timed(seconds, "detect"):
            faces = detect_faces(image, detector, rotate=rotate, smallest=size)
        with _timed(seconds, "identify"):
            found = [_compare(image, face, who) for face in faces]
        if any(face.accepted for face in found):
            break
    return found


def sharpness(aligned: np.ndarray) -> float:
    """How sharp an aligned face (S, S, 3) uint8 is: below 5 blurred, above 20 good.

    Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) over the variance of the grey values,
    in percent, of the middle of the face at 64 x 64 pixels. So a dark face is not taken for a
    blurred one, and a small face is not judged by pixels that it never had.
    """
    size = aligned.shape[0]
    margin = round((1 - MODEL_COVERAGE) / 2 * size)
    middle = aligned[margin : size - margin, margin : size - margin]
    small = cv2.resize(middle, (64, 64), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(100 * cv2.Laplacian(grey, cv2.CV_32F).var() / max(grey.var(), 1.0))


# One frame


@dataclass(frozen=True, eq=False)
class _Method:
    """How faces are looked for."""

    detector: str
    rotate: bool
    fps: float | None
    who: FaceFilter | None

    def __str__(self) -> str:
        """What a frame without a face depends on: if it changes, the frame is looked at again."""
        text = f"{self.detector} rotate={self.rotate} fps={self.fps}"
        if self.who is None:
            return text
        references = self.who.wanted.tobytes() + b"|" + self.who.unwanted.tobytes()
        return f"{text} who={hashlib.sha256(references).hexdigest()} <= {self.who.threshold}"


@dataclass(frozen=True, eq=False)
class _Examined:
    """What one frame holds: accepted faces, their aligned pictures, and how far others are off."""

    frame: int
    accepted: list[FoundFace]
    aligned: list[np.ndarray]
    refused: list[FoundFace]
    seconds: Counter


def _examine(method: _Method, sizes: Sequence[float], numbered: Numbered) -> _Examined:
    frame, image = numbered
    seconds = Counter()
    found = find_faces(image, method.who, method.detector, method.rotate, sizes, seconds)
    accepted = [each for each in found if each.accepted]
    with _timed(seconds, "align"):
        aligned = [_align(image, each.face) for each in accepted]
    refused = [each for each in found if not each.accepted]
    return _Examined(frame, accepted, aligned, refused, seconds)


def _compare(image: np.ndarray, face: DetectedFace, who: FaceFilter | None) -> FoundFace:
    if who is None:
        return FoundFace(face)
    embedding = embed(image, face.landmarks)
    return FoundFace(face, who.distance(embedding), who.accepts(embedding))


def _align(image: np.ndarray, face: DetectedFace) -> np.ndarray:
    return warp(image, alignment_matrix(face.landmarks), ALIGNED_SIZE)


@contextmanager
def _timed(seconds: Counter, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] += time.perf_counter() - start


# All frames


def _extract(
    source: Path, method: _Method, work: "_Work", run: Callable[..., Iterator[_Examined]]
) -> Iterator[None]:
    """Look at the frames of one source that are new; yields after each."""
    first = work.first_frame(source, str(method))
    if first is None:
        return
    sizes = (0.25, 0.1) if is_video(source) else (0.1,)
    frames = _timed_frames(_frames(source, method.fps, first), work.report.seconds)
    for examined in run(partial(_examine, method, sizes), frames):
        work.store(source, method.detector, examined)
        yield
    work.finish(source)


def _frames(source: Path, fps: float | None, first: int) -> Iterator[Numbered]:
    """The frames from `first` on; of a video `fps` a second, numbered as in the whole video."""
    if not is_video(source):
        yield 0, read_image(source)
        return
    share = min(1.0, fps / float(probe(source).fps)) if fps else 1.0
    for number, image in enumerate(read_frames(source)):
        is_chosen = floor(number * share) > floor((number - 1) * share)
        if number >= first and is_chosen:
            yield number, image


def _timed_frames(frames: Iterator[Numbered], seconds: Counter) -> Iterator[Numbered]:
    while True:
        with _timed(seconds, "read"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


@contextmanager
def _ordered_map(jobs: int) -> Iterator[Callable]:
    """A `map` over processes: results in order, only a few frames in memory.

    dlib holds Python's global lock while it works, so threads would not help.
    """
    if jobs <= 1:
        yield map
        return

    def run(function: Callable, items: Iterable) -> Iterator:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        yield run
    finally:
        pool.shutdown(cancel_futures=True)


class _Work:
    """What has been done in a person's folder, and what this run adds to it.

    faces/progress.json says for each source with which method it was looked at, and up to which
    frame: so frames without a face are not looked at twice.
    """

    def __init__(self, person: Person, min_sharpness: float) -> None:
        self.person = person
        self.min_sharpness = min_sharpness
        self.rows = read_alignments(person)
        self.files = {row.file for row in self.rows}
        self.landmarks = defaultdict(list)
        for row in self.rows:
            self.landmarks[row.source, row.frame].append(row.landmarks)
        self.report = ExtractionReport(skipped_existing=len(self.rows))
        self.refused_distances: list[float] = []
        self.path = person.faces / "progress.json"
        self.progress = _read_json(self.path)

    def first_frame(self, source: Path, method: str) -> int | None:
        """The first frame of `source` not looked at by `method`; None if all are done."""
        size = source.stat().st_size
        known = self.progress.setdefault(source.name, {"size": size})
        if known["size"] != size:
            remedy = f"Give it another name, or delete {self.person.faces}."
            raise MediaError(source, "it has changed since its faces were extracted", remedy)
        if known.get("method") != method:
            known.update(method=method, next=0, finished=False)
        return None if known["finished"] else known["next"]

    def store(self, source: Path, detector: str, examined: _Examined) -> None:
        """Write a frame's new faces, then their lines, then how far the work has come."""
        self.report.frames += 1
        self.report.faces_found += len(examined.accepted) + len(examined.refused)
        self.report.refused += len(examined.refused)
        self.report.seconds.update(examined.seconds)
        self.refused_distances += [each.identity_distance for each in examined.refused]
        known = self.landmarks[source.name, examined.frame]
        with _timed(self.report.seconds, "write"):
            rows = []
            for found, aligned in zip(examined.accepted, examined.aligned, strict=True):
                if not any(_is_same_face(found.face.landmarks, other) for other in known):
                    rows.append(self._write_face(source, detector, examined.frame, found, aligned))
            if rows:
                append_alignments(self.person, rows)
            self.rows += rows
            self._note(source, examined.frame + 1)

    def finish(self, source: Path) -> None:
        """All frames of `source` have been looked at."""
        self.progress[source.name]["finished"] = True
        self._save()

    def close(self, who: FaceFilter | None) -> None:
        """Draw the contact sheet, or say why there is no face."""
        sheet = self.person.folder / "contact_sheet.png"
        is_new = self.report.kept or self.report.blurred or not sheet.exists()
        if is_new and any((self.person.faces / row.file).is_file() for row in self.rows):
            write_image(sheet, contact_sheet(self.person, self.rows))
        if not any(is_kept(row) for row in self.rows):
            self.path.unlink(missing_ok=True)
            raise self._no_face(who)

    def _write_face(
        self, source: Path, detector: str, frame: int, found: FoundFace, aligned: np.ndarray
    ) -> Alignment:
        value = sharpness(aligned)
        is_blurred = value < self.min_sharpness
        self.report.blurred += is_blurred
        self.report.kept += not is_blurred
        file = self._free_name(source, frame, f"{BLURRED}/" if is_blurred else "")
        write_image(self.person.faces / file, aligned)
        face = found.face
        return Alignment(
            file=file,
            source=source.name,
            frame=frame,
            box=face.box,
            landmarks=face.landmarks,
            matrix=alignment_matrix(face.landmarks),
            detector=detector,
            score=face.score,
            sharpness=value,
            identity_distance=found.identity_distance,
            rotation=face.rotation,
        )

    def _free_name(self, source: Path, frame: int, folder: str) -> str:
        stem = f"{folder}{source.name.replace('.', '_')}_{frame:06d}"
        file = next(name for n in count() if (name := f"{stem}_{n}.png") not in self.files)
        self.files.add(file)
        return file

    def _note(self, source: Path, frame: int) -> None:
        self.progress[source.name]["next"] = frame
        if self.report.frames % SAVE_EVERY == 0:
            self._save()

    def _save(self) -> None:
        with replacing(self.path) as draft:
            draft.write_text(json.dumps(self.progress, indent=1))

    def _no_face(self, who: FaceFilter | None) -> NoFaceError:
        media, distances = self.person.media, self.refused_distances
        if self.rows:
            best = max(row.sharpness for row in self.rows)
            problem = f"all {len(self.rows)} faces are blurred (the best {best:.1f}"
            problem += f", the limit {self.min_sharpness:g})"
            return NoFaceError(media, problem, "Lower --min-sharpness, or use sharper media.")
        if not distances:
            remedy = "Try --detector mtcnn, or --rotate if the heads lean."
            return NoFaceError(media, "no face was found", remedy)
        problem = f"none of the {len(distances)} faces found is the wanted person's"
        if len(who.wanted):
            problem += f" (the nearest is {min(distances):.2f} away, the threshold {who.threshold})"
        return NoFaceError(media, problem, "Give another --want picture, or raise --threshold.")


def _is_same_face(landmarks: np.ndarray, other: np.ndarray) -> bool:
    offset = np.linalg.norm(landmarks - other, axis=1).mean()
    return bool(offset < 0.4 * interocular(other))


def _read_json(path: Path) -> dict:
    """A file that this package writes whole; whatever else it holds counts as nothing."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}


# Around it


def _sources(person: Person) -> list[Path]:
    media = sorted(person.media.iterdir()) if person.media.is_dir() else []
    sources = [path for path in media if path.is_file() and (is_image(path) or is_video(path))]
    if not sources:
        remedy = "Copy pictures or videos of this person there."
        raise MediaError(person.media, "there are no pictures or videos", remedy)
    return sources


def _checked_fps(fps: float | None) -> float | None:
    if fps is not None and not fps > 0:
        raise LessonError("--fps", f"{fps} is not above 0", "Give frames per second, such as 5.")
    return fps


def _references(
    want: Iterable[str | Path], refuse: Iterable[str | Path], threshold: float, detector: str
) -> FaceFilter | None:
    wanted = [_embed_reference(path, detector) for path in want]
    unwanted = [_embed_reference(path, detector) for path in refuse]
    return FaceFilter(wanted, unwanted, threshold) if wanted or unwanted else None


def _embed_reference(path: str | Path, detector: str) -> np.ndarray:
    """Embedding of the largest face in a reference picture."""
    image = read_image(path)
    faces = detect_faces(image, detector, rotate=True)
    if not faces:
        remedy = "Give a sharp picture from the front."
        raise NoFaceError(path, "no face was found in this reference picture", remedy)
    return embed(image, max((face.landmarks for face in faces), key=interocular))


@contextmanager
def _progress_bar(sources: list[Path], fps: float | None, progress: bool) -> Iterator[tqdm]:
    is_shown = progress and sys.stderr.isatty()
    total = sum(_frame_count(source, fps) for source in sources) if is_shown else None
    with tqdm(total=total, desc="faces", unit="frame", disable=not is_shown) as bar:
        yield bar


def _frame_count(source: Path, fps: float | None) -> int:
    if not is_video(source):
        return 1
    info = probe(source)
    return info.frames if fps is None else min(info.frames, round(info.seconds * fps))
