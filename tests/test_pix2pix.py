"""pix2pix: the published sizes, what a verdict sees, and who is blamed for what."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from deepfake_lesson.errors import LessonError
from deepfake_lesson.models.losses import dssim_map
from deepfake_lesson.models.pix2pix import (
    UPSCALES,
    Pix2pix,
    Pix2pixConfig,
    build_discriminator,
    build_generator,
    to_network,
    to_picture,
)

PRECISIONS = ("float32", "mixed_bfloat16")
TINY = {"size": 32, "filters": 4, "critic_filters": 4}


def pictures(seed: int, count: int = 2, size: int = 32):
    """(count, size, size, 3) float32 noise, as a tensor of the backend."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3))
    return keras.ops.convert_to_tensor(noise.astype(np.float32))


DRAWINGS, PHOTOGRAPHS = pictures(0), pictures(1)


@pytest.fixture(scope="module")
def trained():
    """A model with dropout that has a step at learning rate 0: `step()` gives its losses."""
    model = Pix2pix(Pix2pixConfig(**TINY))
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)

    def step() -> dict[str, float]:
        model.reset_metrics()
        return model.train_on_batch(DRAWINGS, PHOTOGRAPHS, return_dict=True)

    return model, step


def losses_of(model: Pix2pix) -> dict[str, float]:
    """The parts of the loss on the two pairs, and its sum as "loss"."""
    model.reset_metrics()
    painted = model(DRAWINGS, training=True)
    loss = model.compute_loss(DRAWINGS, PHOTOGRAPHS, painted)
    parts = {name: float(metric.result()) for name, metric in model.parts.items()}
    return parts | {"loss": float(loss)}


# Sizes


def test_the_generator_of_the_paper_has_54_million_parameters():
    """C64-C128-C256-C512 x 5, then CD512 x 3-C512-C256-C128-C64, with skips.

    A convolution has a bias only where no normalisation follows, which would take it out again.
    """
    encoder = (3, 64, 128, 256, 512, 512, 512, 512, 512)
    decoder = (512, 512, 512, 512, 256, 128, 64, 3)
    joined = (512, 1024, 1024, 1024, 1024, 512, 256, 128)
    kernels = sum(a * b for a, b in pairwise(encoder))
    kernels += sum(a * b for a, b in zip(joined, decoder, strict=True))
    gains_and_shifts = 2 * (sum(encoder[2:-1]) + sum(decoder[:-1]))
    biases = encoder[1] + encoder[-1] + decoder[-1]
    count = build_generator(Pix2pixConfig()).count_params()
    assert count == 16 * kernels + gains_and_shifts + biases == 54_414_531


def test_resizing_costs_what_a_transposed_convolution_costs_and_shuffling_more():
    counts = {up: build_generator(Pix2pixConfig(64, 8, up)).count_params() for up in UPSCALES}
    assert counts["resize"] == counts["transpose"] < counts["shuffle"] < 2 * counts["resize"]


def test_the_discriminator_of_the_paper_has_2_8_million_parameters():
    widths = (6, 64, 128, 256, 512, 1)
    kernels = 16 * sum(a * b for a, b in pairwise(widths))
    count = build_discriminator(Pix2pixConfig()).count_params()
    assert count == kernels + 64 + 1 + 2 * (128 + 256 + 512) == 2_768_705


@pytest.mark.parametrize("upscale", UPSCALES)
@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_a_picture_is_as_large_as_its_drawing(size, upscale):
    generator = build_generator(Pix2pixConfig(size, 2, upscale))
    assert generator.output_shape == (None, size, size, 3)
    middle = [layer.output.shape[1] for layer in generator.layers]
    assert min(middle) == 1, "the whole picture meets in one place"


@pytest.mark.parametrize(("size", "side"), [(256, 30), (128, 14), (64, 6), (32, 2)])
def test_the_map_of_verdicts_has_the_published_size(size, side):
    critic = build_discriminator(Pix2pixConfig(size, critic_filters=2))
    assert critic.output_shape == (None, side, side, 1)


# What a verdict sees


