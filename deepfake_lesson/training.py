"""Training the face swap: two people's faces in, a model folder out.

If the package brings base weights for the network, both decoders start from the base decoder, and
the encoder, which has seen many people and describes none of them, stays as it is up to its
bottleneck.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from deepfake_lesson import presets
from deepfake_lesson.augment import Augmentation, shrink, swap_batch
from deepfake_lesson.blending import face_mask
from deepfake_lesson.checkpoints import (
    START_ANEW,
    Trainee,
    explained,
    load_weights,
    read_config,
    save_half_weights,
    write_config,
)
from deepfake_lesson.dataset import load_faces, person_embedding
from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.fitting import Limits, TrainingReport, check_step, fit, supervised
from deepfake_lesson.images import fit as resized
from deepfake_lesson.images import grid, label_picture, to_uint8
from deepfake_lesson.landmarks import (
    ALIGNED_SIZE,
    MEAN_FACE,
    interocular,
    model_matrix,
    transform_points,
    warp,
)
from deepfake_lesson.models import keras
from deepfake_lesson.models.autoencoder import (
    PEOPLE,
    AutoencoderConfig,
    build_autoencoder,
    build_decoder,
    build_encoder,
    paint_faces,
)
from deepfake_lesson.models.critics import CriticizedAutoencoder, build_critics
from deepfake_lesson.models.losses import painting_loss
from deepfake_lesson.people import Person, open_person

KIND = "face swap"
WEIGHTS = Path(__file__).parent / "weights"
# A base encoder has met turned, shifted and other people's faces; decoders need little of that.
GENTLE = Augmentation(rotation=3, zoom=0.02, shift=0.015, flip=0.0, warp=1.0)
# What a base decoder knows of light and place in a studio is worth more than the last detail of
# two clips. Real faces lie so far from it that they need the full rate to the end.
STUDIO_DECAY = 30
ACTING = (*range(17, 27), *range(36, 68))  # landmarks of what acts: brows, eyes, mouth
FEATURE_MAPS = 3  # of the base encoder, in the perceptual loss
PREVIEW_FACES = 4
PREVIEW_COLUMNS = ("a", "a by a", "a as b", "b", "b by b", "b as a")


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides what a face swap model learns.

    batch_size: pictures of each person in a step. learning_rate: of Adam with beta_1 0.5; from
    1e-3 on it diverges. decay_steps: after so many steps the learning rate is a half of the first,
    after twice as many a third, and so on; 0: it stays. from_base: start from the package's base
    weights where there are some, and then freeze_encoder: train only what follows its bottleneck.
    features: how much brows, eyes and mouth count beside skin, and outside what is no face: hair
    and rooms cannot be guessed from another's face, see `face_weights`. dssim: how much structure
    counts beside colour, and perceptual how much features of the base encoder, see
    `painting_loss`. gan: how much a critic counts, see `models.critics`. augmentation: how the
    faces are varied.
    """

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    batch_size: int = 64
    learning_rate: float = 5e-5
    decay_steps: int = 0
    seed: int = 0
    from_base: bool = True
    freeze_encoder: bool = True
    features: float = 4.0
    outside: float = 0.15
    dssim: float = 0.5
    perceptual: float = 0.0
    gan: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self):
        check_step(self.batch_size, self.learning_rate, usual_batch=16)
        if self.decay_steps < 0:
            raise LessonError("decay_steps", f"{self.decay_steps} is below 0", "0: no decay.")

    @classmethod
    def from_preset(cls, preset: presets.Preset, domain: str = "synthetic") -> "TrainingConfig":
        """domain: "synthetic" if both people are from the studio, else "real"."""
        autoencoder = AutoencoderConfig(preset.size, preset.width, preset.upscale)
        has_base = base_weights(autoencoder) is not None
        return cls(
            autoencoder,
            preset.batch_size,
            preset.learning_rate,
            decay_steps=STUDIO_DECAY if has_base and domain == "synthetic" else 0,
            from_base=has_base,
            augmentation=GENTLE if has_base else Augmentation(),
        )

    @classmethod
    def from_dict(cls, values: dict) -> "TrainingConfig":
        """The opposite of `dataclasses.asdict`; raises TypeError for unknown names."""
        autoencoder = AutoencoderConfig(**values["autoencoder"])
        augmentation = Augmentation(**values["augmentation"])
        return cls(**values | {"autoencoder": autoencoder, "augmentation": augmentation})


