"""Video in as upright RGB frames at a constant rate; video out with sound, whole or not at all.

The work is done by ffmpeg, which comes with the package imageio-ffmpeg. Frames go through a pipe
one by one, so that the length of a video does not matter.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from imageio_ffmpeg import count_frames_and_secs, get_ffmpeg_exe
from imageio_ffmpeg import read_frames as read_raw_frames

from deepfake_lesson.errors import LessonError, MediaError, check_range
from deepfake_lesson.files import disk_full, is_disk_full, replacing

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"}
    | {".ogv", ".ts", ".webm", ".wmv"}
)
WRITTEN_SUFFIXES = frozenset({".m4v", ".mkv", ".mov", ".mp4"})
COPIED_SOUND = frozenset(
    {"aac", "ac3", "alac", "mp3", "opus"}
)  # MP4 holds these, players know them
UNKNOWN_RATE = Fraction(30)  # for browser recordings, which say no rate
QUALITY = 17  # x264's constant rate factor: 0 lossless, 17 hardly visible, 23 its default
SCALING = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
CUT_OFF = ("partial file", "File ended prematurely")
NO_FRAMES = ("Cannot determine format of input", "does not contain any stream")


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, as it is shown: upright.

    `fps` is frames per second, the average if the rate varies; `frames` and `seconds` are what the
    file says of itself, and may be off by a little.
    """

    width: int
    height: int
    fps: Fraction
    frames: int
    seconds: float
    audio: bool


def is_video(path: str | Path) -> bool:
    """Whether the name is that of a video; hidden files are none."""
    path = Path(path)
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")


def probe(path: str | Path) -> VideoInfo:
    """Look at a video without reading it through.

    Raises:
        MediaError: no such file, an empty or cut-off file, or no video in it.
    """
    header = _read_header(path)
    width, height = header["size"]
    fps = _exact_rate(header["fps"]) if header["fps"] else UNKNOWN_RATE
    seconds = header["duration"] or count_frames_and_secs(_address(path))[1]
    return VideoInfo(
        width, height, fps, round(seconds * fps), float(seconds), "audio_codec" in header
    )


def read_frames(path: str | Path, fps: float | Fraction | None = None) -> Iterator[np.ndarray]:
    """Return an iterator over the frames of a video, RGB uint8 (H, W, 3), upright.

    The frames are evenly spaced in time, whatever the rate of the file does: a frame is repeated or
    left out where needed, so that frame `i` is what is seen `i / fps` seconds from the start.

    Args:
        path: the video.
        fps: frames per second, the video's own (average) rate if not given.

    Raises:
        MediaError: at once, if it is no video; on the way, if it holds no frame or is cut off.
    """
    info = probe(path)
    return _decode(Path(path), info, _exact_rate(fps or info.fps))


class VideoWriter:
    """Write frames to a video file (H.264) that appears when all is done, with sound if wanted.

    >>> with VideoWriter("swap.mp4", info.fps, (info.width, info.height), "a.mp4") as writer:
    ...     for frame in read_frames("a.mp4"):
    ...         writer.write(frame)

    Args:
        path: .mp4, .mov, .m4v or .mkv; an older file is replaced at the end.
        fps: frames per second.
        size: (width, height) in pixels; odd sizes are kept.
        sound_from: a video or sound file, whose sound is copied.
        sound: (samples float32 (N,) or (N, channels) in [-1, 1], samples per second).
        sound_span: (start, end) in seconds, the part of `sound_from` that belongs to the frames.
        quality: x264's constant rate factor, 0 (lossless) to 51 (worst).

    Raises:
        LessonError: for a quality out of range.
        MediaError: the format is unknown, the sound cannot be read, or no frame was written.
        DiskFullError: the disk is full; nothing is left behind.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float | Fraction,
        size: tuple[int, int],
        sound_from: str | Path | None = None,
        sound: tuple[np.ndarray, int] | None = None,
        sound_span: tuple[float, float] | None = None,
        quality: int = QUALITY,
    ) -> None:
        self.path = Path(path)
        self.fps = _exact_rate(fps)
        self.size = size
        self.quality = quality
        self.frames = 0
        if self.path.suffix.lower() not in WRITTEN_SUFFIXES:
            problem = f"unknown video format {self.path.suffix!r}"
            raise MediaError(path, problem, f"Use one of {', '.join(sorted(WRITTEN_SUFFIXES))}.")
        check_range("quality", quality, 0, 51)
        if sound_from is not None and sound is not None:
            raise ValueError("give sound_from or sound, not both")
        self._sound_from, self._sound, self._sound_span = sound_from, sound, sound_span

    def __enter__(self) -> Self:
        self._encoding = self._encode()
        self._pipe = self._encoding.__enter__()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, RGB uint8 (H, W, 3)."""
        width, height = self.size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            problem = f"expected RGB uint8 ({height}, {width}, 3)"
            raise ValueError(f"{problem}, got {frame.dtype} {frame.shape}")
        self._pipe.write(np.ascontiguousarray(frame))
        self.frames += 1

    def __exit__(self, *error) -> bool | None:
        return self._encoding.__exit__(*error)

    @contextmanager
    def _encode(self):
        with replacing(self.path) as draft, self._sound_arguments() as sound:
            arguments = [*_raw_input(self.size, self.fps), *sound, *_h264(self.size, self.quality)]
            arguments.append(str(draft))
            with _ffmpeg(self.path, arguments, stdin=subprocess.PIPE) as process:
                yield process.stdin
                if self.frames == 0:
                    raise MediaError(self.path, "no frame was written", "Give at least one frame.")

    @contextmanager
    def _sound_arguments(self) -> Iterator[list[str]]:
        if self._sound_from is not None:
            yield _original_sound(self._sound_from, self._sound_span)
        elif self._sound is not None:
            from scipy.io import wavfile

            samples, rate = self._sound
            with tempfile.TemporaryDirectory() as folder:
                track = Path(folder, "sound.wav")
                wavfile.write(track, rate, samples.astype(np.float32))
                yield ["-i", _address(track), "-map", "0:v", "-map", "1:a", *_encoded_sound()]
        else:
            yield []


