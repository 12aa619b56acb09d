"""Build the site of the course from its executed chapters, and check it in a real browser.

    python tools/website.py build        # build/site
    python tools/website.py check        # opens every page of build/site in headless Chromium

The pages ask nobody for anything: no fonts, scripts or pictures from elsewhere.
"""

import argparse
import base64
import html
import io
import math
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode
from PIL import Image, ImageOps

from chapters import CHAPTERS, ROOT, address

SITE = ROOT / "build" / "site"
PAGES = ("chapters/glossary.md", "data_scripts/README.md", "INSTRUCTORS.md")
# What has a page of another name on the site.
ELSEWHERE = {"README.md": "index.md", "chapters/README.md": "index.md"}
THUMBNAIL = (480, 240)  # pixels of a card's picture, twice what is shown
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
OUTSIDE_PICTURE = re.compile(r"!\[([^\]]*)\]\(https?://[^)]*\)")
TABLE_ROW = re.compile(r"^\| (\d\d) \| (?:\[(.+?)\]\(.+?\)|(.+?)) \| (.+?) \|$", re.MULTILINE)
SERIOUS = ("serious", "critical")
# axe-core would fetch style sheets anew, some from addresses at which the page itself never looks.
AXE_OPTIONS = {"resultTypes": ["violations"], "preload": False}
MOST_TABS = 150


@dataclass(frozen=True)
class Finding:
    """Something wrong on a page: its address on the site, the rule, and what was seen."""

    page: str
    rule: str
    seen: str


# --- build


def build(site: Path) -> None:
    """Write the site to a folder, anew; raises CalledProcessError where Sphinx warns."""
    pages = site.with_name(site.name + "_source")
    for folder in (pages, site):
        shutil.rmtree(folder, ignore_errors=True)
    gather(pages)
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    command += ["--builder", "html", "-D", f"html_theme_options.repository_url={address()}"]
    subprocess.run([*command, "--doctree-dir", str(pages / ".doctrees"), pages, site], check=True)


def gather(folder: Path) -> None:
    """Put all that Sphinx reads into a folder: settings, pages, notebooks, pictures."""
    shutil.copytree(ROOT / "site", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("*.md"))
    notebooks = sorted(CHAPTERS.glob("[0-9][0-9]_*.ipynb"))
    (folder / "cards.html").write_text(cards(notebooks), encoding="utf-8")
    on_site = {*PAGES, "index.md", *(path.relative_to(ROOT).as_posix() for path in notebooks)}
    texts = {"index.md": ROOT / "site" / "index.md"}
    texts |= {name: ROOT / name for name in PAGES if (ROOT / name).exists()}
    for name, path in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        text = for_the_site(path.read_text(encoding="utf-8"), name, on_site)
        (folder / name).write_text(text, encoding="utf-8")
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        _prepare(notebook, path.relative_to(ROOT).as_posix(), on_site)
        nbformat.write(notebook, folder / "chapters" / path.name)


def for_the_site(text: str, name: str, on_site: set[str]) -> str:
    """Markdown of the file `name` with links that lead somewhere on the site or to the repository.

    Pictures from elsewhere, such as badges, become their words.
    """

    def lead(match: re.Match) -> str:
        path = Path(os.path.normpath(Path(name).parent / match[1])).as_posix()
        path = ELSEWHERE.get(path, path)
        if path in on_site:
            return Path(os.path.relpath(path, Path(name).parent)).as_posix()
        is_picture = path.startswith("docs/") and not path.endswith(".md")
        exists = (ROOT / path).exists()
        return match[1] if is_picture or not exists else f"{address()}/blob/main/{path}"

    return LINK.sub(lead, OUTSIDE_PICTURE.sub(r"\1", text))


