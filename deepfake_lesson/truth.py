"""The perfect swap, and how far pictures are from it.

No camera can take the picture that a swap ought to be: b in a's place, doing what a does. The
studio can film it. Beside it stands every measure of a swap, and beside the swap the untouched
input, for a measure says little unless one knows what doing nothing would get.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from deepfake_lesson import metrics
from deepfake_lesson.blending import face_mask
from deepfake_lesson.detectors import detect_faces, read_landmarks
from deepfake_lesson.errors import MediaError
from deepfake_lesson.identity import distance, embed
from deepfake_lesson.images import is_image, read_image
from deepfake_lesson.landmarks import REGIONS, interocular
from deepfake_lesson.video import read_frames

# Frame number -> the studio's Frame with b in it (`image`, `face_mask` and `landmarks` of it): the
# perfect swap.
Truth = Callable[[int], Any]

MARGIN = 6  # pixels round the face: half the window of the structural similarity
NEAR = 0.06  # of the eyes' outer distance: how far a region reaches beyond its landmarks
PARTS = {"eyes": ("left_eye", "right_eye"), "mouth": ("outer_lip",)}


class TruthComparison:
    """How far the untouched input and the swap are from the truth, frame after frame."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, float]]] = {"input": [], "swap": []}
        self.paths: dict[str, list[dict[str, np.ndarray]]] = {"input": [], "swap": [], "truth": []}
        self.numbers: list[int] = []

    def add(
        self,
        number: int,
        pictures: Mapping[str, np.ndarray],
        embeddings: Mapping[str, np.ndarray],
        truth: Any,
    ) -> None:
        """Compare a face of frame `number`.

        dlib reads the landmarks of all pictures, beginning where the truth's are: else the
        difference of two readings may be that of their beginnings.

        Args:
            pictures: "input" and "swap", (H, W, 3) uint8.
            embeddings: the same names, (128,) of the face.
            truth: `image` (H, W, 3) uint8, `face_mask` (H, W) bool, not empty, and `landmarks`.
        """
        box, corner = _box(truth.face_mask)
        image, mask = truth.image[box], truth.face_mask[box]
        points = read_landmarks(truth.image, truth.landmarks)
        masks = {"error": mask} | {
            part: mask & _near(truth.landmarks - corner, regions, mask.shape)
            for part, regions in PARTS.items()
        }
        wanted, color = embed(truth.image, points), metrics.mean_color(image, mask)
        self.numbers.append(number)
        self._walk("truth", points, color)
        for name, rows in self.rows.items():
            picture, found = pictures[name][box], read_landmarks(pictures[name], truth.landmarks)
            own_color = metrics.mean_color(picture, mask)
            rows.append(
                {part: metrics.truth_error(picture, image, where) for part, where in masks.items()}
                | {
                    "ssim": metrics.ssim(picture, image, mask),
                    "sharpness": metrics.sharpness(picture, image, mask),
                    "color": float(np.linalg.norm(own_color - color)),
                    "perceptual": float(distance(embeddings[name], wanted)),
                    "landmarks": metrics.landmark_change(points, found),
                    "pose": metrics.pose_change(points, found, truth.image.shape[1::-1]),
                }
            )
            self._walk(name, found, own_color)

    def _walk(self, name: str, landmarks: np.ndarray, color: np.ndarray) -> None:
        mouth = np.array(metrics.mouth(landmarks))
        self.paths[name].append({"landmarks": landmarks, "mouth": mouth, "color": color})

    def report(self) -> dict | None:
        """`input` and `swap`, each with means over the frames; None before the first frame.

        `error` inside the face mask, `eyes` and `mouth` in parts of it: shares of white. `ssim`.
        `sharpness`: fine detail beside the truth's, 1 as much. `color`: of the face, L*a*b* units.
        `perceptual`: distance of face embeddings. `landmarks`: shares of the eyes' outer distance.
        `pose`: degrees. `jaw`, `smile`: correlations over the frames. `jitter`, `color_jitter`:
        trembling of landmarks and of colour beside the truth's own, 1 as much; None without
        consecutive frames. `ratio` beside them is the input's error over the swap's.
        """
        if not self.numbers:
            return None
        report = {name: self._summary(name) for name in self.rows}
        errors = [report[name]["error"] for name in ("input", "swap")]
        return report | {"ratio": errors[0] / errors[1] if errors[1] else None}

    def _summary(self, name: str) -> dict[str, float | None]:
        columns = {
            measure: [row[measure] for row in self.rows[name]] for measure in self.rows[name][0]
        }
        means = {measure: metrics.mean_known(column) for measure, column in columns.items()}
        mouths = [self._path(who, "mouth").T for who in (name, "truth")]
        follows = {
            measure: metrics.correlation(*both)
            for measure, *both in zip(metrics.MOUTH, *mouths, strict=True)
        }
        return (
            means
            | follows
            | {
                "jitter": self._tremble(name, "landmarks"),
                "color_jitter": self._tremble(name, "color"),
            }
        )

    def _path(self, name: str, measure: str) -> np.ndarray:
        return np.array([moment[measure] for moment in self.paths[name]])

    def _tremble(self, name: str, measure: str) -> float | None:
        own, wanted = (
            metrics.acceleration(self._path(who, measure), self.numbers) for who in (name, "truth")
        )
        return own / wanted if wanted > 0 else None


