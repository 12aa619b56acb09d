"""Training pictures: the same geometry as conversion, in register, repeatable, never late."""

import threading
import time
from functools import partial

import cv2
import numpy as np
import pytest

from deepfake_lesson.augment import (
    Augmentation,
    Batches,
    face_batch,
    random_light,
    random_matrix,
    random_transform,
    random_warp,
    random_wear,
    shrink,
    swap_batch,
    training_pair,
)
from deepfake_lesson.errors import LessonError
from deepfake_lesson.landmarks import model_matrix, warp

PLAIN = Augmentation(rotation=0, zoom=0, shift=0, flip=0, warp=0)


@pytest.fixture(scope="module")
def faces():
    """Five smooth random pictures of the size of aligned faces."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 256, 256, 3), np.uint8)
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), 8) for picture in noise])
    return ((blurred - 128.0) * 8 + 128).clip(0, 255).astype(np.uint8)


def coordinates(side: int = 256) -> np.ndarray:
    """A picture that says where each of its pixels is: (x, y, 0) float32, in its own pixels."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    return np.dstack([x, y, np.zeros_like(x)])


@pytest.mark.parametrize("size", [32, 64, 128])
def test_without_any_randomness_the_pair_is_the_crop_of_the_conversion(faces, size):
    crop = warp(faces[0], model_matrix(size), size).astype(float) / 255
    face = shrink(faces[:1], size)[0]
    warped, target = training_pair(face, np.random.default_rng(1), size, PLAIN)
    assert warped.dtype == target.dtype == np.float32
    np.testing.assert_allclose(warped, target, atol=1.01 / 255)
    assert np.abs(target - crop).mean() < 0.004
    assert np.abs(target - crop).max() < 0.03


def test_the_crop_is_placed_to_a_hundredth_of_a_pixel():
    warped, target = random_warp(coordinates(), np.random.default_rng(2), 64, sigma=0)
    corner = np.array([0.0, 0.0, 1.0])
    inverse = cv2.invertAffineTransform(model_matrix(64))
    for picture in (warped, target):
        np.testing.assert_allclose(picture[0, 0, :2], inverse @ corner, atol=0.05)
        np.testing.assert_allclose(picture[63, 63, :2], inverse @ [63, 63, 1], atol=0.05)


def test_shrunk_faces_are_sampled_at_the_same_places():
    """A linear ramp survives halving: (x, y) of the shrunk picture stay those of the original."""
    half = cv2.resize(coordinates(), (128, 128), interpolation=cv2.INTER_AREA)
    matrix = random_matrix(np.random.default_rng(3))
    from_full = random_warp(coordinates(), np.random.default_rng(4), 64, 0, matrix)
    from_half = random_warp(half, np.random.default_rng(4), 64, 0, matrix)
    for full, small in zip(from_full, from_half, strict=True):
        np.testing.assert_allclose(full[8:56, 8:56], small[8:56, 8:56], atol=0.1)


def test_the_warp_moves_each_pixel_by_about_sigma_and_none_on_average():
    rng, moves = np.random.default_rng(5), []
    for _ in range(100):
        warped, target = random_warp(coordinates(), rng, 64, sigma=5)
        moves.append((warped - target)[..., :2])
    moves = np.array(moves)
    assert abs(moves.mean()) < 0.15
    grid_point = moves[:, 31:33, 31:33].mean((1, 2))  # in the middle, on a grid point
    assert 4 < grid_point.std() < 5.5


def test_input_and_target_stay_in_register():
    """The nearest similarity of the warp is in both: what is left has no shift, turn or zoom."""
    warped, target = random_warp(coordinates(), np.random.default_rng(6), 64, sigma=20)
    left = (warped - target)[..., :2].reshape(-1, 2)
    place = coordinates(64)[..., :2].reshape(-1, 2) - 31.5
    zoom = (left * place).sum() / (place**2).sum()
    turn = (left[:, 1] * place[:, 0] - left[:, 0] * place[:, 1]).sum() / (place**2).sum()
    plain = np.abs(left).max() / 32
    assert abs(zoom) < 0.2 * plain and abs(turn) < 0.2 * plain


