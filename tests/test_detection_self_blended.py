"""Self-blended images: nothing but the blending tells them from the face that they are made of."""

from collections import Counter

import cv2
import numpy as np
import pytest

from deepfake_lesson.detection.crops import crop_face
from deepfake_lesson.detection.self_blended import (
    HULLS,
    RATIOS,
    boundary,
    hull_mask,
    self_blend,
    self_blended_pair,
)
from deepfake_lesson.errors import LessonError
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Scene, render

SEEDS = range(60)


@pytest.fixture(scope="module")
def face():
    """A crop of a studio person, 128 pixels, and its landmarks."""
    scene = Scene.sample(3)
    identity = Identity.sample(RESERVED_SEEDS["tests"][0])
    frame = render(identity, light=scene.light, camera=scene.camera, size=256)
    return crop_face(frame.image, frame.landmarks, 128)


@pytest.fixture(scope="module")
def blends(face):
    return [self_blended_pair(*face, np.random.default_rng(seed)) for seed in SEEDS]


def test_outside_of_the_mask_fake_and_real_are_equal(blends):
    for target, blended, mask in blends:
        assert blended.dtype == np.uint8 and blended.shape == target.shape
        assert 0 < (mask == 0).mean() < 1
        np.testing.assert_array_equal(blended[mask == 0], target[mask == 0])


def test_inside_something_has_changed(blends):
    changes = [np.abs(b[m > 0.2] - t[m > 0.2].astype(float)).mean() for t, b, m in blends]
    assert np.mean(np.array(changes) > 1) > 0.8


def test_in_half_of_them_the_rest_of_the_face_is_untouched(face, blends):
    untouched = [np.array_equal(target, face[0]) for target, _, _ in blends]
    assert 0.3 < np.mean(untouched) < 0.7


def test_every_blend_ratio_occurs_as_often_as_in_the_paper(face):
    rng = np.random.default_rng(5)
    highest = [self_blend(*face, rng)[1].max() for _ in range(240)]
    found = Counter(min(RATIOS, key=lambda ratio: abs(ratio - peak)) for peak in highest)
    assert found[1.0] / 240 == pytest.approx(1 / 2, abs=0.1)
    for ratio in RATIOS[:3]:
        assert found[ratio] / 240 == pytest.approx(1 / 6, abs=0.08)


def test_the_edge_is_soft_and_stays_near_the_face(face, blends):
    reach = cv2.dilate(hull_mask(face[1], face[0].shape, "with forehead"), np.ones((25, 25)))
    for _, _, mask in blends:
        steps = [np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1)]
        assert max(steps) < 0.6 and (mask[reach == 0] < 0.05).all()


def test_a_seed_makes_the_same_fake_again(face):
    first, again = (self_blend(*face, np.random.default_rng(7)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_each_hull_covers_what_it_says(face):
    image, points = face
    masks = {kind: hull_mask(points, image.shape, kind) for kind in HULLS}
    sizes = {kind: mask.sum() for kind, mask in masks.items()}
    assert sizes["without jaw"] < sizes["face"] < sizes["with forehead"]
    chin, brow = points[8] - (0, 2), points[19] - (0, 4)
    inside = {kind: [mask[round(y), round(x)] for x, y in (chin, brow)] for kind, mask in
              masks.items()}  # fmt: skip
    assert inside["lower half"] == [1, 0] and inside["without jaw"] == [0, 0]
    assert inside["with forehead"] == [1, 1] and inside["face"] == [1, 0]


def test_the_boundary_is_where_both_count_alike():
    np.testing.assert_allclose(boundary(np.array([0, 0.25, 0.5, 1])), [0, 0.75, 1, 0])


@pytest.mark.parametrize(
    "landmarks", [np.zeros((5, 2)), np.full((68, 2), np.nan), np.full((68, 2), 1000.0)]
)
def test_landmarks_of_another_picture_are_refused(face, landmarks):
    with pytest.raises(LessonError, match="landmarks"):
        self_blend(face[0], landmarks, np.random.default_rng(0))


def test_a_float_picture_is_refused(face):
    with pytest.raises(LessonError, match="float64"):
        self_blend(face[0] / 255, face[1], np.random.default_rng(0))