def _box(mask: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
    """Rows and columns round the mask, and their first pixel (x, y)."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box = tuple(slice(max(0, side[0] - MARGIN), side[-1] + MARGIN + 1) for side in (rows, columns))
    return box, np.array([box[1].start, box[0].start])


def _near(landmarks: np.ndarray, regions: tuple[str, ...], shape: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: inside regions of the face and a little beyond."""
    inside = np.zeros(shape, np.uint8)
    reach = 2 * max(1, round(NEAR * interocular(landmarks)))
    for region in regions:
        outline = np.rint(cv2.convexHull(np.float32(landmarks[REGIONS[region]]))).astype(np.int32)
        cv2.fillConvexPoly(inside, outline, 1)
        cv2.polylines(inside, [outline], True, 1, reach)
    return inside > 0


def studio_truth(clip: str | Path, seed: int | None) -> Truth | None:
    """The perfect swap for a clip of the studio and the identity `seed` in it; else None."""
    path = Path(clip).with_suffix(".json")
    if seed is None or not path.is_file():
        return None
    from deepfake_lesson.studio.people import Identity
    from deepfake_lesson.studio.recipe import Recipe
    from deepfake_lesson.studio.renderer import render_moment

    try:
        recipe = Recipe.load(path)
    except MediaError:  # some other file of that name
        return None
    identity, acting, scene = Identity.sample(seed), recipe.acting(), recipe.scene()

    def frame(number: int) -> Any:
        if number >= len(acting):
            return None
        shot = replace(scene, camera=scene.camera.frame(number))
        return render_moment(identity, acting[number], shot, recipe.size)

    return frame


def file_truth(path: str | Path) -> Truth:
    """The truth from a picture or video; the face mask is the hull of the face found in it.

    Frames must be asked for in their order.
    """
    frames = enumerate(media_frames(path))

    @lru_cache(maxsize=1)
    def frame(number: int) -> SimpleNamespace | None:
        image = next((image for k, image in frames if k == number), None)
        faces = [] if image is None else detect_faces(image)
        if not faces:
            return None
        largest = max(faces, key=lambda face: face.box[2] - face.box[0])
        points = largest.landmarks
        mask = face_mask(points, image.shape) > 0
        return SimpleNamespace(image=image, face_mask=mask, landmarks=points)

    return frame


def media_frames(path: str | Path) -> Iterator[np.ndarray]:
    """The frames of a video, or the one of a picture."""
    return iter([read_image(path)]) if is_image(path) else read_frames(path)
