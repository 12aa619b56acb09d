"""Files that are written whole or not at all, and folders in which one process works at a time."""

import errno
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from deepfake_lesson.errors import BusyError, DiskFullError, LessonError

LOCK_NAME = ".lock"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what is written there replaces `path` at the end.

    The temporary name keeps the suffix, so that writers recognise the format. If the block raises,
    the temporary file goes and an older `path` stays as it was.

    Raises:
        DiskFullError: the disk is full.
        LessonError: `path` is a folder, or its folder cannot be written.
    """
    path = Path(path)
    _make_parent(path)
    draft = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.draft{path.suffix}")
    try:
        yield draft
        _flush(draft)
        os.replace(draft, path)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(path) from error
        raise
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def folder_lock(folder: str | Path, what: str) -> Iterator[None]:
    """Hold a folder for this process; a killed process lets go of it at once.

    Drafts that a killed process left in the folder are removed: nobody else writes there now.

    Args:
        folder: made if it does not exist.
        what: what would run twice, such as "a training"; used in the message.

    Raises:
        BusyError: another process holds the folder.
    """
    folder = Path(folder)
    _make_parent(folder / LOCK_NAME)
    lock = FileLock(folder / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        remedy = "Wait until it ends, or choose another folder."
        raise BusyError(folder, f"{what} is already running here", remedy) from error
    try:
        for draft in folder.rglob(".*.draft*"):
            draft.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def checksum(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_disk_full(error: BaseException | str) -> bool:
    """Whether an error, or what a program wrote about one, says that the disk or quota is full."""
    full = {errno.ENOSPC, errno.EDQUOT}
    return getattr(error, "errno", None) in full or os.strerror(errno.ENOSPC) in str(error)


def disk_full(path: Path) -> DiskFullError:
    """The error for a file that did not fit."""
    return DiskFullError(path, "the disk is full", "Free some space or choose another folder.")


def _make_parent(path: Path) -> None:
    if path.is_dir():
        raise LessonError(path, "is a folder, not a file", "Give the name of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(path) from error
        problem = f"its folder cannot be made ({error.strerror})"
        raise LessonError(path, problem, "Choose another folder.") from error
    if not os.access(path.parent, os.W_OK):
        problem = f"the folder {path.parent} cannot be written"
        raise LessonError(path, problem, "Choose another folder.")


def _flush(path: Path) -> None:
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())
