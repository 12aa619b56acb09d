"""A labelled set of filmed and made clips, by this project alone: people who do not exist.

    detection/
        set.json                 what it is made of
        people/6000/             a studio person, filmed as by any camera
        models/                  face swaps of pairs, re-enactments of actors
        clips/*.mp4              what detectors learn from and are tried on, signed
        manifest.jsonl           a line for each clip: what it is and how it was made

Real and fake clips go the same way: all are made of a filmed clip, cut to head and neck, scaled to
one of SIDES and encoded once more at one of QUALITIES, drawn without a look at the label. So
neither frame nor file says what is what. Nobody is in two splits.

Face swaps and re-enactments have to be trained, so only a handful of pairs and actors serves for
all their clips: by default five pairs and five actors, each trained for a minute and a half.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from itertools import cycle
from pathlib import Path

import numpy as np
from tqdm import tqdm

from deepfake_lesson.animation.animate import SHIPPED, motion_name
from deepfake_lesson.checkpoints import explained, model_name
from deepfake_lesson.detection.crops import FRAMES, FaceCrops, clip_tracks
from deepfake_lesson.detection.makers import (
    MAKERS,
    VARIANTS,
    Take,
    copied,
    moved,
    reenacted,
    swapped,
)
from deepfake_lesson.errors import LessonError, MediaError, NoFaceError, check_choice, check_range
from deepfake_lesson.files import folder_lock, replacing
from deepfake_lesson.images import fit
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.provenance import ALGORITHMIC, COMPOSITE, TRAINED, sign
from deepfake_lesson.reenactment.pairs import MIN_PAIRS
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.recipe import record
from deepfake_lesson.video import VideoWriter

SPLITS = ("train", "validation", "test")
PATTERN = ("train", "test", "train", "validation", "train")  # of people, pairs and actors
DRIVERS = 4  # of each actor
PEOPLE = RESERVED_SEEDS["detection"]
SIDES = (128, 192, 256)  # pixels of a clip
QUALITIES = (17, 23, 28, 33)  # x264's constant rate factor
PERFORMANCES = ("conversation", "talk", "expressions", "nod", "rest")
SOURCE_TYPES = {"real": ALGORITHMIC, "pix2pix": TRAINED, "motion": TRAINED}
REBUILD = "Make it: python data_scripts/make_detection_set.py --out FOLDER."


@dataclass(frozen=True)
class LabelledVideo:
    """A video of which is known what it is.

    label: 1 fake, 0 real. maker: "real", or what made it. people: ids of all whose face or motion
    is in it; where they are unknown, of what shares them.
    """

    path: Path
    label: int
    split: str
    maker: str
    people: tuple[str, ...]


@dataclass(frozen=True)
class SetOptions:
    """How large a set is made.

    people: studio people, at most 400. seconds, fps, size: of their films. pairs: face swaps, each
    of two people and both ways. actors: re-enacted people, each by up to DRIVERS others. preset:
    of both kinds of networks. minutes: of each training; swap_steps, actor_steps: instead of them.
    seed: draws sizes and qualities. makers: of the fakes, some of `makers.MAKERS`.
    """

    people: int = 64
    seconds: float = 3.0
    fps: int = 25
    size: int = 320
    pairs: int = 5
    actors: int = 5
    preset: str = "laptop"
    minutes: float = 1.5
    swap_steps: int | None = None
    actor_steps: int | None = None
    seed: int = 0
    makers: tuple[str, ...] = MAKERS

    def __post_init__(self) -> None:
        least = 2 * len(PATTERN)  # two people in each split
        check_range("people", self.people, least, len(PEOPLE))
        check_range("seconds", self.seconds, 0.2, 60)
        check_range("pairs", self.pairs, 0, self.people // 2)
        check_range("actors", self.actors, 0, self.people)
        for maker in self.makers:
            check_choice("maker", maker, MAKERS)
        frames = round(self.seconds * self.fps)
        if self.actors and "pix2pix" in self.makers and frames < MIN_PAIRS:
            problem = f"are {frames} frames, and a re-enactment needs {MIN_PAIRS}"
            raise LessonError(f"seconds {self.seconds:g}", problem, "Give more, or actors 0.")


@dataclass(frozen=True)
class Job:
    """A clip to be made: `face` is whose face it shows, `driver` whose motion."""

    name: str
    maker: str
    variant: str
    split: str
    driver: int
    face: int
    side: int
    quality: int


def plan(options: SetOptions) -> list[Job]:
    """All clips of a set, in the order in which they are made; the same for the same options.

    Everybody gives one real clip, one copy and one motion fake; pairs and actors the rest.
    """
    rng = np.random.default_rng(options.seed)
    people = {split: [] for split in SPLITS}
    for seed, split in zip(PEOPLE[: options.people], cycle(PATTERN)):
        people[split].append(seed)
    jobs: list[tuple] = []
    for split, seeds in people.items():
        others = dict(zip(seeds, seeds[1:] + seeds[:1], strict=True))
        jobs += [("real", "filmed", split, seed, seed) for seed in seeds]
        for maker in ("copy", "motion"):
            if maker not in options.makers:
                continue
            ways = cycle(VARIANTS[maker])
            jobs += [(maker, next(ways), split, seed, others[seed]) for seed in seeds]
    pairs = options.pairs if "swap" in options.makers else 0
    for split, (a, b) in _shared_out(people, pairs, 2):
        jobs += [("swap", way, split, *who) for way in VARIANTS["swap"] for who in ((a, b), (b, a))]
    actors = options.actors if "pix2pix" in options.makers else 0
    for split, (actor,) in _shared_out(people, actors, 1):
        drivers = [seed for seed in people[split] if seed != actor][:DRIVERS]
        jobs += [("pix2pix", "default", split, driver, actor) for driver in drivers]
    return [_job(rng, *job) for job in jobs]


def _shared_out(people: dict[str, list[int]], count: int, size: int) -> Iterator[tuple]:
    """`count` groups of `size` people with their splits, from the end of each split's list."""
    left = {split: seeds[::-1] for split, seeds in people.items()}
    order = cycle(PATTERN)
    while count:
        split = next(order)
        if all(len(seeds) < size for seeds in left.values()):
            return
        if len(left[split]) >= size:
            yield split, tuple(left[split][:size])
            del left[split][:size]
            count -= 1


