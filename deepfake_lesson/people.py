"""A person is a folder: a consent record, media, aligned faces and how each face was cut out.

    people/three/
        consent.toml                 who, on which basis, for what, since when and until when
        media/                       pictures and videos of this one person
        faces/*.png                  aligned 256 px faces
        faces/alignments.jsonl       one line per face

No other part of the package touches a folder whose consent record is missing or broken, or whose
consent has expired or was withdrawn (see `withdrawal`).
"""

import datetime
import json
import os
import shutil
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from deepfake_lesson.errors import ConsentError, LessonError, MediaError
from deepfake_lesson.files import replacing

BASES = ("synthetic", "self", "written", "public-dataset")
DEFAULT_SCOPE = "face swapping for teaching; every result is labelled as AI-generated"

# Greatest distance between two face_recognition embeddings of one person. It belongs to the kind
# of people that are compared, see identity.py, and is therefore kept with the person.
THRESHOLDS = {"synthetic": 0.44, "real": 0.6}


@dataclass(frozen=True)
class Person:
    """Somebody who agreed, or who does not exist.

    `threshold` is the embedding distance up to which a face is this person's; `seed` is the
    identity of a person made by the studio; `expires` the last day of the consent, None if it has
    no end; `withdrawn` the day on which it was taken back.
    """

    folder: Path
    name: str
    basis: str
    scope: str
    date: datetime.date
    domain: str
    threshold: float
    seed: int | None = None
    expires: datetime.date | None = None
    withdrawn: datetime.date | None = None

    @property
    def media(self) -> Path:
        return self.folder / "media"

    @property
    def faces(self) -> Path:
        return self.folder / "faces"

    @property
    def alignments(self) -> Path:
        return self.faces / "alignments.jsonl"


def create_person(
    folder: str | Path,
    name: str,
    basis: str,
    scope: str = DEFAULT_SCOPE,
    media: tuple[str | Path, ...] = (),
    seed: int | None = None,
    date: datetime.date | str | None = None,
    expires: datetime.date | str | None = None,
) -> Person:
    """Make a person's folder with a consent record and copies of the media.

    `basis` is one of BASES, `seed` the studio identity of a synthetic person, `date` the day of
    the consent (today), also as text like 2026-11-21, `expires` likewise its last day (none). The
    record is written last, so that a folder cut short is no person. Raises ConsentError for a bad
    record or a folder that already has one, MediaError for media that are not there.
    """
    folder = Path(folder)
    record = folder / "consent.toml"
    if record.exists():
        raise ConsentError(
            folder, "already holds a person", "Choose another folder, or delete this one first."
        )
    consent = {
        "name": name,
        "basis": basis,
        "scope": scope,
        "date": date or datetime.date.today(),
    }
    if expires is not None:
        consent["expires"] = expires
    domain = "synthetic" if basis == "synthetic" else "real"
    identity = {"domain": domain, "threshold": THRESHOLDS[domain]}
    if seed is not None:
        identity["seed"] = int(seed)
    person = _parse_record(folder, {"consent": consent, "identity": identity})
    _copy_media(person, [Path(path) for path in media])
    write_record(person)
    return person


def open_person(folder: str | Path, today: datetime.date | None = None) -> Person:
    """Read a person's folder; raises ConsentError unless its consent record is valid.

    today: the day on which the consent has to hold, this one if None.
    """
    person, today = read_record(folder), today or datetime.date.today()
    if person.withdrawn is not None:
        problem = f"{person.name} withdrew the consent on {person.withdrawn}"
        remedy = "Do without; deepfake-lesson person withdraw removes what is left."
        raise ConsentError(person.folder, problem, remedy)
    if person.expires is not None and person.expires < today:
        remedy = "Ask again and mend consent.toml, or: deepfake-lesson person withdraw."
        problem = f"the consent of {person.name} ended on {person.expires}"
        raise ConsentError(person.folder, problem, remedy)
    return person


