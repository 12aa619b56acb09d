"""What every chapter starts with, the pledge and the map."""

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chapters
from deepfake_lesson import course, doctor, lesson
from deepfake_lesson.errors import LessonError

DAY = datetime.date(2026, 11, 21)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A student's folder, and the work folder in it, which is not there yet."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work"


def test_an_environment_with_everything_is_ready(capsys):
    lesson.begin()
    assert capsys.readouterr().out.endswith("is ready.\n")


def test_a_pledge_is_kept_in_the_students_words(work):
    kept = lesson.pledge("  I ask first – always. ", "Zoë", DAY)
    assert kept == "I ask first – always.\n\nZoë, 2026-11-21\n"
    assert (work / "pledge.txt").read_text(encoding="utf-8") == kept


def test_a_new_pledge_takes_the_place_of_the_old_one(work):
    lesson.pledge("I ask first.", "Z", DAY)
    assert "I label" in lesson.pledge("I label it.", "Z", DAY)
    assert "I ask" not in (work / "pledge.txt").read_text()


def test_without_words_there_is_an_example_and_nothing_is_written(work):
    assert lesson.pledge("", "") == lesson.pledge(" \n", "Z") == lesson.EXAMPLE_PLEDGE
    assert not work.exists()


def test_the_chapter_run_again_shows_the_pledge_that_was_given(work):
    kept = lesson.pledge("I ask first.", "Z", DAY)
    assert lesson.pledge("", "") == kept


def test_a_pledge_needs_a_name(work):
    with pytest.raises(LessonError, match="name"):
        lesson.pledge("I ask first.", "  ")
    assert not work.exists()


def test_the_set_up_cell_outside_the_course_says_what_to_do(tmp_path):
    """-S: a Python without any package."""
    command = [sys.executable, "-S", "-c", chapters.SETUP.read_text()]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode and not ended.stdout
    assert "make setup" in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_packages_that_are_missing_are_named_and_not_installed(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "missing_packages", lambda: ["no-such-package>=1"])
    lesson.begin()
    assert "no-such-package>=1" in capsys.readouterr().out


def test_the_map_has_every_chapter_once_and_in_order():
    numbers = [number for part in course.PARTS for number in part.chapters]
    assert numbers == list(range(15)) and len(set(course.STATIONS)) == 15


def test_the_map_names_chapters_as_the_table_does():
    titles = {number: title for part in course.PARTS for number, title in part.chapters.items()}
    table = (chapters.CHAPTERS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\d) \| \[?([\w -]+)", table, re.MULTILINE)
    assert {int(number): title.strip() for number, title in rows} == titles


def test_the_words_on_the_map_do_not_run_into_each_other():
    figure = course.draw_map()
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    frame = figure.bbox
    for number, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_a_person_is_filmed_once_and_again_for_a_newer_studio(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def film() -> tuple[Path, int]:
        clip = lesson.studio_person(20, seconds=0.2, size=64).media / "clip.mp4"
        return clip.with_suffix(".json"), clip.stat().st_mtime_ns

    recipe, first = film()
    assert film()[1] == first
    recipe.write_text(json.dumps(json.loads(recipe.read_text()) | {"version": 0}))
    assert film()[1] > first