def without_norm(network: keras.Model) -> keras.Model:
    """The convolutions alone: the means of a normalisation are taken over the whole picture."""

    def bypassed(layer):
        if isinstance(layer, keras.layers.GroupNormalization):
            return keras.layers.Identity()
        return layer.__class__.from_config(layer.get_config())

    return keras.models.clone_model(network, clone_function=bypassed)


def seen_box(critic: keras.Model, row: int, column: int) -> list[tuple[int, int]]:
    """First row and column, and those after the last, that a verdict depends on; of each input."""
    size = critic.input_shape[0][1]
    pair = [pictures(seed, 1, size) for seed in (2, 3)]
    with tf.GradientTape() as tape:
        tape.watch(pair)
        verdict = critic(pair)[0, row, column, 0]
    seen = [np.argwhere(np.abs(gradient[0]).sum(-1)) for gradient in tape.gradient(verdict, pair)]
    return [(*where.min(0).tolist(), *(where.max(0) + 1).tolist()) for where in seen]


def test_a_verdict_is_about_70_by_70_pixels_of_drawing_and_picture():
    critic = without_norm(build_discriminator(Pix2pixConfig(critic_filters=2)))
    drawing, picture = seen_box(critic, 15, 15)
    top, left, bottom, right = picture
    assert drawing == picture
    assert (bottom - top, right - left) == (70, 70)
    assert seen_box(critic, 16, 14)[1] == (top + 8, left - 8, bottom + 8, right - 8)


def test_the_patch_of_70_pixels_follows_from_kernels_and_strides():
    critic = build_discriminator(Pix2pixConfig(critic_filters=2))
    field = 1
    for layer in reversed(critic.layers):
        if isinstance(layer, keras.layers.Conv2D):
            field = (field - 1) * layer.strides[0] + layer.kernel_size[0]
    assert field == 70


# Painting


def test_every_value_of_a_picture_survives_the_way_in_and_out():
    values = np.arange(256, dtype=np.uint8)
    inside = to_network(values)
    assert inside.dtype == np.float32 and (inside[0], inside[-1]) == (-1, 1)
    np.testing.assert_array_equal(to_picture(inside), values)
    np.testing.assert_array_equal(to_picture(np.float32([-1.5, 1.01, 7])), [0, 255, 255])


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_pictures_are_float32_in_unit_range_and_weights_float32(dtype):
    generator = build_generator(Pix2pixConfig(**TINY), dtype=dtype)
    large = [100 * weight for weight in generator.get_weights()]
    generator.set_weights(large)
    painted = generator(DRAWINGS)
    assert painted.dtype == tf.float32
    assert -1 <= np.min(painted) < -0.9 < 0.9 < np.max(painted) <= 1
    assert {weight.dtype for weight in generator.weights} == {"float32"}
    assert generator.layers[1].compute_dtype == dtype.removeprefix("mixed_")


def test_mixed_precision_trains_and_stays_near_full_precision():
    full, mixed = (Pix2pix(Pix2pixConfig(**TINY, dropout=0), dtype=dtype) for dtype in PRECISIONS)
    mixed.set_weights(full.get_weights())
    expected, found = losses_of(full), losses_of(mixed)
    assert found == pytest.approx(expected, rel=0.03)
    with tf.GradientTape() as tape:
        loss = mixed.compute_loss(DRAWINGS, PHOTOGRAPHS, mixed(DRAWINGS, training=True))
    for gradient in tape.gradient(loss, mixed.trainable_variables):
        assert gradient.dtype == tf.float32 and np.isfinite(gradient).all()


def test_a_picture_does_not_depend_on_the_others_of_its_batch():
    generator = build_generator(Pix2pixConfig(**TINY))
    alone = generator(DRAWINGS[1:])[0]
    np.testing.assert_allclose(generator(DRAWINGS)[1], alone, atol=1e-5)


def test_dropout_works_in_training_alone(trained):
    model, _ = trained
    twice = [model(DRAWINGS, training=True) for _ in range(2)]
    assert np.abs(twice[0] - twice[1]).max() > 0.001
    twice = [model(DRAWINGS, training=False) for _ in range(2)]
    np.testing.assert_array_equal(*twice)


