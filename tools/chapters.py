"""Make the notebooks of the course from their one source, chapters/source.

    python tools/chapters.py             # those whose source or part of the package changed
    python tools/chapters.py 05 06       # these, changed or not
    python tools/chapters.py --all

A source NN_name.py (jupytext's py:percent) becomes chapters/NN_name.ipynb, executed in the quick
preset, with stubs for exercises, and chapters/solutions/NN_name.ipynb with the answers in.
"""

import argparse
import ast
import hashlib
import os
import re
import sys
import tomllib
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).parent.parent
CHAPTERS = ROOT / "chapters"
SOURCE = CHAPTERS / "source"
PACKAGE = ROOT / "deepfake_lesson"
SETUP = SOURCE / "_setup.py"
CELL_SECONDS = 120
LARGEST = 1_500_000  # bytes of a notebook
STUB = "raise NotImplementedError  # your answer instead of this line"
# What nbgrader wants to know about a cell, where the source does not say it.
GRADING = {"schema_version": 3, "grade": False, "locked": False, "solution": False, "task": False}


class ChapterError(Exception):
    """A chapter that cannot be made as it is; the message says which, and why."""


@dataclass(frozen=True)
class Exercise:
    """A solution and the cell that checks it, as code."""

    name: str
    points: float
    solution: str
    check: str


@dataclass(frozen=True)
class Chapter:
    """One chapter: its source, and what is made of it."""

    name: str

    @property
    def source(self) -> Path:
        return SOURCE / f"{self.name}.py"

    @property
    def student(self) -> Path:
        return CHAPTERS / f"{self.name}.ipynb"

    @property
    def solutions(self) -> Path:
        return CHAPTERS / "solutions" / f"{self.name}.ipynb"

    def notebook(self) -> NotebookNode:
        """The whole chapter, answers and hidden tests included, not executed."""
        notebook = jupytext.read(self.source, fmt="py:percent")
        notebook.metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python", "file_extension": ".py"},
        }
        notebook.nbformat_minor = 5
        _fill_in(notebook, self.name)
        _give_ids(notebook)
        return notebook

    def exercises(self) -> list[Exercise]:
        """The exercises in order; each solution is followed by its check."""
        cells = [cell for cell in self.notebook().cells if "nbgrader" in cell.metadata]
        solutions = [cell for cell in cells if cell.metadata.nbgrader.solution]
        checks = [cell for cell in cells if cell.metadata.nbgrader.grade]
        code = [(s, c) for s, c in zip(solutions, checks, strict=True) if s.cell_type == "code"]
        return [
            Exercise(s.metadata.nbgrader.grade_id, c.metadata.nbgrader.points, s.source, c.source)
            for s, c in code
        ]

    def fingerprint(self) -> str:
        """A hash of all that the executed chapter depends on."""
        digest = hashlib.sha256()
        texts = [self.source, SETUP, *package_files(self.source.read_text(encoding="utf-8"))]
        for path in [*texts, *sorted((PACKAGE / "weights").rglob("*.h5"))]:
            digest.update(path.read_bytes())
        digest.update(address().encode())
        return digest.hexdigest()[:16]

    def is_current(self) -> bool:
        """Whether both notebooks were made from the source and the package as they are."""
        paths = (self.student, self.solutions)
        return all(path.exists() and made_of(path) == self.fingerprint() for path in paths)


def all_chapters() -> list[Chapter]:
    """Every chapter in order."""
    return [Chapter(path.stem) for path in sorted(SOURCE.glob("[0-9][0-9]_*.py"))]


def address() -> str:
    """Where the repository is published: the one setting, in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/")


def badges(name: str) -> str:
    """The line of links under a chapter's title."""
    path = address().split("://", 1)[1].split("/", 1)[1]
    colab = f"https://colab.research.google.com/github/{path}/blob/main/chapters/{name}.ipynb"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"
        f" · [source]({address()}/blob/main/chapters/source/{name}.py)"
    )


def made_of(path: Path) -> str:
    """The fingerprint that a notebook was made of."""
    notebook = nbformat.read(path, as_version=4)
    return notebook.metadata.get("deepfake_lesson", {}).get("made_of", "")


def package_files(code: str) -> list[Path]:
    """The modules of the package that the code imports, and those that they import, sorted."""
    found: set[Path] = set()
    waiting = _imported_files(code, PACKAGE.parent)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting |= _imported_files(path.read_text(encoding="utf-8"), path.parent)
    return sorted(found)


def student_version(notebook: NotebookNode) -> NotebookNode:
    """Without answers and hidden tests, as nbgrader would release it."""
    from nbgrader.preprocessors import ClearSolutions

    student, _ = ClearSolutions(code_stub={"python": STUB}).preprocess(deepcopy(notebook), {})
    return without_hidden_tests(student)


