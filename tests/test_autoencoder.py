"""The face swap autoencoder: the published sizes, and which parts are shared."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deepfake_lesson.errors import LessonError
from deepfake_lesson.landmarks import model_matrix, warp
from deepfake_lesson.models.autoencoder import (
    AutoencoderConfig,
    build_autoencoder,
    build_decoder,
    build_encoder,
    paint_faces,
    swap_faces,
    swap_path,
)
from deepfake_lesson.models.layers import PixelShuffle

TINY = AutoencoderConfig(size=64, width=1 / 16)


@pytest.fixture(scope="module")
def autoencoder():
    return build_autoencoder(TINY, seed=3)


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).random((3, 64, 64, 3), np.float32)


@pytest.mark.parametrize(
    ("upscale", "encoder", "decoder"),
    [("shuffle", 69_662_976, 6_199_747), ("resize", 55_505_664, 10_637_827)],
)
def test_full_width_has_the_published_number_of_parameters(upscale, encoder, decoder):
    config = AutoencoderConfig(upscale=upscale)
    assert build_encoder(config).count_params() == encoder
    assert build_decoder(config).count_params() == decoder


def test_a_larger_picture_adds_a_convolution_before_and_an_upscale_after():
    small, large = AutoencoderConfig(64), AutoencoderConfig(128)
    assert small.encoder_filters == (128, 256, 512, 1024)
    assert large.encoder_filters == (64, *small.encoder_filters)
    assert small.decoder_filters == (256, 128, 64)
    assert large.decoder_filters == (*small.decoder_filters, 32)


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("upscale", ["shuffle", "resize"])
def test_picture_in_code_and_picture_out(size, upscale):
    config = AutoencoderConfig(size, 1 / 16, upscale)
    code = build_encoder(config)(np.zeros((2, size, size, 3), np.float32))
    assert code.shape == (2, *config.code_shape)
    assert build_decoder(config)(code).shape == (2, size, size, 3)


def test_width_scales_filters_and_dense_units():
    quarter = build_encoder(AutoencoderConfig(width=0.25))
    assert quarter.layers[1].filters == 32
    assert [x.units for x in quarter.layers if isinstance(x, keras.layers.Dense)] == [256, 4096]


def test_pixel_shuffle_is_tensorflow_depth_to_space():
    features = np.random.default_rng(1).random((2, 3, 5, 8), np.float32)
    np.testing.assert_array_equal(PixelShuffle()(features), tf.nn.depth_to_space(features, 2))


def test_the_encoder_is_shared_and_the_decoders_are_not(autoencoder):
    parts = [autoencoder.get_layer(name) for name in ("encoder", "decoder_a", "decoder_b")]
    assert autoencoder.count_params() == sum(part.count_params() for part in parts)
    decoder_a, decoder_b = parts[1:]
    assert not np.array_equal(decoder_a.weights[0], decoder_b.weights[0])


def test_the_swap_is_the_code_of_one_through_the_decoder_of_the_other(autoencoder, faces):
    code = autoencoder.get_layer("encoder")(faces)
    expected = autoencoder.get_layer("decoder_b")(code)
    np.testing.assert_allclose(paint_faces(autoencoder, faces, "b"), expected, atol=1e-6)
    own_a, own_b = autoencoder.predict_on_batch([faces, faces])
    np.testing.assert_allclose(paint_faces(autoencoder, faces, "a"), own_a, atol=1e-6)
    np.testing.assert_allclose(paint_faces(autoencoder, faces, "b"), own_b, atol=1e-6)


def test_aligned_faces_are_cropped_as_the_one_geometry_says(autoencoder):
    aligned = np.random.default_rng(2).integers(0, 256, (2, 256, 256, 3), np.uint8)
    crops = np.stack([warp(face, model_matrix(64), 64) for face in aligned])
    swapped = swap_faces(autoencoder, aligned, "b")
    assert swapped.shape == (2, 64, 64, 3) and swapped.dtype == np.uint8
    np.testing.assert_allclose(swapped / 255, paint_faces(autoencoder, crops), atol=0.51 / 255)


def test_more_faces_than_a_batch_come_back_in_order(autoencoder):
    many = np.random.default_rng(3).random((70, 64, 64, 3), np.float32)
    np.testing.assert_allclose(
        paint_faces(autoencoder, many)[-1], paint_faces(autoencoder, many[-1:])[0], atol=1e-6
    )


def test_pictures_are_float32_in_unit_range_under_mixed_precision(faces):
    mixed = build_autoencoder(TINY, seed=3, dtype="mixed_bfloat16")
    assert all(weight.dtype == "float32" for weight in mixed.weights)
    assert mixed.get_layer("encoder").output.dtype == "bfloat16"
    pictures = mixed(2 * [faces])
    assert all(picture.dtype == tf.float32 for picture in pictures)
    assert 0 <= np.min(pictures) <= np.max(pictures) <= 1


def test_the_same_seed_gives_the_same_weights(autoencoder):
    twin, other = build_autoencoder(TINY, seed=3), build_autoencoder(TINY, seed=4)
    for mine, same, different in zip(
        autoencoder.trainable_weights, twin.trainable_weights, other.trainable_weights, strict=True
    ):
        np.testing.assert_array_equal(mine, same)
        assert mine.path.endswith("bias") or not np.array_equal(mine, different)


@pytest.mark.parametrize(
    "wrong", [{"size": 100}, {"size": 16}, {"width": 0}, {"width": 40.0}, {"upscale": "bicubic"}]
)
def test_a_wrong_config_says_what_is_wrong(wrong):
    with pytest.raises(LessonError, match=next(iter(wrong))):
        AutoencoderConfig(**wrong)


def test_swapping_to_an_unknown_person_is_refused(autoencoder):
    with pytest.raises(LessonError, match="'c'"):
        swap_path(autoencoder, "c")
