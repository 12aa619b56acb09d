"""How good the face swap is: six pairs of studio people, against the truth, at equal time.

    python benchmarks/swap_quality.py                           # about four hours on two cores
    python benchmarks/swap_quality.py --rows default --pairs 0 --minutes 1
    python benchmarks/swap_quality.py --pairs 0 2 --steps 400    # whatever else the machine does
    python benchmarks/swap_quality.py --table                   # from what is measured already

Each row of the table is a way to train. For each pair it is trained on clips of both people and
then swaps another clip of the driver, in another room and light, that it has never seen. Clips,
models and results stay in build/swap_benchmark; what is there is not done again. Writes
benchmarks/swap_quality.md and the figure beside it.
"""

import argparse
import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepfake_lesson import presets
from deepfake_lesson.augment import Augmentation
from deepfake_lesson.conversion import ConvertOptions, convert
from deepfake_lesson.extraction import create_face_dataset
from deepfake_lesson.files import replacing
from deepfake_lesson.images import fit, grid, write_image
from deepfake_lesson.models.autoencoder import AutoencoderConfig
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.studio.recipe import record
from deepfake_lesson.training import GENTLE, TrainingConfig, load_model, train
from deepfake_lesson.truth import studio_truth
from deepfake_lesson.video import read_frames

BUILD = Path("build/swap_benchmark")
PAIRS = {  # driver, painted on him
    (105, 118): "dark skin to light, face shapes far apart",
    (118, 113): "light skin to dark, long hair to none",
    (115, 109): "beard to none",
    (109, 107): "none to beard",
    (111, 119): "glasses on both",
    (122, 117): "glasses to none",
}
LEARNT = ("screen_test", 12, 512, 1)  # performance, seconds, size, take
HELD_OUT = ("conversation", 2.56, (640, 360), 2)
FPS = 25
SHOWN = (12, 44)  # frames of the figure, what of them, and at how many pixels
CROP, SIDE = (slice(0, 360), slice(140, 500)), 240


def laptop() -> TrainingConfig:
    return TrainingConfig.from_preset(presets.preset("laptop"))


ROWS: dict[str, Callable[[], TrainingConfig]] = {
    "default": laptop,
    "classic": lambda: TrainingConfig(
        AutoencoderConfig(64, 1.0, "shuffle"),
        batch_size=64,
        learning_rate=5e-5,
        from_base=False,
        freeze_encoder=False,
        features=1.0,
        outside=1.0,
        dssim=0.0,
        augmentation=Augmentation(),
    ),
    "no base weights": lambda: replace(
        laptop(), from_base=False, freeze_encoder=False, decay_steps=0, augmentation=Augmentation()
    ),
    "learning rate stays": lambda: replace(laptop(), decay_steps=0),
    "encoder not frozen": lambda: replace(laptop(), freeze_encoder=False),
    "MAE alone": lambda: replace(laptop(), dssim=0.0),
    "eyes and mouth as skin": lambda: replace(laptop(), features=1.0),
    "hair and room as skin": lambda: replace(laptop(), outside=1.0),
    "other light": lambda: replace(laptop(), augmentation=replace(GENTLE, light=0.5)),
    "classic augmentation": lambda: replace(laptop(), augmentation=Augmentation()),
    "features compared": lambda: replace(laptop(), perceptual=0.1),
    "critic": lambda: replace(laptop(), gan=0.02),
}
CONVERSIONS = {
    "not segmented": ConvertOptions(segment=False),
    "edge on the hull": ConvertOptions(mask="facehull", erosion=0),
    "landmarks as found": ConvertOptions(smooth=0),
    "not sharpened": ConvertOptions(sharpen=0),
    "sharpness matched": ConvertOptions(match_sharpness=True),
    "light of the frame": ConvertOptions(color="light"),
    "light of the frame, not calmed": ConvertOptions(color="light", calm=0),
    "colours transferred": ConvertOptions(color="transfer"),
}
TEXT = """# The face swap, measured

`python benchmarks/swap_quality.py` ({machine}, {cores} cores). Six pairs of studio people; each
model learns from {learnt} frames of both (screen test) and is judged on {held_out} frames of
another clip of the driver (conversation, another room and light) against the studio's perfect swap.

| driver -> painted | |
|---|---|
{pairs}

Mean and standard deviation over the pairs. Error: mean absolute difference inside the face, percent
of white, and beside it as a share of the untouched input's. Perceptual: distance of dlib's face
embeddings from the truth's. Nearer b: share of frames whose face is nearer to b than to a, and mean
distance to b (same person below .44). Jaw, smile: correlation of dlib's readings with those of the
truth. Colour: of the face, L\\*a\\*b\\* units (2 are just seen). Jitter: trembling of landmarks
and of colour beside the truth's own; sharpness: fine detail beside the truth's.

{quality}

What it takes:

{costs}

The same models ({longest}), put back into the film in other ways:

{conversions}

![The pairs after {longest}: driver, swap, truth](swap_quality.jpg)
"""
QUALITY = {  # column: from a result, scale
    "error %": (lambda r: 100 * r["swap"]["error"], "{:.1f}"),
    "of input %": (lambda r: 100 * r["swap"]["error"] / r["input"]["error"], "{:.0f}"),
    "SSIM": (lambda r: r["swap"]["ssim"], "{:.2f}"),
    "perceptual": (lambda r: r["swap"]["perceptual"], "{:.2f}"),
    "nearer b %": (lambda r: 100 * r["nearer_b"], "{:.0f}"),
    "to b": (lambda r: r["to_b"], "{:.2f}"),
    "jaw": (lambda r: r["swap"]["jaw"], "{:.2f}"),
    "smile": (lambda r: r["swap"]["smile"], "{:.2f}"),
    "eyes %": (lambda r: 100 * r["swap"]["eyes"], "{:.1f}"),
    "mouth %": (lambda r: 100 * r["swap"]["mouth"], "{:.1f}"),
    "pose deg": (lambda r: r["swap"]["pose"], "{:.1f}"),
    "colour": (lambda r: r["swap"]["color"], "{:.1f}"),
    "jitter": (lambda r: r["swap"]["jitter"], "{:.1f}"),
    "colour jitter": (lambda r: r["swap"]["color_jitter"], "{:.1f}"),
    "sharpness": (lambda r: r["swap"]["sharpness"], "{:.2f}"),
}
COSTS = {
    "pictures seen": (lambda r: r["pictures"], "{:.0f}"),
    "pictures/s": (lambda r: r["pictures_per_second"], "{:.0f}"),
    "waiting %": (lambda r: 100 * r["waiting_share"], "{:.1f}"),
    "million weights": (lambda r: r["parameters"] / 1e6, "{:.1f}"),
    "ms a face": (lambda r: r["ms_per_face"], "{:.0f}"),
}


