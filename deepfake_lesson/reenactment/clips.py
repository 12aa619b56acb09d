"""A clip of the driver in, a clip of the target doing the same out: drawn and painted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepfake_lesson.landmarks import transform_points
from deepfake_lesson.pipeline import Stopwatch
from deepfake_lesson.provenance import REENACTMENT_LABEL
from deepfake_lesson.reenactment import conditions
from deepfake_lesson.reenactment.driving import Track, resting_shape
from deepfake_lesson.reenactment.evaluation import ReenactmentEvaluation, reenactment_truth
from deepfake_lesson.reenactment.filming import BATCH, Filming, FilmOptions, Plan


@dataclass(frozen=True, kw_only=True)
class ReenactOptions(FilmOptions):
    """How a clip is re-enacted; the rest as in `FilmOptions`.

    adapt: move the driver's landmarks to the target's face shape, see `conditions.adapt`.
    """

    adapt: bool = True


@dataclass(frozen=True, eq=False)
class Drive(Plan):
    """What a driver's clip asks of the target, in the network's pixels.

    landmarks: (N, 68, 2), pupils: (N, 2, 2) float32.
    """

    pupils: np.ndarray

    @classmethod
    def of(cls, track: Track, model, adapt: bool = True) -> "Drive":
        """Frame a driver as the model's pairs were, and give him the target's face shape."""
        matrix = conditions.square_matrix(track.square(model.framing), model.size)
        landmarks = transform_points(track.landmarks, matrix)
        pupils = transform_points(track.pupils, matrix)
        if adapt:
            own_shape = resting_shape(landmarks, model.size)
            adapted = conditions.adapt(landmarks, own_shape, model.target_mean)
            pupils = conditions.move_pupils(pupils, landmarks, adapted)
            landmarks = adapted
        return cls(track, matrix, model.size, landmarks, pupils)


def reenact(
    source: str | Path,
    model_folder: str | Path,
    out: str | Path,
    options: ReenactOptions = ReenactOptions(),
    progress: bool = False,
) -> dict:
    """Let the model's person do what the driver in a clip does, and say how well that went.

    Writes `out`, as long as the clip, with its sound, labelled and signed, and beside it
    `report.json` and `contact_sheet.png` (driver, drawing, result and, for people of the studio,
    the truth). Where a frame shows no face, the last result stays; before the first face, the
    first. Of several faces the largest is followed, then the one nearest to it.

    Args:
        source: the driver's clip.
        model_folder: a model made by `reenactment.training.train_reenactment`.
        out: the video to write.

    Returns:
        The report: `target`, `threshold`, `frames`, `faces_found`, `held` (ranges of frames
        without a face), `seconds` (per stage; stages overlap), what `ReenactmentEvaluation.report`
        has, `video`, `watermark`, `options`.

    Raises:
        MediaError: for a source that is no video, or an `out` that does not suit it.
        ModelError: for a broken model folder.
        NoFaceError: if no frame shows a face.
    """
    from deepfake_lesson.checkpoints import model_name
    from deepfake_lesson.reenactment.training import load_reenactment

    filming = Filming(source, out, options, ("driver", "drawing"), REENACTMENT_LABEL)
    model, name = load_reenactment(model_folder), model_name(model_folder)
    truth = reenactment_truth(source, model.recipe, model.square, model.size)
    target = model.target
    evaluation = ReenactmentEvaluation(target.embedding, target.threshold, truth)
    drive = Drive.of(filming.follow(progress), model, options.adapt)
    painted = _painted(drive, model, filming.timed)
    filming.film(drive, painted, evaluation, progress, name)
    return filming.report(target=target.name, threshold=target.threshold)


def _painted(drive: Drive, model, timed: Stopwatch) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Drawing and result for each row of the track."""
    for first in range(0, len(drive.landmarks), BATCH):
        part = slice(first, first + BATCH)
        with timed("paint"):
            points = zip(drive.landmarks[part], drive.pupils[part], strict=True)
            drawings = np.stack([model.draw(*each) for each in points])
            pictures = model.predict(drawings)
        yield from zip(drawings, pictures, strict=True)
