"""Pictures of how good detectors are, for the benchmark and for chapter 11."""

from collections.abc import Mapping, Sequence

import numpy as np

from deepfake_lesson.detection.evaluation import Reliability
from deepfake_lesson.images import draw_figure


def matrix_figure(names: Sequence[str], makers: Sequence[str], matrix: np.ndarray) -> np.ndarray:
    """Detectors down, makers across, AUC in each field: RGB uint8.

    names, makers, matrix: as `evaluation.cross_manipulation` takes and gives them.
    """
    from matplotlib.figure import Figure

    figure = Figure((1.3 * len(makers) + 3, 0.6 * len(names) + 1.5), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="fakes of", ylabel="learnt from")
    axes.imshow(matrix, vmin=0.3, vmax=1, cmap="cividis", aspect="auto")
    axes.set_xticks(range(len(makers)), makers)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    for (row, column), value in np.ndenumerate(matrix):
        color = "black" if value > 0.7 else "white"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
    return draw_figure(figure)


def calibration_figure(diagrams: Mapping[str, Reliability]) -> np.ndarray:
    """Reliability diagrams, a line for each detector: RGB uint8."""
    from matplotlib.figure import Figure

    figure = Figure((4.5, 4.5), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="p_fake, as said", ylabel="share of fakes, as it is")
    axes.plot((0, 1), (0, 1), color="#888888", linestyle="--", linewidth=1)
    for name, diagram in diagrams.items():
        axes.plot(diagram.said, diagram.true, "o-", label=name)
    axes.grid(alpha=0.3)
    axes.legend()
    return draw_figure(figure)
