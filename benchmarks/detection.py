"""How good detectors are: on their own maker, on others, on unseen people, and on worn clips.

    python data_scripts/make_detection_set.py --out build/detection      # first, about an hour
    python benchmarks/detection.py --set build/detection                 # hours on two cores
    python benchmarks/detection.py --set build/few --network meso4 --size 256 --steps 40

One detector is trained on the fakes of each maker, one on all of them, and one on self-blended
images, for which no fake is needed; also the regression on cues by hand (`--cues`). All are judged
on people of the test split, whom none of them has seen. Models stay in build/detection_benchmark;
what is trained is not trained again. Writes benchmarks/detection.md and the figures beside it.
"""

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from tqdm import tqdm

from deepfake_lesson.detection.crops import SCALE, FaceCrops, clip_tracks, crop_face
from deepfake_lesson.detection.cues import CueModel, cues
from deepfake_lesson.detection.dataset import LabelledVideo, load_crops, read_manifest
from deepfake_lesson.detection.evaluation import (
    AGGREGATIONS,
    auc,
    bootstrap_interval,
    cross_manipulation,
    evaluate_scores,
    reliability,
    scores_by_maker,
    video_scores,
)
from deepfake_lesson.detection.figures import calibration_figure, matrix_figure
from deepfake_lesson.detection.training import (
    Detector,
    DetectorConfig,
    load_detector,
    train_detector,
)
from deepfake_lesson.detection.wear import CRF, WEARS, h264, worn
from deepfake_lesson.files import replacing
from deepfake_lesson.images import draw_figure, write_image
from deepfake_lesson.models.forensics import LITE
from deepfake_lesson.studio import Identity
from deepfake_lesson.video import read_frames

BUILD = Path("build/detection_benchmark")
ALL, BLENDED, CUES = "all makers", "self-blended", "cues by hand"
SPEED_FACES, SPEED_ROUNDS = 128, 5
SKINS = {"light": 0.0, "medium": 1 / 3, "dark": 2 / 3}  # from where on, of 0 to 1
TEXT = """# Detectors, measured

`python benchmarks/detection.py {arguments}`
({machine}, {cores} cores)

Network: {network}, {size} pixels, {parameters:,} parameters, {amount}. Crop: square round the
landmarks, scale {scale}; {frames} frames a video, evenly spread; a video's score is their mean.
Test: {videos} videos ({real} real) of {people} studio people whom no detector has seen. Intervals:
95 %, bootstrap over videos ({rounds} rounds).

## On the maker that it learnt from

The last two rows: on the fakes of all makers.

{own}

## On makers that it never saw

Video AUC, all against the same real videos. Each row is a detector, by what it learnt from; each
column the fakes of one maker. Unseen: mean over the makers that are not in its row's training.

{matrix}

![The same as a picture](detection_matrix.png)

## Seen and unseen people

Video AUC on people of the training and of the test split.

{seen}

## Skin tones

"{best}" on all people from whom it did not learn (validation and test), by the skin of the face
that is shown, 0 light to 1 dark: videos called fake at one half, and video AUC. So few people give
no more than a first look.

{skins}

## Other ways to a video's score

Video AUC of "{best}" on all makers.

{aggregations}

## Worn clips

Video AUC on all makers after one thing was done to every frame before it is cut.

{worn}

![The same as curves](detection_wear.png)

## Calibration

Expected calibration error over {bins} bins of videos: {calibration}.

![Reliability diagram](detection_calibration.png)

## Speed

{speed:.0f} faces a second, cut already, {batch} at a time (median of {speed_rounds} runs).
"""


def config_of(name: str, options: argparse.Namespace) -> DetectorConfig:
    blended = name == BLENDED
    return DetectorConfig(
        options.network,
        options.size,
        options.weights,
        data="self_blended" if blended else "labelled",
        batch_size=options.batch,
        learning_rate=options.learning_rate,
        decay_steps=options.decay_steps,
        boundary=options.boundary if blended else 0.0,
    )


def is_learnt_from(name: str, crops: FaceCrops) -> np.ndarray:
    """Which of the crops a detector of this name learns from."""
    if name in (ALL, BLENDED):
        return np.ones(len(crops), bool)
    return np.isin(crops.makers, ("real", name))


