"""What wears pictures: each level takes more than the one before, and the first takes nothing."""

import numpy as np
import pytest

from deepfake_lesson.detection.wear import CRF, WEARS, h264, worn
from deepfake_lesson.errors import LessonError
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, render


@pytest.fixture(scope="module")
def image():
    return render(Identity.sample(RESERVED_SEEDS["tests"][0]), size=96).image


def loss(image, other):
    return np.abs(image.astype(int) - other).mean()


@pytest.mark.parametrize("name", WEARS)
def test_every_level_takes_more(image, name):
    pictures = [worn(image, name, level) for level in WEARS[name][1]]
    losses = [loss(image, picture) for picture in pictures]
    assert losses == sorted(losses) and losses[-1] > 1 and losses[0] < 2
    assert all(p.shape == image.shape and p.dtype == np.uint8 for p in pictures)


def test_colours_stay_what_they_are():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 220
    for name, (_, levels) in WEARS.items():
        if name != "noise":
            assert loss(red, worn(red, name, levels[-1])) < 5
    assert loss(red, h264([red], 17)[0]) < 4


def test_the_ladder_of_h264_goes_down(image):
    frames = [np.roll(image, shift, 1) for shift in range(4)]
    losses = []
    for quality in (CRF[0], CRF[2], CRF[-1]):
        after = h264(frames, quality)
        assert len(after) == 4
        losses.append(np.mean([loss(*pair) for pair in zip(frames, after, strict=True)]))
    assert losses[0] < losses[1] < losses[2]


def test_what_makes_no_sense_is_refused(image):
    for name, level in (("jpeg", 50), ("JPEG quality", 0), ("resize", 2), ("noise", -1)):
        with pytest.raises(LessonError):
            worn(image, name, level)
    with pytest.raises(LessonError, match="none"):
        h264([], 23)
