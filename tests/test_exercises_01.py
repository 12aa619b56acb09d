"""The checks of chapter 01 tell right answers from typical mistakes."""

from statistics import NormalDist

import numpy as np
import pytest

from deepfake_lesson.exercises import NOT_TRIED
from deepfake_lesson.exercises import chapter_01 as check

BELL = NormalDist()


def difference(before, after):
    return np.abs(after.astype(int) - before)


def counts(truth, said):
    pairs = list(zip(truth, said, strict=True))
    return [pairs.count(pair) for pair in ((True, True), (True, False), (False, True))]


def mode(face, movement):
    if face == "nobody's":
        return "synthesis"
    if face == "own":
        return "editing" if movement == "own" else "re-enactment"
    return "swap" if movement == "own" else "transfer"


def two_rates(truth, said):
    hits, misses, alarms = counts(truth, said)
    return hits / (hits + misses), alarms / truth.count(False)


def called(hit, alarm, share):
    return hit * share + alarm * (1 - share)


RIGHT = {
    "changed_share": lambda a, b, level: (difference(a, b) > level).any(-1).mean(),
    "name_the_mode": mode,
    "rates": two_rates,
    "d_prime": lambda hit, alarm: BELL.inv_cdf(hit) - BELL.inv_cdf(alarm),
    "really_fake": lambda hit, alarm, share: hit * share / called(hit, alarm, share),
    "cases": lambda: {"museum": "b", "call": "c", "minister": "c", "dubbing": "B"},
}
WRONG = [
    ("changed_share", lambda a, b, level: (difference(a, b) > level).mean(), "not pixels"),
    ("changed_share", lambda a, b, level: (difference(a, b) > 0).any(-1).mean(), "`level`"),
    ("changed_share", lambda a, b, level: (difference(a, b).mean(-1) > level).mean(), "average"),
    ("changed_share", lambda a, b, level: (b > a.astype(int) + level).any(-1).mean(), "darker"),
    ("changed_share", lambda a, b, level: (difference(a, b) > level).any(-1).sum(), "divide"),
    ("changed_share", lambda a, b, level: (np.abs(b - a) > level).any(-1).mean(), "uint8"),
    ("name_the_mode", lambda face, movement: "face swap", "none of the five"),
    ("name_the_mode", lambda face, movement: "swap", "is not swap"),
    (
        "name_the_mode",
        lambda face, movement: {"own": "swap"}.get(movement, "transfer"),
        "moved by somebody else",
    ),
    ("rates", lambda truth, said: (3, 1), "counts"),
    ("rates", lambda truth, said: (3 / 9, 1 / 9), "not by all pictures"),
    ("rates", lambda truth, said: two_rates(truth, said)[::-1], "hit rate first"),
    ("rates", lambda truth, said: (0.75, 0.25), "by the real ones"),
    ("rates", lambda truth, said: 0.75, "two numbers"),
    ("rates", lambda truth, said: (0.75, 0.2), "all wrong"),
    ("d_prime", lambda hit, alarm: hit - alarm, "take z"),
    ("d_prime", lambda hit, alarm: BELL.inv_cdf(hit) + BELL.inv_cdf(alarm), "cancel"),
    ("d_prime", lambda hit, alarm: BELL.inv_cdf(alarm) - BELL.inv_cdf(hit), "other way"),
    ("d_prime", lambda hit, alarm: BELL.cdf(hit) - BELL.cdf(alarm), "way back"),
    ("d_prime", lambda hit, alarm: BELL.inv_cdf(hit) * 2, "equal rates"),
    ("really_fake", lambda hit, alarm, share: hit, "the reverse"),
    ("really_fake", lambda hit, alarm, share: hit * share, "*called*"),
    ("really_fake", lambda hit, alarm, share: hit / (hit + alarm), "rare"),
    (
        "really_fake",
        lambda hit, alarm, share: hit * share / (hit * share + alarm),
        "1 - share",
    ),
    ("cases", lambda: ["b", "c", "c", "b"], "by case"),
    ("cases", lambda: {"museum": "b"}, "'call' has no answer"),
    ("cases", lambda: {"museum": "d"}, "a, b or c"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_is_right(name):
    answer = getattr(check, name)(RIGHT[name])
    assert answer.right, answer


@pytest.mark.parametrize(
    ("name", "student", "hint"), WRONG, ids=[f"{name}-{hint}" for name, _, hint in WRONG]
)
def test_a_mistake_gets_its_hint(name, student, hint):
    answer = getattr(check, name)(student)
    assert not answer.right and hint in answer.hint, answer


@pytest.mark.parametrize("case", check.RIGHT_CASES)
@pytest.mark.parametrize("letter", "abc")
def test_every_wrong_letter_has_a_reason_of_its_own(case, letter):
    answer = check.cases(lambda: check.RIGHT_CASES | {case: letter})
    if letter == check.RIGHT_CASES[case]:
        assert answer.right
    else:
        assert answer.hint.startswith(f"{case}: ") and len(answer.hint) > 40


@pytest.mark.parametrize("name", RIGHT)
def test_an_untouched_answer_is_not_tried(name):
    def untouched(*arguments, **named):
        raise NotImplementedError

    assert getattr(check, name)(untouched).verdict == NOT_TRIED
