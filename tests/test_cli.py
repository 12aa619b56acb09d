"""The command line: what it prints, writes and returns."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deepfake_lesson.cli import app

COMMANDS = {
    "studio": ["--seed", "--seconds", "--out"],
    "person new": ["--name", "--basis", "--media"],
    "extract": [
        "--detector",
        "--want",
        "--refuse",
        "--threshold",
        "--fps",
        "--rotate",
        "--min-sharpness",
        "--jobs",
    ],
    "train": ["--model", "--preset", "--steps", "--minutes", "--fresh"],
    "convert": [
        "--model",
        "--to",
        "--out",
        "--mask",
        "--erosion",
        "--feather",
        "--seamless",
        "--color",
        "--sharpen",
        "--frames",
        "--discard-others",
        "--no-label",
    ],
    "swap": ["--out", "--model", "--preset", "--steps", "--minutes", "--no-label"],
    "evaluate": ["--a", "--b", "--truth"],
    "verify": ["--json"],
    "doctor": ["--json"],
}


def run(*arguments):
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command):
    shown = run(*command.split(), "--help")
    assert shown.exit_code == 0
    assert "Examples:" in shown.stdout
    assert f"deepfake-lesson {command}" in shown.stdout
    for option in [*COMMANDS[command], "--json"]:
        assert option in shown.stdout


def test_help_lists_every_command_and_loads_nothing_heavy():
    code = (
        "import json, sys, deepfake_lesson.cli as cli\n"
        "try: cli.app(['--help'])\n"
        "except SystemExit: print(json.dumps(list(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    *shown, modules = ran.stdout.splitlines()
    assert all(command.split()[0] in "\n".join(shown) for command in COMMANDS)
    heavy = {
        "tensorflow",
        "keras",
        "dlib",
        "mtcnn",
        "numba",
        "cv2",
        "c2pa",
        "skimage",
        "matplotlib",
    }
    assert not heavy & set(json.loads(modules))
