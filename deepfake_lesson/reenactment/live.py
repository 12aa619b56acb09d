"""Re-enactment and face swap in real time, on whatever brings frames: a camera, a clip, a browser.

    source -> detect, landmarks, smooth -> draw, network -> blend, label -> sink

What stands between two arrows has a thread of its own, and hands over through a queue of one, in
which a newer frame takes the place of one that still waits: the slowest part sets the rate, and
what is shown is never old. `LivePipeline.process` does the same with a single frame, for a caller
that waits for its result.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import cv2
import numpy as np

from deepfake_lesson.conversion import ConvertOptions, Swapper, opacity
from deepfake_lesson.detectors import DETECTORS
from deepfake_lesson.errors import LessonError, check_choice, check_range
from deepfake_lesson.export import fast_function
from deepfake_lesson.images import fit, to_float, to_uint8
from deepfake_lesson.landmarks import (
    MEAN_FACE,
    draw_landmarks,
    interocular,
    transform_points,
)
from deepfake_lesson.provenance import LABEL, REENACTMENT_LABEL, mark
from deepfake_lesson.reenactment.conditions import (
    Square,
    adapt,
    face_square,
    find_pupils,
    move_pupils,
    square_matrix,
    whole_square,
)
from deepfake_lesson.reenactment.relay import relay
from deepfake_lesson.tracking import FaceFollower, OneEuro

STAGES = ("detect", "landmarks", "smooth", "draw", "network", "blend", "label")
OPTIONAL = ("smooth", "network", "blend")

# Of the One-Euro filter: hertz, hertz for each eye distance a second, hertz.
CUTOFF, BETA, SPEED_CUTOFF = 1.5, 10.0, 3.0  # two clips: .5 and .7 of the trembling
SQUARE_SECONDS, SHAPE_SECONDS = 2.0, 30.0  # how slowly the driver's place and shape are followed
RECENT = 30  # results over which milliseconds are averaged
MEMORY = 4096  # results whose delays a report knows
NO_FACE = "no face"
SWAP = ConvertOptions()


@dataclass(frozen=True)
class LiveOptions:
    """How a live picture is made.

    detect_every: frames from one search of the whole picture to the next, see `FaceFollower`.
    detector: one of `detectors.DETECTORS`. mirror: as in a mirror. largest: pixels of the longer
    side to which a larger frame is reduced. off: stages of `OPTIONAL` that are left out: without
    "smooth" landmarks tremble, without "network" the result is what the network would have seen,
    without "blend" what it painted.

    Raises:
        LessonError: for a value that is unknown or out of range.
    """

    detect_every: int = 10
    detector: str = "hog"
    mirror: bool = False
    largest: int = 640
    off: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_range("detect_every", self.detect_every, 1, 1000)
        check_choice("detector", self.detector, DETECTORS)
        check_range("largest", self.largest, 64, 4096)
        for stage in self.off:
            check_choice("off", stage, OPTIONAL)


@dataclass(frozen=True, eq=False)
class LiveResult:
    """What became of a frame. All pictures are RGB uint8.

    original: (H, W, 3), the frame as it was worked on: reduced and mirrored if so asked. drawing:
    what the landmarks looked like. result: the generated picture with its marks. has_face: False
    where none was found, and words on the result say so. arrived: when the frame came, in seconds
    of `time.perf_counter`. delay: milliseconds from then to the result. milliseconds: of each of
    STAGES, the mean of the last RECENT results. spent: of this one alone. rate: results a second,
    over the RECENT ones.
    """

    original: np.ndarray
    drawing: np.ndarray
    result: np.ndarray
    has_face: bool
    arrived: float
    delay: float
    milliseconds: dict[str, float]
    spent: dict[str, float]
    rate: float


@dataclass(frozen=True)
class LiveReport:
    """How a run went: frames that came, results shown, frames dropped, and those without a face.

    rate: results a second. delay and delay_95: milliseconds from a frame's arrival until its result
    was shown, median and 95 %. milliseconds: mean of each of STAGES.
    """

    seconds: float
    frames_in: int
    shown: int
    dropped: int
    without_face: int
    rate: float
    delay: float
    delay_95: float
    milliseconds: dict[str, float]

    def table(self) -> str:
        """The report as lines of text: a stage a line, the slowest marked."""
        slowest = max(self.milliseconds, key=self.milliseconds.get, default=None)
        lines = [f"{'stage':<12} ms a frame"]
        for stage, spent in self.milliseconds.items():
            lines.append(f"{stage:<12} {spent:10.1f}{'  <- slowest' if stage == slowest else ''}")
        lines += [
            f"{self.shown} of {self.frames_in} frames shown in {self.seconds:.1f} s, "
            f"{self.dropped} late ones dropped, {self.without_face} without a face",
            f"{self.rate:.1f} frames/s, delay {self.delay:.0f} ms "
            f"(95 % below {self.delay_95:.0f} ms)",
        ]
        return "\n".join(lines)


class Target(Protocol):
    """Whom a pipeline paints: what to show a network, how to ask it, and where its answer goes."""

    label: str

    def reset(self) -> None:
        """Forget the driver."""

    def lost(self) -> None:
        """The face was given up: forget where it was."""

    def draw(
        self, frame: np.ndarray, landmarks: np.ndarray, time: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the network sees of a frame (H, W, 3), uint8 (size, size, 3).

        And where the face is in it, (68, 2) of its pixels.
        """

    def paint(self, seen: np.ndarray) -> np.ndarray:
        """What the network makes of it, uint8 (size, size, 3)."""

    def blend(
        self, frame: np.ndarray, landmarks: np.ndarray, seen: np.ndarray, painted: np.ndarray
    ) -> np.ndarray:
        """The result, uint8: `painted` itself, or the frame with it in the face's place."""

    def drawing(self, frame: np.ndarray, landmarks: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The landmarks, to be looked at."""

    def without_face(
        self, frame: np.ndarray, last: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Drawing and result when there is no face; last: the last result, if there was one.

        The result is `last` itself, or shows nothing that was generated.
        """


class ReenactTarget:
    """The target of a re-enactment does what the driver before the camera does.

    The driver's place and size in the picture are followed slowly, so that it does not matter where
    somebody sits, but moving does show. The driver's mean shape makes way for the target's; it is
    learnt from the first second on, and changes the more slowly the longer the driver was seen.

    Args:
        model: from `reenactment.training.load_reenactment`.
    """

    label = REENACTMENT_LABEL

    def __init__(self, model) -> None:
        self.model = model
        self._function = fast_function(model.generator)
        self.reset()

    @classmethod
    def load(cls, folder: str | Path) -> "ReenactTarget":
        """Open a model's folder; raises ModelError if it is broken."""
        from deepfake_lesson.reenactment.training import load_reenactment

        return cls(load_reenactment(folder))

    def reset(self) -> None:
        """Forget the driver."""
        self._square, self._shape = SlowMean(SQUARE_SECONDS), SlowMean(SHAPE_SECONDS)

    def lost(self) -> None:
        self._square = SlowMean(SQUARE_SECONDS)

    def draw(self, frame, landmarks, time):
        matrix = square_matrix(self._followed(frame, landmarks, time), self.model.size)
        pupils = transform_points(find_pupils(frame, landmarks), matrix)
        points = transform_points(landmarks, matrix)
        adapted = adapt(points, self._shape.add(points, time), self.model.target_mean)
        return self.model.draw(adapted, move_pupils(pupils, points, adapted)), adapted

    def _followed(self, frame, landmarks, time) -> Square:
        if self.model.framing == "whole":
            return whole_square(*frame.shape[1::-1])
        return Square(*self._square.add(np.array(astuple(face_square(landmarks))), time))

    def paint(self, seen):
        from deepfake_lesson.models.pix2pix import to_network, to_picture

        return to_picture(self._function(to_network(seen[None])))[0]

    def blend(self, frame, landmarks, seen, painted):
        return painted

    def drawing(self, frame, landmarks, seen):
        return seen

    def without_face(self, frame, last):
        nothing = np.zeros((self.model.size, self.model.size, 3), np.uint8)
        return nothing, nothing if last is None else last


class SwapTarget:
    """The face of whoever sits before the camera makes way for that of a face swap's person.

    Args:
        model: from `training.load_model`.
        to: "a" or "b", whose face is put on.
        options: how, as for `conversion.convert`.
    """

    label = LABEL

    def __init__(self, model, to: str = "b", options: ConvertOptions = SWAP) -> None:
        from deepfake_lesson.models.autoencoder import swap_path

        self.swapper = Swapper(model, to, options)
        self._function = fast_function(swap_path(model.autoencoder, to))

    @classmethod
    def load(cls, folder: str | Path, to: str = "b") -> "SwapTarget":
        """Open a model's folder; raises ModelError if it is broken."""
        from deepfake_lesson.training import load_model

        return cls(load_model(folder), to)

    def reset(self) -> None:
        """Nothing is remembered about a driver."""

    def lost(self) -> None:
        """Nor about a place."""

    def draw(self, frame, landmarks, time):
        seen = self.swapper.crops(frame, [landmarks])[0]
        return seen, transform_points(landmarks, self.swapper.matrix(landmarks))

    def paint(self, seen):
        return to_uint8(self._function(to_float(seen[None])))[0]

    def blend(self, frame, landmarks, seen, painted):
        visible = np.ones(seen.shape[:2], np.float32)
        if self.swapper.options.segment:
            visible = opacity(seen[None], painted[None])[0]
        return self.swapper.blend(frame, [landmarks], [(painted, visible)])[0]

    def drawing(self, frame, landmarks, seen):
        return draw_landmarks(frame, landmarks)

    def without_face(self, frame, last):
        """The frame as it is: whoever hides from the detector is seen without a mask."""
        return frame, frame


def load_target(folder: str | Path, to: str = "b") -> Target:
    """Open a model's folder, whichever kind its config.json names.

    to: "a" or "b", whose face a face swap puts on. Raises ModelError.
    """
    from deepfake_lesson.reenactment.training import KIND

    is_reenactment = _model_kind(folder) == KIND
    return ReenactTarget.load(folder) if is_reenactment else SwapTarget.load(folder, to)


class SlowMean:
    """A mean that first counts all values alike and then forgets them, the older the more.

    Args:
        seconds: how long a value counts, roughly.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.count = seconds, 0

    def add(self, value: np.ndarray, time: float) -> np.ndarray:
        """The mean after one more value, an array, at a time in seconds."""
        if self.count == 0:
            self.mean, self.time = value, time
        self.count += 1
        share = max(1 / self.count, (time - self.time) / self.seconds)
        self.mean = self.mean + min(1.0, share) * (value - self.mean)
        self.time = time
        return self.mean


class LivePipeline:
    """Frames in, generated pictures out, as fast as the machine can.

    >>> pipeline = LivePipeline(load_target("models/ab"))
    >>> report = pipeline.run(camera_frames(0), sink, seconds=60)
    >>> result = pipeline.process(frame)

    Args:
        target: a `ReenactTarget`, a `SwapTarget` or another `Target`.
    """

    def __init__(self, target: Target, options: LiveOptions = LiveOptions()) -> None:
        self.target, self.options = target, options
        self.reset()
        self._warm_up()

    def reset(self) -> None:
        """Forget whom the camera saw."""
        self.target.reset()
        self._follower = FaceFollower(self.options.detect_every, self.options.detector)
        self._filter: OneEuro | None = None
        self._last: np.ndarray | None = None
        self._last_face: np.ndarray | None = None  # landmarks on it
        self._recent: deque[tuple[float, Counter]] = deque(maxlen=RECENT)

    def _warm_up(self) -> None:
        """Load and compile now what the first frame would wait for, seconds perhaps."""
        frame, points = np.zeros((256, 256, 3), np.uint8), MEAN_FACE * 256
        self._follower.search(frame)
        self._follower.landmarks = points
        self._follower.follow(frame)
        seen, _ = self.target.draw(frame, points, 0.0)
        self.target.blend(frame, points, seen, self.target.paint(seen))
        self.reset()

    def process(self, frame: np.ndarray) -> LiveResult:
        """The result for one frame, RGB uint8 (H, W, 3), after those before.

        Raises:
            LessonError: for a frame of another shape or type.
        """
        return self._finish(self._paint(self._find(_Shot(frame, perf_counter()))))

    def run(
        self,
        source: Iterable[np.ndarray],
        sink: Callable[[LiveResult], Any],
        seconds: float | None = None,
        threads: bool = True,
    ) -> LiveReport:
        """Show what a source brings until it ends, or for so many seconds.

        Args:
            source: brings frames, RGB uint8 (H, W, 3), at its own pace; see `streams`.
            sink: is called with each result, in the thread of the caller.
            threads: False does one thing after the other, and drops nothing.

        Raises:
            Whatever source, sink or a stage raises, when all threads have ended.
        """
        meter = _Meter()
        shots = meter.watched(source, seconds)
        stages = (self._find, self._paint, self._finish)
        results = relay(shots, stages) if threads else _one_by_one(shots, stages)
        with closing(results):
            for result in results:
                sink(result)
                meter.count(result)
        return meter.report()

    @property
    def landmarks(self) -> np.ndarray | None:
        """(68, 2) of the face that is followed, in pixels of the original; None for nobody."""
        return self._follower.landmarks

    def _find(self, shot: "_Shot") -> "_Shot":
        """Where the face is."""
        shot.frame = _prepared(shot.frame, self.options)
        with shot.timed("detect"):
            landmarks = self._follower.search(shot.frame)
        if landmarks is None:
            with shot.timed("landmarks"):
                landmarks = self._follower.follow(shot.frame)
        shot.given_up = self._follower.landmarks is None
        with shot.timed("smooth"):
            shot.landmarks = self._smoothed(landmarks, shot.arrived)
        return shot

    def _smoothed(self, landmarks: np.ndarray | None, time: float) -> np.ndarray | None:
        if landmarks is None or "smooth" in self.options.off:
            self._filter = None
            return landmarks
        if self._filter is None:  # BETA is for a face of size 1
            self._filter = OneEuro(CUTOFF, BETA / max(interocular(landmarks), 1.0), SPEED_CUTOFF)
        return self._filter.smooth(landmarks, time).astype(np.float32)

    def _paint(self, shot: "_Shot") -> "_Shot":
        """What the network makes of the face."""
        if shot.given_up:
            self.target.lost()
        if shot.landmarks is None:
            return shot
        with shot.timed("draw"):
            shot.seen, shot.face = self.target.draw(shot.frame, shot.landmarks, shot.arrived)
            shot.drawing = self.target.drawing(shot.frame, shot.landmarks, shot.seen)
        shot.painted = shot.seen
        if "network" not in self.options.off:
            with shot.timed("network"):
                shot.painted = self.target.paint(shot.seen)
        return shot

    def _finish(self, shot: "_Shot") -> LiveResult:
        """The picture that is shown."""
        has_face = shot.landmarks is not None
        if not has_face:
            shot.drawing, result = self.target.without_face(shot.frame, self._last)
        elif "blend" in self.options.off:
            result = shot.painted
        else:
            with shot.timed("blend"):
                result = self.target.blend(shot.frame, shot.landmarks, shot.seen, shot.painted)
        if has_face:
            self._last = result
            self._last_face = shot.face if result is shot.painted else shot.landmarks
        with shot.timed("label"):
            generated = [self._last_face] if result is self._last else []
            shown = result if has_face else said(result, NO_FACE)
            result = mark(shown, self.target.label, generated)
        return self._result(shot, result, has_face)

    def _result(self, shot: "_Shot", result: np.ndarray, has_face: bool) -> LiveResult:
        now = perf_counter()
        self._recent.append((now, shot.milliseconds))
        means = _means([spent for _, spent in self._recent])
        span = now - self._recent[0][0]
        rate = (len(self._recent) - 1) / span if span > 0 else 0.0
        delay = 1000 * (now - shot.arrived)
        pictures = shot.frame, shot.drawing, result
        return LiveResult(*pictures, has_face, shot.arrived, delay, means, shot.milliseconds, rate)


@dataclass(eq=False)
class _Shot:
    """A frame on its way, with what each part adds."""

    frame: np.ndarray
    arrived: float
    given_up: bool = False
    landmarks: np.ndarray | None = None
    seen: np.ndarray | None = None
    face: np.ndarray | None = None
    painted: np.ndarray | None = None
    drawing: np.ndarray | None = None
    milliseconds: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.milliseconds[stage] += 1000 * (perf_counter() - start)


class _Meter:
    """Counts what goes into a run and what comes out, in memory that does not grow."""

    def __init__(self) -> None:
        self.frames_in = self.shown = self.without_face = 0
        self.delays: deque[float] = deque(maxlen=MEMORY)
        self.milliseconds: Counter[str] = Counter()
        self.start = perf_counter()

    def watched(self, source: Iterable[np.ndarray], seconds: float | None) -> Iterator[_Shot]:
        """The frames of a source as they arrive, for so many seconds from the first."""
        with closing(frame for frame in source) as frames:
            for frame in frames:
                arrived = perf_counter()
                if self.frames_in == 0:
                    self.start = arrived
                if seconds is not None and arrived - self.start >= seconds:
                    return
                self.frames_in += 1
                yield _Shot(frame, arrived)

    def count(self, result: LiveResult) -> None:
        """A result has just been shown."""
        self.shown += 1
        self.without_face += not result.has_face
        self.delays.append(1000 * (perf_counter() - result.arrived))
        self.milliseconds.update(result.spent)

    def report(self) -> LiveReport:
        seconds = perf_counter() - self.start
        median, late = np.percentile(self.delays, (50, 95)) if self.delays else (0.0, 0.0)
        return LiveReport(
            seconds=seconds,
            frames_in=self.frames_in,
            shown=self.shown,
            dropped=self.frames_in - self.shown,
            without_face=self.without_face,
            rate=self.shown / seconds,
            delay=float(median),
            delay_95=float(late),
            milliseconds={stage: self.milliseconds[stage] / max(self.shown, 1) for stage in STAGES},
        )


def said(picture: np.ndarray, words: str) -> np.ndarray:
    """A copy of the picture (H, W, 3) uint8 with words (ASCII) on a dark band at its top."""
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, 1
    picture = picture.copy()
    (width, height), below = cv2.getTextSize(words, font, 1.0, thickness)
    scale = min(0.9 * picture.shape[1] / width, 0.08 * picture.shape[0] / height)
    band = round(1.8 * scale * (height + below))
    picture[:band] = picture[:band] // 3
    start = round((picture.shape[1] - scale * width) / 2), round(0.5 * (band + scale * height))
    cv2.putText(picture, words, start, font, scale, (255, 255, 255), thickness, cv2.LINE_AA)
    return picture


def _prepared(frame: np.ndarray, options: LiveOptions) -> np.ndarray:
    """The frame as it is worked on."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        problem = f"is {frame.dtype} {frame.shape}"
        raise LessonError("frame", problem, "Give RGB pictures, uint8 (height, width, 3).")
    if max(frame.shape) > options.largest:
        frame = fit(frame, options.largest)
    return np.ascontiguousarray(frame[:, ::-1] if options.mirror else frame)


def _means(rows: list[Counter]) -> dict[str, float]:
    return {stage: sum(row[stage] for row in rows) / len(rows) for stage in STAGES}


def _one_by_one(items: Iterator[Any], stages: Sequence[Callable]) -> Iterator[Any]:
    with closing(items):
        for item in items:
            for stage in stages:
                item = stage(item)
            yield item


def _model_kind(folder: str | Path) -> str | None:
    """The kind that config.json names; None if there is none to be read."""
    with suppress(OSError, ValueError, AttributeError):
        return json.loads(Path(folder, "config.json").read_text(encoding="utf-8")).get("kind")
    return None