def test_random_transform_stays_within_its_limits():
    rng = np.random.default_rng(7)
    matrices = np.array([random_matrix(rng, 10, 0.05, 0.05, flip=0.4) for _ in range(2000)])
    area = np.linalg.det(matrices[..., :2])
    assert 0.36 < (area < 0).mean() < 0.44
    assert np.sqrt(np.abs(area)).min() >= 0.95 and np.sqrt(np.abs(area)).max() <= 1.05
    straight = matrices[area > 0]
    turn = np.degrees(np.arctan2(straight[:, 0, 1], straight[:, 0, 0]))
    assert -10 <= turn.min() < -9 and 9 < turn.max() <= 10
    middle = matrices @ [127.5, 127.5, 1]
    assert 12 < np.abs(middle - 127.5).max() <= 12.8


def test_a_certain_flip_alone_is_the_mirror_image(faces):
    mirrored = random_transform(faces[0], np.random.default_rng(8), 0, 0, 0, flip=1)
    np.testing.assert_array_equal(mirrored, faces[0][:, ::-1])


def test_light_is_the_same_on_input_and_target(faces):
    first, second = random_light((faces[0], faces[0]), np.random.default_rng(9), strength=1)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32 and first.min() >= 0 and first.max() <= 1
    assert np.abs(first - faces[0] / 255).mean() > 0.02


def test_no_light_is_a_plain_conversion_to_float(faces):
    (same,) = random_light((faces[0],), np.random.default_rng(10), strength=0)
    np.testing.assert_allclose(same, faces[0] / 255, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_batch_larger_than_the_dataset_is_filled_up(faces, count):
    inputs, targets = face_batch(faces[:count], np.random.default_rng(0), 64, 8, PLAIN)
    assert inputs.shape == targets.shape == (8, 64, 64, 3)


def test_a_batch_as_large_as_the_dataset_shows_every_face_once(faces):
    _, targets = face_batch(faces, np.random.default_rng(0), 64, 5, PLAIN)
    assert len(np.unique(targets.reshape(5, -1), axis=0)) == 5


def test_no_faces_are_refused():
    with pytest.raises(LessonError, match="none to train on"):
        shrink(np.empty((0, 256, 256, 3), np.uint8), 64)


def test_a_batch_depends_on_seed_and_step_alone(faces):
    make = partial(swap_batch, people=(faces[:3], faces[3:]), size=64, batch_size=4, seed=11)
    with Batches(make, workers=3) as whole:
        seen = [next(whole) for _ in range(6)]
    with Batches(make, start=4) as resumed:
        np.testing.assert_equal(next(resumed), seen[4])
        np.testing.assert_equal(next(resumed), seen[5])
    assert not np.array_equal(seen[0][0][0], seen[1][0][0])
    other_seed = swap_batch(0, (faces[:3], faces[3:]), 64, 4, seed=12)
    assert not np.array_equal(seen[0][0][0], other_seed[0][0])


def test_the_queue_is_bounded():
    made = []
    with Batches(lambda step: made.append(step) or step, ahead=3) as batches:
        assert [next(batches) for _ in range(2)] == [0, 1]
        time.sleep(0.05)
    assert sorted(made) == [0, 1, 2, 3, 4]


def test_waiting_is_measured():
    with Batches(lambda step: time.sleep(0.02), workers=1) as starving:
        for _ in range(5):
            next(starving)
        assert starving.waiting_share > 0.7
    with Batches(lambda step: step, workers=1) as fed:
        for _ in range(5):
            next(fed)
            time.sleep(0.02)
        assert fed.waiting_share < 0.2


def test_an_error_in_a_thread_reaches_the_training_and_the_threads_end():
    def broken(step):
        if step == 2:
            raise ValueError("no such batch")
        return step

    with pytest.raises(ValueError, match="no such batch"), Batches(broken) as batches:
        list(zip(range(5), batches, strict=False))
    assert not [t for t in threading.enumerate() if t.name.startswith("batches")]


def test_wear_takes_detail_and_keeps_place_and_colour(faces):
    face = warp(faces[0], model_matrix(128), 128).astype(np.float32) / 255
    worn = [random_wear(face, np.random.default_rng(seed), 1.0) for seed in range(20)]
    assert all(w.shape == face.shape and w.dtype == np.float32 for w in worn)
    assert all(w.min() >= 0 and w.max() <= 1 for w in worn)
    mean = np.mean(worn, axis=0)
    np.testing.assert_allclose(mean.mean((0, 1)), face.mean((0, 1)), atol=0.02)
    assert np.corrcoef(mean.ravel(), face.ravel())[0, 1] > 0.98
    assert np.abs(np.mean(worn, axis=0) - worn[0]).mean() > 0.005


def test_wear_of_no_strength_changes_nothing(faces):
    face = faces[0].astype(np.float32) / 255
    assert random_wear(face, np.random.default_rng(0), 0.0) is face
