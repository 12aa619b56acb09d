"""One training loop for every model: it shows itself, saves itself, resumes and knows when to stop.

Batch number k is a pure function of k, so a training that was killed goes on as if nothing had
happened.
"""

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from deepfake_lesson.augment import Batches
from deepfake_lesson.checkpoints import (
    Checkpoint,
    Trainee,
    read_config,
    remove_model,
    restore_checkpoint,
    save_checkpoint,
    write_config,
)
from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.files import folder_lock
from deepfake_lesson.images import draw_figure, write_image
from deepfake_lesson.models import keras

ROW_STEPS = 10  # steps between two rows of the history
ATTEMPTS = 3  # how often a training may diverge before it gives up
FIRST_PREVIEW = 32  # from this step on, every time the number of steps has doubled


@dataclass(frozen=True)
class TrainingReport:
    """What one call of `fit` did.

    step: steps of the model in all. steps: of them in this call. loss: mean of the last ROW_STEPS.
    waiting_share: share of the time that the network waited for pictures. reason: "steps",
    "minutes" or "loss", whichever ended it. peak_gigabytes: the most memory that the process has
    held so far, None where the system does not tell.
    """

    folder: str
    step: int
    steps: int
    seconds: float
    loss: float
    pictures_per_second: float
    waiting_share: float
    reason: str
    peak_gigabytes: float | None = None


@dataclass(frozen=True)
class Limits:
    """When a training ends: whichever comes first.

    steps: of the model in all. minutes: of this call. loss: mean of the last ROW_STEPS steps.
    """

    steps: int | None = None
    minutes: float | None = None
    loss: float | None = None

    def __post_init__(self):
        if self.steps is None and self.minutes is None:
            raise LessonError("training", "has no end", "Give a number of steps or minutes.")
        for name, value in asdict(self).items():
            if value is not None and not value > 0:
                raise LessonError(name, f"{value} is not positive", "Give a larger number.")

    def reached(self, step: int, seconds: float, loss: float) -> str | None:
        """The name of a limit that is reached."""
        if self.steps is not None and step >= self.steps:
            return "steps"
        if self.minutes is not None and seconds >= 60 * self.minutes:
            return "minutes"
        return "loss" if self.loss is not None and loss <= self.loss else None

    def share(self, step: int, seconds: float) -> float:
        """How much of the way to the nearer of steps and minutes is done, in [0, 1]."""
        by_step = step / self.steps if self.steps else 0.0
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_step, by_time))


class Diverged(Exception):
    """The loss or a weight is no longer a number."""


def check_step(batch_size: int, learning_rate: float, usual_batch: int) -> None:
    """Raise LessonError unless a step has pictures and a rate that can be learnt with."""
    if batch_size < 1:
        raise LessonError("batch_size", f"{batch_size} is less than 1", f"Try {usual_batch}.")
    if not 0 < learning_rate < 1:
        raise LessonError("learning_rate", f"{learning_rate} is not in 0..1", "Try 2e-4.")


def supervised(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    loss: Any,
    name: str = "model",
    loss_weights: list[float] | None = None,
) -> Trainee:
    """A model that learns targets from inputs: a batch is (inputs, targets[, sample_weights]).

    loss, loss_weights: as for `keras.Model.compile`; without a loss the model computes its own.
    name: of the weights in the model folder.
    """
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss, loss_weights, jit_compile=False)

    def step(batch: tuple) -> dict[str, float]:
        model.reset_metrics()  # else Keras returns the mean since the beginning
        return model.train_on_batch(*batch, return_dict=True)

    return Trainee({name: model}, {"optimizer": optimizer}, step)


