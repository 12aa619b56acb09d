"""The networks of the course, in `keras.ops` only, so that every Keras backend runs them."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what native code prints: TensorFlow reports missing graphics cards as if it failed."""
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _silent_stderr():
    import keras  # noqa: F401

# TensorFlow warns into notebooks that a new model or batch size is traced anew, as it must be.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
