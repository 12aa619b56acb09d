"""Measures of first order motion: what a rebuilt clip is worth beside two simple ways."""

import numpy as np
import pytest

from deepfake_lesson.animation.animate import SHIPPED, open_motion
from deepfake_lesson.animation.clips import person_clips
from deepfake_lesson.animation.evaluation import (
    METHODS,
    ClipTruth,
    affine,
    compare,
    reconstruct,
    reconstruction_scores,
    still,
)
from deepfake_lesson.animation.training import load_motion
from deepfake_lesson.errors import NoFaceError
from deepfake_lesson.images import to_float
from deepfake_lesson.landmarks import transform_points, warp


@pytest.fixture(scope="module")
def clip(actress):
    return np.asarray(person_clips(actress, 128, progress=False)[0][:24:3])


@pytest.fixture(scope="module")
def truth(clip):
    return ClipTruth.read(clip)


def test_the_truth_itself_has_no_error(clip, truth):
    scores = reconstruction_scores(clip, truth, 0.44)
    assert scores["l1"] == scores["aed"] == scores["akd"] == 0
    assert scores["kept"] == scores["jaw"] == scores["smile"] == 1


def test_what_does_not_move_is_further_away(clip, truth):
    scores = reconstruction_scores(still(clip, truth.landmarks), truth, 0.44)
    assert scores["akd"] > 1 and scores["l1"] > 0.01
    differences = np.abs(clip[1:].astype(float) - clip[0]).mean() / 255
    assert scores["l1"] == pytest.approx(differences, rel=1e-6)


def test_an_affine_motion_is_undone_by_the_affine_way(clip, truth):
    matrix = np.array([[0.95, 0.08, 4.0], [-0.05, 1.03, -3.0]])
    turned = np.stack([clip[0], warp(clip[0], matrix, 128)])
    first = truth.landmarks[0]
    points = np.stack([first, transform_points(first, matrix)])
    made = affine(turned, points)
    inner = slice(20, -20)
    assert np.abs(made[1, inner, inner].astype(int) - turned[1, inner, inner]).mean() < 2
    error = np.abs(turned[0, inner, inner].astype(int) - turned[1, inner, inner]).mean()
    assert error > 10


def test_a_clip_is_rebuilt_from_its_first_frame(actress, mover):
    clip = np.asarray(person_clips(actress, 64, progress=False)[0][:5])
    made = reconstruct(load_motion(mover)[0], clip)
    assert made.shape == clip.shape and made.dtype == np.uint8


def test_all_methods_are_compared(actress, mover):
    clip = np.asarray(person_clips(actress, 64, progress=False)[0][:6])
    table = compare(load_motion(mover)[0], clip, 0.44)
    assert tuple(table) == METHODS
    assert {"l1", "akd", "aed", "kept", "jaw", "smile"} == set(table["model"])
    assert table["affine"]["akd"] < table["still"]["akd"]


def test_a_clip_without_a_face_is_refused():
    with pytest.raises(NoFaceError, match="no face"):
        ClipTruth.read(np.full((3, 64, 64, 3), 90, np.uint8))


def test_the_shipped_model_moves_a_face_that_it_has_never_seen(actress):
    """Her own pixels, moved by the flow alone, come nearer to the later frames than at rest."""
    model, size = open_motion(SHIPPED)
    clip = np.asarray(person_clips(actress, size, progress=False)[0][::4])
    source, driving = to_float(clip[:1]), to_float(clip[1:])
    points = [model.keypoints(frames) for frames in (source, driving)]
    moved = np.asarray(model.generate(source, *points)["deformed"])
    errors = np.abs(moved - driving).mean(axis=(1, 2, 3))
    at_rest = np.abs(source - driving).mean(axis=(1, 2, 3))
    assert errors.mean() < 0.8 * at_rest.mean()