@dataclass(frozen=True, eq=False)
class Identity:
    """Whom a model can paint.

    embedding: mean face embedding (128,) float64, None if no face could be described. threshold:
    embedding distance up to which a face is this person's. seed: of a studio person.
    """

    name: str
    domain: str
    threshold: float
    seed: int | None
    embedding: np.ndarray | None

    @classmethod
    def of(cls, person: Person, embedding: np.ndarray | None = None) -> "Identity":
        """embedding: if it is known; else that of the extracted faces."""
        if embedding is None:
            embedding = person_embedding(person)
        return cls(person.name, person.domain, person.threshold, person.seed, embedding)

    def to_dict(self) -> dict:
        embedding = None if self.embedding is None else self.embedding.tolist()
        return self.__dict__ | {"embedding": embedding}

    @classmethod
    def from_dict(cls, values: dict) -> "Identity":
        embedding = values["embedding"]
        return cls(**values | {"embedding": None if embedding is None else np.array(embedding)})


@dataclass(frozen=True, eq=False)
class SwapModel:
    """A trained face swap: the network and the two people it knows, "a" and "b"."""

    config: AutoencoderConfig
    autoencoder: keras.Model
    identities: dict[str, Identity]

    @property
    def size(self) -> int:
        return self.config.size

    def predict(self, faces: np.ndarray, to: str = "b") -> np.ndarray:
        """Model crops (N, size, size, 3), uint8 or float32 [0, 1], as `to`: float32 in [0, 1]."""
        return paint_faces(self.autoencoder, faces, to)


def train(
    person_a: Person | str | Path,
    person_b: Person | str | Path,
    model_folder: str | Path,
    preset: str | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    fresh: bool = False,
    progress: bool = True,
    config: TrainingConfig | None = None,
    checkpoint_seconds: float = 30.0,
    watch: Callable[[np.ndarray], None] | None = None,
) -> TrainingReport:
    """Train a face swap between two people, or go on with the one in the folder.

    steps: of the model in all. minutes: of this call. Without both, the preset's. A model that goes
    on keeps the settings it began with. config: instead of the preset's network and rates. watch:
    is given every preview, to show it.

    Raises ConsentError, NoFaceError, and what `fit` raises.
    """
    people = [_opened(person_a), _opened(person_b)]
    if people[0].folder.resolve() == people[1].folder.resolve():
        raise LessonError(people[0].folder, "is given twice", "Name two different people.")
    chosen = presets.preset(preset)
    if steps is None and minutes is None:
        steps, minutes = chosen.steps, chosen.minutes
    limits = Limits(steps, minutes)
    domain = "real" if any(person.domain == "real" for person in people) else "synthetic"
    usual = TrainingConfig.from_preset(chosen, domain)
    asked = config or (usual if preset else None)
    settings = _settings(Path(model_folder), people, asked, usual, fresh)
    config = TrainingConfig.from_dict(settings["training"])
    faces = [load_faces(person) for person in people]
    autoencoder = starting_network(config)
    size = config.autoencoder.size
    make_batch = partial(
        weighted_batch,
        people=tuple(shrink(faces_of_one, size) for faces_of_one in faces),
        config=config,
        weights=face_weights(size, config.features, config.outside),
    )
    return fit(
        model_folder,
        KIND,
        settings,
        learner(autoencoder, config),
        make_batch,
        limits,
        partial(preview_sheet, autoencoder, [_some_crops(one, size) for one in faces]),
        fresh,
        checkpoint_seconds,
        progress,
        watch,
    )


def learner(autoencoder: keras.Model, config: TrainingConfig) -> Trainee:
    """The autoencoder as `fit` trains it: a batch is that of `weighted_batch`."""
    optimizer, features = make_optimizer(config.learning_rate, config.decay_steps), None
    if config.perceptual:
        features = feature_network(config.autoencoder)
    loss = painting_loss(config.dssim, config.perceptual, features)
    if not config.gan:
        return supervised(autoencoder, optimizer, 2 * [loss], "autoencoder", [0.5, 0.5])
    critics = build_critics(config.autoencoder, config.seed, presets.compute_dtype())
    both = CriticizedAutoencoder(autoencoder, critics, loss, config.gan)
    trainee = supervised(both, optimizer, None)
    names = {f"critic_{who}": critic for who, critic in critics.items()}
    return replace(trainee, models={"autoencoder": autoencoder} | names)