def read_record(folder: str | Path) -> Person:
    """What a consent record says, also if it does not hold any more.

    Raises ConsentError if it is missing or broken.
    """
    folder = Path(folder)
    record = folder / "consent.toml"
    if not folder.is_dir():
        raise ConsentError(
            folder, "there is no such person's folder", _how_to_make_a_record(folder)
        )
    if not record.is_file():
        raise ConsentError(
            folder, "there is no consent record (consent.toml)", _how_to_make_a_record(folder)
        )
    try:
        parsed = tomllib.loads(record.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConsentError(
            record, f"the consent record cannot be read ({error})", _how_to_mend(record)
        ) from error
    return _parse_record(folder, parsed)


def write_record(person: Person) -> None:
    """Write consent.toml, whole or not at all."""
    with replacing(person.folder / "consent.toml") as draft:
        draft.write_text(_record_text(person), encoding="utf-8")


def _parse_record(folder: Path, record: dict) -> Person:
    """Check the two tables of a consent record; [identity] may be left out."""
    consent, identity = _table(folder, record, "consent"), _table(folder, record, "identity")
    basis = _text(folder, consent, "basis")
    if basis not in BASES:
        _refuse(folder, f"the basis {basis!r} is none of {', '.join(BASES)}")
    domain = identity.get("domain", "synthetic" if basis == "synthetic" else "real")
    if domain not in THRESHOLDS:
        _refuse(folder, f"the domain {domain!r} is none of {', '.join(THRESHOLDS)}")
    threshold = identity.get("threshold", THRESHOLDS[domain])
    if not _is_number(threshold) or not 0 < threshold <= 2:
        _refuse(folder, f"the threshold {threshold!r} is not a number between 0 and 2")
    seed = identity.get("seed")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
        _refuse(folder, f"the seed {seed!r} is not a whole number from 0 on")
    date, expires = _date(folder, consent, "date"), _date(folder, consent, "expires", False)
    if expires is not None and expires < date:
        _refuse(folder, f"the consent would expire on {expires}, before its date, {date}")
    return Person(
        folder=folder,
        name=_text(folder, consent, "name"),
        basis=basis,
        scope=_text(folder, consent, "scope"),
        date=date,
        domain=domain,
        threshold=float(threshold),
        seed=seed,
        expires=expires,
        withdrawn=_date(folder, consent, "withdrawn", False),
    )


def _table(folder: Path, record: dict, name: str) -> dict:
    table = record.get(name, {})
    if not isinstance(table, dict):
        _refuse(folder, f"[{name}] is not a table")
    return table


def _text(folder: Path, consent: dict, key: str) -> str:
    text = consent.get(key)
    if not isinstance(text, str) or not text.strip():
        _refuse(folder, f"the consent record has no {key}")
    if not text.isprintable():
        _refuse(folder, f"the {key} has characters that cannot be printed")
    return text.strip()


def _date(folder: Path, consent: dict, key: str, needed: bool = True) -> datetime.date | None:
    """A TOML date, or the same in quotes; None where there may be none."""
    date = consent.get(key)
    if date is None and not needed:
        return None
    if isinstance(date, datetime.datetime):
        return date.date()
    if isinstance(date, datetime.date):
        return date
    try:
        return datetime.date.fromisoformat(_text(folder, consent, key))
    except ValueError:
        _refuse(folder, f"the {key} {date!r} is not a day like 2026-11-21")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse(folder: Path, problem: str) -> None:
    raise ConsentError(folder / "consent.toml", problem, _how_to_mend(folder / "consent.toml"))


def _how_to_mend(record: Path) -> str:
    return f"Mend {record.name}: [consent] needs name, basis ({' | '.join(BASES)}), scope and date."


def _how_to_make_a_record(folder: Path) -> str:
    return (
        f'Ask the person, then: deepfake-lesson person new {folder} --name "..." '
        "--basis self|written|public-dataset --media CLIP."
    )


def _record_text(person: Person) -> str:
    """The record as TOML; JSON strings of printable text are TOML strings."""

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    seed = "" if person.seed is None else f"seed = {person.seed}\n"
    ends = {"expires": person.expires, "withdrawn": person.withdrawn}
    dates = "".join(f"{key} = {day.isoformat()}\n" for key, day in ends.items() if day)
    return (
        "[consent]\n"
        f"name = {quoted(person.name)}\n"
        f"basis = {quoted(person.basis)}  # {' | '.join(BASES)}\n"
        f"scope = {quoted(person.scope)}\n"
        f"date = {person.date.isoformat()}\n"
        f"{dates}"
        "\n[identity]\n"
        f"domain = {quoted(person.domain)}  # {' | '.join(THRESHOLDS)}\n"
        f"threshold = {person.threshold}  # embeddings nearer than this are this person\n"
        f"{seed}"
    )


def _copy_media(person: Person, media: list[Path]) -> None:
    """Copy pictures and videos into media/; what was copied goes again when one of them fails."""
    missing = [path for path in media if not path.is_file()]
    if missing:
        raise MediaError(missing[0], "there is no such file", "Check the path after --media.")
    names = [path.name for path in media]
    if len(set(names)) < len(names):
        raise MediaError(person.folder, "two media have the same name", "Rename one of them.")
    person.media.mkdir(parents=True, exist_ok=True)
    copied = []
    try:
        for path in media:
            target = person.media / path.name
            if target.exists() and target.samefile(path):
                continue
            with replacing(target) as temporary:
                shutil.copyfile(path, temporary)
            copied.append(target)
    except BaseException:
        for target in copied:
            target.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, eq=False)
