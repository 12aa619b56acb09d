"""Turn a video of somebody who agreed into a person's folder, and ask for the consent on the way.

    python data_scripts/record_person.py clip.mp4 people/ada

Nothing is copied before every question is answered; the answers become consent.toml.
"""

import argparse
import sys
from pathlib import Path

from deepfake_lesson.errors import LessonError
from deepfake_lesson.people import DEFAULT_SCOPE, create_person
from deepfake_lesson.video import probe

QUESTIONS = (
    "Is this a video of you, or has the person in it agreed in writing?",
    "Does the person know that the face will be put on others, and others' on this one?",
    "Can the person have everything deleted at any time, and know whom to ask?",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, help="a video with one person in it")
    parser.add_argument("folder", type=Path, help="the person's folder, to be made")
    wishes = parser.parse_args()
    try:
        add_person(wishes.video, wishes.folder)
    except LessonError as error:
        sys.exit(f"record_person: {error}")


def add_person(video: Path, folder: Path) -> None:
    """Ask, then copy. Exits without a trace when a question is answered with no."""
    info = probe(video)
    print(f"{video}: {info.seconds:.1f} s, {info.width}x{info.height}, {float(info.fps):.3g} fps")
    for question in QUESTIONS:
        if input(f"{question} [yes/no] ").strip().lower() not in ("y", "yes"):
            sys.exit("Then this video is not used. Nothing was copied.")
    own = input("Are you the person in the video? [yes/no] ").strip().lower() in ("y", "yes")
    name = input("Name or pseudonym: ")
    scope = input(f"What was agreed to [{DEFAULT_SCOPE}]: ") or DEFAULT_SCOPE
    person = create_person(folder, name, "self" if own else "written", scope, [video])
    print(f"{person.folder} is ready: deepfake-lesson extract {person.folder}")


if __name__ == "__main__":
    main()
