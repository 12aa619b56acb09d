"""Clips of a re-enactment: as long as the driver's, with its sound, labelled, signed, reported."""

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
from clips import write_video

from deepfake_lesson.checkpoints import model_name
from deepfake_lesson.errors import LessonError, MediaError, ModelError, NoFaceError
from deepfake_lesson.files import checksum
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.landmarks import interocular
from deepfake_lesson.metrics import landmark_change
from deepfake_lesson.people import open_person
from deepfake_lesson.provenance import (
    COMPOSITE,
    REENACTMENT_LABEL,
    TRAINED,
    label_frame,
    verify,
)
from deepfake_lesson.reenactment.clips import Drive, ReenactOptions, reenact
from deepfake_lesson.reenactment.driving import follow_face, resting_shape
from deepfake_lesson.reenactment.training import load_reenactment
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.video import probe, read_frames

BEN = RESERVED_SEEDS["tests"][1]
PLAIN = ReenactOptions(label=False)


@pytest.fixture(scope="module")
def ben(film, tmp_path_factory):
    """Ben's clip of 12 frames with sound, and its recipe."""
    return open_person(film(BEN, tmp_path_factory.mktemp("ben") / "ben")).media / "clip.mp4"


@pytest.fixture(scope="module")
def coming_and_going(ben, tmp_path_factory):
    """Nobody (0-2), Ben (3-6), nobody (7-14), Ben (15-18); no sound, no recipe."""
    frames = list(read_frames(ben))[:4]
    nobody = [np.full_like(frames[0], 90)]
    path = tmp_path_factory.mktemp("gap") / "gap.mp4"
    return write_video(path, 3 * nobody + frames + 8 * nobody + frames)


@pytest.fixture(scope="module")
def result(ben, reenactor, tmp_path_factory):
    """Report and path of the actress doing what Ben does."""
    out = tmp_path_factory.mktemp("result") / "out.mp4"
    return reenact(ben, reenactor, out), out


def test_the_clip_is_as_long_as_the_driver_s_and_sounds_like_it(ben, result):
    before, after = probe(ben), probe(result[1])
    assert (after.width, after.height) == (64, 64)
    assert (after.fps, after.frames, after.audio) == (before.fps, before.frames, True)


def test_it_is_signed_and_labelled(ben, reenactor, result):
    credential = verify(result[1])
    assert credential.state == "valid" and credential.source_type == COMPOSITE
    sheet = verify(result[1].parent / "contact_sheet.png")
    for each in (credential, sheet):
        assert each.hashes == (checksum(ben),) and each.model == model_name(reenactor)
    model = load_reenactment(reenactor)
    drive = Drive.of(follow_face(ben), model)
    painted = model.predict(model.draw(drive.landmarks[0], drive.pupils[0])[None])[0]
    shown = next(read_frames(result[1])).astype(int)
    labelled = label_frame(painted, REENACTMENT_LABEL)
    place = (labelled != painted).any(-1)
    errors = [np.abs(shown - picture)[place].mean() for picture in (labelled, painted)]
    assert place.sum() > 200 and errors[0] < 0.5 * errors[1]


def test_the_report_says_how_well_it_went(result):
    report, out = result
    assert json.loads((out.parent / "report.json").read_text()) == report
    assert report["frames"] == report["faces_found"] == report["measured"] == 12
    assert report["watermark"] is False, "64 pixels are too few"
    assert report["held"] == "" and report["target"].startswith("studio person")
    assert set(report["seconds"]) == {"detect", "paint", "measure", "encode", "sign", "total"}
    assert set(report["truth"]) == {"jaw", "smile", "landmarks", "pose", "ssim", "ssim_face"}
    assert 0 < report["truth"]["ssim"] < 1 and 0 <= report["identity"]["kept"] <= 1


def test_the_contact_sheet_shows_driver_drawing_result_and_truth(result):
    sheet = read_image(result[1].parent / "contact_sheet.png")
    width, height = 4 * 256 + 5 * 4, 5 * (256 + 28) + 6 * 4
    assert sheet.shape == (height, width, 3)
    drawing = sheet[4:260, 264:520]
    assert (drawing.max(-1) < 10).mean() > 0.5 > 0 < (drawing.max(-1) > 200).mean()


