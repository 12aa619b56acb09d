"""How real tools take the studio's people, and how fast they are rendered.

    python benchmarks/studio.py [--identities 20] [--frames 20]

prints the table and writes it to benchmarks/studio.md. Random frames at 256x256: yaw within 25,
pitch within 15 and roll within 12 degrees, random action units, light, room and camera (blur,
grain, JPEG). The "tuned" seeds were looked at while the studio was made, the "held-out" ones were
not. Takes about ten minutes on two cores.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import dlib
import numpy as np
from mtcnn import MTCNN

from deepfake_lesson.detectors import model_file
from deepfake_lesson.landmarks import interocular
from deepfake_lesson.studio import (
    RESERVED_SEEDS,
    Frame,
    Identity,
    Pose,
    Scene,
    render,
    sample_expression,
)

SKIN_TONES = {"light": (0, 1 / 3), "medium": (1 / 3, 2 / 3), "dark": (2 / 3, 1.01)}
THRESHOLDS = np.arange(0.30, 0.70, 0.01)
FIRST_FRAME = """
import time; start = time.perf_counter()
from deepfake_lesson.studio import Identity, render
render(Identity.sample(0)); print(time.perf_counter() - start, time.process_time())
"""


class Tools:
    """The detectors, landmark predictor and embedding network that are asked."""

    def __init__(self):
        self.hog = dlib.get_frontal_face_detector()
        self.mtcnn = MTCNN()
        self.landmarks = dlib.shape_predictor(model_file("shape_predictor_68_face_landmarks.dat"))
        self.points5 = dlib.shape_predictor(model_file("shape_predictor_5_face_landmarks.dat"))
        network = model_file("dlib_face_recognition_resnet_model_v1.dat")
        self.embedding = dlib.face_recognition_model_v1(network)

    def hog_box(self, frame: Frame):
        """The box that dlib's HOG detector finds around the face, or None."""
        center = dlib.point(*(int(v) for v in frame.landmarks.mean(0)))
        return next((box for box in self.hog(frame.image, 1) if box.contains(center)), None)

    def mtcnn_finds(self, frame: Frame) -> bool:
        x, y = frame.landmarks.mean(0)
        boxes = [f["box"] for f in self.mtcnn.detect_faces(frame.image) if f["confidence"] > 0.9]
        return any(bx < x < bx + w and by < y < by + h for bx, by, w, h in boxes)


def random_frame(identity: Identity, rng: np.random.Generator) -> Frame:
    scene = Scene.sample(rng, jpeg=True)
    pose = Pose(rng.uniform(-25, 25), rng.uniform(-15, 15), rng.uniform(-12, 12))
    return render(
        identity, sample_expression(rng), pose, scene.light, scene.camera, scene.background
    )


def truth_box(frame: Frame):
    (left, top), (right, bottom) = frame.landmarks.min(0), frame.landmarks.max(0)
    return dlib.rectangle(int(left), int(top), int(right), int(bottom))


def look_at(frame: Frame, tools: Tools) -> dict:
    """What the tools say about one frame: found or not, landmark error, embedding."""
    box = tools.hog_box(frame)
    box_or_truth = box or truth_box(frame)
    points = np.array([(p.x, p.y) for p in tools.landmarks(frame.image, box_or_truth).parts()])
    eyes_and_nose = tools.points5(frame.image, box_or_truth)
    error = np.linalg.norm(points - frame.landmarks, axis=1).mean() / interocular(frame.landmarks)
    return {
        "hog": box is not None,
        "mtcnn": tools.mtcnn_finds(frame),
        "error": 100 * error,
        "embedding": np.array(
            tools.embedding.compute_face_descriptor(frame.image, eyes_and_nose, 1)
        ),
    }


def collect(seeds, frames: int, tools: Tools) -> list[dict]:
    rows = []
    for seed in seeds:
        identity, rng = Identity.sample(seed), np.random.default_rng([seed, 256])
        for _ in range(frames):
            row = look_at(random_frame(identity, rng), tools)
            rows.append({**row, "seed": seed, "skin": identity.look.skin})
    return rows


