"""Make a labelled set of filmed and made clips of people who do not exist, for detectors.

    python data_scripts/make_detection_set.py --out build/detection
    python data_scripts/make_detection_set.py --out build/few --people 10 --pairs 1 --actors 1
    python data_scripts/make_detection_set.py --out build/detection --sample   # chapter 11's faces

Every maker of this package is in it. People, pairs and actors are split; nobody is in two splits.
Face swaps and re-enactments are trained for it, hence only a handful of them. An interrupted run
goes on where it was. --sample writes some faces of it into the package. No clip carries the visible
label, which would give the answer away; all are signed.
"""

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepfake_lesson.detection.crops import FaceCrops, spread
from deepfake_lesson.detection.dataset import (
    LabelledVideo,
    SetOptions,
    load_crops,
    make_detection_set,
)
from deepfake_lesson.detection.sample import write_sample
from deepfake_lesson.errors import LessonError

USUAL = SetOptions()
SAMPLE = {"train": 72, "test": 60}  # faces of each maker
SIDE, FRAMES = 128, 16  # their pixels, and of how many frames of a video they are chosen


def faces(folder: Path, videos: list[LabelledVideo], split: str) -> FaceCrops:
    """Of each maker of a split, so many faces as SAMPLE says, evenly spread."""
    crops = load_crops(folder, [v for v in videos if v.split == split], SIDE, FRAMES)
    rows = [rows[spread(len(rows), SAMPLE[split])] for rows in crops.rows_of.values()]
    chosen = crops.where(np.concatenate(rows))
    return replace(chosen, videos=np.array([Path(video).stem for video in chosen.videos]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="the set's folder")
    parser.add_argument("--people", type=int, default=USUAL.people, help="10 to 400")
    parser.add_argument("--seconds", type=float, default=USUAL.seconds, help="of a clip")
    parser.add_argument("--fps", type=int, default=USUAL.fps)
    parser.add_argument("--size", type=int, default=USUAL.size, help="of the films, pixels")
    parser.add_argument("--pairs", type=int, default=USUAL.pairs, help="face swaps to train")
    parser.add_argument("--actors", type=int, default=USUAL.actors, help="re-enactments to train")
    parser.add_argument("--preset", default=USUAL.preset, help="quick, laptop or gpu")
    parser.add_argument("--minutes", type=float, default=USUAL.minutes, help="of each training")
    parser.add_argument("--swap-steps", type=int, help="of each face swap, instead of minutes")
    parser.add_argument("--actor-steps", type=int, help="of each re-enactment, likewise")
    parser.add_argument("--seed", type=int, default=USUAL.seed, help="sizes and qualities")
    parser.add_argument("--makers", nargs="+", default=USUAL.makers, help="of the fakes")
    parser.add_argument("--sample", action="store_true", help="also write the package's faces")
    wishes = vars(parser.parse_args())
    folder, makers, sample = (wishes.pop(name) for name in ("out", "makers", "sample"))
    try:
        videos = make_detection_set(folder, SetOptions(**wishes, makers=tuple(makers)))
        if sample:
            write_sample({split: faces(folder, videos, split) for split in SAMPLE})
    except LessonError as error:
        print(f"make_detection_set: {error}", file=sys.stderr)
        sys.exit(2)
    for (split, maker), count in sorted(Counter((v.split, v.maker) for v in videos).items()):
        print(f"{split:<11} {maker:<8} {count:4d} clips")


if __name__ == "__main__":
    main()
