"""Make the table that takes the systematic errors out of dlib's landmarks on studio people.

The studio knows where the 68 points are, and dlib says where it sees them. From many faces ridge
regression learns how the error follows from the found points (see `deepfake_lesson.correction`).
The price on large weights is the one that serves other people best, who are held out. All are
"base" seeds of the studio, which no demo, chapter, test or benchmark uses.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm
from train_base_weights import found_landmarks

from deepfake_lesson.correction import WEIGHTS, correct_landmarks, learn_correction
from deepfake_lesson.files import replacing
from deepfake_lesson.landmarks import interocular
from deepfake_lesson.studio.people import RESERVED_SEEDS

PEOPLE = RESERVED_SEEDS["base"][3000:3400]
HELD_OUT = RESERVED_SEEDS["base"][3400:3440]
FACES = 5  # of each person
FRAME_SIZE = 256  # pixels
PRICES = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
EXAMPLES = """Examples:
  python data_scripts/train_landmark_correction.py                 film, learn, save: 6 minutes
  python data_scripts/train_landmark_correction.py --people 40 --out build/few.npy    to try it out
"""


def measure_faces(seed: int) -> np.ndarray:
    """(2, FACES, 68, 2): landmarks of one person in any moment, as dlib finds them and as they are.

    Heads turn up to 25 degrees, nod up to 15 and lean up to 12; a third of the faces blinks.
    """
    from deepfake_lesson.studio.camera import Pose, Scene
    from deepfake_lesson.studio.expression import sample_expression
    from deepfake_lesson.studio.people import Identity
    from deepfake_lesson.studio.performance import Moment
    from deepfake_lesson.studio.renderer import render_moment

    person, landmarks = Identity.sample(seed), np.empty((2, FACES, 68, 2))
    for number in range(FACES):
        rng = np.random.default_rng((seed, 1000 + number))
        expression, scene = sample_expression(rng), Scene.sample(rng, jpeg=True)
        if rng.random() < 1 / 3:
            expression["AU45"] = float(rng.uniform(0.2, 1))
        pose = Pose(*rng.uniform((-25, -15, -12), (25, 15, 12)).tolist())
        frame = render_moment(person, Moment(expression, pose), scene, FRAME_SIZE)
        found = found_landmarks(frame, np.random.default_rng(number))
        landmarks[:, number] = found, frame.landmarks
    return landmarks


def measure_people(seeds) -> np.ndarray:
    """(2, N, 68, 2): the faces of these people, found and exact, on all cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        people = list(tqdm(pool.map(measure_faces, seeds), "filming", len(seeds)))
    return np.concatenate(people, axis=1)


def mean_error(landmarks, exact: np.ndarray) -> float:
    """Mean distance (N, 68, 2) from the exact points, as a share of the outer eye corners'."""
    pairs = zip(landmarks, exact, strict=True)
    return float(np.mean([np.linalg.norm(a - b, axis=1).mean() / interocular(b) for a, b in pairs]))


def choose_price(training: np.ndarray, held_out: np.ndarray) -> float:
    """The price with the smallest error on people who were held out; prints them all."""
    found, exact = held_out
    errors = {}
    for price in PRICES:
        weights = learn_correction(*training, price)
        errors[price] = mean_error([correct_landmarks(each, weights) for each in found], exact)
        print(f"price {price:<7g} error {errors[price]:.2%}")
    return min(errors, key=errors.get)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--people", type=int, default=len(PEOPLE), help="how many to learn from")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="the table to write")
    wishes = parser.parse_args()
    if not 1 <= wishes.people <= len(PEOPLE):
        parser.error(f"--people {wishes.people}: give 1 to {len(PEOPLE)}")
    training, held_out = measure_people(PEOPLE[: wishes.people]), measure_people(HELD_OUT)
    print(f"{training.shape[1]} faces; error of dlib's points {mean_error(*held_out):.2%}")
    weights = learn_correction(*training, choose_price(training, held_out))
    with replacing(wishes.out) as draft, draft.open("wb") as stream:
        np.save(stream, weights.astype(np.float32), allow_pickle=False)
    print(f"Saved in {wishes.out}.")


if __name__ == "__main__":
    main()