def test_a_preview_leaves_training_and_painting_as_they_were(trained):
    """The classic mistake: after the first preview the generator stays without dropout."""
    model, step = trained
    losses, painted = [], []
    for _ in range(3):
        losses += [step()["l1_loss"], step()["l1_loss"]]
        painted.append(model.generator.predict_on_batch(DRAWINGS))
    assert len(set(losses)) == 6, "dropout draws anew in every step"
    np.testing.assert_array_equal(painted[0], painted[1])
    np.testing.assert_array_equal(painted[0], painted[2])


def test_no_two_layers_start_alike_and_a_seed_brings_them_back():
    first, again, other = (build_generator(Pix2pixConfig(**TINY), seed) for seed in (5, 5, 6))
    kernels = [w.numpy() for w in first.weights if w.path.endswith("kernel")]
    for one, two in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    flat = [kernel.ravel()[:20].tolist() for kernel in kernels]
    assert len({tuple(values) for values in flat}) == len(kernels)
    assert not np.array_equal(other.weights[0], first.weights[0])


# Blame


@pytest.mark.parametrize(
    ("loss", "verdict", "fooled", "judged"),
    [
        ("least-squares", 0.0, 1.0, 0.5),
        ("least-squares", 2.0, 1.0, 2.5),
        ("cross-entropy", 0.0, np.log(2), np.log(2)),
        (
            "cross-entropy",
            2.0,
            np.log1p(np.exp(-2)),
            (np.log1p(np.exp(-2)) + np.log1p(np.exp(2))) / 2,
        ),
    ],
)
def test_the_losses_of_a_critic_who_says_the_same_of_everything(loss, verdict, fooled, judged):
    """fooled: what the generator is blamed for, had the critic to say 1; judged: the critic."""
    model = Pix2pix(Pix2pixConfig(**TINY, loss=loss, l1=10.0, gan=3.0))
    kernel, bias = model.discriminator.layers[-2].weights
    kernel.assign(0 * kernel)
    bias.assign([verdict])
    found = losses_of(model)
    assert found["generator_loss"] == pytest.approx(fooled)
    assert found["discriminator_loss"] == pytest.approx(judged)
    assert found["loss"] == pytest.approx(10 * found["l1_loss"] + 3 * fooled + judged)


def test_l1_is_the_mean_distance_and_structure_counts_where_it_is_asked_for():
    model = Pix2pix(Pix2pixConfig(**TINY, gan=0, l1=100.0, dssim=7.0, dropout=0))
    painted = model(DRAWINGS).numpy()
    found = losses_of(model)
    assert found["l1_loss"] == pytest.approx(np.abs(painted - PHOTOGRAPHS).mean())
    structure = np.mean(dssim_map((PHOTOGRAPHS + 1) / 2, (painted + 1) / 2))
    assert found["loss"] == pytest.approx(100 * found["l1_loss"] + 7 * structure)


def test_pixels_count_as_they_are_weighted():
    model = Pix2pix(Pix2pixConfig(**TINY, gan=0, l1=1.0, dssim=1.0, dropout=0))
    painted = model(DRAWINGS)
    left = np.zeros((2, 32, 32), np.float32)
    left[:, :, :16] = 2
    halves = [
        float(model.compute_loss(DRAWINGS, PHOTOGRAPHS, painted, weights))
        for weights in (left, 2 - left)
    ]
    assert np.mean(halves) == pytest.approx(float(losses_of(model)["loss"]))
    correct = keras.ops.concatenate([PHOTOGRAPHS[:, :, :16], painted[:, :, 16:]], axis=2)
    only_right_is_wrong = float(model.compute_loss(DRAWINGS, correct, PHOTOGRAPHS, left))
    assert 0 < only_right_is_wrong < 0.1  # the windows of structure reach across the border


