"""Film several people who do not exist, each in a folder of their own.

    python data_scripts/make_studio_people.py people --seeds 20 21 22 --seconds 8

A person who is already there is left alone.
"""

import argparse
from pathlib import Path

from deepfake_lesson.studio.recipe import record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the person folders go")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="a person a number")
    parser.add_argument("--performance", default="talk", help="talk, conversation, screen_test ...")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--fps", type=float, default=25)
    parser.add_argument("--size", type=int, default=512)
    wishes = parser.parse_args()
    for seed in wishes.seeds:
        folder = wishes.folder / f"studio_{seed}"
        if (folder / "consent.toml").exists():
            continue
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


if __name__ == "__main__":
    main()
