"""The site: built from the chapters without a network, and opened in a real browser."""

import re
from pathlib import Path

import nbformat
import pytest
import website
from browser import chromium_page

import chapters

NOTEBOOKS = sorted(chapters.CHAPTERS.glob("[0-9][0-9]_*.ipynb"))
ON_SITE = {"index.md", "chapters/glossary.md", "data_scripts/README.md"}
PAGE = """<!doctype html><html lang="en"><head><title>A page</title>
<link rel="icon" href="data:,">{head}</head><body>
<a class="skip-link" href="#main">Skip</a><nav><a href="index.html">Start</a></nav>
<main id="main"><h1>A page</h1><input type="search" aria-label="search"><article>
<a href="index.html">on</a>{body}</article></main></body></html>"""


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The whole site, as `make site` builds it."""
    folder = tmp_path_factory.mktemp("site") / "html"
    website.build(folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium_page() as page:
        yield page


@pytest.fixture
def rules_broken(browser, tmp_path):
    """`rules_broken(body, head)`: the rules that a small page breaks in the browser."""

    def look(body: str = "", head: str = "") -> set[str]:
        (tmp_path / "index.html").write_text(PAGE.format(body=body, head=head))
        with website.serving(tmp_path) as base:
            return {finding.rule for finding in website.check_page(browser, base, "index.html")}

    return look


@pytest.mark.slow
def test_every_page_of_the_site_is_sound(browser, site):
    findings = website.check(browser, site)
    assert not findings, website.table(site, findings)


@pytest.mark.slow
def test_the_site_has_all_pages(site):
    pages = set(website.pages_of(site))
    expected = {f"chapters/{path.stem}.html" for path in NOTEBOOKS}
    expected |= {Path(name).with_suffix(".html").as_posix() for name in ON_SITE}
    assert expected <= pages
    start = (site / "index.html").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert f'class="card" href="chapters/{path.stem}.html"' in start


@pytest.mark.slow
def test_the_pages_are_drawn_without_asking_anybody(site):
    for page in website.pages_of(site):
        text = (site / page).read_text(encoding="utf-8")
        asked = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:[^"]+)', text)
        assert not asked, f"{page}: {asked}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_pictures_of_chapters_have_words_on_the_site(site, kind):
    for path in NOTEBOOKS:
        page = (site / "chapters" / f"{path.stem}.html").read_text(encoding="utf-8")
        for cell in nbformat.read(path, as_version=4).cells:
            if any(kind in output.get("data", {}) for output in cell.get("outputs", [])):
                assert f'alt="{cell.metadata.alt[:20]}' in page


def test_a_sound_page_has_no_findings(rules_broken):
    assert rules_broken() == set()


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('<img src="gone.png" alt="gone">', "picture"),
        ('<video><source src="gone.mp4" type="video/mp4"></video>', "picture"),
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "image-alt"),
        ('<p style="color: #bbb">pale</p>', "color-contrast"),
        ("<script>console.error('no')</script>", "console"),
        ("<script>nothing()</script>", "script"),
        ("<script>fetch('http://127.0.0.2:9/').catch(() => {})</script>", "network"),
    ],
)
def test_a_fault_on_a_page_is_found(rules_broken, body, rule):
    assert rule in rules_broken(body)


def test_what_the_keyboard_cannot_reach_is_found(rules_broken):
    hide = "<style>nav, input {visibility: hidden}</style>"
    assert "keyboard" in rules_broken(head=hide)


def test_links_between_pages_are_checked(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="sub/a.html#there">x</a><a href="sub/a.html#off">x</a><a href="gone.html">x</a>'
        '<a href="https://example.org">x</a><a href="#none">x</a>'
    )
    (tmp_path / "sub" / "a.html").write_text('<p id="there"><a href="../index.html">back</a>')
    found = {finding.seen for finding in website.broken_links(tmp_path)}
    assert found == {"sub/a.html#off", "gone.html", "#none"}


def test_links_lead_to_pages_or_to_the_repository():
    def on_site(text: str) -> str:
        return website.for_the_site(text, "chapters/04_try.ipynb", ON_SITE)

    blob = f"{chapters.address()}/blob/main"
    assert on_site("[x](glossary.md#mask)") == "[x](glossary.md#mask)"
    assert on_site("[x](../README.md)") == "[x](../index.md)"
    assert on_site("[x](../LICENSE)") == f"[x]({blob}/LICENSE)"
    assert on_site("[x](../docs/cards/README.md)") == f"[x]({blob}/docs/cards/README.md)"
    assert on_site("![x](../docs/swap.jpg)") == "![x](../docs/swap.jpg)"
    assert on_site("[x](https://one.org/a)") == "[x](https://one.org/a)"
    assert on_site("[x](#here)") == "[x](#here)"


def test_pictures_from_elsewhere_become_words():
    badge = chapters.badges("04_try")
    text = website.for_the_site(badge, "chapters/04_try.ipynb", ON_SITE)
    assert text.startswith("[Open in Colab](https://colab.research.google.com/github/")
    assert "badge.svg" not in text


def test_the_list_of_chapters_is_complete():
    rows = website.TABLE_ROW.findall((chapters.CHAPTERS / "README.md").read_text())
    assert [row[0] for row in rows] == [f"{number:02}" for number in range(15)]
    linked = {number for number, title, _, _ in rows if title}
    assert linked == {chapter.name[:2] for chapter in chapters.all_chapters()}
