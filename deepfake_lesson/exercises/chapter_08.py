"""Checks of chapter 08, re-enact with pix2pix."""

import numpy as np

from deepfake_lesson.exercises import exercise, require
from deepfake_lesson.landmarks import MEAN_FACE
from deepfake_lesson.reenactment.pairs import MIRRORED


@exercise
def line_points(student) -> None:
    """The points of a line through landmarks, none of them lost."""
    landmarks = MEAN_FACE * 100
    nose = landmarks[31:36]
    answer = np.asarray(student(landmarks.copy(), 31, 35, False))
    require(
        not np.array_equal(answer, nose[:-1]),
        "point 35 is lost: the end of a slice is not in it, so it has to be last + 1",
    )
    require(
        len(answer) != 6 or not np.array_equal(answer[:5], nose),
        "an open line ends at its last point; only a closed one goes back to the first",
    )
    require(np.array_equal(answer, nose), f"the nose has points 31 to 35, {nose.shape} in all")
    eye = landmarks[36:42]
    answer = np.asarray(student(landmarks.copy(), 36, 41, True))
    require(
        not np.array_equal(answer, eye),
        "a closed line ends where it began: add its first point at the end",
    )
    expected = landmarks[[*range(36, 42), 36]]
    require(
        np.array_equal(answer, expected),
        "the line around the eye has points 36 to 41, then 36 once more: shape (7, 2)",
    )


@exercise
def mirror(student) -> None:
    """Landmarks of a mirrored picture, with the right numbers."""
    landmarks = (MEAN_FACE * 100).astype(np.float64) + np.array([7, 0])
    before = landmarks.copy()
    answer = _array(student(landmarks, 120), (68, 2))
    require(
        np.array_equal(landmarks, before), "your function changed the landmarks it got; copy them"
    )
    flipped = before * [-1, 1] + [119, 0]
    require(
        not np.allclose(answer, flipped),
        "the points lie right, but point 36 is now the right eye's: take them in the order of "
        "MIRRORED",
    )
    require(
        not np.allclose(answer, before[MIRRORED]),
        "the numbers are right, but the points have not moved: mirror x",
    )
    expected = flipped[MIRRORED]
    require(
        not np.allclose(answer, expected + np.array([1, 0])),
        "off by one: of 120 columns the first, 0, becomes the last, and that is 119",
    )
    upside_down = np.abs(answer[:, 1] - expected[:, 1]).max() > 1e-6
    require(not upside_down, "a mirror leaves y, the second column, as it is")
    require(np.allclose(answer, expected), "x becomes width - 1 - x, in the order of MIRRORED")


@exercise
def receptive_field(student) -> None:
    """Pixels that one verdict of a stack of convolutions sees."""
    value = student([(4, 1)])
    require(value == 4, f"one layer with a kernel of 4 sees 4 pixels, not {value}")
    patchgan = [(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)]
    value = student(list(patchgan))
    require(
        value != _seen(patchgan),
        "begin at the verdict: the last layer of the list comes first",
    )
    require(value != 16, "strides count: what lies two apart in a layer is wider in the picture")
    require(value != 128, "neighbours overlap: it is (n - 1) * stride + kernel, not n * kernel")
    require(value == 70, f"the discriminator's five layers see 70 pixels, not {value}")
    value = student([(7, 1), (3, 2), (3, 2)])
    require(value == 13, f"kernels 7, 3, 3 with strides 1, 2, 2 see 13 pixels, not {value}")


def _seen(layers: list[tuple[int, int]]) -> int:
    """The formula of the exercise, applied in the order given."""
    pixels = 1
    for kernel, stride in layers:
        pixels = (pixels - 1) * stride + kernel
    return pixels


@exercise
def verdicts(student) -> None:
    """The side of the discriminator's map."""
    value = student(256)
    require(value != 32, "that is after the three layers that halve; two more follow")
    require(value != 31, "that is after four layers; the fifth takes another one away")
    require(value != 26, "the border of one pixel on either side is missing")
    require(value != 900, "900 in all; asked is the side of the map")
    require(value == 30, f"a picture of 256 pixels gets 30 verdicts in a row, not {value}")
    value = student(128)
    require(value == 14, f"a picture of 128 pixels gets 14, not {value}")