def _job(
    rng: np.random.Generator, maker: str, variant: str, split: str, driver: int, face: int
) -> Job:
    name = f"{maker}_{variant}_{driver}_{face}" if maker != "real" else f"real_{driver}"
    side, quality = (int(rng.choice(choices)) for choices in (SIDES, QUALITIES))
    return Job(name, maker, variant, split, driver, face, side, quality)


def make_detection_set(
    folder: str | Path, options: SetOptions = SetOptions(), progress: bool = True
) -> list[LabelledVideo]:
    """Make a set, or what is still missing of it; an interrupted one goes on where it stopped.

    Raises:
        LessonError: if the folder holds a set of other options.
        BusyError, DiskFullError: as usual.
    """
    folder = Path(folder)
    with folder_lock(folder, "the making of a detection set"):
        _check_options(folder, options)
        done = {row["name"]: row for row in _rows(folder)} if _manifest(folder).exists() else {}
        jobs = plan(options)
        seeds = {seed for job in jobs for seed in (job.driver, job.face)}
        for seed in tqdm(sorted(seeds), "people", disable=not progress):
            _film(folder, seed, options)
        for job in tqdm(jobs, "clips", disable=not progress):
            if job.name not in done or not (folder / done[job.name]["file"]).is_file():
                done[job.name] = _make(folder, job, options)
                _write_rows(folder, [done[each.name] for each in jobs if each.name in done])
    return read_manifest(folder)


def read_manifest(folder: str | Path) -> list[LabelledVideo]:
    """The clips of a set; raises MediaError if there is none, or if it is damaged."""
    folder = Path(folder)
    if not _manifest(folder).is_file():
        raise MediaError(folder, "there is no detection set (no manifest.jsonl)", REBUILD)
    return [
        LabelledVideo(
            folder / row["file"], row["label"], row["split"], row["maker"], tuple(row["people"])
        )
        for row in _rows(folder)
    ]