def fit(
    folder: str | Path,
    kind: str,
    settings: dict,
    trainee: Trainee,
    make_batch: Callable[[int], tuple],
    limits: Limits,
    preview: Callable[[], np.ndarray] | None = None,
    fresh: bool = False,
    checkpoint_seconds: float = 30.0,
    progress: bool = True,
    watch: Callable[[np.ndarray], None] | None = None,
    epoch: int | None = None,
    measure: Callable[[], dict[str, float]] | None = None,
) -> TrainingReport:
    """Train in a model folder until a limit is reached, from where the folder has come to.

    kind, settings: what config.json says; when resuming it must say the same. make_batch(step) is
    called in threads and must depend on nothing but `step`. preview() returns an RGB uint8 picture
    of what the model can do, written with every checkpoint (preview/latest.png) and, with the
    number of steps, each time it has doubled. fresh: forget what is in the folder. watch: is given
    every preview too, to show it. epoch: so many steps also bring a preview. measure(): scores on
    what is held out, taken at the beginning and every epoch; the history repeats the last ones.

    Ctrl-C ends the step, saves, and raises KeyboardInterrupt. When the loss is no longer a number,
    the last checkpoint is taken up again at half the learning rate, until the ATTEMPTS are spent.

    Raises BusyError, ModelError, DiskFullError, and LessonError when it keeps diverging.
    """
    folder = Path(folder)
    with folder_lock(folder, "a training"), _ctrl_c() as stop_asked:
        shown = preview, watch, epoch, measure
        run = _Run(folder, trainee, limits, shown, checkpoint_seconds, stop_asked)
        run.begin(kind, settings, fresh)
        with _progress_bar(progress) as run.bar:
            return run.until_a_limit(make_batch)


