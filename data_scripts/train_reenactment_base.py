"""Make the base weights that every re-enactment starts from.

    python data_scripts/train_reenactment_base.py            # film, train, save: about an hour
    python data_scripts/train_reenactment_base.py --size 128 # the small network only

One studio person, the stand-in, is filmed for minutes, in one room and one light, doing all that
the studio knows. A network that has learnt to paint the stand-in knows how a drawing becomes a
face, and needs fewer steps to learn another one (benchmarks/reenactment.md).

The stand-in is one of the "base" seeds of the studio, which no demo, chapter, test or benchmark
uses. Clips and checkpoints stay in build/reenactment, and an interrupted run goes on. Scores are
written to benchmarks/reenactment_base.md.
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
PRESET_OF = {128: "quick", 256: "laptop"}
HELD_OUT = 0.05  # share of the pairs, the last in time
REPORT = Path("benchmarks/reenactment_base.md")
TEXT = """# Base weights of the re-enactment

Made by `python data_scripts/train_reenactment_base.py`: one studio person, {pairs} pairs, the last
{held_out:.0%} held out. Structural similarity over the picture and in the face, and how far dlib
finds landmarks from where they were drawn, as a share of the eyes' outer distance, on the held-out:

| size | steps | SSIM | in the face | landmarks |
|---|---|---|---|---|
{rows}
"""


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

    from deepfake_lesson.files import replacing
    from deepfake_lesson.reenactment.pairs import create_pairs, load_pairs

    person = film(options.build / "stand_in")
    create_pairs(person)
    pairs = load_pairs(person)
    sizes = [options.size] if options.size else sorted(STEPS)
    rows = [train(person, pairs, options.build, size) for size in sizes]
    text = TEXT.format(pairs=len(pairs), held_out=HELD_OUT, rows="\n".join(rows))
    print(text)
    if not options.size:
        with replacing(REPORT) as draft:
            draft.write_text(text, encoding="utf-8")


def train(person, pairs, build: Path, size: int) -> str:
    """Make the base weights of one size; returns their row of the report."""
    from deepfake_lesson.reenactment import training

    usual = training.ReenactmentConfig.from_preset(presets.preset(PRESET_OF[size]))
    usual = replace(usual, held_out=HELD_OUT)
    shape = replace(usual, from_base=False, pix2pix=replace(usual.pix2pix, gan=0.0))
    parts = zip(("shape", "texture"), (shape, usual), STEPS[size], strict=True)
    for part, config, steps in parts:
        folder = build / f"{part}_{size}"
        training.train_reenactment(person, folder, steps=steps, config=config)
        networks = training.load_networks(folder, config)
        training.save_base_weights(training.WEIGHTS, networks)
    held_out = pairs.resized(size).split(HELD_OUT)[1]
    ssim, in_face, error = training.measure(networks.generator, held_out, usual).values()
    return f"| {size} | {sum(STEPS[size])} | {ssim:.3f} | {in_face:.3f} | {error:.1%} |"


if __name__ == "__main__":
    main()
