"""The pieces of the proof that `make test-colab` runs as a whole."""

import ast
import re
import sys

import colab
import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import chapters
from deepfake_lesson import doctor

PUBLISHED = {
    requirement.name: str(requirement.specifier).removeprefix("==")
    for requirement in map(
        Requirement,
        re.findall(r"^[^#\n]+", colab.CONSTRAINTS.read_text(), re.MULTILINE),
    )
}


@pytest.fixture
def on_colab(tmp_path, monkeypatch):
    """`on_colab(name=version, ...)`: only these packages and the course itself are installed."""
    needs = [f"Requires-Dist: {line}" for line in doctor.metadata.requires(doctor.PACKAGE)]

    def install(**packages):
        for name, version in (packages | {doctor.PACKAGE: "0.1"}).items():
            folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
            folder.mkdir()
            lines = [f"Name: {name}", f"Version: {version}"]
            lines += needs if name == doctor.PACKAGE else []
            (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        return {Requirement(line).name for line in doctor.missing_packages()}

    return install


def test_on_colab_four_packages_are_missing(on_colab):
    missing = on_colab(**PUBLISHED)
    assert missing == {"c2pa-python", "face_recognition_models", "lz4", "mtcnn"}


def test_what_colab_has_under_another_name_is_not_installed_again(on_colab):
    packages = dict(PUBLISHED)
    packages["dlib"] = packages.pop("dlib-bin")
    packages["opencv-python"] = packages.pop("opencv-contrib-python-headless")
    assert not on_colab(**packages) & {"dlib-bin", "opencv-contrib-python-headless"}


def test_what_colab_has_fits_the_needs_of_the_course():
    published = {canonicalize_name(name): version for name, version in PUBLISHED.items()}
    for line in doctor.metadata.requires(doctor.PACKAGE):
        wanted = Requirement(line)
        version = published.get(canonicalize_name(wanted.name))
        if version and "extra" not in str(wanted.marker):
            assert wanted.specifier.contains(version), f"{wanted} and not {version}"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("tensorflow", "2.20.0"),
        ("keras", "3.13.2"),
        ("numpy", "2.1.3"),
        ("scikit-image", "0.25.2"),
        ("ipywidgets", "7.7.1"),
        ("ipython", "7.34.0"),
        ("setuptools", "75.2.0"),
    ],
)
def test_the_constraints_are_what_colab_publishes(name, version):
    assert PUBLISHED[name] == version


def test_the_set_up_cell_installs_only_on_colab_and_without_dependencies():
    text = chapters.SETUP.read_text()
    ast.parse(text)
    filled = text.replace("{address}", chapters.address())
    assert f'"git+{chapters.address()}"' in filled and "{" not in filled
    assert '"--no-deps"' in text and "--upgrade" not in text
    assert text.index('"google.colab" not in sys.modules') < text.index('"pip"')


def test_a_badge_opens_the_chapter_of_the_published_repository():
    path = chapters.address().removeprefix("https://github.com/")
    for chapter in chapters.all_chapters():
        first = chapter.notebook().cells[0].source
        (link,) = re.findall(r"\(https://colab\.research\.google\.com/github/(\S+?)\)", first)
        assert link == f"{path}/blob/main/chapters/{chapter.student.name}"


def test_a_changed_or_removed_package_is_named_and_a_new_one_is_not():
    before = {"numpy": "2.1.3", "keras": "3.13.2", "rich": "13.9.4"}
    after = {"numpy": "2.4.0", "keras": "3.13.2", "mtcnn": "1.0.0"}
    assert colab.changes(before, after) == ["numpy 2.1.3 -> 2.4.0", "rich 13.9.4 -> gone"]


def test_a_cell_is_timed_from_its_start_to_its_answer():
    times = {
        "iopub.execute_input": "2026-11-21T10:00:01.5Z",
        "shell.execute_reply": "2026-11-21T10:01:00Z",
    }
    cell = nbformat.v4.new_code_cell("1", metadata={"execution": times})
    assert colab.seconds(cell) == 58.5


def test_files_are_published_as_they_are(tmp_path, monkeypatch):
    """Also those that are not committed; those that git ignores are not."""
    root = tmp_path / "root"
    root.mkdir()
    (root / ".gitignore").write_text("build/\n")
    (root / "new.py").write_text("new = True\n")
    (root / "build").mkdir()
    (root / "build" / "large.bin").write_text("large")
    monkeypatch.setattr(chapters, "ROOT", root)
    monkeypatch.setattr(colab, "HERE", tmp_path)
    published = colab.publish()
    command = ["git", f"--git-dir={published}", "ls-tree", "-r", "--name-only", "main"]
    listed = colab.subprocess.check_output(command, text=True).split()
    assert listed == [".gitignore", "new.py"]