def trained(
    name: str, crops: FaceCrops, held_out: FaceCrops, options: argparse.Namespace
) -> Detector:
    """The detector of a row, trained unless it is there."""
    folder = options.build / f"{options.network}_{options.size}" / name.replace(" ", "_")
    if not (folder / "domain.npz").exists():
        sets = [each.where(is_learnt_from(name, each)) for each in (crops, held_out)]
        minutes = options.minutes
        if name == BLENDED and options.blended_minutes:
            minutes = options.blended_minutes
        limits = {"steps": options.steps} if options.steps else {"minutes": minutes}
        train_detector(*sets, folder, config_of(name, options), **limits)
    return load_detector(folder)


def cue_scores(videos: list[LabelledVideo]) -> dict[str, list[float]]:
    """The test videos' scores by the regression on cues, learnt from the training videos."""
    chosen = [video for video in videos if video.split in ("train", "test")]
    found = {video.path: cues(video.path) for video in tqdm(chosen, "cues")}
    learnt = [video for video in chosen if video.split == "train"]
    model = CueModel.fit([found[v.path] for v in learnt], [v.label for v in learnt])
    scores: dict[str, list[float]] = {}
    for video in chosen:
        if video.split == "test":
            scores.setdefault(video.maker, []).append(model.p_fake(found[video.path]))
    return scores


def own_table(said: dict[str, np.ndarray], test: FaceCrops, rounds: int) -> str:
    """Detectors on fakes of the kind that they learnt from."""
    lines = ["| learnt from | frame AUC | video AUC | interval | EER % | AP | right at .5 % |"]
    lines.append("|---" * 7 + "|")
    for name, scores in said.items():
        own = is_learnt_from(name, test)
        columns = test.labels[own], scores[own], test.videos[own]
        report = evaluate_scores(*columns, rounds=rounds)
        video = report["video"]
        low, high = video["interval"]
        lines.append(
            f"| {name} | {report['frame']['auc']:.3f} | {video['auc']:.3f} | {low:.3f} to "
            f"{high:.3f} | {100 * video['eer']:.1f} | {video['ap']:.3f} | "
            f"{100 * video['accuracy']:.0f} |"
        )
    return "\n".join(lines)


def matrix_table(names: list[str], makers: list[str], matrix: np.ndarray) -> str:
    """The cross-manipulation matrix as a table."""
    lines = [f"| learnt from | {' | '.join(makers)} | unseen |", "|---" * (len(makers) + 2) + "|"]
    for name, row in zip(names, matrix, strict=True):
        seen = makers if name in (ALL, CUES) else [name]
        unseen = [value for maker, value in zip(makers, row, strict=True) if maker not in seen]
        mean = f"{np.mean(unseen):.3f}" if unseen else "-"
        lines.append(f"| {name} | {' | '.join(f'{value:.3f}' for value in row)} | {mean} |")
    return "\n".join(lines)


