"""A small part of a labelled set, written and read."""

import numpy as np
import pytest

from deepfake_lesson.detection.crops import FaceCrops
from deepfake_lesson.detection.sample import SHIPPED, read_sample, write_sample
from deepfake_lesson.errors import LessonError, ModelError


def faces(count: int, side: int = 32) -> FaceCrops:
    """Plain faces of colours that tell them apart."""
    grey = np.linspace(20, 235, count).astype(np.uint8)
    return FaceCrops(
        np.broadcast_to(grey[:, None, None, None], (count, side, side, 3)).copy(),
        np.full((count, 68, 2), 3.5, np.float32),
        np.arange(count) % 2,
        np.array([f"video {k // 2}" for k in range(count)]),
        np.array(["real", "copy"])[np.arange(count) % 2],
    )


def test_each_split_comes_back_as_it_was(tmp_path):
    splits = {"train": faces(30), "test": faces(7)}
    write_sample(splits, tmp_path / "faces.npz")
    for split, crops in splits.items():
        found = read_sample(split, tmp_path / "faces.npz")
        assert np.abs(found.images.astype(int) - crops.images).max() <= 2  # it is a JPEG
        for name in ("points", "labels", "videos", "makers"):
            np.testing.assert_array_equal(getattr(found, name), getattr(crops, name))


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(LessonError, match="multiple of 16"):
        write_sample({"train": faces(2, 40)}, tmp_path / "faces.npz")
    with pytest.raises(LessonError, match="split"):
        write_sample({"learnt": faces(2)}, tmp_path / "faces.npz")
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "faces.npz").write_bytes(b"not a file of numbers")
    with pytest.raises(ModelError, match=r"faces\.npz"):
        read_sample("test", tmp_path / "faces.npz")


def test_the_shipped_faces_are_of_all_makers_and_of_different_people():
    train, test = read_sample("train", SHIPPED), read_sample("test", SHIPPED)
    for crops in (train, test):
        assert set(crops.makers) == {"real", "copy", "swap", "pix2pix", "motion"}
        assert np.array_equal(crops.labels, (crops.makers != "real").astype(int))
    assert not set(train.videos) & set(test.videos)
