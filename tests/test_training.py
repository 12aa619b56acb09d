"""Training the face swap: what the model folder holds, how it goes on, and the base weights."""

import json
import shutil
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest

from deepfake_lesson import presets, training
from deepfake_lesson.dataset import person_embedding
from deepfake_lesson.errors import ConsentError, LessonError, ModelError
from deepfake_lesson.fitting import Limits, supervised
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.landmarks import MEAN_FACE
from deepfake_lesson.models.autoencoder import (
    AutoencoderConfig,
    build_autoencoder,
    build_decoder,
    build_encoder,
)
from deepfake_lesson.people import Alignment, Person, append_alignments, create_person
from deepfake_lesson.training import (
    TrainingConfig,
    base_weights,
    load_base_weights,
    load_model,
    make_optimizer,
    preview_sheet,
    save_base_weights,
    starting_network,
    train,
)

TINY = AutoencoderConfig(size=32, width=1 / 16)
CONFIG = TrainingConfig(TINY, batch_size=4, learning_rate=2e-4, decay_steps=20, seed=5)


def make_person(folder, name: str, seed: int, count: int = 3) -> Person:
    """Somebody with a consent record and "faces": smooth random pictures around one colour."""
    person = create_person(folder, name, "synthetic", seed=seed)
    rng, rows = np.random.default_rng(seed), []
    for number in range(count):
        noise = rng.integers(0, 256, (256, 256, 3), np.uint8)
        face = (cv2.GaussianBlur(noise, (0, 0), 12) - 128.0) * 5 + 60 * seed
        row = Alignment(
            file=f"{number:03d}.png",
            source="clip.mp4",
            frame=number,
            box=(60, 60, 196, 196),
            landmarks=MEAN_FACE * 256,
            matrix=np.eye(2, 3),
            detector="hog",
            score=1.0,
            sharpness=50.0,
        )
        write_image(person.faces / row.file, face.clip(0, 255).astype(np.uint8))
        rows.append(row)
    append_alignments(person, rows)
    return person


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    return make_person(folder / "ann", "Ann", 1), make_person(folder / "bob", "Bob", 2, count=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, people):
    """A model after thirty steps, and the report."""
    folder = tmp_path_factory.mktemp("model")
    return folder, train(*people, folder, steps=30, config=CONFIG, progress=False)


@pytest.fixture
def model_copy(tmp_path, trained):
    """A copy of it to be damaged."""
    return shutil.copytree(trained[0], tmp_path / "copy", ignore=shutil.ignore_patterns(".lock"))


@pytest.fixture
def base(tmp_path, monkeypatch):
    """Base weights for TINY where the package looks for its own."""
    monkeypatch.setattr(training, "WEIGHTS", tmp_path / "weights")
    parts = build_encoder(TINY, seed=70), build_decoder(TINY, seed=71)
    save_base_weights(tmp_path / "weights", TINY, *parts)
    return parts


def weights_of(model: keras.Model, part: str) -> np.ndarray:
    return np.concatenate([w.numpy().ravel() for w in model.get_layer(part).weights])


def test_a_model_folder_holds_all_that_conversion_needs(trained, people):
    folder, report = trained
    assert (report.step, report.steps, report.reason) == (30, 30, "steps")
    model = load_model(folder)
    assert (model.config, model.size) == (TINY, 32)
    assert [model.identities[who].name for who in "ab"] == ["Ann", "Bob"]
    assert [model.identities[who].seed for who in "ab"] == [1, 2]
    assert model.identities["a"].threshold == people[0].threshold
    assert model.identities["a"].domain == "synthetic"
    swapped = model.predict(np.zeros((2, 32, 32, 3), np.uint8), to="b")
    assert swapped.shape == (2, 32, 32, 3) and swapped.dtype == np.float32


def test_the_preview_shows_four_faces_of_each_in_six_columns(trained):
    preview = read_image(trained[0] / "preview" / "latest.png")
    assert preview.shape[1] == 6 * 132 + 4 and preview.shape[0] > 4 * 132


def test_the_preview_columns_are_what_they_are_called(trained):
    model = load_model(trained[0])
    crops = [np.full((4, 32, 32, 3), value, np.uint8) for value in (40, 200)]
    sheet = preview_sheet(model.autoencoder, crops)[-132:]
    columns = [sheet[2:-6, 6 + 132 * n : 132 * (n + 1)].mean() for n in range(6)]
    own_a, a_as_b = (model.predict(crops[0], to).mean() * 255 for to in "ab")
    own_b, b_as_a = (model.predict(crops[1], to).mean() * 255 for to in "ba")
    np.testing.assert_allclose(columns, [40, own_a, a_as_b, 200, own_b, b_as_a], atol=3)