def _prepare(notebook: NotebookNode, name: str, on_site: set[str]) -> None:
    """Change a notebook from what JupyterLab needs to what the site needs."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = for_the_site(cell.source, name, on_site)
        if "setup" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("hide-input")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if 'class="highlight"' in data.get("text/html", ""):  # the site has colours of its own
                data["text/html"] = re.sub(r"(?s)<style>.*?</style>", "", data["text/html"])


def cards(notebooks: list[Path]) -> str:
    """HTML: a card with a picture for each chapter, and a list of those still to be written."""
    made = {path.stem[:2]: path for path in notebooks}
    rows = TABLE_ROW.findall((CHAPTERS / "README.md").read_text(encoding="utf-8"))
    there = [_card(made[row[0]], row[-1]) for row in rows if row[0] in made]
    others = [
        f"<li><b>{number}</b> {html.escape(title or planned)}</li>"
        for number, title, planned, _ in rows
        if number not in made
    ]
    coming = '<p class="coming">In preparation</p><ul class="coming">' + "".join(others) + "</ul>"
    return f'<div class="cards">{"".join(there)}</div>\n{coming if others else ""}\n'


def _card(path: Path, leaves_with: str) -> str:
    """HTML of one chapter's card."""
    notebook = nbformat.read(path, as_version=4)
    first = notebook.cells[0].source
    number, title = re.match(r"# (\d\d) · (.+)", first).groups()
    time = re.search(r"\*\*Time\*\* (\d+ \w+)", first)
    return (
        f'<a class="card" href="chapters/{path.stem}.html">{_thumbnail(notebook)}'
        f"<span><b>{number}</b> {html.escape(title)}</span>"
        f"<small>{html.escape(leaves_with)}</small>"
        f"<em>{time[1] if time else ''}</em></a>"
    )


def _thumbnail(notebook: NotebookNode) -> str:
    """An img element with the picture of a notebook that fits a card best; photographs first."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    for kind in ("image/jpeg", "image/png"):
        found = [output.data[kind] for output in outputs if kind in output.get("data", {})]
        pictures = [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]
        if pictures:
            shape = THUMBNAIL[0] / THUMBNAIL[1]
            best = min(pictures, key=lambda it: abs(math.log(it.width / it.height / shape)))
            stream = io.BytesIO()
            ImageOps.fit(best.convert("RGB"), THUMBNAIL).save(stream, "jpeg", quality=85)
            data = base64.b64encode(stream.getvalue()).decode()
            return f'<img alt="" src="data:image/jpeg;base64,{data}">'
    return ""


# --- check


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address at which a folder is served, on this machine only."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_) -> None:
            """A browser asks for hundreds of files."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def pages_of(site: Path) -> list[str]:
    """All pages of a site as addresses on it; the theme's templates in _static are none."""
    pages = (path.relative_to(site) for path in site.rglob("*.html"))
    return sorted(page.as_posix() for page in pages if page.parts[0] != "_static")


def check(browser, site: Path) -> list[Finding]:
    """What is wrong on the site's pages, opened one by one in `browser`, a Playwright page."""
    findings = broken_links(site)
    with serving(site) as base:
        for page in pages_of(site):
            findings += check_page(browser, base, page)
        findings += check_search(browser, base, site)
    return findings


def check_page(browser, base: str, page: str) -> list[Finding]:
    """Open one page and look at pictures, console, requests, keyboard and accessibility."""
    findings: list[Finding] = []

    def note(rule: str, seen: str) -> None:
        findings.append(Finding(page, rule, seen))

    def on_console(message) -> None:
        if message.type in ("error", "warning"):
            note("console", f"{message.text} ({message.location['url']})")

    def on_request(request) -> None:
        if not request.url.startswith((base, "data:", "blob:")):
            note("network", request.url)

    listeners = {
        "console": on_console,
        "pageerror": lambda error: note("script", str(error)),
        "request": on_request,
    }
    for event, listener in listeners.items():
        browser.on(event, listener)
    response = browser.goto(f"{base}/{page}", wait_until="load")
    if response.status != 200:
        note("status", str(response.status))
    for picture in browser.evaluate(BROKEN_PICTURES):
        note("picture", picture)
    for missing in unreached(browser):
        note("keyboard", missing)
    for rule, seen in accessibility(browser):
        note(rule, seen)
    for event, listener in listeners.items():
        browser.remove_listener(event, listener)
    return findings


