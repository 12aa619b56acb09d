"""Checks of chapters/source/_template.py: an example to copy."""

import numpy as np

from deepfake_lesson.exercises import exercise, require


@exercise
def brightness(student) -> None:
    """Mean of a picture, between 0 and 1."""
    half = np.full((4, 6, 3), 51, np.uint8)
    value = student(half)
    require(not np.isclose(value, 51), "values of uint8 go up to 255; the answer should go to 1")
    require(np.isclose(value, 0.2), f"for a picture of value 51 it is 0.2, not {value}")
    half[:2] = 255
    require(np.isclose(student(half), 0.6), "half of the picture became white; take all pixels")
