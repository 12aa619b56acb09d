"""Training first order motion: clips of many people in, a model folder out.

Two frames of one clip make an example: the first is the picture, the second what it shall become.
What the model learns is motion, not a person: trained on enough people it moves a face that it has
never seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from deepfake_lesson import presets
from deepfake_lesson.augment import random_light
from deepfake_lesson.checkpoints import (
    START_ANEW,
    Trainee,
    load_weights,
    read_config,
    save_half_model,
    write_config,
)
from deepfake_lesson.errors import LessonError, ModelError, check_choice
from deepfake_lesson.files import folder_lock
from deepfake_lesson.fitting import Limits, TrainingReport, check_step, fit, supervised
from deepfake_lesson.images import fit as resized
from deepfake_lesson.images import grid, to_float, to_uint8
from deepfake_lesson.models.first_order import FirstOrderConfig, FirstOrderModel, HourglassConfig
from deepfake_lesson.models.first_order_training import (
    FirstOrderLosses,
    FirstOrderTraining,
    build_discriminator,
    training_batch,
)
from deepfake_lesson.models.losses import vgg_features
from deepfake_lesson.people import Person
from deepfake_lesson.training import TrainingConfig, feature_network, make_optimizer

KIND = "first order motion"
WORKING_SIZE = 32  # pixels: what keypoint detector and dense motion see of a picture
HALVINGS = 4  # of these
BOTTLENECKS = 4  # residual blocks of the generator
FINE = 128  # pixels of pictures whose features are halved once, or detail is lost, and not twice
FEATURES = ("base", "vgg-19")
SMALLEST_FOR_VGG = 128  # pixels
SHOWN = 6  # clips in a preview
PREVIEW_ROWS = ("source", "driving", "moved", "painted")


@dataclass(frozen=True)
class MotionConfig:
    """All that decides what a model of motion learns.

    size: side of the pictures in pixels. batch_size: pairs of frames in a step. learning_rate: of
    Adam with beta_1 0.5. light: strength of `augment.random_light`, the same on both frames.
    features: one of FEATURES, who compares pictures: the package's base encoder, or the paper's
    VGG-19, which Keras fetches.
    """

    first_order: FirstOrderConfig = field(default_factory=FirstOrderConfig)
    losses: FirstOrderLosses = field(default_factory=FirstOrderLosses)
    size: int = 256
    batch_size: int = 8
    learning_rate: float = 2e-4
    light: float = 0.5
    features: str = "base"
    seed: int = 0

    def __post_init__(self):
        check_choice("features", self.features, FEATURES)
        check_step(self.batch_size, self.learning_rate, usual_batch=8)
        if self.size < WORKING_SIZE or self.size % WORKING_SIZE:
            problem = f"{self.size} is no multiple of {WORKING_SIZE}"
            raise LessonError("size", problem, "Take 64, 128 or 256.")
        if self.features == "vgg-19" and self.size < SMALLEST_FOR_VGG:
            problem = f"vgg-19 cannot look at pictures of {self.size} pixels at an eighth"
            raise LessonError("features", problem, f"Take {SMALLEST_FOR_VGG} pixels, or base.")

    @classmethod
    def from_preset(cls, preset: presets.Preset) -> "MotionConfig":
        chosen = preset.motion
        scale = WORKING_SIZE / chosen.size
        hourglass = HourglassConfig(chosen.filters, chosen.most_filters, HALVINGS, scale)
        networks = FirstOrderConfig(
            block_expansion=chosen.filters,
            max_features=chosen.most_filters,
            num_down_blocks=2 if chosen.size > FINE else 1,
            num_bottleneck_blocks=BOTTLENECKS,
            kp_detector=hourglass,
            dense_motion=hourglass,
            attention_mask=True,
        )
        return cls(networks, size=chosen.size)

    @classmethod
    def from_dict(cls, values: dict) -> "MotionConfig":
        """The opposite of `dataclasses.asdict`; raises TypeError for unknown names."""
        networks = dict(values["first_order"])
        for name in ("kp_detector", "dense_motion"):
            networks[name] = HourglassConfig(**networks[name])
        losses = FirstOrderLosses(**values["losses"])
        return cls(**values | {"first_order": FirstOrderConfig(**networks), "losses": losses})


def train_motion(
    clips: Sequence[np.ndarray],
    model_folder: str | Path,
    preset: str | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    held_out: Sequence[np.ndarray] = (),
    fresh: bool = False,
    progress: bool = True,
    config: MotionConfig | None = None,
    start: str | Path | None = None,
    checkpoint_seconds: float = 60.0,
    watch: Callable[[np.ndarray], None] | None = None,
    people: Sequence[Person] | None = None,
) -> TrainingReport:
    """Train on clips, each (N, size, size, 3) uint8 as from `clips.face_clip`, or go on.

    steps: of the model in all. minutes: of this call. Without both, the preset's. held_out: clips
    of other people for the previews; without them, the first clips. config: instead of the preset's
    network and rates. A model that goes on keeps the settings it began with. start: a model folder
    whose weights a new model begins with; it may have learnt on pictures of another size. people:
    all whose clips these are, so that a withdrawal finds the model, with those of `start` and of
    earlier calls; None leaves that unknown.

    Raises LessonError for no clips, or clips of another size or of a single frame, ModelError if
    the folder holds another network, and what `fit` raises.
    """
    chosen = presets.preset(preset)
    if steps is None and minutes is None:
        steps, minutes = chosen.motion.steps, chosen.motion.minutes
    folder, limits = Path(model_folder), Limits(steps, minutes)
    asked = config or (MotionConfig.from_preset(chosen) if preset else None)
    goes_on = not fresh and (folder / "config.json").exists()
    config = _going_on(folder, asked) if goes_on else asked or MotionConfig.from_preset(chosen)
    if not clips:
        raise LessonError("clips", "there is none", "Give at least one, see clips.face_clip.")
    for name, some in (("clips", clips), ("held_out", held_out)):
        _check(name, some, config.size)
    model = FirstOrderModel(config.first_order, config.seed, presets.compute_dtype())
    if start is not None and not goes_on:
        load_weights(start, model.networks)
    earlier = folder if goes_on else start
    settings = {"training": asdict(config)} | _learnt_from(people, earlier)
    if goes_on:
        with folder_lock(folder, "a training"):
            write_config(folder, KIND, settings)
    return fit(
        folder,
        KIND,
        settings,
        learner(model, config),
        partial(motion_batch, clips=clips, config=config),
        limits,
        partial(preview_sheet, model, *shown_pairs(held_out or clips)),
        fresh,
        checkpoint_seconds,
        progress,
        watch,
    )


def motion_batch(
    step: int, clips: Sequence[np.ndarray], config: MotionConfig
) -> tuple[list[np.ndarray], np.ndarray]:
    """Batch `step`: two frames of each of `batch_size` clips, as `training_batch` has it.

    Both frames are mirrored or not, and get the same other light.
    """
    rng = np.random.default_rng((config.seed, step))
    pairs = []
    for k in rng.integers(len(clips), size=config.batch_size):
        chosen = rng.choice(len(clips[k]), 2, replace=False)
        turned = clips[k][chosen, :, :: rng.choice([1, -1])]
        pairs.append(random_light(tuple(np.ascontiguousarray(turned)), rng, config.light))
    source, driving = (np.stack(frames) for frames in zip(*pairs, strict=True))
    return training_batch(source, driving, rng)


def learner(model: FirstOrderModel, config: MotionConfig) -> Trainee:
    """The model as `fit` trains it: a batch is that of `motion_batch`."""
    laptop = TrainingConfig.from_preset(presets.preset("laptop"))
    features = (
        vgg_features() if config.features == "vgg-19" else feature_network(laptop.autoencoder)
    )
    critic, models = None, model.networks
    if config.losses.gan:
        critic = build_discriminator(config.first_order.num_kp, seed=config.seed + 1)
        models = models | {"discriminator": critic}
    training = FirstOrderTraining(model, features, config.losses, critic)
    trainee = supervised(training, make_optimizer(config.learning_rate), None)
    return replace(trainee, models=models)


def shown_pairs(clips: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(sources, driving frames) of up to SHOWN clips: the first frame and the one least like it."""
    some = clips[:SHOWN]
    furthest = [int(np.abs(c.astype(float) - c[0]).mean(axis=(1, 2, 3)).argmax()) for c in some]
    frames = [clip[number] for clip, number in zip(some, furthest, strict=True)]
    return np.stack([clip[0] for clip in some]), np.stack(frames)


