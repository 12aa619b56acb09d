"""Prove that the course runs on Colab: in an environment of the versions that Colab publishes.

    python tools/colab.py                 # chapters 00, 04 and 06
    python tools/colab.py 05              # another
    python tools/colab.py --python 3.13   # with Colab's own Python, where it is installed

In build/colab it makes a virtual environment of tools/colab-constraints.txt, a copy of the
repository as if published, and a kernel that takes the public address for that copy. The
notebooks, which are the students' as they stand, are then executed there one after the other: the
set-up cell of the first installs the course. It fails when a cell fails, when a package that was
there has changed, or when the set-up takes too long.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode

import chapters

HERE = chapters.ROOT / "build" / "colab"
CONSTRAINTS = chapters.ROOT / "tools" / "colab-constraints.txt"
NAMES = ("00", "04", "06")
SETUP_SECONDS = 90
# What talks to the reader's browser, and here finds none.
STUB = {
    "__init__.py": "",
    "output.py": '''def eval_js(script, ignore_result=False, timeout_sec=None):
    """Colab runs the script in the browser; where nobody looks, nothing comes back."""
    raise TimeoutError(f"no browser answered within {timeout_sec} s")
''',
}
# Colab's launcher, too, imports google.colab before the first cell.
LAUNCHER = "import google.colab; from ipykernel import kernelapp; kernelapp.launch_new_instance()"


class ColabError(Exception):
    """What would go wrong on Colab."""


def make_environment(python: str) -> Path:
    """A fresh virtual environment with Colab's versions; returns its Python."""
    venv = HERE / "venv"
    interpreter = venv / "bin" / "python"
    _uv("venv", "--no-python-downloads", "--python", python, str(venv))
    _uv("pip", "install", "--python", str(interpreter), "--requirement", str(CONSTRAINTS))
    (site_packages,) = (venv / "lib").glob("python*/site-packages")
    stub = site_packages / "google" / "colab"
    stub.mkdir(parents=True)
    for name, code in STUB.items():
        (stub / name).write_text(code, encoding="utf-8")
    return interpreter


def publish() -> Path:
    """A bare repository with the files as they are now, committed or not; ignored ones are not."""
    published = HERE / "published.git"
    author = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    git = ["git", f"--git-dir={published}", f"--work-tree={chapters.ROOT}", *author]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
    subprocess.run([*git, "add", "--all"], cwd=chapters.ROOT, check=True)
    message = ["--message", "as it is now", "--allow-empty"]
    subprocess.run([*git, "commit", "--quiet", *message], cwd=chapters.ROOT, check=True)
    return published


def make_kernel(interpreter: Path, published: Path) -> None:
    """A kernel "colab", for which git finds the published address on this machine."""
    start = [str(interpreter), "-Xfrozen_modules=off", "-c", LAUNCHER]
    spec = {
        "argv": [*start, "-f", "{connection_file}"],
        "display_name": "Colab",
        "language": "python",
        "env": {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{published.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": chapters.address(),
            "PIP_NO_CACHE_DIR": "1",  # a new Colab machine has no cache either
            "DEEPFAKE_LESSON_HOME": str(HERE / "home"),
            "DEEPFAKE_LESSON_PRESET": "quick",
        },
    }
    folder = HERE / "kernels" / "colab"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = str(HERE)


def execute(path: Path) -> NotebookNode:
    """Run a student's notebook in the kernel, away from the repository; keep what it shows."""
    notebook = nbformat.read(path, as_version=4)
    content = HERE / "content"
    content.mkdir(exist_ok=True)
    client = NotebookClient(
        notebook,
        kernel_name="colab",
        timeout=chapters.CELL_SECONDS,
        resources={"metadata": {"path": str(content)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError) as error:
        raise ColabError(f"{path.name}: {error}") from error
    finally:
        nbformat.write(notebook, HERE / path.name)
    return notebook


def seconds(cell: NotebookNode) -> float:
    """How long an executed cell took."""
    times = cell.metadata.execution
    start, end = times["iopub.execute_input"], times["shell.execute_reply"]
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def setup_cell(notebook: NotebookNode) -> NotebookNode:
    """The one cell that every chapter starts with."""
    return next(cell for cell in notebook.cells if "setup" in cell.metadata.get("tags", []))


def versions(interpreter: Path) -> dict[str, str]:
    """The installed packages."""
    command = [str(interpreter), "-m", "pip", "list", "--format=json", "--no-index"]
    packages = json.loads(subprocess.check_output(command))
    return {package["name"]: package["version"] for package in packages}


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What was installed and is no longer the same: "name 1.0 -> 2.0", or "-> gone"."""
    return [
        f"{name} {version} -> {after.get(name, 'gone')}"
        for name, version in before.items()
        if after.get(name) != version
    ]


def prove(names: list[str], python: str) -> None:
    """Build the environment and run the chapters in it; raises ColabError."""
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    interpreter = make_environment(python)
    make_kernel(interpreter, publish())
    before = versions(interpreter)
    wanted = [c for c in chapters.all_chapters() if c.name.startswith(tuple(names))]
    for number, chapter in enumerate(wanted):
        notebook = execute(chapter.student)
        total = sum(seconds(cell) for cell in notebook.cells if cell.cell_type == "code")
        setup = seconds(setup_cell(notebook))
        print(f"{chapter.name:<40} {total:4.0f} s, of which set-up {setup:.0f} s", flush=True)
        if number == 0 and setup > SETUP_SECONDS:
            raise ColabError(f"the set-up took {setup:.0f} s; {SETUP_SECONDS} s is the limit")
    after = versions(interpreter)
    if changed := changes(before, after):
        raise ColabError(f"what was there must stay: {', '.join(changed)}")
    added = [f"{name} {after[name]}" for name in after if name not in before]
    print(f"{len(before)} packages as they were; new: {', '.join(added)}")


def _uv(*command: str) -> None:
    if subprocess.run([sys.executable, "-m", "uv", "--quiet", *command]).returncode:
        raise ColabError(f"the environment was not made: uv {' '.join(command)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, help="chapters, by number or name")
    parser.add_argument("--python", default=sys.executable, help="3.13 or a path; else this one")
    wishes = parser.parse_args()
    try:
        prove(wishes.names, wishes.python)
    except ColabError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
