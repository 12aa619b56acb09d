"""Training a detector: crops of faces in, a model folder out.

It learns from labelled crops, or from real ones alone, which are blended into themselves while it
trains. Both kinds are moved, lit and worn at random, so that it cannot rest on one camera's file.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np

from deepfake_lesson.augment import random_light, random_wear
from deepfake_lesson.checkpoints import (
    START_ANEW,
    load_weights,
    read_config,
    save_half_model,
    write_config,
)
from deepfake_lesson.detection.crops import SCALE, FaceCrops, spread
from deepfake_lesson.detection.domain import Domain
from deepfake_lesson.detection.evaluation import auc
from deepfake_lesson.detection.self_blended import boundary, self_blended_pair
from deepfake_lesson.errors import LessonError, ModelError, check_choice, check_range
from deepfake_lesson.fitting import Limits, TrainingReport, check_step, fit, supervised
from deepfake_lesson.images import grid, to_float
from deepfake_lesson.models import keras
from deepfake_lesson.models.forensics import (
    BACKBONES,
    LEAST_SIZE,
    MESONETS,
    SIZE,
    build_backbone,
    build_mesonet,
    p_fake,
    with_boundary,
)

KIND = "detector"
NAME = "detector"  # of its weights
DATA = ("labelled", "self_blended")
DOMAIN = "domain.npz"
KNOWN = 512  # faces that say what the domain is
MEASURED = 256  # held-out faces that are scored every epoch
SHOWN = 8  # of them in a preview, real and fake
MOVED = 0.05  # of the side: how far crops are shifted, and of one by how much scaled


@dataclass(frozen=True)
class DetectorConfig:
    """All that decides what a detector learns.

    network: one of `MESONETS` or `BACKBONES`. size: pixels of a crop's side; 256 for a MesoNet.
    weights: with which a backbone begins, None (random) or "imagenet". data: "labelled" for real
    and fake crops, "self_blended" for real ones that are made fakes of. batch_size: crops in a
    step, half of them fake. learning_rate: of Adam; after decay_steps it is a half, after
    twice as many a third and so on, 0 keeps it. boundary: how much it counts to paint where a
    self-blended face was blended; 0 does without. flip: chance of a mirror image. light, wear:
    strength of `augment.random_light` and `random_wear`.
    """

    network: str = "meso4"
    size: int = SIZE
    weights: str | None = None
    data: str = "labelled"
    batch_size: int = 32
    learning_rate: float = 1e-3
    decay_steps: int = 0
    boundary: float = 0.0
    seed: int = 0
    flip: float = 0.5
    light: float = 0.3
    wear: float = 0.4

    def __post_init__(self) -> None:
        check_choice("network", self.network, (*MESONETS, *BACKBONES))
        check_choice("data", self.data, DATA)
        check_range("size", self.size, LEAST_SIZE, 1024)
        check_step(self.batch_size, self.learning_rate, usual_batch=32)
        if self.batch_size % 2:
            problem = "is odd, and half of a batch is fake"
            raise LessonError(f"batch_size {self.batch_size}", problem, "Give an even number.")
        for name in ("flip", "light", "wear"):
            check_range(name, getattr(self, name), 0, 1)
        check_range("decay_steps", self.decay_steps, 0, 1_000_000)
        check_range("boundary", self.boundary, 0, 10)
        if self.boundary and self.data != "self_blended":
            problem = "cannot be learnt from labelled fakes: nobody knows where theirs is"
            raise LessonError(
                f"boundary {self.boundary:g}", problem, "Give self_blended data, or 0."
            )
        if self.network in MESONETS and (self.size != SIZE or self.weights):
            problem = f"takes {SIZE} pixels and begins with random weights"
            raise LessonError(self.network, problem, "Take a backbone for others.")

    def build(self) -> keras.Model:
        """The network with the weights that it begins with."""
        if self.network in MESONETS:
            return build_mesonet(self.network, self.seed)
        return build_backbone(self.network, self.size, self.weights, self.seed)

    def trained(self, network: keras.Model) -> keras.Model:
        """What learns, and what a model folder holds: with a head for the boundary if wished."""
        return with_boundary(network) if self.boundary else network


@dataclass(frozen=True, eq=False)
class Detector:
    """A trained detector: what it is, whom it learnt from, and how strange other faces are to it.

    trained_on: in words, such as "studio people". domain: None where none was learnt.
    """

    config: DetectorConfig
    network: keras.Model
    trained_on: str
    domain: Domain | None = None

    def p_fake(self, crops: np.ndarray) -> np.ndarray:
        """How likely each face is made: (N,) float32; crops (N, size, size, 3) uint8."""
        return p_fake(self.network, to_float(crops))

    def features(self, crops: np.ndarray) -> np.ndarray:
        """What the last layer decides from: (N, D) float32."""
        batches = [crops[k : k + 32] for k in range(0, len(crops), 32)]
        return np.concatenate(
            [np.asarray(self._body.predict_on_batch(to_float(each))) for each in batches]
        )

    @cached_property
    def _body(self) -> keras.Model:
        return keras.Model(self.network.input, self.network.layers[-1].input)


def train_detector(
    crops: FaceCrops,
    held_out: FaceCrops,
    model_folder: str | Path,
    config: DetectorConfig = DetectorConfig(),
    steps: int | None = None,
    minutes: float | None = None,
    trained_on: str = "studio people",
    fresh: bool = False,
    progress: bool = True,
    checkpoint_seconds: float = 30.0,
    watch: Callable[[np.ndarray], None] | None = None,
) -> TrainingReport:
    """Train a detector, or go on with the one in the folder.

    Args:
        crops: to learn from; of "self_blended" data the real ones alone are looked at.
        held_out: other people's, for the scores in the history and for what is strange.
        model_folder: made, or trained on.
        steps: of the model in all. minutes: of this call. One of them is needed.
        trained_on: what the crops show, in words for reports.
        watch: is given every preview, to show it.

    Raises:
        LessonError: if real or fake crops are missing, or the two share a video.
        BusyError, ModelError, DiskFullError: as `fit`.
    """
    folder, limits = Path(model_folder), Limits(steps, minutes)
    crops, held_out = (_prepared(each, config) for each in (crops, held_out))
    shared = set(crops.videos) & set(held_out.videos)
    if shared:
        problem = f"are in both sets, such as {min(shared)}"
        raise LessonError("videos", problem, "Split by person, not by frame.")
    settings = {
        "training": asdict(config),
        "crop_scale": SCALE,
        "trained_on": trained_on,
        "crops": len(crops),
        "videos": len(set(crops.videos)),
    }
    if fresh:
        (folder / DOMAIN).unlink(missing_ok=True)
    network = config.build()
    trained = config.trained(network)
    optimizer = _optimizer(config)
    loss, weights = "binary_crossentropy", None
    if config.boundary:
        weights = {"p_fake": 1.0, "boundary": config.boundary}
        loss = dict.fromkeys(weights, loss)
    judged = judged_crops(held_out, config)
    report = fit(
        folder,
        KIND,
        settings,
        supervised(trained, optimizer, loss, NAME, weights),
        partial(detector_batch, crops=crops, config=config),
        limits,
        partial(preview_sheet, network, judged),
        fresh,
        checkpoint_seconds,
        progress,
        watch,
        epoch=max(20, len(crops) // config.batch_size),
        measure=partial(held_out_scores, network, judged),
    )
    _learn_domain(Detector(config, network, trained_on), crops, held_out).save(folder / DOMAIN)
    return report


def _optimizer(config: DetectorConfig) -> keras.optimizers.Optimizer:
    rate = config.learning_rate
    if config.decay_steps:
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, config.decay_steps, 1)
    return keras.optimizers.Adam(rate)


def load_detector(folder: str | Path) -> Detector:
    """The detector in a model folder; raises ModelError if it is missing or damaged."""
    folder = Path(folder)
    settings = read_config(folder, KIND)
    try:
        config = DetectorConfig(**settings["training"] | {"weights": None})
        trained_on = str(settings["trained_on"])
    except (KeyError, TypeError, LessonError) as error:
        problem = f"its settings are not those of a detector ({error})"
        raise ModelError(folder / "config.json", problem, START_ANEW) from error
    network = config.build()
    load_weights(folder, {NAME: config.trained(network)})
    domain = Domain.load(folder / DOMAIN) if (folder / DOMAIN).exists() else None
    return Detector(config, network, trained_on, domain)


def save_detector(detector: Detector, folder: str | Path) -> None:
    """Write a detector that `load_detector` reads, without what only going on needs: to be shipped.

    Raises DiskFullError, and LessonError for a folder that cannot be written.
    """
    folder, networks = Path(folder), {NAME: detector.network}
    config = replace(detector.config, boundary=0.0)  # its head has done its work
    settings = {"training": asdict(config), "crop_scale": SCALE}
    write_config(folder, KIND, settings | {"trained_on": detector.trained_on})
    save_half_model(folder, networks, networks)  # as they are: batch statistics need all digits
    if detector.domain is not None:
        detector.domain.save(folder / DOMAIN)


def detector_batch(
    step: int, crops: FaceCrops, config: DetectorConfig
) -> tuple[np.ndarray, np.ndarray | dict[str, np.ndarray]]:
    """Batch `step`: faces (batch_size, size, size, 3) float32 in [0, 1], labels (batch_size, 1).

    The first half is real. Of labelled fakes all makers are drawn equally often; a self-blended
    fake and its real half are moved, lit and worn alike. Where a boundary is wanted, the labels are
    {"p_fake": labels, "boundary": (batch_size, size, size, 1)}.
    """
    rng, half = np.random.default_rng((config.seed, step)), config.batch_size // 2
    draw = self_blended_draw if config.data == "self_blended" else labelled_draw
    pairs, masks = zip(*[draw(crops, rng, config) for _ in range(half)], strict=True)
    images = np.stack([image for side in zip(*pairs, strict=True) for image in side])
    labels = np.repeat([0.0, 1.0], half).astype(np.float32)[:, None]
    if not config.boundary:
        return images, labels
    seams = boundary(np.stack(masks))[..., None]
    return images, {"p_fake": labels, "boundary": np.concatenate([np.zeros_like(seams), seams])}


def self_blended_draw(crops: FaceCrops, rng: np.random.Generator, config: DetectorConfig) -> tuple:
    """A real face and the fake made of it; and its mask (size, size)."""
    k = rng.integers(len(crops))
    target, blended, mask = self_blended_pair(crops.images[k], crops.points[k], rng)
    matrix = _move(config, rng)
    pictures = [_moved(each, matrix) for each in (target, blended)]
    return _worn(pictures, rng, config), _moved(mask, matrix)


def labelled_draw(crops: FaceCrops, rng: np.random.Generator, config: DetectorConfig) -> tuple:
    """A real face and a fake, each of its own; first a maker is drawn, then one of its fakes.

    Where it is fake nobody knows, so there is no mask.
    """
    makers = [maker for maker in crops.rows_of if maker != "real"]
    pair = []
    for maker in ("real", makers[rng.integers(len(makers))]):
        rows = crops.rows_of[maker]
        picture = crops.images[rows[rng.integers(len(rows))]]
        pair += _worn([_moved(picture, _move(config, rng))], rng, config)
    return pair, None


def _move(config: DetectorConfig, rng: np.random.Generator) -> np.ndarray:
    size, middle = config.size, (config.size - 1) / 2
    zoom, shift = 1 + rng.uniform(-MOVED, MOVED), size * rng.uniform(-MOVED, MOVED, 2)
    matrix = np.array([[zoom, 0, middle - zoom * middle], [0, zoom, middle - zoom * middle]])
    matrix[:, 2] += shift
    if rng.random() < config.flip:
        matrix[0] = -matrix[0] + [0, 0, size - 1]
    return matrix


def _moved(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def _worn(
    pictures: list[np.ndarray], rng: np.random.Generator, config: DetectorConfig
) -> list[np.ndarray]:
    """Pictures (size, size, 3) uint8, all lit and worn alike: float32 in [0, 1]."""
    wear = int(rng.integers(2**32))
    lit = random_light(tuple(pictures), rng, config.light)
    worn = [random_wear(each, np.random.default_rng(wear), config.wear) for each in lit]
    return [np.clip(each, 0, 1).astype(np.float32) for each in worn]


# What is held out


def judged_crops(crops: FaceCrops, config: DetectorConfig, most: int = MEASURED) -> FaceCrops:
    """About `most` faces, evenly spread, half of them fake.

    Of "self_blended" data every real face stands beside a fake made of it.
    """
    real = crops.real.where(spread(len(crops.real), most // 2))
    if config.data == "labelled":
        fake = crops.where(crops.labels == 1)
        return real.joined(fake.where(spread(len(fake), most // 2)))
    rng, pairs = np.random.default_rng(config.seed), []
    for image, points in zip(real.images, real.points, strict=True):
        pairs.append(self_blended_pair(image, points, rng)[:2])
    targets, blended = (np.stack(side) for side in zip(*pairs, strict=True))
    fake = replace(
        real,
        images=blended,
        labels=np.ones_like(real.labels),
        videos=np.char.add(real.videos, " blended"),
        makers=np.full(len(real), "self_blended"),
    )
    return replace(real, images=targets).joined(fake)


def held_out_scores(network: keras.Model, judged: FaceCrops) -> dict[str, float]:
    """Frame AUC and share of right answers on what is held out."""
    scores = p_fake(network, to_float(judged.images))
    right = float(((scores > 0.5) == judged.labels).mean())
    return {"held_out_auc": auc(judged.labels, scores), "held_out_right": right}


def preview_sheet(network: keras.Model, judged: FaceCrops) -> np.ndarray:
    """Held-out faces, real above fake, each with its p_fake: RGB uint8."""
    rows = [judged.where(judged.labels == label) for label in (0, 1)]
    shown = [row.where(spread(len(row), SHOWN)) for row in rows]
    columns = min(map(len, shown))
    pictures = [image for row in shown for image in row.images[:columns]]
    scores = p_fake(network, to_float(np.stack(pictures)))
    kinds = ["real"] * columns + ["fake"] * columns
    words = [f"{kind}: {score:.2f}" for kind, score in zip(kinds, scores, strict=True)]
    return grid(pictures, columns, words)


def _learn_domain(detector: Detector, crops: FaceCrops, held_out: FaceCrops) -> Domain:
    known, others = (judged_crops(each, detector.config, KNOWN) for each in (crops, held_out))
    features = [detector.features(each.images) for each in (known, others)]
    return Domain.of(*features, others.videos)


def _prepared(crops: FaceCrops, config: DetectorConfig) -> FaceCrops:
    """The crops that the config speaks of, in its size."""
    crops = crops.real if config.data == "self_blended" else crops
    wanted = (0,) if config.data == "self_blended" else (0, 1)
    for label in wanted:
        if not (crops.labels == label).any():
            problem = f"hold no {('real', 'fake')[label]} face"
            raise LessonError("crops", problem, f"{config.data} data needs some.")
    return crops.resized(config.size)
