"""One picture and a driver's clip in; the picture, doing what the driver does, out."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from deepfake_lesson.animation.portrait import Portrait, best_frame, warnings
from deepfake_lesson.animation.training import KIND, load_motion
from deepfake_lesson.checkpoints import DIGITS, model_name
from deepfake_lesson.errors import MediaError, NoFaceError
from deepfake_lesson.files import checksum
from deepfake_lesson.landmarks import transform_points, warp
from deepfake_lesson.models.first_order import (
    FirstOrderConfig,
    FirstOrderModel,
    load_published,
    relative_keypoints,
)
from deepfake_lesson.models.first_order_inference import MovingPicture
from deepfake_lesson.pipeline import Stopwatch
from deepfake_lesson.provenance import ANIMATION_LABEL
from deepfake_lesson.reenactment.conditions import square_matrix
from deepfake_lesson.reenactment.driving import Track
from deepfake_lesson.reenactment.evaluation import ReenactmentEvaluation, reenactment_truth
from deepfake_lesson.reenactment.filming import BATCH, Filming, FilmOptions, Plan
from deepfake_lesson.training import WEIGHTS

SHIPPED = WEIGHTS / "motion"
PUBLISHED_SIZE = 256  # pixels of the pictures that the published face models know
MOST_WITHOUT = 0.5  # share of a driver's frames that may show no face


@dataclass(frozen=True, kw_only=True)
class AnimateOptions(FilmOptions):
    """How a picture is moved; the rest as in `FilmOptions`.

    relative: move the picture's keypoints as the driver's move from the beginning on; else take
    over where the driver's are, and with them his face's shape.
    adapt_scale: a larger face makes larger motions; only if relative.
    best_frame: begin with the driver's frame that is most like the picture, not with his first.
    """

    relative: bool = True
    adapt_scale: bool = False
    best_frame: bool = False


def animate(
    face: str | Path,
    driving: str | Path,
    out: str | Path,
    model: str | Path = SHIPPED,
    options: AnimateOptions = AnimateOptions(),
    progress: bool = False,
) -> dict:
    """Let the person in a picture do what the driver in a clip does, and say how well that went.

    Writes `out`, as long as the clip, with its sound, labelled and signed, and beside it
    `report.json` and `contact_sheet.png` (driver, picture, result and, for people of the studio,
    the truth). Both are cut to a square with the face in the same place.

    Args:
        face: a picture of one person; of a video, the first frame that shows a face.
        driving: the driver's clip. Where a frame shows no face the last result stays.
        model: a folder of `training.train_motion`, or the published "vox-256" checkpoint.
        out: the video to write.

    Returns:
        The report: `target`, `threshold`, `warnings`, `first` (the driver's frame with which the
        animation begins), and what `Filming.report` has.

    Raises:
        MediaError: for files that cannot be read, or an `out` that does not suit.
        NoFaceError: if the picture, or more than half of the clip, shows no face.
        ModelError: for a broken model folder or checkpoint.
    """
    filming = Filming(driving, out, options, ("driver", "picture"), ANIMATION_LABEL)
    if Path(out).exists() and Path(face).exists() and Path(out).samefile(face):
        raise MediaError(out, "would replace the picture", "Choose another name.")
    portrait = Portrait.open(face, options.detector)
    (network, size), name = open_motion(model), motion_name(model)
    track = filming.follow(progress)
    _check_seen(driving, track)
    row = best_frame(portrait.landmarks, track) if options.best_frame else 0
    plan, square = framed_alike(portrait, track, row, size, options.relative)
    picture = warp(portrait.image, square_matrix(square, size), size)
    truth = reenactment_truth(driving, portrait.recipe, square, size)
    evaluation = ReenactmentEvaluation(portrait.embedding, portrait.threshold, truth)
    with filming.timed("prepare"):
        moving = MovingPicture(network, picture)
    painted = animated(moving, plan, driving, row, options, filming.timed)
    pairs = ((picture, result) for result in painted)
    filming.film(plan, pairs, evaluation, progress, name, (Path(face),))
    return filming.report(
        target=portrait.name,
        threshold=portrait.threshold,
        first=int(track.numbers[row]),
        warnings=warnings(portrait, track, row, square, size),
    )


def open_motion(path: str | Path) -> tuple[FirstOrderModel, int]:
    """The model of a folder, or of the authors' "vox-256" checkpoint, and its pictures' size."""
    path = Path(path)
    if not _is_published(path):
        model, config = load_motion(path)
        return model, config.size
    model = FirstOrderModel(FirstOrderConfig())
    load_published(model, path)
    return model, PUBLISHED_SIZE


def motion_name(path: str | Path) -> str:
    """What a content credential calls the model that `open_motion` opens there."""
    path = Path(path)
    if not _is_published(path):
        return model_name(path)
    return f"{KIND} {path.name} (published, SHA-256 {checksum(path)[:DIGITS]})"


def _is_published(path: Path) -> bool:
    return bool(path.suffix) and not path.is_dir()


def framed_alike(portrait: Portrait, track: Track, row: int, size: int, relative: bool):
    """What is asked for each frame, and the picture's square: both faces in the same place.

    row: of the track, with which the animation begins.
    """
    driver_square = track.square("face")
    matrix = square_matrix(driver_square, size)
    square = portrait.square(track.landmarks[row], driver_square)
    asked = transform_points(track.landmarks, matrix)
    if relative:
        asked = (
            asked - asked[row] + transform_points(portrait.landmarks, square_matrix(square, size))
        )
    return Plan(track, matrix, size, asked.astype(np.float32)), square


def animated(
    moving: MovingPicture,
    plan: Plan,
    driving: str | Path,
    row: int,
    options: AnimateOptions,
    timed: Stopwatch,
) -> Iterator[np.ndarray]:
    """The picture for each row of the track, (size, size, 3) uint8."""
    first = moving.detect(next(islice(plan.crops(driving), row, None))[None])
    crops = plan.crops(driving)
    while batch := list(islice(crops, BATCH)):
        with timed("paint"):
            points = moving.detect(np.stack(batch))
            if options.relative:
                points = relative_keypoints(moving.keypoints, points, first, options.adapt_scale)
            pictures = moving.paint(points)
        yield from pictures


def _check_seen(driving: str | Path, track: Track) -> None:
    """Raise NoFaceError for a clip that shows a face in too few of its frames."""
    seen = len(track.numbers)
    if seen < (1 - MOST_WITHOUT) * track.frames:
        problem = f"a face was found in only {seen} of its {track.frames} frames"
        raise NoFaceError(driving, problem, "Give a clip in which one is seen most of the time.")
