"""Exercises that answer: right, not yet and why, or not tried yet.

Each chapter has a module of checks named after the functions that the student writes:

    from deepfake_lesson.exercises import chapter_04 as check

    check.is_blurred(is_blurred)

A check is a function that tries the student's answer and returns nothing if it is right, else a
hint that fits the mistake. `@exercise` around it turns that into an `Answer`, and whatever the
student's function does wrong into a hint: no check ends in a traceback.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any

RIGHT, NOT_YET, NOT_TRIED = "right", "not yet", "not tried yet"
PACKAGE = Path(__file__).parent.parent
COLORS = {RIGHT: "#00694c", NOT_YET: "#a34a00", NOT_TRIED: "#555555"}


@dataclass(frozen=True)
class Answer:
    """What a check says. verdict: RIGHT, NOT_YET or NOT_TRIED. hint: what to look at."""

    verdict: str
    hint: str = ""

    @property
    def right(self) -> bool:
        return self.verdict == RIGHT

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.hint}" if self.hint else self.verdict

    def _repr_html_(self) -> str:
        verdict = f'<strong style="color: {COLORS[self.verdict]}">{self.verdict}</strong>'
        return f"<p>{verdict} {escape(self.hint)}</p>"


class NotYet(Exception):
    """Raised inside a check to end it with a hint."""


def exercise(check: Callable[[Any], str | None]) -> Callable[[Any], Answer]:
    """Make a check answer, whatever the student's value or function does.

    A function that still raises NotImplementedError, and a value that is None or ..., count as not
    tried.
    """

    @wraps(check)
    def answer(student: Any) -> Answer:
        if student is None or student is ...:
            return Answer(NOT_TRIED)
        try:
            hint = check(student)
        except NotImplementedError:
            return Answer(NOT_TRIED)
        except NotYet as mistake:
            hint = str(mistake)
        except Exception as error:
            hint = _stopped(error)
        return Answer(NOT_YET, hint) if hint else Answer(RIGHT)

    return answer


def require(condition: bool, hint: str) -> None:
    """End the check with the hint unless the condition holds."""
    if not condition:
        raise NotYet(hint)


def _stopped(error: Exception) -> str:
    """What went wrong, and in which line of the student's code if that is known."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.line for frame in frames if not _is_installed(frame.filename)]
    line = lines[-1] if lines else ""
    where = f" at `{line}`" if line else ""
    return f"your answer stopped{where} with {type(error).__name__}: {error}"


def _is_installed(filename: str) -> bool:
    """Whether a file belongs to this package or to a library, and not to the student."""
    return "site-packages" in filename or Path(filename).is_relative_to(PACKAGE)
