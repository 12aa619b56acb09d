"""The chapters in their order, and the map of them."""

import textwrap
from dataclasses import dataclass
from itertools import pairwise

from deepfake_lesson.plots import COLORS


@dataclass(frozen=True)
class Part:
    """A stretch of the path. chapters: their numbers and short titles, in order."""

    name: str
    color: str
    chapters: dict[int, str]


PARTS = (
    Part(
        "Begin",
        "#888888",
        {
            0: "start here",
            1: "what is a deepfake",
            2: "describing a face",
            3: "finding faces and landmarks",
        },
    ),
    Part(
        "Make",
        COLORS["orange"],
        {
            4: "building a face dataset",
            5: "the face swap autoencoder",
            6: "blending and video",
            7: "sharper swaps",
        },
    ),
    Part(
        "Re-enact and animate",
        COLORS["sky"],
        {8: "re-enactment with pix2pix", 9: "in real time", 10: "first order motion"},
    ),
    Part(
        "Detect and sign", COLORS["green"], {11: "detecting deepfakes", 12: "provenance and ethics"}
    ),
    Part("Go on", "#888888", {13: "what is still hard", 14: "scaling up"}),
)
# Columns and rows of the stations, in the order of the path, which turns at the end of each row.
STATIONS = [
    *((column, 0) for column in range(4)),
    *((column, 1) for column in reversed(range(4))),
    *((column, 2) for column in range(3)),
    *((column, 3) for column in reversed(range(4))),
]


def draw_map():
    """The path through the chapters, as a Matplotlib figure: a band of one colour for each part."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9.6, 7))
    axes.plot(*zip(*_path(), strict=True), color="#444444", linewidth=5, zorder=1)
    for part in PARTS:
        _draw_band(axes, part)
        for number, title in part.chapters.items():
            _draw_station(axes, part, number, title)
    axes.set(xlim=(-0.62, 3.62), ylim=(3.52, -0.48))
    axes.set_axis_off()
    plt.close(figure)  # or the notebook shows it once more
    return figure


def _path() -> list[tuple[float, float]]:
    """The corners of the line through all stations: it changes rows beside the bands."""
    corners: list[tuple[float, float]] = []
    for here, there in pairwise(STATIONS):
        corners.append(here)
        if here[1] != there[1]:
            side = -0.53 if here[0] == 0 else 3.53
            corners += [(side, here[1]), (side, there[1])]
    return [*corners, STATIONS[-1]]


def _draw_band(axes, part: Part) -> None:
    from matplotlib.patches import FancyBboxPatch

    stations = [STATIONS[number] for number in part.chapters]
    left, right = min(x for x, _ in stations) - 0.4, max(x for x, _ in stations) + 0.4
    top = stations[0][1] - 0.42
    axes.add_patch(
        FancyBboxPatch(
            (left, top), right - left, 0.88, "round,pad=0,rounding_size=0.08",
            facecolor=part.color, edgecolor="none", alpha=0.22, zorder=0,
        )
    )  # fmt: skip
    axes.text(left + 0.06, top + 0.05, part.name, va="top", fontsize=14, fontweight="bold")


def _draw_station(axes, part: Part, number: int, title: str) -> None:
    x, y = STATIONS[number]
    disc = {"boxstyle": "circle,pad=0.35", "facecolor": part.color, "edgecolor": "black"}
    axes.text(x, y, f"{number:02d}", ha="center", va="center", fontweight="bold", bbox=disc)
    lines = "\n".join(textwrap.wrap(title, 17))
    axes.text(x, y + 0.2, lines, ha="center", va="top", fontsize=12, linespacing=1.05)
