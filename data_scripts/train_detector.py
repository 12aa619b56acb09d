"""Train a detector on a labelled set: the project's own, or one of the field's public ones.

    python data_scripts/train_detector.py build/detection --out models/detector --weights imagenet
    python data_scripts/train_detector.py build/detection --out models/blended --weights imagenet \
        --data self_blended --boundary 0.5
    python data_scripts/train_detector.py faceforensics:/data/ff --out models/ff --minutes 60

A public set is named before its folder: faceforensics, celeb-df or dfdc; it has to be there, see
`deepfake_lesson.detection.public`. Where a set has no validation split, a tenth of the training
videos' people is held out. With --ship a copy without the optimiser's memory is written too. An
interrupted training goes on where it was.
"""

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from deepfake_lesson.detection.dataset import LabelledVideo, load_crops, read_manifest
from deepfake_lesson.detection.public import PUBLIC_SETS
from deepfake_lesson.detection.training import (
    DATA,
    DetectorConfig,
    load_detector,
    save_detector,
    train_detector,
)
from deepfake_lesson.errors import LessonError, check_choice
from deepfake_lesson.models.forensics import LITE

HELD_OUT = 10  # one person of so many


def labelled_videos(source: str) -> tuple[list[LabelledVideo], Path, str]:
    """The videos of a set, where its crops are kept, and whom it shows, in words."""
    name, colon, folder = source.partition(":")
    if not colon or Path(source).exists():
        return read_manifest(source), Path(source), "studio people"
    check_choice("set", name, tuple(PUBLIC_SETS))
    return list(PUBLIC_SETS[name](folder)), Path(folder), f"real people of {name}"


def with_validation(videos: list[LabelledVideo]) -> list[LabelledVideo]:
    """The videos; if none is for validation, those of some of the people are from now on.

    Fakes of one held out and one learnt person are left out.
    """
    if any(video.split == "validation" for video in videos):
        return videos
    people = sorted({who for video in videos if video.split == "train" for who in video.people})
    held_out = set(people[::HELD_OUT])
    kept = []
    for video in videos:
        own = [who in held_out for who in video.people]
        if video.split != "train" or not any(own):
            kept.append(video)
        elif all(own):
            kept.append(replace(video, split="validation"))
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", help="folder of make_detection_set.py, or NAME:FOLDER")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    parser.add_argument("--network", default=LITE)
    parser.add_argument("--size", type=int, default=128, help="pixels of a crop; 256 for MesoNet")
    parser.add_argument("--weights", help="imagenet: begin with what photographs taught")
    parser.add_argument("--data", default=DATA[0], choices=DATA)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--decay-steps", type=int, default=0, help="after which the rate halves")
    parser.add_argument("--boundary", type=float, default=0.0, help="how much painting it counts")
    parser.add_argument("--frames", type=int, default=16, help="of a video")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--fresh", action="store_true", help="forget what is there")
    parser.add_argument("--ship", type=Path, help="also write it without what only training needs")
    wishes = parser.parse_args()
    try:
        train(wishes)
    except LessonError as error:
        print(f"train_detector: {error}", file=sys.stderr)
        sys.exit(2)


def train(wishes: argparse.Namespace) -> None:
    """Cut the faces, train, and say how it went."""
    config = DetectorConfig(
        wishes.network,
        wishes.size,
        wishes.weights,
        wishes.data,
        wishes.batch,
        wishes.learning_rate,
        wishes.decay_steps,
        wishes.boundary,
    )
    videos, home, who = labelled_videos(wishes.set)
    videos = with_validation(videos)
    crops = [
        load_crops(home, [v for v in videos if v.split == split], wishes.size, wishes.frames)
        for split in ("train", "validation")
    ]
    minutes = None if wishes.steps else wishes.minutes
    report = train_detector(
        *crops, wishes.out, config, wishes.steps, minutes, trained_on=who, fresh=wishes.fresh
    )
    print(f"{wishes.out}: {report.step} steps, loss {report.loss:.4f}")
    if wishes.ship:
        save_detector(load_detector(wishes.out), wishes.ship)
        shutil.copyfile(wishes.out / "history.csv", wishes.ship / "history.csv")


if __name__ == "__main__":
    main()
