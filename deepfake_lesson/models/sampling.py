"""Looking a picture up between its pixels: how a network moves things.

Positions are (x, y) in [-1, 1] over the picture. Two conventions are in use. With `align_corners`,
-1 and 1 are the *centres* of the outermost pixels; without it, they are the *edges* of the picture.
A model trained with one and run with the other is shifted by up to half a pixel, more the smaller
the picture.
"""

from keras import ops

from deepfake_lesson.errors import check_choice

PADDINGS = ("zeros", "border", "reflection")


def coordinate_grid(height: int, width: int):
    """The position of every pixel, corners at pixel centres: (height, width, 2) float32."""
    x, y = (ops.linspace(-1.0, 1.0, side) for side in (width, height))
    return ops.stack(ops.meshgrid(x, y, indexing="xy"), axis=-1)


def bilinear_sample(images, positions, align_corners: bool = True, padding: str = "zeros"):
    """Look `images` up at `positions`: (N, h, w, C) in the images' dtype.

    images: (N, H, W, C). positions: (N, h, w, 2) float32. padding: what lies beyond the border:
    black ("zeros"), the outermost pixel ("border"), or the picture mirrored ("reflection", at
    pixel centres with align_corners, else at the edges). Between the four nearest pixels it is
    linear, so that errors flow back into both arguments (Jaderberg et al. 2015, "Spatial
    Transformer Networks"). Raises LessonError for an unknown padding.
    """
    check_choice("padding", padding, PADDINGS)
    height, width, channels = images.shape[1:]
    x, y = (
        _pixels(positions[..., axis], side, align_corners, padding)
        for axis, side in enumerate((width, height))
    )
    left, top = ops.floor(x), ops.floor(y)
    flat = ops.reshape(images, (-1, channels))
    first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None] * (height * width)
    total = 0.0
    for row, down in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, right in ((left, 1 - (x - left)), (left + 1, x - left)):
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            weight = ops.where(inside, down * right, 0.0)
            i, j = (
                ops.cast(ops.clip(index, 0, side - 1), "int32")
                for index, side in ((row, height), (column, width))
            )
            pixels = ops.take(flat, first + i * width + j, axis=0)
            total += ops.cast(weight[..., None], images.dtype) * pixels
    return total


def resize(images, height: int, width: int):
    """(N, H, W, C) to (N, height, width, C), linear between pixels, edges on edges."""
    if images.shape[1:3] == (height, width):
        return images
    return ops.image.resize(
        images, (height, width), interpolation="bilinear", data_format="channels_last"
    )


def _pixels(position, side: int, align_corners: bool, padding: str):
    """Positions in [-1, 1] as indices of pixels, brought back inside as `padding` says."""
    index = (position + 1) / 2 * (side - 1) if align_corners else ((position + 1) * side - 1) / 2
    if padding == "reflection":
        edge, span = (0.0, side - 1) if align_corners else (-0.5, side)
        away = ops.mod(ops.abs(index - edge), 2 * span) if span else ops.zeros_like(index)
        index = edge + ops.minimum(away, 2 * span - away)
    return index if padding == "zeros" else ops.clip(index, 0, side - 1)
