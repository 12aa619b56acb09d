"""One picture moved by a driver's clip: framed, labelled, signed, reported; what is refused."""

import hashlib
import json
import shutil
import tracemalloc

import numpy as np
import pytest
from clips import write_video

from deepfake_lesson.animation.animate import (
    SHIPPED,
    AnimateOptions,
    animate,
    framed_alike,
    motion_name,
    open_motion,
)
from deepfake_lesson.animation.portrait import Portrait, best_frame, warnings
from deepfake_lesson.animation.training import load_motion
from deepfake_lesson.checkpoints import model_name
from deepfake_lesson.errors import LessonError, MediaError, ModelError, NoFaceError
from deepfake_lesson.files import checksum
from deepfake_lesson.images import fit, read_image, to_float, write_image
from deepfake_lesson.landmarks import transform_points
from deepfake_lesson.models.first_order_inference import MovingPicture, pack, unpack
from deepfake_lesson.people import open_person
from deepfake_lesson.provenance import ANIMATION_LABEL, COMPOSITE, label_frame, verify
from deepfake_lesson.reenactment.conditions import face_square, square_matrix
from deepfake_lesson.reenactment.driving import follow_face
from deepfake_lesson.studio import Identity, render
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.video import probe, read_frames

BEN = RESERVED_SEEDS["tests"][1]
PLAIN = AnimateOptions(label=False)


@pytest.fixture(scope="module")
def ben(film, tmp_path_factory):
    """Ben's clip of 12 frames with sound, and its recipe."""
    return open_person(film(BEN, tmp_path_factory.mktemp("ben") / "ben")).media / "clip.mp4"


@pytest.fixture(scope="module")
def track(ben):
    return follow_face(ben)


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    """A picture of somebody else, as a file without recipe or consent."""
    path = tmp_path_factory.mktemp("face") / "face.png"
    write_image(path, render(Identity.sample(RESERVED_SEEDS["tests"][3]), size=256).image)
    return path


@pytest.fixture(scope="module")
def result(ben, actress, mover, tmp_path_factory):
    """Report and path of the first frame of the actress doing what Ben does."""
    out = tmp_path_factory.mktemp("result") / "out.mp4"
    return animate(actress.media / "clip.mp4", ben, out, mover), out


def test_the_clip_is_as_long_as_the_driver_s_and_sounds_like_it(ben, result):
    before, after = probe(ben), probe(result[1])
    assert (after.width, after.height) == (64, 64)
    assert (after.fps, after.frames, after.audio) == (before.fps, before.frames, True)


def test_it_is_signed_and_labelled(result, ben, actress, mover, tmp_path):
    credential = verify(result[1])
    assert credential.state == "valid" and credential.source_type == COMPOSITE
    sheet = verify(result[1].parent / "contact_sheet.png")
    for each in (credential, sheet):
        assert each.hashes == (checksum(ben), checksum(actress.media / "clip.mp4"))
        assert each.model == model_name(mover)
    animate(actress.media / "clip.mp4", ben, tmp_path / "plain.mp4", mover, PLAIN)
    plain, shown = (next(read_frames(path)) for path in (tmp_path / "plain.mp4", result[1]))
    labelled = label_frame(plain, ANIMATION_LABEL)
    place = (labelled != plain).any(-1)
    errors = [np.abs(shown.astype(int) - picture)[place].mean() for picture in (labelled, plain)]
    assert place.sum() > 200 and errors[0] < 0.5 * errors[1]


def test_the_name_of_a_model_tells_one_from_another(mover, tmp_path):
    """Kind, folder, network, steps where they are known, and a hash."""
    name = motion_name(mover)
    assert name.startswith("first order motion model (first_order, 1 steps, config.json ")
    assert checksum(mover / "config.json").startswith(name.split()[-1].strip(")"))
    assert "steps" not in motion_name(SHIPPED)
    published = tmp_path / "vox.pth.tar"
    published.write_bytes(b"weights")
    assert hashlib.sha256(b"weights").hexdigest()[:12] in motion_name(published)


def test_the_report_says_how_well_it_went(result):
    report, out = result
    assert json.loads((out.parent / "report.json").read_text()) == report
    assert report["frames"] == report["faces_found"] == report["measured"] == 12
    assert report["watermark"] is False, "64 pixels are too few"
    assert report["first"] == 0 and report["target"].startswith("studio person")
    assert 0 < report["truth"]["ssim"] < 1 and report["identity"]["kept"] is not None
    assert not [text for text in report["warnings"] if "consent" in text]
    sheet = read_image(out.parent / "contact_sheet.png")
    assert sheet.shape[1] == 4 * 256 + 5 * 4


