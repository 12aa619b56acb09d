"""Training a re-enactment: one person's pairs in, a model folder out.

The network learns one person's looks from drawings of that person's landmarks. If the package
brings base weights for the network it starts from those, which have seen how drawings become faces.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from deepfake_lesson import presets
from deepfake_lesson.checkpoints import (
    START_ANEW,
    Trainee,
    explained,
    load_weights,
    read_config,
    save_half_weights,
    write_config,
)
from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.fitting import Limits, TrainingReport, check_step, fit, supervised
from deepfake_lesson.identity import embed, mean_embedding
from deepfake_lesson.images import fit as resized
from deepfake_lesson.images import grid
from deepfake_lesson.landmarks import head_outline
from deepfake_lesson.models import keras
from deepfake_lesson.models.pix2pix import (
    Pix2pix,
    Pix2pixConfig,
    build_discriminator,
    build_generator,
    to_network,
    to_picture,
)
from deepfake_lesson.people import Person, open_person
from deepfake_lesson.reenactment.conditions import Square, draw_condition
from deepfake_lesson.reenactment.evaluation import reconstruction_scores
from deepfake_lesson.reenactment.pairs import Pairs, flip_pair, load_pairs
from deepfake_lesson.training import WEIGHTS, Identity, acting_map, make_optimizer

KIND = "re-enactment"
MEASURED = 12  # held-out pairs that are measured every epoch, evenly spread
SHOWN = 6  # of them in a preview
# Beside an L1 of 100: less of the paper's adversarial loss, and structure instead.
GAN, DSSIM = 0.1, 50.0
FEATURES = 3.0  # times as much as elsewhere: what goes wrong in eyes and mouth
EMBEDDED = 16  # pictures that say who the target is
PREVIEW_ROWS = ("drawing", "painted", "photograph")
BASE_BUILDERS = {"generator": build_generator, "discriminator": build_discriminator}


@dataclass(frozen=True)
class ReenactmentConfig:
    """All that decides what a re-enactment model learns.

    batch_size: pairs in a step. learning_rate: of Adam with beta_1 0.5. from_base: start from the
    package's base weights where there are some. flip: chance that a pair is mirrored; it helps
    where the background is plain, and blurs one that is not. shake: standard deviation, in shares
    of the side, of noise on the landmarks, for a detector's points tremble. thickness: of lines, in
    pixels of a 256 pixel drawing. pupils, outline: whether pupils and the head's outline are drawn.
    features: how much brows, eyes and mouth count beside the rest. held_out: share of the pairs.
    """

    pix2pix: Pix2pixConfig = field(default_factory=Pix2pixConfig)
    batch_size: int = 1
    learning_rate: float = 2e-4
    seed: int = 0
    from_base: bool = True
    flip: float = 0.0
    shake: float = 0.002
    thickness: float = 2.0
    pupils: bool = True
    outline: bool = False
    features: float = 1.0
    held_out: float = 0.15

    def __post_init__(self):
        check_step(self.batch_size, self.learning_rate, usual_batch=1)
        if not 0 < self.held_out <= 0.5:
            raise LessonError("held_out", f"{self.held_out} is not in 0..0.5", "Try 0.15.")

    @classmethod
    def from_preset(cls, preset: presets.Preset) -> "ReenactmentConfig":
        chosen = preset.reenactment
        networks = Pix2pixConfig(
            chosen.size,
            chosen.filters,
            critic_filters=chosen.critic_filters,
            gan=GAN,
            dssim=DSSIM,
        )
        return cls(networks, features=FEATURES)

    @classmethod
    def from_dict(cls, values: dict) -> "ReenactmentConfig":
        """The opposite of `dataclasses.asdict`; raises TypeError for unknown names."""
        return cls(**values | {"pix2pix": Pix2pixConfig(**values["pix2pix"])})

    def draw(self, landmarks: np.ndarray, pupils: np.ndarray) -> np.ndarray:
        """The drawing (size, size, 3) uint8 of landmarks (68, 2), pupils (2, 2) in its pixels."""
        size = self.pix2pix.size
        thickness = max(1, round(self.thickness * size / 256))
        outline = head_outline(landmarks) if self.outline else None
        return draw_condition(landmarks, size, thickness, pupils if self.pupils else None, outline)


@dataclass(frozen=True, eq=False)
class ReenactmentModel:
    """A trained re-enactment: the generator and the person it paints.

    target: who that is. target_mean: (68, 2) float32, the target's mean shape in the network's
    pixels. framing, square, recipe: how the target's first clip was cut and made, as in `Pairs`.
    """

    config: ReenactmentConfig
    generator: keras.Model
    target: Identity
    target_mean: np.ndarray
    framing: str
    square: Square
    recipe: dict | None

    @property
    def size(self) -> int:
        return self.config.pix2pix.size

    def draw(self, landmarks: np.ndarray, pupils: np.ndarray) -> np.ndarray:
        """What the network is shown for landmarks (68, 2) and pupils (2, 2) in its pixels."""
        return self.config.draw(landmarks, pupils)

    def predict(self, drawings: np.ndarray) -> np.ndarray:
        """Drawings (N, size, size, 3) uint8 to pictures of the target, (N, size, size, 3) uint8."""
        return paint(self.generator, drawings)


def train_reenactment(
    person: Person | str | Path,
    model_folder: str | Path,
    preset: str | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    fresh: bool = False,
    progress: bool = True,
    config: ReenactmentConfig | None = None,
    checkpoint_seconds: float = 30.0,
    watch: Callable[[np.ndarray], None] | None = None,
) -> TrainingReport:
    """Train a re-enactment of a person with pairs, or go on with the one in the folder.

    The last stretch of time is held out; its scores (`evaluation.reconstruction_scores`) stand in
    the history for every epoch. steps: of the model in all. minutes: of this call. Without both,
    the preset's. config: instead of the preset's network and rates. A model that goes on keeps the
    settings it began with. watch: is given every preview, to show it.

    Raises ConsentError, LessonError if there are too few pairs, and what `fit` raises.
    """
    person = person if isinstance(person, Person) else open_person(person)
    chosen = presets.preset(preset)
    if steps is None and minutes is None:
        steps, minutes = chosen.reenactment.steps, chosen.reenactment.minutes
    limits = Limits(steps, minutes)
    asked = config or (ReenactmentConfig.from_preset(chosen) if preset else None)
    pairs = load_pairs(person)
    settings = _settings(Path(model_folder), person, pairs, asked, chosen, fresh)
    config = ReenactmentConfig.from_dict(settings["training"])
    learnt, held_out = pairs.resized(config.pix2pix.size).split(config.held_out)
    held_out = held_out.some(MEASURED)
    model = starting_model(config)
    return fit(
        model_folder,
        KIND,
        settings,
        adversarial(model, config),
        partial(pair_batch, pairs=learnt, config=config),
        limits,
        partial(preview_sheet, model.generator, held_out.some(SHOWN), config),
        fresh,
        checkpoint_seconds,
        progress,
        watch,
        epoch=max(1, len(learnt) // config.batch_size),
        measure=partial(measure, model.generator, held_out, config),
    )


def pair_batch(
    step: int, pairs: Pairs, config: ReenactmentConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Batch `step`: drawings and photographs, (batch_size, size, size, 3) float32 in [-1, 1].

    And how much their pixels count, (batch_size, size, size) float32 of mean 1.
    """
    rng, size = np.random.default_rng((config.seed, step)), config.pix2pix.size
    drawings, images, weights = [], [], []
    for k in rng.integers(len(pairs), size=config.batch_size):
        pair = pairs.images[k], pairs.landmarks[k], pairs.pupils[k]
        image, landmarks, pupils = flip_pair(*pair) if rng.random() < config.flip else pair
        shaken = landmarks + rng.normal(0, config.shake * size, landmarks.shape)
        drawings.append(config.draw(shaken, pupils))
        images.append(image)
        weight = 1 + (config.features - 1) * acting_map(landmarks, size)
        weights.append(weight / weight.mean())
    return to_network(np.stack(drawings)), to_network(np.stack(images)), np.stack(weights)