class Alignment:
    """How one aligned face was cut out of one frame: a line of alignments.jsonl.

    `file` is the picture in faces/, `source` the name in media/, `frame` counts from 0 (0 for a
    picture). `box` (x0, y0, x1, y1) and `landmarks` (68, 2) float32 are frame pixels; `matrix`
    (2, 3) float64 maps frame pixels to pixels of the aligned 256 px face. `rotation` is the
    turn in degrees at which the face was found, `identity_distance` None without a reference.
    """

    file: str
    source: str
    frame: int
    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    matrix: np.ndarray
    detector: str
    score: float
    sharpness: float
    identity_distance: float | None = None
    rotation: int = 0

    def to_json(self) -> str:
        """One line of JSON without its end; float32 and float64 come back bit for bit."""
        row = asdict(self)
        row["box"] = [float(edge) for edge in self.box]
        row["landmarks"] = np.asarray(self.landmarks, np.float32).astype(float).tolist()
        row["matrix"] = np.asarray(self.matrix, np.float64).tolist()
        for name in ("score", "sharpness", "identity_distance"):
            row[name] = None if row[name] is None else float(row[name])
        row["frame"], row["rotation"] = int(self.frame), int(self.rotation)
        return json.dumps(row, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> "Alignment":
        """The opposite of `to_json`; raises ValueError for anything else."""
        row = json.loads(line)
        if not isinstance(row, dict) or set(row) != {field.name for field in fields(cls)}:
            raise ValueError("not the fields of an alignment")
        row["box"] = tuple(row["box"])
        row["landmarks"] = np.array(row["landmarks"], np.float32).reshape(68, 2)
        row["matrix"] = np.array(row["matrix"], np.float64).reshape(2, 3)
        return cls(**row)


def read_alignments(person: Person) -> list[Alignment]:
    """All alignments of a person, in the order in which they were found.

    A line counts once its end is written: what a killed extraction left behind is passed over.
    Raises LessonError for a line that is damaged otherwise.
    """
    if not person.alignments.exists():
        return []
    *lines, _cut_off = person.alignments.read_bytes().split(b"\n")
    alignments = []
    for number, line in enumerate(lines, 1):
        try:
            alignments.append(Alignment.from_json(line.decode("utf-8")))
        except (ValueError, TypeError) as error:
            raise LessonError(
                person.alignments,
                f"line {number} is damaged ({error})",
                f"Delete {person.faces} and extract again.",
            ) from error
    return alignments


def append_alignments(person: Person, rows: list[Alignment]) -> None:
    """Add lines in one write and see them onto the disk; a cut-off last line goes first."""
    text = "".join(row.to_json() + "\n" for row in rows).encode("utf-8")
    person.faces.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(person.alignments, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+b") as file:
        end = _end_of_last_line(file)
        file.truncate(end)
        file.seek(end)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _end_of_last_line(file) -> int:
    """Position after the last line end, looked for backwards in blocks."""
    position = file.seek(0, os.SEEK_END)
    while position > 0:
        start = max(0, position - 65536)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0
