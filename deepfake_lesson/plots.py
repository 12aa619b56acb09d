"""Figures of the course in one style: large type, colours that colour-blind readers tell apart."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepfake_lesson.images import fit, grid, to_uint8

# Okabe and Ito (2008), "Color Universal Design": distinct with any kind of colour vision.
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
QUALITY = 85  # of the JPEGs in a notebook


@dataclass(frozen=True, eq=False)
class Picture:
    """An RGB uint8 picture (H, W, 3) that a notebook shows."""

    image: np.ndarray

    def jpeg(self) -> bytes:
        """The picture as a JPEG file."""
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(self.image).save(stream, "jpeg", quality=QUALITY)
        return stream.getvalue()

    def _repr_jpeg_(self) -> bytes:
        return self.jpeg()

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"picture, {width} x {height} pixels"


def use_style() -> None:
    """Set Matplotlib's defaults for the course."""
    import matplotlib
    from cycler import cycler

    matplotlib.rcParams.update(
        {
            "axes.grid": True,
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.figsize": (8, 3.6),
            "font.size": 13,
            "grid.alpha": 0.3,
            "lines.linewidth": 2,
            "savefig.dpi": 96,
        }
    )


def gallery(
    images: Sequence[np.ndarray],
    labels: Sequence[str] | None = None,
    columns: int | None = None,
    size: int | None = None,
) -> Picture:
    """Pictures side by side, with a text under each.

    Args:
        images: RGB pictures, uint8 or float in [0, 1].
        labels: as many texts, or none.
        columns: pictures in a row; all in one if not given.
        size: pixels of the longer side of each, instead of its own.
    """
    if size:
        images = [fit(to_uint8(image), size) for image in images]
    return Picture(grid(images, columns or len(images), labels))


def live() -> Callable[[np.ndarray], None]:
    """A picture in the notebook that changes: call the result with each new RGB uint8 picture."""
    from IPython.display import display

    handle = display(Picture(np.full((2, 2, 3), 255, np.uint8)), display_id=True)
    return lambda image: handle.update(Picture(image))


def video(path: str | Path, width: int = 320):
    """A clip (mp4) inside the notebook, with its sound; keep it to a few seconds."""
    from IPython.display import Video

    return Video(filename=str(path), embed=True, width=width, html_attributes="controls loop")
