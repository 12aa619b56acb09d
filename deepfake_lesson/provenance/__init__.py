"""Whatever is generated is marked three times: for people, for machines, and in the pixels.

    label.py        words to be seen, on the frame and on every generated face
    watermark.py    a pattern that is not seen, and outlives what a file says about itself
    marking.py      both of them on a frame
    credentials.py  a signed content credential (C2PA) in the file: how it was made, and of what
    authority.py    who signs: this computer's own authority, or an institution's certificate

A label is cropped away and a credential is stripped by most platforms; a watermark stays, but says
little. Together they tell more than each alone.
"""

from deepfake_lesson.provenance.authority import authority_path, home
from deepfake_lesson.provenance.credentials import (
    ALGORITHMIC,
    COMPOSITE,
    SIGNABLE,
    TRAINED,
    VERDICTS,
    Credential,
    check_signable,
    sign,
    verify,
)
from deepfake_lesson.provenance.label import (
    ANIMATION_LABEL,
    LABEL,
    REENACTMENT_LABEL,
    label_faces,
    label_frame,
)
from deepfake_lesson.provenance.marking import mark
from deepfake_lesson.provenance.watermark import (
    Watermark,
    embed_watermark,
    has_room,
    read_watermark,
)

__all__ = [
    "ALGORITHMIC",
    "ANIMATION_LABEL",
    "COMPOSITE",
    "LABEL",
    "REENACTMENT_LABEL",
    "SIGNABLE",
    "TRAINED",
    "VERDICTS",
    "Credential",
    "Watermark",
    "authority_path",
    "check_signable",
    "embed_watermark",
    "has_room",
    "home",
    "label_faces",
    "label_frame",
    "mark",
    "read_watermark",
    "sign",
    "verify",
]
