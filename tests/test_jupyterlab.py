"""JupyterLab itself, in a browser: widgets that move, chapters that open."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import chromium_page
from lab import Lab, running_lab
from playwright.sync_api import Locator, expect

from deepfake_lesson.plots import Picture

pytestmark = pytest.mark.slow

CHAPTERS = sorted((Path(__file__).parent.parent / "chapters").glob("[0-9][0-9]_*.ipynb"))
MOVE = """
import numpy as np
from deepfake_lesson import widgets

def level(height, upside_down):
    if height > 6:
        raise ValueError("the glass is full")
    glass = np.full((80, 320, 3), 255, np.uint8)
    glass[80 - 10 * height :] = (0, 114, 178)
    return glass[::-1] if upside_down else glass

widgets.explore(level, height=(0, 8, 1, 4), upside_down=False)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("folder")) as lab:
        yield lab


def test_moving_a_slider_changes_the_picture(lab):
    notebook = lab.write("slider", MOVE)
    names = {}
    exec(MOVE, names)
    with chromium_page() as page:
        lab.run(page, notebook)
        picture, slider = page.locator(".jp-OutputArea img"), page.get_by_role("slider")
        picture.wait_for(timeout=60_000)
        assert _picture_file(picture) == Picture(names["level"](4, False)).jpeg()

        _change(picture, lambda: slider.press("ArrowRight"))
        assert _picture_file(picture) == Picture(names["level"](5, False)).jpeg()

        _change(picture, page.get_by_role("checkbox", name="upside down").check)
        assert _picture_file(picture) == Picture(names["level"](5, True)).jpeg()

        for _ in range(2):
            slider.press("ArrowRight")
        expect(page.get_by_text("ValueError: the glass is full")).to_be_visible()
        expect(picture).to_be_hidden()


@pytest.mark.parametrize("chapter", CHAPTERS[:1], ids=lambda path: path.stem)
def test_a_chapter_opens_with_its_pictures(lab, tmp_path, chapter):
    """As it is saved, without running it; SCREENSHOTS=folder keeps photographs."""
    notebook = Path(shutil.copy(chapter, lab.folder))
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    with chromium_page(height=1400) as page:
        lab.open(page, notebook)
        page.screenshot(path=folder / "lab.png")
        pictures = page.locator(".jp-OutputArea img")
        pictures.first.scroll_into_view_if_needed()
        page.screenshot(path=folder / "lab_picture.png")
        assert all(pictures.evaluate_all("all => all.map(picture => picture.naturalWidth)"))


def _picture_file(picture: Locator) -> bytes:
    """The bytes that the browser shows."""
    script = "async image => [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())]"
    return bytes(picture.evaluate(script))


def _change(picture: Locator, act: Callable[[], None]) -> None:
    """Do something, and wait until another picture is shown."""
    before = picture.get_attribute("src")
    act()
    expect(picture).not_to_have_attribute("src", before, timeout=30_000)