@exercise
def painter_loss(student) -> None:
    """Weighted L1 and the least-squares adversarial loss of the generator."""
    photograph = np.full((4, 5, 3), 0.5)
    painted = photograph + np.array([0.3, -0.1, 0.2])
    verdicts = np.array([[0.0, 0.5], [1.0, 0.25]])
    l1, fooled = 0.2, ((verdicts - 1) ** 2).mean()
    value = student(painted.copy(), photograph.copy(), verdicts.copy(), 10)
    require(np.ndim(value) == 0, "give one number: take the means")

    def is_near(wrong: float) -> bool:
        return bool(np.isclose(value, wrong))

    require(not is_near(10 * l1), "the verdicts do not count yet")
    require(not is_near(l1 + fooled), "L1 counts `weight` times")
    require(not is_near(10 * (l1 + fooled)), "only L1 counts `weight` times")
    caught = (verdicts**2).mean()
    require(
        not is_near(10 * l1 + caught),
        "the painter wishes its pictures to pass for real: compare the verdicts with 1",
    )
    squared = ((painted - photograph) ** 2).mean()
    require(not is_near(10 * squared + fooled), "L1 takes absolute differences, not squares")
    signed = (painted - photograph).mean()
    signed_too = is_near(10 * signed + fooled) or is_near(fooled - 10 * signed)
    require(not signed_too, "too bright and too dark must not cancel: take absolute values")
    require(
        not is_near(10 * l1 + np.abs(verdicts - 1).mean()),
        "the verdicts' differences are squared",
    )
    expected = 10 * l1 + fooled
    require(is_near(expected), f"for this example it is {expected:.3f}, not {float(value):.3f}")


@exercise
def onto_target(student) -> None:
    """A driver's landmarks in the place and size of the target's."""
    rng = np.random.default_rng(8)
    shape = (MEAN_FACE * 60).astype(np.float64)
    walk = np.array([[0, 0], [4, 1], [8, -1]])[:, None]
    driver = shape * [1.2, 1.0] + [30, 80] + walk + rng.normal(0, 0.5, (3, 68, 2))
    target = shape * [1.8, 2.2] + [-5, 12]
    before = driver.copy()
    answer = _array(student(driver, target.copy()), driver.shape)
    require(np.array_equal(driver, before), "your function changed the driver it got; copy it")
    require(not np.allclose(answer, driver), "nothing has moved")
    mean = driver.mean(0)
    factor = np.linalg.norm(target[36] - target[45]) / np.linalg.norm(mean[36] - mean[45])
    own = [np.linalg.norm(answer[:, 36] - answer[:, 45], axis=1), answer.mean(1)]
    still = np.ptp(own[0]) < 1e-6 or np.ptp(own[1], axis=0).max() < 1e-6
    require(
        not still,
        "each frame was brought to the target's by itself, so that the head stands still: measure "
        "middle and size of the mean shape, once for all frames",
    )
    require(
        not np.allclose(answer, driver + (target.mean(0) - mean.mean(0))),
        "the place is right, the size is not: scale around the middle",
    )
    require(
        not np.allclose(answer, driver + (target - mean)),
        "that is `adapt`: it replaces the shape; here the driver's is only moved and scaled",
    )
    require(
        not np.allclose(answer, driver * factor + (target.mean(0) - mean.mean(0))),
        "scaling moves the middle, too: subtract it first, then scale, then add the target's",
    )
    scales = np.linalg.norm(answer.mean(0)[36] - answer.mean(0)[45])
    wanted = np.linalg.norm(target[36] - target[45])
    require(np.isclose(scales, wanted), f"the eyes should be {wanted:.1f} apart, not {scales:.1f}")
    expected = (driver - mean.mean(0)) * factor + target.mean(0)
    require(np.allclose(answer, expected), "the size is right, but the middle is elsewhere")


def _array(value, shape: tuple[int, ...]) -> np.ndarray:
    """The answer as floats; a hint if it has another shape."""
    require(value is not None, "your function returns nothing; is there a `return`?")
    value = np.asarray(value, np.float64)
    require(value.shape == shape, f"the shape should be {shape}, not {value.shape}")
    return value