def starting_model(config: ReenactmentConfig) -> Pix2pix:
    """Generator and discriminator of a new model in this machine's compute dtype."""
    model = Pix2pix(config.pix2pix, config.seed, presets.compute_dtype())
    base = base_weights(config.pix2pix)
    if config.from_base and base:
        critic_filters = read_config(base, "base")["critic_filters"]
        for name, network in model.networks.items():
            path = base / f"{name}.weights.h5"
            fits = name == "generator" or critic_filters == config.pix2pix.critic_filters
            if fits and path.exists():  # a base may have been made without a discriminator
                with explained(path):
                    network.load_weights(path)
    return model


def adversarial(model: Pix2pix, config: ReenactmentConfig) -> Trainee:
    """The model as `fit` trains it: a batch is drawings, photographs and the pixels' weights."""
    trainee = supervised(model, make_optimizer(config.learning_rate), None)
    return replace(trainee, models=model.networks)


def load_reenactment(folder: str | Path) -> ReenactmentModel:
    """The re-enactment in a model folder; raises ModelError if it is missing or damaged."""
    model = _parsed(folder, read_config(folder, KIND))
    load_weights(folder, {"generator": model.generator})
    return model


def load_networks(folder: str | Path, config: ReenactmentConfig) -> Pix2pix:
    """Both networks of a model folder, to be trained on; raises ModelError as `load_weights`."""
    model = Pix2pix(config.pix2pix)
    load_weights(folder, model.networks)
    return model