def seen_table(
    said: dict[str, dict[str, np.ndarray]], splits: dict[str, FaceCrops], rounds: int
) -> str:
    """A column for each split; said: of each, by detector, the scores of all its faces."""
    lines = [f"| learnt from | {' | '.join(splits)} |", "|---" * (len(splits) + 1) + "|"]
    for name in next(iter(said.values())):
        cells = []
        for split, crops in splits.items():
            own = is_learnt_from(name, crops)
            labels, scores = video_labels(crops.where(own), said[split][name][own])
            low, high = bootstrap_interval(labels, scores, rounds=rounds)
            cells.append(f"{auc(labels, scores):.3f} ({low:.3f} to {high:.3f})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def video_labels(
    crops: FaceCrops, scores: np.ndarray, aggregation: str = "mean"
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of the videos."""
    found = video_scores(scores, crops.videos, aggregation)
    labels = dict(zip(crops.videos.tolist(), crops.labels.tolist(), strict=True))
    return np.array([labels[video] for video in found]), np.array(list(found.values()))


def shown_in(video: str) -> int:
    """Whose face a video of the set shows: the last number of its name."""
    return int(Path(video).stem.rpartition("_")[2])


def skin_table(said: np.ndarray, crops: FaceCrops) -> str:
    """By thirds of the studio's skin tones: real and fake videos called fake, and AUC."""
    of_video = video_scores(said, crops.videos)
    labels = dict(zip(crops.videos.tolist(), crops.labels.tolist(), strict=True))
    skins = {video: Identity.sample(shown_in(video)).look.skin for video in labels}
    lines = ["| skin | real videos | called fake % | fakes | called fake % | video AUC |"]
    lines.append("|---" * 6 + "|")
    for name, low in SKINS.items():
        chosen = [video for video in labels if low <= skins[video] < low + 1 / 3]
        real, fake = (
            np.array([of_video[video] for video in chosen if labels[video] == label])
            for label in (0, 1)
        )
        truth, scores = np.repeat([0, 1], [len(real), len(fake)]), np.concatenate([real, fake])
        value = f"{auc(truth, scores):.3f}" if len(real) and len(fake) else "-"
        cells = [f"{len(each)} | {100 * np.mean(each > 0.5):.0f}" for each in (real, fake)]
        lines.append(f"| {name} | {' | '.join(cells)} | {value} |")
    return "\n".join(lines)


def aggregation_table(said: np.ndarray, test: FaceCrops) -> str:
    values = [auc(*video_labels(test, said, name)) for name in AGGREGATIONS]
    names = " | ".join(name.replace("_", " ") for name in AGGREGATIONS)
    line = "|---" * len(AGGREGATIONS) + "|"
    return f"| {names} |\n{line}\n| {' | '.join(f'{value:.3f}' for value in values)} |"


Change = Callable[[list[np.ndarray]], list[np.ndarray]]


def changes() -> dict[tuple[str, float], Change]:
    """Everything that is done to the frames of a clip."""

    def each_frame(name: str, level: float) -> Change:
        return lambda frames: [worn(frame, name, level) for frame in frames]

    found: dict[tuple[str, float], Change] = {
        (name, level): each_frame(name, level)
        for name, (_, levels) in WEARS.items()
        for level in levels
    }
    return found | {("H.264 CRF", crf): lambda frames, crf=crf: h264(frames, crf) for crf in CRF}


def wear_curves(
    detectors: dict[str, Detector], videos: list[LabelledVideo], frames: int
) -> dict[str, dict[tuple[str, float], float]]:
    """Video AUC of each detector after each change; landmarks stay those of the clip as it was."""
    labels: list[int] = []
    scores = {name: {change: [] for change in changes()} for name in detectors}
    for video in tqdm(videos, "worn"):
        tracks = clip_tracks(video.path, 64, frames)
        if not tracks:
            continue
        labels.append(video.label)
        clip = list(read_frames(video.path))
        for change, apply in changes().items():
            after = apply(clip)
            shown = list(zip(tracks[0].numbers, tracks[0].landmarks, strict=True))
            for name, detector in detectors.items():
                size = detector.config.size
                crops = [crop_face(after[number], points, size)[0] for number, points in shown]
                scores[name][change].append(float(detector.p_fake(np.stack(crops)).mean()))
    return {
        name: {change: auc(labels, values) for change, values in found.items()}
        for name, found in scores.items()
    }


def wear_table(curves: dict[str, dict[tuple[str, float], float]]) -> str:
    tables = []
    for kind in dict.fromkeys(kind for kind, _ in changes()):
        levels = [level for other, level in changes() if other == kind]
        tables.append(f"| {kind} | {' | '.join(f'{level:g}' for level in levels)} |")
        tables.append("|---" * (len(levels) + 1) + "|")
        for name, found in curves.items():
            cells = [f"{found[kind, level]:.3f}" for level in levels]
            tables.append(f"| {name} | {' | '.join(cells)} |")
        tables.append("")
    return "\n".join(tables).strip()


def wear_figure(curves: dict[str, dict[tuple[str, float], float]]) -> np.ndarray:
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(kind for kind, _ in changes()))
    figure = Figure((3 * len(kinds), 3), dpi=100, layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), sharey=True), kinds, strict=True):
        levels = [level for other, level in changes() if other == kind]
        for name, found in curves.items():
            values = [found[kind, level] for level in levels]
            axes.plot(range(len(levels)), values, "o-", label=name)
        axes.set(xlabel=kind, ylim=(0, 1.03))
        axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        axes.axhline(0.5, color="#888888", linestyle="--", linewidth=1)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("video AUC")
    figure.axes[0].legend()
    return draw_figure(figure)


