"""Make the small network that tells head from background, and what covers the face.

    python data_scripts/train_segmentation.py       # film, train, save, measure: 15 minutes

The studio knows what every pixel shows, so labels cost nothing. The network has to serve three
kinds of pictures: studio people, camera pictures of real ones, and faces that a network painted.
So its inputs are turned, lit, blurred and worn much more than those of the face swap, and things of
any colour are laid over every third face.

The people are "base" seeds of the studio, none of those in `train_base_weights.py`. Pictures and
checkpoints stay in build/segmentation, and an interrupted run goes on where it was.
"""

import argparse
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from train_base_weights import film_all, found_landmarks, random_moment

from deepfake_lesson.augment import random_light, random_matrix, random_warp, random_wear
from deepfake_lesson.files import replacing
from deepfake_lesson.images import grid, to_float, to_uint8
from deepfake_lesson.landmarks import alignment_matrix, warp
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.textures import Part

HELD_OUT = RESERVED_SEEDS["base"][2000:2030]
PEOPLE = RESERVED_SEEDS["base"][2100:2500]
MOMENTS = 20  # pictures of each person
FRAME_SIZE, FACE_SIZE = 288, 128  # pixels: the photo, and the aligned face kept of it
STEPS, BATCH, LEARNING_RATE = 12_000, 32, 1e-3
NO_HEAD = (Part.BACKGROUND, Part.NECK, Part.CLOTH)
COVERS = (Part.HAIR, Part.GLASSES)


def film(seed: int, folder: Path) -> None:
    """Pictures of one person and their labels: (2, MOMENTS, h, w, 3) uint8.

    The labels' channels are head, cover (0 or 255) and nothing.
    """
    from deepfake_lesson.studio.people import Identity
    from deepfake_lesson.studio.renderer import render_moment

    path = folder / f"{seed}.npy"
    if path.exists():
        return
    rng = np.random.default_rng((seed, 8))
    person = Identity.sample(seed)
    pictures = np.zeros((2, MOMENTS, FACE_SIZE, FACE_SIZE, 3), np.uint8)
    for number in range(MOMENTS):
        moment, scene = random_moment(rng)
        frame = render_moment(person, moment, scene, FRAME_SIZE, supersample=1)
        matrix = alignment_matrix(found_landmarks(frame, rng), FACE_SIZE)
        head, cover = ~np.isin(frame.parts, NO_HEAD), np.isin(frame.parts, COVERS)
        labels = np.dstack([head, cover, np.zeros_like(head)]).astype(np.uint8) * 255
        for row, image in enumerate((frame.image, labels)):
            pictures[row, number] = warp(image, matrix, FACE_SIZE)
    with replacing(path) as draft:
        np.save(draft, pictures)


def load(folder: Path, seeds) -> np.ndarray:
    """(2, N, h, w, 3) uint8: pictures and labels."""
    return np.concatenate([np.load(folder / f"{seed}.npy") for seed in seeds], axis=1)