def _read_header(path: str | Path) -> dict:
    path = Path(path)
    if not path.is_file():
        raise MediaError(path, "there is no such file", "Check the name and the folder.")
    if path.stat().st_size == 0:
        raise MediaError(path, "the file is empty", "Copy or record it again.")
    try:
        with closing(read_raw_frames(_address(path), output_params=["-frames:v", "1"])) as frames:
            return next(frames)
    except (OSError, IndexError, AttributeError) as error:  # what its parser meets in other files
        raise _failure(path, str(error)) from error


def _decode(path: Path, info: VideoInfo, fps: Fraction) -> Iterator[np.ndarray]:
    arguments = ["-i", _address(path), "-an", "-sn", "-dn"]
    arguments += ["-vf", f"fps={fps}:start_time=0,scale={SCALING}"]
    arguments += ["-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    with _ffmpeg(path, arguments, stdout=subprocess.PIPE) as process:
        is_empty = True
        frame = np.empty((info.height, info.width, 3), np.uint8)
        while process.stdout.readinto(memoryview(frame).cast("B")) == frame.nbytes:
            is_empty = False
            yield frame
            frame = np.empty_like(frame)
    if is_empty:
        raise _failure(path, NO_FRAMES[0])


@contextmanager
def _ffmpeg(path: Path, arguments: list[str], **pipes) -> Iterator[subprocess.Popen]:
    """Run ffmpeg beside the block; raise a MediaError about `path` if it fails or reports a cut."""
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | pipes
    with tempfile.TemporaryFile() as log:
        # In a session of its own, Ctrl-C reaches this process only, which then ends ffmpeg.
        process = subprocess.Popen(command, stderr=log, start_new_session=True, **pipes)
        try:
            yield process
            if process.stdin:
                process.stdin.close()
            failed = process.wait() != 0
        except BrokenPipeError:  # ffmpeg has ended before its time; its log says why
            failed = True
        finally:
            _end(process)
        log.seek(0)
        text = log.read().decode(errors="replace")
        if failed or any(mark in text for mark in CUT_OFF):
            raise _failure(path, text)


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    for pipe in filter(None, (process.stdin, process.stdout)):
        try:
            pipe.close()
        except BrokenPipeError:
            continue


def _failure(path: Path, log: str) -> LessonError:
    """Turn what ffmpeg wrote into an error that says what to do."""
    if is_disk_full(log):
        return disk_full(path)
    if any(mark in log for mark in CUT_OFF):
        return MediaError(path, "the video is cut off", "Copy or record it again.")
    if any(mark in log for mark in NO_FRAMES):
        return MediaError(path, "the file holds no video frames", "Copy or record it again.")
    problem = "not a video, or one that is cut off"
    return MediaError(path, problem, "Give an MP4 or another usual video that plays to its end.")


def _exact_rate(fps: float | Fraction) -> Fraction:
    """The rate that is meant: 29.97 is 30000/1001, as television has it."""
    if fps <= 0:
        raise ValueError(f"a frame rate is above zero, not {fps}")
    television = Fraction(round(fps * 1.001) * 1000, 1001)
    if not isinstance(fps, int | Fraction) and abs(television - fps) < 0.005:
        return television
    return Fraction(fps).limit_denominator(1001)


def _address(path: str | Path) -> str:
    """A name that ffmpeg takes for nothing but a file."""
    return f"file:{path}"


def _raw_input(size: tuple[int, int], fps: Fraction) -> list[str]:
    video = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(*size)]
    return [*video, "-r", str(fps), "-i", "-"]


def _h264(size: tuple[int, int], quality: int) -> list[str]:
    """H.264 in the colours of BT.709; 4:2:0 holds even sizes only, so odd ones take 4:4:4."""
    is_even = size[0] % 2 == 0 and size[1] % 2 == 0
    pixels = "yuv420p" if is_even else "yuv444p"
    convert = f"scale=out_color_matrix=bt709:out_range=tv:{SCALING}"
    tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    codec = ["-c:v", "libx264", "-crf", str(quality), "-movflags", "+faststart"]
    return ["-vf", convert, "-pix_fmt", pixels, *tags, "-color_range", "tv", *codec]


def _original_sound(path: str | Path, span: tuple[float, float] | None) -> list[str]:
    codec = _read_header(path).get("audio_codec")
    if codec is None:
        return []
    cut = [] if span is None else ["-ss", f"{span[0]:.6f}", "-to", f"{span[1]:.6f}"]
    sound = ["-c:a", "copy"] if codec in COPIED_SOUND else _encoded_sound()
    return [*cut, "-i", _address(path), "-map", "0:v", "-map", "1:a:0", *sound]


def _encoded_sound() -> list[str]:
    return ["-c:a", "aac", "-b:a", "192k"]
