"""How fast the face swap trains and converts, beside the classic loop on the same machine.

    python benchmarks/swap_speed.py                     # about six minutes on two cores

Training: the same network, batch and pictures in the classic loop (warped in line, one optimiser a
person, float32) and in ours, in turns, so that a busy machine is busy for both. Conversion: a clip
of 640 x 360 pixels with one face. Writes benchmarks/swap_speed.md.
"""

import argparse
import os
import platform
import shutil
from functools import partial
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from tqdm import tqdm

from deepfake_lesson import presets
from deepfake_lesson.augment import Batches, shrink
from deepfake_lesson.conversion import ConvertOptions, convert
from deepfake_lesson.dataset import load_faces
from deepfake_lesson.extraction import create_face_dataset
from deepfake_lesson.files import replacing
from deepfake_lesson.landmarks import similarity_transform
from deepfake_lesson.models import keras
from deepfake_lesson.models.autoencoder import AutoencoderConfig, build_decoder, build_encoder
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.recipe import record
from deepfake_lesson.training import (
    TrainingConfig,
    face_weights,
    learner,
    starting_network,
    train,
    weighted_batch,
)

BUILD = Path("build/speed_benchmark")
NETWORKS = {  # name: network, pictures of each person in a step, steps of a turn
    "classic network (64 px, full width)": (AutoencoderConfig(64, 1.0), 64, 4),
    "a quarter of the width": (AutoencoderConfig(64, 0.25), 64, 20),
}
TURNS = 3
STAGES = ("decode", "detect", "generate", "blend", "encode", "measure", "total")
TEXT = """# The face swap's speed, measured

`python benchmarks/swap_speed.py` ({machine}, {cores} cores, {dtype}). Pictures a second while
training, both people counted, the median of {turns} turns; waiting: share of the last turn in which
our network waited for pictures. Ours does more in a step: DSSIM, and weights of the pixels.

| network, batch of 64 | classic loop | ours | times | waiting |
|---|---|---|---|---|
{training}

Conversion of {frames} frames of 640 x 360 with one face, 128 px model, sharpening and segmentation
on. Stages work at the same time; their own milliseconds a frame, and frames a second of the whole:

| | {stages} | frames/s |
|{lines}|
{conversion}

Measuring is what the report costs: identity and, of studio people, the truth, which has to be
rendered. At most 64 frames are measured, whatever the length.
"""


