"""What the watermark costs, what it survives, and how often it is seen where there is none.

    python benchmarks/watermark.py                   # all, about a quarter of an hour on two cores
    python benchmarks/watermark.py --unmarked 200    # fewer pictures without a mark

Writes benchmarks/watermark.md and watermark.png. Nothing is downloaded: the pictures are renders of
studio people and the colour photographs that come with scikit-image. The swap network is that of
the shipped base weights, which paints a stand-in.
"""

import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import multiprocessing
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from imageio_ffmpeg import get_ffmpeg_exe
from matplotlib.figure import Figure
from skimage.metrics import peak_signal_noise_ratio

from deepfake_lesson import plots
from deepfake_lesson.files import replacing
from deepfake_lesson.provenance.payload import encode
from deepfake_lesson.provenance.watermark import (
    FRAMES,
    KINDS,
    STRONGEST,
    THRESHOLD,
    WEAKEST,
    detect,
    embed_watermark,
    evidence,
)
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Pose, Scene, render
from deepfake_lesson.studio.expression import sample_expression
from deepfake_lesson.studio.recipe import Recipe
from deepfake_lesson.video import read_frames

REPORT = Path(__file__).with_suffix(".md")
FIGURE = Path(__file__).with_suffix(".png")
KIND = "face swap"
BITS = encode(KINDS.index(KIND))
SIZE = (640, 360)
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket")
SEEDS = RESERVED_SEEDS["benchmark"]
UNMARKED_SEEDS, TAKES = 6000, 8  # the first of the people without a mark, and pictures of each
CLIPS, CLIP_SECONDS, RATE = 6, 2, 25

Picture = np.ndarray
Attack = Callable[[Picture], Picture]


# What is done to a picture


def jpeg(quality: int) -> Attack:
    def attack(picture: Picture) -> Picture:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(data, cv2.IMREAD_COLOR)

    return attack


def scale(factor: float) -> Attack:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda picture: cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method)


def crop(share: float) -> Attack:
    """The middle of a picture, so much of its width and height."""

    def attack(picture: Picture) -> Picture:
        height, width = (round(share * side) for side in picture.shape[:2])
        top, left = (picture.shape[0] - height) // 2 + 3, (picture.shape[1] - width) // 2 + 5
        return picture[top : top + height, left : left + width]

    return attack


def blur(sigma: float) -> Attack:
    return lambda picture: cv2.GaussianBlur(picture, (0, 0), sigma)


ATTACKS: dict[str, dict[object, Attack]] = {
    "JPEG quality": {q: jpeg(q) for q in (95, 75, 50, 30, 20, 10)},
    "scaled to, percent": {p: scale(p / 100) for p in (200, 150, 120, 75, 50, 35)},
    "cropped to, percent of each side": {p: crop(p / 100) for p in (90, 70, 50, 35, 25)},
    "blurred by, pixels": {sigma: blur(sigma) for sigma in (0.5, 1, 2, 3, 4)},
    "other": {
        "nothing": lambda picture: picture,
        "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
        "noise, 5 grey levels": lambda picture: cv2.add(
            picture,
            np.random.default_rng(0).normal(0, 5, picture.shape).round(),
            dtype=cv2.CV_8U,
        ),
        "half as bright": lambda picture: cv2.convertScaleAbs(picture, alpha=0.5),
        "cropped 80, scaled 70, JPEG 60": lambda p: jpeg(60)(scale(0.7)(crop(0.8)(p))),
        "turned by 2 degrees": lambda picture: cv2.warpAffine(
            picture, cv2.getRotationMatrix2D((320, 180), 2, 1), picture.shape[1::-1]
        ),
    },
}
CRFS = (18, 23, 28, 33, 38)


def x264(frames: list[Picture], crf: int) -> list[Picture]:
    """Frames after H.264 at a constant rate factor, ffmpeg's preset "medium"."""
    size = f"{frames[0].shape[1]}x{frames[0].shape[0]}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(RATE), "-i", "-"]
    with tempfile.TemporaryDirectory() as folder:
        coded = Path(folder, "coded.mp4")
        code = ["-c:v", "libx264", "-crf", str(crf), "-pix_fmt", "yuv420p", str(coded)]
        command = [get_ffmpeg_exe(), "-v", "error", *raw, *code]
        subprocess.run(command, input=np.stack(frames).tobytes(), check=True)
        return list(read_frames(coded))


