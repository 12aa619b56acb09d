"""A network as a graph for inference: the same numbers as Keras, whatever runs it."""

import numpy as np
import pytest

from deepfake_lesson import export
from deepfake_lesson.errors import LessonError
from deepfake_lesson.models.autoencoder import AutoencoderConfig, build_autoencoder, swap_path
from deepfake_lesson.models.pix2pix import Pix2pixConfig, build_generator

INSTALLED = ("keras", export.best_engine())
NETWORKS = {
    "generator": lambda: build_generator(Pix2pixConfig(64, 4)),
    "swap": lambda: swap_path(build_autoencoder(AutoencoderConfig(64, 1 / 16)), "a"),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return NETWORKS[request.param]()


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).uniform(0, 1, (2, 64, 64, 3)).astype(np.float32)


@pytest.mark.parametrize("engine", INSTALLED)
def test_it_computes_what_keras_computes(network, pictures, engine):
    painted = export.fast_function(network, engine)(pictures)
    np.testing.assert_allclose(painted, network(pictures, training=False), atol=1e-5)


def test_one_picture_and_several_give_the_same(network, pictures):
    function = export.fast_function(network)
    one_by_one = np.concatenate([function(pictures[:1]), function(pictures[1:])])
    np.testing.assert_allclose(one_by_one, function(pictures), atol=1e-5)


def test_an_earlier_result_is_not_overwritten(network, pictures):
    function = export.fast_function(network)
    first = function(pictures)
    kept = first.copy()
    function(1 - pictures)
    np.testing.assert_array_equal(first, kept)


def test_an_unknown_engine_is_refused(network):
    with pytest.raises(LessonError, match="is unknown"):
        export.fast_function(network, "abacus")


@pytest.mark.skipif(export.best_engine() != "keras", reason="an engine is installed")
def test_a_missing_engine_comes_with_the_command_that_installs_it(network):
    missing = next(name for name in export.ENGINES if name != "keras")
    with pytest.raises(LessonError, match="pip install"):
        export.fast_function(network, missing)
