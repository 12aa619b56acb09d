"""Public material from a registry: fetched once, continued after a break, checked before use.

The registry is a TOML file, a table for each dataset:

    [astronaut]
    title = "Portrait of an astronaut"
    licence = "public domain"
    page = "https://..."             where it is described
    access = "open"                  or "agreement", and then `sign` says where, or "listed"
    address = "https://..."          one file; open ones only
    size = 791555                    bytes
    sha256 = "88431cd9..."
    notes = "what to know before it is used"
    checked = "what was verified, and when"

What is listed has instead of the last three

    listing = "https://..."          JSON with `file` (its address), `size` and `sha256`
    saved_as = "model.bin"

The checksum of the first use is kept beside the file, and every later use has to have the same.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from deepfake_lesson.errors import LessonError
from deepfake_lesson.files import disk_full, folder_lock, is_disk_full, replacing

ACCESS = ("open", "agreement", "listed")
TIMEOUT = 30  # seconds without a byte
BLOCK = 1 << 16


class DownloadError(LessonError):
    """A file that did not come, or is not the one that was meant."""


@dataclass(frozen=True)
class Dataset:
    """An entry of the registry; ValueError for one that says too little to be fetched or signed."""

    name: str
    title: str
    licence: str
    page: str
    access: str
    notes: str
    checked: str
    sign: str = ""
    address: str = ""
    size: int = 0
    sha256: str = ""
    listing: str = ""
    saved_as: str = ""

    def __post_init__(self) -> None:
        if self.access not in ACCESS:
            raise ValueError(f"access is {self.access!r}, not one of {', '.join(ACCESS)}")
        if self.access == "open" and not (self.file and self.size > 0 and len(self.sha256) == 64):
            raise ValueError("what is open needs address, size and sha256 (64 digits)")
        if self.access == "agreement" and (self.address or not self.sign):
            raise ValueError("what needs an agreement has `sign`, and no address")
        if self.access == "listed" and not (self.listing and self.saved_as):
            raise ValueError("what is listed has `listing` and `saved_as`")

    @property
    def file(self) -> str:
        """The name under which it is kept: `saved_as`, or the last part of the address."""
        return Path(self.saved_as or urlsplit(self.address).path).name


def read_registry(path: str | Path) -> dict[str, Dataset]:
    """The datasets of a registry by name; raises LessonError for a file that is none."""
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LessonError(
            path, f"the registry cannot be read ({error})", "Check the file."
        ) from error
    datasets = {}
    for name, entry in tables.items():
        try:
            datasets[name] = Dataset(name=name, **entry)
        except (TypeError, ValueError) as error:
            raise LessonError(path, f"[{name}] is not right ({error})", "Mend it.") from error
    return datasets


def fetch(dataset: Dataset, folder: str | Path, progress: bool = True) -> bool:
    """Download a dataset's file into `folder`, unless it is there; True if it was downloaded.

    What has come is kept in FILE.part until it is whole and its SHA-256 is right, and the next call
    goes on from there.

    Raises:
        DownloadError: an agreement is needed, the server is out of reach or has no such file, the
            connection broke off, or the file is another one than the registry means.
        DiskFullError: the disk is full; what has come is kept.
        BusyError: another download into this folder is running.
    """
    if dataset.access == "agreement":
        problem = "needs an agreement, which only you can make"
        remedy = f"Where to sign or ask: {dataset.sign} . {dataset.notes}"
        raise DownloadError(dataset.title, problem, remedy)
    path = Path(folder) / dataset.file
    first_sum = path.with_name(f"{path.name}.sha256")
    with folder_lock(folder, "a download"):
        if path.exists():
            if dataset.access == "listed":
                dataset = replace(dataset, sha256=_first_sum(first_sum, path))
            _check_present(dataset, path)
            return False
        if dataset.access == "listed":
            dataset = _look_up(dataset)
        _download_and_check(dataset, path, progress)
        if dataset.access == "listed":
            _first_sum(first_sum, path)
        return True


def _first_sum(kept: Path, path: Path) -> str:
    """The checksum that a file had when it was first used."""
    if not kept.exists():
        with replacing(kept) as draft:
            draft.write_text(f"{checksum(path)}  {path.name}\n", encoding="utf-8")
    return kept.read_text(encoding="utf-8").split(maxsplit=1)[0]


def _look_up(dataset: Dataset) -> Dataset:
    """The dataset with what its listing says: address, size and, if it says one, checksum."""
    with _answer(dataset, dataset.listing) as answer:
        try:
            said = json.loads(answer.text)
            address, size, found = str(said["file"]), int(said["size"]), said.get("sha256", "")
            if urlsplit(address).scheme != urlsplit(dataset.listing).scheme or size <= 0:
                raise ValueError(f"{address}, {size} bytes")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"does not say where the file is ({error})"
            remedy = f"Fetch {dataset.file} by hand from where {dataset.page} says."
            raise DownloadError(dataset.listing, problem, remedy) from error
    return replace(dataset, address=address, size=size, sha256=found)


def checksum(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_present(dataset: Dataset, path: Path) -> None:
    found = checksum(path)
    if found != dataset.sha256:
        remedy = "Move it away or delete it, then fetch again."
        raise DownloadError(path, f"is there, but {_both_sums(dataset, found)}", remedy)


def _download_and_check(dataset: Dataset, path: Path, progress: bool) -> None:
    """Go on with FILE.part; if that gives a wrong checksum, the file changed meanwhile: anew."""
    part = path.with_name(f"{path.name}.part")
    for _attempt in range(2 if part.exists() else 1):
        _download(dataset, part, progress)
        found = checksum(part)
        if dataset.sha256 in (found, ""):
            os.replace(part, path)
            return
        part.unlink()
    remedy = f"Nothing was kept. Look at {dataset.page} whether there is a newer version."
    raise DownloadError(dataset.address, _both_sums(dataset, found), remedy)


def _both_sums(dataset: Dataset, found: str) -> str:
    return f"the checksum is wrong: SHA-256 {found} instead of {dataset.sha256}"


# pooch checks sums and draws a bar, but it begins every download at the first byte.
def _download(dataset: Dataset, part: Path, progress: bool) -> None:
    """Append to `part` what is missing; a server that cannot do that sends all of it anew."""
    have = part.stat().st_size if part.exists() else 0
    if have == dataset.size:
        return
    with _answer(dataset, dataset.address, have if have < dataset.size else 0) as answer:
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        length = answer.headers.get("Content-Length")
        if length is not None and have + int(length) != dataset.size:
            problem = f"has {have + int(length)} bytes on the server instead of {dataset.size}"
            remedy = f"It is another file now. Look at {dataset.page} for a newer version."
            raise DownloadError(dataset.address, problem, remedy)
        _write(dataset, answer, part, have, progress)


@contextmanager
def _answer(dataset: Dataset, address: str, begin: int = 0) -> Iterator:
    """The server's answer to the request for everything from byte `begin` on."""
    import requests

    headers = {"Accept-Encoding": "identity"}  # bytes as they lie on the server
    if begin:
        headers["Range"] = f"bytes={begin}-"
    try:
        answer = requests.get(address, headers=headers, stream=True, timeout=TIMEOUT)
    except requests.RequestException as error:
        problem = f"the server cannot be reached ({_reason(error)})"
        remedy = "Check the network and call again; what has come so far is kept."
        raise DownloadError(address, problem, remedy) from error
    with answer:
        if not answer.ok:
            problem = f"the server answers {answer.status_code} {answer.reason}"
            remedy = f"Try again later. If it stays so, look at {dataset.page} for a new address."
            raise DownloadError(address, problem, remedy)
        yield answer


def _write(dataset: Dataset, answer, part: Path, have: int, progress: bool) -> None:
    """Write the answer behind the first `have` bytes of `part`."""
    import requests
    from tqdm import tqdm

    bar = tqdm(
        desc=dataset.file,
        total=dataset.size,
        initial=have,
        unit="B",
        unit_scale=True,
        disable=not progress,
    )
    try:
        with bar, part.open("ab") as stream:
            stream.truncate(have)
            for block in answer.iter_content(BLOCK):
                stream.write(block)
                bar.update(len(block))
                if stream.tell() > dataset.size:  # another file, of a length that was not said
                    break
    except requests.RequestException as error:
        raise _broken_off(dataset, part, _reason(error)) from error
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(part) from error
        raise
    if part.stat().st_size < dataset.size:
        raise _broken_off(dataset, part, "the server stopped")


def _broken_off(dataset: Dataset, part: Path, reason: str) -> DownloadError:
    problem = f"broke off after {part.stat().st_size} of {dataset.size} bytes ({reason})"
    return DownloadError(dataset.address, problem, "Call again: it goes on from there.")


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words, such as "Connection refused"."""
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or type(error).__name__
