"""How good a re-enactment is: against held-out pictures, the drawing, and the studio's truth.

The truth about re-enactment is a picture of the target who does what the driver does. No camera can
take it of real people; the studio can film it.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from deepfake_lesson import metrics
from deepfake_lesson.blending import face_mask
from deepfake_lesson.detectors import read_landmarks
from deepfake_lesson.errors import MediaError
from deepfake_lesson.identity import distance, embed
from deepfake_lesson.landmarks import transform_points, warp
from deepfake_lesson.reenactment.conditions import Square, square_matrix

# Frame number -> the target doing what the driver does: `image` (S, S, 3) uint8, `face_mask`
# (S, S) bool and `landmarks` (68, 2) as dlib reads them; None where the driver does nothing.
Truth = Callable[[int], SimpleNamespace | None]


def reconstruction_scores(
    generated: np.ndarray, images: np.ndarray, landmarks: np.ndarray
) -> dict[str, float]:
    """How near painted pictures come to the photographs of the same moments, means over all.

    Args:
        generated: (N, S, S, 3) uint8.
        images: (N, S, S, 3) uint8, the photographs.
        landmarks: (N, 68, 2) pixels, what the pictures were painted from.

    Returns:
        `ssim` over the picture and `ssim_face` inside the landmarks' hull, at most 1; `landmarks`,
        how far dlib finds the points from where they were drawn, as share of the eyes' outer
        distance. The photographs themselves do not get 0 there either.
    """
    rows = []
    for picture, image, points in zip(generated, images, landmarks, strict=True):
        mask = face_mask(points, image.shape)
        rows.append(
            {
                "ssim": metrics.ssim(picture, image),
                "ssim_face": metrics.ssim(picture, image, mask),
                "landmarks": metrics.landmark_change(points, read_landmarks(picture, points)),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def reenactment_truth(
    driver: str | Path, recipe: dict | None, square: Square, size: int
) -> Truth | None:
    """The target of the studio doing what a driver of the studio does; None for anybody else.

    Args:
        driver: the clip that drives.
        recipe: fields of the recipe of the target's own clip: who it is, in which room and light.
        square: what the network sees of that clip.
        size: pixels of the network's pictures.
    """
    path = Path(driver).with_suffix(".json")
    if recipe is None or not path.is_file():
        return None
    from deepfake_lesson.studio.people import Identity
    from deepfake_lesson.studio.recipe import VERSION, Recipe
    from deepfake_lesson.studio.renderer import render_moment

    try:
        acting = Recipe.load(path).acting()
    except MediaError:  # some other file of that name
        return None
    filmed, matrix = Recipe(**recipe), square_matrix(square, size)
    if filmed.version != VERSION:
        return None
    identity, scene = Identity.sample(filmed.identity), filmed.scene()

    def truth(number: int) -> SimpleNamespace | None:
        if number >= len(acting):
            return None
        shot = replace(scene, camera=scene.camera.frame(number))
        moment = replace(acting[number], light=None, camera=None)
        frame = render_moment(identity, moment, shot, filmed.size)
        image = warp(frame.image, matrix, size)
        mask = warp(frame.face_mask.astype(np.float32), matrix, size) > 0.5
        points = read_landmarks(image, transform_points(frame.landmarks, matrix))
        return SimpleNamespace(image=image, face_mask=mask, landmarks=points)

    return truth


class ReenactmentEvaluation:
    """Measures of one frame after another, and their summary.

    Args:
        target: (128,) embedding of the target, None if unknown.
        threshold: embedding distance up to which a face is the target's.
        truth: gives the perfect result, or None.
    """

    def __init__(
        self, target: np.ndarray | None, threshold: float, truth: Truth | None = None
    ) -> None:
        self.target, self.threshold, self.truth = target, threshold, truth
        self.rows: list[dict[str, float]] = []

    def add(
        self,
        number: int,
        picture: np.ndarray,
        drawn: np.ndarray,
        driver: np.ndarray,
        driver_landmarks: np.ndarray,
    ) -> np.ndarray | None:
        """Measure frame `number`; return the perfect result (S, S, 3), if there is one.

        Args:
            picture: (S, S, 3) uint8, what was painted.
            drawn: (68, 2) pixels of the picture, what it was painted from.
            driver: (H, W, 3) uint8, the driver's frame.
            driver_landmarks: (68, 2) pixels of that frame.
        """
        found = read_landmarks(picture, drawn)
        row = _mouths("found", found) | _mouths("drawn", drawn)
        row["drawn_landmarks"] = metrics.landmark_change(drawn, found)
        face = embed(picture, found)
        row["to_driver"] = float(distance(face, embed(driver, driver_landmarks)))
        if self.target is not None:
            row["to_target"] = float(distance(face, self.target))
        truth = self.truth(number) if self.truth else None
        if truth is not None:
            row |= self._against_truth(picture, found, truth)
        self.rows.append(row)
        return None if truth is None else truth.image

    def _against_truth(
        self, picture: np.ndarray, found: np.ndarray, truth: SimpleNamespace
    ) -> dict[str, float]:
        row = _mouths("truth", truth.landmarks) | {
            "truth_landmarks": metrics.landmark_change(truth.landmarks, found),
            "truth_pose": metrics.pose_change(truth.landmarks, found, picture.shape[1::-1]),
            "truth_ssim": metrics.ssim(picture, truth.image),
            "truth_ssim_face": metrics.ssim(picture, truth.image, truth.face_mask),
        }
        if self.target is not None:
            truth_face = embed(truth.image, truth.landmarks)
            row["truth_to_target"] = float(distance(truth_face, self.target))
        return row

    def report(self) -> dict:
        """Summary of all frames added; None where something is not known.

        `identity`: mean distances to target and driver, share of frames within the target's
        threshold (`kept`), the same for the truth's own pictures (`truth_kept`), and share of
        frames nearer to the target. `drawing`: how well the result follows what was drawn.
        `truth`: how near it comes to the truth. There `jaw` and `smile` are correlations over
        the frames, `landmarks` shares of the eyes' outer distance, `pose` degrees.
        """
        to_target, to_driver = self._column("to_target"), self._column("to_driver")
        identity = {
            "to_target": metrics.mean_known(to_target),
            "to_driver": metrics.mean_known(to_driver),
            "kept": metrics.mean_known(to_target <= self.threshold),
            "truth_kept": metrics.mean_known(self._column("truth_to_target") <= self.threshold),
            "nearer_target": metrics.share_nearer(to_target, to_driver) if len(to_target) else None,
        }
        errors = ("landmarks", "pose", "ssim", "ssim_face")
        truth = {name: metrics.mean_known(self._column(f"truth_{name}")) for name in errors}
        return {
            "identity": identity,
            "drawing": self._follows("drawn")
            | {"landmarks": metrics.mean_known(self._column("drawn_landmarks"))},
            "truth": self._follows("truth") | truth if self.truth else None,
            "measured": len(self.rows),
        }

    def _column(self, name: str) -> np.ndarray:
        column = np.array([row[name] for row in self.rows if name in row])
        return column[np.isfinite(column)]

    def _follows(self, wanted: str) -> dict[str, float | None]:
        """Correlations of the mouth found in the result with that of the drawing or the truth."""
        rows = [row for row in self.rows if f"{wanted}_jaw" in row]
        return {
            name: metrics.correlation(
                [row[f"found_{name}"] for row in rows], [row[f"{wanted}_{name}"] for row in rows]
            )
            for name in metrics.MOUTH
        }


def _mouths(whose: str, landmarks: np.ndarray) -> dict[str, float]:
    return {
        f"{whose}_{name}": value
        for name, value in zip(metrics.MOUTH, metrics.mouth(landmarks), strict=True)
    }
