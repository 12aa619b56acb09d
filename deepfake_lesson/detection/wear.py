"""What happens to clips on their way, one thing at a time: the levels of robustness curves.

Unlike `augment.random_wear`, nothing here is random but the grain itself, so that a curve has an
axis: how a detector's score depends on one number.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from deepfake_lesson.errors import LessonError, check_choice, check_range
from deepfake_lesson.video import VideoWriter, read_frames


def jpeg(image: np.ndarray, quality: float) -> np.ndarray:
    """Saved as JPEG of quality 1 to 100 and read again."""
    check_range("JPEG quality", quality, 1, 100)
    options = [cv2.IMWRITE_JPEG_QUALITY, round(quality)]
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], options)
    return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])


def resize(image: np.ndarray, share: float) -> np.ndarray:
    """Made smaller, to a share of its width and height, and as large as before again."""
    check_range("resize", share, 0.01, 1)
    height, width = image.shape[:2]
    small = max(1, round(width * share)), max(1, round(height * share))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur of `sigma` pixels."""
    check_range("blur", sigma, 0, 100)
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image


def noise(image: np.ndarray, sigma: float) -> np.ndarray:
    """Grain of `sigma` grey levels of 255; the same for pictures of one shape."""
    check_range("noise", sigma, 0, 255)
    grain = np.random.default_rng(0).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)


Wear = Callable[[np.ndarray, float], np.ndarray]
WEARS: dict[str, tuple[Wear, tuple[float, ...]]] = {  # and levels, from nothing to a lot
    "JPEG quality": (jpeg, (95, 75, 50, 30, 15)),
    "resize": (resize, (1.0, 0.75, 0.5, 0.35, 0.25)),
    "blur": (blur, (0.0, 0.5, 1.0, 2.0, 3.0)),
    "noise": (noise, (0.0, 2.0, 5.0, 10.0, 20.0)),
}
CRF = (17, 23, 28, 33, 38, 43)  # the ladder of H.264


def worn(image: np.ndarray, name: str, level: float) -> np.ndarray:
    """A picture (H, W, 3) uint8 after one of WEARS; LessonError for another name or level."""
    check_choice("wear", name, tuple(WEARS))
    return WEARS[name][0](image, level)


def h264(frames: Iterable[np.ndarray], quality: int, fps: float = 25) -> list[np.ndarray]:
    """Frames (H, W, 3) uint8 after a trip through H.264 of a constant rate factor of 0 to 51."""
    frames = list(frames)
    if not frames:
        raise LessonError("frames", "there are none", "Give at least one.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        with VideoWriter(path, fps, frames[0].shape[1::-1], quality=quality) as writer:
            for frame in frames:
                writer.write(frame)
        return list(read_frames(path))
