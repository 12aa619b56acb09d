"""Every chapter is a test: its notebooks match their source, run, and answer as they should."""

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest

import chapters
from deepfake_lesson.exercises import NOT_TRIED

# Chapters are made for 120 s, see CONTRIBUTING.md; on a busy machine that is no fault of theirs.
MOST_SECONDS, MOST_MEMORY = 240, 4e9
ALL = chapters.all_chapters()
NAMES = [chapter.name for chapter in ALL]
EXERCISES = [(chapter, exercise) for chapter in ALL for exercise in chapter.exercises()]
each_chapter = pytest.mark.parametrize("chapter", ALL, ids=NAMES)
each_exercise = pytest.mark.parametrize(
    ("chapter", "exercise"), EXERCISES, ids=[f"{c.name}-{e.name}" for c, e in EXERCISES]
)


def executed(path: Path):
    return nbformat.read(path, as_version=4)


def texts(notebook):
    return [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]


@each_chapter
def test_the_notebooks_match_their_source(chapter):
    whole = chapter.notebook()
    made = {
        chapter.student: chapters.student_version(whole),
        chapter.solutions: chapters.solutions_version(whole),
    }
    for path, expected in made.items():
        remedy = f"{path.name} does not match its source; run: make chapters"
        assert path.exists() and texts(executed(path)) == texts(expected), remedy


def test_every_notebook_has_a_source():
    for folder in (chapters.CHAPTERS, chapters.CHAPTERS / "solutions"):
        assert {path.stem for path in folder.glob("*.ipynb")} == set(NAMES)


@each_chapter
@pytest.mark.parametrize("kind", ["student", "solutions"])
def test_what_a_reader_sees(chapter, kind):
    path = getattr(chapter, kind)
    notebook = executed(path)
    chapters.check_outputs(notebook, path.name)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert path.stat().st_size <= chapters.LARGEST
    assert "widgets" not in notebook.metadata


@each_chapter
def test_a_chapter_keeps_the_form_of_the_course(chapter):
    notebook = chapter.notebook()
    first = notebook.cells[0].source
    number = chapter.name[:2]
    assert re.match(rf"# {number} · ", first), "the title starts with the number"
    assert all(word in first for word in ("**Time**", "**Hardware**", "**Download**"))
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for heading in ("## Exercises", "## Summary", "## References", "**Next:**"):
        assert heading in prose, f"{heading} is missing"
    assert "Rule of this chapter" in prose
    assert not re.search(r"!\[\]\(", prose), "a picture without alternative text"


def test_the_set_up_cell_is_the_same_everywhere():
    cells = [
        cell.source
        for chapter in ALL
        for cell in executed(chapter.student).cells
        if "setup" in cell.metadata.get("tags", [])
    ]
    assert len(cells) == len(ALL) and len(set(cells)) == 1


@pytest.mark.slow
@each_chapter
def test_a_chapter_runs(chapter, chapter_costs, tmp_path):
    """Under nbval, in a process of its own; cells marked NBVAL_CHECK_OUTPUT are compared."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", "-q"]
    command += [f"--nbval-cell-timeout={MOST_SECONDS}", "--nbval-current-env", "-o", "addopts="]
    environment = os.environ | {"DEEPFAKE_LESSON_PRESET": "quick"}
    start, memory = time.perf_counter(), 0
    with (tmp_path / "output.txt").open("w+") as output:
        process = psutil.Popen(
            [*command, str(chapter.student)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            memory = max(memory, memory_of(process))
            time.sleep(0.2)
        output.seek(0)
        said = output.read()
    seconds = time.perf_counter() - start
    chapter_costs[chapter.name] = (seconds, memory)
    assert process.returncode == 0, said
    assert seconds <= MOST_SECONDS, f"it takes {seconds:.0f} s"
    assert memory <= MOST_MEMORY, f"it takes {memory / 1e9:.1f} GB"


def memory_of(process: psutil.Process) -> int:
    """Bytes that a process and its descendants (the notebook's kernel) have in memory now."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    return total


@pytest.fixture(scope="session")
def set_up(tmp_path_factory):
    """The names that the set-up cell leaves, in a folder of its own."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("chapters"))
    names = {}
    exec(chapters.SETUP.read_text(), names)
    yield names
    os.chdir(before)


@each_exercise
def test_a_solution_is_right(chapter, exercise, set_up):
    names = dict(set_up)
    exec(exercise.solution, names)
    exec(exercise.check, names)  # hidden tests included
    assert names["check"]


@each_exercise
def test_an_untouched_exercise_says_so(chapter, exercise):
    cells = executed(chapter.student).cells
    check = next(
        c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == exercise.name
    )
    following = cells[cells.index(check) + 1]
    assert NOT_TRIED in str(following.outputs), f"{exercise.name}: {following.outputs}"


@each_exercise
def test_hidden_tests_grade_the_exercise(exercise, chapter):
    assert "### BEGIN HIDDEN TESTS" in exercise.check and ".right" in exercise.check
    assert exercise.points > 0


def test_a_chapter_is_made_again_only_after_a_change(tmp_path, monkeypatch):
    before = ALL[0].fingerprint()
    assert ALL[0].fingerprint() == before
    changed = tmp_path / "_setup.py"
    changed.write_text(chapters.SETUP.read_text() + "# changed\n")
    monkeypatch.setattr(chapters, "SETUP", changed)
    assert ALL[0].fingerprint() != before


def test_a_chapter_depends_on_what_it_imports_and_on_nothing_else():
    files = chapters.package_files("from deepfake_lesson.studio import render")
    names = {path.relative_to(chapters.PACKAGE).as_posix() for path in files}
    assert {"studio/renderer.py", "studio/shader.py", "errors.py"} <= names
    assert not {"training.py", "cli.py", "conversion.py"} & names


def test_ids_follow_from_the_text(tmp_path, monkeypatch):
    monkeypatch.setattr(chapters, "SOURCE", tmp_path)
    source = (chapters.CHAPTERS / "source" / "_template.py").read_text()
    (tmp_path / "98_one.py").write_text(source)
    (tmp_path / "99_two.py").write_text(source.replace("## 1 · One idea", "## 1 · Another idea"))
    one, two = (chapters.Chapter(name).notebook() for name in ("98_one", "99_two"))
    same = [a.id == b.id for a, b in zip(one.cells, two.cells, strict=True)]
    assert same.count(False) == 2, "the title with its links, and the changed cell"
    assert len({cell.id for cell in one.cells}) == len(one.cells)


def test_publishing_means_changing_one_line(monkeypatch):
    monkeypatch.setattr(chapters, "address", lambda: "https://github.com/someone/fork")
    cells = ALL[0].notebook().cells
    text = "\n".join(cell.source for cell in cells)
    assert "someone/fork" in text and chapters_address() not in text


def chapters_address() -> str:
    project = (chapters.ROOT / "pyproject.toml").read_text()
    return re.search(r'Repository = "https://github.com/(.*)"', project).group(1)


def test_warnings_and_pictures_without_words_are_refused():
    cell = nbformat.v4.new_code_cell("x")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="UserWarning: old")]
    with pytest.raises(chapters.ChapterError, match="UserWarning"):
        chapters.check_outputs(notebook, "try")
    picture = nbformat.v4.new_output("display_data", data={"image/png": "AAAA"})
    cell.outputs = [picture]
    with pytest.raises(chapters.ChapterError, match="alt="):
        chapters.check_outputs(notebook, "try")
    cell.metadata["alt"] = "A face"
    chapters.check_outputs(notebook, "try")