# What it is done to


def studio_picture(seed: int, size: tuple[int, int], take: int = 0) -> Picture:
    """A studio person in a random place, pose and mood, sometimes through a JPEG camera."""
    rng = np.random.default_rng((7, seed, take))
    scene = Scene.sample(rng, jpeg=True)
    pose = Pose(rng.uniform(-25, 25), rng.uniform(-15, 15), rng.uniform(-12, 12))
    person, expression = sampled(seed), sample_expression(rng)
    camera = scene.camera, scene.background
    return render(person, expression, pose, scene.light, *camera, size).image


@lru_cache(maxsize=1)
def sampled(seed: int) -> Identity:
    return Identity.sample(seed)


def pictures() -> dict[str, list[Picture]]:
    return {
        "studio": [studio_picture(seed, SIZE) for seed in SEEDS],
        "photographs": [getattr(skimage.data, name)() for name in PHOTOGRAPHS],
    }


def clips() -> Iterator[tuple[list[Picture], np.ndarray]]:
    """Studio people talking: frames and, of each, the true landmarks (68, 2)."""
    for seed in SEEDS[:CLIPS]:
        recipe = Recipe(seed, "talk", CLIP_SECONDS, RATE, SIZE, seed)
        frames = list(recipe.frames())
        yield [frame.image for frame in frames], np.stack([frame.landmarks for frame in frames])


# Measuring


def read(frames: list[Picture]) -> tuple[float, bool, bool]:
    """Share of wrong bits of the best candidate, whether it is found, and whether rightly read."""
    found = detect(evidence(frames))
    wrong = float((np.array(found.bits) != BITS).mean())
    is_found = found.score >= THRESHOLD
    return wrong, is_found, is_found and found.kind == KIND


def spread(frames: list[Picture]) -> list[Picture]:
    """FRAMES of them, evenly spread."""
    return [frames[k] for k in np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)]


def summary(rows: list[tuple[float, bool, bool]]) -> np.ndarray:
    """Percent of wrong bits, found, rightly read."""
    return 100 * np.mean(np.array(rows, float), axis=0)


def attack_table(marked: list[Picture], attacks: dict[object, Attack]) -> np.ndarray:
    """(attacks, 3), as `summary`."""
    return np.stack([summary([read([do(p)]) for p in marked]) for do in attacks.values()])


