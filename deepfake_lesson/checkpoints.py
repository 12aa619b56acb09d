"""A model is a folder, and the last good copy in it survives everything.

    models/ab/
        config.json                     what the model is: format, kind, settings
        autoencoder-000300.weights.h5   the weights after 300 steps
        state/optimizer-000300.npz      what the optimisers remember
        state/checkpoint.json           which step counts; written last, in one move
        history.csv                     loss and speed
        preview/                        pictures

New weights get a new name. They count once `checkpoint.json` names their step, and only then do the
older ones go: whenever the process is killed, one complete copy stands.
"""

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from deepfake_lesson.errors import ModelError
from deepfake_lesson.files import checksum, replacing
from deepfake_lesson.models import keras

FORMAT = 1
NUMBERED = ("*-[0-9]*.weights.h5", "state/optimizer-[0-9]*.npz")
FILES = ("config.json", "history.csv", "state/checkpoint.json", "preview/*.png", *NUMBERED)
NETWORKS = ("autoencoder", "pix2pix", "first_order")  # as settings call them
DIGITS = 12  # of a SHA-256 that tell one file from others
START_ANEW = "Train it again with --fresh, or choose another folder."


@dataclass(frozen=True)
class Trainee:
    """What is trained: `step` takes a batch and returns losses, one of them named "loss".

    models and optimizers are what a checkpoint holds, under their names; the optimisers are built.
    """

    models: dict[str, keras.Model]
    optimizers: dict[str, keras.optimizers.Optimizer]
    step: Callable[[Any], dict[str, float]]


@dataclass
class Checkpoint:
    """How far a training has come.

    step: steps done. seconds: time they took. history: rows of history.csv, oldest first. scores:
    the last ones on what is held out.
    """

    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)


def write_config(folder: Path, kind: str, settings: dict) -> None:
    """Write config.json; settings must survive JSON."""
    text = json.dumps({"format": FORMAT, "kind": kind, **settings}, indent=1, allow_nan=False)
    with replacing(folder / "config.json") as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def read_config(folder: str | Path, kind: str) -> dict:
    """The settings of a model folder, without format and kind.

    Raises ModelError if there is none, if it is damaged, or of another format or kind.
    """
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise ModelError(folder, "there is no model (no config.json)", "Train one first.")
    settings = _read_json(path)
    if settings.pop("format", None) != FORMAT:
        problem = "made by another version of deepfake_lesson"
        raise ModelError(path, problem, START_ANEW)
    if (found := settings.pop("kind", None)) != kind:
        raise ModelError(path, f"holds a model of kind '{found}', not '{kind}'", START_ANEW)
    return settings


def model_name(folder: str | Path) -> str:
    """What a content credential calls the model in a folder, so that it can be told from others.

    "face swap ab (autoencoder, 300 steps, config.json 1f2e3d4c5b6a)": the last is the beginning of
    that file's SHA-256. Of weights that came without a past nobody knows the steps.

    Raises ModelError if there is no model or it is damaged.
    """
    folder = Path(folder).resolve()
    config = folder / "config.json"
    settings, step = _read_json(config), _read_json(_progress_path(folder)).get("step")
    told = [name for name in NETWORKS if name in settings.get("training", ())]
    if step:
        told.append(f"{step} steps")
    told.append(f"{config.name} {checksum(config)[:DIGITS]}")
    return f"{settings.get('kind')} {folder.name} ({', '.join(told)})"


def save_checkpoint(folder: Path, trainee: Trainee, checkpoint: Checkpoint) -> None:
    """Write weights, optimisers and history, then make them count, then remove older ones.

    Raises DiskFullError; what was there before still counts then.
    """
    for name, model in trainee.models.items():
        with weights_draft(weights_path(folder, name, checkpoint.step)) as draft:
            model.save_weights(draft)
    with replacing(_optimizer_path(folder, checkpoint.step)) as draft:
        np.savez(draft, **_optimizer_arrays(trainee))
    with replacing(folder / "history.csv") as draft:
        draft.write_text(_to_csv(checkpoint.history), encoding="utf-8")
    _write_progress(folder, checkpoint)
    _remove_other_steps(folder, checkpoint.step)


