"""JupyterLab for tests: started as it comes, opened in the browser of `browser`."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page

START_SECONDS = 60


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab and the folder that it shows."""

    folder: Path
    port: int
    token: str

    def address(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}?token={self.token}"

    def open(self, page: Page, notebook: Path, host: str = "127.0.0.1") -> None:
        """Open a notebook of the folder, alone, and wait until its kernel is ready."""
        page.goto(self.address(f"lab/workspaces/{notebook.stem}/tree/{notebook.name}", host))
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)

    def run(self, page: Page, notebook: Path, host: str = "127.0.0.1") -> None:
        """Open a notebook of the folder and start all its cells."""
        self.open(page, notebook, host)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    def write(self, name: str, *cells: str) -> Path:
        """A notebook of these cells of code in the folder."""
        notebook = new_notebook(cells=[new_code_cell(cell.strip()) for cell in cells])
        notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        path = self.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path


@contextmanager
def running_lab(home: Path, folder: Path, **more: object) -> Iterator[Lab]:
    """JupyterLab showing `folder`, with settings and kernels in `home`; more: its options."""
    settings = home / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}  # or a question covers the page
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = Lab(folder, port, secrets.token_hex())
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "IdentityProvider.token": started.token,
    } | more
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


def _wait_for(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    """Return when JupyterLab answers."""
    for _ in range(START_SECONDS * 4):
        with suppress(urllib.error.URLError):
            return urllib.request.urlopen(lab.address("api")).close()
        if server.poll() is not None:
            break
        time.sleep(0.25)
    pytest.fail(f"JupyterLab does not start:\n{log.read_text()[-2000:]}")
