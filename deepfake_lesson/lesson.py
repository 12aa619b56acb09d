"""What every chapter starts with: a checked environment, people, and functions to look at."""

import datetime
import importlib
import inspect
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepfake_lesson import __version__, plots
from deepfake_lesson.errors import ConsentError, LessonError, MediaError
from deepfake_lesson.files import replacing
from deepfake_lesson.people import Person, open_person

WORK = Path("work")  # beside the chapters; everything a chapter writes is in here
EXAMPLE_PLEDGE = """\
Nothing is written yet. Somebody else wrote:

    I fake only faces of people who do not exist or who said yes to it. Whoever sees what I made
    can see that it is fake. If somebody asks me to delete it, I do.

Put your own words between the quotes, and your name or initials below them. Then run the cell."""


def begin() -> None:
    """Check the environment, set the style of the figures and say that all is ready.

    On Colab, packages that are missing are installed; what is there stays as it is.
    """
    from deepfake_lesson import doctor

    missing = doctor.missing_packages()
    if missing and on_colab():
        # --no-deps: what these need in turn is on Colab, and must not be replaced under a notebook
        # that runs.
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *missing]
        subprocess.run(command, check=True)
        importlib.invalidate_caches()
        missing = doctor.missing_packages()
    plots.use_style()
    if missing:
        print("Missing:", ", ".join(missing), "- run `make setup`, or `deepfake-lesson doctor`.")
    else:
        print(f"deepfake_lesson {__version__} is ready.")
    if on_colab():
        print("On Colab: only people who do not exist. Chapter 00 says why.")


def on_colab() -> bool:
    """Whether this runs in a notebook on Google Colab, which loads its own package at the start."""
    return "google.colab" in sys.modules


def pledge(text: str, name: str, date: datetime.date | None = None) -> str:
    """Keep the student's own words about the rules in the work folder, as pledge.txt.

    Args:
        text: the pledge. If it is empty, nothing is written.
        name: who gives it; initials will do.
        date: today if not given.

    Returns:
        What stands in the file, or an example and what to do if there is none.

    Raises:
        LessonError: there is a text and no name.
    """
    path = WORK / "pledge.txt"
    if text.strip():
        if not name.strip():
            raise LessonError("the pledge", "it has no name", "Add your name or initials.")
        day = date or datetime.date.today()
        with replacing(path) as draft:
            draft.write_text(f"{text.strip()}\n\n{name.strip()}, {day}\n", encoding="utf-8")
    return path.read_text(encoding="utf-8") if path.exists() else EXAMPLE_PLEDGE


def show(thing: Any):
    """The source of a function, class or module of the package, highlighted."""
    from IPython.display import Code

    return Code(inspect.getsource(inspect.unwrap(thing)), language="python")


def studio_person(
    seed: int,
    performance: str = "talk",
    seconds: float = 4,
    size: int | tuple[int, int] = 256,
    fps: float = 25,
    take: int = 0,
) -> Person:
    """A person who does not exist, filmed into the chapters' work folder.

    The clip is rendered on the first call, about a second for each second of it, and opened again
    afterwards; one that an older studio made is made again. size: side, or (width, height), in
    pixels. take: another number is another room, light and take of the performance.
    """
    from deepfake_lesson.studio.recipe import Recipe, record

    shape = size if isinstance(size, int) else "x".join(map(str, size))
    folder = WORK / "people" / f"{seed}_{performance}_{take}_{seconds:g}s_{fps:g}fps_{shape}"
    with suppress(MediaError, ConsentError):
        Recipe.load(folder / "media" / "clip.json")
        return open_person(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return record(seed, folder, performance, seconds, fps, size, take, progress=True)
