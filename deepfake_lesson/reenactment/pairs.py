"""What the re-enactment learns from: pairs of a face's landmarks and the picture they belong to.

    people/three/pairs/
        pairs.json            how the pairs were made, and from which clips
        pairs.jsonl           one line per pair: file, source, frame, landmarks, pupils
        frames/*.png          the pictures

The drawing is made from the landmarks when it is needed. A clip's pairs exist when pairs.json names
the clip, which is written last: a run that was stopped begins with the clip that it was at.
"""

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from tqdm import tqdm

from deepfake_lesson.errors import (
    LessonError,
    MediaError,
    NoFaceError,
    check_choice,
    check_range,
)
from deepfake_lesson.files import checksum, folder_lock, replacing
from deepfake_lesson.images import fit, read_image, write_image
from deepfake_lesson.landmarks import transform_points, warp
from deepfake_lesson.people import Person
from deepfake_lesson.reenactment.conditions import FRAMINGS, Square, square_matrix
from deepfake_lesson.reenactment.driving import (
    Track,
    describe_stretches,
    follow_face,
    resting_shape,
)
from deepfake_lesson.video import is_video, probe, read_frames

MIN_PAIRS = 40  # fewer teach a network nothing that it could use elsewhere
GAP = 10  # frames between the pairs to learn from and those held out: neighbours are nearly equal
# fmt: off
MIRRORED = np.array([  # the point that each of the 68 landmarks becomes in a mirror
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])
# fmt: on


@dataclass(frozen=True, eq=False)
class Pairs:
    """Landmarks and pictures of one person, N in the order of time; pixels are the pictures'.

    images: (N, size, size, 3) uint8. landmarks: (N, 68, 2) and pupils: (N, 2, 2) float32.
    numbers: (N,) int frame of the clip, from 0; clips: (N,) int which clip. framing: how the clips
    were cut, one of `conditions.FRAMINGS`. square: what was cut out of the first clip. recipe: the
    fields of its `studio.recipe.Recipe`, None where it is no clip of the studio.
    """

    images: np.ndarray
    landmarks: np.ndarray
    pupils: np.ndarray
    numbers: np.ndarray
    clips: np.ndarray
    size: int
    framing: str
    square: Square
    recipe: dict | None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def mean(self) -> np.ndarray:
        """(68, 2) float32: the mean of the face at rest, in pixels; see `resting_shape`."""
        return resting_shape(self.landmarks, self.size)

    def split(self, share: float = 0.15) -> tuple["Pairs", "Pairs"]:
        """Pairs to learn from and pairs held out: the last stretch of time, `share` of all.

        Random frames would not do: each has a neighbour among the others that is almost the same.
        So the GAP frames before the stretch are left out too.
        """
        first = len(self) - max(1, round(share * len(self)))
        is_near = (self.clips == self.clips[first]) & (self.numbers >= self.numbers[first] - GAP)
        before = np.flatnonzero(~is_near[:first])
        return self._take(before), self._take(np.arange(first, len(self)))

    def some(self, count: int) -> "Pairs":
        """At most `count` of them, evenly spread in time."""
        chosen = np.linspace(0, len(self) - 1, min(count, len(self))).round().astype(int)
        return self._take(chosen)

    def resized(self, size: int) -> "Pairs":
        """The same with pictures of another size, and the points in their pixels."""
        scale = size / self.size
        if scale == 1:
            return self
        return replace(
            self,
            images=np.stack([fit(image, size) for image in self.images]),
            landmarks=(self.landmarks + 0.5) * np.float32(scale) - 0.5,
            pupils=(self.pupils + 0.5) * np.float32(scale) - 0.5,
            size=size,
        )

    def _take(self, chosen: np.ndarray) -> "Pairs":
        names = ("images", "landmarks", "pupils", "numbers", "clips")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})


