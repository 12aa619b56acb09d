"""The checks of chapter 00: right answers, typical mistakes and the hints for them."""

import pytest

from deepfake_lesson.exercises import NOT_TRIED
from deepfake_lesson.exercises import chapter_00 as check
from deepfake_lesson.people import BASES


def untouched(*_):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [check.label, check.in_rgb, check.may_use])
def test_an_untouched_exercise_is_not_tried_yet(answer):
    assert answer(untouched).verdict == NOT_TRIED


def test_the_label_is_right():
    assert check.label(lambda name: f"AI-generated: {name}").right


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        (print, "return"),
        (lambda name: "AI-generated: ", "name is missing"),
        (lambda name: f"AI generated: {name}", "letters"),
        (lambda name: "AI-generated: Anna", "for Ben"),
        (lambda name: 5, "a text is wanted"),
    ],
)
def test_a_wrong_label_gets_its_hint(label, hint):
    answer = check.label(label)
    assert not answer.right and hint in answer.hint


def in_place(bgr):
    bgr[:] = bgr[..., ::-1].copy()
    return bgr


def test_the_order_of_colours_is_right():
    assert check.in_rgb(lambda bgr: bgr[..., ::-1]).right
    assert check.in_rgb(lambda bgr: bgr[:, :, [2, 1, 0]]).right


@pytest.mark.parametrize(
    ("in_rgb", "hint"),
    [
        (lambda bgr: bgr, "where they were"),
        (lambda bgr: bgr[::-1], "upside down"),
        (lambda bgr: bgr[:, ::-1], "mirrored"),
        (lambda bgr: bgr[..., [1, 2, 0]], "green"),
        (lambda bgr: bgr[..., 0], "shape"),
        (in_place, "has changed"),
        (lambda bgr: None, "return"),
        (lambda bgr: bgr[..., 5], "IndexError"),
    ],
)
def test_a_wrong_order_gets_its_hint(in_rgb, hint):
    answer = check.in_rgb(in_rgb)
    assert not answer.right and hint in answer.hint


def test_who_may_be_used_is_right():
    assert check.may_use(
        lambda basis, on_colab: basis in (["synthetic"] if on_colab else BASES)
    ).right


@pytest.mark.parametrize(
    ("may_use", "hint"),
    [
        (lambda basis, on_colab: True, "not one of the four"),
        (lambda basis, on_colab: basis == "synthetic", "own machine is allowed"),
        (lambda basis, on_colab: basis in BASES, "on Colab is not allowed"),
        (lambda basis, on_colab: not on_colab and basis in BASES, "may be used everywhere"),
        (lambda basis, on_colab: "yes", "True or False"),
        (lambda basis: True, "TypeError"),
    ],
)
def test_a_wrong_rule_gets_its_hint(may_use, hint):
    answer = check.may_use(may_use)
    assert not answer.right and hint in answer.hint
