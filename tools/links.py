"""Check every reference of the course's texts, and their spelling.

    python tools/links.py              # all
    python tools/links.py --offline    # no question to the web

Files and places in files have to exist. Web addresses are asked; 404 and 410 are findings, while
what the network or the server refuses is only counted: it says nothing about the link.
"""

import argparse
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

import chapters

TEXTS = ("*.md", "chapters/*.md", "data_scripts/*.md", "docs/**/*.md", "benchmarks/*.md")
TEXTS += ("site/*.md", "chapters/source/[0-9][0-9]_*.py")
SPELLED = (*TEXTS, "deepfake_lesson/**/*.py", "data_scripts/*.py", "tools/*.py", "tests/*.py")
GONE = (404, 410)
SECONDS = 15
# Some servers answer a program that gives no name with an error.
HEADERS = {"User-Agent": "Mozilla/5.0 (deepfake_lesson link check)", "Accept": "*/*"}
HTML_LINK = re.compile(r"""(?:href|src)=["']([^"']+)["']""")
HTML_PLACE = re.compile(r"""(?:id|name)=["']([^"']+)["']""")


@dataclass(frozen=True)
class Link:
    """A reference: the file and line in which it stands, and where it leads."""

    path: Path
    line: int
    target: str

    @property
    def is_web(self) -> bool:
        return self.target.startswith(("http:", "https:"))


@dataclass(frozen=True)
class Finding:
    """What is wrong with a link."""

    link: Link
    wrong: str


# --- reading


def markdown_of(path: Path) -> str:
    """The markdown of a text or of a chapter's source, every line where it is in the file.

    The links that `make chapters` puts under a chapter's title are added at the end.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    lines, in_markdown = [], False
    for line in text.splitlines():
        if line.startswith("# %%"):
            in_markdown = "[markdown]" in line
            lines.append("")
        else:
            lines.append(line.removeprefix("#").removeprefix(" ") if in_markdown else "")
    return "\n".join([*lines, "", chapters.badges(path.stem)])


@cache
def tokens_of(path: Path) -> list[Token]:
    """The text as CommonMark with tables."""
    return MarkdownIt("commonmark").enable("table").parse(markdown_of(path))


def links_of(path: Path) -> Iterator[Link]:
    """All references in a text: links, pictures, and those of HTML inside it."""
    line = 1
    for block in tokens_of(path):
        line = block.map[0] + 1 if block.map else line
        for token in (block, *(block.children or ())):
            if token.type in ("softbreak", "hardbreak"):
                line += 1
            targets = [token.attrGet("href"), token.attrGet("src")]
            if token.type.startswith("html_"):
                targets += HTML_LINK.findall(token.content)
            yield from (Link(path, line, str(target)) for target in targets if target)


def places_of(path: Path) -> set[str]:
    """The anchors of a text, as GitHub and the site make them of headings, and those of HTML."""
    places: set[str] = set()
    tokens = tokens_of(path)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            places.add(_unused(slug(_plain(tokens[number + 1])), places))
        for part in (token, *(token.children or ())):
            if part.type.startswith("html_"):
                places.update(HTML_PLACE.findall(part.content))
    return places


def slug(heading: str) -> str:
    """A heading's anchor: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _plain(inline: Token) -> str:
    """What of a heading is read aloud: its words without marks."""
    parts = [part for part in inline.children or () if part.type in ("text", "code_inline")]
    return "".join(part.content for part in parts)


def _unused(place: str, places: set[str]) -> str:
    """The anchor of a heading that may have occurred before: name, name-1, name-2 ..."""
    number = 0
    while (name := f"{place}-{number}" if number else place) in places:
        number += 1
    return name


# --- judging


