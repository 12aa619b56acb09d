"""Measures of detectors, against what can be counted by hand and against laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepfake_lesson.detection import evaluation
from deepfake_lesson.errors import LessonError

LABELS = np.array([0, 0, 0, 1, 1, 1, 1])
SCORES = np.array([0.1, 0.4, 0.35, 0.8, 0.3, 0.9, 0.5])


def counted_auc(labels, scores):
    """How often a fake is above a real one, ties by half: by trying all pairs."""
    real, fake = scores[labels == 0], scores[labels == 1]
    return np.mean([(f > r) + 0.5 * (f == r) for f in fake for r in real])


@settings(deadline=None, max_examples=40)
@given(arrays(int, 12, elements=st.integers(0, 20)), st.integers(1, 11))
def test_auc_is_the_share_of_pairs_in_right_order(values, fakes):
    labels = np.arange(12) < fakes
    assert evaluation.auc(labels, values / 20) == pytest.approx(counted_auc(labels, values))


@settings(deadline=None, max_examples=40)
@given(arrays(int, 12, elements=st.integers(0, 20)), st.integers(1, 11))
def test_scores_read_backwards_give_the_opposite(values, fakes):
    labels, scores = np.arange(12) < fakes, values / 20
    for measure in (evaluation.auc, evaluation.equal_error_rate):
        turned = measure(labels, 1 - scores)
        assert turned == pytest.approx(1 - measure(labels, scores), abs=1e-9)


def test_equal_error_rate_of_normal_scores_is_that_of_theory():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20_000)
    scores = rng.normal(2 * labels, 1)
    assert evaluation.equal_error_rate(labels, scores) == pytest.approx(0.1587, abs=0.005)


def test_average_precision_by_hand():
    precisions = [1, 1, 1, 4 / 6]  # when the fakes at .9, .8, .5 and .3 are reached
    assert evaluation.average_precision(LABELS, SCORES) == pytest.approx(np.mean(precisions))


def test_a_calibrated_detector_has_no_calibration_error_and_a_bold_one_has():
    rng = np.random.default_rng(1)
    scores = rng.random(50_000)
    labels = rng.random(50_000) < scores
    assert evaluation.expected_calibration_error(labels, scores) < 0.01
    bold = (scores > 0.5).astype(float)
    assert evaluation.expected_calibration_error(labels, bold) == pytest.approx(0.25, abs=0.01)
    diagram = evaluation.reliability(labels, scores)
    np.testing.assert_allclose(diagram.said, diagram.true, atol=0.03)
    assert diagram.counts.sum() == 50_000


def test_aggregations_by_name():
    scores, videos = [0.1, 0.2, 0.9, 0.4, 0.5, 0.6, 0.3], list("aaabbbb")
    found = {
        name: evaluation.video_scores(scores, videos, name) for name in evaluation.AGGREGATIONS
    }
    assert found["mean"] == pytest.approx({"a": 0.4, "b": 0.45})
    assert found["max"] == {"a": 0.9, "b": 0.6} and found["median"]["a"] == 0.2
    long = evaluation.video_scores(np.arange(20) / 20, ["v"] * 20, "top_5")
    assert long["v"] == pytest.approx(np.mean([15, 16, 17, 18, 19]) / 20)


def gap(labels, scores):
    """How much higher fakes score: a measure whose truth is known, and which is fast."""
    return scores[labels == 1].mean() - scores[labels == 0].mean()


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng, covered = np.random.default_rng(2), []
    labels = np.repeat([0, 1], 40)
    for _ in range(100):
        scores = rng.normal(labels, 1)
        low, high = evaluation.bootstrap_interval(labels, scores, gap, rng, 150, level=0.9)
        covered.append(low <= 1 <= high)
    assert 0.8 <= np.mean(covered) <= 0.97


def test_the_interval_repeats_and_narrows_with_more_videos():
    rng = np.random.default_rng(3)
    few, many = (np.repeat([0, 1], n) for n in (10, 200))
    widths = []
    for labels in (few, many):
        scores = rng.normal(labels, 1)
        low, high = evaluation.bootstrap_interval(labels, scores, rounds=40)
        assert (low, high) == evaluation.bootstrap_interval(labels, scores, rounds=40)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_a_report_counts_videos_and_not_frames():
    frames = np.array([0.9, 0.1, 0.2, 0.8, 0.7, 0.1])  # two real videos, one fake
    report = evaluation.evaluate_scores([0, 0, 0, 1, 1, 0], frames, list("aabcca"), rounds=50)
    assert report["videos"] == 3 and report["fake_videos"] == 1 and report["frames"] == 6
    assert report["video"]["auc"] == 1 and report["frame"]["auc"] == pytest.approx(6 / 8)


def test_the_matrix_has_a_row_for_each_detector():
    scores = {
        "swap": {"real": [0.1, 0.2], "swap": [0.9, 0.8], "motion": [0.15, 0.05]},
        "motion": {"real": [0.1, 0.2], "swap": [0.1, 0.3], "motion": [0.7, 0.9]},
    }
    names, matrix = evaluation.cross_manipulation(scores, ["swap", "motion"])
    assert names == ["swap", "motion"]
    np.testing.assert_allclose(matrix, [[1, 0.25], [0.625, 1]])
    with pytest.raises(LessonError, match="no scores for copies"):
        evaluation.cross_manipulation(scores, ["swap", "copies"])


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([1, 1], [0.2, 0.3], "all the same"),
        ([0, 1], [0.2, np.nan], "not all numbers"),
        ([0, 2], [0.2, 0.3], "not all 0 or 1"),
        ([0, 1], [0.2], "for labels"),
        ([], [], "for labels"),
    ],
)
def test_what_cannot_be_measured_is_said(labels, scores, words):
    for measure in (evaluation.auc, evaluation.equal_error_rate, evaluation.average_precision):
        with pytest.raises(LessonError, match=words):
            measure(labels, scores)


def test_other_mistakes_are_said():
    with pytest.raises(LessonError, match="aggregation 'best'"):
        evaluation.video_scores([0.1], ["a"], "best")
    with pytest.raises(LessonError, match=r"not all in 0\.\.1"):
        evaluation.reliability([0, 1], [0.1, 3.0])
    with pytest.raises(LessonError, match="a: has frames labelled real"):
        evaluation.evaluate_scores([0, 1], [0.1, 0.2], ["a", "a"])
    with pytest.raises(LessonError, match="one name for each"):
        evaluation.video_scores([0.1, 0.2], ["a"])


def test_scores_of_videos_are_put_to_their_makers():
    scores = [0.0, 0.5, 0.9, 0.7, 0.2]
    videos, makers = ["a", "a", "b", "b", "c"], ["real", "real", "swap", "swap", "real"]
    found = evaluation.scores_by_maker(scores, videos, makers)
    assert found.keys() == {"real", "swap"}
    assert found["real"] == pytest.approx([0.25, 0.2])
    assert found["swap"] == pytest.approx([0.8])
    largest = evaluation.scores_by_maker(scores, videos, makers, "max")
    assert largest["real"] == pytest.approx([0.5, 0.2])
