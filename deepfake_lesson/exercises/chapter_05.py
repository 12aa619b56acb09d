"""Checks of chapter 05, train the face swap autoencoder."""

import numpy as np

from deepfake_lesson.exercises import exercise, require
from deepfake_lesson.landmarks import ALIGNED_SIZE, MODEL_COVERAGE, model_matrix, transform_points


@exercise
def conv_parameters(student) -> None:
    """Number of weights of a square convolution with a bias."""
    value = student(5, 3, 128)
    require(value != 9600, "each filter has a bias too: one more number for every filter")
    require(value != 9603, "there is one bias for each filter that comes out, not for each channel")
    require(value != 2048, "a filter looks at kernel * kernel pixels, not at kernel")
    require(value != 3328, "a filter looks at all channels that come in")
    require(value == 9728, f"a 5 x 5 convolution from 3 channels to 128 has 9728, not {value}")
    value = student(3, 1024, 2048)
    require(value == 18_876_416, f"from 1024 channels to 2048 with kernel 3: 18876416, not {value}")


@exercise
def pixel_shuffle(student) -> None:
    """Fold channels into space: (H, W, 4C) -> (2H, 2W, C)."""
    height, width, channels = 2, 3, 2
    features = np.arange(height * width * 4 * channels).reshape(height, width, 4 * channels)
    value = np.asarray(student(features.copy()))
    expected = _shuffled(features)
    require(
        value.shape == expected.shape,
        f"features of shape {features.shape} become {expected.shape}, not {value.shape}",
    )
    straight = features.reshape(expected.shape)
    require(
        not np.array_equal(value, straight),
        "a plain reshape tears the blocks apart: the two axes that count the rows must stand side "
        "by side before the last reshape, so transpose first",
    )
    turned = _shuffled(features, (0, 3, 1, 2, 4))
    interleaved = features.reshape(height, width, channels, 2, 2).transpose(0, 3, 1, 4, 2)
    require(
        not np.array_equal(value, interleaved.reshape(expected.shape)),
        "each *group* of C channels is one fine pixel: reshape to (H, W, 2, 2, C), C at the end",
    )
    require(
        not np.array_equal(value, turned),
        "the four fine pixels go row by row: right after down, not down after right",
    )
    require(np.array_equal(value, expected), "the shape is right, but the numbers are elsewhere")


def _shuffled(features: np.ndarray, axes: tuple[int, ...] = (0, 2, 1, 3, 4)) -> np.ndarray:
    height, width, channels = features.shape
    blocks = features.reshape(height, width, 2, 2, channels // 4).transpose(axes)
    return blocks.reshape(2 * height, 2 * width, channels // 4)


@exercise
def put_a_on_b(student) -> None:
    """Which parts swap a's face onto b."""
    value = student(
        "b's face",
        encoder=lambda face: f"code of {face}",
        decoder_a=lambda code: f"a by {code}",
        decoder_b=lambda code: f"b by {code}",
    )
    require(isinstance(value, str), "return the picture that a decoder paints")
    require("code of" in value, "a decoder needs a code: show the face to the encoder first")
    require(not value.startswith("code"), "the code is no picture yet: a decoder has to paint it")
    require(
        not value.startswith("b by"),
        "that is b again, as b was: whose face appears is decided by the decoder",
    )
    require(value == "a by code of b's face", "one encoder, then one decoder, nothing else")


@exercise
def mean_absolute_error(student) -> None:
    """MAE of uint8 pictures, as a share of white."""
    black, grey = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 51, np.uint8)
    value = student(black, grey)
    require(
        not np.isclose(value, 205 / 255) and not np.isclose(value, 205),
        "0 - 51 is 205 in uint8: make the pictures float before you subtract",
    )
    require(not np.isclose(value, 51), "give it as a share of white: divide by 255")
    require(value >= 0, "the error is negative: take the absolute difference")
    require(not np.isclose(value, 0.04), "that is the squared error: take the absolute difference")
    require(
        np.isclose(value, 0.2), f"a black picture against one of value 51 gives 0.2, not {value}"
    )
    half = black.copy()
    half[:2] = 102
    require(
        np.isclose(student(half, grey), 0.2),
        "too bright here and too dark there must not cancel: absolute values first, then the mean",
    )


@exercise
def to_model(student) -> None:
    """A point of the aligned face in the pixels of the model's crop."""
    size, middle = 64, (ALIGNED_SIZE - 1) / 2
    points = np.array([[middle, middle], [100.0, 150.0]])
    values = np.array([student(tuple(point), size) for point in points], np.float64)
    require(values.shape == points.shape, "return two numbers, x and y")
    whole = (points + 0.5) * size / ALIGNED_SIZE - 0.5
    require(
        not np.allclose(values, whole, atol=0.5),
        f"the network sees only the middle {MODEL_COVERAGE:.0%} of the aligned face, not all of it",
    )
    scale = size / (MODEL_COVERAGE * ALIGNED_SIZE)
    expected = transform_points(points, model_matrix(size))
    require(
        not np.allclose(values, points * scale, atol=0.8),
        "the size is right, but the crop does not begin in the corner of the aligned face",
    )
    require(
        np.allclose(values, expected, atol=1.0),
        f"the middle of the face, {middle}, is at {expected[0, 0]:.1f} of {size} pixels, "
        f"not at {values[0, 0]:.2f}",
    )
    require(
        np.allclose(values, expected, atol=0.01),
        "nearly: a pixel's number is its middle, so a picture begins at -0.5, not at 0",
    )


@exercise
def walk(student) -> None:
    """Codes in even steps from one to the other."""
    start, end = np.zeros((8, 8, 2), np.float32), np.full((8, 8, 2), 4, np.float32)
    value = np.asarray(student(start, end, 5))
    require(
        value.shape == (5, 8, 8, 2),
        f"5 codes of shape (8, 8, 2) have the shape (5, 8, 8, 2), not {value.shape}",
    )
    levels = value.mean((1, 2, 3))
    require(not np.isclose(levels[0], 4), "it goes backwards: the first code is `start`")
    require(np.isclose(levels[0], 0), f"the first code is `start` itself, not {levels[0]:.2f}")
    require(np.isclose(levels[-1], 4), "it stops before the end: the last code is `end` itself")
    require(np.allclose(np.diff(levels), 1), "all steps are equally long")
    other = np.random.default_rng(0).normal(size=(2, 8, 8, 2))
    middle = np.asarray(student(*other, 3))[1]
    require(np.allclose(middle, other.mean(0)), "half way is the mean of the two codes")
