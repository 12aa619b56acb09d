"""Public sets on tiny trees laid out as their owners' programs lay them out."""

import json
from collections import Counter

import pytest

from deepfake_lesson.detection.public import celeb_df, dfdc, faceforensics
from deepfake_lesson.errors import LessonError, MediaError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.fixture
def faceforensics_tree(tmp_path):
    touch(tmp_path, *(f"original_sequences/youtube/c23/videos/{n}.mp4" for n in ("000", "003")))
    touch(tmp_path, "original_sequences/youtube/c40/videos/071.mp4")
    for maker in ("Deepfakes", "NeuralTextures"):
        touch(tmp_path, f"manipulated_sequences/{maker}/c23/videos/000_003.mp4")
    touch(tmp_path, "manipulated_sequences/Deepfakes/c23/videos/071_054.mp4")
    splits = {"train": [["071", "054"]], "val": [["000", "003"]], "test": []}
    (tmp_path / "splits").mkdir()
    for name, pairs in splits.items():
        (tmp_path / "splits" / f"{name}.json").write_text(json.dumps(pairs))
    return tmp_path


@pytest.fixture
def celeb_tree(tmp_path):
    touch(tmp_path, "Celeb-real/id0_0000.mp4", "Celeb-real/id1_0002.mp4", "YouTube-real/00170.mp4")
    touch(tmp_path, "Celeb-synthesis/id0_id1_0000.mp4", "Celeb-synthesis/id1_id0_0002.mp4")
    lines = ["1 YouTube-real/00170.mp4", "0 Celeb-synthesis/id1_id0_0002.mp4", ""]
    (tmp_path / "List_of_testing_videos.txt").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def dfdc_tree(tmp_path):
    touch(tmp_path, *(f"dfdc_train_part_3/{name}.mp4" for name in ("aaa", "bbb")), "test/ccc.mp4")
    training = {
        "aaa.mp4": {"label": "FAKE", "split": "train", "original": "bbb.mp4"},
        "bbb.mp4": {"label": "REAL", "split": "train"},
        "gone.mp4": {"label": "REAL", "split": "train"},
    }
    (tmp_path / "dfdc_train_part_3" / "metadata.json").write_text(json.dumps(training))
    (tmp_path / "test" / "metadata.json").write_text(json.dumps({"ccc.mp4": {"is_fake": 1}}))
    return tmp_path


def test_faceforensics(faceforensics_tree):
    videos = list(faceforensics(faceforensics_tree))
    assert Counter(video.maker for video in videos) == {
        "real": 2, "Deepfakes": 2, "NeuralTextures": 1
    }  # fmt: skip
    fake = next(v for v in videos if v.path.name == "000_003.mp4")
    assert (fake.label, fake.split, fake.people) == (1, "validation", ("000", "003"))
    (other,) = faceforensics(faceforensics_tree, "c40")
    assert (other.path.name, other.label, other.split) == ("071.mp4", 0, "train")


def test_faceforensics_with_splits_beside_the_videos(faceforensics_tree):
    for path in (faceforensics_tree / "splits").iterdir():
        path.rename(faceforensics_tree / path.name)
    assert len(list(faceforensics(faceforensics_tree))) == 5


def test_celeb_df(celeb_tree):
    videos = {video.path.name: video for video in celeb_df(celeb_tree)}
    assert [videos[name].label for name in ("id0_0000.mp4", "00170.mp4", "id0_id1_0000.mp4")] == [
        0, 0, 1
    ]  # fmt: skip
    splits = {name: video.split for name, video in videos.items()}
    assert {name for name, split in splits.items() if split == "test"} == {
        "00170.mp4", "id1_id0_0002.mp4"
    }  # fmt: skip
    assert videos["id1_id0_0002.mp4"].people == ("id1", "id0")
    assert videos["00170.mp4"].people == ("YouTube-real/00170",)


def test_dfdc(dfdc_tree):
    videos = {video.path.stem: video for video in dfdc(dfdc_tree)}
    assert {name: (v.label, v.split, v.maker) for name, v in videos.items()} == {
        "aaa": (1, "train", "DFDC"),
        "bbb": (0, "train", "real"),
        "ccc": (1, "test", "DFDC"),
    }
    assert videos["aaa"].people == videos["bbb"].people  # never to be split apart


def test_one_part_of_dfdc_alone(dfdc_tree):
    assert len(list(dfdc(dfdc_tree / "dfdc_train_part_3"))) == 2


@pytest.mark.parametrize("read", [faceforensics, celeb_df, dfdc])
def test_another_folder_is_refused_with_what_is_missing(read, tmp_path):
    with pytest.raises(MediaError, match=r"is not laid out as .*there is no"):
        read(tmp_path)


def test_damaged_tables_are_named(faceforensics_tree, tmp_path):
    with pytest.raises(LessonError, match="compression 'c99'"):
        faceforensics(faceforensics_tree, "c99")
    for text, words in (("[", "no JSON"), ('{"a": 1}', "no list of pairs")):
        (faceforensics_tree / "splits" / "val.json").write_text(text)
        with pytest.raises(MediaError, match=rf"val\.json: .*{words}"):
            faceforensics(faceforensics_tree)


def test_a_damaged_list_of_celeb_df_is_named(celeb_tree):
    (celeb_tree / "List_of_testing_videos.txt").write_text("YouTube-real/00170.mp4\n")
    with pytest.raises(MediaError, match="List_of_testing_videos"):
        celeb_df(celeb_tree)


@pytest.mark.parametrize(
    ("entries", "words"), [([1], "no table"), ({"aaa.mp4": {"split": "train"}}, "no label")]
)
def test_damaged_metadata_of_dfdc_is_named(dfdc_tree, entries, words):
    (dfdc_tree / "dfdc_train_part_3" / "metadata.json").write_text(json.dumps(entries))
    with pytest.raises(MediaError, match=rf"metadata\.json: .*{words}"):
        dfdc(dfdc_tree)
