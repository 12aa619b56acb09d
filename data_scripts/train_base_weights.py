"""Make the base weights that every face swap starts from.

    python data_scripts/train_base_weights.py    # film, train, save, measure: about three hours

The studio can film what no camera can: two people in exactly the same moment. Here a few hundred
people each act some moments, and one person, the stand-in, acts every one of them too. A network
learns to paint the stand-in from a picture of anybody: first the whole face, then with eyes and
mouth counting more, then sharply and from pictures as poor as real cameras make them, at last with
more people. So its encoder keeps expression, pose, gaze and light, and has no use for who it was:
that is why it can stay frozen when two new people are trained, and why nothing of a is left in b's
decoder.

The people are the "base" seeds of the studio, which no demo, chapter, test or benchmark uses.
Pictures and checkpoints stay in build/base, and an interrupted run goes on where it was.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepfake_lesson import presets
from deepfake_lesson.files import replacing
from deepfake_lesson.images import grid, to_float, to_uint8
from deepfake_lesson.landmarks import (
    alignment_matrix,
    warp,
)
from deepfake_lesson.studio.people import RESERVED_SEEDS

STAND_IN = 10_008  # nothing hides the face: no beard, no glasses, no fringe
HELD_OUT = RESERVED_SEEDS["base"][20:32]
PEOPLE = RESERVED_SEEDS["base"][100:600]
MOMENTS = 40  # pictures of each person
FRAME_SIZE, FACE_SIZE = 320, 192  # pixels: the photo, and the aligned face kept of it
BATCH = 16
LEARNING_RATE = 4e-4
OUTSIDE = 0.15  # weight of what is no face


@dataclass(frozen=True)
class Round:
    """A part of the training.

    people: how many of PEOPLE take part. features: how much brows, eyes and mouth count beside
    skin. dssim: how much structure counts beside colour. wear: strength of `random_wear` on the
    inputs, and of `random_light` on all.
    """

    name: str
    steps: int
    people: int
    features: float
    dssim: float = 0.0
    wear: float = 0.0


ROUNDS = (
    Round("face", 12_000, 260, features=1.0),
    Round("features", 6_000, 260, features=5.0),
    Round("detail", 16_000, 260, features=5.0, dssim=0.5, wear=0.5),
    Round("everybody", 18_000, len(PEOPLE), features=5.0, dssim=0.5, wear=0.5),
)


def random_moment(rng: np.random.Generator):
    """An instant of a random performance, or a random expression and pose; then a random scene."""
    from deepfake_lesson.studio.camera import Pose, Scene
    from deepfake_lesson.studio.expression import sample_expression
    from deepfake_lesson.studio.performance import TRACKS, Moment, Performance

    if rng.random() < 0.6:
        track = list(TRACKS)[rng.integers(len(TRACKS))]
        acting = Performance.named(track, seconds=4, fps=25, seed=int(rng.integers(1 << 30)))
        moment = acting[int(rng.integers(len(acting)))]
    else:
        pose = Pose(rng.normal(0, 12), rng.normal(0, 7), rng.normal(0, 5))
        moment = Moment(sample_expression(rng), pose)
    return moment, Scene.sample(rng)


def film(seed: int, folder: Path) -> None:
    """Pictures of one person and of the stand-in in the same moments: (2, MOMENTS, h, w, 3) uint8.

    Both are aligned by the landmarks found on the person, as in a swap: the network also learns
    where in the crop another face belongs.
    """
    from deepfake_lesson.studio.people import Identity
    from deepfake_lesson.studio.renderer import render_moment

    path = folder / f"{seed}.npy"
    if path.exists():
        return
    rng = np.random.default_rng((seed, 7))
    person, stand_in = Identity.sample(seed), Identity.sample(STAND_IN)
    pictures = np.empty((2, MOMENTS, FACE_SIZE, FACE_SIZE, 3), np.uint8)
    for number in range(MOMENTS):
        moment, scene = random_moment(rng)
        clean = replace(scene, camera=replace(scene.camera, noise=0.0, blur=0.0, jpeg=0))
        frame = render_moment(person, moment, scene, FRAME_SIZE, supersample=1)
        truth = render_moment(stand_in, moment, clean, FRAME_SIZE, supersample=1)
        matrix = alignment_matrix(found_landmarks(frame, rng), FACE_SIZE)
        for row, image in enumerate((frame.image, truth.image)):
            pictures[row, number] = warp(image, matrix, FACE_SIZE)
    with replacing(path) as draft:
        np.save(draft, pictures)


def found_landmarks(frame, rng: np.random.Generator) -> np.ndarray:
    """The 68 points as predicted in a box that is a little off, as detectors' boxes are."""
    from deepfake_lesson.detectors import predict_landmarks

    low, high = frame.landmarks.min(0), frame.landmarks.max(0)
    side = float((high - low).max())
    middle = (low + high) / 2 + rng.normal(0, 0.02, 2) * side
    half = side / 2 * (1 + rng.normal(0, 0.03))
    return predict_landmarks(frame.image, (*(middle - half), *(middle + half)))