@cache
def person(seed: int, performance: str, seconds: float, size, take: int) -> Person:
    """A studio person filmed for the benchmark; filmed once. Faces are extracted to learn from."""
    folder = BUILD / f"{seed}_{performance}"
    if not (folder / "consent.toml").exists():
        shutil.rmtree(folder, ignore_errors=True)
        record(seed, folder, performance, seconds, FPS, size, take)
    filmed = open_person(folder)
    if (performance, take) == (LEARNT[0], LEARNT[3]):
        create_face_dataset(filmed, progress=False)
    return filmed


def model_folder(row: str, pair: tuple[int, int], unit: str = "min") -> Path:
    """Where the model of a row for a pair lies; in it, by minutes or steps, what was measured."""
    counted = "" if unit == "min" else f"_{unit}"
    return BUILD / f"{row.replace(' ', '_')}_{pair[0]}_{pair[1]}{counted}"


def measure(row: str, pair: tuple[int, int], until: str) -> None:
    """Bring a row's model for a pair to so many minutes or steps in all, and judge it.

    until: such as "3 min" or "400 steps"; these have a model of their own.
    """
    amount, unit = until.split()
    model, config = model_folder(row, pair, unit), ROWS[row]()
    if (done := model / amount / "result.json").exists():
        return
    a, b = (person(seed, *LEARNT) for seed in pair)
    if unit == "min":
        limit = {"minutes": float(amount) - minutes_trained(model)}
    else:
        limit = {"steps": int(amount)}
    report = train(a, b, model, config=config, **limit)
    costs = {
        "pictures": 2 * config.batch_size * report.step,
        "pictures_per_second": report.pictures_per_second,
        "waiting_share": report.waiting_share,
        "parameters": load_model(model).autoencoder.count_params(),
    }
    judge(model, done, {"row": row, "pair": pair, "until": until} | costs, ConvertOptions())


def minutes_trained(model: Path) -> float:
    """How long a model has been trained already."""
    if not (model / "history.csv").exists():
        return 0.0
    return (
        float(np.genfromtxt(model / "history.csv", delimiter=",", names=True)["seconds"][-1]) / 60
    )


def measure_conversion(name: str, pair: tuple[int, int], until: str) -> None:
    """Swap once more with the default's model, in another way, and judge it."""
    model = model_folder("default", pair, until.split()[1])
    done = model / name.replace(" ", "_") / "result.json"
    if not done.exists():
        about = {"row": "default", "pair": pair, "until": until, "conversion": name}
        judge(model, done, about, CONVERSIONS[name])


def judge(model: Path, done: Path, about: dict, options: ConvertOptions) -> None:
    """Swap the clip that was held out, and write what that is like."""
    clip = person(about["pair"][0], *HELD_OUT).media / "clip.mp4"
    done.parent.mkdir(parents=True, exist_ok=True)
    report = convert(clip, model, "b", done.with_name("swap.mp4"), options)
    stages, identity = report["seconds"], report["identity"]
    result = {
        "input": report["truth"]["input"],
        "swap": report["truth"]["swap"],
        "nearer_b": identity["share_nearer_b"],
        "to_b": identity["after"]["to_b"],
        "before_to_b": identity["before"]["to_b"],
        "ms_per_face": 1000 * (stages["generate"] + stages["blend"]) / report["faces_swapped"],
    }
    with replacing(done) as draft:
        draft.write_text(json.dumps(about | result), encoding="utf-8")


