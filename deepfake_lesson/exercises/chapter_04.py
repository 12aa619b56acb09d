"""Checks of chapter 04, Build a face dataset."""

from functools import cache

import cv2
import numpy as np

from deepfake_lesson.exercises import exercise, require

# Of `line_up`: these are out of focus, this one is sharp although it is dark.
BLURRED, DARK = {1, 3}, 4


@cache
def line_up() -> list[np.ndarray]:
    """Six aligned faces, RGB uint8 (256, 256, 3), some of them out of focus."""
    from deepfake_lesson.landmarks import alignment_matrix, warp
    from deepfake_lesson.studio import Identity, Pose, render

    faces = []
    for number, seed in enumerate((20, 22, 23) * 2):
        frame = render(Identity.sample(seed), pose=Pose(yaw=10 if number < 3 else -10))
        blurred = cv2.GaussianBlur(frame.image, (0, 0), 3)
        image = blurred if number in BLURRED else frame.image
        face = warp(image, alignment_matrix(frame.landmarks), 256)
        faces.append((face * 0.4).astype(np.uint8) if number == DARK else face)
    return faces


@exercise
def blurred_faces(student) -> None:
    """The numbers of the faces of `line_up` that are out of focus."""
    answer = set(student())
    require(
        DARK not in answer, f"face {DARK} is dark, but look at its brows: their edges are sharp"
    )
    wrong = min(answer - BLURRED, default=None)
    require(wrong is None, f"face {wrong} is sharp: you can tell the edges of the eyes")
    missing = len(BLURRED - answer)
    require(missing == 0, f"what you named is blurred; look for {missing} more")


@exercise
def frame_numbers(student) -> None:
    """The frame that is on the screen at each moment."""
    numbers = list(student(12, 12, 4))
    require(
        numbers != [0, 4, 8],
        "those are 4 frames apart; 4 a second are wanted, so with 12 fps they are 3 apart",
    )
    require(0 in numbers, "the first moment is 0 seconds: frame 0 belongs to the answer")
    require(12 not in numbers, "12 frames have the numbers 0 to 11; the clip has ended at frame 12")
    require(
        numbers == [0, 3, 6, 9], f"of 12 frames at 12 fps, 4 a second are 0, 3, 6, 9: {numbers}"
    )
    numbers = list(student(50, 25, 10))
    evenly_wrong = [list(range(0, 50, 2)), list(range(0, 50, 3))]
    require(
        numbers not in evenly_wrong,
        "25 / 10 is 2.5: a step of whole frames drifts away; go through the moments instead",
    )
    rounded = [round(2.5 * moment) for moment in range(20)]
    require(
        numbers != rounded,
        "at 0.1 s frame 2 is still on the screen (frame 3 comes at 0.12 s): do not round up",
    )
    expected = [5 * moment // 2 for moment in range(20)]
    require(numbers == expected, f"2 s at 25 fps, 10 a second, begin with 0, 2, 5: {numbers[:5]}")
    require(
        list(student(5, 10, 30)) == [0, 1, 2, 3, 4],
        "more frames a second than the clip has: give each of its frames once",
    )


@exercise
def eyes_onto(student) -> None:
    """A similarity transform from two points."""
    eyes, wanted = ((100, 120), (160, 120)), ((88, 100), (168, 100))
    matrix = np.asarray(student(*eyes, *wanted), np.float64)
    require(matrix.shape == (2, 3), f"a matrix of 2 rows and 3 columns, not {matrix.shape}")
    moved = _moved(matrix, eyes)
    width = np.linalg.norm(moved[1] - moved[0])
    require(
        np.isclose(width, 80), f"the eyes were 60 apart and shall be 80; they are {width:.1f} apart"
    )
    require(
        np.allclose(moved, wanted),
        f"the size is right, but the left eye lands at {_text(moved[0])}, not (88, 100): shift it",
    )
    tilted, level = ((100, 100), (140, 130)), ((30, 90), (130, 90))
    matrix = np.asarray(student(*tilted, *level), np.float64)
    moved = _moved(matrix, tilted)
    if not np.allclose(moved, level):
        back = 2 * moved[0] - moved[1]
        require(not np.allclose(back, level[1]), "the face stands on its head: add half a turn")
        require(
            abs(moved[1, 1] - moved[0, 1]) < 0.01,
            "a tilted pair of eyes is not level afterwards; is the sign of the sine right?",
        )
        require(False, f"tilted eyes land at {_text(moved[0])} and {_text(moved[1])}")
    require(np.linalg.det(matrix[:, :2]) > 0, "the face is mirrored: left and right changed sides")
    across, along = matrix[:, 0], matrix[:, 1]
    require(
        np.isclose(across @ along, 0) and np.isclose(across @ across, along @ along),
        "the eyes are right, but the face is squeezed: turn it and scale it evenly, nothing else",
    )


@exercise
def best_threshold(student) -> None:
    """The distance up to which most faces are judged rightly."""
    same = np.array([0.16, 0.18, 0.19, 0.2, 0.22, 0.23, 0.26, 0.3])
    other = np.array([0.36, 0.5, 0.52, 0.53, 0.55, 0.56, 0.57, 0.58])
    value = float(student(same, other))
    let_in, lost = int((other <= value).sum()), int((same > value).sum())
    require(let_in == 0, f"{value:.2f} lets in {let_in} of 8 faces of the other person")
    require(lost == 0, f"{value:.2f} loses {lost} of 8 faces of the wanted person")
    same = np.r_[same, 0.48]
    other = np.array([0.42, 0.44, 0.46, 0.52, 0.53, 0.54, 0.55, 0.56])
    best = max(_judged_rightly(same, other, limit) for limit in same)
    rightly = _judged_rightly(same, other, float(student(same, other)))
    require(
        rightly == best,
        f"where the two overlap you judge {rightly} of 17 rightly, {best} are possible: "
        "try every distance as the threshold and count",
    )


@exercise
def is_wanted(student) -> None:
    """Near a wanted picture, and no unwanted one is nearer."""
    anna = np.zeros((2, 128))
    anna[1, 0] = 0.6
    ben = np.zeros((1, 128))
    ben[0, 1] = 0.5

    def face(*start: float) -> np.ndarray:
        return np.r_[start, np.zeros(128 - len(start))]

    nobody = np.zeros((0, 128))
    require(bool(student(face(0.1), anna, ben, 0.44)), "a face 0.1 from a wanted picture is wanted")
    require(
        not student(face(0, 0, 0.5), anna, nobody, 0.44),
        "a face 0.5 away is too far for the threshold 0.44",
    )
    require(
        bool(student(face(0.75), anna, nobody, 0.44)),
        "near one of the wanted pictures is enough: take the smallest distance, not the mean",
    )
    require(
        not student(face(0, 0.4), anna, ben, 0.44),
        "within the threshold, but the unwanted picture is nearer: compare the two distances",
    )
    require(
        bool(student(face(0, 0.2), anna, ben, 0.44)),
        "an unwanted picture within the threshold matters only if it is the nearer one",
    )


def _moved(matrix: np.ndarray, points) -> np.ndarray:
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def _text(point: np.ndarray) -> str:
    return f"({point[0]:.1f}, {point[1]:.1f})"


def _judged_rightly(same: np.ndarray, other: np.ndarray, limit: float) -> int:
    return int((same <= limit).sum() + (other > limit).sum())
