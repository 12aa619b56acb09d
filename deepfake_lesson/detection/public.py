"""The field's public sets, read where their owners' programs put them. None is downloaded here.

| set | access |
|---|---|
| FaceForensics++ | a form to its authors (Technical University of Munich) and its terms of use |
| Celeb-DF, Celeb-DF-v2 | a form to its authors (University at Albany) and its terms of use |
| DFDC | an account and the licence of the challenge (Meta) |

They show real people, most of whom never agreed to be in a deepfake. All three are for research,
FaceForensics++ also for teaching, none for commerce; none may be passed on, and names or faces of
single people do not belong into slides. Ask your institution before you ask their owners; the
studio's own set needs nobody's leave.

Each function gives `LabelledVideo`s, sorted by path. A folder that is not laid out so is refused
with what was looked for, and files that are missing of a split are left out.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from deepfake_lesson.detection.dataset import LabelledVideo
from deepfake_lesson.errors import MediaError, check_choice

FACEFORENSICS_MAKERS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
COMPRESSIONS = ("raw", "c23", "c40")
FACEFORENSICS_SPLITS = {"train": "train", "val": "validation", "test": "test"}
CELEB_REAL, CELEB_FAKE = ("Celeb-real", "YouTube-real"), "Celeb-synthesis"
CELEB_TESTS = "List_of_testing_videos.txt"


def faceforensics(folder: str | Path, compression: str = "c23") -> Iterator[LabelledVideo]:
    """FaceForensics++ (Rössler et al. 2019): 1000 clips and four or five makers' fakes of each.

        original_sequences/youtube/c23/videos/000.mp4
        manipulated_sequences/Deepfakes/c23/videos/000_003.mp4     000 with the face of 003
        splits/train.json, val.json, test.json                      [["071", "054"], ...]

    The splits come with the authors' program, not with the videos; they may also lie in `folder`.
    People are the numbers of the clips: two clips may show one person.

    Raises MediaError for another layout, LessonError for an unknown compression.
    """
    check_choice("compression", compression, COMPRESSIONS)
    folder = Path(folder)
    split_of = _faceforensics_splits(folder)
    places = {"real": "original_sequences/youtube"}
    places |= {maker: f"manipulated_sequences/{maker}" for maker in FACEFORENSICS_MAKERS}
    found = []
    for maker, place in places.items():
        for path in sorted((folder / place / compression / "videos").glob("*.mp4")):
            people = tuple(path.stem.split("_"))
            if people[0] in split_of:
                split, label = split_of[people[0]], int(maker != "real")
                found.append(LabelledVideo(path, label, split, maker, people))
    if not found:
        wanted = f"original_sequences/youtube/{compression}/videos/*.mp4"
        raise _other_layout(folder, "FaceForensics++", wanted)
    return iter(found)


def _faceforensics_splits(folder: Path) -> dict[str, str]:
    """Clip number -> split, from the authors' three files."""
    split_of = {}
    for name, split in FACEFORENSICS_SPLITS.items():
        places = (folder / "splits" / f"{name}.json", folder / f"{name}.json")
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise _other_layout(folder, "FaceForensics++", f"splits/{name}.json")
        pairs = _read_json(path)
        if not isinstance(pairs, list) or not all(isinstance(pair, list) for pair in pairs):
            raise _damaged(path, "it is no list of pairs of clips")
        split_of |= {str(clip): split for pair in pairs for clip in pair}
    return split_of


def celeb_df(folder: str | Path) -> Iterator[LabelledVideo]:
    """Celeb-DF, first or second version (Li et al. 2020): one maker, better than those before.

        Celeb-real/id0_0000.mp4              person 0
        YouTube-real/00000.mp4               a person of his own
        Celeb-synthesis/id0_id1_0000.mp4     the clip of 0 with the face of 1
        List_of_testing_videos.txt           "1 YouTube-real/00170.mp4" on each line

    The list decides what is "test"; the rest is "train". Its first column is not read: there 1
    stands for a real video, and the folder says so anyhow. The same people are in both splits.

    Raises MediaError for another layout.
    """
    folder = Path(folder)
    tests, found = _celeb_tests(folder / CELEB_TESTS), []
    for place in (*CELEB_REAL, CELEB_FAKE):
        is_fake = place == CELEB_FAKE
        for path in sorted((folder / place).glob("*.mp4")):
            ids = [part for part in path.stem.split("_") if part.startswith("id")]
            people = tuple(ids) or (f"{place}/{path.stem}",)
            split = "test" if f"{place}/{path.name}" in tests else "train"
            maker = "Celeb-DF" if is_fake else "real"
            found.append(LabelledVideo(path, int(is_fake), split, maker, people))
    if not found:
        raise _other_layout(folder, "Celeb-DF", "Celeb-real/*.mp4")
    return iter(found)


def _celeb_tests(path: Path) -> set[str]:
    if not path.is_file():
        raise _other_layout(path.parent, "Celeb-DF", CELEB_TESTS)
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not all(len(row) == 2 for row in rows):
        raise _damaged(path, "a line is not a number and a video")
    return {name for _, name in rows}


def dfdc(folder: str | Path) -> Iterator[LabelledVideo]:
    """DeepFake Detection Challenge (Dolhansky et al. 2020): paid actors, many makers, hard clips.

        dfdc_train_part_0/metadata.json     {"abc.mp4": {"label": "FAKE", "split": "train",
                                                         "original": "xyz.mp4"}, ...}
        dfdc_train_part_0/abc.mp4
        test/metadata.json                   {"abc.mp4": {"is_fake": 1, ...}, ...}

    Or one of these folders alone. Which maker a fake is of is not told, nor who is in a clip: as
    people stands the original clip, which a fake shares with others made of it. A metadata entry
    without a split belongs to the folder's name if that begins with "test", else to "train".

    Raises MediaError for another layout.
    """
    folder = Path(folder)
    tables = sorted({*folder.glob("metadata.json"), *folder.glob("*/metadata.json")})
    found = []
    for table in tables:
        entries = _read_json(table)
        if not isinstance(entries, dict):
            raise _damaged(table, "it is no table of videos")
        for name, entry in sorted(entries.items()):
            path = table.parent / name
            if path.is_file():
                found.append(_dfdc_video(path, entry, table))
    if not found:
        raise _other_layout(folder, "DFDC", "dfdc_train_part_*/metadata.json and its videos")
    return iter(found)


def _dfdc_video(path: Path, entry: dict, table: Path) -> LabelledVideo:
    try:
        is_fake = bool(entry["is_fake"]) if "is_fake" in entry else entry["label"] == "FAKE"
        place = "test" if path.parent.name.startswith("test") else "train"
        split = {"val": "validation"}.get(entry.get("split"), entry.get("split") or place)
        original = Path(entry.get("original") or path.name).stem
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(table, f"the entry of {path.name} has no label ({error})") from error
    check_choice("split", split, ("train", "validation", "test"))
    return LabelledVideo(path, int(is_fake), split, "DFDC" if is_fake else "real", (original,))


PUBLIC_SETS = {"faceforensics": faceforensics, "celeb-df": celeb_df, "dfdc": dfdc}


def _read_json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, f"it is no JSON ({error})") from error


def _damaged(path: Path, problem: str) -> MediaError:
    return MediaError(path, problem, "Fetch it again from the set's owners.")


def _other_layout(folder: Path, name: str, wanted: str) -> MediaError:
    problem = f"is not laid out as {name}: there is no {wanted}"
    return MediaError(folder, problem, "Give the folder that the set's own program wrote.")
