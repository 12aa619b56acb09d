"""Clips that several test files write."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from deepfake_lesson.video import VideoWriter


def write_video(path: Path, frames: Iterable[np.ndarray]) -> Path:
    """A clip of ten frames a second, without sound, as large as its first frame."""
    frames = iter(frames)
    first = next(frames)
    with VideoWriter(path, 10, first.shape[1::-1]) as writer:
        for frame in chain([first], frames):
            writer.write(frame)
    return path
