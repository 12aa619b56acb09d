"""How well four detectors find faces, and where each gives up: one factor changes at a time.

    python benchmarks/detectors.py                   # measure what the table lacks, then report
    python benchmarks/detectors.py --only yaw roll   # measure these factors again
    python benchmarks/detectors.py --show seen.png   # what the detectors are shown; no measuring

All of it takes a quarter of an hour on two quiet cores. A factor's rows are written as soon as it
is done, so an interrupted run goes on where it was. The table is
deepfake_lesson/tables/detectors.csv; benchmarks/detectors.md and the figures beside it are made
from it.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import csv
import platform
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest
from tqdm import tqdm

from deepfake_lesson import plots, tables
from deepfake_lesson.detectors import DETECTORS, DetectedFace, detect_faces
from deepfake_lesson.files import replacing
from deepfake_lesson.images import grid, write_image
from deepfake_lesson.landmarks import interocular, transform_points, warp
from deepfake_lesson.studio import RESERVED_SEEDS, Camera, Identity, Part, Pose, render
from deepfake_lesson.studio.backgrounds import background
from deepfake_lesson.studio.shape import sample_residual

TABLE = Path(tables.__file__).with_name("detectors.csv")
PEOPLE = 16
SIDE, FACE = 320, 128  # pixels: the picture's sides, and the plain face's
SMALLEST = 16 / SIDE  # the detectors look for faces from 16 pixels
NEAR, ALIKE = 0.4, 1.7  # of a box that fits: distance in faces, ratio of sides
FEWEST = 4  # faces found, below which an error says little
MARGIN = 1.5  # a picture that will be turned is taken this much wider
REPORT = Path(__file__).with_suffix(".md")
CONCLUSIONS = "## Conclusions"  # written by hand: the rest of the report is made anew around them

UNITS = {
    "yaw": "degrees",
    "pitch": "degrees, up is positive",
    "roll": "degrees",
    "size": "pixels of face",
    "darkness": "stops darker",
    "blur": "pixels of Gaussian blur",
    "noise": "grey levels of noise",
    "occlusion": "share of the face",
    "skin": "light 0 to dark 1",
}
COVERS = {
    "nothing": {},
    "glasses": {"glasses": True},
    "fringe": {"fringe": 1.0},
    "fringe over the brows": {"fringe": 1.8},
    **{f"hand {share} %": {"hand": share / 100} for share in (10, 20, 30, 40, 50)},
}
VALUES = {
    "yaw": (0, 15, 30, 45, 60, 75, 90),
    "pitch": (-45, -30, -15, 0, 15, 30, 45),
    "roll": (0, 15, 30, 45, 90, 180),
    "size": (16, 24, 32, 48, 64, 96, 128, 256),
    "darkness": (0, 2, 4, 5, 6, 8),
    "blur": (0, 2, 3, 4, 6, 8),
    "noise": (0, 20, 40, 60, 80),
    "occlusion": tuple(COVERS),
    "skin": (0, 0.25, 0.5, 0.75, 1),
}


HEAD = """# The detectors, measured

`python benchmarks/detectors.py` ({machine}).

Each picture shows a studio person at 320 x 320 pixels. One factor changes at a time and all else is
plain: facing the camera, a face of 128 pixels, even light, sharp, no grain, no glasses, no fringe,
something out of focus behind. All values of a factor are tried on the same people; `--people` says
on how many.

