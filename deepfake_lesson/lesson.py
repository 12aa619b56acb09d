"""What every chapter starts with: a checked environment, people, and functions to look at."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

from deepfake_lesson import __version__, plots
from deepfake_lesson.people import Person, open_person

WORK = Path("work")  # beside the chapters; everything a chapter writes is in here


def begin() -> None:
    """Check the environment, set the style of the figures and say that all is ready.

    On Colab, packages that are missing are installed; what is there stays as it is.
    """
    from deepfake_lesson import doctor

    missing = doctor.missing_packages()
    if missing and "google.colab" in sys.modules:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *missing]
        subprocess.run(command, check=True)
        missing = doctor.missing_packages()
    plots.use_style()
    if missing:
        print("Missing:", ", ".join(missing), "- run `make setup`, or `deepfake-lesson doctor`.")
    else:
        print(f"deepfake_lesson {__version__} is ready.")


def show(thing: Any):
    """The source of a function, class or module of the package, highlighted."""
    from IPython.display import Code

    return Code(inspect.getsource(inspect.unwrap(thing)), language="python")


def studio_person(
    seed: int, performance: str = "talk", seconds: float = 4, size: int = 256, fps: float = 25
) -> Person:
    """A person who does not exist, filmed: people/SEED_PERFORMANCE in the chapters' work folder.

    The clip is rendered on the first call, about a second for each second of it, and opened again
    afterwards.
    """
    from deepfake_lesson.studio.recipe import record

    folder = WORK / "people" / f"{seed}_{performance}_{seconds:g}s_{size}"
    if (folder / "consent.toml").exists():
        return open_person(folder)
    return record(seed, folder, performance, seconds, fps, size, progress=True)
