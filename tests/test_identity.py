"""Telling people apart, against face_recognition and on studio people."""

import face_recognition
import numpy as np
import pytest

from deepfake_lesson.identity import THRESHOLDS, FaceFilter, distance, embed, mean_embedding
from deepfake_lesson.landmarks import transform_points, warp
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Pose, render

POSES = [Pose(), Pose(yaw=12), Pose(yaw=-10, pitch=5)]


@pytest.fixture(scope="module")
def portraits():
    """Three pictures of each of three people."""
    people = [Identity.sample(seed) for seed in RESERVED_SEEDS["tests"][:3]]
    return [[render(person, pose=pose, size=256) for pose in POSES] for person in people]


@pytest.fixture(scope="module")
def embeddings(portraits):
    """(person, picture, 128)."""
    return np.array([[embed(each.image, each.landmarks) for each in row] for row in portraits])


def test_embedding_equals_that_of_face_recognition(portraits):
    frame = portraits[0][0]
    x0, y0 = frame.landmarks.min(0).astype(int).tolist()
    x1, y1 = frame.landmarks.max(0).astype(int).tolist()
    (expected,) = face_recognition.face_encodings(frame.image, [(y0, x1, y1, x0)])
    ours = embed(frame.image, frame.landmarks)
    assert ours.shape == (128,)
    assert distance(ours, expected) < 0.15


def test_colour_order_matters(portraits):
    frame = portraits[0][0]
    swapped = embed(frame.image[..., ::-1], frame.landmarks)
    assert distance(embed(frame.image, frame.landmarks), swapped) > 0.05


def test_embedding_does_not_depend_on_how_the_picture_is_turned(portraits):
    frame = portraits[0][0]
    turn = np.array([[0.0, -1.0, 255.0], [1.0, 0.0, 0.0]])
    turned = warp(frame.image, turn, 256)
    there = embed(turned, transform_points(frame.landmarks, turn))
    assert distance(embed(frame.image, frame.landmarks), there) < 0.1


def test_pictures_of_one_person_are_nearer_than_those_of_others(embeddings):
    means = [mean_embedding(rows) for rows in embeddings]
    for person, rows in enumerate(embeddings):
        nearest = [np.argmin([distance(row, mean) for mean in means]) for row in rows]
        assert nearest == [person] * len(POSES)


def test_filter_takes_the_wanted_and_leaves_the_others(embeddings):
    wanted, other, third = embeddings
    who = FaceFilter([wanted[0]], [other[0]], threshold=THRESHOLDS["real"])
    assert all(who.accepts(row) for row in wanted)
    assert not any(who.accepts(row) for row in other)
    assert who.distance(wanted[0]) == 0
    strict = FaceFilter([wanted[0]], threshold=0.01)
    assert not strict.accepts(third[0])


def test_filter_without_wanted_faces_takes_everybody_but_the_unwanted(embeddings):
    someone, other, _ = embeddings
    assert FaceFilter().accepts(someone[0])
    assert FaceFilter().distance(someone[0]) is None
    who = FaceFilter(unwanted=[other[0]], threshold=THRESHOLDS["synthetic"])
    assert not who.accepts(other[0])


def test_distances_of_many_embeddings_at_once(embeddings):
    rows = embeddings.reshape(-1, 128)
    assert distance(rows, rows[0]).shape == (len(rows),)
    assert distance(rows, rows[0])[0] == 0
