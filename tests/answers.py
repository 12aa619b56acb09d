"""The three tests that the exercises of most chapters have in common."""

from collections.abc import Callable

import pytest

from deepfake_lesson.exercises import NOT_TRIED, NOT_YET


def exercise_tests(right: dict, wrong: list) -> tuple[Callable, Callable, Callable]:
    """Tests of right, wrong and untouched answers.

    right: check -> an answer that is right. wrong: (check, answer, words of the hint it gets).
    """

    @pytest.mark.parametrize("exercise", right, ids=lambda exercise: exercise.__name__)
    def test_right(exercise):
        assert exercise(right[exercise]).right, exercise(right[exercise])

    names = [f"{exercise.__name__}-{hint}" for exercise, _, hint in wrong]

    @pytest.mark.parametrize(("exercise", "answer", "hint"), wrong, ids=names)
    def test_wrong(exercise, answer, hint):
        said = exercise(answer)
        assert said.verdict == NOT_YET and hint in said.hint, said

    @pytest.mark.parametrize("exercise", right, ids=lambda exercise: exercise.__name__)
    def test_untouched(exercise):
        def untouched(*_):
            raise NotImplementedError

        assert exercise(untouched).verdict == NOT_TRIED

    return test_right, test_wrong, test_untouched
