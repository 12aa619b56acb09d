"""Every way in which this package makes a fake, as frames: what detectors are tried on.

A take is a filmed clip and the face in it. Each maker turns the take of a driver, and somebody
else's face, into the frames of a fake, one for each frame that shows the driver's face:

| maker | paints | uses |
|---|---|---|
| copy | the other's filmed face, laid over | nothing that is trained |
| swap | the face, inside a mask | a face swap of these two |
| pix2pix | the whole square | a re-enactment of the other |
| motion | the whole square | first order motion and one picture |

No frame carries the visible label: a detector would learn to read it. Whoever writes the frames
signs the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from deepfake_lesson import blending
from deepfake_lesson.animation.animate import (
    SHIPPED,
    AnimateOptions,
    animated,
    framed_alike,
    open_motion,
)
from deepfake_lesson.animation.portrait import Portrait, best_frame
from deepfake_lesson.checkpoints import explained
from deepfake_lesson.conversion import ConvertOptions, Swapper
from deepfake_lesson.files import replacing
from deepfake_lesson.landmarks import similarity_transform, warp
from deepfake_lesson.models.first_order_inference import MovingPicture
from deepfake_lesson.pipeline import Stopwatch
from deepfake_lesson.reenactment.clips import Drive
from deepfake_lesson.reenactment.conditions import square_matrix
from deepfake_lesson.reenactment.driving import Track, follow_face
from deepfake_lesson.video import read_frames

BATCH = 8  # frames that are painted together
POSES = 12  # of the other's frames, among which a copy looks for one in the same pose
SWAPS = {  # ways to put a painted face back
    "default": ConvertOptions(),
    "hull": ConvertOptions(mask="facehull", erosion=0, feather=3, segment=False),
    "seamless": ConvertOptions(seamless=True),
    "transfer": ConvertOptions(color="transfer", feather=20, sharpen=0),
}
COPIES = {"hard": (0.0, "none"), "soft": (12.0, "none"), "matched": (8.0, "transfer")}
MOTIONS = {"relative": AnimateOptions(), "absolute": AnimateOptions(relative=False)}
PIX2PIX = ("default",)
VARIANTS: dict[str, tuple[str, ...]] = {
    "copy": tuple(COPIES),
    "swap": tuple(SWAPS),
    "pix2pix": PIX2PIX,
    "motion": tuple(MOTIONS),
}
MAKERS = tuple(VARIANTS)


@dataclass(frozen=True, eq=False)
class Take:
    """A filmed clip and where its face is."""

    clip: Path
    track: Track

    @classmethod
    def of(cls, clip: Path) -> "Take":
        """Follow the face of a clip once; where it is stands beside the clip from then on."""
        path = clip.with_suffix(".track.npz")
        if path.exists():
            with explained(path), np.load(path, allow_pickle=False) as known:
                size = tuple(known["size"].tolist())
                rows = (known[name] for name in ("numbers", "landmarks", "pupils"))
                return cls(clip, Track(int(known["frames"]), size, *rows))
        track = follow_face(clip)
        with replacing(path) as draft:
            np.savez(draft, **vars(track))
        return cls(clip, track)

    def frames(self) -> Iterator[np.ndarray]:
        """The frames that show the face, (H, W, 3) uint8."""
        shown = set(self.track.numbers.tolist())
        return (frame for number, frame in enumerate(read_frames(self.clip)) if number in shown)

    def squares(self, size: int, frames: Iterator[np.ndarray] | None = None):
        """Frames cut to head and neck, all at one place: (size, size, 3) uint8 each."""
        matrix = square_matrix(self.track.square("face"), size)
        return (warp(frame, matrix, size) for frame in frames or self.frames())


def copied(driver: Take, other: Take, variant: str) -> Iterator[np.ndarray]:
    """The other's filmed face laid over the driver's, frame by frame in the likest pose.

    variant: of COPIES, an edge's feather and a colour correction. Frames as large as the driver's.
    """
    feather, color = COPIES[variant]
    rows = np.unique(np.linspace(0, len(other.track.numbers) - 1, POSES).round().astype(int))
    chosen = set(rows.tolist())
    faces = [frame for row, frame in enumerate(other.frames()) if row in chosen]
    poses = other.track.landmarks[rows]
    for frame, points in zip(driver.frames(), driver.track.landmarks, strict=True):
        matrices = [similarity_transform(points, pose) for pose in poses]
        gaps = [_gap(points, matrix, pose) for matrix, pose in zip(matrices, poses, strict=True)]
        matrix, face = matrices[int(np.argmin(gaps))], faces[int(np.argmin(gaps))]
        mask = blending.face_mask(points, frame.shape, erosion=-3, feather=feather)
        size = face.shape[1::-1]
        original, inside = warp(frame, matrix, size), warp(mask, matrix, size)
        face = blending.match_color(face, original, inside, color)
        yield blending.paste(frame, face, matrix, mask)


def _gap(points: np.ndarray, matrix: np.ndarray, pose: np.ndarray) -> float:
    """How much two faces differ once one lies on the other, in eyes' outer distances."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    unit = np.linalg.norm(pose[36] - pose[45])
    return float(np.linalg.norm(moved - pose, axis=1).mean() / unit)


def swapped(driver: Take, model, to: str, variant: str) -> Iterator[np.ndarray]:
    """The driver's clip with the face of `to`, "a" or "b" of a `SwapModel`, put back as SWAPS."""
    swapper = Swapper(model, to, SWAPS[variant])
    frames = zip(driver.frames(), driver.track.landmarks, strict=True)
    while batch := list(islice(frames, BATCH)):
        crops = [swapper.crops(frame, [points])[0] for frame, points in batch]
        for (frame, points), painted in zip(
            batch, zip(*swapper.generate(crops), strict=True), strict=True
        ):
            yield swapper.blend(frame, [points], [painted])[0]


def reenacted(driver: Take, model) -> Iterator[np.ndarray]:
    """The person of a `ReenactmentModel` doing what the driver does: squares of its size."""
    drive = Drive.of(driver.track, model)
    rows = zip(drive.landmarks, drive.pupils, strict=True)
    while batch := list(islice(rows, BATCH)):
        yield from model.predict(np.stack([model.draw(*each) for each in batch]))


def moved(driver: Take, other: Take, variant: str, model: Path = SHIPPED):
    """One picture of the other doing what the driver does: squares of the model's size.

    variant: of MOTIONS. model: a folder of first order motion, by default the package's own.
    """
    options = MOTIONS[variant]
    network, size = open_motion(model)
    portrait = Portrait.open(other.clip)
    row = best_frame(portrait.landmarks, driver.track)
    plan, square = framed_alike(portrait, driver.track, row, size, options.relative)
    picture = warp(portrait.image, square_matrix(square, size), size)
    moving = MovingPicture(network, picture)
    return animated(moving, plan, driver.clip, row, options, Stopwatch())
