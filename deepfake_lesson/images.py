"""Pictures in and out: always RGB uint8 (H, W, 3), upright; and small tools to lay them out."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFile, ImageFont, ImageOps

from deepfake_lesson.errors import MediaError
from deepfake_lesson.files import replacing

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
JPEG_QUALITY = 95
PNG_EFFORT = 1  # of 9: three times faster than Pillow's 6, files 8 % larger


def read_image(path: str | Path) -> np.ndarray:
    """Read a picture of any usual kind as RGB uint8 (H, W, 3).

    The picture is turned upright (EXIF orientation), transparent parts are laid on white, 16-bit
    values are scaled to 8 bits and grey gets three equal channels.

    Raises:
        MediaError: no such file, an empty or cut-off file, or not a picture.
    """
    path = Path(path)
    if not path.is_file():
        raise MediaError(path, "there is no such file", "Check the name and the folder.")
    if path.stat().st_size == 0:
        raise MediaError(path, "the file is empty", "Copy or download it again.")
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # face_recognition, once imported, turns it on for all
    try:
        with Image.open(path) as picture:
            return _to_rgb(ImageOps.exif_transpose(picture))
    except Image.UnidentifiedImageError as error:
        raise MediaError(path, "not a picture", "Give a PNG, JPEG or other picture.") from error
    except Image.DecompressionBombError as error:
        raise MediaError(path, "the picture is too large", "Scale it down first.") from error
    except (OSError, SyntaxError, ValueError) as error:
        problem = f"the picture is cut off or damaged ({error})"
        raise MediaError(path, problem, "Copy or download it again.") from error


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an RGB uint8 picture (H, W, 3); the suffix of `path` chooses the format.

    Raises:
        MediaError: the suffix names no picture format.
        DiskFullError: the disk is full; nothing is left behind.
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise MediaError(path, f"unknown picture format {path.suffix!r}", f"Use one of {known}.")
    picture = Image.fromarray(_check_rgb(image))
    with replacing(path) as draft:
        picture.save(draft, quality=JPEG_QUALITY, compress_level=PNG_EFFORT)


def is_image(path: str | Path) -> bool:
    """Whether the name is that of a picture; hidden files are none."""
    path = Path(path)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(folder: str | Path) -> list[Path]:
    """The pictures of a folder, sorted by name; other files and sub-folders are left out."""
    return sorted(path for path in Path(folder).iterdir() if is_image(path) and path.is_file())


def fit(image: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Return a resized copy (H', W', 3) uint8.

    Args:
        image: RGB uint8 (H, W, 3).
        size: pixels of the longer side (the shape is kept), or exactly (width, height).
    """
    height, width = image.shape[:2]
    if isinstance(size, int):
        scale = size / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrinks = size[0] * size[1] < width * height
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def to_float(image: np.ndarray) -> np.ndarray:
    """Map uint8 [0, 255] to float32 [0, 1]; floats pass through as float32."""
    if image.dtype == np.uint8:
        return image.astype(np.float32) / 255
    return image.astype(np.float32)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Map floats [0, 1] to uint8 [0, 255], rounded and clipped; uint8 passes through."""
    if image.dtype == np.uint8:
        return image
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


def grid(
    images: Sequence[np.ndarray],
    columns: int,
    labels: Sequence[str] | None = None,
    pad: int = 4,
    background: int = 255,
) -> np.ndarray:
    """Lay pictures out row by row, each in the middle of a cell as large as the largest picture.

    Args:
        images: RGB pictures, uint8 or float [0, 1], of any sizes; at least one.
        columns: cells in a row.
        labels: a text under each picture.
        pad: pixels between and around the cells.
        background: grey value [0, 255] of what no picture covers.

    Returns:
        RGB uint8 picture.
    """
    images = [to_uint8(image) for image in images]
    if labels is not None:
        images = [label_picture(*pair) for pair in zip(images, labels, strict=True)]
    cell_height = max(image.shape[0] for image in images)
    cell_width = max(image.shape[1] for image in images)
    rows = math.ceil(len(images) / columns)
    shape = (rows * (cell_height + pad) + pad, columns * (cell_width + pad) + pad, 3)
    sheet = np.full(shape, background, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        height, width = image.shape[:2]
        top = pad + row * (cell_height + pad) + (cell_height - height) // 2
        left = pad + column * (cell_width + pad) + (cell_width - width) // 2
        sheet[top : top + height, left : left + width] = image
    return sheet


def label_picture(
    image: np.ndarray,
    text: str,
    height: int | None = None,
    foreground: int = 0,
    background: int = 255,
) -> np.ndarray:
    """Return the picture with a band of text below it.

    Args:
        image: RGB uint8 (H, W, 3).
        text: one line; its letters shrink until it fits the width.
        height: pixels of the band, a ninth of the width (at least 16) if not given.
        foreground: grey value of the letters.
        background: grey value of the band.

    Returns:
        RGB uint8 (H + height, W, 3).
    """
    width = image.shape[1]
    height = height or max(16, width // 9)
    band = Image.new("RGB", (width, height), (background,) * 3)
    font = _fitting_font(text, width - 4, round(height * 0.72))
    center = (width / 2, height / 2)
    ImageDraw.Draw(band).text(center, text, fill=(foreground,) * 3, font=font, anchor="mm")
    return np.concatenate([image, np.asarray(band)])


def draw_figure(figure) -> np.ndarray:
    """A Matplotlib figure as an RGB uint8 picture (H, W, 3), without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _to_rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith(("I", "F")):
        return np.stack([_scale_to_uint8(np.asarray(picture))] * 3, axis=-1)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"))


def _scale_to_uint8(values: np.ndarray) -> np.ndarray:
    """Scale 16-bit or float grey values to [0, 255]; the maximum tells which they are."""
    is_unit = values.dtype.kind == "f" and values.max(initial=0) <= 1
    return to_uint8(values / (1.0 if is_unit else 65535.0))


def _check_rgb(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected RGB uint8 (H, W, 3), got {image.dtype} {image.shape}")
    return np.ascontiguousarray(image)


def _fitting_font(text: str, width: int, size: int) -> ImageFont.FreeTypeFont:
    needed = _font(size).getlength(text)
    return _font(size if needed <= width else max(1, int(size * width / needed)))


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with Matplotlib and knows far more letters than Pillow's own."""
    import matplotlib

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(path, size)
