"""Film several people who do not exist, each in a folder of their own.

    python data_scripts/make_studio_people.py people --seeds 20 21 22 --seconds 8

A person who is already there is left alone.
"""

import argparse
import sys
from pathlib import Path

from deepfake_lesson.errors import LessonError
from deepfake_lesson.studio.recipe import record


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the person folders go")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="a person a number")
    parser.add_argument("--performance", default="talk", help="talk, conversation, screen_test ...")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--fps", type=float, default=25)
    parser.add_argument("--size", type=int, default=512)
    wishes = parser.parse_args()
    try:
        for seed in wishes.seeds:
            film(seed, wishes.folder / f"studio_{seed}", wishes)
    except LessonError as error:
        print(f"make_studio_people: {error}", file=sys.stderr)
        sys.exit(2)


def film(seed: int, folder: Path, wishes: argparse.Namespace) -> None:
    """Film one person, unless the folder holds one."""
    if (folder / "consent.toml").exists():
        print(f"{folder}: already there")
        return
    record(
        seed,
        folder,
        wishes.performance,
        seconds=wishes.seconds,
        fps=wishes.fps,
        size=wishes.size,
        seed=seed,
        progress=True,
    )
    print(f"{folder}: {wishes.seconds:g} s, ready")


if __name__ == "__main__":
    main()
