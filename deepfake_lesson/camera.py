"""A clip from a camera, by the ffmpeg that comes with imageio-ffmpeg; without sound."""

import re
import subprocess
import sys
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from deepfake_lesson.errors import MediaError
from deepfake_lesson.files import disk_full, is_disk_full, replacing
from deepfake_lesson.video import VideoInfo, probe

FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
PATIENCE = 30  # seconds that a camera may take to wake up


def camera_input(
    device: str | None = None, input_format: str | None = None, system: str = sys.platform
) -> list[str]:
    """The arguments with which ffmpeg opens a camera; nothing is switched on.

    Args:
        device: /dev/video2 on Linux, a number on macOS, a name on Windows; else the first camera.
        input_format: how ffmpeg calls the kind of device; else that of the system.
        system: as in `sys.platform`.

    Raises:
        MediaError: there is no such camera, as far as that can be seen without opening it.
    """
    kind = input_format or FORMATS.get(system)
    if kind == "avfoundation":  # without a rate it asks for 29.97, which cameras refuse
        return ["-f", kind, "-framerate", "30", "-i", device or "0"]
    if kind == "dshow":
        return ["-f", kind, "-i", f"video={device or _first_windows_camera()}"]
    if kind == "v4l2":
        device = device or "/dev/video0"
        if not Path(device).exists():
            raise _no_camera(device, "there is no such camera")
    if not (kind and device):
        raise _no_camera("camera", "it is not known how to open one here")
    return ["-f", kind, "-i", device]


def record_camera(camera: list[str], seconds: float, path: str | Path) -> VideoInfo:
    """Record a clip (H.264) to `path`, which appears when all is done.

    Args:
        camera: from `camera_input`.
        seconds: length of the clip.
        path: an .mp4.

    Raises:
        MediaError: the camera cannot be opened or sends no pictures.
        DiskFullError: the disk is full.
    """
    with replacing(path) as draft:
        command = [get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *camera]
        command += ["-t", str(seconds), "-an", "-c:v", "libx264", "-crf", "17"]
        command += ["-pix_fmt", "yuv420p", "-movflags", "+faststart", str(draft)]
        try:
            run = subprocess.run(command, capture_output=True, timeout=seconds + PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise _no_camera(camera[-1], "the camera sends no pictures") from error
        log = run.stderr.decode(errors="replace").strip()
        if is_disk_full(log):
            raise disk_full(Path(path))
        if run.returncode != 0:
            reason = log.splitlines()[0] if log else "ffmpeg says nothing"
            raise _no_camera(camera[-1], f"the camera cannot be opened ({reason})")
    return probe(path)


def windows_cameras(listing: str) -> list[str]:
    """The names of the cameras in what ffmpeg lists for dshow."""
    return re.findall(r'"([^"]+)" \(video\)', listing)


def _first_windows_camera() -> str:
    command = [get_ffmpeg_exe(), "-hide_banner", "-list_devices", "true", "-f", "dshow"]
    listing = subprocess.run([*command, "-i", "dummy"], capture_output=True).stderr
    names = windows_cameras(listing.decode(errors="replace"))
    if not names:
        raise _no_camera("camera", "there is none")
    return names[0]


def _no_camera(device: str, problem: str) -> MediaError:
    remedy = (
        "Plug one in, allow this program to use it, or end what else uses it; or record with a"
        " phone and give the video."
    )
    return MediaError(device, problem, remedy)
