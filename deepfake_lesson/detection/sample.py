"""A handful of a labelled set to take along: faces of all makers in one small file.

Whoever reads chapter 11 has no hour to make a set. So some faces of the project's own, as they were
cut, travel with the package, as one JPEG of all of them and a table of what they are.
"""

from pathlib import Path

import cv2
import numpy as np

from deepfake_lesson.checkpoints import explained
from deepfake_lesson.detection.crops import FaceCrops
from deepfake_lesson.detection.dataset import SPLITS
from deepfake_lesson.errors import LessonError, check_choice
from deepfake_lesson.files import replacing
from deepfake_lesson.images import grid

SHIPPED = Path(__file__).parent / "faces.npz"
COLUMNS = 24  # faces in a row of the picture
QUALITY = 92  # of its JPEG, the same for real and fake


def write_sample(splits: dict[str, FaceCrops], path: str | Path = SHIPPED) -> None:
    """Write the faces of some splits; of each, sides must be multiples of 16 (JPEG's blocks).

    Raises LessonError for another split or side, DiskFullError on a full disk.
    """
    for split in splits:
        check_choice("split", split, SPLITS)
    sides = {crops.images.shape[1] for crops in splits.values()}
    if len(sides) != 1 or min(sides) % 16:
        problem = f"are {sorted(sides)} pixels wide"
        raise LessonError("faces", problem, "Give faces of one size, a multiple of 16.")
    images = np.concatenate([crops.images for crops in splits.values()])
    sheet = grid(images, COLUMNS, pad=0)[..., ::-1]
    _, encoded = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    columns = {
        name: np.concatenate([getattr(crops, name) for crops in splits.values()])
        for name in ("points", "labels", "videos", "makers")
    }
    split_of = np.repeat(list(splits), [len(crops) for crops in splits.values()])
    with replacing(path) as draft:
        np.savez_compressed(draft, sheet=encoded, side=sides.pop(), splits=split_of, **columns)


def read_sample(split: str, path: str | Path = SHIPPED) -> FaceCrops:
    """The faces of a split, "train" or "test".

    Raises LessonError for another split, ModelError for a file that is missing or damaged.
    """
    check_choice("split", split, SPLITS)
    path = Path(path)
    with explained(path), np.load(path, allow_pickle=False) as stored:
        side, chosen = int(stored["side"]), np.flatnonzero(stored["splits"] == split)
        sheet = cv2.imdecode(stored["sheet"], cv2.IMREAD_COLOR)[..., ::-1]
        tiles = [
            sheet[row * side : (row + 1) * side, column * side : (column + 1) * side]
            for row, column in (divmod(k, COLUMNS) for k in chosen.tolist())
        ]
        names = ("points", "labels", "videos", "makers")
        return FaceCrops(np.stack(tiles), *(stored[name][chosen] for name in names))
