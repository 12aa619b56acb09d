"""Controls that call a plain function, without a front end."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from deepfake_lesson import widgets
from deepfake_lesson.errors import LessonError
from deepfake_lesson.plots import Picture

VIEW = "application/vnd.jupyter.widget-view+json"


def striped(bright_rows: int, colour: str = "red", upside_down: bool = False) -> np.ndarray:
    """A picture that shows each of its arguments."""
    picture = np.zeros((60, 240, 3), np.uint8)
    picture[:bright_rows, :, ["red", "green", "blue"].index(colour)] = 200
    return picture[::-1] if upside_down else picture


def shown(explorer: widgets.Explorer) -> dict:
    """What a notebook gets."""
    return DisplayFormatter().format(explorer)[0]


def decoded(picture: str | bytes) -> np.ndarray:
    data = base64.b64decode(picture) if isinstance(picture, str) else picture
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture
def stripes() -> widgets.Explorer:
    return widgets.explore(
        striped, bright_rows=(0, 60, 10, 20), colour=["red", "blue"], upside_down=False
    )


def test_the_picture_for_the_start_values_is_there(stripes):
    assert stripes.image.value == Picture(striped(20, "red", False)).jpeg()


@pytest.mark.parametrize(
    "name, value", [("bright_rows", 50), ("colour", "blue"), ("upside_down", True)]
)
def test_moving_a_control_draws_the_picture_for_its_value(stripes, name, value):
    stripes.controls[name].value = value
    expected = striped(**{"bright_rows": 20, "colour": "red", "upside_down": False, name: value})
    assert stripes.image.value == Picture(expected).jpeg()


def test_a_saved_notebook_has_the_picture_and_what_it_was_drawn_with(stripes):
    data = shown(stripes)
    assert set(data) == {"text/plain", VIEW, "image/jpeg"}
    assert data["text/plain"] == "striped: bright rows = 20, colour = red, upside down = no"
    assert data[VIEW]["model_id"] == stripes.box.model_id
    still = decoded(data["image/jpeg"])
    error = np.abs(still[:60].astype(int) - striped(20)).mean()
    assert still.shape[0] > 60 and still.shape[1] == 240 and error < 5


def test_the_line_below_a_still_picture_names_the_values():
    explorer = widgets.explore(lambda amount: striped(20), amount=(0, 1, 0.25, 0.5))
    before = decoded(shown(explorer)["image/jpeg"])
    explorer.controls["amount"].value = 0.75
    after = decoded(shown(explorer)["image/jpeg"])
    assert (after[:56] == before[:56]).all() and (after[64:] != before[64:]).any()


def test_many_values_take_more_lines_of_the_same_height():
    names = ("distance", "focal_length", "exposure")
    one = widgets.explore(lambda distance: striped(20), distance=(0, 9, 1, 1))
    three = widgets.explore(lambda **values: striped(20), **dict.fromkeys(names, (0, 9, 1, 1)))
    heights = [len(decoded(shown(explorer)["image/jpeg"])) - 60 for explorer in (one, three)]
    assert heights[1] in (2 * heights[0], 3 * heights[0])


def test_the_plain_way_draws_without_moving_anything(stripes):
    picture = stripes.picture(bright_rows=40)
    assert isinstance(picture, Picture) and (picture.image == striped(40)).all()
    assert stripes.values == {"bright_rows": 20, "colour": "red", "upside_down": False}
    stripes.controls["colour"].value = "blue"
    assert (stripes.picture().image == striped(20, "blue")).all()


def test_a_function_gets_integers_where_all_four_numbers_are():
    explorer = widgets.explore(
        lambda whole, part: striped(whole + int(10 * part)),
        whole=(0, 9, 1, 2),
        part=(0, 1, 0.001, 1),
    )
    kinds = {name: type(value) for name, value in explorer.values.items()}
    assert kinds == {"whole": int, "part": float}
    assert explorer.controls["part"].readout_format == ".3f"  # as fine as its steps


def test_labels_are_words(stripes):
    labels = [control.description for control in stripes.controls.values()]
    assert labels == ["bright rows", "colour", "upside down"]


def test_choices_keep_their_kind():
    explorer = widgets.explore(striped, bright_rows=[10, 30], upside_down=[True, False])
    assert explorer.values == {"bright_rows": 10, "upside_down": True}
    assert [label for label, _ in explorer.controls["upside_down"].options] == ["yes", "no"]


def test_a_figure_is_shown_as_a_png_and_closed():
    def line(slope):
        figure, axes = plt.subplots(figsize=(4, 3), dpi=100)
        axes.plot([0, 1], [0, slope])
        return figure

    before = plt.get_fignums()
    explorer = widgets.explore(line, slope=(0.0, 2.0, 0.5, 1.0))
    first = explorer.image.value
    explorer.controls["slope"].value = 2.0
    assert explorer.image.value != first and explorer.image.format == "png"
    height, width = decoded(explorer.image.value).shape[:2]
    assert width / height == pytest.approx(4 / 3, abs=0.01)
    assert decoded(shown(explorer)["image/png"]).shape[1] == width
    assert explorer.picture().image.shape == (height, width, 3)
    assert plt.get_fignums() == before


def test_a_figure_of_a_function_that_fails_is_closed():
    def broken(size):
        plt.subplots()
        raise ValueError(size)

    before = plt.get_fignums()
    with pytest.raises(ValueError):
        widgets.explore(broken, size=(1, 5, 1, 2))
    assert plt.get_fignums() == before


def test_a_mistake_while_moving_is_shown_in_one_line_and_goes_away():
    def picky(bright_rows):
        if bright_rows > 30:
            raise ValueError("more than\n<30> rows")
        return striped(bright_rows)

    explorer = widgets.explore(picky, bright_rows=(0, 60, 10, 20))
    before = shown(explorer)
    explorer.controls["bright_rows"].value = 40
    assert "ValueError: more than &lt;30&gt; rows" in explorer.message.value
    assert explorer.message.layout.display != "none"
    assert explorer.image.layout.visibility == "hidden"
    assert shown(explorer) == before, "the still picture is the last one that was drawn"
    explorer.controls["bright_rows"].value = 30
    assert not explorer.message.value and explorer.message.layout.display == "none"
    assert explorer.image.layout.visibility == "visible"
    assert explorer.image.value == Picture(striped(30)).jpeg()


def test_a_slider_of_a_slow_function_acts_when_it_is_let_go(stripes, monkeypatch):
    slider = stripes.controls["bright_rows"]
    monkeypatch.setattr(widgets, "SLOW", 0)
    slider.value = 30
    assert not slider.continuous_update
    monkeypatch.setattr(widgets, "SLOW", 60)
    slider.value = 40
    assert slider.continuous_update


@pytest.mark.parametrize(
    "wish",
    [
        7,
        "red",
        None,
        [],
        (0, 60, 20),
        (0, 60, 10, "20"),
        (0, 60, 10, 70),
        (60, 0, 10, 20),
        (0, 60, 0, 20),
    ],
)
def test_a_wrong_control_is_named(wish):
    with pytest.raises(LessonError, match="bright_rows"):
        widgets.explore(striped, bright_rows=wish)


def test_a_name_that_the_function_does_not_take_is_named():
    with pytest.raises(LessonError, match=r"striped.*'rows'"):
        widgets.explore(striped, rows=(0, 60, 10, 20))


def test_a_missing_control_is_named():
    with pytest.raises(LessonError, match=r"striped.*'bright_rows'"):
        widgets.explore(striped, colour=["red", "blue"])


@pytest.mark.parametrize("returned", [None, np.zeros((4, 4)), np.zeros((4, 4, 3)), "picture.png"])
def test_a_function_that_returns_no_picture_is_told_what_to_return(returned):
    with pytest.raises(LessonError, match="RGB uint8 picture"):
        widgets.explore(lambda size: returned, size=(1, 5, 1, 2))
