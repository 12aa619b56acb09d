"""A person's folder: the consent record and the alignments file."""

import datetime
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfake_lesson.errors import ConsentError, LessonError, MediaError
from deepfake_lesson.people import (
    BASES,
    THRESHOLDS,
    Alignment,
    append_alignments,
    create_person,
    open_person,
    read_alignments,
)

CONSENT = '[consent]\nname = "Ada"\nbasis = "self"\nscope = "class"\ndate = 2026-11-21\n'


def write_record(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "consent.toml").write_text(text, encoding="utf-8")
    return folder


def alignment(number, **changes):
    rng = np.random.default_rng(number)
    values = {
        "file": f"clip_{number:06d}_0.png",
        "source": "clip.mp4",
        "frame": number,
        "box": tuple(rng.uniform(0, 500, 4)),
        "landmarks": rng.uniform(0, 500, (68, 2)).astype(np.float32),
        "matrix": rng.normal(size=(2, 3)),
        "detector": "hog",
        "score": float(rng.uniform()),
        "sharpness": float(rng.uniform(0, 300)),
        "identity_distance": None if number % 2 else float(rng.uniform()),
        "rotation": 0,
    }
    return Alignment(**values | changes)


def same(a, b):
    return a.to_json() == b.to_json()


@pytest.mark.parametrize("basis", BASES)
def test_a_created_person_opens_as_it_was_made(tmp_path, basis):
    made = create_person(tmp_path / "p", "Åsa Ek", basis, seed=7 if basis == "synthetic" else None)
    assert open_person(tmp_path / "p") == made
    assert made.date == datetime.date.today()


def test_the_threshold_follows_the_kind_of_person_and_can_be_set_in_the_folder(tmp_path):
    assert create_person(tmp_path / "s", "Three", "synthetic").threshold == THRESHOLDS["synthetic"]
    assert create_person(tmp_path / "r", "Me", "self").threshold == THRESHOLDS["real"]
    record = CONSENT + '[identity]\ndomain = "real"\nthreshold = 0.5\n'
    assert open_person(write_record(tmp_path / "own", record)).threshold == 0.5


def test_a_record_written_by_hand_needs_no_identity_table(tmp_path):
    person = open_person(write_record(tmp_path, CONSENT.replace("2026-11-21", '"2026-11-21"')))
    assert (person.name, person.domain, person.seed) == ("Ada", "real", None)
    assert person.date == datetime.date(2026, 11, 21)


@settings(max_examples=60, deadline=None)
@given(name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_any_name_survives_the_record_or_is_refused_whole(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("people") / "p"
    try:
        create_person(folder, name, "self")
    except ConsentError:
        assert not folder.exists()
    else:
        assert open_person(folder).name == name.strip()


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("", "no basis"),
        ("[consent\n", "cannot be read"),
        ("consent = 3\n", "not a table"),
        (CONSENT.replace('"self"', '"celebrity"'), "celebrity"),
        (CONSENT.replace('"Ada"', '""'), "no name"),
        (CONSENT.replace('"Ada"', "4"), "no name"),
        (CONSENT.replace('"class"', '"  "'), "no scope"),
        (CONSENT.replace("date = 2026-11-21", ""), "no date"),
        (CONSENT.replace("2026-11-21", '""'), "no date"),
        (CONSENT.replace("2026-11-21", '"yesterday"'), "yesterday"),
        (CONSENT + "[identity]\nthreshold = 0\n", "threshold"),
        (CONSENT + '[identity]\nthreshold = "0.4"\n', "threshold"),
        (CONSENT + '[identity]\ndomain = "cartoon"\n', "cartoon"),
        (CONSENT + "[identity]\nseed = -1\n", "seed"),
    ],
)
def test_a_broken_record_is_refused_with_what_is_wrong_and_what_to_do(tmp_path, record, problem):
    with pytest.raises(ConsentError, match=problem) as caught:
        open_person(write_record(tmp_path, record))
    assert "consent.toml" in str(caught.value)
    assert "needs name, basis" in caught.value.remedy


def test_a_record_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "consent.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConsentError, match="cannot be read"):
        open_person(tmp_path)


@pytest.mark.parametrize("folder", ["nobody", "."])
def test_without_a_record_the_message_tells_how_to_make_one(tmp_path, folder):
    with pytest.raises(ConsentError, match="deepfake-lesson person new"):
        open_person(tmp_path / folder)


