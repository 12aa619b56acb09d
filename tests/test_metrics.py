"""Measures of a fake, against their definitions and against scikit-image."""

import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity

from deepfake_lesson import metrics
from deepfake_lesson.landmarks import MEAN_FACE, transform_points


@pytest.fixture
def pictures():
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)


def turned(landmarks, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    center = landmarks.mean(0)
    return (landmarks - center) @ np.array([[c, s], [-s, c]]) + center


class TestTruthError:
    def test_is_the_mean_absolute_difference_in_units_of_white(self, pictures):
        black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
        assert metrics.truth_error(black, white, np.ones((4, 4), bool)) == 1
        assert metrics.truth_error(white, black, np.eye(4)) == 1
        assert metrics.truth_error(pictures[0], pictures[0], np.ones((40, 50))) == 0

    def test_counts_only_the_mask(self, pictures):
        image, truth = pictures
        mask = np.zeros((40, 50), bool)
        mask[10:20, 5:9] = True
        want = np.abs(image[10:20, 5:9].astype(float) - truth[10:20, 5:9]).mean() / 255
        assert metrics.truth_error(image, truth, mask) == pytest.approx(want)

    def test_empty_mask_has_no_error(self, pictures):
        assert np.isnan(metrics.truth_error(*pictures, np.zeros((40, 50))))


class TestSsim:
    def test_agrees_with_scikit_image(self, pictures):
        truth = pictures[0]
        image = np.uint8(0.7 * truth + 0.3 * pictures[1])
        want = structural_similarity(
            image, truth, channel_axis=-1, gaussian_weights=True, use_sample_covariance=False
        )
        assert metrics.ssim(image[5:-5, 5:-5], truth[5:-5, 5:-5]) == pytest.approx(want, abs=0.03)
        assert metrics.ssim(truth, truth) == 1

    def test_change_outside_the_mask_does_not_count(self, pictures):
        image = pictures[0].copy()
        image[:, :10] = 0
        mask = np.zeros((40, 50))
        mask[:, 30:] = 1
        assert metrics.ssim(image, pictures[0], mask) == pytest.approx(1)
        assert metrics.ssim(image, pictures[0], 1 - mask) < 0.9


def test_share_nearer_counts_frames():
    assert metrics.share_nearer([0.2, 0.3, 0.6, 0.5], [0.5, 0.5, 0.5, 0.5]) == 0.5
    assert np.isnan(metrics.share_nearer([], []))


def test_landmark_change_is_a_share_of_the_eye_distance():
    face = MEAN_FACE * 200
    eyes = np.linalg.norm(face[36] - face[45])
    assert metrics.landmark_change(face, face + np.array([3, 4])) == pytest.approx(
        5 / eyes, rel=1e-4
    )


def test_pose_change_of_a_tilted_face_is_the_tilt():
    face = MEAN_FACE * 200 + 28
    assert metrics.pose_change(face, face, (256, 256)) == 0
    assert metrics.pose_change(face, turned(face, 12), (256, 256)) == pytest.approx(12, abs=2)


def test_jitter_is_zero_for_steady_motion_and_grows_with_trembling():
    rng = np.random.default_rng(0)
    steady = MEAN_FACE * 200 + np.arange(30)[:, None, None] * [2.0, 1.0]
    little = steady + rng.normal(0, 0.5, steady.shape)
    assert metrics.jitter(steady) < 1e-6
    assert metrics.jitter(steady + 2 * (little - steady)) == pytest.approx(
        2 * metrics.jitter(little), rel=0.01
    )
    assert np.isnan(metrics.jitter(steady[:2]))


def test_mouths_are_measured_in_eye_distances():
    face = MEAN_FACE * 300
    opened = face.copy()
    opened[[65, 66, 67]] += (0, 20)
    apart = np.linalg.norm(face[36] - face[45])
    assert metrics.mouth(opened)[0] - metrics.mouth(face)[0] == pytest.approx(20 / apart, rel=1e-3)
    wide = face.copy()
    wide[[48, 54]] += [(-5, 0), (5, 0)]
    assert metrics.mouth(wide)[1] - metrics.mouth(face)[1] == pytest.approx(10 / apart, rel=1e-3)
    turned = transform_points(opened, np.array([[0, -2.0, 5], [2.0, 0, 9]]))
    assert metrics.mouth(turned) == pytest.approx(metrics.mouth(opened), rel=1e-5)


def test_a_mean_is_one_of_what_is_known():
    assert metrics.mean_known([1.0, np.nan, 3.0, np.inf]) == 2.0
    assert metrics.mean_known([]) is None and metrics.mean_known([np.nan]) is None


def test_a_correlation_needs_motion():
    a, b = [1, 2, 3, 5], [2, 4, 6.5, 0]
    assert metrics.correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert metrics.correlation([1, 2, 3], [5, 5, 5]) is None
    assert metrics.correlation([1, 2], [1, 2]) is None


def test_sharpness_falls_as_a_picture_is_blurred(pictures):
    truth, mask = pictures[0], np.ones((40, 50), bool)
    blurred = [cv2.GaussianBlur(truth, (0, 0), sigma) for sigma in (0.5, 1, 2)]
    found = [metrics.sharpness(image, truth, mask) for image in (truth, *blurred)]
    assert found[0] == 1 and found == sorted(found, reverse=True) and found[-1] < 0.1
    assert np.isnan(metrics.sharpness(truth, truth, ~mask))


def test_mean_colors_are_those_of_scikit_image(pictures):
    mask = np.zeros((40, 50), bool)
    mask[3:9, 4:20] = True
    want = rgb2lab(pictures[0][mask].mean(0) / 255)
    np.testing.assert_allclose(metrics.mean_color(pictures[0], mask), want, atol=0.1)


def test_acceleration_is_the_second_difference():
    time = np.arange(6.0)
    path = np.stack([3 * time**2, 4 * time**2], axis=1)
    assert metrics.acceleration(path) == pytest.approx(10)
    path[3:] += 1000
    assert metrics.acceleration(path, [0, 1, 2, 7, 8, 9]) == pytest.approx(10)
    assert np.isnan(metrics.acceleration(path[:2]))
    assert np.isnan(metrics.acceleration(path, [0, 2, 4, 6, 8, 10]))