def speed(detector: Detector) -> float:
    """Faces a second."""
    size = detector.config.size
    faces = np.random.default_rng(0).integers(0, 256, (SPEED_FACES, size, size, 3), np.uint8)
    rates = []
    for _ in range(SPEED_ROUNDS + 1):  # the first one builds the graph
        start = perf_counter()
        detector.p_fake(faces)
        rates.append(len(faces) / (perf_counter() - start))
    return float(np.median(rates[1:]))


def main() -> None:
    """Train, measure and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", type=Path, required=True, help="of make_detection_set.py")
    parser.add_argument("--build", type=Path, default=BUILD, help="where models are kept")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--network", default=LITE)
    parser.add_argument("--weights", help="imagenet: begin with what photographs taught")
    parser.add_argument("--boundary", type=float, default=0.0, help="of self-blended training")
    parser.add_argument("--size", type=int, default=128, help="pixels of a crop")
    parser.add_argument("--frames", type=int, default=32, help="of a video")
    parser.add_argument("--learnt-frames", type=int, default=16, help="of a training video")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--decay-steps", type=int, default=0, help="after which the rate halves")
    parser.add_argument("--minutes", type=float, default=20, help="of each training")
    parser.add_argument("--blended-minutes", type=float, help="of the self-blended one, if others")
    parser.add_argument("--steps", type=int, help="of each training, instead of minutes")
    parser.add_argument("--rounds", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--cues", action="store_true", help="also the regression on cues")
    options = parser.parse_args()
    videos = read_manifest(options.set)
    counts = {"train": options.learnt_frames, "validation": options.learnt_frames}
    splits = {
        split: load_crops(
            options.set,
            [video for video in videos if video.split == split],
            options.size,
            counts.get(split, options.frames),
        )
        for split in ("train", "validation", "test")
    }
    train, test = splits["train"], splits["test"]
    makers = [maker for maker in np.unique(test.makers).tolist() if maker != "real"]
    makers = [maker for maker in makers if (train.makers == maker).any()]
    detectors = {
        name: trained(name, train, splits["validation"], options)
        for name in (*makers, ALL, BLENDED)
    }
    said = {
        split: {name: each.p_fake(crops.images) for name, each in detectors.items()}
        for split, crops in splits.items()
    }
    scores = {
        name: scores_by_maker(p_fake, test.videos, test.makers)
        for name, p_fake in said["test"].items()
    }
    if options.cues:
        scores[CUES] = cue_scores(videos)
    names, matrix = cross_manipulation(scores, makers)
    general = {name: detectors[name] for name in (ALL, BLENDED)}
    tested = [video for video in videos if video.split == "test"]
    curves = wear_curves(general, tested, min(8, options.frames))
    calibration = {name: reliability(*video_labels(test, said["test"][name])) for name in general}
    steps = f"{options.steps} steps" if options.steps else f"{options.minutes:g} minutes"
    if options.blended_minutes and not options.steps:
        steps += f" (self-blended: {options.blended_minutes:g})"
    text = TEXT.format(
        arguments=shlex.join(sys.argv[1:]),
        machine=platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        network=options.network,
        size=options.size,
        parameters=detectors[ALL].network.count_params(),
        amount=f"{steps} of training each",
        scale=SCALE,
        frames=options.frames,
        videos=len(set(test.videos)),
        real=len(set(test.real.videos)),
        people=len({who for video in tested for who in video.people}),
        rounds=options.rounds,
        own=own_table(said["test"], test, options.rounds),
        matrix=matrix_table(names, makers, matrix),
        seen=seen_table(
            {"seen": said["train"], "unseen": said["test"]},
            {"seen": train, "unseen": test},
            options.rounds,
        ),
        best=BLENDED,
        skins=skin_table(
            np.concatenate([said["validation"][BLENDED], said["test"][BLENDED]]),
            splits["validation"].joined(test),
        ),
        aggregations=aggregation_table(said["test"][BLENDED], test),
        worn=wear_table(curves),
        bins=10,
        calibration=", ".join(f"{name} {each.error:.3f}" for name, each in calibration.items()),
        speed=speed(detectors[BLENDED]),
        batch=32,
        speed_rounds=SPEED_ROUNDS,
    )
    print(text)
    figures = {
        "matrix": matrix_figure(names, makers, matrix),
        "wear": wear_figure(curves),
        "calibration": calibration_figure(calibration),
    }
    for name, figure in figures.items():
        write_image(options.out.with_name(f"{options.out.stem}_{name}.png"), figure)
    with replacing(options.out) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