BROKEN_PICTURES = """async () => {
    const pictures = [...document.images];
    for (const picture of pictures) picture.loading = "eager";
    await Promise.all(pictures.map(picture => picture.decode().catch(() => {})));
    const clips = [...document.querySelectorAll("video")];
    const dead = [...pictures.filter(picture => !picture.naturalWidth),
        ...clips.filter(clip => clip.networkState === HTMLMediaElement.NETWORK_NO_SOURCE)];
    return dead.map(thing => thing.outerHTML.slice(0, 150));
}"""


def broken_links(site: Path) -> list[Finding]:
    """Links of all pages to pages, files and places of the site that are not there."""
    texts = {page: (site / page).read_text(encoding="utf-8") for page in pages_of(site)}
    places = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in texts.items()}
    findings = []
    for page, text in texts.items():
        for link in sorted(set(re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text))):
            address, _, place = html.unescape(link).partition("#")
            if re.match(r"[a-z]+:", address):
                continue
            target = page
            if path := unquote(address.partition("?")[0]):
                target = Path(os.path.normpath(Path(page).parent / path)).as_posix()
            is_there = target in places or (site / target).is_file()
            if not is_there or (place and target in places and place not in places[target]):
                findings.append(Finding(page, "link", link))
    return findings


def unreached(browser) -> list[str]:
    """What the Tab key does not come to on the open page, and whether it can be skipped."""
    browser.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    wanted = {
        "the skip link": "#pst-skip-link, #pst-skip-link *, .skip-link",
        "search": ".search-button-field, .search-button, input[type=search]",
        "navigation": "nav a[href], .sidebar-primary-item a[href]",
        "content": "article a[href], article button, article [tabindex], article summary, main a",
    }
    for count in range(MOST_TABS):
        browser.keyboard.press("Tab")
        for name, selector in list(wanted.items()):
            if browser.evaluate("s => document.activeElement.matches(s)", selector):
                del wanted[name]
        if count == 0 and "the skip link" in wanted:
            break
        if not wanted:
            return []
    return [f"Tab does not come to {name}" for name in wanted]


def accessibility(browser) -> list[tuple[str, str]]:
    """Serious and critical findings of axe-core, in light and dark: rule and first place."""
    from axe_playwright_python.sync_playwright import Axe

    found = {}
    for scheme in ("light", "dark"):
        browser.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for violation in Axe().run(browser, options=AXE_OPTIONS).response["violations"]:
            if violation["impact"] in SERIOUS:
                nodes = violation["nodes"]
                place = f"{scheme}, {len(nodes)} times: {nodes[0]['html'][:120]}"
                found.setdefault(violation["id"], place)
    browser.emulate_media(color_scheme="light")
    return list(found.items())


def check_search(browser, base: str, site: Path) -> list[Finding]:
    """Ask the search for the longest word of each page of chapters/; it must find the page."""
    from playwright.sync_api import TimeoutError

    findings = []
    for page in (page for page in pages_of(site) if page.startswith("chapters/")):
        browser.goto(f"{base}/{page}")
        prose = " ".join(browser.locator("article p").all_inner_texts())
        word = max(re.findall(r"\b[a-z]{4,14}\b", prose), key=len)
        browser.goto(f"{base}/search.html")
        browser.fill("main input[type=search]", word)
        browser.keyboard.press("Enter")
        try:
            browser.wait_for_selector(f"#search-results a[href*='{page}']", timeout=10_000)
        except TimeoutError:
            findings.append(Finding(page, "search", f"'{word}' does not find it"))
    return findings


def table(site: Path, findings: list[Finding]) -> str:
    """All pages with the number of findings on each, then the findings."""
    counts = Counter(finding.page for finding in findings)
    lines = [f"{page:<44} {counts[page] or 'ok'}" for page in pages_of(site)]
    lines += [f"\n{f.page}: {f.rule}: {f.seen}" for f in findings]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=["build", "check"])
    if parser.parse_args().step == "build":
        try:
            build(SITE)
        except subprocess.CalledProcessError as error:
            sys.exit(f"Sphinx ends with {error.returncode}; its warnings are above.")
        print(f"The site begins at {SITE / 'index.html'}")
        return
    sys.path.append(str(ROOT / "tests"))
    from browser import chromium_page

    with chromium_page() as browser:
        findings = check(browser, SITE)
    print(table(SITE, findings))
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