def segmentation_batch(step: int, films: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Batch `step`: inputs (BATCH, size, size, 3) and maps (BATCH, size, size, 2)."""
    rng = np.random.default_rng((2, step))
    inputs, maps = [], []
    for index in rng.integers(0, films.shape[1], BATCH):
        matrix = random_matrix(rng, rotation=12, zoom=0.15, shift=0.06, flip=0.5)
        picture, labels = (
            random_warp(each, rng, size, sigma=0.0, matrix=matrix)[1] for each in films[:, index]
        )
        if rng.random() < 1 / 3:
            lay_over(picture, labels, rng)
        (picture,) = random_light((picture,), rng, 1.0)
        inputs.append(random_wear(picture, rng, 1.0))
        maps.append(to_float(labels[..., :2]))
    return np.stack(inputs), np.stack(maps)


def lay_over(picture: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> None:
    """Draw a thing of one colour, roughly textured, over the face: a cover that is no head."""
    size = picture.shape[0]
    middle = rng.uniform(0.1, 0.9, 2) * size
    radius = rng.uniform(0.08, 0.35) * size
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
    reach = radius * rng.uniform(0.5, 1.2, (len(angles), 1))
    corners = middle + reach * np.column_stack([np.cos(angles), np.sin(angles)])
    shape = np.zeros((size, size), np.uint8)
    cv2.fillPoly(shape, [corners.round().astype(np.int32)], 255)
    color = rng.uniform(0, 255, 3)
    if rng.random() < 0.5:  # a hand: the colour of some pixel of the face
        color = picture[tuple(rng.integers(size // 4, 3 * size // 4, 2))]
    noise = cv2.resize(rng.normal(0, 25, (6, 6)), (size, size), interpolation=cv2.INTER_CUBIC)
    thing = np.clip(color + noise[..., None], 0, 255)
    picture[shape > 0] = thing[shape > 0]
    labels[shape > 0] = (0, 255, 0)


def preview(network, pictures: np.ndarray) -> np.ndarray:
    """Rows of pictures, head and cover as found."""
    maps = network.predict_on_batch(to_float(pictures))
    rows = [pictures, *(np.repeat(to_uint8(maps[..., k, None]), 3, axis=-1) for k in (0, 1))]
    return grid([picture for row in rows for picture in row], columns=len(pictures))


def train(folder: Path, films_folder: Path):
    """The trained network."""
    from deepfake_lesson import presets
    from deepfake_lesson.fitting import Limits, fit, supervised
    from deepfake_lesson.models import keras
    from deepfake_lesson.models.segmentation import SIZE, build_segmentation

    films = load(films_folder, PEOPLE)
    network = build_segmentation(dtype=presets.compute_dtype())
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, STEPS, alpha=0.02)
    optimizer = keras.optimizers.Adam(schedule)
    shown = to_uint8(segmentation_batch(2**31 - 1, films, SIZE)[0][:12])
    fit(
        folder,
        "segmentation",
        {"size": SIZE, "steps": STEPS, "people": len(PEOPLE)},
        supervised(network, optimizer, "binary_crossentropy", "segmentation"),
        partial(segmentation_batch, films=films, size=SIZE),
        Limits(STEPS),
        partial(preview, network, shown),
        checkpoint_seconds=60,
    )
    return network


def save(network) -> Path:
    """Write the weights where the package looks for them, as float16 to halve their size."""
    from deepfake_lesson.checkpoints import weights_draft
    from deepfake_lesson.models.segmentation import WEIGHTS, build_segmentation

    half = build_segmentation(dtype="float16")
    half.set_weights(network.get_weights())
    with weights_draft(WEIGHTS) as draft:
        half.save_weights(draft)
    return WEIGHTS


def measure(films_folder: Path) -> dict[str, dict[str, float]]:
    """Intersection over union of each map, for people never trained on, plain and worn."""
    from deepfake_lesson.models.segmentation import MAPS, SIZE, segment

    films = load(films_folder, HELD_OUT)
    rng = np.random.default_rng(0)
    crops = [
        np.stack([random_warp(each, rng, SIZE, sigma=0.0)[1] for each in row]) for row in films
    ]
    worn = to_uint8(np.stack([random_wear(to_float(each), rng, 1.0) for each in crops[0]]))
    truth = crops[1][..., :2] > 127
    scores = {}
    for name, pictures in (("as filmed", crops[0]), ("poor camera", worn)):
        found = segment(pictures) > 0.5
        both, either = (found & truth).sum((0, 1, 2)), (found | truth).sum((0, 1, 2))
        scores[name] = dict(zip(MAPS, (both / either).tolist(), strict=True))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/segmentation"))
    wishes = parser.parse_args()
    films_folder = wishes.folder / "films"
    film_all(film, [*HELD_OUT, *PEOPLE], films_folder)
    saved = save(train(wishes.folder / "model", films_folder))
    rows = "".join(
        f"| {name} | {scores['head']:.3f} | {scores['cover']:.3f} |\n"
        for name, scores in measure(films_folder).items()
    )
    report = (
        "# Segmentation\n\nMade by `python data_scripts/train_segmentation.py`:"
        f" {len(PEOPLE)} studio people, {MOMENTS} pictures each, {STEPS} steps of {BATCH}.\n\n"
        f"Intersection over union, {len(HELD_OUT)} people never trained on:\n\n"
        f"| pictures | head | hair, glasses, things in front |\n|---|---|---|\n{rows}"
    )
    Path("benchmarks/segmentation.md").write_text(report, encoding="utf-8")
    print(report, f"Saved in {saved}.", sep="\n")


if __name__ == "__main__":
    main()