def separation(rows: list[dict]) -> tuple[float, float, float]:
    """ROC AUC of embedding distances, best threshold, and its balanced accuracy in percent."""
    embeddings = np.array([row["embedding"] for row in rows])
    seeds = np.array([row["seed"] for row in rows])
    i, j = np.triu_indices(len(rows), 1)
    distances = np.linalg.norm(embeddings[i] - embeddings[j], axis=1)
    same, other = (np.sort(distances[k]) for k in (seeds[i] == seeds[j], seeds[i] != seeds[j]))
    auc = np.searchsorted(same, other).mean() / len(same)
    accuracy = [
        (np.searchsorted(same, t) / len(same) + 1 - np.searchsorted(other, t) / len(other)) / 2
        for t in THRESHOLDS
    ]
    best = int(np.argmax(accuracy))
    return auc, THRESHOLDS[best], 100 * accuracy[best]


def mean(rows: list[dict], key: str) -> float:
    return float(np.mean([row[key] for row in rows])) if rows else float("nan")


def people_table(groups: dict[str, list[dict]]) -> list[str]:
    lines = [
        "| people | frames | dlib HOG finds | MTCNN finds | dlib 68 points off by |",
        "|---|---|---|---|---|",
    ]
    for name, rows in groups.items():
        rates = f"{100 * mean(rows, 'hog'):.1f} % | {100 * mean(rows, 'mtcnn'):.1f} %"
        lines.append(f"| {name} | {len(rows)} | {rates} | {mean(rows, 'error'):.2f} % |")
    return lines


def identity_table(groups: dict[str, list[dict]]) -> list[str]:
    lines = ["| people | ROC AUC | best threshold | pairs judged rightly |", "|---|---|---|---|"]
    for name, rows in groups.items():
        auc, threshold, accuracy = separation(rows)
        lines.append(f"| {name} | {auc:.4f} | {threshold:.2f} | {accuracy:.1f} % |")
    return lines


def speed_table(frames: int = 40) -> list[str]:
    """Frames per second by wall clock and by the processor time of one core."""
    cv2.setNumThreads(1)
    identity, background = Identity.sample(3), Scene.sample(0).background
    lines = ["| picture | frames/s | frames/s of processor time |", "|---|---|---|"]
    for size, supersample in ((256, 1), (256, 2), (512, 1), (512, 2)):
        options = {"background": background, "size": size, "supersample": supersample}
        render(identity, **options)
        wall, processor = time.perf_counter(), time.process_time()
        for k in range(frames):
            render(
                identity, {"AU12": k / frames, "AU26": 0.2}, Pose(k - frames / 2, 5, 3), **options
            )
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        name = f"{size}x{size}, {supersample}x{supersample} samples a pixel"
        lines.append(f"| {name} | {frames / wall:.0f} | {frames / processor:.0f} |")
    return lines


def first_frame_table() -> list[str]:
    """Seconds from the start of the imports to the first frame, without and with numba's cache."""
    lines = ["| first frame | seconds | seconds of processor time |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        for name in ("cold: everything is compiled", "warm: compiled before"):
            command = [sys.executable, "-c", FIRST_FRAME]
            run = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            wall, processor = map(float, run.stdout.split())
            lines.append(f"| {name} | {wall:.1f} | {processor:.1f} |")
    return lines


def report(identities: int, frames: int) -> str:
    tools = Tools()
    sets = {
        "tuned seeds": collect(RESERVED_SEEDS["benchmark"][:identities], frames, tools),
        "held-out seeds": collect(RESERVED_SEEDS["benchmark_heldout"][:identities], frames, tools),
    }
    everyone = [row for rows in sets.values() for row in rows]
    skin = {
        f"{tone} skin, both": [row for row in everyone if low <= row["skin"] < high]
        for tone, (low, high) in SKIN_TONES.items()
    }
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {load}"
    command = f"python benchmarks/studio.py --identities {identities} --frames {frames}"
    lines = [
        "# The studio, measured",
        "",
        f"`{command}` ({machine}). Frames of 256x256, yaw +-25, pitch +-15, roll +-12 degrees.",
        "Landmark error in percent of the distance between the outer eye corners; identities by",
        "face_recognition's embedding (its 5-point alignment), all pairs of frames.",
        "",
        *people_table(sets | skin),
        "",
        *identity_table(sets),
        "",
        *speed_table(),
        "",
        *first_frame_table(),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--identities", type=int, default=20)
    parser.add_argument("--frames", type=int, default=20)
    options = parser.parse_args()
    text = report(options.identities, options.frames)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
