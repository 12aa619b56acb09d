"""The checks of chapter 07 know right answers, typical wrong ones and untouched ones."""

import cv2
import numpy as np
from answers import exercise_tests

from deepfake_lesson.exercises import chapter_07 as check
from deepfake_lesson.metrics import sharpness, truth_error
from deepfake_lesson.models.adversarial import verdict_loss
from deepfake_lesson.models.losses import dssim_map


def package_dssim(one, other):
    """The package's loss, whose windows have 8 x 8 pixels: one window at the corner."""
    pair = [np.tile(each, (2, 2))[None, ..., None] for each in (one, other)]
    return float(np.asarray(dssim_map(*pair))[0, 4, 4])


def window_dssim(one, other, covariance=None, spread=np.var, small=1.0, turn=lambda s: (1 - s) / 2):
    if covariance is None:
        covariance = (one * other).mean() - one.mean() * other.mean()
    c1, c2 = small * 0.01**2, small * 0.03**2
    similarity = (2 * one.mean() * other.mean() + c1) * (2 * covariance + c2)
    similarity /= (one.mean() ** 2 + other.mean() ** 2 + c1) * (spread(one) + spread(other) + c2)
    return turn(similarity)


def weighted(truth, painted, weights):
    return np.average(np.abs(truth - painted).mean(axis=-1), weights=weights)


def detail_ratio(picture, truth, inside, kind=float, spread=np.std):
    fine = [each.astype(kind) - cv2.GaussianBlur(each.astype(kind), (0, 0), 1) for each in
            (picture, truth)]  # fmt: skip
    return spread(fine[0][inside]) / spread(fine[1][inside])


def losses(real, painted):
    missed = float(verdict_loss(real, True)) + float(verdict_loss(painted, False))
    return float(verdict_loss(painted, True)), missed / 2


def affordable(results, minutes):
    return {
        name: min(known)
        for name, errors in results.items()
        if (known := [error for cost, error in errors.items() if cost <= minutes])
    }


def best(results, minutes):
    known = affordable(results, minutes)
    return min(known, key=known.get) if known else None


def last_affordable(results, minutes):
    """Takes what the longest affordable training reached."""
    known = {}
    for name, errors in results.items():
        if costs := [cost for cost in errors if cost <= minutes]:
            known[name] = errors[max(costs)]
    return min(known, key=known.get) if known else None


RIGHT = {
    check.dssim: window_dssim,
    check.weighted_mae: weighted,
    check.sharpness_ratio: sharpness,
    check.critic_losses: losses,
    check.best_variant: best,
}
WRONG = [
    (check.dssim, lambda a, b: window_dssim(a, b, turn=lambda s: s), "turn it round"),
    (check.dssim, lambda a, b: window_dssim(a, b, turn=lambda s: 1 - s), "halve"),
    (check.dssim, lambda a, b: window_dssim(a, b, spread=np.std), "np.var"),
    (
        check.dssim,
        lambda a, b: window_dssim(a, b, np.cov(a.ravel(), b.ravel())[0, 1]),
        "N - 1",
    ),
    (check.dssim, lambda a, b: window_dssim(a, b, small=0.0), "constants"),
    (check.dssim, lambda a, b: np.abs(a - b).mean(), "should be"),
    (check.dssim, lambda a, b: window_dssim(a, b) + 1e-8, "should give 0"),
    (check.dssim, lambda a, b: None, "return"),
    (check.dssim, lambda a, b: (a - b) ** 2, "one number"),
    (check.weighted_mae, lambda t, p, w: np.abs(t - p).mean(), "change nothing"),
    (
        check.weighted_mae,
        lambda t, p, w: (w[..., None] * np.abs(t - p)).mean(),
        "sum of the weights",
    ),
    (
        check.weighted_mae,
        lambda t, p, w: (w[..., None] * np.abs(t - p)).sum() / w.sum(),
        "plain mean",
    ),
    (check.weighted_mae, lambda t, p, w: np.average((p - t).mean(-1), weights=w), "absolute"),
    (check.weighted_mae, lambda t, p, w: (w * np.abs(t - p)).mean(), "ValueError"),
    (check.weighted_mae, lambda t, p, w: None, "return"),
    (check.sharpness_ratio, lambda p, t, i: detail_ratio(p, t, i, np.uint8), "runs over"),
    (check.sharpness_ratio, lambda p, t, i: p[i].std() / t[i].std(), "takes away"),
    (
        check.sharpness_ratio,
        lambda p, t, i: detail_ratio(p, t, np.ones_like(i)),
        "inside the mask",
    ),
    (check.sharpness_ratio, lambda p, t, i: detail_ratio(t, p, i), "upside down"),
    (check.sharpness_ratio, lambda p, t, i: detail_ratio(p, t, i, spread=np.var), "variances"),
    (check.sharpness_ratio, lambda p, t, i: detail_ratio(p, t, i) - 1, "as itself"),
    (check.critic_losses, lambda real, painted: losses(real, painted)[::-1], "exchanged"),
    (
        check.critic_losses,
        lambda real, painted: ((painted**2).mean(), losses(real, painted)[1]),
        "compare with 0",
    ),
    (
        check.critic_losses,
        lambda real, painted: (losses(real, painted)[0], 2 * losses(real, painted)[1]),
        "half each",
    ),
    (
        check.critic_losses,
        lambda real, painted: (
            losses(real, painted)[0],
            ((real**2).mean() + ((painted - 1) ** 2).mean()) / 2,
        ),
        "not otherwise",
    ),
    (
        check.critic_losses,
        lambda real, painted: (losses(real, painted)[0], ((real - 1) ** 2).mean()),
        "also be blamed",
    ),
    (check.critic_losses, lambda real, painted: np.abs(painted - 1).mean(), "two numbers"),
    (check.best_variant, lambda results, minutes: min(affordable(results, minutes).values()),
     "not a number"),
    (check.best_variant, lambda results, minutes: best(results, 1000), "60 minutes"),
    (check.best_variant, lambda results, minutes: best(results, 2 * minutes), ".048 takes 10"),
    (check.best_variant, lambda results, minutes: best(results, minutes - 0.1), "takes 10 as well"),
    (check.best_variant, last_affordable, "whole budget"),
    (check.best_variant, lambda results, minutes: best(results, max(minutes, 1)), "None"),
    (check.best_variant, lambda results, minutes: min(results, key=results.get), "TypeError"),
]  # fmt: skip

(
    test_a_right_answer_is_right,
    test_a_wrong_answer_gets_a_hint_that_fits,
    test_an_untouched_exercise_is_not_tried,
) = exercise_tests(RIGHT, WRONG)


def test_the_window_of_the_exercise_is_that_of_the_loss():
    rng = np.random.default_rng(2)
    one, other = rng.random((2, 8, 8)).astype("float32")
    assert np.isclose(window_dssim(one, other), package_dssim(one, other), rtol=1e-3)


def test_equal_weights_are_those_of_the_judge():
    rng = np.random.default_rng(4)
    pictures = rng.integers(0, 256, (2, 6, 7, 3)).astype(np.uint8)
    inside = rng.random((6, 7)) > 0.4
    own = weighted(*(picture / 255 for picture in pictures), inside)
    assert np.isclose(own, truth_error(*pictures[::-1], inside))
