"""Cues by hand: each against a signal whose cue is known."""

import json

import cv2
import numpy as np
import pytest
from clips import write_video

from deepfake_lesson.detection import cues as module
from deepfake_lesson.detection.cues import (
    NAMES,
    CueModel,
    blink_rate,
    boundary_gaps,
    cues,
    power_spectrum,
    spectrum_shape,
)
from deepfake_lesson.detection.self_blended import hull_mask
from deepfake_lesson.errors import LessonError, ModelError, NoFaceError
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, render


@pytest.fixture(scope="module")
def face():
    frame = render(Identity.sample(RESERVED_SEEDS["tests"][0]), size=192)
    return frame.image, frame.landmarks


@pytest.fixture(scope="module")
def clip(film, tmp_path_factory):
    return film(RESERVED_SEEDS["tests"][0], tmp_path_factory.mktemp("a") / "a") / "media/clip.mp4"


def test_blinks_are_counted_and_not_shut_frames():
    openings = np.full(100, 0.3) + 0.01 * np.sin(np.arange(100))
    openings[[10, 11, 12, 40, 41, 99]] = 0.1
    assert blink_rate(openings, seconds=4.0) == pytest.approx(3 * 60 / 4)
    assert blink_rate(np.full(100, 0.3), seconds=4.0) == 0


@pytest.mark.parametrize("periods", [3, 11, 30])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_wave_is_where_its_periods_are(periods, axis):
    size = 128
    wave = np.sin(2 * np.pi * periods * np.arange(size) / size)
    image = np.broadcast_to(wave[:, None] if axis else wave, (size, size)) * 50 + 128
    assert np.argmax(power_spectrum(image)) + 1 == periods


def test_noise_is_flat_and_brown_noise_falls_by_its_slope():
    rng, size = np.random.default_rng(0), 128
    noises = rng.normal(128, 20, (12, size, size))
    slope, tail = spectrum_shape(np.mean([power_spectrum(noise) for noise in noises], axis=0))
    assert abs(slope) < 0.1 and abs(tail) < 0.1
    frequency = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(size, 1 / size)]))
    falling = np.fft.ifft2(np.fft.fft2(noises) / np.maximum(frequency, 1)).real
    spectrum = np.mean([power_spectrum(each) for each in falling], axis=0)
    assert spectrum_shape(spectrum)[0] == pytest.approx(-2, abs=0.2)


def test_upsampling_lowers_the_tail(face):
    image = cv2.resize(face[0], (128, 128), interpolation=cv2.INTER_AREA)
    small = cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(small, (128, 128), interpolation=cv2.INTER_CUBIC)
    tails = [spectrum_shape(power_spectrum(each))[1] for each in (image, blurred)]
    assert tails[1] < tails[0] - 0.3


def test_another_colour_and_a_blur_inside_the_face_are_seen(face):
    image, points = face
    inside = hull_mask(points, image.shape)[..., None] > 0
    color, sharpness = boundary_gaps(image, points)
    tinted = np.where(inside, np.clip(np.add(image, (40, 0, -40)), 0, 255), image)
    blurred = np.where(inside, cv2.GaussianBlur(image, (0, 0), 3), image)
    assert boundary_gaps(tinted.astype(np.uint8), points)[0] > color + 5
    assert boundary_gaps(blurred.astype(np.uint8), points)[1] < 0.8 * sharpness


def test_a_face_that_fills_the_picture_has_no_boundary(face):
    beyond = 4 * (face[1] - face[1].mean(0)) + face[1].mean(0)
    assert np.isnan(boundary_gaps(face[0], beyond)).all()


def test_the_cues_of_a_clip_have_names_and_are_numbers(clip):
    found = cues(clip)
    assert tuple(found) == NAMES and np.isfinite(list(found.values())).all()
    assert -5 < found["spectrum_slope"] < -0.5 and found["landmark_jitter"] > 0


def test_a_trembling_colour_is_seen_and_a_still_picture_does_not_tremble(face, tmp_path):
    image, _ = face
    brighter = np.clip(image.astype(int) + 12, 0, 255).astype(np.uint8)
    still = cues(write_video(tmp_path / "still.mp4", [image] * 6))
    flickering = cues(write_video(tmp_path / "flicker.mp4", [image, brighter] * 3))
    assert still["landmark_jitter"] < 0.005 and still["color_jitter"] < 0.5
    assert flickering["color_jitter"] > 5
    short = cues(write_video(tmp_path / "short.mp4", [image] * 2))
    assert np.isnan(short["landmark_jitter"])


def test_no_face_is_said(tmp_path):
    wall = write_video(tmp_path / "wall.mp4", [np.full((96, 96, 3), 99, np.uint8)] * 3)
    with pytest.raises(NoFaceError):
        cues(wall)


class TestRegression:
    @pytest.fixture
    def found(self):
        """Forty clips; fakes flicker, and nothing else tells them apart."""
        rng, labels = np.random.default_rng(5), np.arange(40) % 2
        clips = [dict(zip(NAMES, rng.normal(10, 2, len(NAMES)), strict=True)) for _ in labels]
        for each, label in zip(clips, labels, strict=True):
            each["color_jitter"] += 8 * label
        return clips, labels.tolist()

    def test_it_finds_the_cue_that_tells(self, found):
        model = CueModel.fit(*found)
        weights = dict(zip(model.names, model.weights, strict=True))
        assert max(weights, key=weights.get) == "color_jitter"
        assert all(abs(weights[name]) < weights["color_jitter"] / 2 for name in NAMES[:-1])
        assert model.score(*found) > 0.95

    def test_units_do_not_matter(self, found):
        clips, labels = found
        other = [each | {"color_gap": 1000 * each["color_gap"]} for each in clips]
        first, again = CueModel.fit(clips, labels), CueModel.fit(other, labels)
        assert first.p_fake(clips[0]) == pytest.approx(again.p_fake(other[0]), abs=1e-6)

    def test_an_unknown_cue_counts_as_usual(self, found):
        clips, labels = found
        holes = [each | {"blink_rate": float("nan")} for each in clips[:10]] + clips[10:]
        model = CueModel.fit(holes, labels)
        blinks = np.mean([each["blink_rate"] for each in clips[10:]])
        usual = clips[0] | {"blink_rate": blinks}
        assert model.p_fake(holes[0]) == pytest.approx(model.p_fake(usual))

    def test_it_comes_back_from_json(self, found, tmp_path):
        model = CueModel.fit(*found)
        model.save(tmp_path / "cues.json")
        assert CueModel.load(tmp_path / "cues.json") == model
        assert json.loads((tmp_path / "cues.json").read_text())["kind"] == module.KIND

    @pytest.mark.parametrize("labels", [[0] * 40, [0, 1]])
    def test_labels_that_do_not_suit_are_refused(self, found, labels):
        with pytest.raises(LessonError, match="with labels"):
            CueModel.fit(found[0], labels)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"kind": "face swap"}, "no regression"),
            ({"format": 0}, "another version"),
            ({"names": ["blinks"]}, "another version"),
            ({"weights": [0.5]}, "another version"),
            ({"mean": "abc"}, "damaged"),
            ({"intercept": None}, "damaged"),
        ],
    )
    def test_damaged_files_are_said(self, found, tmp_path, change, words):
        path = tmp_path / "cues.json"
        CueModel.fit(*found).save(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(ModelError, match=words):
            CueModel.load(path)
        path.write_text("{")
        with pytest.raises(ModelError, match="cut off"):
            CueModel.load(path)
        with pytest.raises(ModelError, match="missing"):
            CueModel.load(tmp_path / "none.json")
