"""Recording oneself: the questions, a given video, and a camera (ffmpeg's test picture as one)."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deepfake_lesson import camera
from deepfake_lesson.camera import camera_input, record_camera, windows_cameras
from deepfake_lesson.errors import DiskFullError, MediaError
from deepfake_lesson.people import create_person, open_person
from deepfake_lesson.video import probe, read_frames

SCRIPT = Path(__file__).parents[1] / "data_scripts" / "record_person.py"
TEST_PICTURE = "testsrc2=size=320x240:rate=25"
AS_CAMERA = ["--camera", TEST_PICTURE, "--input-format", "lavfi", "--seconds", "1"]
YES = "yes\nyes\nyes\n"


def run(*arguments, answers=""):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    shown = subprocess.run(command, input=answers, capture_output=True, text=True)
    assert "Traceback" not in shown.stderr
    return shown


def test_the_script_for_real_people_asks_before_it_copies(tmp_path, carphone):
    yes = run(carphone, tmp_path / "yes", answers=YES + "no\nBo\n\n")
    assert yes.returncode == 0, yes.stderr
    person = open_person(tmp_path / "yes")
    assert (person.name, person.basis) == ("Bo", "written")
    assert (person.media / carphone.name).read_bytes() == carphone.read_bytes()

    no = run(carphone, tmp_path / "no", answers="yes\nno\n")
    assert no.returncode == 1
    assert "Nothing was copied" in no.stderr
    assert not (tmp_path / "no").exists()


def test_a_video_that_is_not_there_is_named(tmp_path):
    shown = run(tmp_path / "gone.mp4", tmp_path / "bad")
    assert shown.returncode == 2
    assert "gone.mp4" in shown.stderr
    assert not (tmp_path / "bad").exists()


def test_a_camera_records_a_person_who_agreed(tmp_path):
    shown = run(tmp_path / "me", *AS_CAMERA, answers=YES + "yes\n\nAda\nmy seminar\n\n")
    assert shown.returncode == 0, shown.stderr
    assert "A pseudonym will do" in shown.stdout
    person = open_person(tmp_path / "me")
    assert (person.name, person.basis, person.scope) == ("Ada", "self", "my seminar")
    (clip,) = person.media.iterdir()
    info = probe(clip)
    assert (info.width, info.height, info.fps, info.audio) == (320, 240, 25, False)
    frames = np.stack(list(read_frames(clip)))
    assert len(frames) == 25
    assert np.ptp(frames[0]) > 200
    assert (frames[0] != frames[-1]).any()


def test_the_camera_stays_off_when_a_question_is_answered_with_no(tmp_path):
    shown = run(tmp_path / "me", *AS_CAMERA, answers="yes\nyes\nno\n")
    assert shown.returncode == 1
    assert "Recording" not in shown.stdout
    assert not (tmp_path / "me").exists()


@pytest.mark.parametrize("answers", ["", "yes\n", YES + "yes\nAda\n\n"])
def test_questions_left_open_record_nothing(tmp_path, answers):
    shown = run(tmp_path / "me", *AS_CAMERA, answers=answers)
    assert shown.returncode == 130
    assert "Recording" not in shown.stdout
    assert not (tmp_path / "me").exists()


def test_a_missing_camera_is_said_before_the_first_question(tmp_path):
    shown = run(tmp_path / "me", "--camera", tmp_path / "video9", "--input-format", "v4l2")
    assert shown.returncode == 2
    assert "video9: there is no such camera" in shown.stderr
    assert "give the video" in shown.stderr
    assert shown.stdout == ""


def test_something_that_is_no_camera_leaves_no_folder(tmp_path):
    device = ["--camera", os.devnull, "--input-format", "v4l2"]
    shown = run(tmp_path / "me", *device, answers=YES + "yes\nAda\n\n\n")
    assert shown.returncode == 2
    assert "the camera cannot be opened" in shown.stderr
    assert not (tmp_path / "me").exists()


def test_a_folder_that_holds_a_person_is_said_before_the_first_question(tmp_path):
    create_person(tmp_path / "bo", "Bo", "self")
    shown = run(tmp_path / "bo", *AS_CAMERA)
    assert shown.returncode == 2
    assert "already holds a person" in shown.stderr
    assert shown.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["me"], "either a video or --camera"),
        (["clip.mp4", "me", "--camera"], "either a video or --camera"),
        (["me", "--camera", "--seconds", "0"], "--seconds"),
    ],
)
def test_unclear_wishes_are_refused(arguments, problem):
    shown = run(*arguments)
    assert shown.returncode == 2
    assert problem in shown.stderr


@pytest.mark.parametrize(
    ("system", "device", "expected"),
    [
        ("linux", os.devnull, ["-f", "v4l2", "-i", os.devnull]),
        ("darwin", None, ["-f", "avfoundation", "-framerate", "30", "-i", "0"]),
        ("darwin", "1", ["-f", "avfoundation", "-framerate", "30", "-i", "1"]),
        ("win32", "HD Camera", ["-f", "dshow", "-i", "video=HD Camera"]),
    ],
)
def test_each_system_opens_its_cameras_in_its_own_way(system, device, expected):
    assert camera_input(device, system=system) == expected


def test_the_first_camera_of_linux_is_video0_and_an_unknown_system_is_said():
    if Path("/dev/video0").exists():
        assert camera_input(system="linux")[-1] == "/dev/video0"
    else:
        with pytest.raises(MediaError, match="/dev/video0"):
            camera_input(system="linux")
    with pytest.raises(MediaError, match="not known"):
        camera_input("cam", system="plan9")


def test_the_cameras_of_windows_are_read_from_the_list_of_ffmpeg():
    listing = (
        '[dshow @ 0000] "Integrated Camera" (video)\r\n'
        '[dshow @ 0000]   Alternative name "@device_pnp_usb#vid_04f2"\r\n'
        '[dshow @ 0000] "HD Webcam: USB" (video)\r\n'
        '[dshow @ 0000] "Microphone Array" (audio)\r\n'
    )
    assert windows_cameras(listing) == ["Integrated Camera", "HD Webcam: USB"]
    assert windows_cameras("Could not enumerate video devices\r\n") == []


def test_a_camera_that_sends_nothing_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(camera, "PATIENCE", 0.5)
    os.mkfifo(tmp_path / "silent")
    silent = ["-f", "rawvideo", "-s", "16x16", "-i", str(tmp_path / "silent")]
    with pytest.raises(MediaError, match="sends no pictures"):
        record_camera(silent, 0.1, tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


def test_a_recording_that_does_not_fit_on_the_disk_leaves_nothing(small_disk):
    noise = "nullsrc=size=320x240:rate=25,geq=random(1)*255:128:128"
    with pytest.raises(DiskFullError):
        record_camera(["-f", "lavfi", "-i", noise], 3, small_disk / "clip.mp4")
    assert list(small_disk.iterdir()) == []
