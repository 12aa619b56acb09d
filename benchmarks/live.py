"""How fast live pictures are on this machine, and what runs a trained network fastest.

    python benchmarks/live.py                     # 60 s of re-enactment, 60 s of face swap
    python benchmarks/live.py --engines           # the networks alone, with every engine installed
    python benchmarks/live.py --seconds 10        # shorter

Each prints its tables and writes them into benchmarks/live.md. A studio clip of 640 x 480 pixels
comes at 30 frames a second, as from a camera; every result is drawn beside original and drawing.
Networks have the sizes of the laptop preset and are not trained: that takes the same time.
"""

import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import multiprocessing
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import psutil

from deepfake_lesson import export, presets
from deepfake_lesson.files import replacing
from deepfake_lesson.landmarks import MEAN_FACE
from deepfake_lesson.reenactment.live import LivePipeline, LiveReport, ReenactTarget, SwapTarget
from deepfake_lesson.reenactment.streams import clip_frames, side_by_side
from deepfake_lesson.studio import RESERVED_SEEDS
from deepfake_lesson.video import VideoWriter, read_frames

REPORT = Path(__file__).with_suffix(".md")
CLIP = Path(__file__).parents[1] / "build" / "live" / "clip_640x480.mp4"
RATE = 30  # frames a second
EARLY = 10  # seconds after which memory is looked at first
TARGETS = {"re-enactment": (25, 120), "face swap": (20, 120)}  # frames/s, ms of delay
RUNS = 60  # of a network with an engine


def film_clip() -> Path:
    """Four seconds of a studio person in 640 x 480, made once."""
    from deepfake_lesson.studio.recipe import record

    if CLIP.exists():
        return CLIP
    with tempfile.TemporaryDirectory() as folder:
        seed = RESERVED_SEEDS["benchmark"][0]
        person = record(seed, Path(folder, "person"), "conversation", 4, RATE, 480)
        with VideoWriter(CLIP, RATE, (640, 480)) as writer:
            for frame in read_frames(person.media / "clip.mp4"):
                writer.write(cv2.copyMakeBorder(frame, 0, 0, 80, 80, cv2.BORDER_REPLICATE))
    return CLIP


def reenactment():
    """A re-enactment model as the laptop preset trains it."""
    from deepfake_lesson.models.pix2pix import build_generator
    from deepfake_lesson.reenactment.conditions import whole_square
    from deepfake_lesson.reenactment.training import ReenactmentConfig, ReenactmentModel

    config = ReenactmentConfig.from_preset(presets.preset("laptop"))
    size = config.pix2pix.size
    generator, square = build_generator(config.pix2pix), whole_square(size, size)
    return ReenactmentModel(config, generator, nobody(), MEAN_FACE * size, "face", square, None)


def face_swap():
    """A face swap of the laptop preset with the shipped base weights."""
    from deepfake_lesson.models.autoencoder import build_autoencoder
    from deepfake_lesson.training import SwapModel, TrainingConfig, base_weights, load_base_weights

    config = TrainingConfig.from_preset(presets.preset("laptop")).autoencoder
    autoencoder = build_autoencoder(config)
    load_base_weights(base_weights(config), autoencoder)
    return SwapModel(config, autoencoder, {"a": nobody(), "b": nobody()})


def nobody():
    from deepfake_lesson.training import Identity

    return Identity("Nobody", "studio", 0.44, None, None)


def networks() -> dict[str, Callable]:
    """Name and builder of the networks that live pictures need."""
    from deepfake_lesson.models.autoencoder import swap_path
    from deepfake_lesson.models.pix2pix import Pix2pixConfig, build_generator
    from deepfake_lesson.models.segmentation import build_segmentation

    generators = {
        f"re-enactment, 256, 16 filters, {upscale}": Pix2pixConfig(256, 16, upscale)
        for upscale in ("transpose", "resize", "shuffle")
    }
    return {name: lambda c=config: build_generator(c) for name, config in generators.items()} | {
        "face swap, 128": lambda: swap_path(face_swap().autoencoder, "b"),
        "segmentation, 64": build_segmentation,
    }


def show(kind: str, seconds: float) -> tuple[LiveReport, list[float]]:
    """A run of so many seconds, and the process's memory in MB early and at its end."""
    target = ReenactTarget(reenactment()) if kind == "re-enactment" else SwapTarget(face_swap())
    pipeline, memory = LivePipeline(target), []

    def sink(result) -> None:
        side_by_side(result)
        if not memory and time.perf_counter() - start >= min(EARLY, seconds / 2):
            memory.append(psutil.Process().memory_info().rss / 1e6)

    start = time.perf_counter()
    report = pipeline.run(clip_frames(film_clip(), RATE, loop=True), sink, seconds)
    memory.append(psutil.Process().memory_info().rss / 1e6)
    return report, memory