class _Run:
    """One call of `fit`: what it works on, and how far it has come."""

    def __init__(
        self,
        folder: Path,
        trainee: Trainee,
        limits: Limits,
        shown: tuple,
        checkpoint_seconds: float,
        stop_asked: threading.Event,
    ):
        self.folder, self.trainee, self.limits = folder, trainee, limits
        self.preview, self.watch, self.epoch, self.measure = shown
        self.checkpoint_seconds, self.stop_asked = checkpoint_seconds, stop_asked
        self.checkpoint, self.bar = Checkpoint(), None
        self.recent: list[dict[str, float]] = []
        self.pictures, self.waiting_share = 0, 0.0

    def begin(self, kind: str, settings: dict, fresh: bool) -> None:
        """Resume the folder's model, or write the first checkpoint of a new one."""
        if fresh:
            remove_model(self.folder)
        if not (self.folder / "config.json").exists():
            write_config(self.folder, kind, settings)
        elif read_config(self.folder, kind) != json.loads(json.dumps(settings)):
            problem = "holds a model with other settings or people"
            raise ModelError(self.folder, problem, "Add --fresh, or choose another folder.")
        if restored := restore_checkpoint(self.folder, self.trainee):
            self.checkpoint = restored
        else:
            save_checkpoint(self.folder, self.trainee, self.checkpoint)
        self.first_step, self.earlier = self.checkpoint.step, self.checkpoint.seconds
        if self.measure and not self.checkpoint.scores:
            self.checkpoint.scores = self.measure()
        self.began = self.row_began = self.saved = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def until_a_limit(self, make_batch: Callable[[int], tuple]) -> TrainingReport:
        """Train; after a divergence go back to the last checkpoint and go on more carefully."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with Batches(make_batch, self.checkpoint.step) as batches:
                    reason = self.train(batches)
                    self.waiting_share = batches.waiting_share
                return self.report(reason)
            except Diverged as error:
                if attempt == ATTEMPTS:
                    problem = f"the training diverged {ATTEMPTS} times ({error})"
                    remedy = "Start it --fresh with a lower learning rate."
                    raise LessonError(self.folder, problem, remedy) from None
                self.step_back()
        raise AssertionError("the last attempt returns or raises")

    def train(self, batches: Iterator[tuple]) -> str:
        """Steps, rows and checkpoints until a limit is reached; returns which."""
        while True:
            reason = self.limits.reached(self.checkpoint.step, self.seconds, self.last_loss)
            if reason or self.stop_asked.is_set():
                self.save()
                if reason is None:
                    raise KeyboardInterrupt
                return reason
            batch = next(batches)
            self.note(self.trainee.step(batch), _pictures(batch))
            if time.monotonic() - self.saved >= self.checkpoint_seconds:
                self.save()

    def note(self, losses: dict[str, float], pictures: int) -> None:
        """Count one step and what it lost."""
        if not all(math.isfinite(value) for value in losses.values()):
            raise Diverged(f"its loss is not a number at step {self.checkpoint.step}")
        self.checkpoint.step += 1
        self.pictures += pictures
        self.recent.append(losses)
        step = self.checkpoint.step
        is_epoch = bool(self.epoch) and step % self.epoch == 0
        if is_epoch and self.measure:
            self.checkpoint.scores = self.measure()
        if step % ROW_STEPS == 0:
            self.add_row(pictures)
        if step >= FIRST_PREVIEW and step & (step - 1) == 0:
            self.show(f"{step:06d}.png")
        if is_epoch:
            self.show("latest.png")
        self.show_progress()

    def add_row(self, pictures: int) -> None:
        """Close ROW_STEPS steps with a line of the history."""
        now = time.monotonic()
        rate = pictures * len(self.recent) / (now - self.row_began)
        self.checkpoint.seconds = self.earlier + self.seconds
        names = sorted(self.recent[0], key=lambda name: (name != "loss", name))
        means = {name: np.mean([row[name] for row in self.recent]) for name in names}
        row = {"step": self.checkpoint.step, "seconds": round(self.checkpoint.seconds, 2)}
        row |= {name: float(f"{mean:.6g}") for name, mean in means.items()}
        row["pictures_per_second"] = round(rate, 1)
        scores = {name: float(f"{score:.6g}") for name, score in self.checkpoint.scores.items()}
        self.checkpoint.history.append(row | scores)
        self.recent, self.row_began = [], now

    def save(self) -> None:
        """A checkpoint, the curve and the newest preview; refuses to save what is broken."""
        for name, model in self.trainee.models.items():
            for weight in model.weights:
                if not np.isfinite(keras.ops.convert_to_numpy(weight.value)).all():
                    raise Diverged(f"{name} has weights that are not numbers")
        self.checkpoint.seconds = self.earlier + self.seconds
        save_checkpoint(self.folder, self.trainee, self.checkpoint)
        self.show("latest.png")
        if self.checkpoint.history:
            write_image(self.folder / "preview" / "loss.png", loss_curve(self.checkpoint.history))
        self.saved = time.monotonic()

    def step_back(self) -> None:
        """Take up the last checkpoint again, at half the learning rate unless that falls anyway."""
        self.checkpoint = restore_checkpoint(self.folder, self.trainee)
        for optimizer in self.trainee.optimizers.values():
            with suppress(TypeError):  # a schedule: it cannot be set
                optimizer.learning_rate = float(optimizer.learning_rate) / 2
        save_checkpoint(self.folder, self.trainee, self.checkpoint)
        self.recent, self.row_began = [], time.monotonic()

    def show(self, name: str) -> None:
        if self.preview is None:
            return
        picture = self.preview()
        write_image(self.folder / "preview" / name, picture)
        if self.watch is not None:
            self.watch(picture)

    @property
    def last_loss(self) -> float:
        """Mean loss of the last row, or of the steps before the first row; at first infinite."""
        if self.checkpoint.history:
            return self.checkpoint.history[-1]["loss"]
        return float(np.mean([row["loss"] for row in self.recent])) if self.recent else math.inf

    def show_progress(self) -> None:
        step, rate = self.checkpoint.step, self.pictures / self.seconds
        text = f"step {step}, loss {self.last_loss:.4f}, {rate:.0f} pictures/s"
        self.bar.set_postfix_str(text, refresh=False)
        share = self.limits.share(self.checkpoint.step, self.seconds)
        self.bar.update(share - self.bar.n)

    def report(self, reason: str) -> TrainingReport:
        return TrainingReport(
            folder=str(self.folder),
            step=self.checkpoint.step,
            steps=self.checkpoint.step - self.first_step,
            seconds=self.seconds,
            loss=self.last_loss,
            pictures_per_second=self.pictures / self.seconds,
            waiting_share=self.waiting_share,
            reason=reason,
            peak_gigabytes=_peak_gigabytes(),
        )


def loss_curve(history: Sequence[dict[str, float]]) -> np.ndarray:
    """Picture (400, 640, 3) uint8 of every loss in the history against the steps, log scale."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    figure = Figure((6.4, 4.0), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="steps", ylabel="loss", yscale="log")
    steps = [row["step"] for row in history]
    for name in history[0]:
        if "loss" in name:
            axes.plot(steps, [row[name] for row in history], label=name)
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return draw_figure(figure)


def _peak_gigabytes() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def _pictures(batch: tuple) -> int:
    """How many pictures (H, W, channels) a batch's inputs hold; what else they hold is not one."""
    inputs = batch[0] if isinstance(batch[0], list | tuple) else [batch[0]]
    return sum(len(each) for each in inputs if np.ndim(each) == 4)


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, so that the step in hand is finished; a second one interrupts."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(*_) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _progress_bar(shown: bool) -> tqdm:
    return tqdm(
        total=1.0,
        disable=not shown,
        mininterval=0.2 if sys.stderr.isatty() else 10,
        bar_format="{percentage:3.0f}%|{bar:30}| {elapsed}<{remaining}{postfix}",
    )
