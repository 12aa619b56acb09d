"""Checks of chapter 06: blending a face into a frame."""

import numpy as np

from deepfake_lesson.exercises import exercise, require


@exercise
def way_back(student) -> None:
    """The inverse of a (2, 3) affine matrix."""
    turn, shift = np.array([[0.6, -0.8], [0.8, 0.6]]), np.array([30.0, -7.0])
    matrix = np.column_stack([2 * turn, shift])
    answer = _array(student(matrix.copy()), (2, 3))
    linear, moved = answer[:, :2], answer[:, 2]
    inverse = turn.T / 2
    require(not np.allclose(answer, matrix), "this is the way out again; turn it round")
    require(
        not np.allclose(linear, matrix[:, :2].T),
        "transposing undoes a pure turn, but not the scale that is in A as well; invert A",
    )
    require(np.allclose(linear, inverse), "the left part should be the inverse of A")
    require(
        not np.allclose(moved, -shift),
        "the shift must be undone before A is: from q = A p + t follows p = A⁻¹ (q - t)",
    )
    require(
        not np.allclose(moved, inverse @ shift), "the shift has the wrong sign: it is taken away"
    )
    require(np.allclose(moved, -inverse @ shift), "the shift is not right: p = A⁻¹ (q - t)")


@exercise
def mix(student) -> None:
    """An alpha blend of two uint8 pictures."""
    frame = np.full((3, 4, 3), (200, 100, 10), np.uint8)
    face = np.full((3, 4, 3), (20, 103, 250), np.uint8)
    alpha = np.zeros((3, 4), np.float32)
    alpha[1], alpha[2] = 0.25, 1.0
    expected = np.rint(frame + alpha[..., None] * (face.astype(float) - frame)).astype(np.uint8)
    answer = _picture(student(frame.copy(), face.copy(), alpha.copy()), frame.shape)
    exchanged = np.rint(face + alpha[..., None] * (frame.astype(float) - face))
    require(not np.array_equal(answer, exchanged), "alpha 0 keeps the frame: you exchanged the two")
    require(
        np.array_equal(answer[0], expected[0]), "where alpha is 0 the frame should be unchanged"
    )
    require(np.array_equal(answer[2], expected[2]), "where alpha is 1 the face should be there")
    wrapped = (face - frame)[1] * 0.25 + frame[1]
    require(
        np.abs(answer[1] - wrapped % 256).max() > 1,
        "face - frame of two uint8 pictures runs over: 20 - 200 is not 76; use floats first",
    )
    near = np.abs(answer[1].astype(float) - expected[1]).max() <= 1
    require(
        not near or np.array_equal(answer, expected),
        "off by one: astype cuts the decimals off; round before",
    )
    require(near, f"a quarter of the face gives {expected[1, 0]}, not {answer[1, 0]}")


@exercise
def match_mean(student) -> None:
    """A face shifted to the original's mean colour under a mask."""
    rng = np.random.default_rng(6)
    face = rng.integers(60, 120, (8, 10, 3)).astype(np.uint8)
    original = rng.integers(90, 150, (8, 10, 3)).astype(np.uint8) + np.array([0, 30, 60], np.uint8)
    inside = np.zeros((8, 10), bool)
    inside[2:6, 3:8] = True
    original[~inside] //= 3
    face[0, 0], face[7, 9] = 250, 0
    answer = _picture(student(face.copy(), original.copy(), inside.copy()), face.shape)
    shift = original[inside].mean(0) - face[inside].mean(0)

    def moved_by(change) -> bool:
        moved = np.clip(face + np.asarray(change), 0, 255)
        return bool(np.abs(answer - moved).max() <= 1)

    require(not moved_by(0), "the face has not changed")
    require(not moved_by(-shift), "the shift has the wrong sign: original minus face")
    everywhere = original.mean((0, 1)) - face.mean((0, 1))
    require(not moved_by(everywhere), "these are the means of the whole pictures; use the mask")
    require(not moved_by(shift.mean()), "each channel has a mean of its own: mean(axis=0)")
    ran_over = np.abs(answer - (np.rint(face + shift) % 256)).max() <= 1
    require(not ran_over, "250 plus a shift runs over and turns dark; clip to 0 to 255")
    untouched = np.array_equal(answer[~inside], face[~inside])
    require(not untouched, "learn the shift under the mask, but apply it to the whole picture")
    require(moved_by(shift), f"the mean under the mask should become {_text(original, inside)}")


