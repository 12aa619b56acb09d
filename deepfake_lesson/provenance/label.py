"""Words to be seen: what this is, in the corner of a frame and on every generated face."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

LABEL = "AI-GENERATED FACE SWAP · deepfake_lesson"
REENACTMENT_LABEL = "AI-GENERATED RE-ENACTMENT · deepfake_lesson"
ANIMATION_LABEL = "AI-GENERATED ANIMATION · deepfake_lesson"
SHORT_LABELS = ("AI-GENERATED", "AI-generated", "AI")
FACE_LABEL = "AI"


def label_frame(frame: np.ndarray, text: str = LABEL) -> np.ndarray:
    """Draw a label into the bottom left corner of a copy of a frame (H, W, 3) uint8.

    It grows with the frame and is shortened where it would not fit; from 64 pixels of width on it
    says at least "AI-generated".
    """
    height, width = frame.shape[:2]
    size = _font_size(height, width)
    margin = round(0.4 * size)
    forms = (text, text.split(" · ")[0], *SHORT_LABELS)
    pill = _pill(forms, size, width - 2 * margin)
    labelled = frame.copy()
    _draw(labelled, pill, margin, height - margin - pill.shape[0])
    return labelled


def label_faces(frame: np.ndarray, faces: Iterable[np.ndarray]) -> np.ndarray:
    """Write "AI" beside the chin of every generated face of a copy of a frame (H, W, 3) uint8.

    Who crops to a face loses the label in the frame's corner; this one lies within the face's box,
    in the bottom right corner, where a face is narrow and covers little of it.

    Args:
        faces: (68, 2) landmarks of each, frame pixels; what lies outside of the frame is cut off.
    """
    height, width = frame.shape[:2]
    labelled = frame.copy()
    for landmarks in faces:
        left, top = np.maximum(landmarks.min(axis=0), 0)
        right, bottom = np.minimum(landmarks.max(axis=0), (width - 1, height - 1))
        if right <= left or bottom <= top:
            continue
        pill = _pill((FACE_LABEL,), max(8, round(0.1 * (bottom - top))), width)
        _draw(labelled, pill, round(right) - pill.shape[1], round(bottom) - pill.shape[0])
    return labelled


def _font_size(height: int, width: int) -> int:
    return max(8, round(min(height, width) / 30))


def _draw(frame: np.ndarray, pill: np.ndarray, left: int, top: int) -> None:
    """Lay a pill (h, w, 2), brightness and opacity, over a frame, as far as it fits."""
    left, top = max(0, left), max(0, top)
    patch = frame[top : top + pill.shape[0], left : left + pill.shape[1]]
    pill = pill[-patch.shape[0] :, : patch.shape[1]]
    brightness, opacity = pill[..., :1], pill[..., 1:] / 255
    patch[:] = np.rint(patch * (1 - opacity) + brightness * opacity)


@lru_cache(maxsize=64)
def _pill(forms: tuple[str, ...], size: int, room: int) -> np.ndarray:
    """White text on a dark pill, (h, w, 2) float32 brightness and opacity, 0 to 255.

    The text is the first of some forms that fits into so many pixels, else the last.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    form = next((form for form in forms if font.getlength(form) + size <= room), forms[-1])
    width, height = round(font.getlength(form)) + size, round(1.6 * size)

    drawing = Image.new("LA", (width, height))
    pencil = ImageDraw.Draw(drawing)
    pencil.rounded_rectangle((0, 0, width - 1, height - 1), round(0.4 * size), (0, 150))
    pencil.text((width / 2, height / 2), form, (255, 255), font, anchor="mm")
    return np.asarray(drawing, np.float32)