def measure_engine(engine: str) -> list[tuple[str, float, float, float]]:
    """For each network: its name, milliseconds, those of processor time, error against Keras."""
    rows = []
    for name, build in networks().items():
        model = build()
        batch = np.random.default_rng(0).uniform(0, 1, (1, *model.input_shape[1:]))
        batch = batch.astype(np.float32)
        function = ENGINES[engine](model)
        error = float(np.abs(function(batch) - model.predict_on_batch(batch)).max())
        spans, worked = [], time.process_time()
        for _ in range(RUNS):
            start = time.perf_counter()
            function(batch)
            spans.append(time.perf_counter() - start)
        worked = (time.process_time() - worked) / RUNS
        rows.append((name, 1000 * float(np.median(spans)), 1000 * worked, error))
    return rows


def openvino_function(model, precision: str) -> Callable[[np.ndarray], np.ndarray]:
    import openvino

    core = openvino.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.xml")
        model.export(str(path), format="openvino", verbose=False)
        request = core.compile_model(core.read_model(path), "CPU", options).create_infer_request()
    return lambda batch: request.infer(batch)[0].copy()


def litert_function(model) -> Callable[[np.ndarray], np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        model.export(str(path), format="litert", verbose=False)
        graph = Interpreter(model_content=path.read_bytes(), num_threads=os.cpu_count())
    graph.allocate_tensors()
    (given,), (asked,) = graph.get_input_details(), graph.get_output_details()

    def run(batch: np.ndarray) -> np.ndarray:
        graph.set_tensor(given["index"], batch)
        graph.invoke()
        return graph.get_tensor(asked["index"])

    return run


ENGINES = {
    "Keras": lambda model: export.fast_function(model, "keras"),
    "ONNX Runtime": lambda model: export.fast_function(model, "onnxruntime"),
    "OpenVINO": lambda model: openvino_function(model, "f32"),
    "OpenVINO, bfloat16": lambda model: openvino_function(model, "bf16"),
    "LiteRT": litert_function,
}
MODULES = {"ONNX Runtime": "onnxruntime", "LiteRT": "ai_edge_litert", "Keras": "keras"}


def alone(function: Callable, *arguments):
    """The result of a function in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def live_section(seconds: float) -> Iterator[str]:
    yield f"## Live\n\n`python benchmarks/live.py --seconds {seconds:g}` ({machine()})"
    for kind, (rate, delay) in TARGETS.items():
        report, memory = alone(show, kind, seconds)
        load = " ".join(f"{each:.1f}" for each in os.getloadavg())
        early, late = min(EARLY, seconds / 2), f"{memory[0]:.0f}, {memory[-1]:.0f}"
        yield f"""
### {kind.capitalize()}

Load while it ran: {load}. Networks run by {export.best_engine()}.

| | measured | target |
|---|---|---|
| frames/s shown of {RATE} | {report.rate:.1f} | >= {rate} |
| delay, median, ms | {report.delay:.0f} | <= {delay} |
| delay, 95 %, ms | {report.delay_95:.0f} | |
| memory after {early:g} s and at the end, MB | {late} | no growth |
| frames in, shown, dropped | {report.frames_in}, {report.shown}, {report.dropped} | |

| stage | {" | ".join(report.milliseconds)} |
|---|{"---|" * len(report.milliseconds)}
| ms a frame | {" | ".join(f"{each:.1f}" for each in report.milliseconds.values())} |"""


def engine_section() -> Iterator[str]:
    yield f"""## Engines

`python benchmarks/live.py --engines` ({machine()}, load {os.getloadavg()[0]:.1f})

One picture at a time: milliseconds (median of {RUNS}), processor time of all cores, and the largest
difference from what Keras computes, of values within [-1, 1].
"""
    found = [name for name in ENGINES if find_spec(MODULES.get(name, "openvino"))]
    results = {name: alone(measure_engine, name) for name in found}
    yield f"| network | {' | '.join(found)} |\n|---|{'---|' * len(found)}"
    for rows in zip(*results.values(), strict=True):
        cells = [f"{wall:.1f} ({cpu:.1f}; {error:.0e})" for _, wall, cpu, error in rows]
        yield f"| {rows[0][0]} | {' | '.join(cells)} |"


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, no GPU"


def write_section(text: str) -> None:
    """Put a section into the report in the place of the older one of the same title."""
    title = text.split("\n", 1)[0]
    before = REPORT.read_text(encoding="utf-8") if REPORT.exists() else "# Live, measured\n"
    parts = [part.strip() for part in re.split(r"\n(?=## )", before)]
    kept = [text if part.startswith(title) else part for part in parts]
    if text not in kept:
        kept.append(text)
    with replacing(REPORT) as draft:
        draft.write_text("\n\n".join(kept) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60, help="of each run")
    parser.add_argument("--engines", action="store_true", help="the networks alone")
    arguments = parser.parse_args()
    lines = engine_section() if arguments.engines else live_section(arguments.seconds)
    text = "\n".join(lines)
    print(text)
    write_section(text)


if __name__ == "__main__":
    main()