def create_pairs(
    person: Person,
    framing: str = "face",
    size: int = 256,
    fps: float | None = None,
    detector: str = "hog",
    progress: bool = True,
) -> dict:
    """Make the pairs of a person's clips, in the person's folder pairs/.

    A clip whose pairs are there, made in the same way, is not looked at again; what was made of a
    clip that is gone goes too. Of several faces the largest is taken, then the one nearest to it in
    the frame before.

    Args:
        person: whose clips to look at; pictures are passed over.
        framing: "face", one square for each clip around where its face is, or "whole", the middle
            of the frame.
        size: pixels of a picture's side.
        fps: pairs for each second of a clip, None for every frame. All frames are looked at anyway,
            since landmarks are steadied over neighbours.
        detector: one of `detectors.DETECTORS`.
        progress: show a bar where stderr is a terminal.

    Returns:
        `pairs`, `frames` looked at, `skipped` (clips and their frames without a face), `framing`,
        `size`, `seconds` and `new` (clips looked at in this run).

    Raises:
        MediaError: there is no video, or one that cannot be read.
        NoFaceError: a clip shows no face, or fewer than MIN_PAIRS frames of them all show one.
        BusyError: the same is at work in this folder.
    """
    check_choice("framing", framing, FRAMINGS)
    check_range("size", size, 32, 1024)
    if fps is not None and not fps > 0:
        raise LessonError("--fps", f"{fps} is not above 0", "Give pairs for a second, such as 10.")
    sources, start = _clips(person), perf_counter()
    folder, method = _folder(person), {"framing": framing, "size": size, "fps": fps}
    method["detector"] = detector
    with folder_lock(folder, "the making of pairs"):
        known = _known_clips(folder, method, sources)
        for source in (new := [source for source in sources if source.name not in known]):
            known[source.name] = _add_clip(folder, source, method, progress)
            _write_index(folder, method, known)
    counts = {name: sum(clip[name] for clip in known.values()) for name in ("pairs", "frames")}
    _check_enough(person, counts["pairs"])
    gaps = {name: clip["skipped"] for name, clip in known.items() if clip["skipped"]}
    skipped = [f"{name} {describe_stretches(ranges)}" for name, ranges in gaps.items()]
    report = counts | {"skipped": skipped, "framing": framing, "size": size}
    return report | {"seconds": perf_counter() - start, "new": [source.name for source in new]}


def load_pairs(person: Person) -> Pairs:
    """The pairs that `create_pairs` made.

    Raises:
        LessonError: there are none, too few, or their files are damaged.
    """
    folder = _folder(person)
    index = _read_index(folder)
    if not index.get("clips"):
        remedy = f"Run: deepfake-lesson pairs {person.folder}."
        raise LessonError(person.folder, "it has no pairs", remedy)
    names = list(index["clips"])
    rows = [row for row in _read_rows(folder) if row["source"] in names]
    rows = [row for row in rows if (folder / row["file"]).is_file()]
    rows.sort(key=lambda row: (names.index(row["source"]), row["frame"]))
    _check_enough(person, len(rows))
    clip = index["clips"][names[0]]
    return Pairs(
        images=np.stack([read_image(folder / row["file"]) for row in rows]),
        landmarks=np.array([row["landmarks"] for row in rows], np.float32),
        pupils=np.array([row["pupils"] for row in rows], np.float32),
        numbers=np.array([row["frame"] for row in rows]),
        clips=np.array([names.index(row["source"]) for row in rows]),
        size=index["size"],
        framing=index["framing"],
        square=Square(*clip["square"]),
        recipe=_recipe(person.media / names[0]),
    )


