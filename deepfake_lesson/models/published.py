"""Reading weights that others have published as PyTorch checkpoints, without PyTorch.

Such a file is a *pickle*: a little program that builds objects when it is read, and that can do
anything its writer wanted, on your computer, in your name. The reader here runs the program with a
list of the few things that it may call: it rebuilds tensors and dictionaries and refuses all else.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deepfake_lesson.errors import ModelError

MAGIC = 0x1950A86A20F9469CFC6C  # first number of a checkpoint before PyTorch 1.6
# What reading raises where a file is cut off or is something else.
DAMAGED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    EOFError,
    OSError,
    zipfile.BadZipFile,
)
REMEDY = "Fetch the file again from where its authors put it."
STORAGES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Every array in a checkpoint, by its full name: `kp_detector.kp.weight`.

    path: `.npz` with such names, or what `torch.save` wrote (`.pth`, `.pth.tar`), in its present or
    its older form. Dictionaries within dictionaries become names with dots. Raises ModelError if
    the file is missing, damaged, or would call anything else than what builds tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(path, "does not exist", REMEDY)
    try:
        with path.open("rb") as file:
            content = _read_npz(path) if path.suffix == ".npz" else _read_torch(file)
    except pickle.UnpicklingError as error:
        raise ModelError(path, f"is refused: {error}", REMEDY) from error
    except DAMAGED as error:
        raise ModelError(path, f"is no checkpoint, or damaged ({error})", REMEDY) from error
    return dict(_flat(content, ""))


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _read_torch(file) -> Any:
    if zipfile.is_zipfile(file):
        return _read_zip(zipfile.ZipFile(file))
    file.seek(0)
    return _read_legacy(file)


def _read_zip(archive: zipfile.ZipFile) -> Any:
    """A zip with data.pkl, and each tensor's numbers in a file of its own."""
    (listing,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    folder = listing.removesuffix("data.pkl")

    def load(identifier: tuple) -> np.ndarray:
        _, kind, key, *_ = identifier
        return np.frombuffer(archive.read(f"{folder}data/{key}"), kind)

    return _Reader(io.BytesIO(archive.read(listing)), load).load()


def _read_legacy(file) -> Any:
    """Five pickles one after the other, then the numbers of all tensors.

    Tensors are rebuilt before their numbers are read: they look into arrays that are filled later.
    """
    storages: dict[str, np.ndarray] = {}

    def load(identifier: tuple) -> np.ndarray:
        _, kind, key, _, count, *_ = identifier
        return storages.setdefault(key, np.zeros(count, kind))

    magic, *_ = (_Reader(file, load).load() for _ in range(3))  # magic, protocol, system
    if magic != MAGIC:
        raise ValueError("it does not begin as a checkpoint does")
    content = _Reader(file, load).load()
    for key in _Reader(file, load).load():
        (count,) = np.frombuffer(file.read(8), np.int64)
        if count != len(storages[key]):
            raise ValueError(f"storage {key} has {count} numbers instead of {len(storages[key])}")
        numbers = storages[key]
        numbers[:] = np.frombuffer(file.read(numbers.nbytes), numbers.dtype)
    return content


class _Reader(pickle.Unpickler):
    """Unpickles tensors as arrays; whatever else a pickle wants to call is refused."""

    def __init__(self, file, load) -> None:
        super().__init__(file, encoding="latin1")
        self.load_storage = load

    def persistent_load(self, identifier: tuple) -> np.ndarray:
        return self.load_storage(identifier)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuild_parameter
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"it wants to call {module}.{name}")


def _rebuild_tensor(storage, offset, shape, strides, *_) -> np.ndarray:
    """A view of the numbers in a storage; strides count numbers, as in PyTorch."""
    reach = offset + sum((side - 1) * step for side, step in zip(shape, strides, strict=True)) + 1
    if min((offset, *strides, *shape), default=0) < 0 or (0 not in shape and reach > len(storage)):
        raise ValueError("a tensor reaches beyond its numbers")
    bytes_apart = tuple(step * storage.itemsize for step in strides)
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, bytes_apart)


def _rebuild_parameter(tensor: np.ndarray, *_) -> np.ndarray:
    return tensor


def _flat(content: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays in nested dictionaries and lists, under joined names; other things are left out."""
    if isinstance(content, np.ndarray):
        yield name, content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
