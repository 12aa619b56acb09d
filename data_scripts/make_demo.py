"""Two people who do not exist in, one swapped, labelled and signed video out: build/demo.

    python data_scripts/make_demo.py [--fresh] [--minutes 3] [--preset laptop]

Person a talks for four seconds, person b makes faces for the camera; b's face is put on a. Takes
under eight minutes on two cores. What is done already is not done again, so a second run is quick
and an interrupted one goes on; --fresh starts anew.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from deepfake_lesson.conversion import convert
from deepfake_lesson.errors import LessonError
from deepfake_lesson.extraction import create_face_dataset
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.provenance import verify
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.recipe import record
from deepfake_lesson.training import train

FOLDER = Path("build/demo")
PERFORMANCES = {"a": "talk", "b": "screen_test"}
console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where all of it goes")
    parser.add_argument("--fresh", action="store_true", help="delete what is there first")
    parser.add_argument("--preset", help="quick, laptop or gpu; what the machine has if not given")
    parser.add_argument("--minutes", type=float, help="of training; the preset's if not given")
    wishes = parser.parse_args()
    try:
        make_demo(wishes.folder, wishes.fresh, wishes.preset, wishes.minutes)
    except LessonError as error:
        sys.exit(f"make_demo: {error} (make demo FRESH=1 starts anew)")
    except KeyboardInterrupt:
        sys.exit(130)


def make_demo(folder: Path, fresh: bool, preset: str | None, minutes: float | None) -> None:
    """Film, extract, train, convert and say how well it went."""
    start = perf_counter()
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    people = [film(folder / who, who) for who in PERFORMANCES]
    for person in people:
        console.rule(f"extract {person.name}")
        create_face_dataset(person)
    console.rule("train")
    training = train(*people, folder / "model", preset=preset, minutes=minutes)
    console.rule("convert")
    clip, swap = people[0].media / "clip.mp4", folder / "swap.mp4"
    report_path = folder / "report.json"
    if training.steps or not (swap.is_file() and report_path.is_file()):
        convert(clip, folder / "model", "b", swap, progress=True)
    report = json.loads(report_path.read_text(encoding="utf-8"))
    console.print(summary(folder, report, training, perf_counter() - start))


def film(folder: Path, who: str) -> Person:
    """Record a demo person, unless that is done already."""
    if (folder / "consent.toml").is_file():
        return open_person(folder)
    console.rule(f"film person {who}")
    shutil.rmtree(folder, ignore_errors=True)
    seed = RESERVED_SEEDS["demo"]["ab".index(who)]
    return record(seed, folder, PERFORMANCES[who], seconds=4, fps=25, size=512, progress=True)


def summary(folder: Path, report: dict, training, seconds: float) -> Table:
    """The figures that say whether the swap is good, and where to look."""
    identity, truth = report["identity"], report["truth"]
    before, after = identity["before"], identity["after"]
    credential = verify(folder / "swap.mp4")
    rows = {
        "faces swapped": f"{report['faces_swapped']} in {report['frames']} frames",
        "distance to b": f"{before['to_b']:.3f} before, {after['to_b']:.3f} after "
        f"(same person below {report['threshold_b']})",
        "distance to a": f"{before['to_a']:.3f} before, {after['to_a']:.3f} after",
        "frames nearer to b": f"{identity['share_nearer_b']:.0%}",
        "error to the truth": f"{truth['input']['error']:.4f} before, "
        f"{truth['swap']['error']:.4f} after "
        f"({truth['ratio']:.1f} times less)",
        "training": f"{training.step} steps, loss {training.loss:.4f}",
        "time": f"{seconds / 60:.1f} minutes, of which {training.seconds / 60:.1f} training",
        "credential": f"{credential.state}, {credential.source_type}",
        "video": str(folder / "swap.mp4"),
        "pictures": str(folder / "contact_sheet.png"),
        "all figures": str(folder / "report.json"),
    }
    table = Table(title="b's face on a", show_header=False)
    for row in rows.items():
        table.add_row(*row)
    return table


if __name__ == "__main__":
    main()
