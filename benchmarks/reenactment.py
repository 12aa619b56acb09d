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

from tqdm import tqdm

from deepfake_lesson import presets
from deepfake_lesson.files import replacing
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.studio.recipe import record

BUILD = Path("build/reenactment_benchmark")
DRIVER_OF = {118: 109, 109: 118}  # target: driver
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

`python benchmarks/reenactment.py --minutes {minutes:g} --variant-minutes {variant_minutes:g}`
({machine}, {cores} cores). Laptop preset: {size} x {size} pixels, {filters} filters, batch 1;
each target is a studio person filmed for {frames} frames (screen test), the last 15 % held out.
The driver is another studio person in conversation, in another room and light. Expression can be
judged only where dlib can read a mouth: over 24 studio people its jaw opening correlates with the
studio's own by -.1 to .97 (20 frames each), and people 118 and 109 were chosen for that (.97, .96).

Held out: structural similarity over the picture and in the face mask, and how far dlib finds the
landmarks from where they were drawn, in percent of the outer eye distance. Driven: the studio films
the target doing what the driver does, and dlib reads both; correlations of jaw opening and mouth
width over {measured} frames, mean pose error in degrees, identity: share of frames whose face is
the target's (embedding distance within the threshold of studio people), and the same of the truth.

{main}

Equal time ({variant_minutes:g} minutes), target {first}:

{variants}
"""
HEAD = (
    "training | steps | SSIM | in the face | landmarks | jaw | smile | pose | identity "
    "| of the truth"
)


def person(seed: int, performance: str, seconds: float, take: int) -> Person:
    """A studio person filmed for the benchmark; filmed once."""
    folder = BUILD / f"{seed}_{performance}"
    if not (folder / "consent.toml").exists():
        record(seed, folder, performance, seconds, FPS, 512, take)
    return open_person(folder)


def run(target: int, name: str, minutes: float) -> dict:
    """Train one model, let it be driven, and return its row."""
    from deepfake_lesson.reenactment.clips import reenact
    from deepfake_lesson.reenactment.pairs import create_pairs
    from deepfake_lesson.reenactment.training import ReenactmentConfig, train_reenactment

    folder = BUILD / f"{target}_{name.replace(' ', '_')}_{minutes:g}"
    if (done := folder / "row.json").exists():
        return json.loads(done.read_text())
    filmed = person(target, "screen_test", FRAMES / FPS, take=1)
    driver = person(DRIVER_OF[target], "conversation", 8, take=2)
    create_pairs(filmed)
    networks, rest = VARIANTS[name]
    config = ReenactmentConfig.from_preset(presets.preset("laptop"))
    config = replace(config, pix2pix=replace(config.pix2pix, **networks), **rest)
    trained = train_reenactment(filmed, folder, minutes=minutes, fresh=True, config=config)
    driven = reenact(driver.media / "clip.mp4", folder, folder / "driven.mp4")
    truth, identity = driven["truth"], driven["identity"]
    row = {
        "target": target,
        "name": name,
        "steps": trained.step,
        **last_scores(folder),
        **{measure: truth[measure] for measure in ("jaw", "smile", "pose")},
        "kept": identity["kept"],
        "truth_kept": identity["truth_kept"],
        "measured": driven["measured"],
    }
    with replacing(done) as draft:
        draft.write_text(json.dumps(row))
    return row


def last_scores(folder: Path) -> dict[str, float]:
    """Scores on the held-out pairs at the end of the training: all of them, not every third."""
    from deepfake_lesson.reenactment.pairs import load_pairs
    from deepfake_lesson.reenactment.training import load_reenactment, measure

    model = load_reenactment(folder)
    filmed = open_person(BUILD / f"{model.target.seed}_screen_test")
    held_out = load_pairs(filmed).resized(model.size).split(model.config.held_out)[1]
    return measure(model.generator, held_out, model.config)


def table(rows: list[dict], names: list[str]) -> str:
    """Rows as Markdown."""
    lines = [f"| {HEAD} |", "|---" * (HEAD.count("|") + 1) + "|"]
    for name, row in zip(names, rows, strict=True):
        lines.append(
            f"| {name} | {row['steps']} | {row['ssim']:.3f} | {row['ssim_face']:.3f} "
            f"| {row['landmarks']:.1%} | {row['jaw']:.2f} | {row['smile']:.2f} "
            f"| {row['pose']:.1f} | {row['kept']:.0%} | {row['truth_kept']:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run everything and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10, help="of training (%(default)s)")
    parser.add_argument("--variant-minutes", type=float, default=3, help="of the comparison")
    parser.add_argument("--targets", type=int, nargs="+", default=list(DRIVER_OF))
    options = parser.parse_args()

    first = options.targets[0]
    jobs = [(target, "preset", options.minutes) for target in options.targets]
    jobs += [(first, name, options.variant_minutes) for name in VARIANTS]
    rows = [run(*job) for job in tqdm(jobs, "models")]
    split = len(options.targets)
    chosen = presets.preset("laptop").reenactment
    text = TEXT.format(
        **vars(options),
        machine=platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        size=chosen.size,
        filters=chosen.filters,
        frames=FRAMES,
        measured=rows[0]["measured"],
        first=first,
        main=table(rows[:split], [f"target {target}" for target in options.targets]),
        variants=table(rows[split:], list(VARIANTS)),
    )
    print(text)
    with replacing(Path(__file__).with_suffix(".md")) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
