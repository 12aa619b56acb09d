"""Checks of chapter 07: what a swap is blamed for, and which one a budget buys."""

import cv2
import numpy as np

from deepfake_lesson.exercises import exercise, require

BRIGHTNESS, STRUCTURE = 0.01**2, 0.03**2  # the two small constants of SSIM


@exercise
def dssim(student) -> None:
    """(1 - SSIM) / 2 of one window."""
    rng = np.random.default_rng(7)
    one = rng.random((8, 8))
    other = np.clip(0.3 * one + 0.1 * rng.random((8, 8)) + 0.4, 0, 1)
    answer = _number(student(one.copy(), other.copy()))
    similarity = _similarity(one, other)
    require(not np.isclose(answer, similarity), "that is SSIM itself: 1 for equal; turn it round")
    require(not np.isclose(answer, 1 - similarity), "halve it: (1 - SSIM) / 2 lies in 0 to 1")
    mixed = _similarity(one, other, freedom=1)
    require(
        not np.isclose(answer, (1 - mixed) / 2, rtol=1e-6),
        "np.cov divides by N - 1 and np.var by N; take the mean of the products instead",
    )
    lost = _similarity(one, other, np.sqrt)
    require(not np.isclose(answer, (1 - lost) / 2), "variances, not standard deviations: np.var")
    plain = _similarity(one, other, small=0.0)
    require(
        not np.isclose(answer, (1 - plain) / 2, rtol=1e-9),
        "the two small constants are missing; a black window would divide 0 by 0",
    )
    require(
        np.isclose(answer, (1 - similarity) / 2, rtol=1e-6),
        f"for these windows it should be {(1 - similarity) / 2:.4f}, not {answer:.4f}",
    )
    same = _number(student(one, one.copy()))
    require(np.isclose(same, 0, atol=1e-9), f"two equal windows should give 0, not {same:.3g}")
    black = np.zeros((8, 8))
    require(np.isclose(_number(student(black, black)), 0), "two black windows are equal: give 0")


@exercise
def weighted_mae(student) -> None:
    """Mean absolute error in which pixels count differently."""
    truth = np.zeros((4, 6, 3))
    painted = truth.copy()
    painted[0], painted[1:] = 0.8, 0.2
    painted[:, 3] += (0.0, 0.05, 0.1)
    weights = np.ones((4, 6))
    error = np.abs(truth - painted)
    even = _number(student(truth.copy(), painted.copy(), weights.copy()))
    require(np.isclose(even, error.mean()), "with equal weights it is the plain mean of all errors")
    backwards = _number(student(painted.copy(), truth.copy(), weights.copy()))
    require(np.isclose(backwards, even), "take the absolute value, or errors cancel each other")
    weights[0], weights[:, 3] = 4.0, 2.0
    answer = _number(student(truth.copy(), painted.copy(), weights.copy()))
    require(not np.isclose(answer, even), "the weights change nothing yet")
    products = weights[..., None] * error
    require(
        not np.isclose(answer, products.mean()),
        "divide by the sum of the weights, not by the number of pixels: else larger weights alone "
        "make a larger error",
    )
    require(
        not np.isclose(answer, products.sum() / weights.sum()),
        "three channels share one weight: take the mean over them first",
    )
    expected = np.average(error.mean(axis=-1), weights=weights)
    require(np.isclose(answer, expected), f"it should be {expected:.4f} here, not {answer:.4f}")


@exercise
def sharpness_ratio(student) -> None:
    """How much fine detail a picture has beside the truth, inside a mask."""
    rng = np.random.default_rng(3)
    truth = rng.integers(40, 200, (24, 30, 3)).astype(np.uint8)
    inside = np.zeros((24, 30), bool)
    inside[6:18, 8:22] = True
    truth[~inside] //= 4
    soft = cv2.GaussianBlur(truth, (0, 0), 0.7)
    same = _number(student(truth.copy(), truth.copy(), inside.copy()))
    require(np.isclose(same, 1), f"a picture has as much detail as itself: 1, not {same:.3g}")
    answer = _number(student(soft.copy(), truth.copy(), inside.copy()))
    fine, wanted = (_detail(picture.astype(np.float64)) for picture in (soft, truth))
    ran_over = [_detail(picture)[inside].std() for picture in (soft, truth)]
    require(
        not np.isclose(answer, ran_over[0] / ran_over[1], rtol=1e-6),
        "uint8 minus uint8 cannot go below 0, it runs over; make the pictures floats first",
    )
    require(
        not np.isclose(answer, soft[inside].std() / truth[inside].std(), rtol=1e-4),
        "that compares the pictures; compare what a blur takes away from them",
    )
    require(
        not np.isclose(answer, fine.std() / wanted.std(), rtol=1e-4),
        "that looks at the whole picture; take the pixels inside the mask",
    )
    ratio = fine[inside].std() / wanted[inside].std()
    require(
        not np.isclose(answer, 1 / ratio, rtol=1e-3),
        "upside down: the picture's detail over the truth's, below 1 for a blurred one",
    )
    require(
        not np.isclose(answer, ratio**2, rtol=1e-3),
        "that is the ratio of variances; take standard deviations",
    )
    require(np.isclose(answer, ratio, rtol=1e-3), f"it should be {ratio:.3f}, not {answer:.3f}")


