"""Measured figures that chapters plot: one csv each, written by a script in `benchmarks/`.

| table     | made by                   | what a row says                                       |
|-----------|---------------------------|-------------------------------------------------------|
| detectors | `benchmarks/detectors.py` | how well one detector works at one value of one factor |
"""

import csv
from importlib.resources import files

import numpy as np

from deepfake_lesson.errors import LessonError


def read_table(name: str) -> dict[str, np.ndarray]:
    """The columns of a table in the order of its rows: float64 where all are numbers, else text.

    An empty cell in a column of numbers is NaN.

    Raises:
        LessonError: there is no such table.
    """
    folder = files(__package__)
    path = folder / f"{name}.csv"
    if not path.is_file():
        known = sorted(each.name[:-4] for each in folder.iterdir() if each.name.endswith(".csv"))
        raise LessonError(name, "there is no such table", f"Choose one of: {', '.join(known)}.")
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return dict(zip(header, map(_column, columns), strict=True))


def _column(cells: tuple[str, ...]) -> np.ndarray:
    try:
        return np.array([float(cell or "nan") for cell in cells])
    except ValueError:
        return np.array(cells)
