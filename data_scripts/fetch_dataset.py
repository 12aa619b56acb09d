"""Fetch public material: what is open is downloaded and checked, for the rest you are told where to
sign.

    python data_scripts/fetch_dataset.py --list
    python data_scripts/fetch_dataset.py astronaut --out data
    python data_scripts/fetch_dataset.py vox-256                  # first order motion, published

An interrupted download goes on where it was. datasets.toml holds addresses, licences and checksums.
"""

import argparse
import sys
from pathlib import Path

from deepfake_lesson.downloads import Dataset, fetch, read_registry
from deepfake_lesson.errors import LessonError

REGISTRY = Path(__file__).with_name("datasets.toml")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", help="a dataset of the list")
    what.add_argument("--list", action="store_true", help="show what there is")
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder [data]")
    parser.add_argument("--registry", type=Path, default=REGISTRY, help="a list of your own")
    wishes = parser.parse_args()
    try:
        datasets = read_registry(wishes.registry)
        if wishes.list:
            print("\n".join(map(line, datasets.values())))
        else:
            get(choose(datasets, wishes.name), wishes.out)
    except LessonError as error:
        print(f"fetch_dataset: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Stopped. What has come is kept.", file=sys.stderr)
        sys.exit(130)


def line(dataset: Dataset) -> str:
    """What the list says of a dataset."""
    size = f"{dataset.size / 1e6:.1f} MB" if dataset.size else ""
    sign = f"\n{'':36}sign: {dataset.sign}" if dataset.sign else ""
    return f"{dataset.name:<15}{dataset.access:<11}{size:>8}  {dataset.title}{sign}"


def choose(datasets: dict[str, Dataset], name: str) -> Dataset:
    """The dataset of that name; raises LessonError for one that is not in the registry."""
    if name not in datasets:
        raise LessonError(name, "there is no such dataset", f"There are: {', '.join(datasets)}.")
    return datasets[name]


def get(dataset: Dataset, folder: Path) -> None:
    """Fetch a dataset and say where it is and on which terms."""
    is_new = fetch(dataset, folder)
    print(f"{folder / dataset.file}: {'fetched' if is_new else 'already there'}, checksum right")
    print(f"Licence: {dataset.licence}\n{dataset.notes}")


if __name__ == "__main__":
    main()
