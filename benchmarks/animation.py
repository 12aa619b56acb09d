"""How well first order motion rebuilds clips, moves other people, and how fast.

    python benchmarks/animation.py                      # about 15 minutes on two cores
    python benchmarks/animation.py --people 3 --model build/motion/laptop

Studio people whom no training has seen are filmed in conversation. Each clip is rebuilt from its
first frame; then a picture of one person is driven by another's clip, and compared with the
studio's film of that person doing the same. Writes benchmarks/animation.md and animation.jpg; clips
stay in build/animation_benchmark.
"""

import argparse
import os
import platform
from pathlib import Path
from time import perf_counter

import numpy as np
from tqdm import tqdm

from deepfake_lesson.animation import evaluation
from deepfake_lesson.animation.animate import (
    SHIPPED,
    AnimateOptions,
    animated,
    framed_alike,
    open_motion,
)
from deepfake_lesson.animation.clips import person_clips
from deepfake_lesson.animation.portrait import Portrait, best_frame
from deepfake_lesson.export import ENGINES, best_engine
from deepfake_lesson.files import replacing
from deepfake_lesson.images import fit, grid, write_image
from deepfake_lesson.landmarks import transform_points, warp
from deepfake_lesson.models.first_order_inference import MovingPicture
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.pipeline import Stopwatch
from deepfake_lesson.reenactment.conditions import square_matrix
from deepfake_lesson.reenactment.driving import follow_face
from deepfake_lesson.reenactment.evaluation import ReenactmentEvaluation, reenactment_truth
from deepfake_lesson.studio.recipe import record

BUILD = Path("build/animation_benchmark")
PEOPLE = (118, 111, 109, 116, 122, 119, 106, 105)  # whose mouths dlib can read
SECONDS, FPS, SIZE = 64 / 25, 25, 256
SHOWN = (12, 30, 48)  # frames in the picture
TEXT = """# First order motion, measured

`python benchmarks/animation.py` ({machine}, {cores} cores). Model: {model}, {size} x {size} pixels.
{count} studio people whom it has never seen, {frames} frames each, in conversation.

## A clip rebuilt from its first frame

L1: mean absolute difference, percent of white. AKD: distance of dlib's 68 landmarks, pixels of
{size}, mean over x and y. AED: distance of face embeddings, squared. Kept: share of frames in which
the person is the first frame's. Jaw, smile: correlation with the truth's. Mean and standard
deviation over the people; percent of what the still picture gets beside L1 and AKD.

{rebuilt}

## Another person's motion

A picture of one person, driven by the next person's clip from the frame that is most like the
picture on; the truth is the studio's film of the one doing what the other does. Pose: largest
change of yaw, pitch, roll, degrees. Landmarks: percent of the eyes' outer distance. Nearer: share
of frames whose face is nearer to the picture's than to the driver's.

{driven}

## Speed

Keypoints of a driving frame and the painted picture, batches of eight, {size} pixels.

| engine | frames/s |
|---|---|
{speed}

![Driver, the picture's person doing the same, and the studio's truth](animation.jpg)
"""
REBUILT = {
    "L1 %": ("l1", 100, "{:.2f}"),
    "AKD px": ("akd", 1, "{:.2f}"),
    "AED": ("aed", 1, "{:.3f}"),
    "kept %": ("kept", 100, "{:.0f}"),
    "jaw": ("jaw", 1, "{:.2f}"),
    "smile": ("smile", 1, "{:.2f}"),
}
DRIVEN = {
    "jaw": ("truth", "jaw", 1, "{:.2f}"),
    "smile": ("truth", "smile", 1, "{:.2f}"),
    "pose deg": ("truth", "pose", 1, "{:.1f}"),
    "landmarks %": ("truth", "landmarks", 100, "{:.1f}"),
    "SSIM": ("truth", "ssim", 1, "{:.2f}"),
    "SSIM face": ("truth", "ssim_face", 1, "{:.2f}"),
    "kept %": ("identity", "kept", 100, "{:.0f}"),
    "truth kept %": ("identity", "truth_kept", 100, "{:.0f}"),
    "nearer %": ("identity", "nearer_target", 100, "{:.0f}"),
}


def person(seed: int) -> Person:
    """A studio person in conversation; filmed once."""
    folder = BUILD / str(seed)
    if not (folder / "consent.toml").exists():
        record(seed, folder, "conversation", SECONDS, FPS, SIZE)
    return open_person(folder)


def spread(values: list[float | None], form: str) -> str:
    """Mean and standard deviation of the known values."""
    known = [value for value in values if value is not None]
    return f"{form.format(np.mean(known))} ± {form.format(np.std(known))}" if known else "-"


