"""Links of the texts: files, headings, web addresses and the address not yet published."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import links
import pytest

import chapters


@pytest.fixture
def wrong_in(tmp_path):
    """`wrong_in({"name.md": "text"})`: what is wrong, by target, in a small tree of files."""

    def look(files: dict[str, str], ask: bool = False) -> dict[str, str]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        paths = [path for path in links.matching(tmp_path, ("**/*",)) if path.suffix != ".ipynb"]
        findings, _, _ = links.findings_in(tmp_path, [p for p in paths if p.is_file()], ask)
        return {finding.link.target: finding.wrong for finding in findings}

    return look


@pytest.fixture
def web():
    """A server that answers with the status in the path, and counts what it was asked."""
    asked = Counter()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            asked[self.command, self.path] += 1
            for_get_only = self.path == "/get-only"
            status = (405 if self.command == "HEAD" else 200) if for_get_only else self.path[1:4]
            self.send_response(int(status))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    links.ask_web.cache_clear()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_files_that_are_missing_are_found(wrong_in):
    text = "[here](b.md) [gone](c.md) ![gone too](d.png) [a folder](docs/)"
    assert set(wrong_in({"a.md": text, "b.md": "# B", "docs/e.md": ""})) == {"c.md", "d.png"}


def test_places_in_a_text_are_checked(wrong_in):
    glossary = "# Words\n\n## U-Net\n\n### L1 `loss`, short\n\n## U-Net\n\n<a id='by-hand'></a>\n"
    right = ("words", "u-net", "u-net-1", "l1-loss-short", "by-hand")
    text = "".join(f"[x](glossary.md#{place}) " for place in (*right, "u-net-2", "U-Net"))
    wrong = wrong_in({"glossary.md": glossary, "a.md": text + "[y](#nowhere)"})
    assert set(wrong) == {"glossary.md#u-net-2", "glossary.md#U-Net", "#nowhere"}
    assert "no heading '#nowhere'" in wrong["#nowhere"]


def test_what_looks_like_a_link_in_code_is_none(wrong_in):
    assert not wrong_in({"a.md": "`[x](gone.md)`\n\n```\n[y](gone.md)\n```\n"})


def test_html_and_reference_links_are_read(wrong_in):
    text = '<img src="gone.png">\n\n[a][1] and <a href="off.md">b</a>\n\n[1]: away.md\n'
    assert set(wrong_in({"a.md": text})) == {"gone.png", "off.md", "away.md"}


def test_a_chapter_links_from_where_its_notebook_lies(wrong_in):
    source = (
        "# %% [markdown]\n# # 42 · Try\n#\n# [word](glossary.md#word) and [next](43_next.ipynb)\n"
        "# and [one that is missing](44_none.ipynb)\n\n# %%\n# [no link](in_code.md)\n"
    )
    wrong = wrong_in(
        {
            "chapters/source/42_try.py": source,
            "chapters/source/43_next.py": "# %% [markdown]\n# # 43",
            "chapters/glossary.md": "## Word",
        }
    )
    assert "44_none.ipynb" in wrong
    assert not {"glossary.md#word", "43_next.ipynb"} & set(wrong)


def test_a_finding_names_the_line(tmp_path):
    path = tmp_path / "chapters" / "source" / "42_try.py"
    path.parent.mkdir(parents=True)
    path.write_text("# %% [markdown]\n# # 42 · Try\n#\n# One,\n# two [three](gone.md)\n")
    findings, _, _ = links.findings_in(tmp_path, [path], ask=False)
    assert [f.link.line for f in findings if f.link.target == "gone.md"] == [5]


def test_the_address_to_come_is_looked_up_in_the_tree(wrong_in):
    own = chapters.address()
    text = f"[a]({own}) [b]({own}/blob/main/a.md#top) [c]({own}/blob/main/gone.md)"
    assert set(wrong_in({"a.md": "# Top\n\n" + text}, ask=True)) == {f"{own}/blob/main/gone.md"}


def test_the_web_is_asked(wrong_in, web):
    base, asked = web
    paths = ("200", "404", "410", "403", "500", "get-only", "404?again#place")
    wrong = wrong_in({"a.md": " ".join(f"[x]({base}/{path})" for path in paths)}, ask=True)
    assert set(wrong) == {f"{base}/{path}" for path in ("404", "410", "404?again#place")}
    assert "404" in wrong[f"{base}/404"]
    assert asked["HEAD", "/200"] == 1 and not asked["GET", "/200"]
    assert asked["GET", "/get-only"] == 1


def test_an_address_is_asked_once(wrong_in, web):
    base, asked = web
    wrong_in({"a.md": f"[x]({base}/200) [y]({base}/200#place)", "b.md": f"<{base}/200>"}, ask=True)
    assert asked["HEAD", "/200"] == 1


def test_what_the_network_refuses_is_counted(tmp_path, web):
    base, _ = web
    closed = "http://127.0.0.1:1"
    path = tmp_path / "a.md"
    path.write_text(f"[x]({closed}) [y]({base}/403) [z]({base}/200)")
    assert links.findings_in(tmp_path, [path]) == ([], 3, 2)


def test_an_address_with_a_slip_is_a_finding(wrong_in):
    assert list(wrong_in({"a.md": "[x](http:/one.org)"}, ask=True)) == ["http:/one.org"]


def test_the_course_has_no_wrong_link():
    findings, count, _ = links.findings_in(
        chapters.ROOT, links.matching(chapters.ROOT, links.TEXTS), ask=False
    )
    assert not findings
    assert count > 50, "the links were not read"
