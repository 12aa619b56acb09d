"""Looking up between pixels: the same numbers as scipy's and PyTorch's."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from deepfake_lesson.errors import LessonError
from deepfake_lesson.models import keras
from deepfake_lesson.models.sampling import bilinear_sample, coordinate_grid, resize

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 6, 9, 3)).astype(np.float32)
FAR = RNG.uniform(-2.5, 2.5, (2, 5, 7, 2)).astype(np.float32)
MODES = {"zeros": "grid-constant", "border": "nearest"}
MIRRORS = {True: "mirror", False: "reflect"}  # scipy's names for mirrors at centres and at edges


@pytest.fixture(scope="module")
def torch_made() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "data" / "published" / "sampling.npz") as arrays:
        return dict(arrays)


def indices(positions: np.ndarray, align_corners: bool) -> np.ndarray:
    """(2, N...) rows and columns of positions in a picture of 6 x 9."""
    x, y = positions[..., 0], positions[..., 1]
    if align_corners:
        return np.stack([(y + 1) / 2 * 5, (x + 1) / 2 * 8])
    return np.stack([((y + 1) * 6 - 1) / 2, ((x + 1) * 9 - 1) / 2])


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_it_samples_as_scipy_does(align_corners, padding):
    ours = np.asarray(bilinear_sample(IMAGES, FAR, align_corners, padding))
    mode = MODES.get(padding, MIRRORS[align_corners])
    for number in range(2):
        for channel in range(3):
            theirs = map_coordinates(
                IMAGES[number, ..., channel],
                indices(FAR[number].astype(np.float64), align_corners),
                order=1,
                mode=mode,
            )
            np.testing.assert_allclose(ours[number, ..., channel], theirs, atol=2e-5)


@pytest.mark.parametrize("corners", ["corners", "edges"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_it_samples_as_torch_does(torch_made, corners, padding):
    """`grid_sample` of PyTorch 1.12."""
    images, positions = torch_made["images"], torch_made["positions"]
    ours = bilinear_sample(images, positions, corners == "corners", padding)
    np.testing.assert_allclose(ours, torch_made[f"{padding}_{corners}"], atol=2e-5)


def test_it_resizes_as_torch_does(torch_made):
    """`interpolate(mode="bilinear")`, higher and narrower."""
    ours = resize(torch_made["images"], 13, 4)
    np.testing.assert_allclose(ours, torch_made["resized"], atol=2e-6)


def test_the_own_grid_gives_the_picture_back():
    grid = np.broadcast_to(coordinate_grid(6, 9), (2, 6, 9, 2))
    np.testing.assert_allclose(bilinear_sample(IMAGES, grid), IMAGES, atol=1e-6)


def test_errors_flow_back_into_positions():
    """On a ramp of slope 1 a pixel, a position in pixels is worth its distance."""
    ramp = np.broadcast_to(np.arange(9, dtype=np.float32)[None, None, :, None], (1, 6, 9, 1))
    position = keras.Variable(np.array([[[[0.1, 0.2]]]], np.float32))
    optimizer = keras.optimizers.SGD(1.0)
    model = Looker(position, ramp)
    model.compile(optimizer=optimizer, loss=lambda true, seen: keras.ops.sum(seen))
    model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1, 1, 1)))
    moved = np.array([[[[0.1, 0.2]]]]) - np.asarray(position)
    np.testing.assert_allclose(moved[0, 0, 0], [4, 0], atol=1e-4)  # 8 pixels for 2 units


class Looker(keras.Model):
    def __init__(self, position, picture):
        super().__init__()
        self.position, self.picture = position, picture

    def call(self, _):
        return bilinear_sample(keras.ops.convert_to_tensor(self.picture), self.position)


def test_it_resizes_edge_on_edge():
    """A picture twice as large has quarter positions; the middle of a ramp stays linear."""
    ramp = np.arange(4, dtype=np.float32)[None, None, :, None]
    larger = np.asarray(resize(ramp, 1, 8))[0, 0, :, 0]
    np.testing.assert_allclose(larger, [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], atol=1e-6)


def test_an_unknown_padding_is_refused():
    with pytest.raises(LessonError, match="padding 'black'"):
        bilinear_sample(IMAGES, FAR, padding="black")
