"""Files are whole or not there; a folder has one worker at a time."""

import os
import pickle
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from deepfake_lesson.errors import BusyError, DiskFullError, LessonError, MediaError
from deepfake_lesson.files import folder_lock, replacing
from deepfake_lesson.images import write_image

HOLD = """
import sys, time
from deepfake_lesson.files import folder_lock
with folder_lock(sys.argv[1], "a training"):
    print("held", flush=True)
    time.sleep(60)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_error_says_what_is_wrong_and_what_to_do():
    error = LessonError("a.mp4", "the file is empty", "Copy it again.")
    assert str(error) == "a.mp4: the file is empty. Copy it again."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_file_appears_whole_with_its_folder(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as draft:
        draft.write_text("hello")
        assert draft.suffix == ".txt" and draft.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "hello"
    assert names(path.parent) == ["a.txt"]


def test_a_failure_leaves_the_older_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as draft:
        draft.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(LessonError, match="is a folder"), replacing(tmp_path):
        pass


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(LessonError, match="folder cannot be made"), replacing(tmp_path / "a" / "b"):
        pass


def test_a_full_disk_leaves_nothing_and_the_older_file(small_disk):
    path = small_disk / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(DiskFullError, match=r"a\.bin: the disk is full"), replacing(path) as draft:
        draft.write_bytes(bytes(2_000_000))
    assert names(small_disk) == ["a.bin"]
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_recognised_behind_other_writers(small_disk):
    noise = np.random.default_rng(0).integers(0, 256, (800, 800, 3), np.uint8)
    with pytest.raises(DiskFullError):
        write_image(small_disk / "a.png", noise)
    with (
        pytest.raises(DiskFullError),
        replacing(small_disk / "a.h5") as draft,
        h5py.File(draft, "w") as file,
    ):
        file["weights"] = noise
    assert names(small_disk) == []


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(BusyError, match="a training is already running here"),
            folder_lock(tmp_path, "a training"),
        ):
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with folder_lock(tmp_path, "a training"):
        pass


def test_drafts_of_a_killed_process_are_cleared(tmp_path):
    (tmp_path / "preview").mkdir()
    left_over = tmp_path / "preview" / ".a.12345678.draft.png"
    left_over.touch()
    with folder_lock(tmp_path, "a training"):
        assert not left_over.exists()


def test_other_errors_pass_through(tmp_path):
    with pytest.raises(MediaError), replacing(tmp_path / "a.mp4"):
        raise MediaError("a.mp4", "no frames", "Record it again.")