def preview_sheet(model: FirstOrderModel, sources: np.ndarray, driving: np.ndarray) -> np.ndarray:
    """What the model can do, RGB uint8: a column for every pair, rows as in PREVIEW_ROWS."""
    source, wanted = to_float(sources), to_float(driving)
    made = model.generate(source, model.keypoints(source), model.keypoints(wanted))
    deformed, painted = (to_uint8(np.asarray(made[name])) for name in ("deformed", "prediction"))
    rows = sources, driving, deformed, painted
    pictures = [resized(picture, 160) for row in rows for picture in row]
    nothing = [""] * (len(sources) - 1)
    return grid(
        pictures, len(sources), [text for name in PREVIEW_ROWS for text in (name, *nothing)]
    )


def load_motion(folder: str | Path) -> tuple[FirstOrderModel, MotionConfig]:
    """The model of motion in a folder; raises ModelError if it is missing or damaged."""
    config = _parsed(Path(folder))
    model = FirstOrderModel(config.first_order)
    load_weights(folder, model.networks)
    return model, config


def ship_motion(folder: str | Path, out: str | Path) -> None:
    """Write a copy of a model folder that is half as large and cannot be trained on: float16."""
    model, config = load_motion(folder)
    halves = FirstOrderModel(config.first_order, dtype="float16").networks
    write_config(Path(out), KIND, read_config(folder, KIND) | {"training": asdict(config)})
    save_half_model(Path(out), model.networks, halves)


