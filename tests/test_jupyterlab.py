"""JupyterLab itself, in a browser: widgets that move, chapters that open."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from browser import chromium_page
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Locator, Page, expect

from deepfake_lesson.plots import Picture

pytestmark = pytest.mark.slow

CHAPTERS = sorted((Path(__file__).parent.parent / "chapters").glob("[0-9][0-9]_*.ipynb"))
START_SECONDS = 60
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


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab and the folder that it shows."""

    folder: Path
    address: str
    token: str

    def open(self, page: Page, notebook: Path) -> None:
        """Open a notebook of the folder, alone, and wait until its kernel is ready."""
        path = f"lab/workspaces/{notebook.stem}/tree/{notebook.name}"
        page.goto(f"{self.address}/{path}?token={self.token}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """JupyterLab as it comes, with settings, kernels and notebooks in folders of its own."""
    home, folder = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("notebooks")
    settings = home / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}  # or a question covers the page
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = Lab(folder, f"http://127.0.0.1:{port}", secrets.token_hex())
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": started.token,
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | dict.fromkeys(names, str(home))
    with open(home / "log.txt", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(started, server, home / "log.txt")
        yield started
    finally:
        server.terminate()  # it ends its kernels
        server.wait(timeout=30)


def test_moving_a_slider_changes_the_picture(lab):
    notebook = _write(lab.folder / "slider.ipynb", MOVE)
    names = {}
    exec(MOVE, names)
    with chromium_page() as page:
        lab.open(page, notebook)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
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


def _write(path: Path, code: str) -> Path:
    notebook = new_notebook(cells=[new_code_cell(code.strip())])
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(notebook, path)
    return path


def _picture_file(picture: Locator) -> bytes:
    """The bytes that the browser shows."""
    script = "async image => [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())]"
    return bytes(picture.evaluate(script))


def _change(picture: Locator, act: Callable[[], None]) -> None:
    """Do something, and wait until another picture is shown."""
    before = picture.get_attribute("src")
    act()
    expect(picture).not_to_have_attribute("src", before, timeout=30_000)


def _wait_for(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    """Return when JupyterLab answers."""
    for _ in range(START_SECONDS * 4):
        with suppress(urllib.error.URLError):
            return urllib.request.urlopen(f"{lab.address}/api?token={lab.token}").close()
        if server.poll() is not None:
            break
        time.sleep(0.25)
    pytest.fail(f"JupyterLab does not start:\n{log.read_text()[-2000:]}")
