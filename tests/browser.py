"""A real browser for tests: the system's Chromium, driven by Playwright, without a window."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # root, in a container, may not use one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium_page(width: int = 1280, height: int = 900, flags: tuple = ()) -> Iterator[Page]:
    """An empty page of width x height pixels, in a Chromium with more flags if wished.

    The test is skipped where there is no Chromium.
    """
    paths = filter(None, map(shutil.which, NAMES))
    if not (program := next(paths, None)):
        pytest.skip(f"no browser is installed (looked for {', '.join(NAMES)})")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags]) as browser,
    ):
        yield browser.new_page(viewport={"width": width, "height": height})
