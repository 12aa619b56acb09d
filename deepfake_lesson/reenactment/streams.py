"""Where live frames come from and where results go: camera, clip, video file, a page in a browser.

A source is any iterator of frames, a sink any function of a `LiveResult`; these are those of the
command line.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter, sleep
from typing import Self

import cv2
import numpy as np

from deepfake_lesson import provenance
from deepfake_lesson.errors import LessonError, MediaError
from deepfake_lesson.files import replacing
from deepfake_lesson.images import fit
from deepfake_lesson.reenactment.live import LiveResult
from deepfake_lesson.video import VideoWriter, probe, read_frames

BAND = 44  # pixels below the pictures, for two lines of numbers
QUALITY = 85  # of JPEG on the page, percent
NO_CAMERA = (
    "Plug one in, allow this program to use it, and end what else uses it; or take --clip with a"
    " recorded video."
)
PAGE = """<!doctype html><title>deepfake_lesson live</title>
<body style="margin:0;background:#111;color:#eee;font-family:sans-serif;text-align:center">
<img src="live" alt="original, drawing and generated picture, live" style="max-width:100%">
<p>The pictures stay on this computer. Only people who agreed may stand before the camera.
Ctrl-C in the terminal ends it.</p>"""


def camera_frames(device: int | str = 0) -> Iterator[np.ndarray]:
    """The frames of a camera as they come, RGB uint8 (H, W, 3); the camera is on from now.

    device: 0 for the first camera, or whatever else `cv2.VideoCapture` opens.

    Raises:
        MediaError: at once, if there is no such camera; later, if it stops to send pictures.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the error says it
    camera = cv2.VideoCapture(device)
    if not camera.isOpened():
        raise MediaError(f"camera {device}", "cannot be opened", NO_CAMERA)
    camera.set(cv2.CAP_PROP_FRAME_WIDTH, 640)
    camera.set(cv2.CAP_PROP_FRAME_HEIGHT, 480)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return _read_camera(camera, f"camera {device}")


def _read_camera(camera: cv2.VideoCapture, name: str) -> Iterator[np.ndarray]:
    try:
        while True:
            is_there, frame = camera.read()
            if not is_there:
                raise MediaError(name, "stopped to send pictures", NO_CAMERA)
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        camera.release()


def clip_frames(
    path: str | Path, fps: float | None = None, loop: bool = False
) -> Iterator[np.ndarray]:
    """The frames of a video at its own pace, as if a camera sent them.

    fps: another pace. loop: begin again at the end. Raises MediaError at once if it is no video.
    """
    return _paced(path, float(fps or probe(path).fps), loop)


def _paced(path: str | Path, fps: float, loop: bool) -> Iterator[np.ndarray]:
    due = perf_counter()
    while True:
        with closing(read_frames(path)) as frames:
            for frame in frames:
                sleep(max(0.0, due - perf_counter()))
                yield frame
                due += 1 / fps
        if not loop:
            return


def side_by_side(result: LiveResult, height: int = 256) -> np.ndarray:
    """Original, drawing and result of one height, and below them the numbers: RGB uint8."""
    pictures = [
        fit(each, (round(each.shape[1] * height / each.shape[0]), height))
        for each in (result.original, result.drawing, result.result)
    ]
    row = np.concatenate(pictures, axis=1)
    row = np.pad(row, ((0, BAND), (0, row.shape[1] % 2), (0, 0)))
    stages = ", ".join(f"{name} {spent:.0f}" for name, spent in result.milliseconds.items())
    # The label on the result is part of it, but may be too small to be read here.
    pace = f"right: AI-GENERATED  {result.rate:.1f} frames/s, {result.delay:.0f} ms late"
    for line, words in enumerate((pace, f"ms: {stages}"), start=1):
        _write(row, words, height + line * BAND // 2 - 6)
    return row


def _write(picture: np.ndarray, words: str, baseline: int) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, _), _ = cv2.getTextSize(words, font, 0.5, 1)
    scale = 0.5 * min(1.0, (picture.shape[1] - 16) / width)
    cv2.putText(picture, words, (8, baseline), font, scale, (255, 255, 255), 1, cv2.LINE_AA)


