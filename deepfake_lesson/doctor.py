"""What this machine has, what it lacks, and the command that mends it."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from deepfake_lesson import __version__
from deepfake_lesson.errors import LessonError

PACKAGE = "deepfake-lesson"
# Some systems bring the same module in a package of another name.
EQUIVALENTS = {
    "dlib-bin": ("dlib",),
    "opencv-contrib-python-headless": ("opencv-contrib-python", "opencv-python"),
}
DLIB_MODELS = {
    "shape_predictor_68_face_landmarks.dat": "68 landmarks",
    "mmod_human_face_detector.dat": "detector cnn",
    "dlib_face_recognition_resnet_model_v1.dat": "identity",
}
MARKS = {"ok": "ok", "note": "--", "missing": "!!"}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    status: "ok", "note" (the course works without it) or "missing". remedy: a command, or nothing
    where there is nothing to mend.
    """

    subject: str
    status: Literal["ok", "note", "missing"]
    detail: str
    remedy: str | None = None


def check() -> list[Finding]:
    """Look at Python, packages, device, ffmpeg, models and shipped weights."""
    return [
        _check_python(),
        *_check_packages(_requirements()),
        *_check_device(),
        _check_ffmpeg(),
        *_check_models(),
        _check_weights(),
        _check_face_recognition(),
    ]


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing is missing; notes do not count."""
    return all(finding.status != "missing" for finding in findings)


def report(findings: Iterable[Finding]) -> str:
    """The findings as text, one a line, each remedy under what it mends."""
    findings = list(findings)
    width = max(len(finding.subject) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.status]}  {finding.subject:<{width}}  {finding.detail}")
        if finding.remedy:
            lines.append(f"    {'':<{width}}  -> {finding.remedy}")
    missing = sum(finding.status == "missing" for finding in findings)
    lines.append("Nothing is missing." if not missing else f"Missing: {missing}, marked !!.")
    return "\n".join(lines)


def missing_packages() -> list[str]:
    """What the package needs and no installed package brings, as `pip install` wants it."""
    return [
        f"{wanted.name}{wanted.specifier}"
        for wanted in _requirements()
        if not any(map(_installed_version, _names(wanted)))
    ]


def _check_python() -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if (3, 11) <= sys.version_info < (3, 14):
        return Finding("Python", "ok", detail)
    return Finding(
        "Python", "missing", f"{detail}; 3.11 to 3.13 is needed", "make PYTHON=... setup"
    )


def _requirements() -> list[Requirement]:
    """What the package itself needs, without its extras; nothing if it is not installed."""
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []
    requirements = [Requirement(line) for line in lines]
    return [wanted for wanted in requirements if not wanted.marker or wanted.marker.evaluate()]


def _check_packages(requirements: list[Requirement]) -> Iterator[Finding]:
    if not requirements:
        remedy = "pip install --no-deps --editable ."
        yield Finding(PACKAGE, "missing", "runs from its source, not installed", remedy)
        return
    yield Finding(PACKAGE, "ok", __version__)
    yield from map(_check_package, sorted(requirements, key=lambda wanted: wanted.name.lower()))


def _check_package(wanted: Requirement) -> Finding:
    remedy = f"pip install '{wanted.name}{wanted.specifier}'"
    for name in _names(wanted):
        version = _installed_version(name)
        if version is None:
            continue
        if name != wanted.name:
            return Finding(wanted.name, "ok", f"{version} ({name})")
        if wanted.specifier.contains(version, prereleases=True):
            return Finding(wanted.name, "ok", version)
        return Finding(name, "missing", f"{version}; {wanted.specifier} is needed", remedy)
    return Finding(wanted.name, "missing", "not installed", remedy)


def _names(wanted: Requirement) -> tuple[str, ...]:
    """The package, and others that bring the same module."""
    return wanted.name, *EQUIVALENTS.get(wanted.name, ())


def _installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _check_device() -> Iterator[Finding]:
    try:
        from deepfake_lesson import presets
        from deepfake_lesson.models import keras
    except ImportError as error:
        yield Finding("device", "missing", f"Keras does not start ({error})", "make setup")
        return
    cores = f"{_cores()} processor cores"
    device = f"graphics card, {cores}" if presets.has_gpu() else f"{cores}, no graphics card"
    yield Finding("device", "ok", device)
    numbers = f"trains in {presets.compute_dtype()} with Keras on {keras.backend.backend()}"
    yield Finding("numbers", "ok", numbers)
    yield _check_preset(presets)


def _check_preset(presets) -> Finding:
    try:
        chosen = presets.preset()
    except LessonError as error:
        return Finding("preset", "missing", str(error), f"unset {presets.VARIABLE}")
    detail = f"{chosen.name}: {chosen.size} px, {chosen.minutes:g} minutes a training"
    return Finding("preset", "ok", detail)


def _cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_ffmpeg() -> Finding:
    remedy = "pip install --force-reinstall imageio-ffmpeg"
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        program = get_ffmpeg_exe()
        encoders = subprocess.check_output([program, "-hide_banner", "-encoders"], text=True)
        banner = subprocess.check_output([program, "-version"], text=True)
    except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
        return Finding("ffmpeg", "missing", f"does not run ({error})", remedy)
    if "libx264" not in encoders:
        return Finding("ffmpeg", "missing", "cannot write H.264 (libx264)", remedy)
    version = re.match(r"ffmpeg version n?([\w.]+)", banner)
    return Finding("ffmpeg", "ok", f"{version[1] if version else 'unknown version'} with libx264")


def _check_models() -> Iterator[Finding]:
    from deepfake_lesson.detectors import model_file

    for name, purpose in DLIB_MODELS.items():
        try:
            size = Path(model_file(name)).stat().st_size
        except LessonError as error:
            remedy = "pip install --force-reinstall --no-deps 'face_recognition_models>=0.3,<0.4'"
            yield Finding(purpose, "missing", error.problem, remedy)
        else:
            yield Finding(purpose, "ok", f"{name}, {size / 1e6:.0f} MB")


def _check_weights() -> Finding:
    folder = Path(__file__).parent / "weights"
    files = list(folder.rglob("*.weights.h5"))
    if not files:
        detail = "none: training starts from nothing and takes longer"
        return Finding("shipped weights", "note", detail, "git checkout -- deepfake_lesson/weights")
    size = sum(path.stat().st_size for path in files)
    return Finding("shipped weights", "ok", f"{len(files)} files, {size / 1e6:.0f} MB")


def _check_face_recognition() -> Finding:
    """The package itself does without; the chapters and tests compare with it."""
    if find_spec("face_recognition"):
        return Finding("face_recognition", "ok", metadata.version("face_recognition"))
    remedy = "pip install --no-deps 'face_recognition>=1.3' 'setuptools<81'"
    return Finding("face_recognition", "note", "not installed; chapter 03 shows it", remedy)