def restore_checkpoint(folder: Path, trainee: Trainee) -> Checkpoint | None:
    """Bring the trainee to the step that counts; None if there is no checkpoint yet.

    Raises ModelError if a file is missing, cut off or belongs to another network.
    """
    if not _progress_path(folder).is_file():
        return None
    progress = _read_json(_progress_path(folder))
    load_weights(folder, trainee.models)
    path = _optimizer_path(folder, progress["step"])
    with explained(path), np.load(path) as arrays:
        for name, variable in _state_variables(trainee):
            variable.assign(arrays[name])
    history = _read_csv(folder / "history.csv")
    scores = progress.get("scores", {})
    return Checkpoint(progress["step"], progress["seconds"], history, scores)


def load_weights(folder: str | Path, models: dict[str, keras.Model]) -> None:
    """Load the weights that count into the named models; raises ModelError as above."""
    folder = Path(folder)
    progress = _progress_path(folder)
    if not progress.is_file():
        raise ModelError(folder, "the model has no checkpoint yet", "Train it first.")
    step = _read_json(progress)["step"]
    for name, model in models.items():
        path = weights_path(folder, name, step)
        with explained(path):
            model.load_weights(path)


def remove_model(folder: Path) -> None:
    """Remove everything that a training wrote into the folder, and nothing else."""
    for pattern in FILES:
        for path in folder.glob(pattern):
            path.unlink()


def weights_path(folder: Path, name: str, step: int) -> Path:
    """Where the weights of one model after so many steps are."""
    return folder / f"{name}-{step:06d}.weights.h5"


def _progress_path(folder: Path) -> Path:
    return folder / "state" / "checkpoint.json"


def _write_progress(folder: Path, checkpoint: Checkpoint) -> None:
    with replacing(_progress_path(folder)) as draft:
        progress = {name: getattr(checkpoint, name) for name in ("step", "seconds", "scores")}
        draft.write_text(json.dumps(progress), encoding="utf-8")


def _optimizer_path(folder: Path, step: int) -> Path:
    return folder / "state" / f"optimizer-{step:06d}.npz"


def _state_variables(trainee: Trainee) -> Iterator[tuple[str, keras.Variable]]:
    """The optimisers' memory and the seeds of dropout, which are no weights to Keras."""
    for name, optimizer in trainee.optimizers.items():
        for index, variable in enumerate(optimizer.variables):
            yield f"{name}/{index}", variable
    for name, model in trainee.models.items():
        weights = {id(weight) for weight in model.weights}
        seeds = [v for v in model.non_trainable_variables if id(v) not in weights]
        for index, variable in enumerate(seeds):
            yield f"{name}/seed/{index}", variable


def _optimizer_arrays(trainee: Trainee) -> dict[str, np.ndarray]:
    return {
        name: keras.ops.convert_to_numpy(variable.value)
        for name, variable in _state_variables(trainee)
    }


@contextmanager
def weights_draft(path: Path) -> Iterator[Path]:
    """`replacing`, by way of a temporary folder.

    Keras wants a name of its own, and on a full disk HDF5 cannot even close its file.
    """
    with replacing(path) as draft, tempfile.TemporaryDirectory() as folder:
        accepted = Path(folder) / "draft.weights.h5"
        yield accepted
        shutil.copyfile(accepted, draft)


def save_half_weights(path: Path, model: keras.Model, half: keras.Model) -> None:
    """Write weights as float16, half as large; `half` is the same network built in float16."""
    half.set_weights(model.get_weights())
    with weights_draft(path) as draft:
        half.save_weights(draft)


def save_half_model(
    folder: Path, models: dict[str, keras.Model], halves: dict[str, keras.Model]
) -> None:
    """Write weights that `load_weights` reads, as `save_half_weights`, without a past."""
    for name, model in models.items():
        save_half_weights(weights_path(folder, name, 0), model, halves[name])
    _write_progress(folder, Checkpoint())


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what reading a damaged file raises into a ModelError."""
    try:
        yield
    except FileNotFoundError as error:
        raise ModelError(path, "the file is missing", START_ANEW) from error
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        problem = f"the file is cut off or belongs to another model ({reason})"
        raise ModelError(path, problem, START_ANEW) from error


def _remove_other_steps(folder: Path, step: int) -> None:
    current = f"-{step:06d}."
    for pattern in NUMBERED:
        for path in folder.glob(pattern):
            if current not in path.name:
                path.unlink()


def _read_json(path: Path) -> dict:
    with explained(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("no JSON object")
        return content


def _to_csv(rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def _read_csv(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    with explained(path), path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return [{name: _number(cell) for name, cell in row.items()} for row in rows]


def _number(cell: str) -> float:
    """What it was when it was written, so that a resumed history keeps its past to the letter."""
    return int(cell) if cell.isdecimal() else float(cell)