def solutions_version(notebook: NotebookNode) -> NotebookNode:
    """With answers and hidden tests, and links that lead out of the folder of solutions."""
    solutions = deepcopy(notebook)
    for cell in solutions.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((?![a-z]+:|#)", "](../", cell.source)
    return solutions


def without_hidden_tests(notebook: NotebookNode) -> NotebookNode:
    """A copy whose checks end with what they answer."""
    from nbgrader.preprocessors import ClearHiddenTests

    return ClearHiddenTests().preprocess(deepcopy(notebook), {})[0]


def execute(notebook: NotebookNode) -> None:
    """Run all cells in order in the quick preset; raises ChapterError at the first that fails."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    os.environ["DEEPFAKE_LESSON_PRESET"] = "quick"  # the kernel is a child
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(CHAPTERS)}},
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError) as error:
        raise ChapterError(str(error)) from error


def make(chapter: Chapter) -> None:
    """Make and execute both notebooks of a chapter.

    Exercises stand on the set-up cell and the package alone, so the answers are executed without
    the rest of the chapter, whose outputs are the student's.
    """
    whole, made_of = chapter.notebook(), chapter.fingerprint()
    student = student_version(whole)
    execute(student)
    answers = without_hidden_tests(whole)
    answers.cells = [cell for cell in answers.cells if _is_needed(cell)]
    execute(answers)
    _write(student, chapter.student, _outputs(student), made_of)
    solutions = solutions_version(whole)
    _write(solutions, chapter.solutions, _outputs(student) | _outputs(answers), made_of)


def check_outputs(notebook: NotebookNode, name: str) -> None:
    """Raise ChapterError for what no reader should see: warnings, errors, pictures without alt."""
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        first = cell.source.splitlines()[0] if cell.source else ""
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise ChapterError(f"{name}: '{first}' writes to stderr: {output.text[:500]}")
            if "WARNING" in output.get("text", ""):
                raise ChapterError(f"{name}: '{first}' prints a warning: {output.text[:500]}")
            if output.output_type == "error":
                raise ChapterError(f"{name}: '{first}' ends in {output.ename}: {output.evalue}")
            if _is_picture(output) and not cell.metadata.get("alt"):
                raise ChapterError(
                    f"{name}: '{first}' shows a picture; add alt=\"...\" to its # %%"
                )


def _fill_in(notebook: NotebookNode, name: str) -> None:
    """Put in what is the same everywhere: badges, the set-up cell, nbgrader's fields."""
    title = notebook.cells[0]
    head, _, rest = title.source.partition("\n")
    title.source = f"{head}\n\n{badges(name)}\n{rest}"
    for cell in notebook.cells:
        if "setup" in cell.metadata.get("tags", []):
            cell.source = SETUP.read_text(encoding="utf-8").replace("{address}", address()).strip()
        if alt := cell.metadata.get("alt"):
            cell.metadata["mystnb"] = {"image": {"alt": alt}}
        if grading := cell.metadata.get("nbgrader"):
            cell.metadata["nbgrader"] = GRADING | {"locked": grading.get("grade", False)} | grading
    if sum("setup" in cell.metadata.get("tags", []) for cell in notebook.cells) != 1:
        raise ChapterError(f'{name}: needs one cell `# %% tags=["setup"]`')


def _give_ids(notebook: NotebookNode) -> None:
    """Ids that follow from the text, so that a chapter made again differs only where it changed."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] += 1
        cell.id = f"{digest}-{seen[digest]}"


def _is_needed(cell: NotebookNode) -> bool:
    """Whether solutions depend on the cell: the set-up and the exercises themselves."""
    return "nbgrader" in cell.metadata or "setup" in cell.metadata.get("tags", [])


def _tidy(output: NotebookNode, cell: NotebookNode) -> NotebookNode | None:
    """An output as it is kept: no progress bars, pictures for widgets, alternative text."""
    if output.get("name") == "stderr":
        lines = output.text.replace("\r", "\n").splitlines()
        kept = [line for line in lines if line.strip() and not re.search(r"\d+%\|", line)]
        output.text = "\n".join(kept)
        return output if kept else None
    data = output.get("data", {})
    data.pop("application/vnd.jupyter.widget-view+json", None)
    if _is_picture(output):
        kinds = [kind for kind in data if kind.startswith("image/")]
        output.metadata |= {kind: {"alt": cell.metadata.get("alt", "")} for kind in kinds}
    return output


def _is_picture(output: NotebookNode) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def _outputs(notebook: NotebookNode) -> dict[str, list[NotebookNode]]:
    """What the code cells of an executed notebook show, by cell id."""
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def _write(notebook: NotebookNode, path: Path, outputs: dict, made_of: str) -> None:
    """Put the outputs in, check what the reader will see, and write the notebook."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        tidied = [_tidy(deepcopy(output), cell) for output in outputs[cell.id]]
        cell.outputs = [output for output in tidied if output]
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    notebook.metadata["deepfake_lesson"] = {"made_of": made_of}
    check_outputs(notebook, path.stem)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    if len(text) > LARGEST:
        raise ChapterError(f"{path.name} has {len(text) / 1e6:.1f} MB: show fewer or smaller ones")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _imported_files(code: str, here: Path) -> set[Path]:
    """Files of the package named by the import statements of code that stands in folder `here`."""
    names = set()
    for node in ast.walk(_parsed(code)):
        if isinstance(node, ast.Import):
            names |= {(PACKAGE.parent, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = here if node.level else PACKAGE.parent
            for _ in range(node.level - 1):
                start = start.parent
            module = node.module or ""
            names |= {(start, f"{module}.{alias.name}".lstrip(".")) for alias in node.names}
            names.add((start, module))
    found = set()
    for start, name in names:
        path = start.joinpath(*name.split("."))
        if path == PACKAGE or PACKAGE in path.parents:
            candidates = (path.with_suffix(".py"), path / "__init__.py")
            found |= {candidate for candidate in candidates if candidate.is_file()}
    return found


@cache
def _parsed(code: str) -> ast.Module:
    return ast.parse(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="chapters, by number or name; else what changed")
    parser.add_argument("--all", action="store_true", help="execute every chapter")
    wishes = parser.parse_args()
    for chapter in all_chapters():
        wanted = wishes.all or any(chapter.name.startswith(name) for name in wishes.names)
        if not wanted and (wishes.names or chapter.is_current()):
            continue
        print(f"{chapter.name} ...", flush=True)
        try:
            make(chapter)
        except ChapterError as error:
            sys.exit(f"{chapter.name}: {error}")


if __name__ == "__main__":
    main()
