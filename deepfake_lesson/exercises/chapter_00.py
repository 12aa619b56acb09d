"""Checks of chapter 00: a label, a picture's colours, and who may be used where."""

import numpy as np

from deepfake_lesson.exercises import exercise, require
from deepfake_lesson.people import BASES


@exercise
def label(student) -> None:
    """The words under a made picture."""
    words = student("Anna")
    require(words is not None, "nothing came back: `return` the text, `print` only shows it")
    require(isinstance(words, str), f"a text is wanted, not {words!r}")
    require("Anna" in words, f"the name is missing in {words!r}")
    require(words == "AI-generated: Anna", f"not quite the same letters: {words!r}")
    require(student("Ben") == "AI-generated: Ben", "for Ben it should say Ben")


@exercise
def in_rgb(student) -> None:
    """A picture from BGR to RGB."""
    bgr = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    kept, rgb = bgr.copy(), student(bgr)
    require(rgb is not None, "nothing came back: `return` the picture")
    rgb = np.asarray(rgb)
    require(rgb.shape == bgr.shape, f"the shape should stay {bgr.shape}, it is {rgb.shape}")
    require(not np.array_equal(rgb, kept), "red and blue are where they were")
    require(not np.array_equal(rgb, kept[::-1]), "that turned the rows: the picture is upside down")
    require(
        not np.array_equal(rgb, kept[:, ::-1]), "that turned the columns: the picture is mirrored"
    )
    require(np.array_equal(rgb[..., 1], kept[..., 1]), "green is in the middle and stays there")
    require(np.array_equal(rgb, kept[..., ::-1]), "red and blue should change places, all else not")
    require(
        np.array_equal(bgr, kept), "the picture that was given in has changed; return a new one"
    )


@exercise
def may_use(student) -> None:
    """Whether a person may be used, by the reason why and the place where."""
    for basis in BASES:
        _compare(student, basis, False, True, "it is one of the four reasons")
    for excuse in ("famous", "found on the web", ""):
        _compare(student, excuse, False, False, "it is not one of the four reasons")
        _compare(student, excuse, True, False, "it is not one of the four reasons")
    _compare(student, "synthetic", True, True, "people who do not exist may be used everywhere")
    for basis in set(BASES) - {"synthetic"}:
        _compare(student, basis, True, False, "only people who do not exist may be used there")


def _compare(student, basis: str, on_colab: bool, expected: bool, reason: str) -> None:
    answer = student(basis, on_colab)
    where = "on Colab" if on_colab else "on your own machine"
    wrong_kind = f"for {basis!r} {where} it returns {answer!r}; return True or False"
    require(isinstance(answer, bool | np.bool_), wrong_kind)
    verdict = "allowed" if expected else "not allowed"
    require(answer == expected, f"{basis!r} {where} is {verdict}: {reason}")
