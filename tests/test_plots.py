"""The figures of the course: what is drawn is where it was asked for."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from deepfake_lesson import plots

SKY = np.array([0x56, 0xB4, 0xE9])


@pytest.fixture
def drawing():
    """A red picture at (1, 1) inches, a text at (5, 1), an arrow from one to the other."""
    red = np.full((8, 8, 3), (200, 0, 0), np.uint8)
    boxes = {"picture": (1, 1, red, "black"), "text": (5, 1, "words", "green")}
    return plots.diagram(boxes, [("sky", "picture", "text")], (6.5, 2)).image


def test_a_diagram_has_the_size_and_the_pictures_asked_for(drawing):
    assert drawing.shape == (192, 624, 3) and drawing.dtype == np.uint8
    assert np.abs(drawing[96, 96].astype(int) - (200, 0, 0)).max() <= 2
    assert drawing[96 - 60, 96 + 120].min() == 255, "white beside the boxes"


def test_an_arrow_joins_the_edges_of_its_boxes(drawing):
    is_sky = (np.abs(drawing.astype(int) - SKY).max(axis=-1) <= 2).any(axis=0)
    columns = np.flatnonzero(is_sky) / 96
    assert 1.8 <= columns[0] <= 2.0, "from the edge of the picture, 1.6 inches wide"
    assert 3.8 <= columns[-1] <= 4.05, "to the edge of the text's box, 1.9 inches wide"
    assert len(columns) > 0.95 * 96 * (columns[-1] - columns[0]), "without a gap"


def test_a_diagram_leaves_no_figure_open(drawing):
    assert not plt.get_fignums()


def test_a_gallery_shows_maps_in_grey():
    half = np.full((8, 8), 0.5, np.float32)
    picture = plots.gallery([np.zeros((8, 8, 3), np.uint8), half]).image
    assert (picture[4:12, 16:24] == 128).all()


def test_bars_of_a_unet_are_as_high_as_its_pictures():
    image = plots.unet([(256, 3), (128, 64), (64, 128)], [(128, 64), (256, 3)]).image.astype(int)
    for color in ("#0072B2", "#E69F00"):
        rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        heights = (np.abs(image - rgb).max(-1) <= 2).sum(0)
        tall, half = heights.max(), np.unique(heights[heights > 10])[-2:]
        assert abs(half[0] - tall / 2) <= 2, "128 pixels are half as high as 256"


def test_arrows_become_hues_and_their_lengths_strengths():
    flow = np.array([[[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, 0.0]]])
    right, left, down, still = plots.flow_picture(flow)[0].astype(int)
    assert right.tolist() == [255, 0, 0] and left.tolist() == [0, 255, 255]
    assert down[1] == down.max() > down[0] > down[2], "yellow-green, half as strong"
    assert len(set(still)) == 1
    np.testing.assert_array_equal(plots.flow_picture(flow * 9)[0], [right, left, down, still])
    assert plots.flow_picture(flow, strongest=2)[0, 0].max() < 255
    assert plots.flow_picture(np.zeros((2, 2, 2))).std() == 0