def test_a_person_is_never_overwritten(tmp_path):
    create_person(tmp_path, "Ada", "self")
    with pytest.raises(ConsentError, match="already holds a person"):
        create_person(tmp_path, "Bob", "self")
    assert open_person(tmp_path).name == "Ada"


@pytest.mark.parametrize(("name", "basis"), [("", "self"), ("Ada", "because"), ("A\nb", "self")])
def test_a_bad_record_is_not_even_begun(tmp_path, name, basis):
    with pytest.raises(ConsentError):
        create_person(tmp_path / "p", name, basis)
    assert not (tmp_path / "p").exists()


def test_media_are_copied_and_a_missing_one_leaves_nothing(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"video")
    with pytest.raises(MediaError, match=r"other\.mp4"):
        create_person(tmp_path / "p", "Ada", "self", media=[clip, tmp_path / "other.mp4"])
    assert not (tmp_path / "p").exists()
    person = create_person(tmp_path / "p", "Ada", "self", media=[clip])
    assert [path.name for path in person.media.iterdir()] == ["clip.mp4"]
    assert (person.media / "clip.mp4").read_bytes() == b"video"


def test_media_put_into_the_folder_by_hand_stay(tmp_path):
    (tmp_path / "media").mkdir()
    clip = tmp_path / "media" / "clip.mp4"
    clip.write_bytes(b"video")
    create_person(tmp_path, "Ada", "self", media=[clip])
    assert clip.read_bytes() == b"video"


def test_alignments_come_back_bit_for_bit_and_in_order(tmp_path):
    person = create_person(tmp_path, "Ada", "self")
    assert read_alignments(person) == []
    rows = [alignment(number) for number in range(5)]
    append_alignments(person, rows[:2])
    append_alignments(person, rows[2:])
    back = read_alignments(person)
    assert all(same(a, b) for a, b in zip(back, rows, strict=True))
    assert np.array_equal(back[3].landmarks, rows[3].landmarks)
    assert back[3].landmarks.dtype == np.float32
    assert np.array_equal(back[3].matrix, rows[3].matrix)
    assert back[3].box == rows[3].box


def test_alignments_survive_a_cut_at_any_byte(tmp_path):
    person = create_person(tmp_path, "Ada", "self")
    append_alignments(person, [alignment(0), alignment(1)])
    whole = person.alignments.read_bytes()
    first = whole.index(b"\n") + 1
    for length in [0, 1, first - 1, first, first + 1, len(whole) - 1, len(whole)]:
        person.alignments.write_bytes(whole[:length])
        kept = whole[:length].count(b"\n")
        assert len(read_alignments(person)) == kept
        append_alignments(person, [alignment(9)])
        after = read_alignments(person)
        assert len(after) == kept + 1
        assert same(after[-1], alignment(9))


def test_a_cut_off_line_longer_than_a_block_is_removed(tmp_path):
    person = create_person(tmp_path, "Ada", "self")
    append_alignments(person, [alignment(0)])
    with person.alignments.open("ab") as file:
        file.write(b"x" * 200_000)
    append_alignments(person, [alignment(1)])
    assert [row.frame for row in read_alignments(person)] == [0, 1]


@pytest.mark.parametrize("line", [b"{}\n", b"[1]\n", b"\xff\n", b'{"file": 1}\n', b"\n"])
def test_a_damaged_line_is_named(tmp_path, line):
    person = create_person(tmp_path, "Ada", "self")
    append_alignments(person, [alignment(0)])
    with person.alignments.open("ab") as file:
        file.write(line)
    with pytest.raises(LessonError, match="line 2 is damaged"):
        read_alignments(person)


def _append_for_ever(folder):
    person = open_person(folder)
    for number in range(10**9):
        append_alignments(person, [alignment(number)])


def test_alignments_survive_kill_9(tmp_path):
    person = create_person(tmp_path, "Ada", "self")
    writer = multiprocessing.get_context("fork").Process(target=_append_for_ever, args=(tmp_path,))
    writer.start()
    while not (person.alignments.exists() and person.alignments.stat().st_size > 20_000):
        time.sleep(0.005)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    frames = [row.frame for row in read_alignments(person)]
    assert len(frames) >= 5
    assert frames == list(range(len(frames)))