def test_the_embeddings_are_of_the_faces(trained, people):
    identities = load_model(trained[0]).identities
    for who, person in zip("ab", people, strict=True):
        np.testing.assert_allclose(identities[who].embedding, person_embedding(person))


def test_going_on_is_exact_and_needs_no_settings(tmp_path, people, trained):
    train(*people, tmp_path, steps=12, config=CONFIG, progress=False)
    report = train(*(person.folder for person in people), tmp_path, steps=30, progress=False)
    assert report.steps == 18
    whole, resumed = load_model(trained[0]).autoencoder, load_model(tmp_path).autoencoder
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_training_brings_the_loss_down(trained):
    header, *rows = (trained[0] / "history.csv").read_text().splitlines()
    assert header == "step,seconds,loss,decoder_a_loss,decoder_b_loss,pictures_per_second"
    losses = np.array([[float(cell) for cell in row.split(",")[2:5]] for row in rows])
    assert losses[2, 0] < losses[0, 0]
    np.testing.assert_allclose(losses[:, 0], losses[:, 1:].mean(1), rtol=1e-4)


def test_other_people_are_refused(trained, people):
    with pytest.raises(ModelError, match="was trained on Ann and Bob, not Bob and Ann"):
        train(*reversed(people), trained[0], steps=9, progress=False)


def test_another_network_is_refused_when_it_is_asked_for(trained, people):
    with pytest.raises(ModelError, match="another network"):
        train(*people, trained[0], preset="quick", steps=9, progress=False)


def test_a_person_without_consent_is_refused(tmp_path, people):
    with pytest.raises(ConsentError):
        train(people[0], tmp_path / "nobody", tmp_path / "model", steps=1)
    assert not (tmp_path / "model").exists()


def test_the_same_person_twice_is_refused(tmp_path, people):
    with pytest.raises(LessonError, match="given twice"):
        train(people[0], people[0].folder, tmp_path / "model", steps=1)


def test_a_person_without_faces_is_refused(tmp_path, people):
    faceless = create_person(tmp_path / "eve", "Eve", "synthetic")
    with pytest.raises(LessonError, match=r"[Ee]xtract"):
        train(people[0], faceless, tmp_path / "model", steps=1, progress=False)
    assert not (tmp_path / "model").exists()


def test_a_model_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        load_model(tmp_path / "absent")


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.pop("people"),
        lambda settings: settings["people"].pop("b"),
        lambda settings: settings["training"].update(magic=1),
        lambda settings: settings["training"].pop("autoencoder"),
    ],
)
def test_settings_of_something_else_are_refused(model_copy, change):
    path = model_copy / "config.json"
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="not those of a face swap"):
        load_model(model_copy)


def test_a_model_that_was_cut_off_is_refused(model_copy):
    (path,) = model_copy.glob("*.weights.h5")
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(ModelError, match=rf"{path.name}: the file is cut off"):
        load_model(model_copy)


def test_base_weights_are_kept_in_half_precision(base):
    folder = base_weights(TINY)
    encoder, decoder = base
    size = (folder / "encoder.weights.h5").stat().st_size
    assert size < 2.2 * encoder.count_params() + 50_000
    autoencoder = build_autoencoder(TINY)
    load_base_weights(folder, autoencoder)
    for part, source in (("encoder", encoder), ("decoder_a", decoder), ("decoder_b", decoder)):
        for loaded, saved in zip(autoencoder.get_layer(part).weights, source.weights, strict=True):
            np.testing.assert_allclose(loaded, saved, rtol=1e-3, atol=1e-7)


def test_base_weights_fit_one_network_only(base):
    assert base_weights(TINY) is not None
    assert base_weights(replace(TINY, width=1 / 8)) is None
    assert base_weights(replace(TINY, upscale="resize")) is None


