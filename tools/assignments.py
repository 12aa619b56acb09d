"""Make an nbgrader course folder: one assignment a chapter, with points and without answers.

    python tools/assignments.py                          # every chapter, into build/course
    python tools/assignments.py 04 05 --out ~/deepfakes  # these, where your class lives

What a student hands in is NN_name.ipynb: the exercises of a chapter and the set-up cell that they
stand on, without the demonstrations, so that grading takes seconds a student. The chapter itself,
filled in, is graded as well. The folder is plain nbgrader:

    source/   with answers and hidden tests      release/         for the students
    submitted/STUDENT/NN_name/NN_name.ipynb      nbgrader_config.py, gradebook.db

Run again after a chapter changed; configuration, submissions and grades stay as they are.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import chapters
from chapters import ROOT, Chapter

CONFIG = Path(__file__).parent / "nbgrader_config.py"
HOW_TO = """# {title}: exercises

Read the chapter first: `chapters/{name}.ipynb`. Put your answers where
`raise NotImplementedError` stands. The cell below each answers *right*, *not yet* with a hint, or
*not tried yet*. Then restart the kernel, run all cells, save, and hand in this file."""


class AssignmentError(Exception):
    """A chapter that cannot become an assignment; the message says why."""


def exercises_only(chapter: Chapter) -> NotebookNode:
    """The set-up cell, the exercises with their answers, and the words of that section."""
    notebook = chapter.notebook()
    title, *others = notebook.cells
    title.source = HOW_TO.format(title=title.source.splitlines()[0].lstrip("# "), name=chapter.name)
    kept, inside = [title], False
    for cell in others:
        if "nbgrader" in cell.metadata or "setup" in cell.metadata.get("tags", []):
            kept.append(cell)
        elif cell.cell_type == "markdown":
            cell.source, inside = _exercise_text(cell.source, inside)
            if cell.source:
                kept.append(cell)
    notebook.cells = kept
    return notebook


def _exercise_text(text: str, inside: bool) -> tuple[str, bool]:
    """What of a text is in the section "Exercises", and whether that section goes on after it."""
    kept = []
    for section in re.split(r"^(?=## )", text, flags=re.MULTILINE):
        if section.startswith("## "):
            inside = section.startswith("## Exercises")
        if inside:
            kept.append(section)
    return "".join(kept).strip(), inside


def make_course(folder: Path, wanted: list[Chapter]) -> None:
    """Write the source and release versions of chapters into an nbgrader course folder.

    Raises AssignmentError, e.g. when exercises were added or removed after grading began.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / CONFIG.name
    if not config.exists():
        text = CONFIG.read_text(encoding="utf-8").replace("{stub}", chapters.STUB)
        config.write_text(text, encoding="utf-8")
    nbgrader = _nbgrader(folder)
    for chapter in wanted:
        _check_grades(nbgrader, chapter)
        path = folder / "source" / chapter.name / f"{chapter.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(exercises_only(chapter), path)
        result = nbgrader.generate_assignment(chapter.name)
        if not result["success"]:
            raise AssignmentError(f"{chapter.name}: {result['log']}")


def _check_grades(nbgrader, chapter: Chapter) -> None:
    """Raise AssignmentError if other exercises were graded than the chapter has now.

    nbgrader refuses that too, but only after it took the old release away.
    """
    from nbgrader.api import MissingEntry

    with nbgrader.gradebook as gradebook:
        try:
            notebook = gradebook.find_notebook(chapter.name, chapter.name)
        except MissingEntry:
            return
        known = {cell.name for cell in notebook.grade_cells}
        graded = bool(notebook.submissions)
    cells = [cell.metadata.get("nbgrader", {}) for cell in chapter.notebook().cells]
    checks = {cell["grade_id"] for cell in cells if cell.get("grade")}
    if graded and known != checks:
        changed = ", ".join(sorted(known ^ checks))
        raise AssignmentError(
            f"{chapter.name}: grading began, and exercises came or went since: {changed}."
            " Take another folder for the new ones."
        )


def _nbgrader(folder: Path):
    """nbgrader's API for a course folder, with the folder's configuration."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    # nbgrader starts `alembic` by name, which stands beside this Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    config = PyFileConfigLoader(CONFIG.name, path=str(folder)).load_config()
    config.CourseDirectory.root = str(folder.resolve())
    return NbGraderAPI(config=config, log_level="ERROR")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="chapters, by number or name; else all")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "course", help="the course folder"
    )
    wishes = parser.parse_args()
    names = tuple(wishes.names) or ("",)
    wanted = [
        chapter
        for chapter in chapters.all_chapters()
        if chapter.name.startswith(names) and chapter.exercises()
    ]
    if not wanted:
        parser.error(f"no chapter with exercises is called {' or '.join(wishes.names)}")
    try:
        make_course(wishes.out, wanted)
    except AssignmentError as error:
        sys.exit(str(error))
    for chapter in wanted:
        points = sum(exercise.points for exercise in chapter.exercises())
        print(f"{chapter.name:<40} {len(chapter.exercises())} exercises {points:5g} points")
    print(f"Give the students {wishes.out / 'release'}; how to grade: INSTRUCTORS.md")


if __name__ == "__main__":
    main()
