"""Film people for first order motion, and train the package's model of motion on them.

    python data_scripts/train_motion_weights.py                      # hours; goes on where it was
    python data_scripts/train_motion_weights.py --stages small --minutes 60

Two hundred studio people are filmed for some moments each, every person in one room, one light and
from one place, turning, talking and making faces. Two moments of a person make an example. The
people are "base" seeds of the studio, which no demo, chapter, test or benchmark uses.

There are three stages. Where keypoints are and what follows them is found on small pictures: the
two networks that say so see 32 x 32 pixels anyway. Then painting is learnt on large ones, and a
last stage at a low rate takes the noise out of the weights: on held-out people it brought the error
from 44 to 39 % of the still picture's in 900 steps, after 1,900 steps at the higher rate had
changed nothing. What the package brings took 13,000, 2,200 and 900 steps. Each stage ends with its
weights in the package. Pictures and checkpoints stay in build/motion; preview/latest.png in a
stage's folder shows people who are held out.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from train_base_weights import film_all, random_moment

from deepfake_lesson import presets
from deepfake_lesson.files import replacing
from deepfake_lesson.images import fit
from deepfake_lesson.studio.people import RESERVED_SEEDS

HELD_OUT = RESERVED_SEEDS["base"][32:44]
PEOPLE = RESERVED_SEEDS["base"][600:800]
MOMENTS = 24  # of each person
STAGES = {  # preset, steps and learning rate
    "small": ("quick", 30_000, 4e-4),
    "large": ("laptop", 30_000, 4e-4),
    "fine": ("laptop", 5_000, 1e-4),
}
FRAME_SIZE, FACE_SIZE = 256, 128  # pixels of the photo, and of the square that is kept


def film(seed: int, folder: Path) -> None:
    """Moments of a person in one scene, cut to one square: (MOMENTS, FACE_SIZE, FACE_SIZE, 3)."""
    from deepfake_lesson.animation.clips import cut
    from deepfake_lesson.studio.people import Identity
    from deepfake_lesson.studio.renderer import render_moment

    path = folder / f"{seed}.npy"
    if path.exists():
        return
    rng = np.random.default_rng((seed, 11))
    _, scene = random_moment(rng)
    identity, frames = Identity.sample(seed), []
    for number in range(MOMENTS):
        moment, _ = random_moment(rng)
        shot = replace(scene, camera=scene.camera.frame(number))
        frames.append(render_moment(identity, moment, shot, FRAME_SIZE, supersample=1))
    points = np.stack([frame.landmarks for frame in frames])
    with replacing(path) as draft:
        np.save(draft, cut((frame.image for frame in frames), points, FACE_SIZE))


def load(folder: Path, seeds, size: int) -> list[np.ndarray]:
    """The clips of these people at `size` pixels."""
    clips = (np.load(folder / f"{seed}.npy") for seed in seeds)
    return [np.stack([fit(frame, size) for frame in clip]) for clip in clips]


def main() -> None:
    from deepfake_lesson.animation.animate import SHIPPED
    from deepfake_lesson.animation.training import MotionConfig, ship_motion, train_motion

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("build/motion"))
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--minutes", type=float, help="of each stage in this call; else all steps")
    parser.add_argument("--film-only", action="store_true", help="make the pictures, then stop")
    wishes = parser.parse_args()
    pictures = wishes.folder / "pictures"
    film_all(film, [*HELD_OUT, *PEOPLE], pictures)
    if wishes.film_only:
        return
    earlier = None
    for stage, (preset, steps, rate) in STAGES.items():
        folder, config = wishes.folder / stage, MotionConfig.from_preset(presets.preset(preset))
        if stage in wishes.stages:
            train_motion(
                load(pictures, PEOPLE, config.size),
                folder,
                steps=None if wishes.minutes else steps,
                minutes=wishes.minutes,
                held_out=load(pictures, HELD_OUT, config.size),
                config=replace(config, learning_rate=rate),
                start=earlier,
                people=(),  # none who could withdraw
            )
            ship_motion(folder, SHIPPED)
        earlier = folder


if __name__ == "__main__":
    main()
