"""Noise against a detector: within its bounds, and in the direction that counts."""

import numpy as np
import pytest

from deepfake_lesson.detection.adversarial import evade, slopes
from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import to_float
from deepfake_lesson.models.forensics import build_mesonet, p_fake


@pytest.fixture(scope="module")
def network():
    return build_mesonet(seed=1)


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).integers(20, 236, (3, 256, 256, 3), np.uint8)


def logit(network, images):
    p = p_fake(network, images.astype(np.float32)).astype(np.float64)
    return np.log(p / (1 - p))


def test_slopes_are_those_of_finite_differences(network, faces):
    images = to_float(faces)
    slope = slopes(network, images)
    assert slope.shape == images.shape
    way = slope / np.linalg.norm(slope.reshape(3, -1), axis=1)[:, None, None, None]
    step = 1e-3
    ahead, back = (logit(network, images + sign * step * way) for sign in (1, -1))
    expected = np.linalg.norm(slope.reshape(3, -1), axis=1)
    np.testing.assert_allclose((ahead - back) / (2 * step), expected, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("steps", [1, 4])
def test_a_few_grey_levels_lower_the_score(network, faces, steps):
    evading = evade(network, faces, 3, steps)
    assert evading.dtype == np.uint8
    assert np.abs(evading.astype(int) - faces).max() <= 3
    assert (p_fake(network, to_float(evading)) < p_fake(network, to_float(faces))).all()


def test_nothing_changes_at_zero_levels(network, faces):
    np.testing.assert_array_equal(evade(network, faces, 0), faces)


def test_bad_wishes_are_refused(network, faces):
    with pytest.raises(LessonError, match="levels"):
        evade(network, faces, 100)
    with pytest.raises(LessonError, match="steps"):
        evade(network, faces, 2, 0)
