"""Losses that a second network gives the face swap: features of the base encoder, and critics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deepfake_lesson import training
from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import to_float
from deepfake_lesson.models.adversarial import verdict_loss
from deepfake_lesson.models.autoencoder import (
    AutoencoderConfig,
    build_autoencoder,
    build_decoder,
    build_encoder,
)
from deepfake_lesson.models.critics import CriticizedAutoencoder, build_critics
from deepfake_lesson.models.losses import feature_map, painting_loss
from deepfake_lesson.training import TrainingConfig, feature_network, load_model, train

TINY = AutoencoderConfig(size=32, width=1 / 16)
CONFIG = TrainingConfig(TINY, batch_size=2, learning_rate=2e-4, seed=5)


@pytest.fixture
def base(tmp_path, monkeypatch):
    """Base weights for TINY where the package looks for its own."""
    monkeypatch.setattr(training, "WEIGHTS", tmp_path / "weights")
    training.save_base_weights(tmp_path / "weights", TINY, build_encoder(TINY), build_decoder(TINY))


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return [tf.constant(to_float(rng.integers(0, 256, (2, 32, 32, 3), np.uint8))) for _ in range(4)]


def test_features_say_where_pictures_differ(base, pictures):
    features = feature_network(TINY)
    one, other = pictures[:2]
    assert np.abs(feature_map(features, one, one)).max() == 0
    upper = tf.concat([other[:, :16], one[:, 16:]], axis=1)
    found = np.asarray(feature_map(features, one, upper))
    assert found.shape == (2, 32, 32)
    assert found[:, :8].mean() > 5 * found[:, 24:].mean()
    assert not features.trainable_weights


def test_the_perceptual_loss_is_added_to_the_others(base, pictures):
    features, (truth, painted) = feature_network(TINY), pictures[:2]
    plain = painting_loss(0.5)(truth, painted)
    found = painting_loss(0.5, 0.3, features)(truth, painted)
    expected = plain + 0.3 * feature_map(features, truth, painted)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_features_need_base_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "WEIGHTS", tmp_path)
    with pytest.raises(LessonError, match="base weights"):
        feature_network(TINY)


def test_autoencoder_and_critics_are_blamed_for_their_own(pictures):
    """The gradients of the sum are those of each network's own loss, the others held still."""
    autoencoder = build_autoencoder(TINY)
    critics = build_critics(TINY, seed=0, dtype="float32")
    both = CriticizedAutoencoder(autoencoder, critics, painting_loss(0.0), gan=3.0)
    faces, truths = pictures[:2], pictures[2:]
    weights = [tf.ones((2, 32, 32))] * 2
    with tf.GradientTape(persistent=True) as tape:
        painted = autoencoder(faces, training=True)
        total = both.compute_loss(faces, truths, painted, weights)
        triples = list(zip(faces, truths, painted, critics.values(), strict=True))
        painter = sum(
            tf.reduce_mean(tf.abs(truth - image)) + 3 * verdict_loss(critic([face, image]), True)
            for face, truth, image, critic in triples
        )
        judges = sum(
            verdict_loss(critic([face, truth]), True) + verdict_loss(critic([face, image]), False)
            for face, truth, image, critic in triples
        )
        painter, judges = painter / 2, judges / 4
    for network, own in ((autoencoder, painter), *((each, judges) for each in critics.values())):
        found, expected = (tape.gradient(loss, network.trainable_weights) for loss in (total, own))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_training_with_critics_goes_on_and_is_used_without_them(base, people, tmp_path):
    folder = tmp_path / "model"
    config = TrainingConfig(TINY, batch_size=2, gan=0.1, perceptual=0.1)
    options = {"config": config, "progress": False}
    train(*people, folder, steps=2, **options)
    assert train(*people, folder, steps=3, **options).steps == 1
    assert len(list(folder.glob("critic_*.weights.h5"))) == 2
    once = train(*people, tmp_path / "once", steps=3, **options)
    faces = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    pictures = [load_model(path).predict(faces) for path in (folder, tmp_path / "once")]
    np.testing.assert_allclose(*pictures, atol=1e-4)
    assert isinstance(load_model(folder).autoencoder, keras.Model) and once.step == 3
