"""First order motion: the authors' own numbers, the mathematics, and the published checkpoints."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.models import first_order, keras
from deepfake_lesson.models.first_order import (
    FirstOrderConfig,
    FirstOrderModel,
    load_published,
    relative_keypoints,
)

DATA = Path(__file__).parent / "data" / "first_order"
CLOSE = 1e-4  # largest difference from the authors' outputs
SETTINGS = json.loads((DATA / "tiny_config.json").read_text())


def channels_last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 1, -1)


@pytest.fixture(scope="module")
def authors() -> dict[str, np.ndarray]:
    with np.load(DATA / "tiny_io.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tiny() -> FirstOrderModel:
    model = FirstOrderModel(FirstOrderConfig.from_published(SETTINGS))
    assert load_published(model, DATA / "tiny_state_dict.npz") == []
    return model


@pytest.fixture(scope="module")
def found(tiny, authors) -> dict[str, dict]:
    """Keypoints of the three pictures, and what is generated from source and driving."""
    pictures = {name: channels_last(authors[name]) for name in ("source", "driving")}
    pictures["initial"] = channels_last(authors["driving_initial"])
    points = {name: tiny.keypoints(images) for name, images in pictures.items()}
    made = tiny.generate(pictures["source"], points["source"], points["driving"])
    return points | {"made": made}


@pytest.mark.parametrize("picture", ["source", "driving", "initial"])
@pytest.mark.parametrize("kind", ["value", "jacobian"])
def test_keypoints_are_those_of_the_authors(found, authors, picture, kind):
    expected = authors[f"kp_{picture}_{kind}"]
    np.testing.assert_allclose(np.asarray(found[picture][kind]), expected, atol=CLOSE, rtol=0)


@pytest.mark.parametrize("name", ["mask", "occlusion_map", "deformed", "prediction"])
def test_pictures_are_those_of_the_authors(found, authors, name):
    expected = channels_last(authors[name])
    np.testing.assert_allclose(np.asarray(found["made"][name]), expected, atol=CLOSE, rtol=0)


@pytest.mark.parametrize("kind", ["value", "jacobian"])
def test_relative_keypoints_are_those_of_the_authors(found, authors, kind):
    one = {
        picture: {name: np.asarray(value)[:1] for name, value in found[picture].items()}
        for picture in ("source", "driving", "initial")
    }
    ours = relative_keypoints(one["source"], one["driving"], one["initial"])
    np.testing.assert_allclose(ours[kind], authors[f"kp_relative_{kind}"], atol=CLOSE, rtol=0)


@pytest.mark.parametrize(("bias", "kept"), [(50.0, "deformed"), (-50.0, "painted")])
def test_an_attention_mask_says_which_pixels_are_kept(tiny, found, authors, bias, kept):
    model = FirstOrderModel(replace(tiny.config, attention_mask=True))
    for part, network in tiny.networks.items():
        for layer in network.layers:
            if layer.weights:
                model.networks[part].get_layer(layer.name).set_weights(layer.get_weights())
    head = model.networks["decoder"].get_layer("attention_mask")
    head.set_weights([np.zeros(head.kernel.shape), np.full(1, bias)])
    source = channels_last(authors["source"])
    made = model.generate(source, found["source"], found["driving"])
    expected = found["made"]["deformed" if kept == "deformed" else "prediction"]
    np.testing.assert_allclose(made["prediction"], expected, atol=CLOSE)
    np.testing.assert_allclose(made["painted"], found["made"]["prediction"], atol=CLOSE)
    assert made["attention"].shape == (*source.shape[:3], 1)


def test_a_driver_who_does_not_move_moves_nothing():
    rng = np.random.default_rng(1)
    points = [
        {"value": rng.normal(size=(1, 5, 2)), "jacobian": np.eye(2) + rng.normal(size=(1, 5, 2, 2))}
        for _ in range(2)
    ]
    ours = relative_keypoints(points[0], points[1], points[1])
    for kind in ("value", "jacobian"):
        np.testing.assert_allclose(ours[kind], points[0][kind], atol=1e-5)


def test_absolute_jacobians_are_the_drivers():
    rng = np.random.default_rng(2)
    source, driving, first = (
        {"value": rng.normal(size=(1, 5, 2)), "jacobian": rng.normal(size=(1, 5, 2, 2))}
        for _ in range(3)
    )
    ours = relative_keypoints(source, driving, first, adapt_scale=False, relative_jacobian=False)
    np.testing.assert_array_equal(ours["jacobian"], driving["jacobian"])
    expected = source["value"] + driving["value"] - first["value"]
    np.testing.assert_allclose(ours["value"], expected, atol=1e-6)


def test_a_keypoint_is_the_mean_position_under_its_map():
    maps = np.zeros((1, 5, 9, 2), np.float32)
    maps[0, 0, 8, 0] = 1  # the upper right corner
    maps[0, 2, 2:7, 1] = 0.2  # about the middle
    points = np.asarray(first_order.heatmap_to_keypoints(maps))
    np.testing.assert_allclose(points, [[[1, -1], [0, 0]]], atol=1e-6)


def test_the_first_order_is_exact_for_an_affine_motion():
    """Keypoints that follow one affine map tell where every pixel came from."""
    rng = np.random.default_rng(3)
    matrix, shift = np.array([[0.9, 0.2], [-0.1, 1.1]]), np.array([0.1, -0.05])
    at = rng.uniform(-0.5, 0.5, (1, 4, 2)).astype(np.float32)
    local = (np.eye(2) + 0.2 * rng.normal(size=(1, 4, 2, 2))).astype(np.float32)
    driving = {"value": at, "jacobian": local}
    source = {"value": (at @ matrix.T + shift).astype(np.float32)}
    source["jacobian"] = (matrix @ local).astype(np.float32)
    motions = np.asarray(first_order.sparse_motions(source, driving, 6, 7))
    grid = np.asarray(first_order.coordinate_grid(6, 7))
    np.testing.assert_allclose(motions[0, :, :, 0], grid, atol=1e-6)
    for k in range(1, 5):
        np.testing.assert_allclose(motions[0, :, :, k], grid @ matrix.T + shift, atol=1e-5)


def test_the_inverse_is_numpys():
    matrices = np.random.default_rng(4).normal(size=(3, 5, 2, 2))
    np.testing.assert_allclose(first_order.inverse_2x2(matrices), np.linalg.inv(matrices))


def test_the_defaults_are_those_of_the_published_checkpoint(tmp_path):
    """All entries of vox-256 find their place, and these are the published sizes."""
    shapes = json.loads((DATA / "vox256_state_dict_shapes.json").read_text())
    config = FirstOrderConfig()
    model = FirstOrderModel(config)
    blur = first_order.gaussian_kernel(0.25)
    state = {
        f"{part}.{name}": np.zeros(shape, np.float32)
        if not name.endswith("down.weight")
        else np.broadcast_to(np.outer(blur, blur), shape)
        for part, entries in shapes.items()
        for name, shape in entries.items()
    }
    state["kp_detector.kp.bias"] = np.arange(10, dtype=np.float32)
    state["discriminator.conv.weight"] = np.zeros(3, np.float32)
    np.savez_compressed(tmp_path / "vox.npz", **state)
    assert load_published(model, tmp_path / "vox.npz") == ["discriminator.conv.weight"]
    bias = model.networks["kp_detector"].get_layer("kp").bias
    np.testing.assert_array_equal(bias, np.arange(10))
    counts = {name: count_trained(network) for name, network in model.networks.items()}
    assert counts["kp_detector"] == 14_215_368
    assert sum(counts.values()) - counts["kp_detector"] == 45_575_391


def count_trained(network: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("generator.final.bias"), "has no generator.final.bias"),
        (
            lambda state: state.update({"kp_detector.kp.weight": np.zeros((4, 11, 3, 3))}),
            r"kp_detector.kp.weight is \(3, 3, 11, 4\), and the model wants \(7, 7, 11, 4\)",
        ),
        (
            lambda state: state.update({"kp_detector.down.weight": np.ones((3, 1, 13, 13))}),
            "kp_detector.down.weight is another blur",
        ),
    ],
)
def test_a_wrong_checkpoint_is_refused_and_changes_nothing(tiny, tmp_path, change, said):
    with np.load(DATA / "tiny_state_dict.npz") as arrays:
        state = dict(arrays)
    change(state)
    np.savez(tmp_path / "wrong.npz", **state)
    model = FirstOrderModel(tiny.config)
    before = [network.get_weights() for network in model.networks.values()]
    with pytest.raises(ModelError, match=said):
        load_published(model, tmp_path / "wrong.npz")
    for one, network in zip(before, model.networks.values(), strict=True):
        for pair in zip(one, network.get_weights(), strict=True):
            np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize("wrong", [{}, {"common_params": {}}, SETTINGS | {"kp_detector_params": 3}])
def test_settings_that_cannot_be_used_are_refused(wrong):
    with pytest.raises(LessonError, match="first order motion settings"):
        FirstOrderConfig.from_published(wrong)


def test_a_whole_settings_file_is_read_too():
    whole = {"model_params": SETTINGS, "train_params": {"num_epochs": 100}}
    assert FirstOrderConfig.from_published(whole) == FirstOrderConfig.from_published(SETTINGS)
