"""A quiz about real and fake pictures, and what its answers are worth."""

import base64
import io

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from deepfake_lesson.errors import LessonError
from deepfake_lesson.quiz import Quiz, Score, confusion, score

VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = [np.full((48, 64, 3), grey, np.uint8) for grey in (0, 60, 120, 180)]
TRUTH = [True, False, False, True]


@pytest.fixture
def quiz() -> Quiz:
    return Quiz(PICTURES, TRUTH)


def press(quiz: Quiz, word: str) -> None:
    next(button for button in quiz.buttons if button.description == word).click()


def decoded(data: str | bytes) -> np.ndarray:
    content = base64.b64decode(data) if isinstance(data, str) else data
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


# --- the scores


def test_every_answer_is_counted_once():
    result = score([True, True, True, False, False], [True, True, False, True, False])
    assert result == Score(hits=2, misses=1, false_alarms=1, correct_rejections=1)
    assert result.total == 5 and result.accuracy == pytest.approx(3 / 5)
    assert result.hit_rate == pytest.approx(2 / 3) and result.false_alarm_rate == 0.5


def test_calling_everything_fake_finds_all_fakes_and_tells_nothing_apart():
    result = score([True, False] * 8, [True] * 16)
    assert result.hit_rate == 1 and result.false_alarm_rate == 1
    assert result.accuracy == 0.5 and result.d_prime == pytest.approx(0)


def test_d_prime_is_the_distance_of_two_normal_distributions():
    """Signal detection: the same threshold over evidence of two kinds that lie 1.5 apart."""
    rng = np.random.default_rng(0)
    truth = np.repeat([True, False], 100_000)
    evidence = rng.normal(size=len(truth)) + 1.5 * truth
    for threshold in (0.2, 1.0):
        assert score(truth, evidence > threshold).d_prime == pytest.approx(1.5, abs=0.03)


def test_d_prime_turns_round_with_the_answers():
    result = Score(7, 1, 2, 6)
    swapped = Score(1, 7, 6, 2)
    assert result.d_prime == pytest.approx(-swapped.d_prime) and result.d_prime > 0


def test_d_prime_is_finite_without_a_single_mistake():
    few, many = Score(8, 0, 0, 8), Score(80, 0, 0, 80)
    assert 0 < few.d_prime < many.d_prime < np.inf


def test_chance_is_what_a_coin_reaches():
    """Counted over all 2 ** 6 ways in which a coin can answer six pictures."""
    truth = [True, False] * 3
    ways = [[bool(number >> bit & 1) for bit in range(6)] for number in range(64)]
    reached = [score(truth, way).accuracy for way in ways]
    for said in (ways[5], truth, [not fake for fake in truth]):
        result = score(truth, said)
        share = np.mean([other >= result.accuracy - 1e-9 for other in reached])
        assert result.by_chance == pytest.approx(share)


@pytest.mark.parametrize(
    "truth, said", [(TRUTH, [True]), ([], []), ([True, True], [True, False]), ([False], [True])]
)
def test_answers_that_cannot_be_scored_are_refused(truth, said):
    with pytest.raises(LessonError, match="the quiz"):
        score(truth, said)


def test_a_table_is_drawn_for_each_player():
    one = confusion({"you": Score(5, 3, 2, 6)}).image
    two = confusion({"you": Score(5, 3, 2, 6), "a coin": Score(4, 4, 4, 4)}).image
    assert two.shape == (one.shape[0], 2 * one.shape[1], 3) and two.dtype == np.uint8
    other = confusion({"you": Score(5, 3, 6, 2)}).image
    columns = np.flatnonzero((other != one).any(axis=(0, 2)))
    assert len(columns) and other.shape == one.shape, "other counts, other numbers"


# --- the quiz


def test_the_pictures_are_asked_one_after_the_other(quiz):
    for number, (picture, word) in enumerate(zip(PICTURES, ["fake", "real"] * 2, strict=True)):
        shown = decoded(quiz.image.value)
        assert shown.shape == (300, 400, 3) and abs(shown.mean() - picture.mean()) < 2
        assert f"{number + 1} of 4" in quiz.message.value
        press(quiz, word)
    assert quiz.answers == [True, False, True, False] and quiz.done


def test_a_button_and_the_plain_way_do_the_same(quiz):
    other = Quiz(PICTURES, TRUTH)
    for word in ("fake", "real", "real"):
        press(quiz, word)
        other.answer(word == "fake")
    assert quiz.answers == other.answers == [True, False, False]
    assert quiz.image.value == other.image.value


def test_the_truth_is_shown_only_at_the_end(quiz):
    secret = quiz.sheet(reveal=True).jpeg()
    for fake in TRUTH:
        assert quiz.image.value != secret and not any(b.disabled for b in quiz.buttons)
        quiz.answer(fake)
    assert quiz.image.value == secret and all(button.disabled for button in quiz.buttons)
    assert "4 of 4 are right" in quiz.message.value


def test_after_the_last_picture_nothing_is_recorded(quiz):
    for fake in [*TRUTH, True]:
        quiz.answer(fake)
    assert quiz.answers == TRUTH


def test_shuffling_keeps_pictures_and_truth_together():
    mixed = Quiz(PICTURES, TRUTH, np.random.default_rng(3))
    greys = [int(picture[0, 0, 0]) for picture in mixed.pictures]
    assert greys != [0, 60, 120, 180] and sorted(greys) == [0, 60, 120, 180]
    assert [grey in (0, 180) for grey in greys] == mixed.is_fake


def test_a_saved_notebook_has_all_pictures_and_no_answer(quiz):
    data = DisplayFormatter().format(quiz)[0]
    assert set(data) == {"text/plain", VIEW, "image/jpeg"}
    assert data["text/plain"] == "quiz of 4 pictures, 0 of them answered"
    assert data[VIEW]["model_id"] == quiz.box.model_id
    still = decoded(data["image/jpeg"])
    assert (still == decoded(quiz.sheet().jpeg())).all()
    assert (still != decoded(quiz.sheet(reveal=True).jpeg())).any()


@pytest.mark.parametrize("truth", [TRUTH[:3], []])
def test_every_picture_needs_its_truth(truth):
    with pytest.raises(LessonError, match="4 pictures"):
        Quiz(PICTURES, truth)
