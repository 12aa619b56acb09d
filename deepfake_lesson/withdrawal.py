"""Somebody takes the consent back: what was made from their face goes.

A model that learnt a face holds it as media do, so both are removed. What was passed on cannot be
fetched back; the report says so, and what else a program cannot know.
"""

import datetime
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from deepfake_lesson.files import folder_lock
from deepfake_lesson.people import Person, read_record, write_record

AT_WORK = {"faces": "an extraction", "pairs": "the making of pairs"}  # who locks which folder


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal did.

    removed: files and folders of the person's folder. models: folders of models that were trained
    on the person, removed. results: files that were made with such models and are still there.
    unknown: what nobody but you can look for.
    """

    name: str
    date: datetime.date
    removed: tuple[str, ...]
    models: tuple[str, ...]
    results: tuple[str, ...]
    unknown: tuple[str, ...]


def withdraw(
    folder: str | Path,
    search: tuple[str | Path, ...] = (".",),
    date: datetime.date | None = None,
) -> Withdrawal:
    """Remove a person's media, faces and models, and mark the consent record as withdrawn.

    The record stays, so that the withdrawal can be shown and the folder is never used again. A
    second call removes what an interrupted first one left, or finds models elsewhere.

    Args:
        folder: the person's; its consent may have expired.
        search: folders looked through, with all below them but hidden ones, for models that name
            the person in config.json, and for results whose report.json does.
        date: of the withdrawal, today if None.

    Raises:
        ConsentError: if the consent record is missing or broken.
        BusyError: if the folder or one of the models is at work; nothing was removed then.
    """
    person = read_record(folder)
    person = replace(person, withdrawn=person.withdrawn or date or datetime.date.today())
    found = list(_descriptions(search))
    models = [path.parent for path, told in found if _is_trained_on(told, person)]
    linked = [str(path.resolve()) for path in person.folder.rglob("*") if path.is_symlink()]
    removed = [path for path in sorted(person.folder.iterdir()) if path.name != "consent.toml"]
    with ExitStack() as locks:
        for path in (*models, *removed):
            if what := "a training" if path in models else AT_WORK.get(path.name):
                locks.enter_context(folder_lock(path, what))
        write_record(person)
        for path in (*models, *removed):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return Withdrawal(
        person.name,
        person.withdrawn,
        tuple(map(str, removed)),
        tuple(map(str, models)),
        tuple(_results(found, person)),
        tuple(_unknown(found, linked, search)),
    )


def _descriptions(search: tuple[str | Path, ...]) -> Iterator[tuple[Path, dict]]:
    """Every config.json and report.json that is to be found, and what it says."""
    for top in dict.fromkeys(Path(each).resolve() for each in search):
        for folder, below, files in os.walk(top):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in {"config.json", "report.json"} & set(files):
                try:
                    told = json.loads(Path(folder, name).read_bytes())
                except (OSError, ValueError):
                    continue
                if isinstance(told, dict):
                    yield Path(folder, name), told


def _is_trained_on(told: dict, person: Person) -> bool:
    """Whether this is a model of the person: same name and, for studio people, same seed."""
    people = told.get("people")
    if isinstance(people, dict):  # of a face swap; of a model of motion it is a list
        people = [*people.values()]
    identities = people if isinstance(people, list) else []
    return any(
        isinstance(each, dict)
        and (each.get("name"), each.get("seed")) == (person.name, person.seed)
        for each in (*identities, told.get("target"))
    )


def _results(found: list[tuple[Path, dict]], person: Person) -> Iterator[str]:
    """Files that a report.json lists as made with the person's face, and that are there."""
    for path, told in found:
        if path.name == "report.json" and person.name in (
            told.get(k) for k in ("a", "b", "target")
        ):
            out = Path(str(told.get("out", "")))
            candidates = (out, path.parent / out.name, path.parent)
            yield str(next(each for each in candidates if each.exists()))


def _unknown(
    found: list[tuple[Path, dict]], linked: list[str], search: tuple[str | Path, ...]
) -> Iterator[str]:
    places = ", ".join(str(Path(each).resolve()) for each in search)
    yield f"models and results outside of {places}, and models in another format"
    yield "copies of the media and of the folder: the camera, backups, cloud storage"
    yield "results that were passed on or published"
    for path, told in found:
        is_motion = told.get("kind") == "first order motion" and path.exists()
        if is_motion and told.get("unnamed_people", "people" not in told):
            yield f"whose clips {path.parent} was trained on: it does not name all of them"
    for path in linked:
        yield f"{path}: only the link to it was removed"