def _going_on(folder: Path, asked: MotionConfig | None) -> MotionConfig:
    config = _parsed(folder)
    if asked and (asked.first_order, asked.size) != (config.first_order, config.size):
        raise ModelError(folder, "holds another network", "Add --fresh, or choose another folder.")
    return config


def _learnt_from(people: Sequence[Person] | None, earlier: str | Path | None) -> dict:
    """What config.json says of those whose clips a model has learnt from, now and earlier.

    people: now, None if nobody says. earlier: the folder of the model that goes on. In the answer
    `unnamed_people` is whether there may be others than `people`.
    """
    known = read_config(earlier, KIND) if earlier else {"people": []}
    named = known.get("people", []) + [{"name": p.name, "seed": p.seed} for p in people or ()]
    return {
        "people": [one for k, one in enumerate(named) if one not in named[:k]],
        "unnamed_people": people is None or known.get("unnamed_people", "people" not in known),
    }


def _parsed(folder: Path) -> MotionConfig:
    settings = read_config(folder, KIND)
    try:
        return MotionConfig.from_dict(settings["training"])
    except (KeyError, TypeError) as error:
        problem = f"its settings are not those of {KIND} ({error})"
        raise ModelError(folder / "config.json", problem, START_ANEW) from error


def _check(name: str, clips: Sequence[np.ndarray], size: int) -> None:
    for number, clip in enumerate(clips):
        if clip.ndim != 4 or clip.shape[1:] != (size, size, 3) or len(clip) < 2:
            problem = f"clip {number} is {clip.shape}, not (at least 2, {size}, {size}, 3)"
            raise LessonError(name, problem, f"Cut them with clips.face_clip(..., {size}).")