def load_crops(
    folder: str | Path,
    videos: Iterable[LabelledVideo],
    size: int = 160,
    frames: int = FRAMES,
    detector: str = "hog",
    progress: bool = True,
) -> FaceCrops:
    """The faces of labelled videos, of each up to `frames` of the face seen most often.

    Videos in which no face is found are left out. Each is looked at once: crops are kept in
    `folder`/crops.

    Raises:
        NoFaceError: nothing is left.
        MediaError: for a video that cannot be read.
    """
    columns: list[tuple] = []
    for video in tqdm(list(videos), "crops", disable=not progress):
        name = f"{video.split}-{video.maker}-{video.path.stem}-{size}-{frames}-{detector}.npz"
        images, points = _crops(Path(folder) / "crops" / name, video.path, size, frames, detector)
        if len(images):
            many = len(images)
            names = [[text] * many for text in (str(video.path), video.maker)]
            columns.append((images, points, [video.label] * many, *names))
    if not columns:
        raise NoFaceError(folder, "no face was found in any of the videos", "Choose others.")
    return FaceCrops(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def _crops(path: Path, video: Path, size: int, frames: int, detector: str) -> tuple:
    if not path.exists() or path.stat().st_mtime < video.stat().st_mtime:
        tracks = clip_tracks(video, size, frames, detector)
        images = tracks[0].crops if tracks else np.empty((0, size, size, 3), np.uint8)
        points = tracks[0].points if tracks else np.empty((0, 68, 2), np.float32)
        with replacing(path) as draft:
            np.savez(draft, images=images, points=points)
    with explained(path), np.load(path, allow_pickle=False) as stored:
        return stored["images"], stored["points"]


# One clip


def _make(folder: Path, job: Job, options: SetOptions) -> dict:
    """Write a clip, signed; returns its line of the manifest."""
    file = Path("clips") / f"{job.name}.mp4"
    driver = _take(folder, job.driver)
    frames = 0
    with replacing(folder / file) as draft:
        with (
            VideoWriter(draft, options.fps, (job.side, job.side), quality=job.quality) as writer,
            closing(_frames(folder, job, options)) as pictures,
        ):
            for picture in pictures:
                writer.write(picture)
                frames += 1
        kind = SOURCE_TYPES.get(job.maker, COMPOSITE)
        sign(draft, None, file.name, kind, **_origin(folder, job, driver))
    return {
        "name": job.name,
        "file": file.as_posix(),
        "label": int(job.maker != "real"),
        "maker": job.maker,
        "variant": job.variant,
        "split": job.split,
        "people": sorted({str(job.driver), str(job.face)}),
        "driver": job.driver,
        "face": job.face,
        "side": job.side,
        "crf": job.quality,
        "frames": frames,
        "fps": options.fps,
    }


def _origin(folder: Path, job: Job, driver: Take) -> dict:
    """What a credential says a clip was made from, and with which model."""
    if job.maker == "real":
        return {}
    models = {
        "swap": lambda: model_name(_swap_home(folder, job)),
        "pix2pix": lambda: model_name(_actor_home(folder, job.face)),
        "motion": lambda: motion_name(SHIPPED),
    }
    name = models[job.maker]() if job.maker in models else None
    return {"original": driver.clip, "inputs": (_take(folder, job.face).clip,), "model": name}


def _frames(folder: Path, job: Job, options: SetOptions) -> Iterator[np.ndarray]:
    """The frames of a clip, (side, side, 3) uint8."""
    driver, face = _take(folder, job.driver), partial(_take, folder, job.face)
    if job.maker == "real":
        yield from driver.squares(job.side)
    elif job.maker == "copy":
        yield from driver.squares(job.side, copied(driver, face(), job.variant))
    elif job.maker == "swap":
        model, to = _swap_model(folder, job, options)
        yield from driver.squares(job.side, swapped(driver, model, to, job.variant))
    else:
        made = (
            reenacted(driver, _actor_model(folder, job.face, options))
            if job.maker == "pix2pix"
            else moved(driver, face(), job.variant)
        )
        yield from (fit(picture, (job.side, job.side)) for picture in made)


def _film(folder: Path, seed: int, options: SetOptions) -> Person:
    """A studio person's folder; filmed once, each in a room and a performance of their own."""
    home = folder / "people" / str(seed)
    if not (home / "consent.toml").exists():
        performance = PERFORMANCES[seed % len(PERFORMANCES)]
        record(seed, home, performance, options.seconds, options.fps, options.size, seed)
    return open_person(home)


def _take(folder: Path, seed: int) -> Take:
    return Take.of(folder / "people" / str(seed) / "media" / "clip.mp4")


def _swap_model(folder: Path, job: Job, options: SetOptions):
    """The face swap of the two people of a job, and which of them is put on."""
    a, b = sorted((job.driver, job.face))
    train = partial(_train_swap, folder, a, b, options)
    return _trained(_swap_home(folder, job), train, "swap"), ("b" if job.face == b else "a")


def _swap_home(folder: Path, job: Job) -> Path:
    a, b = sorted((job.driver, job.face))
    return folder / "models" / f"swap_{a}_{b}"


def _train_swap(folder: Path, a: int, b: int, options: SetOptions, home: Path) -> None:
    from deepfake_lesson.extraction import create_face_dataset
    from deepfake_lesson.training import train

    people = [_film(folder, seed, options) for seed in (a, b)]
    for person in people:
        create_face_dataset(person, progress=False)
    train(*people, home, options.preset, **_amount(options, options.swap_steps), progress=False)


def _actor_model(folder: Path, seed: int, options: SetOptions):
    train = partial(_train_actor, folder, seed, options)
    return _trained(_actor_home(folder, seed), train, "pix2pix")


def _actor_home(folder: Path, seed: int) -> Path:
    return folder / "models" / f"pix2pix_{seed}"


def _train_actor(folder: Path, seed: int, options: SetOptions, home: Path) -> None:
    from deepfake_lesson.reenactment.pairs import create_pairs
    from deepfake_lesson.reenactment.training import train_reenactment

    person = _film(folder, seed, options)
    create_pairs(person, progress=False)
    amount = _amount(options, options.actor_steps)
    train_reenactment(person, home, options.preset, **amount, progress=False)


def _amount(options: SetOptions, steps: int | None) -> dict:
    return {"minutes": options.minutes} if steps is None else {"steps": steps}


def _trained(home: Path, train: Callable[[Path], None], kind: str):
    """The model of a folder, trained if that was not finished before."""
    finished = home / "finished"
    if not finished.exists():
        train(home)
        with replacing(finished) as draft:
            draft.write_text("This training has had its time.\n", encoding="utf-8")
    return _load(home, kind)


@lru_cache(maxsize=2)
def _load(home: Path, kind: str):
    if kind == "swap":
        from deepfake_lesson.training import load_model

        return load_model(home)
    from deepfake_lesson.reenactment.training import load_reenactment

    return load_reenactment(home)


# The manifest


def _manifest(folder: Path) -> Path:
    return folder / "manifest.jsonl"


def _rows(folder: Path) -> list[dict]:
    path = _manifest(folder)
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            check_choice("split", row["split"], SPLITS)
            check_choice("maker", row["maker"], ("real", *MAKERS))
            rows.append(row)
        except (ValueError, KeyError, TypeError, LessonError) as error:
            remedy = "Delete it; the set is then made again."
            raise MediaError(path, f"line {number} is damaged ({error})", remedy) from error
    return rows


def _write_rows(folder: Path, rows: list[dict]) -> None:
    with replacing(_manifest(folder)) as draft:
        draft.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _check_options(folder: Path, options: SetOptions) -> None:
    """Raise LessonError unless the folder holds nothing, or a set of these options."""
    path, wanted = folder / "set.json", json.loads(json.dumps(asdict(options)))
    if not path.exists():
        with replacing(path) as draft:
            draft.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        return
    with explained(path):
        found = json.loads(path.read_text(encoding="utf-8"))
    if found != wanted:
        differs = {name for name in wanted if found.get(name) != wanted[name]}
        problem = f"holds a set of other options ({', '.join(sorted(differs))})"
        raise LessonError(folder, problem, "Choose another folder, or the same options.")
