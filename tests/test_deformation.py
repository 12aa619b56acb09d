"""Bends of pictures: what they do to pixels, points and their surroundings is one thing."""

import numpy as np

from deepfake_lesson.models.deformation import CONTROL_POINTS, Deformation
from deepfake_lesson.models.sampling import bilinear_sample, coordinate_grid

RNG = np.random.default_rng(0)


def strong(count: int) -> Deformation:
    return Deformation.sample(np.random.default_rng(5), count, 0.2, 0.05)


def test_the_jacobian_is_the_derivative():
    """Against differences of positions a thousandth apart."""
    bend, at, step = strong(2), RNG.uniform(-0.9, 0.9, (2, 6, 2)).astype(np.float32), 1e-3
    columns = []
    for axis in range(2):
        aside = np.zeros(2, np.float32)
        aside[axis] = step
        ahead, behind = (np.asarray(bend.points(at + sign * aside)) for sign in (1, -1))
        columns.append((ahead - behind) / (2 * step))
    np.testing.assert_allclose(bend.jacobian(at), np.stack(columns, axis=-1), atol=2e-3)


def test_no_bend_changes_nothing():
    still = Deformation.sample(np.random.default_rng(0), 2, 0, 0)
    images = RNG.random((2, 12, 10, 3)).astype(np.float32)
    np.testing.assert_allclose(still.pictures(images), images, atol=1e-5)
    at = RNG.uniform(-1, 1, (2, 3, 2)).astype(np.float32)
    np.testing.assert_allclose(still.points(at), at, atol=1e-6)
    np.testing.assert_allclose(still.jacobian(at), np.broadcast_to(np.eye(2), (2, 3, 2, 2)))


def test_pictures_and_points_are_bent_alike():
    """A smooth picture, bent, shows at each point what the original shows where the point goes."""
    bend, grid = strong(1), np.asarray(coordinate_grid(96, 96))
    smooth = np.stack([np.sin(2 * grid[..., 0]), np.cos(3 * grid[..., 1])], -1)[None]
    bent = bend.pictures(smooth.astype(np.float32))
    at = RNG.uniform(-0.6, 0.6, (1, 20, 2)).astype(np.float32)
    seen = np.asarray(bilinear_sample(bent, at[:, None]))[0, 0]
    looked = np.asarray(bend.points(at))[0]
    inside = (np.abs(looked) < 0.95).all(axis=-1)  # beyond the border the picture is mirrored
    assert inside.sum() >= 10
    x, y = looked[inside].T
    np.testing.assert_allclose(
        seen[inside], np.stack([np.sin(2 * x), np.cos(3 * y)], -1), atol=0.01
    )


def test_a_pull_moves_its_surroundings_and_not_the_control_point_itself():
    """Bookstein's sheet: r squared times log r is 0 at the point, and at a distance of 1."""
    bend = Deformation(
        np.eye(2, 3, dtype=np.float32)[None], np.zeros((1, CONTROL_POINTS**2), np.float32)
    )
    bend.pulls[0, CONTROL_POINTS**2 // 2] = 1  # the middle, (0, 0)
    at = np.array([[[0, 0], [1, 0], [0.5, 0], [0.25, 0.25]]], np.float32)
    pulled = np.asarray(bend.points(at)) - at
    quarter = 0.25 * np.log(0.5)
    expected = [[0, 0], [0, 0], [quarter, quarter], [quarter, quarter]]
    np.testing.assert_allclose(pulled[0], expected, atol=1e-4)
