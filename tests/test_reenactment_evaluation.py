"""Measures of re-enactments whose quality is known: the truth itself, a frozen face, the driver."""

import numpy as np
import pytest

from deepfake_lesson.identity import embed
from deepfake_lesson.landmarks import warp
from deepfake_lesson.metrics import truth_error
from deepfake_lesson.people import open_person
from deepfake_lesson.reenactment.conditions import square_matrix
from deepfake_lesson.reenactment.driving import follow_face
from deepfake_lesson.reenactment.evaluation import (
    ReenactmentEvaluation,
    reconstruction_scores,
    reenactment_truth,
)
from deepfake_lesson.reenactment.pairs import load_pairs
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.video import read_frames

BEN = RESERVED_SEEDS["tests"][1]
FRAMES = range(0, 12, 2)


@pytest.fixture(scope="module")
def pairs(actress):
    return load_pairs(actress)


@pytest.fixture(scope="module")
def driver(film, tmp_path_factory):
    """Ben's clip: path, frames and track."""
    folder = film(BEN, tmp_path_factory.mktemp("driver") / "ben")
    clip = open_person(folder).media / "clip.mp4"
    return clip, list(read_frames(clip)), follow_face(clip)


@pytest.fixture(scope="module")
def truth(driver, pairs):
    return reenactment_truth(driver[0], pairs.recipe, pairs.square, pairs.size)


@pytest.fixture(scope="module")
def evaluate(pairs, driver, truth):
    """`evaluate(paint)`: the report for pictures `paint(number, truth, driver's crop)`."""
    _, frames, track = driver
    target = np.mean([embed(pairs.images[k], pairs.landmarks[k]) for k in (0, 9, 18, 27)], axis=0)
    matrix = square_matrix(track.square("face"), pairs.size)

    def report(paint):
        evaluation = ReenactmentEvaluation(target, 0.44, truth)
        for number in FRAMES:
            wanted, landmarks = truth(number), track.landmarks[number]
            picture = paint(number, wanted, warp(frames[number], matrix, pairs.size))
            evaluation.add(number, picture, wanted.landmarks, frames[number], landmarks)
        return evaluation.report()

    return report


def test_a_photograph_is_its_own_best_copy(pairs):
    some = pairs.some(4)
    perfect = reconstruction_scores(some.images, some.images, some.landmarks)
    assert perfect["ssim"] == perfect["ssim_face"] == 1 and perfect["landmarks"] < 0.03
    noise = np.random.default_rng(0).normal(0, 25, some.images.shape)
    noisy = np.clip(some.images + noise, 0, 255).astype(np.uint8)
    worse = reconstruction_scores(noisy, some.images, some.landmarks)
    assert worse["ssim"] < 0.6 and worse["ssim_face"] < 0.7


def test_a_wrong_moment_shows_in_the_landmarks(pairs):
    some = pairs.some(4)
    late = reconstruction_scores(some.images[::-1], some.images, some.landmarks)
    right = reconstruction_scores(some.images, some.images, some.landmarks)
    assert late["landmarks"] > 2 * right["landmarks"]


def test_faults_outside_the_face_leave_the_score_of_the_face(pairs):
    some = pairs.some(2)
    painted = some.images.copy()
    painted[:, :30] = 0
    scores = reconstruction_scores(painted, some.images, some.landmarks)
    assert scores["ssim"] < 0.95 and scores["ssim_face"] == 1


def test_who_drives_herself_is_her_own_truth(actress, pairs):
    clip = actress.media / "clip.mp4"
    truth = reenactment_truth(clip, pairs.recipe, pairs.square, pairs.size)
    for number in (0, 20, 40):
        error = truth_error(truth(number).image, pairs.images[number], truth(number).face_mask)
        assert error < 0.02
    assert truth(48) is None


def test_the_truth_is_perfect(evaluate):
    report = evaluate(lambda number, truth, driver: truth.image)
    assert report["truth"]["jaw"] > 0.9 and report["truth"]["smile"] > 0.9
    assert report["truth"]["ssim"] == report["truth"]["ssim_face"] == 1
    assert report["truth"]["pose"] < 1 and report["truth"]["landmarks"] < 0.03
    assert report["identity"]["kept"] == report["identity"]["truth_kept"] == 1
    assert report["identity"]["nearer_target"] == 1 and report["measured"] == len(FRAMES)


def test_a_frozen_face_follows_nobody(evaluate, pairs):
    report = evaluate(lambda number, truth, driver: pairs.images[0])
    assert report["truth"]["jaw"] is None or report["truth"]["jaw"] < 0.7
    assert report["truth"]["pose"] > 1 and report["truth"]["ssim_face"] < 0.9
    assert report["identity"]["kept"] == 1


def test_the_driver_is_not_the_target(evaluate):
    identity = evaluate(lambda number, truth, driver: driver)["identity"]
    assert identity["kept"] == 0 and identity["nearer_target"] == 0
    assert identity["to_driver"] < 0.3 < identity["to_target"]


def test_what_the_studio_did_not_film_has_no_truth(driver, pairs, carphone):
    assert reenactment_truth(carphone, pairs.recipe, pairs.square, pairs.size) is None
    assert reenactment_truth(driver[0], None, pairs.square, pairs.size) is None
    report = ReenactmentEvaluation(None, 0.6).report()
    assert report["truth"] is None and report["identity"]["kept"] is None