@pytest.mark.parametrize("loss", ["least-squares", "cross-entropy"])
def test_neither_network_is_blamed_for_the_other(loss):
    """The gradients of the sum are those of two losses, each with the other network held still."""
    model = Pix2pix(Pix2pixConfig(**TINY, loss=loss, dropout=0, l1=5.0, gan=2.0))
    generator, critic = model.generator, model.discriminator
    real, fake = {
        "least-squares": (lambda v: (v - 1) ** 2, lambda v: v**2),
        "cross-entropy": (lambda v: -tf.math.log_sigmoid(v), lambda v: -tf.math.log_sigmoid(-v)),
    }[loss]
    with tf.GradientTape(persistent=True) as tape:
        painted = generator(DRAWINGS, training=True)
        both = model.compute_loss(DRAWINGS, PHOTOGRAPHS, painted)
        fooled = 2 * tf.reduce_mean(real(critic([DRAWINGS, painted])))
        missed = 5 * tf.reduce_mean(tf.abs(painted - PHOTOGRAPHS))
        caught = tf.reduce_mean(fake(critic([DRAWINGS, painted])))
        judged = (tf.reduce_mean(real(critic([DRAWINGS, PHOTOGRAPHS]))) + caught) / 2
        painting = fooled + missed
    for alone, network in ((painting, generator), (judged, critic)):
        expected = tape.gradient(alone, network.trainable_variables)
        found = tape.gradient(both, network.trainable_variables)
        largest = max(np.abs(gradient).max() for gradient in expected)
        assert largest > 1e-4
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4 * largest)


def test_a_step_moves_both_networks_and_counts_its_losses(trained):
    model, step = trained
    assert set(model.networks) == {"generator", "discriminator"}
    losses = step()
    assert set(losses) == {"loss", "l1_loss", "generator_loss", "discriminator_loss"}
    parts = 100 * losses["l1_loss"] + losses["generator_loss"] + losses["discriminator_loss"]
    assert losses["loss"] == pytest.approx(parts, rel=1e-5)


def test_without_gan_there_is_no_critic_and_l1_alone_learns_two_pairs_by_heart():
    smooth = tf.image.resize(pictures(4, 2, 4), (32, 32))
    model = Pix2pix(Pix2pixConfig(32, 4, gan=0, dropout=0))
    assert model.discriminator is None and set(model.networks) == {"generator"}
    model.compile(keras.optimizers.Adam(5e-3, beta_1=0.5), jit_compile=False)
    for _ in range(100):
        model.reset_metrics()
        losses = model.train_on_batch(DRAWINGS, smooth, return_dict=True)
    assert set(losses) == {"loss", "l1_loss"}
    assert np.abs(model.generator(DRAWINGS) - smooth).mean() < 0.1


@pytest.mark.parametrize(
    "wrong",
    [{"size": 48}, {"size": 16}, {"size": 0}, {"upscale": "bicubic"}, {"loss": "wasserstein"}],
)
def test_a_wrong_config_says_what_is_wrong(wrong):
    with pytest.raises(LessonError, match=next(iter(wrong))):
        Pix2pixConfig(**wrong)


# Other backends


def two_steps() -> list[dict[str, float]]:
    """Losses of two steps from weights that are the same on every backend."""
    model, rng = Pix2pix(Pix2pixConfig(**TINY, dropout=0)), np.random.default_rng(9)
    for network in model.networks.values():
        network.set_weights([rng.normal(0.1, 0.2, w.shape) for w in network.get_weights()])
    model.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), jit_compile=False)
    rows = []
    for _ in range(2):
        model.reset_metrics()
        losses = model.train_on_batch(DRAWINGS, PHOTOGRAPHS, return_dict=True)
        rows.append({name: float(loss) for name, loss in losses.items()})
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_takes_the_same_steps(backend):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    script = (
        f"import sys, json; sys.path[:0] = {folders!r}; "
        "from test_pix2pix import keras, two_steps; "
        "print(json.dumps([keras.backend.backend(), two_steps()]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    name, rows = json.loads(run.stdout.splitlines()[-1])
    assert name == backend
    for found, expected in zip(rows, two_steps(), strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