class ClassicLoop:
    """The published training loop: one autoencoder for each person around a shared encoder."""

    def __init__(self, config: AutoencoderConfig, faces: list[np.ndarray], batch: int):
        self.faces, self.batch, self.size = faces, batch, config.size
        self.rng, encoder = np.random.default_rng(0), build_encoder(config)
        self.models = []
        for seed in (1, 2):
            face = keras.Input((config.size, config.size, 3))
            model = keras.Model(face, build_decoder(config, seed)(encoder(face)))
            adam = keras.optimizers.Adam(5e-5, beta_1=0.5, beta_2=0.999)
            model.compile(adam, "mean_absolute_error", jit_compile=False)
            self.models.append(model)

    def step(self) -> None:
        """Warp a batch of each person, then learn from both."""
        batches = [self.warped(faces) for faces in self.faces]
        for model, (inputs, targets) in zip(self.models, batches, strict=True):
            model.train_on_batch(inputs, targets)

    def warped(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A batch of warped faces and of straight ones, float32."""
        chosen = self.rng.integers(len(faces), size=self.batch)
        pairs = [self.warp(self.turned(faces[k] / 255.0)) for k in chosen]
        inputs, targets = (np.stack(side).astype(np.float32) for side in zip(*pairs, strict=True))
        return inputs, targets

    def turned(self, face: np.ndarray) -> np.ndarray:
        """Rotated, zoomed, shifted, perhaps mirrored."""
        side, rng = face.shape[0], self.rng
        middle = (side // 2, side // 2)
        matrix = cv2.getRotationMatrix2D(middle, rng.uniform(-10, 10), rng.uniform(0.95, 1.05))
        matrix[:, 2] += rng.uniform(-0.05, 0.05, 2) * side
        face = cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        return face[:, ::-1] if rng.random() < 0.4 else face

    def warp(self, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pulled about by a grid of 5 x 5, and the nearest similarity transform of the face."""
        grid = np.linspace(128 - 80, 128 + 80, 5)
        map_x = np.broadcast_to(grid, (5, 5))
        map_y = map_x.T
        map_x, map_y = (m + self.rng.normal(0, 5, (5, 5)) for m in (map_x, map_y))
        large, cut = self.size * 5 // 4, self.size // 8
        fine = [
            cv2.resize(m, (large, large))[cut:-cut, cut:-cut].astype(np.float32)
            for m in (map_x, map_y)
        ]
        warped = cv2.remap(face, *fine, cv2.INTER_LINEAR)
        source = np.stack([map_x.ravel(), map_y.ravel()], axis=-1)
        target = np.mgrid[0 : self.size + 1 : self.size // 4, 0 : self.size + 1 : self.size // 4]
        matrix = similarity_transform(source, target.T.reshape(-1, 2))
        return warped, cv2.warpAffine(face, matrix, (self.size, self.size))


def person(letter: str) -> Person:
    """One of the demo's people, filmed in 640 x 360, faces extracted."""
    folder = BUILD / letter
    if not (folder / "consent.toml").exists():
        seed = RESERVED_SEEDS["demo"]["ab".index(letter)]
        record(seed, folder, "talk", 20, 25, (640, 360))
    filmed = open_person(folder)
    create_face_dataset(filmed, progress=False)
    return filmed


def our_loop(config: AutoencoderConfig, faces: list[np.ndarray], batch: int) -> tuple:
    """The step of `training.train` without checkpoints and previews, and its batches."""
    recipe = TrainingConfig(config, batch, from_base=False, freeze_encoder=False)
    make_batch = partial(
        weighted_batch,
        people=tuple(shrink(each, config.size) for each in faces),
        config=recipe,
        weights=face_weights(config.size, recipe.features, recipe.outside),
    )
    return learner(starting_network(recipe), recipe).step, Batches(make_batch)


def training_line(name: str, people: list[Person]) -> str:
    """Both loops in turns: a line of the table."""
    network, batch, steps = NETWORKS[name]
    faces = [load_faces(each) for each in people]
    classic = ClassicLoop(network, faces, batch)
    learn, batches = our_loop(network, faces, batch)
    rates = {"classic": [], "ours": []}
    with batches:
        loops = {"classic": classic.step, "ours": lambda: learn(next(batches))}
        for step in loops.values():
            step()  # builds the graph
        for _ in range(TURNS):
            for loop, step in loops.items():
                waited, start = batches.waited, perf_counter()
                for _ in range(steps):
                    step()
                seconds = perf_counter() - start
                rates[loop].append(2 * batch * steps / seconds)
            waiting = (batches.waited - waited) / seconds
    middle = {loop: float(np.median(values)) for loop, values in rates.items()}
    times = middle["ours"] / middle["classic"]
    return (
        f"| {name} | {middle['classic']:.0f} | {middle['ours']:.0f} | {times:.1f} | {waiting:.1%} |"
    )


def conversion_line(name: str, people: list[Person], model: Path, truth: bool) -> str:
    """Convert a's clip: milliseconds of each stage and frames a second.

    truth: whether the studio renders the perfect swap beside it, as it can for its own people.
    """
    clip = people[0].media / "clip.mp4"
    if not truth:
        clip = Path(shutil.copyfile(clip, BUILD / "of_anybody.mp4"))
    report = convert(clip, model, "b", BUILD / "swap.mp4", ConvertOptions())
    frames = report["frames"]
    spent = [1000 * report["seconds"][stage] / frames for stage in STAGES]
    rate = frames / report["seconds"]["total"]
    return f"| {name} | {' | '.join(f'{ms:.1f}' for ms in spent)} | {rate:.1f} |"


def main() -> None:
    """Measure and write the report."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    people = [person(letter) for letter in "ab"]
    training = [training_line(name, people) for name in tqdm(NETWORKS, "networks")]
    model = BUILD / "model"
    train(*people, model, "laptop", steps=100, fresh=True, progress=False)
    conversion = [
        conversion_line("a clip of anybody", people, model, truth=False),
        conversion_line("a studio clip, compared with its truth", people, model, truth=True),
    ]
    text = TEXT.format(
        machine=platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        dtype=presets.compute_dtype(),
        turns=TURNS,
        training="\n".join(training),
        frames=500,
        stages=" | ".join(STAGES),
        lines="|".join(["---"] * (len(STAGES) + 2)),
        conversion="\n".join(conversion),
    )
    print(text)
    with replacing(Path(__file__).with_suffix(".md")) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
