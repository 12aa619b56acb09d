"""How far pictures are from the truth: the truth itself, the untouched input, and worse."""

import cv2
import numpy as np
import pytest

from deepfake_lesson.detectors import read_landmarks
from deepfake_lesson.identity import embed
from deepfake_lesson.landmarks import warp
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.recipe import Recipe
from deepfake_lesson.truth import TruthComparison, file_truth, studio_truth
from deepfake_lesson.video import VideoWriter

ANNA, BEN = RESERVED_SEEDS["tests"][:2]
FRAMES = 5
EQUAL = {"error": 0, "eyes": 0, "mouth": 0, "ssim": 1, "sharpness": 1, "color": 0}
EQUAL |= {"perceptual": 0, "landmarks": 0, "pose": 0, "jaw": 1, "smile": 1}
EQUAL |= {"jitter": 1, "color_jitter": 1}


@pytest.fixture(scope="module")
def moments():
    """Frames of Anna and of Ben in the same moments."""
    recipe = Recipe(ANNA, "talk", 1.2, 10, 256)
    both = zip(recipe.frames(), recipe.frames(seed=BEN), strict=True)
    return [pair for pair, _ in zip(both, range(FRAMES), strict=False)]


def add(comparison, number, anna, ben, swap):
    """Compare Anna's frame, and a swap that shows Ben, with Ben's."""
    pictures = {"input": anna.image, "swap": swap}
    embeddings = {
        "input": embed(anna.image, anna.landmarks),
        "swap": embed(swap, read_landmarks(ben.image, ben.landmarks)),
    }
    comparison.add(number, pictures, embeddings, ben)


def compare(moments, change=lambda image: image):
    """The report about the truth itself, changed, beside Anna's own frames."""
    comparison = TruthComparison()
    for number, (anna, ben) in enumerate(moments):
        add(comparison, number, anna, ben, change(ben.image))
    return comparison.report()


def test_the_truth_itself_is_perfect_and_the_input_is_not(moments):
    report = compare(moments)
    assert report["swap"].keys() == report["input"].keys() == EQUAL.keys()
    for measure, value in EQUAL.items():
        assert report["swap"][measure] == pytest.approx(value, abs=1e-6), measure
    worse = report["input"]
    assert worse["error"] > 0.04 and worse["ssim"] < 0.9 and worse["color"] > 2
    assert worse["perceptual"] > 0.35 and worse["landmarks"] > 0.02
    assert report["ratio"] is None


def test_blur_costs_sharpness_and_a_tint_costs_color(moments):
    blurred = compare(moments, lambda image: cv2.GaussianBlur(image, (0, 0), 2))["swap"]
    assert blurred["sharpness"] < 0.5 and blurred["color"] < 1
    tinted = compare(moments, lambda image: np.uint8(image * [1.0, 0.8, 0.8]))["swap"]
    assert tinted["color"] > 5 and tinted["sharpness"] > 0.7


def test_an_error_in_the_mouth_is_found_in_the_mouth(moments):
    comparison = TruthComparison()
    anna, ben = moments[0]
    spoilt = ben.image.copy()
    x, y = ben.landmarks[48:].mean(0).round().astype(int)
    spoilt[y - 3 : y + 4, x - 6 : x + 7] = 255
    add(comparison, 0, anna, ben, spoilt)
    found = comparison.report()["swap"]
    assert found["mouth"] > 3 * found["error"] > 0 and found["eyes"] == 0
    assert found["jitter"] is None and found["jaw"] is None


def test_trembling_shows_as_jitter(moments):
    rng = np.random.default_rng(0)

    def shake(image):
        move = np.array([[1, 0, rng.normal(0, 2)], [0, 1, rng.normal(0, 2)]])
        flicker = image + rng.normal(0, 8)
        return warp(np.uint8(np.clip(flicker, 0, 255)), move, 256)

    found = compare(moments, shake)["swap"]
    assert found["jitter"] > 2 and found["color_jitter"] > 2


def test_nothing_compared_is_no_report():
    assert TruthComparison().report() is None


def test_the_studios_truth_is_the_clip_with_the_other_identity(tmp_path, moments):
    clip = tmp_path / "clip.mp4"
    Recipe(ANNA, "talk", 1.2, 10, 256).save(clip.with_suffix(".json"))
    np.testing.assert_array_equal(studio_truth(clip, BEN)(3).image, moments[3][1].image)
    assert studio_truth(clip, BEN)(1000) is None
    assert studio_truth(clip, None) is None
    assert studio_truth(tmp_path / "other.mp4", BEN) is None


def test_a_truth_from_a_file_finds_its_face(tmp_path, moments):
    path = tmp_path / "truth.mp4"
    with VideoWriter(path, 10, (256, 256)) as writer:
        for _, ben in moments:
            writer.write(ben.image)
    truth = file_truth(path)
    for number, (_, ben) in enumerate(moments):
        found = truth(number)
        assert np.abs(found.image.astype(int) - ben.image)[ben.face_mask].mean() < 4
        both, either = found.face_mask & ben.face_mask, found.face_mask | ben.face_mask
        assert both.sum() > 0.75 * either.sum()
    assert truth(FRAMES) is None