class VideoSink:
    """Write what is shown into a video of constant rate, labelled and signed.

    >>> with VideoSink("live.mp4") as sink:
    ...     pipeline.run(camera_frames(0), sink)

    A picture is repeated until the next one is there, so that the video lasts as long as the show.
    What was filmed is kept when the camera is gone or Ctrl-C ends it.

    Args:
        path: .mp4, .m4v or .mov.
        fps: frames per second of the video.
        original, model: for the credential, as in `provenance.sign`; no original for a camera.

    Raises:
        MediaError: for a kind of file that cannot be written or signed.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float = 25,
        original: str | Path | None = None,
        model: str | None = None,
    ) -> None:
        provenance.check_signable(path)
        self.path, self.fps, self.original, self.model = Path(path), fps, original, model
        self._stack, self._writer, self._size = ExitStack(), None, None

    def __enter__(self) -> Self:
        return self

    def __call__(self, result: LiveResult) -> None:
        picture = side_by_side(result)
        if self._writer is None:
            self._open((picture.shape[1], picture.shape[0]))
        if picture.shape[1::-1] != self._size:
            picture = fit(picture, self._size)
        due = int((perf_counter() - self._start) * self.fps) + 1
        for _ in range(due - self._writer.frames):
            self._writer.write(picture)

    def _open(self, size: tuple[int, int]) -> None:
        draft = self._stack.enter_context(replacing(self.path))
        self._stack.push(partial(self._sign, draft))
        self._writer = self._stack.enter_context(VideoWriter(draft, self.fps, size))
        self._size, self._start = size, perf_counter()

    def _sign(self, draft: Path, kind: type | None, *_) -> None:
        if kind is None:
            title = self.path.name
            provenance.sign(draft, title=title, original=self.original, model=self.model)

    def __exit__(self, kind, error, trace) -> None:
        is_kept = isinstance(error, LessonError | KeyboardInterrupt)
        self._stack.__exit__(*((None,) * 3 if is_kept else (kind, error, trace)))


class PageSink:
    """Show what is live on a page that this computer's browsers can open, and no other's.

    >>> with PageSink() as sink:
    ...     print(sink.address)
    ...     pipeline.run(camera_frames(0), sink)

    Args:
        port: of 127.0.0.1; 0 takes a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._changed = threading.Condition()
        self._picture, self._number, self._ended = b"", 0, False
        self._key = secrets.token_urlsafe(16)  # other sites and other users cannot guess it
        handler = partial(_PageHandler, self)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/{self._key}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __call__(self, result: LiveResult) -> None:
        picture = cv2.cvtColor(side_by_side(result), cv2.COLOR_RGB2BGR)
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        with self._changed:
            self._picture, self._number = data, self._number + 1
            self._changed.notify_all()

    def pictures(self) -> Iterator[bytes]:
        """JPEGs as they come, the newest only; ends with the show."""
        seen = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._number > seen or self._ended)  # noqa: B023
                if self._ended:
                    return
                picture, seen = self._picture, self._number
            yield picture

    def __exit__(self, *error) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()


class _PageHandler(BaseHTTPRequestHandler):
    def __init__(self, page: PageSink, *arguments) -> None:
        self.page = page
        super().__init__(*arguments)

    def do_GET(self) -> None:
        key = self.page.address.rsplit("/", 2)[1]
        answers = {f"/{key}/": self._send_page, f"/{key}/live": self._send_pictures}
        answers.get(self.path, self._refuse)()

    def _send_page(self) -> None:
        self._begin("text/html; charset=utf-8")
        self.wfile.write(PAGE.encode())

    def _send_pictures(self) -> None:
        self._begin("multipart/x-mixed-replace; boundary=picture")
        for picture in self.page.pictures():
            head = (
                f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            )
            try:
                self.wfile.write(head.encode() + picture + b"\r\n")
            except ConnectionError:  # the page was closed
                return

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def _refuse(self) -> None:
        self.send_error(404)

    def log_message(self, *_) -> None:
        """Nothing is written to the terminal."""
