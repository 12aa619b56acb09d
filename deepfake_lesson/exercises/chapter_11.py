"""Checks of chapter 11: measures, cues, seams, base rates and an attack."""

import numpy as np

from deepfake_lesson.exercises import exercise, require


@exercise
def auc_by_hand(student) -> None:
    """Pairs of a fake and a real score."""
    apart = student([0.1, 0.2], [0.8, 0.9, 0.7])
    require(isinstance(apart, float | np.floating | int), f"return one number, not {apart!r}")
    require(
        np.isclose(apart, 1),
        f"all fakes lie above all real ones: that is 1, not {apart:.3g}; a fake above counts, and "
        "the sum is divided by the number of pairs",
    )
    require(np.isclose(student([0.8, 0.9], [0.1]), 0), "all fakes lie below: that is 0")
    tie = student([0.5], [0.5])
    require(np.isclose(tie, 0.5), f"one pair and a tie: that is one half, not {tie:.3g}")
    rng = np.random.default_rng(11)
    real, fake = np.round(rng.random(23), 1), np.round(0.2 + rng.random(17), 1)
    pairs = [(f > r) + 0.5 * (f == r) for f in fake for r in real]
    answer = student(real.tolist(), fake.tolist())
    require(
        np.isclose(answer, np.mean(pairs)),
        f"23 real and 17 fake scores give {answer:.4g} instead of {np.mean(pairs):.4g}: every fake "
        "meets every real one",
    )


@exercise
def fast_share(student) -> None:
    """Power in the upper half of a spectrum."""
    equal = student(np.zeros(64))
    require(
        np.isclose(equal, 0.5),
        f"if all waves have the same power (10 to the 0), half of it is in the upper half, not "
        f"{equal:.3g}: take 10 to the power of the spectrum first",
    )
    spectrum = -2 * np.log10(np.arange(1, 65.0)) + 5
    power = 10**spectrum
    right = power[32:].sum() / power.sum()
    answer = student(spectrum.copy())
    require(0 <= answer <= 1, f"a share lies in 0 to 1, and yours is {answer:.3g}: sum the power")
    require(
        not np.isclose(answer, power[:32].sum() / power.sum()),
        "that is the lower half; fast waves have many periods and stand at the end",
    )
    require(
        np.isclose(answer, right),
        f"a spectrum that falls by two decades a decade gives {answer:.4g} instead of {right:.4g}: "
        "the power of the upper half over that of all",
    )


@exercise
def blend(student) -> None:
    """Two pictures through a mask, and where they meet."""
    rng = np.random.default_rng(3)
    target, source = rng.random((2, 6, 8, 3))
    mask = np.linspace(0, 1, 48).reshape(6, 8)
    result = student(target.copy(), source.copy(), mask.copy())
    require(
        isinstance(result, tuple | list) and len(result) == 2,
        "return two things: the blended picture and the boundary",
    )
    blended, boundary = map(np.asarray, result)
    require(
        blended.shape == (6, 8, 3) and boundary.shape == (6, 8),
        f"the picture is (6, 8, 3) and the boundary (6, 8), not {blended.shape} and "
        f"{boundary.shape}: mask[..., None] gives the mask the third axis",
    )
    right = target + mask[..., None] * (source - target)
    require(
        not np.allclose(blended, source + mask[..., None] * (target - source)),
        "where the mask is 1 the source is to be seen, not the target",
    )
    require(np.allclose(blended, right), "the picture is target + mask * (source - target)")
    require(
        np.allclose(boundary, 4 * mask * (1 - mask)),
        "the boundary is 4 m (1 - m): 1 where the mask is one half, 0 where it is 0 or 1",
    )


@exercise
def fakes_among_alarms(student) -> None:
    """Bayes, for a detector."""
    even = student(0.9, 0.1, 0.5)
    require(np.isclose(even, 0.9), f"0.9, 0.1 and half of all fakes give 0.9, not {even:.4g}")
    rare = student(0.95, 0.05, 0.001)
    right = 0.95 * 0.001 / (0.95 * 0.001 + 0.05 * 0.999)
    require(
        not np.isclose(student(0.95, 0.02, 0.001), 0.95),
        "0.95 is the share of the fakes that raise an alarm; asked is the share of the alarms that "
        "are fakes",
    )
    require(
        not np.isclose(student(0.95, 0.02, 0.001), 0.95 / (0.95 + 0.02)),
        "the prevalence has to count: multiply each rate by how many there are of its kind",
    )
    require(
        np.isclose(rare, right),
        f"0.95, 0.05 and one in a thousand give {right:.4g}, not {rare:.4g}: real ones are "
        "1 - prevalence of all",
    )
    require(np.isclose(student(0.7, 0.0, 0.3), 1), "without false alarms every alarm is a fake")


@exercise
def step_against(student) -> None:
    """One step of a fast gradient sign attack."""
    rng = np.random.default_rng(5)
    image = rng.integers(10, 246, (5, 4, 3), np.uint8)
    slope = rng.normal(0, 1e-3, image.shape)
    answer = np.asarray(student(image.copy(), slope.copy(), 2))
    require(answer.dtype == np.uint8, f"return uint8, not {answer.dtype}")
    require(answer.shape == image.shape, f"the picture is {image.shape}, not {answer.shape}")
    change = answer.astype(int) - image
    require(change.any(), "nothing has moved: take the sign of the slope, which is tiny itself")
    require(
        not np.array_equal(change, 2 * np.sign(slope).astype(int)),
        "that way p_fake rises: go against the slope",
    )
    require(
        np.array_equal(change, -2 * np.sign(slope).astype(int)),
        "every value moves by exactly two levels, down where the slope is above 0, up where it is "
        "below",
    )
    ends = np.array([0, 1, 254, 255], np.uint8).reshape(2, 2, 1).repeat(3, axis=2)
    for sign in (1.0, -1.0):
        moved = np.asarray(student(ends.copy(), np.full(ends.shape, sign), 4)).astype(int)
        require(
            np.array_equal(moved, np.clip(ends.astype(int) - 4 * sign, 0, 255)),
            "uint8 cannot go below 0 or above 255 and starts anew at the other end: compute in int "
            "and clip before you return",
        )
    still = np.asarray(student(image.copy(), np.zeros(image.shape), 3))
    require(np.array_equal(still, image), "where the slope is 0, nothing moves")
