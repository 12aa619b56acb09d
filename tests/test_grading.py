"""A class of made students is graded with nbgrader, as INSTRUCTORS.md tells it."""

import csv
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import assignments
import nbformat
import pytest
from nbgrader.api import Gradebook

import chapters

pytestmark = pytest.mark.slow

NAME = "98_measure_light"
SECOND_EXERCISE = '''
# %% [markdown]
# ### 2 · Half the light

# %% nbgrader={"solution": true, "grade_id": "darker"}
def darker(image):
    """Half of each value of a uint8 picture, rounded down."""
    ### BEGIN SOLUTION
    return image // 2
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_darker", "points": 2}
import numpy as np

from deepfake_lesson.exercises import exercise, require


@exercise
def halved(student):
    require(student(np.uint8([9])) == 4, "half of 9, rounded down, is 4")


halved(darker)
### BEGIN HIDDEN TESTS
assert halved(darker).right
### END HIDDEN TESTS

# %% [markdown]
# That was all.
#
# ## Summary
'''
BRIGHTNESS = """import numpy as np


def brightness(image):
    return image.mean() / 255
"""
ENDLESS = BRIGHTNESS.replace("return image.mean() / 255", "while True: pass")
DARKER = """def darker(image):
    return image // 2
"""
WARNING = "import warnings\n\nwarnings.warn('old')\n"
# What each student writes for the two exercises, and the points for each.
CLASS = {
    "all-right": (BRIGHTNESS, DARKER, (2, 2)),
    "half-right": (BRIGHTNESS, None, (2, 0)),
    "raises": ("raise ValueError('no idea')", DARKER, (0, 2)),
    "never-ends": (ENDLESS, DARKER, (0, 2)),
    "warned": (BRIGHTNESS, WARNING + DARKER, (2, 2)),
    "in-the-chapter": (BRIGHTNESS, DARKER, (2, 2)),
}


def nbgrader(course: Path, *words: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *words]
    ended = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def hand_in(course: Path, student: str, notebook) -> None:
    path = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def graded_cells(notebook) -> dict:
    """The cells that nbgrader knows, by their grade_id."""
    known = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata.nbgrader.grade_id: cell for cell in known}


def released(course: Path, name: str):
    return nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)


@dataclass(frozen=True)
class MadeChapter(chapters.Chapter):
    """A chapter whose source is elsewhere."""

    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / f"{self.name}.py"


@pytest.fixture(scope="module")
def chapter(tmp_path_factory) -> MadeChapter:
    """The template of a chapter with a second exercise."""
    template = (chapters.SOURCE / "_template.py").read_text().replace('"points": 1', '"points": 2')
    before, after = template.split("\n# %% [markdown]\n# ## Summary\n")
    made = MadeChapter(NAME, tmp_path_factory.mktemp("source"))
    made.source.write_text(before + SECOND_EXERCISE + after)
    return made


@pytest.fixture(scope="module")
def course(chapter, tmp_path_factory) -> Path:
    """A course folder in which the class handed in and was graded."""
    folder = tmp_path_factory.mktemp("course")
    assignments.make_course(folder, [chapter])
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text().replace("timeout = 60", "timeout = 6"))
    for student, (brightness, darker, _) in CLASS.items():
        notebook = released(folder, NAME)
        if student == "in-the-chapter":
            notebook = chapters.student_version(chapter.notebook())
        cells = graded_cells(notebook)
        cells["brightness"].source = brightness
        cells["darker"].source = darker or cells["darker"].source
        hand_in(folder, student, notebook)
    nbgrader(folder, "autograde", NAME)
    return folder


def points(course: Path, student: str) -> tuple[float, float]:
    """A student's points for the two exercises, from the gradebook."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        notebook = gradebook.find_submission_notebook(NAME, NAME, student)
        scores = {grade.name: grade.score for grade in notebook.grades}
    return scores["check_brightness"], scores["check_darker"]


@pytest.mark.parametrize("student", CLASS)
def test_students_get_the_points_they_earned(course, student):
    assert points(course, student) == CLASS[student][-1]


def test_every_student_gets_feedback(course):
    nbgrader(course, "generate_feedback", NAME)
    pages = {
        student: (course / "feedback" / student / NAME / f"{NAME}.html").read_text()
        for student in CLASS
    }
    for student, (_, _, earned) in CLASS.items():
        assert f"(Score: {sum(earned):.1f} / 4.0)" in pages[student]
    assert "KeyboardInterrupt" in pages["never-ends"]
    assert "no idea" in pages["raises"]


def test_the_gradebook_is_exported(course):
    nbgrader(course, "export")
    with (course / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {name: float(row["score"]) for name, row in rows.items()} == {
        name: sum(earned) for name, (_, _, earned) in CLASS.items()
    }
    assert {float(row["max_score"]) for row in rows.values()} == {4}


def test_making_the_course_again_keeps_grades_and_configuration(course, chapter):
    before = released(course, NAME)
    assignments.make_course(course, [chapter])
    assert released(course, NAME) == before
    assert "timeout = 6" in (course / "nbgrader_config.py").read_text()
    assert points(course, "half-right") == CLASS["half-right"][-1]


def test_an_exercise_cannot_vanish_after_students_handed_in(course, chapter, tmp_path):
    changed = MadeChapter(NAME, tmp_path)
    changed.source.write_text(chapter.source.read_text().replace("check_darker", "check_shade"))
    with pytest.raises(assignments.AssignmentError, match="check_darker, check_shade"):
        assignments.make_course(course, [changed])
    assert (course / "release" / NAME / f"{NAME}.ipynb").exists()
    assert points(course, "all-right") == CLASS["all-right"][-1]


def assert_exercises_alone(course: Path, chapter: chapters.Chapter) -> None:
    """The released notebook has the chapter's exercises as students know them, and no answers."""
    notebook = released(course, chapter.name)
    cells = graded_cells(notebook)
    in_chapter = graded_cells(chapters.student_version(chapter.notebook()))
    assert [cell.source for cell in cells.values()] == [cell.source for cell in in_chapter.values()]
    assert not re.search("BEGIN SOLUTION|HIDDEN TESTS", nbformat.writes(notebook))
    checked = [
        cell for cell in cells.values() if cell.cell_type == "code"
    ]  # not those read by hand
    given = [cell.metadata.nbgrader.get("points", 0) for cell in checked]
    assert sum(given) == sum(exercise.points for exercise in chapter.exercises()) > 0
    tags = [cell.metadata.get("tags") for cell in notebook.cells if "nbgrader" not in cell.metadata]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert tags.count(["setup"]) == 1 and len(code) == 1 + 2 * len(chapter.exercises())
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.findall("^## .*", prose, re.MULTILINE) == ["## Exercises"]


def test_the_release_has_exercises_without_answers(course, chapter):
    assert_exercises_alone(course, chapter)
    prose = [cell.source for cell in released(course, NAME).cells if cell.cell_type == "markdown"]
    assert "How bright is a picture?" in prose[1] and prose[-1] == "That was all."


@pytest.fixture(scope="module")
def whole_course(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole_course")
    assignments.make_course(folder, chapters.all_chapters())
    return folder


@pytest.mark.parametrize("chapter", chapters.all_chapters(), ids=lambda chapter: chapter.name)
def test_each_chapter_becomes_an_assignment(whole_course, chapter):
    assert_exercises_alone(whole_course, chapter)
