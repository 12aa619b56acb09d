"""How well `fit_landmarks` recovers pose and expression of faces whose truth is known.

    python benchmarks/morphable.py [--faces 100]

prints the table and writes it to benchmarks/morphable.md. Takes about a minute on two cores.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import platform
import time
from pathlib import Path

import numpy as np

from deepfake_lesson.correction import correct_landmarks
from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.files import replacing
from deepfake_lesson.landmarks import head_pose
from deepfake_lesson.morphable import COMPONENTS, UNITS, Fit, face_model, fit_landmarks
from deepfake_lesson.studio import (
    RESERVED_SEEDS,
    Frame,
    Identity,
    Pose,
    Scene,
    render,
    sample_expression,
)

SEEDS = RESERVED_SEEDS["benchmark"] + RESERVED_SEEDS["benchmark_heldout"]
SIZE = (256, 256)
EXACT_NOISE, DLIB_NOISE = 0.01, 0.04
MUSCLES = {
    "jaw drop": ("AU26",),
    "smile": ("AU12",),
    "brow raise": ("AU1", "AU2"),
    "blink": ("AU45",),
}
TEXT = """# The morphable model, measured

`python benchmarks/morphable.py --faces {faces}` ({machine}, {cores} cores, load {load}).
{components} components and {units} action units, fitted to {faces} studio faces of {people} people
at 256x256: yaw +-25, pitch +-15, roll +-12 degrees, random expressions (a third of them with a
blink of random strength besides), light, room and camera. Pose errors are medians: of the whole
angle between the true and the fitted head, and of each angle. The residual is the median distance
between given and fitted landmarks in percent of the distance between the outer eye corners.
dlib's HOG detector finds {found} of the faces.

{tables}

Correlation of the fitted intensity with the true one; brow raise is the mean of AU1 and AU2.

{correlations}

The rows with noise 0.04 differ in nothing but the landmarks: what those of dlib lack was lost in
its points, not in the fit. `correct_landmarks` brings back the part of it that is the same for all
people; it was learned from others than these.
"""


def random_frame(seed: int, number: int) -> Frame:
    """Face `number` of the benchmark."""
    rng = np.random.default_rng((seed, number))
    expression, scene = sample_expression(rng), Scene.sample(rng, jpeg=True)
    if rng.random() < 1 / 3:
        expression["AU45"] = float(rng.uniform(0.2, 1))
    pose = Pose(rng.uniform(-25, 25), rng.uniform(-15, 15), rng.uniform(-12, 12))
    return render(
        Identity.sample(seed), expression, pose, scene.light, scene.camera, scene.background
    )


def dlib_landmarks(frame: Frame) -> np.ndarray | None:
    """dlib's 68 points of the face, None where its detector misses it."""
    middle = frame.landmarks.mean(0)
    found = (face.landmarks for face in detect_faces(frame.image))
    return next((points for points in found if abs(points.mean(0) - middle).max() < 40), None)


def pose_errors(found: Pose, true: Pose) -> list[float]:
    """Degrees: the whole angle between two heads, and the error of yaw, pitch and roll."""
    cosine = (np.trace(found.rotation() @ true.rotation().T) - 1) / 2
    whole = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    pairs = zip(
        (found.yaw, found.pitch, found.roll), (true.yaw, true.pitch, true.roll), strict=True
    )
    return [whole, *(abs(a - b) for a, b in pairs)]


def pose_row(name, poses, frames, rest) -> str:
    """A row of the first table: medians of the errors of pose, then the cells of `rest`."""
    errors = [pose_errors(pose, frame.pose) for pose, frame in zip(poses, frames, strict=True)]
    cells = " | ".join(f"{error:.1f}" for error in np.median(errors, axis=0))
    return f"| {name} | {cells} | {rest} |"


def fit_rows(name, landmarks, frames, noise) -> tuple[str, str]:
    """Rows of the two tables for one source of landmarks."""
    fits, seconds = [], []
    for points in landmarks:
        start = time.perf_counter()
        fits.append(fit_landmarks(points, SIZE, noise))
        seconds.append(time.perf_counter() - start)
    residual = 100 * np.median([fit.residual for fit in fits])
    rest = f"{residual:.2f} % | {1000 * np.median(seconds):.0f}"
    name = f"{name}, noise {noise}"
    values = " | ".join(f"{correlation(fits, frames, units):.2f}" for units in MUSCLES.values())
    return pose_row(name, [fit.pose for fit in fits], frames, rest), f"| {name} | {values} |"


def correlation(fits: list[Fit], frames: list[Frame], units: tuple[str, ...]) -> float:
    """Between the fitted and the true intensity of a muscle."""
    found = [sum(fit.expression[unit] for unit in units) for fit in fits]
    true = [sum(frame.expression.get(unit, 0) for unit in units) for frame in frames]
    return float(np.corrcoef(found, true)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=100)
    faces = parser.parse_args().faces
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    face_model()
    frames = [random_frame(SEEDS[number % len(SEEDS)], number) for number in range(faces)]
    looked = [(dlib_landmarks(frame), frame) for frame in frames]
    by_dlib, seen = zip(*(pair for pair in looked if pair[0] is not None), strict=True)
    corrected = [correct_landmarks(points) for points in by_dlib]
    exact = [frame.landmarks for frame in frames]
    rows = [
        fit_rows("exact landmarks", exact, frames, EXACT_NOISE),
        fit_rows("exact landmarks", exact, frames, DLIB_NOISE),
        fit_rows("dlib's landmarks", by_dlib, seen, DLIB_NOISE),
        fit_rows("dlib's landmarks, corrected", corrected, seen, DLIB_NOISE),
    ]
    average = [Pose(*head_pose(points, SIZE)) for points in exact]
    table = [
        "| landmarks | pose | yaw | pitch | roll | residual | ms a fit |",
        "|---|---|---|---|---|---|---|",
        *(row for row, _ in rows),
        pose_row("exact landmarks, rigid average head (`head_pose`)", average, frames, "- | -"),
    ]
    muscles = [
        f"| landmarks | {' | '.join(MUSCLES)} |",
        "|---" * (len(MUSCLES) + 1) + "|",
        *(row for _, row in rows),
    ]
    text = TEXT.format(
        faces=faces,
        machine=platform.machine(),
        cores=os.cpu_count(),
        load=load,
        components=COMPONENTS,
        units=len(UNITS),
        people=min(faces, len(SEEDS)),
        found=len(seen),
        tables="\n".join(table),
        correlations="\n".join(muscles),
    )
    print(text)
    with replacing(Path(__file__).with_suffix(".md")) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
