"""Figures of the course in one style: large type, colours that colour-blind readers tell apart."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from deepfake_lesson.images import draw_figure, fit, grid, to_uint8

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
        images: RGB pictures (H, W, 3) or grey maps (H, W), uint8 or float in [0, 1].
        labels: as many texts, or none.
        columns: pictures in a row; all in one if not given.
        size: pixels of the longer side of each, instead of its own.
    """
    images = [np.dstack([image] * 3) if image.ndim == 2 else image for image in images]
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

    return Video(str(path), embed=True, width=width, html_attributes="controls loop")


def outlined(image: np.ndarray, mask: np.ndarray, color: str = "yellow") -> np.ndarray:
    """A copy of the RGB uint8 picture (H, W, 3) with a line where the mask (H, W) crosses 0.5."""
    import cv2

    inside = (mask > 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rgb = tuple(int(COLORS[color][i : i + 2], 16) for i in (1, 3, 5))
    return cv2.drawContours(image.copy(), outlines, -1, rgb, max(1, image.shape[1] // 190))


def flow_picture(flow: np.ndarray, strongest: float | None = None) -> np.ndarray:
    """Arrows as colours: where each of `flow` (H, W, 2) points is its hue, how far its strength.

    strongest: length of full colour, the longest if not given. To the right is red, downwards
    yellow-green, to the left cyan, upwards violet; grey is no motion. RGB uint8 (H, W, 3).
    """
    from matplotlib.colors import hsv_to_rgb

    length = np.linalg.norm(flow, axis=-1)
    hue = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1
    strength = np.clip(length / (strongest or length.max() or 1), 0, 1)
    value = 0.5 + 0.5 * strength
    return to_uint8(hsv_to_rgb(np.stack([hue, strength, value], axis=-1)))


def diagram(
    boxes: dict[str, tuple], paths: Sequence[Sequence[str]], size: tuple[float, float] = (10, 4)
) -> Picture:
    """Boxes with arrows between them.

    Args:
        boxes: for each name (x, y, content, color). x and y of the middle are in inches from the
            lower left corner, content is a text or an RGB picture, color a name in COLORS.
        paths: a color, then the names of boxes that arrows join in this order.
        size: width and height in inches, of 96 pixels each.
    """
    from matplotlib.figure import Figure

    figure = Figure(size, dpi=96, layout="none")
    axes = figure.add_axes((0, 0, 1, 1), aspect="equal")
    axes.axis("off")
    patches = {name: _draw_box(axes, *box) for name, box in boxes.items()}
    axes.set(xlim=(0, size[0]), ylim=(0, size[1]))
    look = {"arrowstyle": "-|>,head_width=0.35,head_length=0.6", "linewidth": 3}
    for color, *names in paths:
        for start, end in pairwise(names):
            ends = {"patchA": patches[start], "patchB": patches[end], "shrinkA": 4, "shrinkB": 4}
            arrow = look | ends | {"color": COLORS[color]}
            axes.annotate("", boxes[end][:2], boxes[start][:2], arrowprops=arrow)
    return Picture(draw_figure(figure))


def _draw_box(axes, x: float, y: float, content: str | np.ndarray, color: str):
    """One box of a diagram, a picture of 1.6 inches or a text."""
    from matplotlib.patches import FancyBboxPatch

    is_text = isinstance(content, str)
    width, height = (1.9, 1.0) if is_text else (1.6, 1.6)
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12" if is_text else "square,pad=0",
        facecolor="white",
        edgecolor=COLORS[color],
        linewidth=3,
    )
    axes.add_patch(patch)
    if is_text:
        axes.text(x, y, content, ha="center", va="center", fontsize=16)
    else:
        axes.imshow(content, extent=(x - 0.8, x + 0.8, y - 0.8, y + 0.8), zorder=0.5)
        patch.set_facecolor("none")
    return patch


def unet(encoder: Sequence[tuple[int, int]], decoder: Sequence[tuple[int, int]]) -> Picture:
    """A U-Net as a row of bars, high as its pictures and wide as they have channels.

    Arcs join what the encoder hands across to the decoder's picture of equal side.

    Args:
        encoder: (side in pixels, channels) of the picture that goes in and of what each step down
            makes of it.
        decoder: the same of each step up.
    """
    from matplotlib.figure import Figure

    figure = Figure((10, 3.8), dpi=96, layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    bars = [*encoder, *decoder]
    tallest, middles = max(side for side, _ in bars), []
    left = 0.0
    for place, (side, channels) in enumerate(bars):
        width, height = 0.08 + channels / 900, 2.5 * max(side / tallest, 0.012)
        color = COLORS["blue" if place < len(encoder) else "orange"]
        axes.bar(left, height, width, -height / 2, align="edge", color=color)
        middles.append((left + width / 2, height / 2))
        name = f"{side}\n{channels}"
        axes.text(middles[-1][0], -1.42, name, ha="center", va="top", fontsize=11)
        left += max(width, 0.34) + 0.16
    axes.text(-0.35, -1.42, "side\nchannels", ha="right", va="top", fontsize=11)
    sides = [side for side, _ in encoder]
    for place, (side, _) in enumerate(decoder[:-1], start=len(encoder)):
        start, end = middles[sides.index(side)], middles[place]
        look = {"arrowstyle": "-|>", "color": "#444444", "linewidth": 1.5}
        look["connectionstyle"] = f"arc3,rad={-0.9 / (1 + place - sides.index(side)) - 0.1}"
        axes.annotate("", end, start, arrowprops=look)
    axes.set(xlim=(-1.3, left), ylim=(-1.95, 1.5))
    axes.axis("off")
    return Picture(draw_figure(figure))


def timeline(axes, spans: dict[str, list[tuple[int, float, float]]], until: float) -> None:
    """Who works on what and when: a row for each worker, a numbered bar for each piece of work.

    Args:
        axes: Matplotlib axes to draw in.
        spans: for each worker, from the top, (number of the piece, start, end) in milliseconds. A
            piece has the same colour in all rows.
        until: milliseconds to show.
    """
    colors = list(COLORS.values())[:-1]
    for row, pieces in enumerate(spans.values()):
        for number, start, end in pieces:
            if end > until:
                continue
            color = colors[number % len(colors)]
            axes.barh(row, end - start, 0.8, start, color=color, edgecolor="white")
            middle = (start + end) / 2
            axes.text(middle, row, str(number), ha="center", va="center", fontsize=11)
    axes.set(xlim=(0, until), xlabel="milliseconds", yticks=range(len(spans)))
    axes.set_yticklabels(list(spans))
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
