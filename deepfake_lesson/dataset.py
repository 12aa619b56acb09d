"""What lies in a person's faces/: aligned faces, the blurred ones set aside, and who it is.

`extraction` writes it; training and evaluation read it here.
"""

import cv2
import numpy as np

from .errors import NoFaceError
from .identity import embed, mean_embedding
from .images import fit, grid, read_image
from .landmarks import transform_points
from .people import Alignment, Person, read_alignments

BLURRED = "blurred"  # the folder in faces/ for faces that are not sharp enough


def is_kept(row: Alignment) -> bool:
    """Whether the face is sharp enough to learn from."""
    return not row.file.startswith(f"{BLURRED}/")


def load_alignments(person: Person) -> list[Alignment]:
    """The alignments of the kept faces, in the order of media and frames.

    Blurred faces are left out, and so are faces whose picture was deleted.
    """
    rows = [row for row in read_alignments(person) if is_kept(row)]
    rows = [row for row in rows if (person.faces / row.file).is_file()]
    return sorted(rows, key=lambda row: (row.source, row.frame, row.file))


def load_faces(person: Person) -> np.ndarray:
    """The aligned faces of `load_alignments`: (N, 256, 256, 3) uint8.

    Raises:
        NoFaceError: there is none; the faces have to be extracted first.
    """
    rows = load_alignments(person)
    if not rows:
        remedy = f"Run: deepfake-lesson extract {person.folder}."
        raise NoFaceError(person.folder, "it has no extracted faces", remedy)
    return np.stack([read_image(person.faces / row.file) for row in rows])


def person_embedding(person: Person, most: int = 16) -> np.ndarray | None:
    """Mean embedding (128,) of up to `most` kept faces, evenly spread; None if there is none."""
    rows = _spread(load_alignments(person), most)
    if not rows:
        return None
    points = [transform_points(row.landmarks, row.matrix) for row in rows]
    faces = [read_image(person.faces / row.file) for row in rows]
    return mean_embedding([embed(*pair) for pair in zip(faces, points, strict=True)])


def contact_sheet(person: Person, rows: list[Alignment]) -> np.ndarray:
    """RGB uint8 picture of up to 50 kept and 10 blurred faces, with sharpness and distance."""
    rows = [row for row in rows if (person.faces / row.file).is_file()]
    kept = _spread([row for row in rows if is_kept(row)], 50)
    blurred = _spread([row for row in rows if not is_kept(row)], 10)
    shown = kept + blurred
    pictures = [_thumbnail(person, row) for row in shown]
    return grid(pictures, columns=10, labels=[_caption(row) for row in shown])


def _thumbnail(person: Person, row: Alignment) -> np.ndarray:
    picture = fit(read_image(person.faces / row.file), 112)
    if not is_kept(row):
        cv2.rectangle(picture, (0, 0), (111, 111), (200, 40, 40), 5)
    return picture


def _caption(row: Alignment) -> str:
    text = f"sharp {row.sharpness:.0f}" if is_kept(row) else f"blurred {row.sharpness:.1f}"
    return text if row.identity_distance is None else f"{text}  id {row.identity_distance:.2f}"


def _spread(rows: list, most: int) -> list:
    """At most `most` of them, evenly spread."""
    steps = np.linspace(0, len(rows) - 1, min(most, len(rows)))
    return [rows[round(step)] for step in steps]