def findings_in(root: Path, paths: list[Path], ask: bool = True) -> tuple[list[Finding], int, int]:
    """What is wrong with the links of some texts below `root`.

    Args:
        root: the folder of the repository; links to its public address are looked up in there.
        paths: the texts.
        ask: whether web addresses are asked.

    Returns:
        findings, number of links, number of links that could not be asked.
    """
    links = [link for path in paths for link in links_of(path)]
    resolved = {link: local_target(link, root) for link in links}
    findings = [
        Finding(link, wrong)
        for link, target in resolved.items()
        if target and (wrong := _wrong_here(*target))
    ]
    web = [link for link, target in resolved.items() if target is None and link.is_web]
    addresses = sorted({link.target.partition("#")[0] for link in web}) if ask else []
    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip(addresses, pool.map(ask_web, addresses), strict=True))
    said = {link: answers.get(link.target.partition("#")[0], "refused") for link in web}
    findings += [Finding(link, word) for link, word in said.items() if word not in ("", "refused")]
    return findings, len(links), list(said.values()).count("refused")


def local_target(link: Link, root: Path) -> tuple[Path, str] | None:
    """The file and the place in it that a link leads to; None for other addresses."""
    target, own = link.target, chapters.address()
    on_colab = f"https://colab.research.google.com/github/{own.split('/', 3)[-1]}"
    for start in (own, on_colab):
        if target == start or target.startswith((start + "/", start + "#")):
            address, _, place = target.removeprefix(start).partition("#")
            return root / unquote(re.sub(r"^/(blob|tree|raw)/main/?|^/", "", address)), place
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    address, _, place = target.partition("#")
    # A chapter's notebook lies above its source, the start page of the site on top of all.
    home = {"source": link.path.parent.parent, "site": root}.get(link.path.parent.name)
    return (home or link.path.parent) / unquote(address) if address else link.path, place


def _wrong_here(path: Path, place: str) -> str:
    """What is wrong with a link to a file and a place in it; nothing is an empty text."""
    source = path.parent / "source" / f"{path.stem}.py"
    if path.suffix == ".ipynb" and source.exists():  # it may still have to be made
        path = source
    if not path.exists():
        return "there is no such file"
    if place and path.suffix in (".md", ".py") and unquote(place) not in places_of(path):
        return f"there is no heading '#{place}'"
    return ""


@cache
def ask_web(address: str) -> str:
    """'' if an address answers, 'refused' if nothing can be said, else what is wrong with it."""
    if not urlsplit(address).netloc:
        return "not an address"
    for method in ("HEAD", "GET"):  # some servers know no HEAD
        try:
            request = urllib.request.Request(address, headers=HEADERS, method=method)
            with urllib.request.urlopen(request, timeout=SECONDS):
                return ""
        except urllib.error.HTTPError as error:
            answer = f"the server answers {error.code}" if error.code in GONE else "refused"
        except (OSError, HTTPException):
            return "refused"
    return answer


def misspelled(root: Path, paths: list[Path]) -> list[str]:
    """The lines of codespell: file, line, word and what was meant."""
    command = [sys.executable, "-m", "codespell_lib"]
    done = subprocess.run([*command, *paths], cwd=root, capture_output=True, text=True)
    if done.returncode not in (0, 65):  # 65: words were found
        raise RuntimeError(done.stderr)
    return done.stdout.splitlines()


def matching(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    """The files below `root` that match one of the patterns, each once, in order."""
    return sorted({path for pattern in patterns for path in root.glob(pattern)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--offline", action="store_true", help="ask no web address")
    root, ask = chapters.ROOT, not parser.parse_args().offline
    findings, links, refused = findings_in(root, matching(root, TEXTS), ask)
    for finding in findings:
        link = finding.link
        print(f"{link.path.relative_to(root)}:{link.line}: {link.target}: {finding.wrong}")
    words = misspelled(root, matching(root, SPELLED))
    print(*words, sep="\n", end="\n" if words else "")
    why = "refused by the network or the server" if ask else "not asked"
    print(f"{links} links, {len(findings)} wrong, {refused} {why}; {len(words)} words misspelled")
    sys.exit(bool(findings or words))


if __name__ == "__main__":
    main()