def feature_network(config: AutoencoderConfig) -> keras.Model:
    """Pictures of any size to the maps of the base encoder's first three convolutions.

    Raises LessonError if there is no base for this network, ModelError if it is damaged.
    """
    folder = base_weights(config)
    if folder is None:
        problem = f"no base weights come with the package for {config}"
        raise LessonError("perceptual", problem, "Set it to 0, or take a preset's network.")
    encoder = build_encoder(config, dtype=presets.compute_dtype())
    with explained(folder / "encoder.weights.h5"):
        encoder.load_weights(folder / "encoder.weights.h5")
    x = pictures = keras.Input((None, None, 3))
    maps = []
    for layer in encoder.layers[1 : 1 + 2 * FEATURE_MAPS]:  # convolution and LeakyReLU in turn
        x = layer(x)
        if isinstance(layer, keras.layers.LeakyReLU):
            maps.append(x)
    network = keras.Model(pictures, maps, name="features")
    network.trainable = False
    return network


def weighted_batch(
    step: int, people: tuple[np.ndarray, ...], config: TrainingConfig, weights: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Batch number `step` of `swap_batch`, and for each output weights (batch, size, size)."""
    size, batch_size = config.autoencoder.size, config.batch_size
    inputs, targets = swap_batch(step, people, size, batch_size, config.seed, config.augmentation)
    return inputs, targets, [np.stack([weights] * batch_size)] * len(inputs)


def face_weights(size: int, features: float, outside: float) -> np.ndarray:
    """How much each pixel of a model crop counts in the loss: (size, size) float32 of mean 1.

    On the mean face: `features` for brows, eyes and mouth, 1 for skin, `outside` beyond. Eyes and
    mouth are small, and a plain mean would rather have smooth cheeks than an open eye.
    """
    points = transform_points(MEAN_FACE * ALIGNED_SIZE - 0.5, model_matrix(size))
    inside = face_mask(points, (size, size), "facehull", erosion=-6, feather=10)
    weights = outside + (1 - outside) * inside + (features - 1) * acting_map(points, size)
    return (weights / weights.mean()).astype(np.float32)


def acting_map(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Where brows, eyes and mouth are: (size, size) float32, 1 there, 0 elsewhere, soft between.

    landmarks: (68, 2) in pixels of that picture.
    """
    spots, unit = np.zeros((size, size), np.float32), interocular(landmarks)
    for x, y in landmarks[list(ACTING)]:
        cv2.circle(spots, (round(x), round(y)), max(1, round(0.095 * unit)), 1.0, -1)
    return cv2.GaussianBlur(spots, (0, 0), max(0.5, 0.038 * unit))


def starting_network(config: TrainingConfig) -> keras.Model:
    """The autoencoder of a new model in this machine's compute dtype, frozen as the config says."""
    autoencoder = build_autoencoder(config.autoencoder, config.seed, presets.compute_dtype())
    base = base_weights(config.autoencoder)
    if config.from_base and base:
        load_base_weights(base, autoencoder)
    if config.from_base and config.freeze_encoder:
        freeze_to_bottleneck(autoencoder.get_layer("encoder"))
    return autoencoder


def freeze_to_bottleneck(encoder: keras.Model) -> None:
    """Leave what reads a face as it is, and train what spreads the code out again.

    The bottleneck is the first dense layer. Its numbers say nothing of who it is; what comes after
    cannot bring that back, and may learn where the features of these two people lie.
    """
    for layer in encoder.layers:
        layer.trainable = False
        if isinstance(layer, keras.layers.Dense):
            return


def make_optimizer(learning_rate: float, decay_steps: int = 0) -> keras.optimizers.Optimizer:
    """Adam with beta_1 0.5, as in the classic recipe; under float16 it scales the loss."""
    if decay_steps:
        learning_rate = keras.optimizers.schedules.InverseTimeDecay(learning_rate, decay_steps, 1)
    adam = keras.optimizers.Adam(learning_rate, beta_1=0.5)
    if presets.compute_dtype() == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(adam)
    return adam


def load_model(folder: str | Path) -> SwapModel:
    """The face swap in a model folder; raises ModelError if it is missing or damaged."""
    settings = read_config(folder, KIND)
    config, identities = _parsed(folder, settings)
    autoencoder = build_autoencoder(config.autoencoder)
    load_weights(folder, {"autoencoder": autoencoder})
    return SwapModel(config.autoencoder, autoencoder, identities)


def preview_sheet(autoencoder: keras.Model, crops: Sequence[np.ndarray]) -> np.ndarray:
    """What the model can do, RGB uint8: a row for every face, columns as in PREVIEW_COLUMNS.

    crops: model crops (N, size, size, 3) uint8 of a and of b, as many of each.
    """
    columns = []
    for own, other, faces in zip(PEOPLE, reversed(PEOPLE), crops, strict=True):
        columns += [faces, paint_faces(autoencoder, faces, own)]
        columns += [paint_faces(autoencoder, faces, other)]
    side = max(128, crops[0].shape[1])
    pictures = [resized(to_uint8(p), side) for row in zip(*columns, strict=True) for p in row]
    nothing = np.empty((0, side, 3), np.uint8)
    titles = grid([label_picture(nothing, name) for name in PREVIEW_COLUMNS], len(columns))
    return np.concatenate([titles, grid(pictures, len(columns))])


def base_weights(config: AutoencoderConfig) -> Path | None:
    """The folder of the weights that the package brings for this network, if it brings some."""
    folder = _base_folder(WEIGHTS, config)
    return folder if (folder / "config.json").is_file() else None


def save_base_weights(
    weights: Path, config: AutoencoderConfig, encoder: keras.Model, decoder: keras.Model
) -> Path:
    """Write base weights under `weights`, as float16 to halve their size; returns their folder.

    encoder and decoder are those of `models.autoencoder` for this config.
    """
    folder = _base_folder(weights, config)
    for name, part, build in (
        ("encoder", encoder, build_encoder),
        ("decoder", decoder, build_decoder),
    ):
        save_half_weights(folder / f"{name}.weights.h5", part, build(config, dtype="float16"))
    write_config(folder, "base", asdict(config))
    return folder


def load_base_weights(folder: Path, autoencoder: keras.Model) -> None:
    """Base encoder and, into both decoders, base decoder; raises ModelError if they are damaged."""
    for part, name in (("encoder",) * 2, *((f"decoder_{who}", "decoder") for who in PEOPLE)):
        path = folder / f"{name}.weights.h5"
        with explained(path):
            autoencoder.get_layer(part).load_weights(path)


def _base_folder(weights: Path, config: AutoencoderConfig) -> Path:
    return weights / f"base_{config.size}_{config.width:g}_{config.upscale}"


def _opened(person: Person | str | Path) -> Person:
    return person if isinstance(person, Person) else open_person(person)


def _settings(
    folder: Path,
    people: list[Person],
    asked: TrainingConfig | None,
    usual: TrainingConfig,
    fresh: bool,
) -> dict:
    """What config.json says: as it was if a model goes on, and made now for a new one."""
    if fresh or not (folder / "config.json").exists():
        config = asked or usual
        has_base = base_weights(config.autoencoder) is not None
        config = replace(config, from_base=config.from_base and has_base)
        identities = {
            who: Identity.of(person).to_dict() for who, person in zip(PEOPLE, people, strict=True)
        }
        return {"training": asdict(config), "people": identities}
    settings = read_config(folder, KIND)
    config, identities = _parsed(folder, settings)
    remedy = "Add --fresh, or choose another folder."
    known, wanted = [identities[who].name for who in PEOPLE], [person.name for person in people]
    if known != wanted:
        problem = f"was trained on {' and '.join(known)}, not {' and '.join(wanted)}"
        raise ModelError(folder, problem, remedy)
    if asked and asked.autoencoder != config.autoencoder:
        raise ModelError(folder, f"holds another network ({config.autoencoder})", remedy)
    return settings


def _parsed(folder: str | Path, settings: dict) -> tuple[TrainingConfig, dict[str, Identity]]:
    try:
        config = TrainingConfig.from_dict(settings["training"])
        return config, {who: Identity.from_dict(settings["people"][who]) for who in PEOPLE}
    except (KeyError, TypeError, AttributeError) as error:
        problem = f"its settings are not those of a face swap ({error})"
        raise ModelError(Path(folder) / "config.json", problem, START_ANEW) from error


def _some_crops(faces: np.ndarray, size: int) -> np.ndarray:
    """PREVIEW_FACES model crops, evenly spaced over the aligned faces."""
    chosen = np.linspace(0, len(faces) - 1, PREVIEW_FACES).round().astype(int)
    return np.stack([warp(face, model_matrix(size), size) for face in faces[chosen]])
