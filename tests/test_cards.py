"""Cards: all that is shipped has one, and what it says of the files is what they hold."""

import re
import shutil
from pathlib import Path

import h5py
import links
import numpy as np
import pytest

import chapters

CARDS = chapters.ROOT / "docs" / "cards"
WEIGHTS = chapters.ROOT / "deepfake_lesson" / "weights"
NO_WEIGHTS = ("README.md", "studio.md")
HEADER = "| weights | parameters | MB |\n|---|---|---|\n"
ROW = re.compile(r"\| `([^`]+)` \| ([\d,]+) \| (\d+\.\d\d) \|\n")
SECTIONS = ["Made", "Use", "Measured", "Limits and known failures", "Ethics and licence"]
LONGEST = 80  # lines


def model_cards(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.md")) if path.name not in NO_WEIGHTS]


def stated(card: Path) -> dict[str, tuple[str, str]]:
    """Parameters and MB by the name of the weights, as the card's first table has them."""
    _, _, rows = card.read_text(encoding="utf-8").partition(HEADER)
    found = {}
    while row := ROW.match(rows):
        found[row[1]] = (row[2], row[3])
        rows = rows[row.end() :]
    return found


def held(weights: Path) -> tuple[str, str]:
    """Parameters and MB of a file, or of all files in a folder, as a card writes them."""
    files = [path for path in [weights, *weights.rglob("*")] if path.is_file()]
    parameters = sum(map(count_numbers, files))
    return f"{parameters:,}", f"{sum(path.stat().st_size for path in files) / 1e6:.2f}"


def count_numbers(path: Path) -> int:
    """How many numbers a file of weights holds; none for settings."""
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False).size
    if path.suffix != ".h5":
        return 0
    sizes = []
    with h5py.File(path) as file:
        file.visititems(lambda _, it: sizes.append(it.size if isinstance(it, h5py.Dataset) else 0))
    return sum(sizes)


def mistakes(cards: Path, weights: Path) -> list[str]:
    """In what the cards of a folder and the weights of another disagree."""
    said = {name: figures for card in model_cards(cards) for name, figures in stated(card).items()}
    there = {path.name: path for path in weights.iterdir() if not path.name.startswith(".")}
    found = [f"{name} has no card" for name in sorted(there.keys() - said)]
    found += [f"{name} is not shipped" for name in sorted(said.keys() - there)]
    for name in sorted(there.keys() & said):
        if said[name] != held(there[name]):
            found.append(f"{name} holds {held(there[name])}, its card says {said[name]}")
    return found


def test_all_that_is_shipped_has_a_card_with_its_size():
    assert mistakes(CARDS, WEIGHTS) == []


@pytest.fixture
def few(tmp_path):
    """A card of its own, and the small weights that it is about."""
    cards, weights = tmp_path / "cards", tmp_path / "weights"
    for folder in (cards, weights):
        folder.mkdir()
    shutil.copy(WEIGHTS / "landmark_correction.npy", weights)
    shutil.copy(CARDS / "landmark_correction.md", cards)
    return cards, weights


def test_what_has_no_card_is_found(few):
    cards, weights = few
    assert mistakes(cards, weights) == []
    (weights / "detector").mkdir()
    assert mistakes(cards, weights) == ["detector has no card"]


def test_a_card_of_nothing_is_found(few):
    cards, weights = few
    (weights / "landmark_correction.npy").unlink()
    assert mistakes(cards, weights) == ["landmark_correction.npy is not shipped"]


@pytest.mark.parametrize(("right", "wrong"), [("| 18,632 |", "| 18,633 |"), ("0.07 |", "0.08 |")])
def test_a_wrong_figure_is_found(few, right, wrong):
    cards, weights = few
    card = cards / "landmark_correction.md"
    text = card.read_text(encoding="utf-8")
    assert right in text
    card.write_text(text.replace(right, wrong), encoding="utf-8")
    (mistake,) = mistakes(cards, weights)
    assert mistake.startswith("landmark_correction.npy holds ('18,632', '0.07')")


@pytest.mark.parametrize("card", model_cards(CARDS), ids=lambda card: card.stem)
def test_a_model_card_says_all_that_it_should(card):
    text = card.read_text(encoding="utf-8")
    assert stated(card), "the table under the title is missing"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("card", sorted(CARDS.glob("*.md")), ids=lambda card: card.stem)
def test_a_card_is_short_and_its_links_stay_in_the_repository(card):
    assert len(card.read_text(encoding="utf-8").splitlines()) <= LONGEST
    findings, count, _ = links.findings_in(chapters.ROOT, [card], ask=False)
    assert count and not findings
    for link in links.links_of(card):
        if target := links.local_target(link, chapters.ROOT):
            assert target[0].resolve().is_relative_to(chapters.ROOT.resolve()), link.target


def test_the_overview_leads_to_every_card():
    led_to = {link.target for link in links.links_of(CARDS / "README.md")}
    assert {path.name for path in CARDS.glob("*.md")} - {"README.md"} <= led_to