def test_keypoints_survive_packing():
    rng = np.random.default_rng(0)
    keypoints = {"value": rng.normal(size=(3, 4, 2)), "jacobian": rng.normal(size=(3, 4, 2, 2))}
    for name, values in unpack(np.asarray(pack(keypoints))).items():
        np.testing.assert_array_equal(values, keypoints[name])
    assert list(unpack(np.asarray(pack({"value": keypoints["value"]})))) == ["value"]


def test_a_moving_picture_is_what_the_model_generates(mover, track, ben):
    """Computing what belongs to the picture only once changes nothing."""
    model, _ = load_motion(mover)
    frames = [fit(frame, 64) for frame in read_frames(ben)][:3]
    moving = MovingPicture(model, frames[0])
    driving = to_float(np.stack(frames))
    points, own = model.keypoints(driving), model.keypoints(driving[:1])
    np.testing.assert_allclose(moving.detect(np.stack(frames))["value"], points["value"], atol=1e-4)
    whole = np.asarray(model.generate(np.repeat(driving[:1], 3, 0), own, points)["prediction"])
    painted = moving.paint({name: np.asarray(values) for name, values in points.items()})
    assert np.abs(painted / 255.0 - whole).max() < 0.01


@pytest.mark.parametrize("zoom", [0.6, 1.0, 1.7])
def test_a_driver_of_other_framing_is_mended(track, zoom):
    """However large and wherever the face is in the picture: in the square it lies as the driver's.

    The picture is the driver's own frame, moved and scaled.
    """
    points = track.landmarks[0] * zoom + (30, -12)
    shape = np.zeros((256, 256, 3), np.uint8)
    portrait = Portrait(shape, points, np.zeros(128), "x", 0.44, True, None)
    plan, square = framed_alike(portrait, track, 0, 64, relative=True)
    own = transform_points(points, square_matrix(square, 64))
    np.testing.assert_allclose(own, plan.landmarks[0], atol=0.01)
    np.testing.assert_allclose(own, transform_points(track.landmarks[0], plan.matrix), atol=0.01)


def test_relative_motion_starts_at_the_picture_and_absolute_at_the_driver(track, face):
    portrait = Portrait.open(face)
    plans = [framed_alike(portrait, track, 3, 64, relative)[0] for relative in (True, False)]
    driver = transform_points(track.landmarks, plans[0].matrix)
    np.testing.assert_allclose(plans[1].landmarks, driver, atol=1e-3)
    np.testing.assert_allclose(
        np.diff(plans[0].landmarks, axis=0), np.diff(driver, axis=0), atol=1e-3
    )
    assert np.abs(plans[0].landmarks[3] - driver[3]).mean() > 0.3


def test_the_best_frame_is_the_one_like_the_picture(track):
    """Even if it is turned, moved and of another size."""
    for row in (0, 5, 11):
        assert best_frame(track.landmarks[row] * 1.6 + 20, track) == row


def test_the_largest_face_of_a_picture_is_taken(face, tmp_path):
    image = read_image(face)
    small = np.pad(fit(image, 128), ((64, 64), (0, 0), (0, 0)), "edge")
    write_image(tmp_path / "two.png", np.concatenate([small, image], axis=1))
    portrait = Portrait.open(tmp_path / "two.png")
    assert portrait.landmarks[:, 0].min() > 128
    assert portrait.name == "two" and not portrait.has_consent


def test_a_picture_in_a_person_s_folder_is_that_person_s(actress):
    portrait = Portrait.open(actress.media / "clip.mp4")
    assert portrait.name == actress.name and portrait.threshold == actress.threshold
    assert portrait.has_consent and portrait.recipe["identity"] == actress.seed


def test_what_will_go_wrong_is_said(track, face):
    portrait = Portrait.open(face)
    square = portrait.square(track.landmarks[0], track.square("face"))

    def said(points=portrait.landmarks, square=square, consent=True, size=64) -> str:
        image, embedding = portrait.image, portrait.embedding
        asked = Portrait(image, points, embedding, "x", 0.44, consent, None)
        return "; ".join(warnings(asked, track, 0, square, size))

    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    leaning = (portrait.landmarks - 128) @ turn.T + 128
    assert "first poses differ" in said(leaning) and "--best-frame" in said(leaning)
    assert "first poses differ" not in said(track.landmarks[0])
    assert "pixels wide" in said(size=2048)
    away = face_square(portrait.landmarks + 150)
    assert "beyond the picture" in said(square=away) and "beyond" not in said()
    assert "no consent record" in said(consent=False) and "consent" not in said()


