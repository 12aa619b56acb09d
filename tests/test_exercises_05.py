"""The checks of chapter 05 tell right answers from typical mistakes."""

import numpy as np
import pytest

from deepfake_lesson.exercises import NOT_TRIED
from deepfake_lesson.exercises import chapter_05 as check
from deepfake_lesson.landmarks import model_matrix, transform_points

GRID = (64, 0.70 * 256)  # pixels of the model's crop, and how many of the aligned face it covers


def reshaped(features, order, shape):
    height, width, channels = features.shape
    blocks = features.reshape(height, width, *shape(channels // 4)).transpose(order)
    return blocks.reshape(2 * height, 2 * width, channels // 4)


def rows_first(channels):
    return 2, 2, channels


RIGHT = {
    "conv_parameters": lambda kernel, inputs, filters: (kernel**2 * inputs + 1) * filters,
    "pixel_shuffle": lambda features: reshaped(features, (0, 2, 1, 3, 4), rows_first),
    "put_a_on_b": lambda face, encoder, decoder_a, decoder_b: decoder_a(encoder(face)),
    "mean_absolute_error": lambda truth, painted: np.abs(truth / 255 - painted / 255).mean(),
    "to_model": lambda point, size: transform_points(np.array(point), model_matrix(size)),
    "walk": np.linspace,
}
WRONG = [
    ("conv_parameters", lambda k, inputs, filters: k**2 * inputs * filters, "bias"),
    ("conv_parameters", lambda k, inputs, filters: (k * inputs + 1) * filters, "kernel * kernel"),
    ("conv_parameters", lambda k, inputs, filters: (k**2 + 1) * filters, "all channels"),
    (
        "conv_parameters",
        lambda k, inputs, filters: (k**2 * filters + 1) * inputs,
        "for each filter",
    ),
    ("pixel_shuffle", lambda f: f.reshape(4, 6, 2), "transpose"),
    ("pixel_shuffle", lambda f: f, "not (2, 3, 8)"),
    ("pixel_shuffle", lambda f: reshaped(f, (0, 3, 1, 2, 4), rows_first), "row by row"),
    ("pixel_shuffle", lambda f: reshaped(f, (0, 3, 1, 4, 2), lambda c: (c, 2, 2)), "*group*"),
    ("put_a_on_b", lambda face, encoder, decoder_a, decoder_b: decoder_b(encoder(face)), "b again"),
    ("put_a_on_b", lambda face, encoder, decoder_a, decoder_b: decoder_a(face), "a code"),
    ("put_a_on_b", lambda face, encoder, decoder_a, decoder_b: encoder(face), "no picture yet"),
    ("mean_absolute_error", lambda t, p: np.abs(t - p).mean() / 255, "uint8"),
    ("mean_absolute_error", lambda t, p: np.abs(t.astype(float) - p).mean(), "share of white"),
    ("mean_absolute_error", lambda t, p: (t / 255 - p / 255).mean(), "negative"),
    ("mean_absolute_error", lambda t, p: ((t / 255 - p / 255) ** 2).mean(), "squared"),
    ("mean_absolute_error", lambda t, p: abs((t / 255 - p / 255).mean()), "cancel"),
    ("to_model", lambda p, size: [x * size / 256 for x in p], "70%"),
    ("to_model", lambda p, size: [x * size / GRID[1] for x in p], "corner"),
    ("to_model", lambda p, size: [(x - 38.4) * size / GRID[1] for x in p], "-0.5"),
    ("walk", lambda start, end, steps: np.linspace(end, start, steps), "backwards"),
    ("walk", lambda start, end, steps: np.linspace(start, end, steps, False), "before the end"),
    ("walk", lambda start, end, steps: start + (end - start) / 2, "(5, 8, 8, 2)"),
    ("walk", lambda start, end, steps: np.geomspace(start + 1, end + 1, steps) - 1, "equally"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_is_right(name):
    answer = getattr(check, name)(RIGHT[name])
    assert answer.right, answer


@pytest.mark.parametrize(
    ("name", "student", "hint"), WRONG, ids=[f"{name}-{hint}" for name, _, hint in WRONG]
)
def test_a_mistake_gets_its_hint(name, student, hint):
    answer = getattr(check, name)(student)
    assert not answer.right and hint in answer.hint, answer


@pytest.mark.parametrize("name", RIGHT)
def test_an_untouched_answer_is_not_tried(name):
    def untouched(*arguments, **named):
        raise NotImplementedError

    assert getattr(check, name)(untouched).verdict == NOT_TRIED


def test_the_formula_for_crops_is_that_of_the_package():
    def by_hand(point, size):
        begin = (1 - 0.70) / 2 * 256 - 0.5
        return [(x - begin) * size / (0.70 * 256) - 0.5 for x in point]

    assert check.to_model(by_hand).right