A detection counts if its box fits the truth, the square around the middle of the 68 true points
that is as large as they are wide or high, whichever is more: centers at most 0.4 sides apart,
sides alike within a factor of 1.7. Any other box is a false positive. The detectors look for
upright faces from 16 pixels (`detect_faces(image, detector, smallest=0.05)`). The error is the mean
distance of the 68 points of the `DetectedFace` from the truth (dlib's predictor, started in the
detector's box or, for MTCNN, from its five points), median over the faces found, in percent of the
distance between the outer eye corners as seen from the front. Milliseconds are processor time of
one core. Where OpenCV brings no Haar cascade, as OpenCV 5, scikit-image's LBP cascade stands for
"haar".

A hand is drawn over the face, fingers up, and raised until it hides the given share of it; glasses
and fringe are the studio's. A lean (roll) turns the whole picture. The studio's camera evens out
half of the brightness of the skin by its exposure.

![Share of faces found, one panel a factor](detectors.png)
![Error of the landmarks, one panel a factor](detectors_error.png)

Bars are 95 % intervals: Wilson's for faces found, the bootstrap's for the median error. In the
tables below: faces found in percent and, in brackets, the error, where four faces or more were
found. False positives and time are over all pictures.
"""


@dataclass(frozen=True)
class Setting:
    """What a picture shows, in `UNITS`; as it stands, the plain picture.

    hand: share of the face that a hand covers. fringe: how far it falls, 1 to the brows' upper
    edge. skin: the person's own if None.
    """

    yaw: float = 0
    pitch: float = 0
    roll: float = 0
    size: float = FACE
    darkness: float = 0
    blur: float = 0
    noise: float = 0
    hand: float = 0
    glasses: bool = False
    fringe: float = 0
    skin: float | None = None

    @classmethod
    def of(cls, factor: str, value: float | str) -> "Setting":
        """All plain but one factor."""
        return cls(**(COVERS[value] if factor == "occlusion" else {factor: value}))


@dataclass(frozen=True, eq=False)
class Sight:
    """A picture (SIDE, SIDE, 3) uint8 and its truth.

    landmarks: (68, 2). unit: pixels between the outer eye corners, were the face seen from the
    front. covered: share of the points' convex hull that hair, glasses or a hand hides.
    """

    image: np.ndarray
    landmarks: np.ndarray
    unit: float
    covered: float


def photograph(seed: int, setting: Setting) -> Sight:
    """A studio person as the setting says; people with odd seeds turn and lean to the left."""
    person = dressed(seed, setting.fringe, setting.glasses, setting.skin)
    scale, eyes = framing(seed)
    side = -1 if seed % 2 else 1
    wide = MARGIN if setting.roll else 1
    camera = Camera(
        scale=scale * setting.size / wide,
        exposure=-setting.darkness,
        blur=setting.blur,
        noise=setting.noise,
        seed=seed,
    )
    pose = Pose(side * setting.yaw, setting.pitch)
    place = background(np.random.default_rng(seed))
    frame = render(person, pose=pose, camera=camera, background=place, size=round(wide * SIDE))
    image, inside = frame.image, hull(frame.landmarks, frame.image.shape)
    hidden = np.isin(frame.parts, (Part.HAIR, Part.GLASSES))
    if setting.hand:
        rng = np.random.default_rng(seed)
        image, behind = lay_hand(image, frame.landmarks, setting.hand, rng)
        hidden |= behind
    image, landmarks = lean(image, frame.landmarks, side * setting.roll)
    return Sight(image, landmarks, eyes * setting.size, float(hidden[inside].mean()))


@cache
def framing(seed: int) -> tuple[float, float]:
    """Camera scale, and pixels between the outer eye corners, for each pixel of face size."""
    frame = render(dressed(seed, 0, False, None), camera=Camera(scale=0.6), size=SIDE)
    size = truth_square(frame.landmarks)[1]
    return 0.6 / size, interocular(frame.landmarks) / size


@cache
def dressed(seed: int, fringe: float, glasses: bool, skin: float | None) -> Identity:
    """The person with this seed, in another look; small bumps of the face are drawn anew."""
    person = Identity.sample(seed)
    hair = replace(person.look.hair, bangs=fringe)
    if fringe:
        hair = replace(hair, kind="bangs", thickness=14, opacity=0.99)
    tone = person.look.skin if skin is None else skin
    look = replace(person.look, hair=hair, glasses=glasses, skin=tone)
    return Identity.build(seed, person.shape, sample_residual(np.random.default_rng(seed)), look)


def lean(image: np.ndarray, landmarks: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn picture and points clockwise about the middle and keep the central SIDE x SIDE pixels.

    The whole picture is turned, as if the camera had been: no neck bends by 90 degrees.
    """
    middle = (image.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), -angle, 1.0)
    matrix[:, 2] += (SIDE - 1) / 2 - middle
    if angle:
        image = warp(image, matrix, SIDE, cv2.INTER_LINEAR)
    return image, transform_points(landmarks, matrix)