def flip_pair(
    image: np.ndarray, landmarks: np.ndarray, pupils: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A pair in the mirror: the left brow becomes the right one, with the right one's numbers.

    image: (S, S, 3), landmarks: (68, 2), pupils: (2, 2); or as many of each, with N in front.
    """
    points = [landmarks[..., MIRRORED, :].copy(), pupils[..., ::-1, :].copy()]
    for each in points:
        each[..., 0] = image.shape[-2] - 1 - each[..., 0]
    return image[..., ::-1, :], *points


# One clip


def _add_clip(folder: Path, source: Path, method: dict, progress: bool) -> dict:
    """Write a clip's pictures and lines; returns its entry in pairs.json."""
    info = probe(source)
    is_hidden = not (progress and sys.stderr.isatty())
    frames = tqdm(read_frames(source), source.name, info.frames, unit="frame", disable=is_hidden)
    track = follow_face(source, method["detector"], frames=frames)
    chosen = _chosen(track, method["fps"], float(info.fps))
    square = track.square(method["framing"])
    rows = _write_pictures(folder, source, track, chosen, square, method["size"])
    others = [row for row in _read_rows(folder) if row["source"] != source.name]
    with replacing(folder / "pairs.jsonl") as draft:
        draft.write_text("".join(json.dumps(row) + "\n" for row in others + rows))
    return {
        "sha256": checksum(source),
        "square": [square.x, square.y, square.side],
        "frames": track.frames,
        "pairs": len(rows),
        "skipped": track.without_face,
    }


def _chosen(track: Track, fps: float | None, clip_fps: float) -> set[int]:
    """Numbers of the frames that become pairs: evenly spread, `fps` a second."""
    share = min(1.0, fps / clip_fps) if fps else 1.0
    due = np.floor(track.numbers * share) > np.floor((track.numbers - 1) * share)
    return set(track.numbers[due].tolist())


def _write_pictures(
    folder: Path, source: Path, track: Track, chosen: set[int], square: Square, size: int
) -> list[dict]:
    """Cut the chosen frames out and return their lines."""
    matrix, rows = square_matrix(square, size), []
    places = {int(number): place for place, number in enumerate(track.numbers)}
    for number, frame in enumerate(read_frames(source)):
        if number not in chosen:
            continue
        file = f"frames/{source.name.replace('.', '_')}_{number:06d}.png"
        write_image(folder / file, warp(frame, matrix, size))
        row = {"file": file, "source": source.name, "frame": number}
        for name in ("landmarks", "pupils"):
            points = getattr(track, name)[places[number]]
            row[name] = transform_points(points, matrix).round(3).tolist()
        rows.append(row)
    return rows


def _recipe(source: Path) -> dict | None:
    """The recipe beside a clip of the studio; None for any other clip."""
    from deepfake_lesson.studio.recipe import Recipe

    try:
        return asdict(Recipe.load(source.with_suffix(".json")))
    except MediaError:
        return None


# The folder


def _folder(person: Person) -> Path:
    return person.folder / "pairs"


def _clips(person: Person) -> list[Path]:
    media = sorted(person.media.iterdir()) if person.media.is_dir() else []
    sources = [path for path in media if path.is_file() and is_video(path)]
    if not sources:
        raise MediaError(person.media, "there is no video", "Copy a clip of this person there.")
    return sources


def _known_clips(folder: Path, method: dict, sources: list[Path]) -> dict[str, dict]:
    """What pairs.json says about clips that are unchanged; the pictures of all others go."""
    index = _read_index(folder)
    is_same = {name: index.get(name) for name in method} == method
    sums = {source.name: checksum(source) for source in sources}
    clips = index["clips"].items() if is_same else ()
    known = {name: clip for name, clip in clips if sums.get(name) == clip["sha256"]}
    kept = {row["file"] for row in _read_rows(folder) if row["source"] in known}
    for picture in (folder / "frames").glob("*.png"):
        if f"frames/{picture.name}" not in kept:
            picture.unlink()
    _write_index(folder, method, known)
    return known


def _write_index(folder: Path, method: dict, clips: dict[str, dict]) -> None:
    with replacing(folder / "pairs.json") as draft:
        draft.write_text(json.dumps({**method, "clips": clips}, indent=1))


def _read_index(folder: Path) -> dict:
    try:
        return json.loads((folder / "pairs.json").read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _damaged(folder / "pairs.json", error) from error


def _read_rows(folder: Path) -> list[dict]:
    path = folder / "pairs.jsonl"
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> LessonError:
    return LessonError(path, f"is damaged ({error})", f"Delete {path.parent} and make it again.")


def _check_enough(person: Person, count: int) -> None:
    if count < MIN_PAIRS:
        problem = f"only {count} frames show a face, at least {MIN_PAIRS} are needed"
        raise NoFaceError(person.media, problem, "Add a longer clip; 400 frames do well.")
