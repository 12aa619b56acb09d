"""Checkpoints of PyTorch are read without PyTorch, and without running what they bring along.

`tests/data/published` holds what PyTorch 1.4 and 1.12 wrote with `torch.save`, in the older form
and in the present one: a small network, its optimiser, and views of one storage; and beside it the
same arrays as numpy wrote them.
"""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deepfake_lesson.errors import ModelError
from deepfake_lesson.models.published import read_checkpoint

DATA = Path(__file__).parent / "data" / "published"
FILES = ("torch_1_4.pth.tar", "torch_1_12.pth")


@pytest.mark.parametrize("name", FILES)
def test_every_array_is_what_torch_wrote(name):
    content = read_checkpoint(DATA / name)
    with np.load(DATA / f"{name.split('.')[0]}_expected.npz") as expected:
        for key in expected:
            np.testing.assert_array_equal(content[key], expected[key], err_msg=key)
            assert content[key].dtype == expected[key].dtype
        others = set(content) - set(expected)
    assert all(other.startswith("optimizer.state.") for other in others)


def test_npz_is_read_under_its_own_names(tmp_path):
    np.savez(tmp_path / "weights.npz", **{"a.b": np.arange(3)})
    content = read_checkpoint(tmp_path / "weights.npz")
    assert list(content) == ["a.b"]
    np.testing.assert_array_equal(content["a.b"], np.arange(3))


class Evil:
    """Unpickled by Python itself, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("form", ["older", "zip"])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, form):
    trap, path = tmp_path / "trapped", tmp_path / "evil.pth"
    code = pickle.dumps({"generator": Evil(trap)})
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("evil/data.pkl", code)
    else:
        preamble = [pickle.dumps(part) for part in (0x1950A86A20F9469CFC6C, 1001, {})]
        path.write_bytes(b"".join([*preamble, code]))
    with pytest.raises(ModelError, match=r"is refused: it wants to call .*Path"):
        read_checkpoint(path)
    assert not trap.exists()
    pickle.loads(code)
    assert trap.exists(), "the trap is none: this test proves nothing"


def test_a_tensor_cannot_look_beyond_its_numbers(tmp_path):
    """A stride of 3000 in a storage of 12 numbers would read foreign memory."""
    whole = (DATA / "torch_1_12.pth").read_bytes()
    path = tmp_path / "beyond.pth"
    with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(path, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            # shape (4, 3), strides (1, 4) of the turned view
            content = content.replace(b"K\x04K\x03\x86q", b"K\x04K\xff\x86q")
            changed.writestr(name, content)
    with pytest.raises(ModelError, match="reaches beyond its numbers"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.pth", None, "does not exist"),
        ("empty.pth", b"", "damaged"),
        ("text.pth", b"<html>404 not found</html>", "damaged|refused"),
        ("cut.pth", (DATA / "torch_1_12.pth").read_bytes()[:3000], "damaged|refused"),
        ("cut.tar", (DATA / "torch_1_4.pth.tar").read_bytes()[:3600], "damaged"),
        ("number.pth", pickle.dumps(7) * 3, "damaged"),
        ("wrong.npz", b"PK not a zip", "damaged"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_in_words(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=said) as refused:
        read_checkpoint(tmp_path / name)
    assert name in str(refused.value)
