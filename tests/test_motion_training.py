"""Training first order motion in a model folder: clips in, resumed to the bit, loaded again."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from deepfake_lesson import presets
from deepfake_lesson.animation import clips as motion_clips
from deepfake_lesson.animation.animate import SHIPPED
from deepfake_lesson.animation.training import (
    MotionConfig,
    load_motion,
    motion_batch,
    ship_motion,
    train_motion,
)
from deepfake_lesson.checkpoints import read_config, write_config
from deepfake_lesson.errors import LessonError, MediaError, ModelError
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.models.first_order import FirstOrderConfig, HourglassConfig
from deepfake_lesson.models.first_order_training import FirstOrderLosses
from deepfake_lesson.people import create_person
from deepfake_lesson.video import read_frames
from deepfake_lesson.withdrawal import withdraw

SMALL = HourglassConfig(block_expansion=4, max_features=16, num_blocks=2, scale_factor=1)
NETWORKS = FirstOrderConfig(
    num_kp=3,
    block_expansion=4,
    max_features=16,
    num_bottleneck_blocks=1,
    kp_detector=SMALL,
    dense_motion=SMALL,
)
CONFIG = MotionConfig(NETWORKS, size=32, batch_size=2, learning_rate=1e-3)
STRIP = 160 + 4  # pixels of a picture in a preview, and the gap


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (length, 32, 32, 3), np.uint8) for length in (5, 2, 9)]


@pytest.fixture
def folk(tmp_path) -> dict:
    """Three people who agreed."""
    return {name: create_person(tmp_path / name, name, "written") for name in ("Ada", "Bo", "Cy")}


@pytest.fixture(scope="module")
def whole(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("motion") / "whole"
    report = train_motion(clips, folder, steps=12, config=CONFIG, progress=False)
    return folder, report


def test_a_model_of_motion_is_a_folder(whole):
    folder, report = whole
    assert report.step == 12 and np.isfinite(report.loss)
    assert 0.1 < report.peak_gigabytes < 100
    pictures = report.pictures_per_second * report.seconds
    assert pictures == pytest.approx(12 * 2 * CONFIG.batch_size, rel=0.05)
    model, config = load_motion(folder)
    assert config == CONFIG
    points = model.keypoints(np.zeros((1, 32, 32, 3), np.float32))
    assert points["value"].shape == (1, 3, 2) and points["jacobian"].shape == (1, 3, 2, 2)
    sheet = read_image(folder / "preview" / "latest.png")
    assert sheet.shape[1] >= 3 * 160


def test_a_training_goes_on_to_the_bit(whole, clips, tmp_path):
    for steps in (5, 12):
        train_motion(clips, tmp_path, steps=steps, config=CONFIG, progress=False)
    one, other = (load_motion(folder)[0].networks for folder in (whole[0], tmp_path))
    for name in one:
        for pair in zip(one[name].get_weights(), other[name].get_weights(), strict=True):
            np.testing.assert_array_equal(*pair)


def test_a_batch_is_two_frames_of_one_clip_in_one_light(clips):
    config = replace(CONFIG, batch_size=6, light=0.0)
    (source, driving, affine, pulls), target = motion_batch(7, clips, config)
    assert source.shape == (6, 32, 32, 3) and affine.shape == (6, 2, 3) and len(pulls) == 6
    np.testing.assert_array_equal(driving, target)
    frames = {
        (number, frame[:, ::way].tobytes())
        for number, clip in enumerate(clips)
        for frame in clip
        for way in (1, -1)
    }
    for pair in zip(source, driving, strict=True):
        first, second = ((np.rint(frame * 255)).astype(np.uint8).tobytes() for frame in pair)
        assert first != second
        assert any((k, first) in frames and (k, second) in frames for k in range(3))


def test_another_network_is_refused(whole, clips):
    other = replace(CONFIG, first_order=replace(NETWORKS, num_kp=4))
    with pytest.raises(ModelError, match="another network"):
        train_motion(clips, whole[0], steps=13, config=other, progress=False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "there is none"),
        ([np.zeros((1, 32, 32, 3), np.uint8)], r"clip 0 is \(1, 32, 32, 3\)"),
        ([np.zeros((4, 64, 64, 3), np.uint8)], r"not \(at least 2, 32, 32, 3\)"),
    ],
)
def test_clips_that_cannot_be_learnt_from_are_refused(wrong, said, tmp_path):
    with pytest.raises(LessonError, match=said):
        train_motion(wrong, tmp_path / "model", steps=1, config=CONFIG, progress=False)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 100},
        {"batch_size": 0},
        {"learning_rate": 2.0},
        {"features": "eyes"},
        {"features": "vgg-19", "size": 64},
    ],
)
def test_a_wrong_config_says_what_is_wrong(wrong):
    with pytest.raises(LessonError, match=next(iter(wrong))):
        MotionConfig(**wrong)


def test_every_preset_makes_a_config():
    for preset in presets.PRESETS.values():
        config = MotionConfig.from_preset(preset)
        assert config.size * config.first_order.kp_detector.scale_factor == 32


def test_the_square_of_a_clip_does_not_move(actress):
    """Where the background is still in the clip, it is still in the cut."""
    cut = motion_clips.face_clip(actress.media / "clip.mp4", 64)
    assert cut.shape[1:] == (64, 64, 3) and len(cut) > 40
    corner = cut[:, :6, :6].astype(float)
    assert corner.std(axis=0).mean() < 4 < cut[:, 20:44, 20:44].astype(float).std(axis=0).mean()


def test_clips_are_cut_once_for_a_person(actress):
    """From the disk the second time, and a folder with frames is a clip as well."""
    first = motion_clips.person_clips(actress, 64, progress=False)
    kept = actress.folder / "clips" / "clip.mp4-64.npy"
    when = kept.stat().st_mtime_ns
    again = motion_clips.person_clips(actress, 64, progress=False)
    assert kept.stat().st_mtime_ns == when and len(first) == len(again) == 1
    np.testing.assert_array_equal(first[0], again[0])


def test_a_folder_of_frames_is_a_clip_and_one_without_a_face_is_left_out(actress, tmp_path):
    person = replace(actress, folder=tmp_path)
    for name, frames in (
        ("frames", list(read_frames(actress.media / "clip.mp4"))[:6]),
        ("nobody", [np.full((64, 64, 3), 90, np.uint8)] * 3),
    ):
        for number, frame in enumerate(frames):
            write_image(tmp_path / "media" / name / f"{number:03}.png", frame)
    clips = motion_clips.person_clips(person, 64, progress=False)
    assert [len(clip) for clip in clips] == [6]
    expected = motion_clips.person_clips(actress, 64, progress=False)[0][:6]
    assert np.abs(clips[0].astype(int) - expected).mean() < 12
    for path in (tmp_path / "media" / "frames").iterdir():
        path.unlink()
    with pytest.raises(MediaError, match="no clip that shows a face"):
        motion_clips.person_clips(person, 64, progress=False)


def test_a_model_begins_where_one_of_another_size_stopped(whole, clips, tmp_path):
    half = replace(SMALL, scale_factor=0.5)
    networks = replace(NETWORKS, kp_detector=half, dense_motion=half)
    large = [np.repeat(np.repeat(clip, 2, 1), 2, 2) for clip in clips]
    config = replace(CONFIG, first_order=networks, size=64, learning_rate=1e-12)
    train_motion(large, tmp_path, steps=1, config=config, start=whole[0], progress=False)
    one, other = (load_motion(folder)[0].networks for folder in (whole[0], tmp_path))
    for name in one:
        for a, b in zip(one[name].trainable_weights, other[name].trainable_weights, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6)


def told(folder) -> tuple[list[str], bool]:
    """The people that a model names, and whether there may be others."""
    settings = read_config(folder, "first order motion")
    return [each["name"] for each in settings["people"]], settings["unnamed_people"]


def test_a_model_names_all_whose_clips_it_has_ever_learnt_from(clips, folk, tmp_path):
    """Also those of earlier calls, and of the model that it began with."""

    def train(name, steps, *people, start=None):
        given = [folk[each] for each in people]
        options = {"steps": steps, "config": CONFIG, "progress": False, "start": start}
        train_motion(clips, tmp_path / name, people=given, **options)
        return told(tmp_path / name)

    assert train("one", 1, "Ada") == (["Ada"], False)
    assert train("one", 1, "Bo", "Ada") == (["Ada", "Bo"], False)
    assert train("two", 1, "Cy", start=tmp_path / "one") == (["Ada", "Bo", "Cy"], False)
    ship_motion(tmp_path / "two", tmp_path / "small")
    assert told(tmp_path / "small") == (["Ada", "Bo", "Cy"], False)
    report = withdraw(tmp_path / "Ada", (tmp_path,))
    assert {Path(each).name for each in report.models} == {"one", "two", "small"}


def test_whose_clips_nobody_told_stays_unknown(whole, clips, folk, tmp_path):
    """A folder from before people were noted goes on, and is not taken for one that names all."""
    assert told(whole[0]) == ([], True)
    old = shutil.copytree(whole[0], tmp_path / "old")
    write_config(old, "first order motion", {"training": asdict(CONFIG)})
    assert load_motion(old)[1] == CONFIG
    train_motion(clips, old, steps=13, config=CONFIG, progress=False, people=[folk["Ada"]])
    assert told(old) == (["Ada"], True)
    bo = withdraw(tmp_path / "Bo", (tmp_path,))
    assert not bo.models and [each for each in bo.unknown if str(old) in each]
    ada = withdraw(tmp_path / "Ada", (tmp_path,))
    assert ada.models == (str(old),) and not [each for each in ada.unknown if str(old) in each]


def test_the_package_s_own_model_learnt_from_nobody_who_could_withdraw(folk, tmp_path):
    assert told(SHIPPED) == ([], False)
    shipped = shutil.copytree(SHIPPED, tmp_path / "shipped")
    report = withdraw(tmp_path / "Ada", (tmp_path,))
    assert shipped.exists() and not [each for each in report.unknown if str(shipped) in each]


def test_a_shipped_model_is_half_as_large_and_paints_alike(whole, tmp_path):
    ship_motion(whole[0], tmp_path / "small")
    model, config = load_motion(tmp_path / "small")
    assert config == CONFIG
    with h5py.File(tmp_path / "small" / "encoder-000000.weights.h5") as file:
        kernel = file["layers/conv2d/vars/0"]
        assert kernel.dtype == np.float16 and kernel.ndim == 4
    picture = np.random.default_rng(1).random((1, 32, 32, 3), np.float32)
    found = [
        np.asarray(each.keypoints(picture)["value"]) for each in (load_motion(whole[0])[0], model)
    ]
    np.testing.assert_allclose(*found, atol=0.02)


def test_a_discriminator_is_kept_with_the_model(clips, tmp_path):
    large = [np.repeat(np.repeat(clip, 2, 1), 2, 2) for clip in clips]
    config = replace(CONFIG, size=64, losses=FirstOrderLosses(gan=1.0))
    for steps in (1, 2):
        train_motion(large, tmp_path, steps=steps, config=config, progress=False)
    assert (tmp_path / "discriminator-000002.weights.h5").exists()
    assert load_motion(tmp_path)[1] == config
