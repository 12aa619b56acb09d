"""Clips as first order motion learns from them: a square around one face that does not move.

The square is found once for a whole clip. If it followed the face from frame to frame, the motion
of the head would be taken away from what is to be learnt.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepfake_lesson.errors import MediaError, NoFaceError
from deepfake_lesson.files import replacing
from deepfake_lesson.images import list_images, read_image
from deepfake_lesson.landmarks import warp
from deepfake_lesson.people import Person
from deepfake_lesson.reenactment.conditions import face_square, square_matrix
from deepfake_lesson.reenactment.driving import follow_face
from deepfake_lesson.video import is_video, read_frames


def person_clips(person: Person, size: int, progress: bool = True) -> list[np.ndarray]:
    """All clips of a person, cut; each (N, size, size, 3) uint8, read from the disk as needed.

    Videos in the person's media folder, and folders in it with the frames of a clip as pictures.
    They are cut once, into `clips/`. What shows no face is left out.

    Raises MediaError if nothing is left, or for a clip that cannot be read.
    """
    clips = []
    sources = [p for p in sorted(person.media.iterdir()) if is_video(p) or _is_clip(p)]
    for source in tqdm(sources, f"clips of {person.name}", disable=not progress):
        cut_clip = person.folder / "clips" / f"{source.name}-{size}.npy"
        if not cut_clip.exists() or cut_clip.stat().st_mtime < source.stat().st_mtime:
            try:
                frames = face_clip(source, size)
            except NoFaceError:
                continue
            with replacing(cut_clip) as draft, draft.open("wb") as file:
                np.save(file, frames)
        clips.append(np.load(cut_clip, mmap_mode="r"))
    if not clips:
        raise MediaError(person.media, "there is no clip that shows a face", "Put one there.")
    return clips


def face_clip(source: str | Path, size: int) -> np.ndarray:
    """The frames of a clip that show its face, cut to one square: (N, size, size, 3) uint8.

    source: a video, or a folder with its frames as pictures. Raises MediaError for a clip that
    cannot be read, NoFaceError for one without a face.
    """
    track = follow_face(source, frames=_frames(Path(source)))
    shown = set(track.numbers.tolist())
    frames = (frame for number, frame in enumerate(_frames(Path(source))) if number in shown)
    return cut(frames, track.landmarks, size)


def cut(frames, landmarks: np.ndarray, size: int) -> np.ndarray:
    """Frames around a face with landmarks (N, 68, 2), one square for all: (N, size, size, 3)."""
    matrix = square_matrix(face_square(landmarks), size)
    return np.stack([warp(frame, matrix, size) for frame in frames])


def _is_clip(path: Path) -> bool:
    return path.is_dir() and len(list_images(path)) > 1


def _frames(source: Path) -> Iterator[np.ndarray]:
    return map(read_image, list_images(source)) if source.is_dir() else read_frames(source)
