"""Real or fake? Pictures one after the other, the answers to them, and how good they are.

    quiz = Quiz(pictures, is_fake)
    quiz                                     # in a notebook: a picture and two buttons
    quiz.answer(True)                        # the same without buttons: "this one is fake"
    score(quiz.is_fake, quiz.answers)

Only what ipywidgets 7 (Colab) and 8 (JupyterLab) have in common is used. Where nothing can be
pressed, as in a saved notebook, all the pictures stand with their numbers.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import NormalDist
from typing import Any

import ipywidgets
import numpy as np

from deepfake_lesson import plots
from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import draw_figure, fit
from deepfake_lesson.plots import Picture

SHOWN = 400  # pixels of the longer side of the picture that is asked for
COLUMNS, SMALL = 4, 195  # of the sheet with all pictures, and pixels of each


@dataclass(frozen=True)
class Score:
    """Four counts. "Positive" is fake: a hit is a fake called fake, a false alarm a real one.

    As from `score`, with at least one fake and one real picture: the rates divide by their numbers.
    """

    hits: int
    misses: int
    false_alarms: int
    correct_rejections: int

    @property
    def total(self) -> int:
        """How many pictures were asked about."""
        return self.hits + self.misses + self.false_alarms + self.correct_rejections

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return (self.hits + self.correct_rejections) / self.total

    @property
    def hit_rate(self) -> float:
        """Share of the fakes that were called fake."""
        return self.hits / (self.hits + self.misses)

    @property
    def false_alarm_rate(self) -> float:
        """Share of the real pictures that were called fake."""
        return self.false_alarms / (self.false_alarms + self.correct_rejections)

    @property
    def d_prime(self) -> float:
        """How well fake and real are told apart, in standard deviations; 0 is guessing.

        The difference of the z-values of hit rate and false alarm rate. Half an answer is added to
        each count, as Hautus (1995) advises, since a rate of 0 or 1 has no z-value.
        """
        fakes, reals = self.hits + self.misses, self.false_alarms + self.correct_rejections
        z = NormalDist().inv_cdf
        return z((self.hits + 0.5) / (fakes + 1)) - z((self.false_alarms + 0.5) / (reals + 1))

    @property
    def by_chance(self) -> float:
        """Probability (0..1) that a tossed coin has at least as many right answers.

        The upper tail of the binomial distribution: a one-sided exact test.
        """
        right = self.hits + self.correct_rejections
        ways = sum(comb(self.total, number) for number in range(right, self.total + 1))
        return ways / 2**self.total


def score(is_fake: Sequence[bool], said_fake: Sequence[bool]) -> Score:
    """Count answers against the truth; both are equally long.

    Raises:
        LessonError: for unequal lengths, or without a fake or without a real picture.
    """
    if len(is_fake) != len(said_fake):
        problem = f"{len(said_fake)} answers to {len(is_fake)} pictures"
        raise LessonError("the quiz", problem, "Give one answer for each picture.")
    fake, said = np.asarray(is_fake, bool), np.asarray(said_fake, bool)
    if fake.all() or not fake.any():
        problem = "it needs fakes and real pictures"
        raise LessonError("the quiz", problem, "Ask about pictures of both kinds.")
    counts = (fake & said, fake & ~said, ~fake & said, ~fake & ~said)
    return Score(*(int(count.sum()) for count in counts))


def confusion(scores: Mapping[str, Score]) -> Picture:
    """A table of the four counts for each player, side by side; right answers are green.

    scores: player -> `Score`, at least one.
    """
    from matplotlib.figure import Figure

    figure = Figure((3 * len(scores), 3), dpi=96, layout="constrained")
    for axes, (player, result) in zip(
        figure.subplots(1, len(scores), squeeze=False)[0], scores.items(), strict=True
    ):
        _draw_table(axes, result)
        axes.set_title(f"{player}: {result.accuracy:.0%} right", fontsize=13)
    return Picture(draw_figure(figure))


def _draw_table(axes, result: Score) -> None:
    """Rows: what it was. Columns: what was said."""
    counts = [
        [result.hits, result.misses],
        [result.false_alarms, result.correct_rejections],
    ]
    for row, column in np.ndindex(2, 2):
        color = plots.COLORS["green" if row == column else "orange"]
        look = {"facecolor": color, "alpha": 0.35, "edgecolor": "white", "linewidth": 3}
        axes.add_patch(_square(column, row, look))
        count = str(counts[row][column])
        axes.text(column, row, count, ha="center", va="center", fontsize=22)
    axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), aspect="equal")
    axes.set_xticks([0, 1], ["said fake", "said real"])
    axes.set_yticks([0, 1], ["fake", "real"])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _square(column: int, row: int, look: dict[str, Any]):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, **look)


class Quiz:
    """Pictures, and what somebody thinks of them; a notebook shows it with buttons.

    Args:
        pictures: RGB uint8 (H, W, 3) each, of any sizes; at least one.
        is_fake: the truth about each of them.
        rng: shuffles them; they keep their order if it is not given.

    Attributes:
        pictures, is_fake: in the order in which they are asked.
        answers: True for "fake", False for "real", as many as were given so far.
        message, image, buttons: the widgets ("real" is the first button); box: all of them.

    Raises:
        LessonError: no picture, or not as many truths as pictures.
    """

    def __init__(
        self,
        pictures: Sequence[np.ndarray],
        is_fake: Sequence[bool],
        rng: np.random.Generator | None = None,
    ) -> None:
        if len(pictures) != len(is_fake) or not len(pictures):
            problem = f"{len(pictures)} pictures and {len(is_fake)} truths"
            raise LessonError("the quiz", problem, "Give one truth for each picture.")
        order = range(len(pictures)) if rng is None else rng.permutation(len(pictures))
        self.pictures = [pictures[i] for i in order]
        self.is_fake = [bool(is_fake[i]) for i in order]
        self.answers: list[bool] = []
        self.image = ipywidgets.Image(
            format="jpeg", layout={"align_self": "flex-start", "max_width": "100%"}
        )
        self.message = ipywidgets.HTML()
        self.buttons = [ipywidgets.Button(description=word) for word in ("real", "fake")]
        for button in self.buttons:
            button.on_click(lambda pressed: self.answer(pressed.description == "fake"))
        row = ipywidgets.HBox(self.buttons)
        self.box = ipywidgets.VBox([self.message, self.image, row])
        self._update()

    @property
    def done(self) -> bool:
        """Whether every picture has its answer."""
        return len(self.answers) == len(self.pictures)

    def answer(self, said_fake: bool) -> None:
        """Answer the picture that is shown; when all have been answered, nothing happens."""
        if not self.done:
            self.answers.append(bool(said_fake))
            self._update()

    def sheet(self, reveal: bool = False) -> Picture:
        """All pictures with their numbers, and what they are if `reveal`."""
        labels = [str(number) for number in range(1, len(self.pictures) + 1)]
        if reveal:
            words = ["fake" if fake else "real" for fake in self.is_fake]
            labels = [f"{number}: {word}" for number, word in zip(labels, words, strict=True)]
        return plots.gallery(self.pictures, labels, COLUMNS, SMALL)

    def _update(self) -> None:
        """Show the picture that is asked for, or at the end all of them with the truth."""
        number, total = len(self.answers), len(self.pictures)
        for button in self.buttons:
            button.disabled = self.done
        if self.done:
            right = sum(a == b for a, b in zip(self.answers, self.is_fake, strict=True))
            self.message.value = f"<b>{right} of {total} are right.</b> Go on with the next cell."
            self.image.value = self.sheet(reveal=True).jpeg()
        else:
            self.message.value = f"Picture {number + 1} of {total}. Real or fake?"
            self.image.value = Picture(fit(self.pictures[number], SHOWN)).jpeg()

    def __repr__(self) -> str:
        return f"quiz of {len(self.pictures)} pictures, {len(self.answers)} of them answered"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {
            "text/plain": repr(self),
            "application/vnd.jupyter.widget-view+json": view,
            "image/jpeg": base64.b64encode(self.sheet().jpeg()).decode(),
        }