def test_a_picture_without_a_face_is_refused_and_nothing_is_written(ben, mover, tmp_path):
    out = tmp_path / "out.mp4"
    for name, shape in (("grey.png", (128, 128, 3)), ("tiny.png", (3, 5, 3))):
        write_image(tmp_path / name, np.full(shape, 90, np.uint8))
        with pytest.raises(NoFaceError, match="no face was found"):
            animate(tmp_path / name, ben, out, mover)
    assert not out.exists() and not (tmp_path / "report.json").exists()


def test_a_driver_who_is_seldom_seen_is_refused(ben, face, mover, tmp_path):
    frames = list(read_frames(ben))[:3]
    nobody = [np.full_like(frames[0], 90)] * 7
    clip = write_video(tmp_path / "seldom.mp4", [*frames, *nobody])
    with pytest.raises(NoFaceError, match="only 3 of its 10 frames"):
        animate(face, clip, tmp_path / "out.mp4", mover)
    assert not (tmp_path / "out.mp4").exists()


def test_pictures_and_clips_need_not_be_square(ben, face, mover, tmp_path):
    frames = [np.pad(frame, ((90, 140), (0, 0), (0, 0)), "edge") for frame in read_frames(ben)]
    clip = write_video(tmp_path / "portrait.mp4", frames[:4])
    image = np.pad(read_image(face), ((0, 0), (200, 40), (0, 0)), "edge")
    write_image(tmp_path / "wide.png", image)
    report = animate(tmp_path / "wide.png", clip, tmp_path / "out.mp4", mover, PLAIN)
    assert (report["video"]["width"], report["video"]["height"]) == (64, 64)
    assert report["faces_found"] == 4 and report["truth"] is None
    tall, wide = open_motion(mover)[1], probe(clip)
    assert tall == 64 and wide.height > wide.width


def test_a_clip_of_one_frame_without_motion_keeps_the_picture(face, mover, tmp_path):
    """Relative keypoints of a driver who does not move are the picture's own."""
    clip = write_video(tmp_path / "still.mp4", [read_image(face)] * 3)
    animate(face, clip, tmp_path / "out.mp4", mover, PLAIN)
    first, *_, last = read_frames(tmp_path / "out.mp4")
    assert np.abs(first.astype(int) - last).mean() < 1.5


def test_memory_does_not_grow_with_the_clip(ben, face, mover, tmp_path):
    """Frames come and go: 120 more of them would be 24 MB."""
    frames = list(read_frames(ben))
    peaks = []
    for rounds in (3, 13):
        clip = write_video(tmp_path / f"{rounds}.mp4", frames * rounds)
        tracemalloc.start()
        animate(face, clip, tmp_path / "out.mp4", mover, PLAIN)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 6e6


def test_all_ways_to_move_are_painted(ben, face, mover, tmp_path):
    """Absolute, scaled, from the best frame: each gives another film of the same length."""
    films = []
    for changed in ({}, {"relative": False}, {"adapt_scale": True}, {"best_frame": True}):
        options = AnimateOptions(label=False, beside=True, **changed)
        report = animate(face, ben, tmp_path / "out.mp4", mover, options)
        films.append(np.stack(list(read_frames(tmp_path / "out.mp4"))))
        assert films[-1].shape == (12, 64, 192, 3) and report["frames"] == 12
    assert report["first"] == best_frame(Portrait.open(face).landmarks, follow_face(ben))


def test_files_that_do_not_suit_are_refused(ben, face, mover, tmp_path):
    out = tmp_path / "out.mp4"
    with pytest.raises(MediaError, match="no such file"):
        animate(face, tmp_path / "none.mp4", out, mover)
    with pytest.raises(MediaError, match="is no video"):
        animate(face, face, out, mover)
    with pytest.raises(MediaError, match="is no video"):
        animate(face, ben, tmp_path / "out.png", mover)
    with pytest.raises(MediaError):
        animate(tmp_path / "none.png", ben, out, mover)
    copy = shutil.copyfile(ben, tmp_path / "copy.mp4")
    with pytest.raises(MediaError, match="replace the picture"):
        animate(copy, ben, copy, mover)
    with pytest.raises(ModelError, match="no model"):
        animate(face, ben, out, tmp_path / "none")
    assert not out.exists()


def test_checkpoints_that_are_not_vox_256_are_refused(ben, face, tmp_path):
    np.savez(tmp_path / "other.npz", **{"kp_detector.kp.weight": np.zeros((10, 3, 7, 7))})
    (tmp_path / "text.pth.tar").write_text("no checkpoint")
    for name in ("other.npz", "text.pth.tar"):
        with pytest.raises(ModelError, match=name.split(".")[0]):
            animate(face, ben, tmp_path / "out.mp4", tmp_path / name)


@pytest.mark.parametrize("wrong", [{"detector": "eyes"}, {"smooth": 9}, {"size": 10}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(LessonError, match=next(iter(wrong))):
        AnimateOptions(**wrong)