def paint(generator: keras.Model, drawings: np.ndarray) -> np.ndarray:
    """Drawings (N, size, size, 3) uint8 through a generator, eight at a time: pictures uint8."""
    batches = [drawings[start : start + 8] for start in range(0, len(drawings), 8)]
    painted = [generator.predict_on_batch(to_network(batch)) for batch in batches]
    return to_picture(np.concatenate(painted))


def drawn(pairs: Pairs, config: ReenactmentConfig) -> np.ndarray:
    """The drawings of all pairs, (N, size, size, 3) uint8."""
    both = zip(pairs.landmarks, pairs.pupils, strict=True)
    return np.stack([config.draw(landmarks, pupils) for landmarks, pupils in both])


def measure(generator: keras.Model, pairs: Pairs, config: ReenactmentConfig) -> dict[str, float]:
    """Scores on pairs that are not learnt from, as `reconstruction_scores` names them."""
    painted = paint(generator, drawn(pairs, config))
    return reconstruction_scores(painted, pairs.images, pairs.landmarks)


def preview_sheet(generator: keras.Model, pairs: Pairs, config: ReenactmentConfig) -> np.ndarray:
    """What the model can do, RGB uint8: a column for every pair, rows as in PREVIEW_ROWS."""
    drawings = drawn(pairs, config)
    rows = drawings, paint(generator, drawings), pairs.images
    pictures = [resized(picture, 192) for row in rows for picture in row]
    nothing = [""] * (len(pairs) - 1)
    return grid(pictures, len(pairs), [text for name in PREVIEW_ROWS for text in (name, *nothing)])


def base_weights(config: Pix2pixConfig) -> Path | None:
    """The folder of the weights that the package brings for this network, if it brings some."""
    folder = _base_folder(WEIGHTS, config)
    return folder if (folder / "config.json").is_file() else None


def save_base_weights(weights: Path, model: Pix2pix) -> Path:
    """Write a model as base weights under `weights`; returns their folder."""
    folder = _base_folder(weights, model.config)
    for name, part in model.networks.items():
        half = BASE_BUILDERS[name](model.config, dtype="float16")
        save_half_weights(folder / f"{name}.weights.h5", part, half)
    write_config(folder, "base", asdict(model.config))
    return folder


def _base_folder(weights: Path, config: Pix2pixConfig) -> Path:
    return weights / f"pix2pix_{config.size}_{config.filters}_{config.upscale}"


def _settings(
    folder: Path,
    person: Person,
    pairs: Pairs,
    asked: ReenactmentConfig | None,
    chosen: presets.Preset,
    fresh: bool,
) -> dict:
    """What config.json says: as it was if a model goes on, and made now for a new one."""
    if not fresh and (folder / "config.json").exists():
        return _resumed(folder, person, pairs, asked)
    config = asked or ReenactmentConfig.from_preset(chosen)
    has_base = base_weights(config.pix2pix) is not None
    return {
        "training": asdict(replace(config, from_base=config.from_base and has_base)),
        "target": Identity.of(person, _embedding(pairs)).to_dict(),
        "target_mean": pairs.resized(config.pix2pix.size).mean.tolist(),
        "framing": pairs.framing,
        "square": asdict(pairs.square),
        "recipe": pairs.recipe,
    }


def _resumed(folder: Path, person: Person, pairs: Pairs, asked: ReenactmentConfig | None) -> dict:
    """What config.json says, if it is the same person, framing and network."""
    settings = read_config(folder, KIND)
    known, remedy = _parsed(folder, settings), "Add --fresh, or choose another folder."
    if known.target.name != person.name:
        problem = f"was trained on {known.target.name}, not {person.name}"
        raise ModelError(folder, problem, remedy)
    if (known.framing, known.square) != (pairs.framing, pairs.square):
        raise ModelError(folder, "was trained on pairs that were cut in another way", remedy)
    if asked and asked.pix2pix != known.config.pix2pix:
        raise ModelError(folder, f"holds another network ({known.config.pix2pix})", remedy)
    return settings


def _parsed(folder: str | Path, settings: dict) -> ReenactmentModel:
    """The model that config.json describes, before its weights are read."""
    try:
        config = ReenactmentConfig.from_dict(settings["training"])
        return ReenactmentModel(
            config,
            build_generator(config.pix2pix),
            Identity.from_dict(settings["target"]),
            np.array(settings["target_mean"], np.float32),
            settings["framing"],
            Square(**settings["square"]),
            settings["recipe"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        problem = f"its settings are not those of a re-enactment ({error})"
        raise ModelError(Path(folder) / "config.json", problem, START_ANEW) from error


def _embedding(pairs: Pairs) -> np.ndarray:
    """(128,) mean embedding of the person in the pictures."""
    known = pairs.some(EMBEDDED)
    both = zip(known.images, known.landmarks, strict=True)
    return mean_embedding([embed(image, landmarks) for image, landmarks in both])
