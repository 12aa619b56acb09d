"""The picture that is to move: whose face is on it, and how it is cut to match a driver's.

First order motion knows only squares, and takes a face that is smaller or higher in one of them for
a motion. So the picture is cut such that its face lies where the driver's lies when they meet, and
is as large: this is what goes wrong most often with the classic programs.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from deepfake_lesson.detectors import detect_faces, read_landmarks
from deepfake_lesson.errors import ConsentError, MediaError, NoFaceError
from deepfake_lesson.identity import THRESHOLDS, embed
from deepfake_lesson.landmarks import head_pose, mouth_aspect_ratio
from deepfake_lesson.people import open_person
from deepfake_lesson.reenactment.conditions import Square, face_square
from deepfake_lesson.reenactment.driving import Track, main_face
from deepfake_lesson.studio.recipe import Recipe
from deepfake_lesson.truth import media_frames

TURNED, OPENED = 15.0, 0.3  # degrees, and mouth aspect ratio: so much apart, first poses differ
BEYOND = 0.2  # share of the square that may lie beyond the picture
OTHER_PICTURE = "Give a picture in which a face is seen from the front."


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture of somebody, and whose it is.

    image: (H, W, 3) uint8. landmarks: (68, 2) of its largest face. embedding: (128,). name,
    threshold: of the person whose folder the file lies in; has_consent is False if there is none
    and the studio did not make it. recipe: fields of the studio's recipe, if there is one.
    """

    image: np.ndarray
    landmarks: np.ndarray
    embedding: np.ndarray
    name: str
    threshold: float
    has_consent: bool
    recipe: dict | None

    @classmethod
    def open(cls, path: str | Path, detector: str = "hog") -> "Portrait":
        """Of a picture, or of the first frame of a video that shows a face.

        Raises MediaError for a file that is neither, NoFaceError if no face is found.
        """
        path, recipe = Path(path), _recipe(Path(path))
        for image in media_frames(path):
            faces = detect_faces(image, detector)
            if faces:
                break
        else:
            raise NoFaceError(path, "no face was found", OTHER_PICTURE)
        points = read_landmarks(image, main_face(faces, None).landmarks)
        person = _person(path)
        domain = "synthetic" if recipe else "real"
        return cls(
            image,
            points,
            embed(image, points),
            person.name if person else path.stem,
            person.threshold if person else THRESHOLDS[domain],
            person is not None or recipe is not None,
            recipe,
        )

    def square(self, driver: np.ndarray, square: Square) -> Square:
        """The square in which this face is as large and where the driver's is in `square`.

        driver: (68, 2), where and how the driver's face is when the animation begins.
        """
        own, other = face_square(self.landmarks), face_square(driver)
        scale = own.side / other.side
        x, y = own.x + scale * (square.x - other.x), own.y + scale * (square.y - other.y)
        return Square(x, y, scale * square.side)


def best_frame(portrait: np.ndarray, track: Track) -> int:
    """The row of a track whose face is most like the portrait's, turned and moving its features so.

    Landmarks (68, 2) are compared as the authors do: moved to a common middle, and scaled by the
    root of the area of their hull.
    """
    wanted = _normalized(portrait)
    distances = [((_normalized(points) - wanted) ** 2).sum() for points in track.landmarks]
    return int(np.argmin(distances))


def warnings(portrait: Portrait, track: Track, row: int, square: Square, size: int) -> list[str]:
    """What is likely to go wrong, in words for the user; nothing for a picture that suits.

    row: of the track, with which the animation begins. square: of the picture. size: pixels of the
    network's pictures.
    """
    found, driver = [], track.landmarks[row]
    shapes = portrait.image.shape[1::-1], track.size
    poses = [
        head_pose(points, shape)
        for points, shape in zip((portrait.landmarks, driver), shapes, strict=True)
    ]
    turned = float(np.abs(np.subtract(*poses)).max())
    mouths = [mouth_aspect_ratio(points) for points in (portrait.landmarks, driver)]
    remedy = "use --best-frame, or a picture that is more like the driver's first frame"
    if turned > TURNED:
        found.append(f"the first poses differ by {turned:.0f} degrees: {remedy}")
    if abs(mouths[0] - mouths[1]) > OPENED:
        found.append(f"one mouth is open and the other shut at first: {remedy}")
    if square.side < size / 2:
        problem = f"the face's square is only {square.side:.0f} pixels wide"
        found.append(f"{problem}: use a larger picture")
    if (beyond := _beyond(square, portrait.image.shape)) > BEYOND:
        problem = f"{beyond:.0%} of the square lie beyond the picture"
        found.append(f"{problem}: use one with more room around the face")
    if not portrait.has_consent:
        problem = "no consent record is known for this picture"
        found.append(f"{problem}: animate only people who agreed (deepfake-lesson person new)")
    return found


def _normalized(landmarks: np.ndarray) -> np.ndarray:
    moved = landmarks - landmarks.mean(0)
    return moved / np.sqrt(cv2.contourArea(cv2.convexHull(moved.astype(np.float32))))


def _beyond(square: Square, shape: tuple[int, ...]) -> float:
    """Share of a square that lies outside a picture."""
    sides = [
        max(0.0, min(middle + square.side / 2, length) - max(middle - square.side / 2, 0.0))
        for middle, length in ((square.x, shape[1]), (square.y, shape[0]))
    ]
    return 1 - sides[0] * sides[1] / square.side**2


def _recipe(path: Path) -> dict | None:
    try:
        return asdict(Recipe.load(path.with_suffix(".json")))
    except MediaError:  # none, or some other file of that name
        return None


def _person(path: Path):
    """Whose folder a file lies in; None for a file of no person."""
    try:
        return open_person(path.resolve().parent.parent)
    except ConsentError:
        return None