@exercise
def dilate(student) -> None:
    """A mask grown by some pixels."""
    mask = np.zeros((9, 12), bool)
    mask[4, 5] = True
    before = mask.copy()
    answer = np.asarray(student(mask, 2))
    require(np.array_equal(mask, before), "your function changed the mask it was given; copy it")
    require(answer.shape == mask.shape, f"the shape should stay {mask.shape}, not {answer.shape}")
    answer = answer.astype(bool)
    expected = np.zeros_like(mask)
    expected[2:7, 3:8] = True
    require(bool(answer.any()), "nothing is left: that is erosion, the opposite")
    require(
        not np.array_equal(answer, mask), "the mask has not grown; 2 pixels to each side, please"
    )
    rows, columns = np.indices(mask.shape)
    require(
        not np.array_equal(answer, abs(rows - 4) + abs(columns - 5) <= 2),
        "that is a diamond: two steps in all; rows and columns count separately, so a square",
    )
    grown = np.count_nonzero(answer.any(axis=0))
    require(
        np.array_equal(answer, expected),
        f"one pixel, grown by 2, is 5 pixels wide and high, at the same middle; yours is {grown}",
    )
    at_border = np.zeros((6, 6), bool)
    at_border[0, 3] = True
    answer = np.asarray(student(at_border.copy(), 1)).astype(bool)
    require(not answer[-1].any(), "what leaves at the top comes back at the bottom: np.roll turns")
    expected = np.zeros_like(at_border)
    expected[:2, 2:5] = True
    require(np.array_equal(answer, expected), "a pixel at the border should grow into the picture")


@exercise
def best_erosion(student) -> None:
    """The erosion with the smallest sum of two errors."""
    erosions = np.array([-20.0, -15, -10, -5, 0, 5])
    left_over = np.array([0.1, 0.2, 0.3, 1.5, 4.0, 6.0])
    spilled = np.array([3.0, 2.0, 1.1, 0.6, 0.1, 0.0])
    answer = student(erosions.copy(), left_over.copy(), spilled.copy())
    require(np.ndim(answer) == 0, "give one number")
    require(answer != 2, "that is its position in the array; give the erosion itself")
    require(answer != -20, "there nothing is left over, but much is spilled: add the two")
    require(answer != 5, "there nothing is spilled, but much is left over: add the two")
    require(answer != 0, "that is the worst kind of middle: look for the smallest sum")
    require(answer == -10, f"the smallest sum of these curves is at -10, not at {answer}")
    answer = student(erosions[::-1].copy(), left_over, spilled)
    require(answer == -5, "your answer should follow the curves, whatever they are")


@exercise
def frames_swapped(student) -> None:
    """How many frames a range has in a video."""
    answer = student(10, 50, 100)
    require(answer != 40, "both ends are included: from 10 to 10 is one frame, not none")
    require(answer == 41, f"from 10 to 50 there are 41 frames, not {answer}")
    require(student(0, 0, 100) == 1, "from 0 to 0 is one frame")
    answer = student(10, 50, 45)
    require(answer != 41, "a video of 45 frames ends at frame 44: the range is cut there")
    require(answer != 36, "the last of 45 frames has the number 44, for we count from 0")
    require(answer == 35, f"of 45 frames, 10 to 44 are swapped: 35, not {answer}")
    require(student(60, 80, 45) == 0, "a range behind the end of the video holds no frame")


def _array(value, shape: tuple[int, ...]) -> np.ndarray:
    """The answer as floats; a hint if it has another shape."""
    require(value is not None, "your function returns nothing; is there a `return`?")
    value = np.asarray(value, np.float64)
    require(value.shape == shape, f"the shape should be {shape}, not {value.shape}")
    return value


def _picture(value, shape: tuple[int, ...]) -> np.ndarray:
    """The answer, a uint8 picture, as floats; a hint if it is something else."""
    require(value is not None, "your function returns nothing; is there a `return`?")
    require(
        getattr(value, "dtype", None) == np.uint8,
        f"the result should be uint8, not {getattr(value, 'dtype', type(value).__name__)}",
    )
    return _array(value, shape)


def _text(picture: np.ndarray, inside: np.ndarray) -> str:
    return str(np.round(picture[inside].mean(0)).astype(int))