def truth_square(landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """Middle (2,) and side of the square that stands for the true face."""
    low, high = landmarks.min(0), landmarks.max(0)
    return (low + high) / 2, float((high - low).max())


def hull(landmarks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels (H, W) bool inside the convex hull of the points."""
    inside = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.round(landmarks).astype(np.int32)), 1)
    return inside > 0


HAND = (  # strokes from, to, thickness; in widths of the palm, y down, fingers up
    ((0, 0.5), (0, 3.0), 0.72),
    ((-0.22, 0.1), (-0.2, 0.35), 0.56),
    ((0.22, 0.1), (0.2, 0.35), 0.56),
    ((0, 0.0), (0, 0.4), 0.6),
    ((0.3, 0.45), (0.78, -0.12), 0.27),
    ((-0.38, 0.1), (-0.47, -0.78), 0.22),
    ((0.38, 0.1), (0.44, -0.9), 0.235),
    ((-0.13, 0.1), (-0.17, -1.02), 0.24),
    ((0.13, 0.1), (0.15, -1.08), 0.245),
)


def lay_hand(
    image: np.ndarray, landmarks: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Raise a hand from below until it hides `share` of the face: the picture, what it covers."""
    inside = hull(landmarks, image.shape)
    middle, side = truth_square(landmarks)
    slant, shift = rng.uniform(-20, 20), rng.uniform(-0.1, 0.1) * side
    low, high = middle[1] + 2.5 * side, middle[1] - side
    for _ in range(12):
        place = middle[0] + shift, (low + high) / 2
        alpha, shade = hand(image.shape[0], place, 0.68 * side, slant)
        enough = (alpha > 0.5)[inside].mean() >= share
        low, high = ((low + high) / 2, high) if not enough else (low, (low + high) / 2)
    skin = np.median(image[inside], axis=0)
    drawn = np.clip(skin * shade[..., None], 0, 255)
    shadow = 1 - 0.35 * cv2.GaussianBlur(alpha, (0, 0), side / 25)[..., None]
    covered = drawn * alpha[..., None] + image * shadow * (1 - alpha[..., None])
    return np.round(covered).astype(np.uint8), alpha > 0.5


def hand(
    side: int, place: tuple[float, float], width: float, slant: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and brightness (side, side) of a hand with its palm of `width` pixels at `place`."""
    fine = 4  # drawn larger, then averaged, for smooth edges
    turn = np.radians(slant)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * width
    canvas = np.zeros((side * fine, side * fine), np.float32)
    for start, end, thickness in HAND:
        ends = [(axes @ point + place + 0.5) * fine - 0.5 for point in np.array((start, end))]
        for brightness, part in ((0.72, 1.0), (0.86, 0.88), (1.0, 0.68)):
            stroke = max(1, round(part * thickness * width * fine))
            first, last = (tuple(np.round(point).astype(int).tolist()) for point in ends)
            cv2.line(canvas, first, last, brightness, stroke, cv2.LINE_AA)
    size = side, side
    alpha = cv2.resize((canvas > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA) / np.maximum(alpha, 1e-3)
    return alpha, cv2.GaussianBlur(np.where(alpha > 0, soft, 1), (0, 0), width / 60)


def look_at(seed: int, factor: str, value: float | str) -> dict[str, dict]:
    """What each detector makes of one picture: found, false positives, error, milliseconds."""
    sight = photograph(seed, Setting.of(factor, value))
    return {name: judge(name, sight) | {"covered": sight.covered} for name in DETECTORS}


def judge(detector: str, sight: Sight) -> dict:
    """What one detector makes of one picture; of several boxes that fit the best points count.

    error: share of `sight.unit`, NaN if nothing was found. milliseconds: of processor time.
    """
    start = time.process_time()
    faces = detect_faces(sight.image, detector, smallest=SMALLEST)
    milliseconds = 1000 * (time.process_time() - start)
    right = [face for face in faces if fits(face, sight.landmarks)]
    errors = [
        np.linalg.norm(face.landmarks - sight.landmarks, axis=1).mean() / sight.unit
        for face in right
    ]
    return {
        "found": bool(right),
        "false_positives": len(faces) - bool(right),
        "error": min(errors, default=np.nan),
        "milliseconds": milliseconds,
    }


def fits(face: DetectedFace, landmarks: np.ndarray) -> bool:
    """Whether the box of a detection lies where the true face is and is about as large."""
    middle, side = truth_square(landmarks)
    corners = np.reshape(face.box, (2, 2))
    found = np.sqrt(np.prod(corners[1] - corners[0]))
    near = np.linalg.norm(corners.mean(0) - middle) <= NEAR * side
    return bool(near and side / ALIKE <= found <= side * ALIKE)


def warm_up() -> None:
    """Load the models of a worker, on one core, before anything is timed."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cv2.setNumThreads(1)
    look_at(RESERVED_SEEDS["benchmark"][0], "yaw", 0)


def measure(pool: ProcessPoolExecutor, factor: str, people: int) -> list[dict]:
    """The rows of one factor: each detector at each value."""
    seeds, values = RESERVED_SEEDS["benchmark"][:people], VALUES[factor]
    jobs = [(seed, factor, value) for seed in seeds for value in values]
    looks = pool.map(look_at, *zip(*jobs, strict=True), chunksize=2)
    looks = list(tqdm(looks, factor, len(jobs), unit="picture"))
    rows = []
    for number, value in enumerate(values):
        for detector in DETECTORS:
            results = [look[detector] for look in looks[number :: len(values)]]
            rows.append({"detector": detector, "factor": factor, **summary(value, results)})
    return rows


def summary(value: float | str, results: list[dict]) -> dict:
    """One row of the table out of what a detector made of all people at one value."""
    count, found = len(results), sum(each["found"] for each in results)
    covered = np.mean([each["covered"] for each in results])
    recall = binomtest(found, count).proportion_ci(method="wilson")
    error, *spread = median_error([each["error"] for each in results if each["found"]])
    return {
        "value": round(float(covered), 2) if isinstance(value, str) else value,
        "label": str(value),
        "pictures": count,
        "recall": round(found / count, 4),
        "recall_low": round(recall.low, 4),
        "recall_high": round(recall.high, 4),
        "false_positives": round(np.mean([each["false_positives"] for each in results]), 4),
        **dict(zip(("nme", "nme_low", "nme_high"), (error, *spread), strict=True)),
        "milliseconds": round(np.median([each["milliseconds"] for each in results]), 1),
    }


def median_error(errors: list[float]) -> tuple:
    """Median and the 95 % interval of its bootstrap; empty cells for a handful of faces."""
    if len(errors) < FEWEST:
        return "", "", ""
    draws = np.random.default_rng(0).choice(errors, (2000, len(errors)))
    low, high = np.percentile(np.median(draws, axis=1), (2.5, 97.5))
    return round(np.median(errors), 4), round(low, 4), round(high, 4)


def read_rows() -> list[dict]:
    """The rows of the table as text, as they are written again; none before the first bench."""
    if not TABLE.is_file():
        return []
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(rows: list[dict]) -> None:
    """The whole table, factors in the order of VALUES."""
    rows = sorted(rows, key=lambda row: list(VALUES).index(row["factor"]))
    with replacing(TABLE) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def bench(factors: Iterable[str], people: int) -> None:
    """Measure the factors and put their rows into the table, one factor after another."""
    workers = min(os.cpu_count() or 1, 8)
    with ProcessPoolExecutor(workers, initializer=warm_up) as pool:
        for factor in factors:
            measured = measure(pool, factor, people)
            write_rows([row for row in read_rows() if row["factor"] != factor] + measured)


def report() -> None:
    """Make the report and its figures from the table; the conclusions stay as they were written."""
    table = tables.read_table("detectors")
    draw(table, "recall", "faces found, share", (-0.04, 1.04), ".png")
    draw(table, "nme", "error of the 68 points", (0, 0.45), "_error.png")
    lines = [*opening(table), *(line for each in VALUES for line in values(table, each))]
    written = REPORT.read_text(encoding="utf-8") if REPORT.is_file() else ""
    conclusions = written[written.find(CONCLUSIONS) :] if CONCLUSIONS in written else ""
    with replacing(REPORT) as draft:
        draft.write_text("\n".join(lines) + "\n\n" + conclusions, encoding="utf-8")


def opening(table: dict[str, np.ndarray]) -> list[str]:
    """The report down to the table of all pictures together."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, no GPU"
    lines = [HEAD.format(machine=machine)]
    lines += ["| detector | error, plain picture | false positives a picture | ms a picture |"]
    lines += ["|---|---|---|---|"]
    plain = (table["factor"] == "yaw") & (table["value"] == 0)
    for name in DETECTORS:
        rows = table["detector"] == name
        error = 100 * table["nme"][rows & plain].mean()
        wrong = np.average(table["false_positives"][rows], weights=table["pictures"][rows])
        milliseconds = np.median(table["milliseconds"][rows])
        lines.append(f"| {name} | {error:.1f} % | {wrong:.2f} | {milliseconds:.0f} |")
    return lines


def values(table: dict[str, np.ndarray], factor: str) -> list[str]:
    """One factor's table: faces found in percent, and the error of their points in brackets."""
    labels = [str(value) for value in VALUES[factor]]
    people = table["pictures"][table["factor"] == factor].max()
    lines = ["", f"{factor}, {UNITS[factor]}; {people:.0f} people:", ""]
    lines += [f"| | {' | '.join(labels)} |"]
    lines += ["|---" * (len(labels) + 1) + "|"]
    for name in DETECTORS:
        rows = (table["detector"] == name) & (table["factor"] == factor)
        pairs = zip(100 * table["recall"][rows], 100 * table["nme"][rows], strict=True)
        cells = [f"{found:.0f} ({error:.1f})".replace(" (nan)", "") for found, error in pairs]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def draw(
    table: dict[str, np.ndarray], column: str, title: str, limits: tuple[float, float], suffix: str
) -> None:
    """One panel a factor, one line a detector; bars are 95 % intervals."""
    plots.use_style()
    figure = Figure((13, 10))
    panels = figure.subplots(3, 3, sharey=True)
    for axes, factor in zip(panels.flat, VALUES, strict=True):
        for number, name in enumerate(DETECTORS):
            rows = (table["detector"] == name) & (table["factor"] == factor)
            middle = table[column][rows]
            below, above = (
                middle - table[f"{column}_low"][rows],
                table[f"{column}_high"][rows] - middle,
            )
            places = np.arange(len(middle)) + 0.12 * (number - 1.5)  # side by side, none hidden
            axes.errorbar(places, middle, (below, above), fmt=".-", elinewidth=1, label=name)
        ends = -0.4, len(VALUES[factor]) - 0.6
        axes.set(xlabel=f"{factor}: {UNITS[factor]}", xlim=ends, ylim=limits)
        named = {"rotation": 35, "ha": "right", "fontsize": 9} if factor == "occlusion" else {}
        axes.set_xticks(np.arange(len(VALUES[factor])), VALUES[factor], **named)
    for axes in panels[:, 0]:
        axes.set_ylabel(title)
    panels[0, 0].legend(fontsize=10)
    figure.savefig(REPORT.with_name(f"detectors{suffix}"), dpi=72)


def show(path: Path) -> None:
    """Write a picture of what the detectors are shown: a row for each factor."""
    seeds, columns = RESERVED_SEEDS["benchmark"], max(map(len, VALUES.values()))
    pictures, labels = [], []
    for row, (factor, values) in enumerate(VALUES.items()):
        shown = [photograph(seeds[row], Setting.of(factor, value)).image for value in values]
        blank = [np.full_like(shown[0], 255)] * (columns - len(shown))
        pictures += [cv2.resize(each, (160, 160)) for each in shown + blank]
        labels += [f"{factor} {value}" for value in values] + [""] * len(blank)
    write_image(path, grid(pictures, columns, labels))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=VALUES, metavar="FACTOR", help=", ".join(VALUES)
    )
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"how many ({PEOPLE})")
    parser.add_argument(
        "--show", type=Path, metavar="PICTURE", help="write this picture, measure nothing"
    )
    options = parser.parse_args()
    if options.show:
        return show(options.show)
    done = {row["factor"] for row in read_rows()}
    bench(options.only or [factor for factor in VALUES if factor not in done], options.people)
    if {row["factor"] for row in read_rows()} == set(VALUES):
        report()


if __name__ == "__main__":
    main()