def untouched(results: list[dict]) -> list[dict]:
    """The same measures of doing nothing: no pictures are learnt from."""
    nothing = {"nearer_b": 0.0, "pictures": 0}
    return [
        result | nothing | {"swap": result["input"], "to_b": result["before_to_b"]}
        for result in results
    ]


def table(groups: dict[str, list[dict]], columns: dict) -> str:
    """Markdown: a line for each group of results, mean and standard deviation in each column."""
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, results in groups.items():
        cells = []
        for value, form in columns.values():
            known = [v for v in map(value, results) if v is not None]
            spread = f" ± {form.format(np.std(known))}" if len(known) > 1 else ""
            cells.append(form.format(np.mean(known)) + spread if known else "-")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def groups(results: list[dict]) -> dict[str, list[dict]]:
    """Trained rows by time or steps, the untouched input first."""
    found = {}
    for until in sorted({result["until"] for result in results}, key=_order):
        for row in ROWS:
            chosen = [r for r in results if (r["row"], r["until"]) == (row, until)]
            if chosen:
                pairs = "" if len(chosen) == len(PAIRS) else f" ({len(chosen)} pairs)"
                found[f"{row}, {until}{pairs}"] = chosen
    return {"untouched input": untouched(next(iter(found.values())))} | found


def _order(until: str) -> tuple[bool, float]:
    amount, unit = until.split()
    return unit == "steps", float(amount)


def conversions(results: list[dict], until: str) -> dict[str, list[dict]]:
    """The default's model in the usual way and in others."""
    usual = [r for r in results if (r["row"], r["until"]) == ("default", until)]
    plain = [result for result in usual if "conversion" not in result]
    others = {name: [r for r in usual if r.get("conversion") == name] for name in CONVERSIONS}
    return {"as usual": plain} | {name: chosen for name, chosen in others.items() if chosen}


def figure(row: str, until: str) -> np.ndarray | None:
    """A line for each pair: driver, swap and truth in two moments."""
    lines, (amount, unit) = [], until.split()
    for pair in PAIRS:
        swap = model_folder(row, pair, unit) / amount / "swap.mp4"
        if not swap.exists():
            continue
        clip = person(pair[0], *HELD_OUT).media / "clip.mp4"
        truth, both = studio_truth(clip, pair[1]), (list(read_frames(p)) for p in (clip, swap))
        driver, swapped = both
        for number in SHOWN:
            lines += [driver[number], swapped[number], truth(number).image]
    if not lines:
        return None
    names = ("driver", "swap", "truth") * len(SHOWN)
    labels = [*names, *[""] * (len(lines) - len(names))]
    pictures = [fit(picture[CROP], SIDE) for picture in lines]
    return grid(pictures, len(names), labels)


def report() -> str:
    """The whole benchmarks/swap_quality.md, from what is measured."""
    results = [json.loads(path.read_text()) for path in sorted(BUILD.glob("*/*/result.json"))]
    trained = [result for result in results if "conversion" not in result]
    found = groups(trained)
    pairs_at = Counter(result["until"] for result in trained if result["row"] == "default")
    longest = max(
        pairs_at, key=lambda until: (pairs_at[until], -_order(until)[0], _order(until)[1])
    )
    sheet = figure("default", longest)
    if sheet is not None:
        write_image(Path(__file__).with_suffix(".jpg"), sheet)
    pairs = "\n".join(f"| {a} -> {b} | {words} |" for (a, b), words in PAIRS.items())
    return TEXT.format(
        machine=platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        learnt=round(LEARNT[1] * FPS),
        held_out=round(HELD_OUT[1] * FPS),
        pairs=pairs,
        quality=table(found, QUALITY),
        costs=table({name: rows for name, rows in found.items() if rows[0]["pictures"]}, COSTS),
        conversions=table(conversions(results, longest), QUALITY),
        longest=longest,
    )


def main() -> None:
    """Measure what is asked for and not yet there, then write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--pairs", type=int, nargs="+", default=range(len(PAIRS)), help="0 to 5")
    parser.add_argument("--minutes", type=float, nargs="*", default=[3, 10], help="of training")
    parser.add_argument("--steps", type=int, nargs="*", default=[], help="instead of minutes")
    parser.add_argument("--conversions", action="store_true", help="also other ways to blend")
    parser.add_argument("--table", action="store_true", help="measure nothing, write the report")
    options = parser.parse_args()
    chosen = [list(PAIRS)[number] for number in options.pairs]
    ends = [f"{m:g} min" for m in sorted(options.minutes)]
    ends = [f"{n} steps" for n in sorted(options.steps)] or ends
    if not options.table:
        jobs = [(row, pair, end) for end in ends for row in options.rows for pair in chosen]
        for job in tqdm(jobs, "models"):
            measure(*job)
    if options.conversions:
        for job in tqdm([(name, pair) for name in CONVERSIONS for pair in chosen], "conversions"):
            measure_conversion(*job, ends[-1])
    text = report()
    print(text)
    with replacing(Path(__file__).with_suffix(".md")) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
