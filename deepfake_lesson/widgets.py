"""Controls that call a plain function and show the picture that it returns.

    widgets.explore(blended, softness=(0, 20, 1, 5), method=["feather", "poisson"], outline=False)

Only what ipywidgets 7 (Colab) and 8 (JupyterLab) have in common is used. Where nothing can be
moved, as in a saved notebook, the picture stands with a line that names the values.
"""

import base64
import html
import inspect
import io
import textwrap
import time
from collections.abc import Callable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from deepfake_lesson.errors import LessonError
from deepfake_lesson.images import label_picture
from deepfake_lesson.plots import Picture

SLOW = 0.15  # seconds; a slider of a slower function acts when it is let go
CONTROLS = (
    "Give (low, high, step, start) for a slider, a list of choices, or True or False for a box."
)


class Explorer:
    """A function with its controls and its picture; a notebook shows them.

    Attributes:
        function: what draws.
        controls: the widget of each name; its `value` can be read and set.
        image: the widget with the picture, a JPEG, or a PNG if the function returns figures.
        message: the widget with what went wrong when a control was moved; empty if nothing did.
    """

    def __init__(self, function: Callable[..., Any], controls: dict[str, ipywidgets.Widget]):
        self.function = function
        self.controls = controls
        # In its own size, or as wide as the page: a box would stretch it.
        self.image = ipywidgets.Image(layout={"align_self": "flex-start", "max_width": "100%"})
        self.message = ipywidgets.HTML(layout={"display": "none"})
        self.box = ipywidgets.VBox([*controls.values(), self.message, self.image])
        self._draw()
        for control in controls.values():
            control.observe(self._moved, "value")

    @property
    def values(self) -> dict[str, Any]:
        """Where the controls stand."""
        return {name: control.value for name, control in self.controls.items()}

    def picture(self, **values: Any) -> Picture:
        """The function's picture for these values, and for the controls' where none is given."""
        return Picture(_pixels(_call(self.function, self.values | values)))

    def _draw(self) -> None:
        start = time.perf_counter()
        values = self.values
        drawn = _call(self.function, values)
        self._pixels = _pixels(drawn)
        self._caption = ", ".join(f"{_label(name)} = {_text(x)}" for name, x in values.items())
        self.image.format = "jpeg" if drawn is self._pixels else "png"
        self.image.value = _encoded(self._pixels, self.image.format)
        slow = time.perf_counter() - start > SLOW
        for control in self.controls.values():
            if control.has_trait("continuous_update"):
                control.continuous_update = not slow

    def _moved(self, _change: Any) -> None:
        try:
            self._draw()
            self.message.value = ""
        except Exception as error:  # anything: a callback has no cell to show a traceback in
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            self.message.value = f"<b>No picture for these values.</b> {html.escape(problem)}"
        self.message.layout.display = "" if self.message.value else "none"
        self.image.layout.visibility = "hidden" if self.message.value else "visible"

    def __repr__(self) -> str:
        return f"{_name(self.function)}: {self._caption}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        still = _encoded(_with_caption(self._pixels, self._caption), self.image.format)
        return {
            "text/plain": repr(self),
            "application/vnd.jupyter.widget-view+json": view,
            f"image/{self.image.format}": base64.b64encode(still).decode(),
        }


def explore(function: Callable[..., Any], /, **controls: Any) -> Explorer:
    """Show what a function draws, with controls for its arguments.

    Args:
        function: `function(**values)` returns an RGB uint8 picture (H, W, 3) or a Matplotlib
            figure, which is closed afterwards.
        controls: for each argument `(low, high, step, start)` for a slider, of integers if all four
            are; a list of choices, of which the first is the start; or True or False for a box.

    Raises:
        LessonError: a control is none of these, the function does not take these arguments, or it
            returns something else.
    """
    try:
        inspect.signature(function).bind_partial(**controls)  # none too many,
        inspect.signature(function).bind(**controls)  # none missing
    except TypeError as error:
        remedy = "Give one control for each argument of the function."
        raise LessonError(_name(function), str(error), remedy) from None
    width = f"{max(map(len, controls), default=0) + 2}ch"
    return Explorer(function, {name: _control(name, controls[name], width) for name in controls})


def _control(name: str, wish: Any, width: str) -> ipywidgets.Widget:
    """The widget for one argument, with its label in a column of this width."""
    look = {"description": _label(name), "style": {"description_width": width}}
    if isinstance(wish, bool):
        return ipywidgets.Checkbox(value=wish, **look)
    if isinstance(wish, list) and wish:
        options = [(_text(choice), choice) for choice in wish]
        return ipywidgets.Dropdown(options=options, value=wish[0], **look)
    if isinstance(wish, tuple) and len(wish) == 4 and all(isinstance(x, Real) for x in wish):
        return _slider(name, wish, look | {"layout": {"width": "32em", "max_width": "100%"}})
    raise LessonError(f"control {name}", f"{wish!r} is no control", CONTROLS)


def _slider(name: str, wish: tuple, look: dict[str, Any]) -> ipywidgets.Widget:
    low, high, step, start = wish
    if not (low <= start <= high and low < high and step > 0):
        problem = f"{wish!r} is not low <= start <= high with a positive step"
        raise LessonError(f"control {name}", problem, CONTROLS)
    ends = {"min": low, "max": high, "step": step, "value": start}
    if all(isinstance(x, Integral) for x in wish):
        return ipywidgets.IntSlider(**ends, **look)
    digits = max(-Decimal(str(x)).as_tuple().exponent for x in (low, step, start))
    return ipywidgets.FloatSlider(**ends, **look, readout_format=f".{max(digits, 0)}f")


def _call(function: Callable[..., Any], values: dict[str, Any]) -> Any:
    """What the function returns; figures that it opens are closed, or the notebook shows them."""
    before = set(plt.get_fignums())
    try:
        return function(**values)
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def _pixels(drawn: Any) -> np.ndarray:
    """A picture as it is, a figure as RGB uint8 (H, W, 3)."""
    if isinstance(drawn, np.ndarray) and drawn.dtype == np.uint8 and drawn.shape[2:] == (3,):
        return drawn
    if isinstance(drawn, Figure):
        stream = io.BytesIO()
        drawn.savefig(stream, format="png")
        return np.array(Image.open(stream).convert("RGB"))
    got = getattr(drawn, "shape", "")
    remedy = "Return an RGB uint8 picture (H, W, 3) or a Matplotlib figure."
    raise LessonError("the function", f"it returned {type(drawn).__name__} {got}".strip(), remedy)


def _encoded(pixels: np.ndarray, kind: str) -> bytes:
    """A picture file of the kind "jpeg" or "png"."""
    if kind == "jpeg":
        return Picture(pixels).jpeg()
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def _with_caption(pixels: np.ndarray, caption: str) -> np.ndarray:
    """The picture with the words below it, on as many lines as they need."""
    width = pixels.shape[1]
    height = max(20, width // 40)
    joined = caption.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    for line in textwrap.wrap(joined, 2 * width // height, break_long_words=False):
        pixels = label_picture(pixels, line, height)
    return pixels


def _label(name: str) -> str:
    return name.replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", "the function")