def film_all(film: Callable[[int, Path], None], seeds: list[int], folder: Path) -> None:
    """Every person's pictures, on all cores."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in tqdm(pool.map(film, seeds, [folder] * len(seeds)), "filming", len(seeds)):
            pass


def load_pairs(folder: Path, seeds) -> np.ndarray:
    """(2, N, h, w, 3) uint8: people, and the stand-in in the same moments."""
    return np.concatenate([np.load(folder / f"{seed}.npy") for seed in seeds], axis=1)


def pair_batch(step: int, pairs: np.ndarray, size: int, weights: np.ndarray, wear: float) -> tuple:
    """Batch `step`: inputs, targets (BATCH, size, size, 3) and weights (BATCH, size, size)."""
    from deepfake_lesson.augment import random_light, random_matrix, random_warp, random_wear

    rng = np.random.default_rng((1, step))
    inputs, targets = [], []
    for index in rng.integers(0, pairs.shape[1], BATCH):
        matrix = random_matrix(rng)
        person, stand_in = (
            random_warp(picture, rng, size, sigma=0.0, matrix=matrix)[1]
            for picture in pairs[:, index]
        )
        person, stand_in = random_light((person, stand_in), rng, wear)
        inputs.append(random_wear(person, rng, wear))
        targets.append(stand_in)
    return np.stack(inputs), np.stack(targets), np.stack([weights] * BATCH)


def build_base(config):
    """Encoder, decoder, and the network from anybody's face to the stand-in's."""
    from deepfake_lesson.models import keras
    from deepfake_lesson.models.autoencoder import build_decoder, build_encoder

    dtype = presets.compute_dtype()
    encoder, decoder = build_encoder(config, dtype=dtype), build_decoder(config, dtype=dtype)
    face = keras.Input((config.size, config.size, 3), name="face")
    return encoder, decoder, keras.Model(face, decoder(encoder(face)), name="base")


def crops(pictures: np.ndarray, size: int) -> np.ndarray:
    """Aligned faces (N, FACE_SIZE, FACE_SIZE, 3) as the network sees them."""
    from deepfake_lesson.augment import random_warp

    rng = np.random.default_rng(0)
    return np.stack([random_warp(picture, rng, size, sigma=0.0)[1] for picture in pictures])


def preview(network, faces: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Rows of anybody, the stand-in as painted, and the stand-in as filmed."""
    painted = to_uint8(network.predict_on_batch(to_float(faces)))
    return grid([*faces, *painted, *truth], columns=len(faces))


def train_base(folder: Path, pairs_folder: Path, config):
    """All rounds, each in a model folder of its own; returns encoder, decoder and network."""
    pairs, held_out = (load_pairs(pairs_folder, seeds) for seeds in (PEOPLE, HELD_OUT))
    encoder, decoder, network = build_base(config)
    some = np.arange(0, held_out.shape[1], max(1, held_out.shape[1] // 10))[:10]
    shown = [crops(one, config.size) for one in held_out[:, some]]
    for each in ROUNDS:
        train_round(folder / each.name, each, config, network, pairs, shown)
    return encoder, decoder, network


def train_round(folder: Path, round_: Round, config, network, pairs, shown) -> None:
    """Train for a round from where the network stands, or go on with the round in the folder."""
    from deepfake_lesson.fitting import Limits, fit, supervised
    from deepfake_lesson.models import keras
    from deepfake_lesson.models.losses import painting_loss
    from deepfake_lesson.training import face_weights

    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, round_.steps, alpha=0.02, warmup_target=LEARNING_RATE, warmup_steps=200
    )
    weights = face_weights(config.size, round_.features, OUTSIDE)
    fit(
        folder,
        "base",
        {"autoencoder": asdict(config), "steps": round_.steps, "people": round_.people},
        supervised(
            network,
            keras.optimizers.Adam(schedule, beta_1=0.9),
            painting_loss(round_.dssim),
            "base",
        ),
        partial(
            pair_batch,
            pairs=pairs[:, : round_.people * MOMENTS],
            size=config.size,
            weights=weights,
            wear=round_.wear,
        ),
        Limits(round_.steps),
        partial(preview, network, *shown),
        checkpoint_seconds=120,
    )


def measure(network, pairs_folder: Path, size: int) -> dict[str, float]:
    """Mean absolute error on the face, people never trained on: untouched, and as painted."""
    from deepfake_lesson.training import face_weights

    faces, truth = (crops(one, size) for one in load_pairs(pairs_folder, HELD_OUT))
    painted = np.concatenate(
        [network.predict_on_batch(to_float(part)) for part in np.array_split(faces, 16)]
    )
    on_face = face_weights(size, 1.0, OUTSIDE) > 1
    errors = [np.abs(to_float(x) - to_float(truth))[:, on_face].mean() for x in (faces, painted)]
    return {"untouched": float(errors[0]), "painted": float(errors[1])}


def main() -> None:
    from deepfake_lesson.models.autoencoder import AutoencoderConfig
    from deepfake_lesson.training import WEIGHTS, save_base_weights

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/base"))
    parser.add_argument("--film-only", action="store_true", help="make the pictures, then stop")
    wishes = parser.parse_args()
    pairs_folder = wishes.folder / "pairs"
    film_all(film, [*HELD_OUT, *PEOPLE], pairs_folder)
    if wishes.film_only:
        return
    laptop = presets.preset("laptop")
    config = AutoencoderConfig(laptop.size, laptop.width, laptop.upscale)
    encoder, decoder, network = train_base(wishes.folder, pairs_folder, config)
    saved = save_base_weights(WEIGHTS, config, encoder, decoder)
    scores = measure(network, pairs_folder, config.size)
    report = (
        "# Base weights\n\nMade by `python data_scripts/train_base_weights.py`:"
        f" {len(PEOPLE)} studio people, {MOMENTS} pictures each,"
        f" {sum(each.steps for each in ROUNDS)} steps of {BATCH}.\n\nMean absolute error on the"
        f" face against the stand-in's own picture, {len(HELD_OUT)} people never trained on:\n\n"
        "| picture | error |\n|---|---|\n"
        f"| untouched | {scores['untouched']:.4f} |\n| painted | {scores['painted']:.4f} |\n"
    )
    Path("benchmarks/base_weights.md").write_text(report, encoding="utf-8")
    print(report, f"Saved in {saved}.", sep="\n")


if __name__ == "__main__":
    main()