def test_both_decoders_start_from_the_base_decoder(base):
    start = starting_network(CONFIG)
    expected = build_autoencoder(TINY)
    load_base_weights(base_weights(TINY), expected)
    for part in ("encoder", "decoder_a", "decoder_b"):
        np.testing.assert_array_equal(weights_of(start, part), weights_of(expected, part))
    layers = [layer for layer in start.get_layer("encoder").layers if layer.weights]
    learning = [bool(layer.trainable_weights) for layer in layers]
    assert learning == [False] * (len(layers) - 2) + [True] * 2, "a dense layer and an upscale"
    free = starting_network(replace(CONFIG, freeze_encoder=False)).get_layer("encoder")
    assert len(free.trainable_weights) == len(free.weights)


def test_base_weights_can_be_declined(base):
    start, scratch = starting_network(replace(CONFIG, from_base=False)), build_autoencoder(TINY, 5)
    np.testing.assert_array_equal(weights_of(start, "encoder"), weights_of(scratch, "encoder"))
    encoder = start.get_layer("encoder")
    assert len(encoder.trainable_weights) == len(encoder.weights)


def test_a_frozen_encoder_stays_even_where_the_base_weights_are_missing_later(
    tmp_path, people, base, monkeypatch
):
    start = starting_network(CONFIG)
    train(*people, tmp_path / "model", steps=2, config=CONFIG, progress=False)
    monkeypatch.setattr(training, "WEIGHTS", tmp_path / "gone")
    assert train(*people, tmp_path / "model", steps=4, progress=False).steps == 2
    end = load_model(tmp_path / "model").autoencoder
    encoders = (network.get_layer("encoder").layers for network in (start, end))
    for before, after in zip(*encoders, strict=True):
        if not before.trainable:
            for pair in zip(before.get_weights(), after.get_weights(), strict=True):
                np.testing.assert_array_equal(*pair)
    for part in ("decoder_a", "decoder_b"):
        moved = np.abs(weights_of(start, part) - weights_of(end, part)).max()
        assert 0 < moved < 10 * CONFIG.learning_rate


def test_float16_scales_its_loss_and_still_learns(monkeypatch):
    """Gradients of 1e-8, far below float16's smallest number, move a weight."""
    monkeypatch.setattr(presets, "compute_dtype", lambda: "mixed_float16")
    layer = keras.layers.Dense(1, use_bias=False, dtype="mixed_float16")
    model = keras.Sequential([keras.Input((1,)), layer])
    trainee = supervised(model, make_optimizer(0.1), "mae")
    before = float(layer.kernel[0, 0])
    tiny = np.full((4, 1), 1e-4, np.float32)
    trainee.step((tiny, -1000 * tiny, np.full(4, 1e-4, np.float32)))
    assert float(layer.kernel[0, 0]) < before - 1e-4
    optimizer = trainee.optimizers["optimizer"]
    optimizer.learning_rate = 0.05  # as after a divergence
    np.testing.assert_allclose(optimizer.inner_optimizer.learning_rate, 0.05)


def test_the_learning_rate_falls_to_a_half_after_the_decay_steps():
    """Steps of Adam on a slope that stays the same are as long as the learning rate."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), layer])
    trainee = supervised(model, make_optimizer(0.1, decay_steps=10), "mae")
    one, places = np.ones((1, 1), np.float32), [0.0]
    for _ in range(21):
        trainee.step((one, 1000 * one, one[0]))
        places.append(float(layer.kernel[0, 0]))
    np.testing.assert_allclose(np.diff(places)[[0, 10, 20]], [0.1, 0.05, 0.1 / 3], rtol=1e-3)


WRONG = [{"batch_size": 0}, {"learning_rate": 0.0}, {"decay_steps": -1}]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_training_config_says_what_is_wrong(wrong):
    with pytest.raises(LessonError, match=next(iter(wrong))):
        TrainingConfig(**wrong)


def test_only_studio_people_are_trained_at_a_falling_rate():
    laptop = presets.preset("laptop")
    assert TrainingConfig.from_preset(laptop).decay_steps > 0
    assert TrainingConfig.from_preset(laptop, "real").decay_steps == 0


def test_every_preset_makes_a_training_config():
    for preset in presets.PRESETS.values():
        config = TrainingConfig.from_preset(preset)
        assert config == TrainingConfig.from_dict(json.loads(json.dumps(vars_of(config))))
        Limits(preset.steps, preset.minutes)


def vars_of(config: TrainingConfig) -> dict:
    return vars(config) | {
        "autoencoder": vars(config.autoencoder),
        "augmentation": vars(config.augmentation),
    }
