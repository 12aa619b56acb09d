"""The browser's camera in a notebook: a function gets each picture and its answer is shown.

    webcam.Webcam(pipeline.process, clip=person.folder / "media" / "clip.mp4")

The camera is the reader's, wherever Python runs: the browser (`webcam.js`) takes the pictures and
sends them as JPEG files in messages, one at a time; what the camera sees meanwhile is dropped. The
clip is for places without a camera, and a frame of it stands in the saved notebook.

| the browser asks | with | Python answers |
|---|---|---|
| still | | stages; original, landmarks and result of the clip's frame |
| clip | | the clip |
| picture | number, picture | number, stages; landmarks, result |

A message holds `asked`, `view` (which of the browser's views asks) and, in the answer, `kind`:
"result", "clip", or "mistake" with a text in place of all.
"""

import base64
import io
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from PIL import Image

from deepfake_lesson.errors import LessonError
from deepfake_lesson.lesson import on_colab
from deepfake_lesson.plots import Picture, gallery
from deepfake_lesson.video import probe, read_frames

SIZES = (320, 480, 640, 1280)  # pixels of the longer side that the reader can choose from
LARGEST_CLIP = 32e6  # bytes; the browser gets the whole clip in one message
HISTORY = 100  # pictures whose milliseconds are remembered
LABELS = ("original", "landmarks", "result · AI-generated")
# Set where Python runs on another computer than the one that the reader sits at.
ELSEWHERE = ("SSH_CONNECTION", "JUPYTERHUB_USER", "BINDER_SERVICE_HOST", "CODESPACES")


class CameraView(anywidget.AnyWidget):
    """What stands in the browser. No picture is in its state, so that none is ever saved."""

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")
    has_clip = traitlets.Bool().tag(sync=True)
    mirror = traitlets.Bool().tag(sync=True)
    place = traitlets.Unicode().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    sizes = traitlets.List(traitlets.Int()).tag(sync=True)


class Webcam:
    """A camera with start and stop, its picture, and what a function makes of it.

    Args:
        process: `process(frame)` takes an RGB uint8 picture (H, W, 3) and returns an object with
            `original`, `drawing` (the landmarks) and `result`, RGB uint8 pictures of any size, and
            `milliseconds`, a number for the name of each stage.
        clip: a video of up to 32 MB that a browser plays (H.264), for where there is no camera.
            Its frame at one second, or the middle of a shorter one, is processed at once.
        mirror: whether the camera's picture is turned into a mirror's, as people expect it of
            themselves; the reader can change it.
        size: pixels of the longer side of what Python gets, one of SIZES; the reader can change it.

    Attributes:
        still: what became of the clip's frame, a Picture; None without a clip.
        view: the widget.

    Raises:
        LessonError: `size` is none of SIZES, or the clip is too large.
        MediaError: the clip cannot be read.
    """

    def __init__(
        self,
        process: Callable[[np.ndarray], Any],
        clip: str | Path | None = None,
        mirror: bool = True,
        size: int = 640,
    ) -> None:
        if size not in SIZES:
            remedy = f"Choose one of {', '.join(map(str, SIZES))}."
            raise LessonError(f"size {size}", "the camera is not offered in it", remedy)
        self.process = process
        self.clip = clip and _playable(Path(clip))
        self._history: deque[dict[str, float]] = deque(maxlen=HISTORY)
        self._still = self._process_clip() if self.clip else None
        self.still = self._still and gallery(_pictures(self._still), LABELS, size=320)
        self.view = CameraView(
            has_clip=bool(clip), mirror=mirror, place=_place(), size=size, sizes=list(SIZES)
        )
        self.view.on_msg(self._receive)

    @property
    def milliseconds(self) -> dict[str, float]:
        """The median time of each stage over the last 100 pictures, the clip's at first."""
        names = list(dict.fromkeys(name for stages in self._history for name in stages))
        return {
            name: float(np.median([stages[name] for stages in self._history if name in stages]))
            for name in names
        }

    def _process_clip(self) -> Any:
        """The result for a frame of the clip; the one before it wakes up what is slow at first."""
        info = probe(self.clip)
        first = max(0, round(min(info.fps, info.frames / 2)) - 1)
        results = [
            self.process(frame) for frame in islice(read_frames(self.clip), first, first + 2)
        ]
        self._history.append(dict(results[-1].milliseconds))
        return results[-1]

    def _receive(self, _view: CameraView, message: dict, files: list) -> None:
        """Answer a message: with the same view, number and `asked`, so that the browser knows."""
        try:
            content, files = self._answer(message["asked"], files)
        except Exception as error:  # anything: a callback has no cell to show a traceback in
            content, files = {"kind": "mistake", "text": _words(error)}, []
        self.view.send(message | content, files)

    def _answer(self, asked: str, files: list) -> tuple[dict[str, Any], list[bytes]]:
        """What goes to the browser, and the files with it."""
        if asked == "clip":
            return {"kind": "clip"}, [self.clip.read_bytes()]
        if asked == "still":
            files = [_jpeg(picture) for picture in _pictures(self._still)]
            return {"kind": "result", "stages": dict(self._still.milliseconds)}, files
        stages: dict[str, float] = {}
        with _timed(stages, "read JPEG"):
            frame = np.array(Image.open(io.BytesIO(files[0])).convert("RGB"))
        result = self.process(frame)
        stages |= result.milliseconds
        with _timed(stages, "write JPEG"):
            files = [_jpeg(result.drawing), _jpeg(result.result)]
        self._history.append(stages)
        return {"kind": "result", "stages": stages}, files

    def __repr__(self) -> str:
        stages = [f"{name} {value:.1f} ms" for name, value in self.milliseconds.items()]
        return ": ".join(["webcam", *filter(None, [", ".join(stages)])])

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = self.view._repr_mimebundle_()
        data["text/plain"] = repr(self)
        if self.still:
            data["image/jpeg"] = base64.b64encode(self.still.jpeg()).decode()
        return data, metadata


def _playable(clip: Path) -> Path:
    probe(clip)
    if clip.stat().st_size > LARGEST_CLIP:
        problem = f"the clip has more than {LARGEST_CLIP / 1e6:.0f} MB"
        raise LessonError(clip, problem, "Give a shorter or smaller one.")
    return clip


def _place() -> str:
    """Where Python runs: "colab", "elsewhere", or "here" as far as it can tell."""
    if on_colab():
        return "colab"
    return "elsewhere" if any(name in os.environ for name in ELSEWHERE) else "here"


def _pictures(result: Any) -> list[np.ndarray]:
    return [result.original, result.drawing, result.result]


def _jpeg(image: np.ndarray) -> bytes:
    return Picture(image).jpeg()


@contextmanager
def _timed(stages: dict[str, float], name: str) -> Iterator[None]:
    """Note the milliseconds of a block under a name."""
    start = time.perf_counter()
    yield
    stages[name] = 1000 * (time.perf_counter() - start)


def _words(error: Exception) -> str:
    """An error in one line; those for the user say all themselves."""
    text = str(error) if isinstance(error, LessonError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())