def test_frames_without_a_face_hold_the_last_result(coming_and_going, reenactor, tmp_path):
    out = tmp_path / "out.mp4"
    report = reenact(coming_and_going, reenactor, out, PLAIN)
    assert report["frames"] == probe(out).frames == 19 and report["faces_found"] == 8
    assert report["held"] == "0-2, 7-14" and report["truth"] is None
    frames = [frame.astype(int) for frame in read_frames(out)]
    steps = [np.abs(a - b).mean() for a, b in pairwise(frames)]
    moving, held = [*range(3, 6), *range(15, 18)], [*range(3), *range(6, 14)]
    assert max(steps[k] for k in held) < min(steps[k] for k in moving)
    assert verify(out).source_type == TRAINED


def test_driver_and_drawing_may_stand_beside_the_result(coming_and_going, reenactor, tmp_path):
    options = ReenactOptions(beside=True, size=128)
    reenact(coming_and_going, reenactor, tmp_path / "out.mp4", options)
    frame = list(read_frames(tmp_path / "out.mp4"))[4]
    assert frame.shape == (128, 384, 3)
    assert (frame[:, 128:256].max(-1) < 20).mean() > 0.5 > (frame[:, :128].max(-1) < 20).mean()


def test_the_driver_takes_the_target_s_shape_and_keeps_his_motion(ben, reenactor):
    model, track = load_reenactment(reenactor), follow_face(ben)
    own, adapted = (Drive.of(track, model, adapt) for adapt in (False, True))
    shapes = [resting_shape(drive.landmarks, model.size) for drive in (own, adapted)]
    errors = [landmark_change(model.target_mean, shape) for shape in shapes]
    assert errors[1] < 0.02 < errors[0]
    assert np.allclose(
        np.diff(adapted.landmarks, axis=0), np.diff(own.landmarks, axis=0), atol=1e-3
    )
    for drive in (own, adapted):
        ends = drive.landmarks[:, [36, 39, 42, 45], 0]
        assert (ends[:, 0] < drive.pupils[:, 0, 0]).all() and (
            drive.pupils[:, 0, 0] < ends[:, 1]
        ).all()
        assert (ends[:, 2] < drive.pupils[:, 1, 0]).all() and (
            drive.pupils[:, 1, 0] < ends[:, 3]
        ).all()


def test_a_portrait_video_drives_like_any_other(ben, reenactor, tmp_path):
    frames = [np.pad(frame, ((120, 200), (0, 0), (0, 0)), "edge") for frame in read_frames(ben)]
    clip = write_video(tmp_path / "portrait.mp4", frames)
    model = load_reenactment(reenactor)
    upright, square = (Drive.of(follow_face(path), model) for path in (clip, ben))
    assert probe(clip).height > probe(clip).width
    error = np.linalg.norm(upright.landmarks[0] - square.landmarks[0], axis=1).mean()
    assert error < 0.1 * interocular(square.landmarks[0])


def test_a_clip_without_a_face_is_refused_and_nothing_is_written(reenactor, tmp_path):
    clip = write_video(tmp_path / "nobody.mp4", [np.full((128, 128, 3), 90, np.uint8)] * 4)
    with pytest.raises(NoFaceError, match="no face was found"):
        reenact(clip, reenactor, tmp_path / "out" / "out.mp4")
    assert not (tmp_path / "out" / "out.mp4").exists()


def test_files_that_do_not_suit_are_refused(ben, reenactor, tmp_path):
    picture = tmp_path / "picture.png"
    write_image(picture, np.zeros((64, 64, 3), np.uint8))
    copy = shutil.copyfile(ben, tmp_path / "copy.mp4")
    out = tmp_path / "out.mp4"
    with pytest.raises(MediaError, match="no such file"):
        reenact(tmp_path / "none.mp4", reenactor, out)
    with pytest.raises(MediaError, match="is no video"):
        reenact(picture, reenactor, out)
    with pytest.raises(MediaError, match="is no video"):
        reenact(ben, reenactor, tmp_path / "out.png")
    with pytest.raises(MediaError, match="replace the original"):
        reenact(copy, reenactor, copy)
    with pytest.raises(ModelError):
        reenact(ben, tmp_path / "no_model", out)
    assert not out.exists()


@pytest.mark.parametrize("wrong", [{"detector": "eyes"}, {"smooth": 9}, {"size": 10}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(LessonError, match=next(iter(wrong))):
        ReenactOptions(**wrong)
