"""Make the base weights that every re-enactment starts from.

    python data_scripts/train_reenactment_base.py            # film, train, save: about an hour
    python data_scripts/train_reenactment_base.py --size 128 # the small network only

One studio person, the stand-in, is filmed for minutes, in one room and one light, doing all that
the studio knows. A network that has learnt to paint the stand-in knows how a drawing becomes a
face, and needs a tenth of the steps to learn another one.

The stand-in is one of the "base" seeds of the studio, which no demo, chapter, test or benchmark
uses. Clips and checkpoints stay in build/reenactment, and an interrupted run goes on.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from deepfake_lesson import presets

STAND_IN = 10_008  # nothing hides the face: no beard, no glasses, no fringe
SCENE = 3  # the take whose room, light and camera serve all clips
TRACKS = ("screen_test", "conversation", "expressions", "look_around", "talk")
CLIPS, SECONDS, FPS = 12, 16, 12.5
FRAME_SIZE = 400  # pixels, of which the face's square takes about 256
# Steps for a picture's side: first without a discriminator, which is quick, what a face looks like;
# then with it its texture.
STEPS = {128: (6_000, 1_500), 256: (12_000, 3_000)}


def film(folder: Path):
    """The stand-in's folder with CLIPS clips of one scene; those that are there stay."""
    from deepfake_lesson.files import replacing
    from deepfake_lesson.people import create_person, open_person
    from deepfake_lesson.studio.people import Identity
    from deepfake_lesson.studio.recipe import Recipe
    from deepfake_lesson.studio.renderer import render_performance
    from deepfake_lesson.video import VideoWriter

    identity = Identity.sample(STAND_IN)
    scene = Recipe(STAND_IN, seed=SCENE).scene()
    for take in tqdm(range(CLIPS), "filming"):
        clip = folder / "media" / f"take_{take:02d}.mp4"
        if clip.exists():
            continue
        track = TRACKS[take % len(TRACKS)]
        acting = Recipe(STAND_IN, track, SECONDS, FPS, FRAME_SIZE, take).acting()
        with (
            replacing(clip) as draft,
            VideoWriter(draft, FPS, (FRAME_SIZE, FRAME_SIZE)) as writer,
        ):
            for frame in render_performance(identity, acting, scene, FRAME_SIZE, supersample=1):
                writer.write(frame.image)
    if not (folder / "consent.toml").exists():
        create_person(folder, f"studio person {STAND_IN}", "synthetic", seed=STAND_IN)
    return open_person(folder)


def main() -> None:
    """Film, cut into pairs, train, and save as base weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, choices=(128, 256), help="train only this one")
    parser.add_argument("--build", type=Path, default=Path("build/reenactment"))
    options = parser.parse_args()

    from deepfake_lesson.reenactment.pairs import create_pairs
    from deepfake_lesson.reenactment.training import (
        WEIGHTS,
        ReenactmentConfig,
        load_networks,
        save_base_weights,
        train_reenactment,
    )

    person = film(options.build / "stand_in")
    print(create_pairs(person))
    for name in ("quick", "laptop"):
        usual = ReenactmentConfig.from_preset(presets.preset(name))
        size = usual.pix2pix.size
        if options.size not in (None, size):
            continue
        shape = replace(usual, from_base=False, pix2pix=replace(usual.pix2pix, gan=0.0))
        parts = zip(("shape", "texture"), (shape, usual), STEPS[size], strict=True)
        for part, config, steps in parts:
            folder = options.build / f"{part}_{size}"
            config = replace(config, held_out=0.05)
            print(train_reenactment(person, folder, steps=steps, config=config))
            print(save_base_weights(WEIGHTS, load_networks(folder, config)))


if __name__ == "__main__":
    main()
