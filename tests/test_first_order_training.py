"""First order motion learns from pairs of frames: its losses, and that everything is trained."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from deepfake_lesson.models import keras
from deepfake_lesson.models.deformation import Deformation
from deepfake_lesson.models.first_order import FirstOrderConfig, FirstOrderModel, HourglassConfig
from deepfake_lesson.models.first_order_training import (
    FirstOrderLosses,
    FirstOrderTraining,
    build_discriminator,
    training_batch,
)

SMALL = HourglassConfig(block_expansion=8, max_features=32, num_blocks=2, scale_factor=0.5)
CONFIG = FirstOrderConfig(
    num_kp=3,
    block_expansion=8,
    max_features=32,
    num_bottleneck_blocks=1,
    kp_detector=SMALL,
    dense_motion=SMALL,
)


@pytest.fixture(scope="module")
def features() -> keras.Model:
    """Two random convolutions: enough to see where a square is."""
    x = picture = keras.Input((None, None, 3))
    maps = []
    for seed in (1, 2):
        start = keras.initializers.GlorotUniform(seed=seed)
        options = {"padding": "same", "activation": "relu", "kernel_initializer": start}
        x = keras.layers.Conv2D(8, 3, strides=2, **options)(x)
        maps.append(x)
    network = keras.Model(picture, maps)
    network.trainable = False
    return network


def squares(rng: np.random.Generator, count: int) -> np.ndarray:
    """Frames (count, 32, 32, 3) with a bright square somewhere on a grey ground."""
    frames = np.full((count, 32, 32, 3), 0.3, np.float32)
    for frame, (x, y) in zip(frames, rng.integers(4, 18, (count, 2)), strict=True):
        frame[y : y + 10, x : x + 10] = (0.9, 0.6, 0.2)
    return frames


def batch(seed: int, count: int = 4):
    rng = np.random.default_rng(seed)
    return training_batch(squares(rng, count), squares(rng, count), rng)


@pytest.fixture(scope="module")
def trained(features):
    """A model after 250 steps, its weights before them, and its losses."""
    training = FirstOrderTraining(FirstOrderModel(CONFIG, seed=2), features)
    before = [weight.numpy().copy() for weight in training.trainable_weights]
    training.compile(keras.optimizers.Adam(2e-3, beta_1=0.5), jit_compile=False)
    history = []
    for step in range(250):
        training.reset_metrics()
        history.append(training.train_on_batch(*batch(step), return_dict=True))
    return training, before, history


def test_every_part_is_trained_and_the_features_are_not(trained, features):
    training, before, _ = trained
    still = [
        weight.path
        for weight, old in zip(training.trainable_weights, before, strict=True)
        if np.array_equal(weight.numpy(), old)
    ]
    assert still == []
    assert len(before) == sum(len(n.trainable_weights) for n in training.model.networks.values())


def test_it_learns_to_move_a_square(trained):
    """Better than the still source on squares that it has not seen."""
    training, _, history = trained
    assert np.mean([row["loss"] for row in history[-10:]]) < 0.7 * history[0]["loss"]
    (source, driving, *_), truth = batch(1000, 16)
    points = [training.model.keypoints(frames) for frames in (source, driving)]
    made = np.asarray(training.model.generate(source, *points)["prediction"])
    assert np.abs(made - truth).mean() < 0.8 * np.abs(source - truth).mean()


def test_the_loss_is_the_sum_of_its_parts(trained):
    *_, history = trained
    parts = [name for name in history[-1] if name not in ("loss",)]
    assert sorted(parts) == ["jacobian_loss", "l1_loss", "perceptual_loss", "value_loss"]
    total = sum(history[-1][name] for name in parts)
    np.testing.assert_allclose(total, history[-1]["loss"], rtol=1e-3)


def test_without_the_perceptual_loss_nobody_needs_to_look():
    training = FirstOrderTraining(FirstOrderModel(CONFIG), None, FirstOrderLosses(perceptual=0))
    training.compile(keras.optimizers.Adam(1e-4), jit_compile=False)
    row = training.train_on_batch(*batch(0), return_dict=True)
    assert "perceptual_loss" not in row and np.isfinite(row["loss"])


def test_keypoints_that_are_bent_with_the_picture_cost_nothing(features):
    training = FirstOrderTraining(FirstOrderModel(CONFIG), features)
    rng = np.random.default_rng(3)
    bend = Deformation.sample(rng, 2, 0.2, 0.05)
    bent = {"value": rng.uniform(-0.5, 0.5, (2, 3, 2)).astype(np.float32)}
    bent["jacobian"] = (np.eye(2) + 0.1 * rng.normal(size=(2, 3, 2, 2))).astype(np.float32)
    driving = {"value": bend.points(bent["value"])}
    driving["jacobian"] = np.asarray(bend.jacobian(bent["value"])) @ bent["jacobian"]
    frames = squares(rng, 2)

    def losses(**change):
        training.reset_metrics()
        found = {"prediction": frames, "driving": driving | change, "bent": bent}
        training.compute_loss([frames, frames, bend.affine, bend.pulls], frames, found)
        return {name: float(part.result()) for name, part in training.parts.items()}

    assert max(losses().values()) < 1e-4
    assert losses(value=driving["value"] + 0.1)["value"] == pytest.approx(1.0, rel=1e-3)
    assert losses(jacobian=driving["jacobian"] * 2)["jacobian"] > 1


def test_without_jacobians_there_is_no_loss_of_them(features):
    config = FirstOrderConfig(**(CONFIG.__dict__ | {"estimate_jacobian": False}))
    training = FirstOrderTraining(FirstOrderModel(config), features, FirstOrderLosses(l1=0))
    training.compile(keras.optimizers.Adam(1e-4), jit_compile=False)
    row = training.train_on_batch(*batch(0), return_dict=True)
    assert "jacobian_loss" not in row and np.isfinite(row["loss"])


@pytest.fixture(scope="module")
def judged(features):
    """A model with a discriminator after three steps, all weights before them, and its losses."""
    critic = build_discriminator(CONFIG.num_kp, 4, 8, num_blocks=2, seed=3)
    losses = FirstOrderLosses(gan=1.0)
    training = FirstOrderTraining(FirstOrderModel(CONFIG, seed=2), features, losses, critic)
    before = [weight.numpy().copy() for weight in training.trainable_weights]
    training.compile(keras.optimizers.Adam(2e-3, beta_1=0.5), jit_compile=False)
    rows = [training.train_on_batch(*batch(step), return_dict=True) for step in range(3)]
    return training, before, rows[-1]


def test_a_discriminator_is_trained_beside_the_model(judged):
    training, before, row = judged
    changed = [
        not np.array_equal(weight.numpy(), old)
        for weight, old in zip(training.trainable_weights, before, strict=True)
    ]
    assert all(changed) and len(before) > len(training.discriminator.trainable_weights)
    parts = ("generator", "matching", "discriminator")
    assert all(row[f"{name}_loss"] > 0 for name in parts)
    total = sum(value for name, value in row.items() if name != "loss")
    assert total == pytest.approx(row["loss"], rel=1e-3)


def test_the_painter_is_not_blamed_for_the_discriminator_s_mistakes(judged):
    """Feature matching and being caught give the discriminator's weights no gradient."""
    training, *_ = judged
    source, driving = map(tf.constant, batch(5)[0][:2])
    points = training.model.keypoints(driving)["value"]
    with tf.GradientTape() as tape:
        errors = training._adversarial(points, driving, source)
        blamed = errors["generator"] + errors["matching"]
    weights = [weight.value for weight in training.discriminator.trainable_weights]
    assert all(gradient is None for gradient in tape.gradient(blamed, weights))


def test_the_published_discriminator_has_the_published_shapes():
    critic = build_discriminator(10)
    shapes = [w.shape for w in critic.trainable_weights if len(w.shape) == 4]
    widths = [13, 64, 128, 256, 512]
    expected = [(4, 4, a, b) for a, b in itertools.pairwise(widths)]
    assert shapes == [*expected, (1, 1, 512, 1)]
    assert critic.compute_output_shape([(1, 256, 256, 10), (1, 256, 256, 3)]) == (1, 26, 26, 1)
