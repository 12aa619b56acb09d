"""Spelling: codespell over texts, chapters and code."""

import links

import chapters


def test_the_course_is_spelled_right():
    paths = links.matching(chapters.ROOT, links.SPELLED)
    assert len(paths) > 50
    assert links.misspelled(chapters.ROOT, paths) == []


def test_a_slip_of_the_pen_is_found(tmp_path):
    path = tmp_path / "text.md"
    path.write_text(f"A face.\nThen {'e'.join('th')} other.\n")
    (line,) = links.misspelled(chapters.ROOT, [path])
    assert "text.md:2" in line and "==> the" in line
