"""The scripts: how sets without a validation split are split, and what wrong options are told."""

import sys
from pathlib import Path

import pytest

from deepfake_lesson.detection.dataset import LabelledVideo

SCRIPTS = Path(__file__).parents[1] / "data_scripts"
sys.path.insert(0, str(SCRIPTS))

import make_detection_set  # noqa: E402
import train_detector  # noqa: E402


def video(name, people, split="train"):
    return LabelledVideo(Path(name), int(len(people) > 1), split, "x", people)


def test_nobody_who_is_held_out_is_learnt_from():
    people = [f"id{k:02d}" for k in range(30)]
    reals = [video(f"{who}.mp4", (who,)) for who in people]
    fakes = [video(f"{a}_{b}.mp4", (a, b)) for a in people for b in people if a != b]
    found = train_detector.with_validation([*reals, *fakes, video("t.mp4", ("id99",), "test")])
    who = {
        split: {p for each in found if each.split == split for p in each.people}
        for split in ("train", "validation", "test")
    }
    assert not who["train"] & who["validation"]
    assert len(who["validation"]) == 3 and who["test"] == {"id99"}
    assert len(found) == 30 + 27 * 26 + 3 * 2 + 1


def test_a_set_with_a_validation_split_stays_as_it_is():
    videos = [video("a.mp4", ("a",)), video("b.mp4", ("b",), "validation")]
    assert train_detector.with_validation(videos) == videos


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{}", "there is no detection set"),
        ("moon:{}", "set 'moon': is not known"),
        ("dfdc:{}", "is not laid out as DFDC"),
    ],
)
def test_the_script_says_what_is_wrong(tmp_path, monkeypatch, capsys, source, words):
    arguments = ["train_detector.py", source.format(tmp_path), "--out", str(tmp_path / "model")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        train_detector.main()
    assert stopped.value.code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_making_a_set_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    arguments = ["make_detection_set.py", "--out", str(tmp_path / "set"), "--people", "3"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        make_detection_set.main()
    assert stopped.value.code == 2 and "people 3: is out of range" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()
