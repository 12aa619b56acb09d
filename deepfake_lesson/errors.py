"""Errors that a user can mend: each names the thing, what is wrong with it and what to do."""

from pathlib import Path


class LessonError(Exception):
    """Something that the user can put right; the command line prints it and exits with code 2.

    Args:
        subject: the file, folder or thing that is wrong.
        problem: what is wrong with it, without a full stop.
        remedy: what to do, as a sentence with its full stop.
    """

    def __init__(self, subject: str | Path, problem: str, remedy: str) -> None:
        super().__init__(subject, problem, remedy)
        self.subject = subject
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}. {self.remedy}"


class MediaError(LessonError):
    """A picture or video that cannot be read or written."""


class NoFaceError(LessonError):
    """No face, or not the wanted person's face, where one is needed."""


class ConsentError(LessonError):
    """A person's folder without a valid consent record."""


class ModelError(LessonError):
    """A model folder that is missing, cut off or of another version."""


class BusyError(LessonError):
    """A folder in which another process is at work."""


class DiskFullError(LessonError):
    """A file that did not fit on the disk."""


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise LessonError unless the value is one of the choices, spelt exactly so."""
    if value not in choices:
        raise LessonError(f"{name} {value!r}", "is not known", f"Choose {', '.join(choices)}.")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise LessonError unless low <= value <= high."""
    if not low <= value <= high:
        raise LessonError(f"{name} {value}", "is out of range", f"Give {low} to {high}.")
