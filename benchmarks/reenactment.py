"""How well a re-enactment paints held-out moments, and how well it follows another person.

    python benchmarks/reenactment.py                    # about 50 minutes on two cores
    python benchmarks/reenactment.py --minutes 1 --targets 118

trains the laptop preset on 400 frames of studio people, lets others drive them, and writes the
tables to benchmarks/reenactment.md. Clips, models and results stay in build/reenactment_benchmark;
what is there is not done again.
"""

import argparse
import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepfake_lesson import presets
from deepfake_lesson.files import replacing
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.studio.recipe import record

BUILD = Path("build/reenactment_benchmark")
DRIVERS_OF = {118: (109, 111, 122), 109: (118, 111, 122)}  # target: who drives
FRAMES, FPS = 400, 25
VARIANTS = {  # name: what is changed in the preset's networks, and in the rest of it
    "preset": ({}, {}),
    "no critic (L1 and DSSIM alone)": ({"gan": 0.0}, {}),
    "five times the critic": ({"gan": 0.5}, {}),
    "all pixels alike": ({}, {"features": 1.0}),
    "head outline drawn": ({}, {"outline": True}),
    "no base weights": ({}, {"from_base": False}),
}
TEXT = """# Re-enactment, measured

`python benchmarks/reenactment.py --minutes {minutes:g} --variant-steps {variant_steps}`
({machine}, {cores} cores). Laptop preset: {size} x {size} pixels, {filters} filters, batch 1;
each target is a studio person filmed for {frames} frames (screen test), the last 15 % held out.
Expression can be judged only where dlib can read a mouth: over 24 studio people its jaw opening
correlates with the studio's own by -.1 to .97 (20 frames each), and all people here were chosen for
that (.90 to .97).

Held out: structural similarity over the picture and in the face mask, and how far dlib finds the
landmarks from where they were drawn, in percent of the outer eye distance. Driven by other studio
people in conversation, in other rooms and lights: the studio films the target doing what the driver
does, and dlib reads both; correlations of jaw opening and mouth width over {measured} frames, mean
pose error in degrees, identity: share of frames whose face is the target's (embedding distance
within the threshold of studio people), and the same of the truth.

{held_out}

{driven}

{variant_steps} steps, target {first}, one thing changed in each row:

{variants}
"""
HELD_OUT = ("ssim", "ssim_face", "landmarks")
DRIVEN = ("jaw", "smile", "pose", "kept", "truth_kept")


def person(seed: int, performance: str, seconds: float, take: int) -> Person:
    """A studio person filmed for the benchmark; filmed once."""
    folder = BUILD / f"{seed}_{performance}"
    if not (folder / "consent.toml").exists():
        record(seed, folder, performance, seconds, FPS, 512, take)
    return open_person(folder)


def train_one(target: int, name: str, **limit) -> dict:
    """Train one model for some minutes or steps; its steps and scores on the held-out pairs."""
    from deepfake_lesson.reenactment.pairs import create_pairs
    from deepfake_lesson.reenactment.training import ReenactmentConfig, train_reenactment

    folder = model_folder(target, name, **limit)
    if (done := folder / "scores.json").exists():
        return json.loads(done.read_text())
    filmed = person(target, "screen_test", FRAMES / FPS, take=1)
    create_pairs(filmed)
    networks, rest = VARIANTS[name]
    config = ReenactmentConfig.from_preset(presets.preset("laptop"))
    config = replace(config, pix2pix=replace(config.pix2pix, **networks), **rest)
    trained = train_reenactment(filmed, folder, **limit, fresh=True, config=config)
    scores = {"steps": trained.step, **held_out_scores(folder)}
    with replacing(done) as draft:
        draft.write_text(json.dumps(scores))
    return scores


def drive_one(target: int, driver: int, minutes: float) -> dict:
    """Let a driver drive the preset's model; how near that comes to the truth."""
    from deepfake_lesson.reenactment.clips import reenact

    folder = model_folder(target, "preset", minutes=minutes)
    out = folder / f"by_{driver}" / "driven.mp4"
    if not (done := out.with_name("report.json")).exists():
        out.parent.mkdir(exist_ok=True)
        film = person(driver, "conversation", 8, take=2).media / "clip.mp4"
        reenact(film, folder, out)
    report = json.loads(done.read_text())
    return report["truth"] | report["identity"] | {"measured": report["measured"]}


def model_folder(target: int, name: str, minutes: float | None = None, steps: int = 0) -> Path:
    limit = f"{steps}_steps" if steps else f"{minutes:g}"
    return BUILD / f"{target}_{name.replace(' ', '_')}_{limit}"


def held_out_scores(folder: Path) -> dict[str, float]:
    """Scores on the held-out pairs at the end of the training: all of them, not every third."""
    from deepfake_lesson.reenactment.pairs import load_pairs
    from deepfake_lesson.reenactment.training import load_reenactment, measure

    model = load_reenactment(folder)
    filmed = open_person(BUILD / f"{model.target.seed}_screen_test")
    held_out = load_pairs(filmed).resized(model.size).split(model.config.held_out)[1]
    return measure(model.generator, held_out, model.config)


def held_out_table(rows: dict[str, dict]) -> str:
    """Steps and held-out scores as Markdown."""
    lines = ["| training | steps | SSIM | in the face | landmarks |", "|---" * 5 + "|"]
    for name, row in rows.items():
        ssim, in_face, off = (row[score] for score in HELD_OUT)
        lines.append(f"| {name} | {row['steps']} | {ssim:.3f} | {in_face:.3f} | {off:.1%} |")
    return "\n".join(lines)


def driven_table(drives: dict[tuple[int, int], dict]) -> str:
    """What drivers get out of targets as Markdown, with each target's means."""
    lines = ["| target | driver | jaw | smile | pose | identity | of the truth |", "|---" * 7 + "|"]
    for target in dict.fromkeys(target for target, _ in drives):
        rows = {str(driver): row for (who, driver), row in drives.items() if who == target}
        rows["mean"] = {name: np.mean([row[name] for row in rows.values()]) for name in DRIVEN}
        for driver, row in rows.items():
            jaw, smile, pose, kept, truth_kept = (row[name] for name in DRIVEN)
            lines.append(
                f"| {target} | {driver} | {jaw:.2f} | {smile:.2f} | {pose:.1f} | {kept:.0%} "
                f"| {truth_kept:.0%} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run everything and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10, help="of training (%(default)s)")
    parser.add_argument("--variant-steps", type=int, default=1500, help="of the comparison")
    parser.add_argument("--targets", type=int, nargs="+", default=list(DRIVERS_OF))
    options = parser.parse_args()

    first, minutes = options.targets[0], options.minutes
    targets = tqdm(options.targets, "targets")
    trained = {
        f"target {target}": train_one(target, "preset", minutes=minutes) for target in targets
    }
    pairs = [(target, driver) for target in options.targets for driver in DRIVERS_OF[target]]
    drives = {pair: drive_one(*pair, minutes) for pair in tqdm(pairs, "drivers")}
    names = tqdm(VARIANTS, "variants")
    variants = {name: train_one(first, name, steps=options.variant_steps) for name in names}
    chosen = presets.preset("laptop").reenactment
    text = TEXT.format(
        **vars(options),
        machine=platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        size=chosen.size,
        filters=chosen.filters,
        frames=FRAMES,
        measured=next(iter(drives.values()))["measured"],
        first=first,
        held_out=held_out_table(trained),
        driven=driven_table(drives),
        variants=held_out_table(variants),
    )
    print(text)
    with replacing(Path(__file__).with_suffix(".md")) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
