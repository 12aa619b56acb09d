"""The training loop: it resumes exactly, survives what happens to it, and says what it did."""

import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from deepfake_lesson.checkpoints import load_weights, read_config
from deepfake_lesson.errors import BusyError, DiskFullError, LessonError, ModelError
from deepfake_lesson.fitting import Limits, fit, loss_curve, supervised
from deepfake_lesson.images import read_image

SETTINGS = {"task": "a line", "numbers": [1, 2.5]}


def line_batch(step: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of y = 3 x0 - 2 x1 + 1."""
    x = np.random.default_rng(step).normal(size=(8, 2)).astype(np.float32)
    return x, x @ np.float32([[3], [-2]]) + 1


def line_trainee(optimizer=None, units: int = 4):
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(units, "tanh", kernel_initializer=keras.initializers.HeNormal(1)),
            keras.layers.Dense(1, kernel_initializer=keras.initializers.HeNormal(2)),
        ]
    )
    return supervised(model, optimizer or keras.optimizers.Adam(0.01), "mse", "line")


def run(folder, trainee=None, limits=None, settings=SETTINGS, make_batch=line_batch, **options):
    options = {"progress": False} | options
    limits = limits or Limits(steps=20)
    return fit(folder, "line", settings, trainee or line_trainee(), make_batch, limits, **options)


def saved_weights(folder) -> list[np.ndarray]:
    trainee = line_trainee()
    load_weights(folder, trainee.models)
    return trainee.models["line"].get_weights()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return folder


def test_training_learns(tmp_path):
    first = run(tmp_path, limits=Limits(steps=10)).loss
    report = run(tmp_path, limits=Limits(steps=300))
    assert report.loss < first / 10
    assert (report.step, report.steps, report.reason) == (300, 290, "steps")


def test_a_training_in_two_calls_is_the_training_in_one(tmp_path, uninterrupted):
    run(tmp_path, limits=Limits(steps=7))
    report = run(tmp_path)
    assert (report.step, report.steps) == (20, 13)
    for resumed, whole in zip(saved_weights(tmp_path), saved_weights(uninterrupted), strict=True):
        np.testing.assert_array_equal(resumed, whole)


def test_ctrl_c_finishes_the_step_and_saves_it(tmp_path, uninterrupted):
    trainee = line_trainee()

    def interrupted(batch):
        if trainee.optimizers["optimizer"].iterations == 5:
            signal.raise_signal(signal.SIGINT)
        return trainee.step(batch)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, replace(trainee, step=interrupted))
    assert signal.getsignal(signal.SIGINT) == before
    assert run(tmp_path).steps == 14
    for resumed, whole in zip(saved_weights(tmp_path), saved_weights(uninterrupted), strict=True):
        np.testing.assert_array_equal(resumed, whole)


def test_kill_9_loses_nothing_that_was_saved(tmp_path):
    """A process that saves after every step is killed at any moment, and its training resumed."""
    script = f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1])!r}]
        from test_fitting import Limits, run
        run({str(tmp_path / "killed")!r}, limits=Limits(steps=10**6), checkpoint_seconds=0)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    folder = tmp_path / "killed"
    deadline = time.monotonic() + 120
    while not list(folder.glob("line-00000[3-9].weights.h5")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.003)
    process.kill()
    process.wait()

    saved = run(folder, limits=Limits(steps=1)).step
    assert saved >= 2
    run(folder, limits=Limits(steps=saved + 5))
    run(tmp_path / "whole", limits=Limits(steps=saved + 5))
    resumed, whole = saved_weights(folder), saved_weights(tmp_path / "whole")
    for one, other in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folder_that_was_trained_enough_is_left_alone(uninterrupted):
    report = run(uninterrupted, limits=Limits(steps=10))
    assert (report.step, report.steps, report.reason) == (20, 0, "steps")


def test_fresh_forgets_the_model_and_nothing_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path, limits=Limits(steps=8))
    report = run(tmp_path, limits=Limits(steps=5), settings={"task": "anew"}, fresh=True)
    assert report.steps == 5 and read_config(tmp_path, "line") == {"task": "anew"}
    assert len(list(tmp_path.glob("*.weights.h5"))) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_minutes_end_a_training(tmp_path):
    report = run(tmp_path, limits=Limits(minutes=0.01))
    assert report.reason == "minutes" and 0.6 <= report.seconds < 5


def test_a_good_loss_ends_a_training(tmp_path):
    report = run(tmp_path, limits=Limits(steps=5000, loss=0.5))
    assert report.reason == "loss" and report.loss <= 0.5 and report.step < 5000


@pytest.mark.parametrize("wrong", [{}, {"steps": 0}, {"minutes": -1}, {"steps": 5, "loss": 0}])
def test_limits_without_an_end_are_refused(wrong):
    with pytest.raises(LessonError):
        Limits(**wrong)


def test_sample_weights_are_a_third_part_of_a_batch(tmp_path):
    def ignored(step):
        x, y = line_batch(step)
        return x, y, np.zeros(len(x), np.float32)

    start = line_trainee().models["line"].get_weights()
    run(tmp_path, make_batch=ignored, limits=Limits(steps=5))
    for before, after in zip(start, saved_weights(tmp_path), strict=True):
        np.testing.assert_array_equal(before, after)


class OneWeight(keras.Model):
    """y = w, so that gradient descent on the square of y - 1 multiplies the error by 1 - 2 rate."""

    def __init__(self):
        super().__init__()
        self.w = self.add_weight(shape=(1,), initializer="zeros")
        self.built = True

    def call(self, x):
        return keras.ops.zeros_like(x) + self.w


def one_batch(step):
    return np.zeros((4, 1), np.float32), np.ones((4, 1), np.float32)


def test_a_divergence_is_taken_back_and_the_learning_rate_halved(tmp_path):
    """At 1.5 the error grows by -2 a step and overflows; at 0.75 it shrinks by -0.5."""
    trainee = supervised(OneWeight(), keras.optimizers.SGD(1.5), "mse", "line")
    report = run(tmp_path, trainee, Limits(steps=200), make_batch=one_batch)
    assert float(trainee.optimizers["optimizer"].learning_rate) == 0.75
    assert report.step == 200 and report.loss < 1e-6
    rows = (tmp_path / "history.csv").read_text().splitlines()[1:]
    assert [float(row.split(",")[0]) for row in rows] == list(range(10, 201, 10))


def test_a_divergence_under_a_schedule_is_taken_back(tmp_path):
    """The first batch of all is spoilt, its second reading is not."""
    schedule = keras.optimizers.schedules.InverseTimeDecay(0.5, 100, 1)
    trainee = supervised(OneWeight(), keras.optimizers.SGD(schedule), "mse", "line")
    spoilt = [False, True]

    def make_batch(step):
        x, y = one_batch(step)
        return x, y * (np.nan if step == 0 and spoilt.pop() else 1)

    report = run(tmp_path, trainee, Limits(steps=50), make_batch=make_batch)
    assert report.step == 50 and report.loss < 1e-6


def test_a_training_that_keeps_diverging_stops_and_leaves_the_last_good_weights(tmp_path):
    trainee = supervised(OneWeight(), keras.optimizers.SGD(1e20), "mse", "line")
    with pytest.raises(LessonError, match=r"diverged 3 times.*--fresh with a lower"):
        run(tmp_path, trainee, Limits(steps=200), make_batch=one_batch)
    fresh = OneWeight()
    load_weights(tmp_path, {"line": fresh})
    np.testing.assert_array_equal(fresh.w, [0.0])


def test_two_trainings_in_one_folder_are_refused(tmp_path):
    trainee = line_trainee()

    def meanwhile(batch):
        with pytest.raises(BusyError, match="training is already running"):
            run(tmp_path)
        return trainee.step(batch)

    assert run(tmp_path, replace(trainee, step=meanwhile), Limits(steps=1)).steps == 1


def test_other_settings_are_refused(uninterrupted):
    with pytest.raises(ModelError, match=r"other settings.*--fresh"):
        run(uninterrupted, settings={"task": "another"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"format": 0, "kind": "line"}', "another version"),
        ('{"format": 1, "kind": "painter"}', "kind 'painter'"),
        ('{"format": 1, "ki', "cut off"),
        ("[1, 2]", "cut off"),
    ],
)
def test_a_config_of_another_version_kind_or_half_of_one_is_refused(tmp_path, text, problem):
    run(tmp_path, limits=Limits(steps=1))
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=problem):
        run(tmp_path)


@pytest.mark.parametrize("name", ["line-*.h5", "state/optimizer-*.npz", "state/checkpoint.json"])
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_file_cut_off_is_named(tmp_path, name, share):
    run(tmp_path, limits=Limits(steps=2))
    (path,) = tmp_path.glob(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=rf"{path.name}: the file is cut off.*--fresh"):
        run(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    run(tmp_path, limits=Limits(steps=2))
    next(tmp_path.glob("line-*.h5")).unlink()
    with pytest.raises(ModelError, match="the file is missing"):
        run(tmp_path)


def test_weights_of_another_network_are_refused(uninterrupted):
    with pytest.raises(ModelError, match="another model"):
        run(uninterrupted, line_trainee(units=5))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # h5py's last words
def test_a_full_disk_leaves_the_last_checkpoint(small_disk):
    """The weights and Adam's two moments fill most of the disk; a second copy does not fit."""
    folder, large = small_disk / "model", 12_000
    with pytest.raises(DiskFullError):
        run(folder, line_trainee(units=large), Limits(steps=1))
    assert not list(folder.rglob("*draft*"))
    trainee = line_trainee(units=large)
    load_weights(folder, trainee.models)
    start = line_trainee(units=large).models["line"].get_weights()
    np.testing.assert_array_equal(trainee.models["line"].get_weights()[0], start[0])


def test_history_previews_and_curve_are_written(tmp_path):
    shown = []

    def preview():
        shown.append(np.full((8, 8, 3), len(shown), np.uint8))
        return shown[-1]

    run(tmp_path, limits=Limits(steps=70), preview=preview)
    names = sorted(path.name for path in (tmp_path / "preview").iterdir())
    assert names == ["000032.png", "000064.png", "latest.png", "loss.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "preview" / "latest.png"), shown[-1])
    header, *rows = (tmp_path / "history.csv").read_text().splitlines()
    assert header.split(",")[:3] == ["step", "seconds", "loss"] and len(rows) == 7


def test_the_loss_curve_falls_where_the_loss_falls():
    falling = [{"step": s, "loss": 1 / s} for s in range(1, 50)]
    picture = loss_curve(falling)
    assert picture.shape == (400, 640, 3) and picture.dtype == np.uint8
    blue = (picture[..., 2].astype(int) - picture[..., 0]) > 60
    line = [np.flatnonzero(blue[:, x]).mean() for x in (150, 300, 450)]
    assert line == sorted(line)


def test_progress_says_loss_and_speed(tmp_path, capsys):
    run(tmp_path, progress=True)
    shown = capsys.readouterr().err
    assert "100%" in shown and "loss" in shown and "pictures/s" in shown
