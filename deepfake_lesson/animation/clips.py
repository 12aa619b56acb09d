"""Clips as first order motion learns from them: a square around one face that does not move.

The square is found once for a whole clip. If it followed the face from frame to frame, the motion
of the head would be taken away from what is to be learnt.
"""

from pathlib import Path

import numpy as np

from deepfake_lesson.landmarks import warp
from deepfake_lesson.reenactment.conditions import face_square, square_matrix
from deepfake_lesson.reenactment.driving import follow_face
from deepfake_lesson.video import read_frames


def face_clip(source: str | Path, size: int) -> np.ndarray:
    """The frames of a clip that show its face, cut to one square: (N, size, size, 3) uint8.

    Raises MediaError for a clip that cannot be read, NoFaceError for one without a face.
    """
    track = follow_face(source)
    shown = set(track.numbers.tolist())
    frames = (frame for number, frame in enumerate(read_frames(source)) if number in shown)
    return cut(frames, track.landmarks, size)


def cut(frames, landmarks: np.ndarray, size: int) -> np.ndarray:
    """Frames around a face with landmarks (N, 68, 2), one square for all: (N, size, size, 3)."""
    matrix = square_matrix(face_square(landmarks), size)
    return np.stack([warp(frame, matrix, size) for frame in frames])
