"""The loss of painted pictures: equal to its definition, and dearer for blur than for nothing."""

import cv2
import numpy as np
import pytest
from keras import ops

from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import to_float
from deepfake_lesson.models.losses import (
    STABILISERS,
    STRIDE,
    WINDOW,
    dssim_map,
    feature_map,
    painting_loss,
    vgg_features,
)
from deepfake_lesson.studio import Identity, render


@pytest.fixture(scope="module")
def face():
    return to_float(render(Identity.sample(50), size=64).image)


def similarity(truth, painted):
    """SSIM of one window by its definition, mean of the channels."""
    values = []
    for t, p in zip(truth.reshape(-1, 3).T, painted.reshape(-1, 3).T, strict=True):
        (t_variance, covariance), (_, p_variance) = np.cov(t, p, bias=True)
        brightness, structure = STABILISERS
        value = (2 * t.mean() * p.mean() + brightness) / (
            t.mean() ** 2 + p.mean() ** 2 + brightness
        )
        values.append(value * (2 * covariance + structure) / (t_variance + p_variance + structure))
    return np.mean(values)


def test_the_map_is_dssim_by_definition(face):
    rng = np.random.default_rng(0)
    painted = np.clip(face + rng.normal(0, 0.1, face.shape), 0, 1).astype(np.float32)
    found = ops.convert_to_numpy(dssim_map(face[None], painted[None]))[0]
    margin = (WINDOW - STRIDE) // 2
    for row in (8, 20, 40):
        for column in (12, 28, 44):
            window = np.s_[row - margin :, column - margin :]
            t, p = (picture[window][:WINDOW, :WINDOW] for picture in (face, painted))
            block = found[row : row + STRIDE, column : column + STRIDE]
            np.testing.assert_allclose(block, (1 - similarity(t, p)) / 2, atol=1e-4)


def test_equal_pictures_cost_nothing(face):
    assert float(ops.mean(painting_loss(0.5)(face[None], face[None]))) == pytest.approx(0, abs=1e-5)


def test_blur_costs_more_than_a_shade_of_equal_error(face):
    blurred = cv2.GaussianBlur(face, (0, 0), 2)
    shade = np.clip(face + np.abs(blurred - face).mean(), 0, 1)

    def cost(painted, dssim):
        return float(ops.mean(painting_loss(dssim)(face[None], painted[None])))

    assert cost(blurred, 0.0) == pytest.approx(cost(shade, 0.0), rel=0.1)
    assert cost(blurred, 0.5) > 1.2 * cost(shade, 0.5)


def test_without_structure_it_is_the_mean_absolute_error(face):
    painted = np.clip(face * 0.8, 0, 1)
    loss = ops.convert_to_numpy(painting_loss(0.0)(face[None], painted[None]))
    np.testing.assert_allclose(loss[0], np.abs(face - painted).mean(-1), atol=1e-6)


def test_vgg_looks_at_five_sizes():
    """With random weights: the published ones would be fetched."""
    features = vgg_features(weights=None)
    pictures = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    maps = features(pictures)
    assert [tuple(each.shape[1:]) for each in maps] == [
        (32, 32, 64),
        (16, 16, 128),
        (8, 8, 256),
        (4, 4, 512),
        (2, 2, 512),
    ]
    assert np.abs(feature_map(features, pictures, pictures)).max() == 0
    assert feature_map(features, pictures, 1 - pictures).shape == (2, 32, 32)
    assert not features.trainable_weights


def test_vgg_sees_blue_first_around_the_mean_of_its_pictures():
    features = vgg_features(weights=None)
    first = features.get_layer("block1_conv1")
    picture = np.zeros((1, 16, 16, 3), np.float32)
    picture[..., 0] = 1.0  # red
    seen = np.broadcast_to(np.array([-103.939, -116.779, 255 - 123.68]), picture.shape)
    np.testing.assert_allclose(features(picture)[0], first(seen.astype(np.float32)), rtol=1e-3)


def test_weights_that_cannot_be_fetched_are_said(tmp_path):
    with pytest.raises(LessonError, match="cannot be fetched"):
        vgg_features(weights=str(tmp_path / "none.weights.h5"))