def video_tables() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """By CRF, from one frame and from FRAMES; and what the swap network leaves."""
    swapper, by_crf = stand_in_swapper(), {"one frame": [], f"{FRAMES} frames": []}
    swaps = {"the whole frames": [], "cropped to the swapped face": [], "to the face before": []}
    for frames, landmarks in clips():
        marked = [embed_watermark(frame, KIND) for frame in frames]
        coded = [x264(marked, crf) for crf in CRFS]
        by_crf["one frame"].append([read([each[len(each) // 2]]) for each in coded])
        by_crf[f"{FRAMES} frames"].append([read(spread(each)) for each in coded])
        few = np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)
        before, points = [marked[k] for k in few], landmarks[few]
        swapped = [swap(swapper, *each) for each in zip(before, points, strict=True)]
        swaps["the whole frames"].append(read(swapped))
        swaps["cropped to the swapped face"].append(read(to_face(swapped, points)))
        swaps["to the face before"].append(read(to_face(before, points)))
    tables = {name: 100 * np.mean(rows, axis=0) for name, rows in by_crf.items()}
    return tables, {name: summary(rows) for name, rows in swaps.items()}


def stand_in_swapper():
    """The face swap as it is converted, with the weights that the package ships."""
    from deepfake_lesson import presets
    from deepfake_lesson.conversion import Swapper
    from deepfake_lesson.models.autoencoder import build_autoencoder
    from deepfake_lesson.training import (
        Identity,
        SwapModel,
        TrainingConfig,
        base_weights,
        load_base_weights,
    )

    config = TrainingConfig.from_preset(presets.preset("laptop")).autoencoder
    autoencoder = build_autoencoder(config)
    load_base_weights(base_weights(config), autoencoder)
    nobody = Identity("Nobody", "synthetic", 0.44, None, None)
    return Swapper(SwapModel(config, autoencoder, {"a": nobody, "b": nobody}))


def swap(swapper, frame: Picture, landmarks: np.ndarray) -> Picture:
    painted = zip(*swapper.generate(swapper.crops(frame, [landmarks])), strict=True)
    return swapper.blend(frame, [landmarks], painted)[0]


def to_face(frames: list[Picture], landmarks: np.ndarray) -> list[Picture]:
    """Frames, each cut to where the face is in the first, so that what is still adds up."""
    left, top = np.maximum(landmarks[0].min(0).astype(int), 0)
    right, bottom = landmarks[0].max(0).astype(int)
    return [frame[top : bottom + 1, left : right + 1] for frame in frames]


def cost(groups: dict[str, list[Picture]]) -> tuple[dict[str, list[float]], float, float]:
    """PSNR (dB) by group, and milliseconds to mark a 640 x 360 frame and to look at one."""
    fidelity = {
        name: [peak_signal_noise_ratio(each, embed_watermark(each, KIND)) for each in group]
        for name, group in groups.items()
    }
    frames = groups["studio"]
    spent = [milliseconds(lambda f=f: embed_watermark(f, KIND)) for f in islice(frames, 3, 23)]
    looked = [milliseconds(lambda f=f: detect(evidence([f]))) for f in frames[:5]]
    return fidelity, float(np.median(spent)), float(np.median(looked))


def milliseconds(function: Callable) -> float:
    """Processor time, so that other jobs on the machine do not count."""
    start = time.process_time()
    function()
    return 1000 * (time.process_time() - start)


# Where there is no mark


def studio_score(number: int) -> float:
    """Of one of TAKES pictures of a person."""
    person, take = divmod(number, TAKES)
    picture = studio_picture(UNMARKED_SEEDS + person, (256, 256), take)
    return detect(evidence([picture])).score


def photograph_score(seed: int) -> float:
    """Of a random part of a photograph, scaled and coded at random."""
    rng = np.random.default_rng((8, seed))
    whole = getattr(skimage.data, PHOTOGRAPHS[seed % len(PHOTOGRAPHS)])()
    height, width = (round(side * rng.uniform(0.4, 1)) for side in whole.shape[:2])
    top, left = rng.integers(whole.shape[0] - height + 1), rng.integers(whole.shape[1] - width + 1)
    part = scale(rng.uniform(200, 400) / min(height, width))(
        whole[top : top + height, left : left + width]
    )
    return detect(evidence([jpeg(int(rng.integers(30, 96)))(part)])).score


def unmarked_scores(count: int) -> dict[str, np.ndarray]:
    """Scores of so many studio pictures, and of a quarter as many parts of photographs."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        os.cpu_count(), context, initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        return {
            "studio": np.array(list(pool.map(studio_score, range(count), chunksize=2 * TAKES))),
            "photographs": np.array(
                list(pool.map(photograph_score, range(count // 4), chunksize=20))
            ),
        }


# The report


def cells(values) -> str:
    return " | ".join(str(value) for value in values)


def table(title: str, columns, rows: dict[str, np.ndarray]) -> list[str]:
    lines = ["", f"| {title} | {cells(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, values in rows.items():
        shown = [f"{wrong:.1f} ({right:.0f})" for wrong, _, right in values]
        lines.append(f"| {name} | {cells(shown)} |")
    return lines


def report(results: dict) -> str:
    fidelity, embed, look = results["cost"]
    lines = [HEAD.format(machine=f"{platform.machine()}, {os.cpu_count()} cores, no GPU")]
    lines += ["", "## Cost", "", "| | mean PSNR, dB | least |", "|---|---|---|"]
    lines += [f"| {name} | {np.mean(v):.1f} | {min(v):.1f} |" for name, v in fidelity.items()]
    lines += [
        "",
        f"Marking a frame of 640 x 360 takes {embed:.1f} ms of processor time (median); looking "
        f"for the mark in such a frame that has none, {look:.0f} ms.",
        "",
        "## What it survives",
        "",
        SURVIVES,
    ]
    for family, by_group in results["attacks"].items():
        lines += table(family, ATTACKS[family], by_group)
    lines += table("H.264, CRF (studio clips)", CRFS, results["video"])
    lines += ["", SWAPPED, "", "| after a swap | wrong bits, % | found, % | read, % |"]
    lines += ["|---|---|---|---|"]
    lines += [
        f"| {name} | {v[0]:.1f} | {v[1]:.0f} | {v[2]:.0f} |" for name, v in results["swap"].items()
    ]
    lines += ["", "## Where there is no mark", "", UNMARKED]
    lines += ["", "| | pictures | highest score | mistaken for marked |", "|---|---|---|---|"]
    for name, scores in results["unmarked"].items():
        wrong = int((scores >= THRESHOLD).sum())
        lines.append(f"| {name} | {len(scores)} | {scores.max():.2f} | {wrong} |")
    count = sum(map(len, results["unmarked"].values()))
    lines += [
        "",
        f"With none in n pictures the rate is below 3/n with 95 % confidence: {3 / count:.4f}.",
    ]
    return "\n".join(lines) + "\n"


HEAD = f"""# The watermark, measured

`python benchmarks/watermark.py` ({{machine}})

A byte in 32 bits, spread over the cosine transform of a pattern that is laid over the picture with
a strength of {WEAKEST:g} to {STRONGEST:g} grey levels, and a pilot by which it is found
(`deepfake_lesson.provenance.watermark`). Found: the pilot's score is {THRESHOLD:g} or more. Read:
found, and the kind of picture is right.

![Wrong bits by attack, and the scores with and without a mark](watermark.png)"""

SURVIVES = f"""Wrong bits of 32 in percent, before correction, and in brackets the share of pictures
whose mark is read, in percent. Without a mark half of the bits are wrong. {len(SEEDS)} renders of
640 x 360 pixels and {len(PHOTOGRAPHS)} photographs of 300 to 1411 pixels, one picture at a time;
{CLIPS} clips of {CLIP_SECONDS} s and 640 x 360 pixels."""

SWAPPED = f"""After a face swap of a marked clip, from {FRAMES} frames: the network paints the face
anew. Whole frames, and frames cut to the box of the face's landmarks, after the swap and before."""

UNMARKED = f"""Scores of pictures that were never marked: studio people in random places, {TAKES}
pictures of each, 256 x 256 pixels; and random parts of the photographs, with the shorter side
scaled to 200 to 400 pixels and JPEG of quality 30 to 95. The best of 279 sizes and of all places
counts."""


def draw(results: dict) -> None:
    plots.use_style()
    figure = Figure((14, 8), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for axes, family in zip(panels, ATTACKS, strict=False):
        if family == "other":
            break
        for name, values in results["attacks"][family].items():
            axes.plot(range(len(values)), values[:, 0], "o-", label=name)
        axes.set_xticks(range(len(ATTACKS[family])), ATTACKS[family])
        axes.set(xlabel=family, ylim=(-2, 52), ylabel="wrong bits (percent)")
    panels[0].legend()
    for name, values in results["video"].items():
        panels[4].plot(range(len(CRFS)), values[:, 0], "o-", label=name)
    panels[4].set_xticks(range(len(CRFS)), CRFS)
    panels[4].set(xlabel="H.264, CRF", ylim=(-2, 52), ylabel="wrong bits (percent)")
    panels[4].legend()
    unmarked = np.concatenate(list(results["unmarked"].values()))
    bins = np.arange(3.5, 24, 0.25)
    panels[5].hist(unmarked, bins, density=True, label="no mark", alpha=0.7)
    panels[5].hist(results["marked"], bins, density=True, label="marked, JPEG 50", alpha=0.7)
    panels[5].axvline(THRESHOLD, color="black", linestyle="--", label="threshold")
    panels[5].set(xlabel="score", ylabel="density")
    panels[5].legend()
    with replacing(FIGURE) as draft:
        figure.savefig(draft, dpi=72)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--unmarked", type=int, default=2000, help="studio pictures without a mark")
    arguments = parser.parse_args()
    groups = pictures()
    marked = {name: [embed_watermark(p, KIND) for p in group] for name, group in groups.items()}
    results = {"cost": cost(groups)}
    results["attacks"] = {
        family: {name: attack_table(group, attacks) for name, group in marked.items()}
        for family, attacks in ATTACKS.items()
    }
    everything = [picture for group in marked.values() for picture in group]
    results["marked"] = [detect(evidence([jpeg(50)(picture)])).score for picture in everything]
    results["video"], results["swap"] = video_tables()
    results["unmarked"] = unmarked_scores(arguments.unmarked)
    draw(results)
    with replacing(REPORT) as draft:
        draft.write_text(report(results), encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