@exercise
def critic_losses(student) -> None:
    """What painter and critic are blamed for, by least squares."""
    real = np.array([[0.9, 0.4], [0.7, 1.2]])
    painted = np.array([[0.3, 0.1], [0.8, -0.2]])
    answer = student(real.copy(), painted.copy())
    require(answer is not None, "your function returns nothing; is there a `return`?")
    require(np.shape(answer) == (2,), "give two numbers: the painter's loss, then the critic's")
    painter, critic = (float(value) for value in answer)
    caught = ((painted - 1) ** 2).mean()
    wrong = (((real - 1) ** 2).mean() + (painted**2).mean()) / 2
    require(
        not (np.isclose(painter, wrong) and np.isclose(critic, caught)),
        "the two are exchanged: the painter's comes first",
    )
    require(
        not np.isclose(painter, (painted**2).mean()),
        "the painter wishes that the verdicts on its pictures were 1; you compare with 0",
    )
    require(
        not np.isclose(painter, (painted - 1).mean()) and not np.isclose(painter, 1 - caught),
        "least squares: the mean of the squared differences",
    )
    require(
        np.isclose(painter, caught), f"the painter's loss should be {caught:.4f}, not {painter:.4f}"
    )
    require(
        not np.isclose(critic, 2 * wrong), "the critic's two parts count half each: divide by 2"
    )
    exchanged = ((real**2).mean() + ((painted - 1) ** 2).mean()) / 2
    require(
        not np.isclose(critic, exchanged),
        "the critic is right if it says 1 to real pictures and 0 to painted ones, not otherwise",
    )
    require(
        not np.isclose(critic, ((real - 1) ** 2).mean() / 2)
        and not np.isclose(critic, ((real - 1) ** 2).mean()),
        "the critic must also be blamed for what it says of painted pictures",
    )
    require(np.isclose(critic, wrong), f"the critic's loss should be {wrong:.4f}, not {critic:.4f}")


@exercise
def best_variant(student) -> None:
    """The variant with the smallest error that a budget of minutes allows."""
    results = {
        "large": {3: 0.081, 10: 0.048},
        "small": {1: 0.090, 3: 0.066, 10: 0.059},
        "critic": {10: 0.071},
        "slow": {60: 0.020},
    }
    answer = student(_copied(results), 5)
    require(not isinstance(answer, int | float), "give the name of the variant, not a number")
    require(answer != "slow", "that one needs 60 minutes: leave out what the budget does not allow")
    require(answer != "large", "with 5 minutes it reaches .081; its .048 takes 10")
    require(answer == "small", f"the smallest error within 5 minutes has 'small', not {answer!r}")
    answer = student(_copied(results), 10)
    require(answer is not None and answer != "small", "a budget of 10 buys what takes 10 as well")
    require(answer == "large", f"within 10 minutes 'large' is best, not {answer!r}")
    worse_later = {"over-trained": {3: 0.050, 10: 0.080}, "steady": {10: 0.060}}
    require(
        student(worse_later, 10) == "over-trained",
        "nobody has to spend the whole budget: one was better after 3 minutes than after 10",
    )
    answer = student(_copied(results), 0.5)
    require(answer is None, f"in half a minute nothing was measured: None, not {answer!r}")


def _similarity(one, other, power=np.asarray, freedom: int = 0, small: float = 1.0) -> float:
    """SSIM of two windows, or what comes of it if a student mistakes something."""
    count = one.size
    variances = power(one.var()) + power(other.var())
    covariance = ((one - one.mean()) * (other - other.mean())).sum() / (count - freedom)
    above = (2 * one.mean() * other.mean() + small * BRIGHTNESS) * (
        2 * covariance + small * STRUCTURE
    )
    below = (one.mean() ** 2 + other.mean() ** 2 + small * BRIGHTNESS) * (
        variances + small * STRUCTURE
    )
    return float(above / below)


def _detail(picture: np.ndarray) -> np.ndarray:
    """What a blur of one pixel takes away."""
    return picture - cv2.GaussianBlur(picture, (0, 0), 1)


def _number(value) -> float:
    """The answer as one number; a hint if it is something else."""
    require(value is not None, "your function returns nothing; is there a `return`?")
    require(np.size(value) == 1, f"give one number, not an array of {np.size(value)}")
    return float(np.reshape(value, ()))


def _copied(results: dict) -> dict:
    return {name: dict(errors) for name, errors in results.items()}
