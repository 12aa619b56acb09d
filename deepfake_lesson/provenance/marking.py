"""All that is done to the pixels of a generated frame: watermark and visible label."""

from collections.abc import Iterable

import numpy as np

from deepfake_lesson.provenance.label import (
    ANIMATION_LABEL,
    LABEL,
    REENACTMENT_LABEL,
    label_faces,
    label_frame,
)
from deepfake_lesson.provenance.watermark import KINDS, embed_watermark

KIND_OF = {
    LABEL: "face swap",
    REENACTMENT_LABEL: "re-enactment",
    ANIMATION_LABEL: "animation",
}


def mark(
    frame: np.ndarray,
    text: str = LABEL,
    faces: Iterable[np.ndarray] = (),
    visible: bool = True,
) -> np.ndarray:
    """A copy of a generated frame, RGB uint8 (H, W, 3), with watermark and visible label.

    Args:
        text: of the label; the watermark says the same as LABEL, REENACTMENT_LABEL or
            ANIMATION_LABEL, and "generated picture" for another text.
        faces: (68, 2) landmarks of the generated faces, frame pixels; each gets a small label.
        visible: False leaves the labels out. The watermark is always there.
    """
    marked = embed_watermark(frame, KIND_OF.get(text, KINDS[0]))
    return label_faces(label_frame(marked, text), faces) if visible else marked
