"""A trained network as a graph for inference alone: the same numbers, sooner.

Keras keeps all that training needs. ONNX Runtime takes the network as a fixed graph and joins
layers that follow each other: convolution, normalisation and activation become one. It is optional
(`pip install 'deepfake_lesson[live]'`): without it Keras does the work. benchmarks/live.md compares
it with OpenVINO and LiteRT.
"""

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepfake_lesson.errors import LessonError

if TYPE_CHECKING:
    from deepfake_lesson.models import keras

ENGINES = ("onnxruntime", "keras")
NEEDED = ("onnxruntime", "onnx", "tf2onnx")  # to run a graph, and to make one
INSTALL = "Run: pip install 'deepfake_lesson[live]'."


def best_engine() -> str:
    """What runs a network fastest of what is installed: one of `ENGINES`."""
    return "onnxruntime" if all(map(find_spec, NEEDED)) else "keras"


def fast_function(
    model: "keras.Model", engine: str | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """The model for inference as a function: float32 (N, ...) to float32 (N, ...).

    From ONNX Runtime it keeps the weights of now: training the model later does not change it.

    Args:
        model: with one input and one output, computing in float32.
        engine: one of `ENGINES`; the best that is installed if not given.

    Raises:
        LessonError: for an engine that is unknown or not installed.
    """
    engine = engine or best_engine()
    if engine not in ENGINES:
        raise LessonError("engine", f"'{engine}' is unknown", f"Use {' or '.join(ENGINES)}.")
    if engine == "keras":
        return model.predict_on_batch
    return _onnx_function(model)


def _onnx_function(model: "keras.Model") -> Callable[[np.ndarray], np.ndarray]:
    try:
        import onnxruntime
    except ImportError as error:
        raise LessonError("onnxruntime", "it is not installed", INSTALL) from error
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # only then does Keras export it
    options = onnxruntime.SessionOptions()
    # Threads that wait for work would take the processor from the other stages.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        model.export(str(path), format="onnx", verbose=False)
        data = path.read_bytes()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: np.ascontiguousarray(batch, np.float32)})[0]