def rebuilt(model, people: list[Person], size: int) -> str:
    """The first table."""
    clips = [np.asarray(person_clips(each, size, progress=False)[0]) for each in people]
    scores = [
        evaluation.compare(model, clip, each.threshold)
        for clip, each in tqdm(list(zip(clips, people, strict=True)), "rebuilt")
    ]
    lines = [f"| | {' | '.join(REBUILT)} |", "|---" * (len(REBUILT) + 1) + "|"]
    for method in evaluation.METHODS:
        cells = []
        for name, scale, form in REBUILT.values():
            values = [each[method][name] for each in scores]
            cell = spread([None if v is None else scale * v for v in values], form)
            if name in ("l1", "akd"):
                share = [each[method][name] / each["still"][name] for each in scores]
                cell += f" ({100 * np.mean(share):.0f} %)"
            cells.append(cell)
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def drive(model, size: int, source: Person, driver: Person, lines: list[np.ndarray]) -> dict:
    """Reports of the source's picture driven by another's clip: each method's name to a report.

    lines: gets pictures of driver, result and truth.
    """
    clip, driving = (each.media / "clip.mp4" for each in (source, driver))
    portrait, track = Portrait.open(clip), follow_face(driving)
    row = best_frame(portrait.landmarks, track)
    plan, square = framed_alike(portrait, track, row, size, relative=True)
    matrix = square_matrix(square, size)
    picture, points = (
        warp(portrait.image, matrix, size),
        transform_points(portrait.landmarks, matrix),
    )
    moving, crops = MovingPicture(model, picture), list(plan.crops(driving))
    results = {
        "still": [picture] * len(crops),
        "affine": [evaluation.affine_warp(picture, points, asked) for asked in plan.landmarks],
        "model": list(animated(moving, plan, driving, row, AnimateOptions(), Stopwatch())),
    }
    truth = reenactment_truth(driving, portrait.recipe, square, size)
    reports = {}
    for method, pictures in results.items():
        judge = ReenactmentEvaluation(portrait.embedding, portrait.threshold, truth)
        for k in range(0, len(crops), 2):
            driver_points = transform_points(track.landmarks[k], plan.matrix)
            judge.add(
                int(track.numbers[k]), pictures[k], plan.landmarks[k], crops[k], driver_points
            )
        reports[method] = judge.report()
    for k in SHOWN:
        true = truth(int(track.numbers[k])).image
        lines += [fit(each, 192) for each in (crops[k], results["model"][k], true)]
    return reports


def driven(reports: list[dict]) -> str:
    """The second table."""
    lines = [f"| | {' | '.join(DRIVEN)} |", "|---" * (len(DRIVEN) + 1) + "|"]
    for method in evaluation.METHODS:
        cells = []
        for part, name, scale, form in DRIVEN.values():
            values = [each[method][part][name] for each in reports]
            cells.append(spread([None if v is None else scale * v for v in values], form))
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def speed(model, clip: np.ndarray) -> str:
    """The third table: the median of five runs for each engine that is installed."""
    lines = []
    for engine in ENGINES if best_engine() != "keras" else ("keras",):
        moving = MovingPicture(model, clip[0], engine)
        part, rates = clip[: evaluation.BATCH], []
        for _ in range(6):
            start = perf_counter()
            moving.paint(moving.detect(part))
            rates.append(len(part) / (perf_counter() - start))
        lines.append(f"| {engine} | {np.median(rates[1:]):.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=SHIPPED, help="folder or checkpoint")
    parser.add_argument("--people", type=int, default=len(PEOPLE), help="how many, of eight")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    options = parser.parse_args()
    model, size = open_motion(options.model)
    people = [person(seed) for seed in tqdm(PEOPLE[: options.people], "people")]
    pairs = list(zip(people, people[1:] + people[:1], strict=True))
    pictures = []
    reports = [drive(model, size, *pair, pictures) for pair in tqdm(pairs, "driven")]
    text = TEXT.format(
        machine=platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        model="the package's own" if options.model == SHIPPED else options.model.name,
        size=size,
        count=len(people),
        frames=round(SECONDS * FPS),
        rebuilt=rebuilt(model, people, size),
        driven=driven(reports),
        speed=speed(model, np.asarray(person_clips(people[0], size, progress=False)[0])),
    )
    print(text)
    columns = 3 * len(SHOWN)
    labels = [*("driver", "result", "truth") * len(SHOWN)] + [""] * (len(pictures) - columns)
    write_image(options.out.with_suffix(".jpg"), grid(pictures, columns, labels))
    with replacing(options.out) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
