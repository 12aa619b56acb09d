"""The network that tells head from background, on people, painted faces and things in front."""

import cv2
import numpy as np
import pytest

from deepfake_lesson import conversion
from deepfake_lesson.errors import ModelError
from deepfake_lesson.landmarks import alignment_matrix, compose, model_matrix, warp
from deepfake_lesson.models import segmentation
from deepfake_lesson.models.segmentation import MAPS, segment
from deepfake_lesson.studio import (
    RESERVED_SEEDS,
    Identity,
    Moment,
    Part,
    Pose,
    Scene,
    render_moment,
)

SIZE = 128
HEAD, COVER = (MAPS.index(name) for name in ("head", "cover"))


@pytest.fixture(scope="module")
def crops():
    """(crops, heads, covers) of people that no network was trained on, in rooms of their own."""
    pictures, heads, covers = [], [], []
    for seed in RESERVED_SEEDS["tests"]:
        rng = np.random.default_rng(seed)
        moment = Moment({"AU26": rng.uniform(0, 0.6)}, Pose(*rng.normal(0, [12, 7, 5])))
        frame = render_moment(Identity.sample(seed), moment, Scene.sample(rng), 320)
        matrix = compose(alignment_matrix(frame.landmarks), model_matrix(SIZE))
        head = ~np.isin(frame.parts, (Part.BACKGROUND, Part.NECK, Part.CLOTH))
        cover = np.isin(frame.parts, (Part.HAIR, Part.GLASSES))
        pictures.append(warp(frame.image, matrix, SIZE))
        for labels, found in ((heads, head), (covers, cover)):
            labels.append(warp(found.astype(np.uint8) * 255, matrix, SIZE) > 127)
    return np.stack(pictures), np.stack(heads), np.stack(covers)


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union."""
    return float((found & truth).sum() / (found | truth).sum())


def test_head_and_hair_of_new_people_are_found(crops):
    pictures, heads, covers = crops
    maps = segment(pictures)
    assert maps.shape == (len(pictures), SIZE, SIZE, 2) and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() <= 1
    assert overlap(maps[..., HEAD] > 0.5, heads) > 0.95
    assert overlap(maps[..., COVER] > 0.5, covers) > 0.7


def test_a_blurred_head_as_networks_paint_it_is_found(crops):
    pictures, heads, _ = crops
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), 3) for picture in pictures])
    assert overlap(segment(blurred)[..., HEAD] > 0.5, heads) > 0.93


def test_a_thing_in_front_of_the_face_is_found(crops):
    pictures, _, covers = crops
    pictures, thing = pictures.copy(), np.zeros((SIZE, SIZE), bool)
    thing[80:120, 30:75] = True
    pictures[:, thing] = (40, 90, 160)
    maps = segment(pictures)[:, thing & ~covers.any(0)]
    assert (maps[..., COVER] > 0.5).mean() > 0.9
    assert (maps[..., HEAD] > 0.5).mean() < 0.2


def test_any_size_and_number_of_pictures(crops):
    small = np.stack([cv2.resize(picture, (32, 32)) for picture in crops[0][:1]])
    assert segment(small).shape == (1, 32, 32, 2)
    assert segment(np.empty((0, SIZE, SIZE, 3), np.uint8)).shape == (0, SIZE, SIZE, 2)


def test_opacity_keeps_the_hair_in_front_and_the_painted_background_out(crops):
    pictures, heads, covers = crops
    seen = conversion.opacity(pictures, np.roll(pictures, 1, axis=0))
    assert seen[covers].mean() < 0.2
    assert seen[~np.roll(heads, 1, axis=0)].mean() < 0.1
    assert seen[heads & np.roll(heads, 1, axis=0) & ~covers].mean() > 0.85


def test_damaged_weights_are_named(tmp_path, monkeypatch):
    cut_off = tmp_path / "segmentation.weights.h5"
    cut_off.write_bytes(segmentation.WEIGHTS.read_bytes()[:1000])
    monkeypatch.setattr(segmentation, "WEIGHTS", cut_off)
    with pytest.raises(ModelError, match="cut off"):
        segmentation._shipped.__wrapped__()
