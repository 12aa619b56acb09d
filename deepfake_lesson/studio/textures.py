"""One texture for a whole person: where things lie in it, and the tools that paint it.

The atlas is a square. Its disc unrolls the head around the line of sight, with most texels on the
face; eyes, teeth, cloth and hair have tiles in the corners. Facial features are drawn from the
front on a `Canvas` in millimetres and carried over by the position of each texel.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import cv2
import numpy as np

from .anatomy import Template, azimuthal, template
from .parts import Material
from .rasterizer import empty_samples, rasterize
from .shader import CHANNELS, GLOSS, HAIR, HEIGHT, WRINKLES

ATLAS_SIZE = 640
TILE = 0.135
CORNERS = {
    Material.EYE: (0, 0),
    Material.TEETH: (1, 0),
    Material.CLOTH: (0, 1),
    Material.GLASSES: (0, 1),
    Material.LONG_HAIR: (1, 1),
    Material.LASH: (1, 1),
}


class Part(IntEnum):
    """What a pixel of a frame shows."""

    BACKGROUND = 0
    SKIN = 1
    BROW = 2
    EYE = 3
    LIPS = 4
    TEETH = 5
    MOUTH = 6
    EAR = 7
    NECK = 8
    CLOTH = 9
    HAIR = 10
    GLASSES = 11


EAR_SKIN, MOUTH_SKIN = (-22.0, 42.0, 90.0), (0.0, -80.0, 97.0)


def head_uv(angles: np.ndarray) -> np.ndarray:
    """Azimuthal angles (N, 2) in radians to atlas coordinates in [0, 1]; dense near the face."""
    radius = np.linalg.norm(angles, axis=1)
    spread = 0.49 * (1 - np.exp(-1.3 * radius)) / (1 - np.exp(-1.3 * 2.95))
    scale = spread / np.maximum(radius, 1e-6)
    return 0.5 + angles * np.stack([scale, -scale], 1)


def tile_uv(uv: np.ndarray, material: Material) -> np.ndarray:
    """Part coordinates in [-1, 1] (y up) to atlas coordinates inside the material's corner tile."""
    center = np.where(np.array(CORNERS[material]) == 0, TILE / 2, 1 - TILE / 2)
    uv = np.clip(uv, -1, 1) * [1, -1]
    if material == Material.CLOTH:
        uv = np.stack(_crowded(uv[:, 0], uv[:, 1]), 1)
    return center + uv * (TILE / 2 - 2 / ATLAS_SIZE)


COLLAR, CROWDING = -0.3, (3.0, 6.0)


def _crowded(x, y):
    """Tile coordinates (y down) of the shirt that give most texels to the collar."""
    low, high = np.arcsinh(CROWDING[1] * (np.array([-1, 1]) - COLLAR))
    y = np.arcsinh(CROWDING[1] * (y - COLLAR))
    return np.arcsinh(CROWDING[0] * x) / np.arcsinh(CROWDING[0]), (y - low) / (high - low) * 2 - 1


def cloth_grid(x, y):
    """Inverse of that crowding: even shirt coordinates x, y (down) of points of its tile."""
    low, high = np.arcsinh(CROWDING[1] * (np.array([-1, 1]) - COLLAR))
    y = np.sinh(low + (y + 1) / 2 * (high - low)) / CROWDING[1] + COLLAR
    return np.sinh(x * np.arcsinh(CROWDING[0])) / CROWDING[0], y


def vertex_materials(head: Template) -> np.ndarray:
    """(N,) the material that each vertex belongs to."""
    materials = np.zeros(len(head.vertices), np.int32)
    materials[head.triangles.ravel()] = np.repeat(head.materials, 3)
    return materials


@cache
def atlas_uv() -> np.ndarray:
    """Atlas coordinates of all template vertices, (N, 2) float32."""
    head = template()
    uv = np.zeros((len(head.vertices), 2))
    materials = vertex_materials(head)
    skin = np.isin(materials, (Material.SKIN, Material.RIM))
    uv[skin] = head_uv(head.part_uv[skin])
    for material in CORNERS:
        chosen = materials == material
        uv[chosen] = tile_uv(head.part_uv[chosen], material)
    for material, point in ((Material.EAR, EAR_SKIN), (Material.MOUTH, MOUTH_SKIN)):
        uv[materials == material] = head_uv(azimuthal(np.array([point])))[0]
    return uv.astype(np.float32)


CUTOUTS = (Material.LONG_HAIR, Material.LASH)


@cache
def card_uv() -> np.ndarray:
    """Coordinates of the vertices of hair cards in the strands' coverage, (N, 2) float32."""
    return (0.5 + template().part_uv * [0.5, -0.5]).astype(np.float32)


@dataclass(frozen=True)
class TexelMap:
    """Where each atlas texel lies on the template: x, y, z (S, S) in mm, and covered (S, S)."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    covered: np.ndarray

    def spot(self, x: float, y: float, width: float, height: float) -> np.ndarray:
        """Soft mirrored spot (S, S) on the front of the face, 1 in its middle."""
        across, along = (np.abs(self.x) - x) / width, (self.y - y) / height
        return np.exp(-(across**2 + along**2) / 2) * (self.z > 20)


@cache
def texel_map() -> TexelMap:
    """Rasterise the open-mouthed template in texture space; closed over the holes."""
    head = template()
    triangles = head.triangles[(head.materials == Material.SKIN)]
    triangles = np.ascontiguousarray(triangles[(triangles < head.head_count).all(1)])
    uv = atlas_uv()
    flat = np.concatenate([uv * ATLAS_SIZE, np.zeros((len(uv), 1), np.float32)], 1)
    samples = empty_samples(ATLAS_SIZE, ATLAS_SIZE)
    solid, opaque = np.zeros(len(triangles), np.bool_), np.ones((1, 1), np.float32)
    rasterize(flat.astype(np.float32), triangles, solid, uv, opaque, False, samples)
    covered = samples.index >= 0
    corners = head.open_vertices[triangles[np.maximum(samples.index, 0)]]
    w0, w1 = samples.weight0, samples.weight1
    w0, w1 = np.where(covered, w0, 0), np.where(covered, w1, 0)
    weights = np.stack([w0, w1, covered - w0 - w1], -1)
    positions = np.einsum("hwk,hwkc->hwc", weights, corners).astype(np.float32)
    positions, covered = _grow(positions, covered.astype(np.float32), 6)
    return TexelMap(*(positions[..., i] for i in range(3)), covered)


def _grow(values: np.ndarray, covered: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Spread values (S, S, 3) some texels beyond the covered ones."""
    for _ in range(steps):
        share = cv2.blur(covered, (3, 3))
        mean = cv2.blur(values * covered[..., None], (3, 3)) / np.maximum(share, 1e-6)[..., None]
        new = (covered == 0) & (share > 0)
        values[new] = mean[new]
        covered[new] = 1
    return values, covered


class Canvas:
    """A frontal drawing in millimetres, x in [-90, 90], y in [-140, 130], values from 0 to 1."""

    SCALE = 4.0
    LEFT, TOP = 90.0, 130.0

    def __init__(self):
        self.image = np.zeros((int(270 * self.SCALE), int(180 * self.SCALE)), np.float32)

    def _fixed(self, points: np.ndarray) -> list[np.ndarray]:
        points = np.asarray(points, float)
        pixels = np.stack([points[:, 0] + self.LEFT, self.TOP - points[:, 1]], 1) * self.SCALE
        return [np.round(pixels * 16).astype(np.int32)]

    def polygon(self, points: np.ndarray, value: float = 1.0) -> "Canvas":
        """Fill a polygon (N, 2)."""
        cv2.fillPoly(self.image, self._fixed(points), value, cv2.LINE_AA, 4)
        return self

    def line(self, points, width: float, value: float = 1.0, closed: bool = False) -> "Canvas":
        """Draw a line (N, 2) of a width in mm."""
        pixels = max(1, round(width * self.SCALE))
        cv2.polylines(self.image, self._fixed(points), closed, value, pixels, cv2.LINE_AA, 4)
        return self

    def blur(self, sigma: float) -> "Canvas":
        """Soften by a standard deviation in mm."""
        self.image = cv2.GaussianBlur(self.image, (0, 0), sigma * self.SCALE)
        return self

    def on_atlas(self, texels: TexelMap) -> np.ndarray:
        """The drawing carried over to the atlas, (S, S) float32, 0 behind the face."""
        x = ((texels.x + self.LEFT) * self.SCALE).astype(np.float32)
        y = ((self.TOP - texels.y) * self.SCALE).astype(np.float32)
        return cv2.remap(self.image, x, y, cv2.INTER_LINEAR) * (texels.z > 5)


def noise(rng: np.random.Generator, size: int, cell: float) -> np.ndarray:
    """Smooth normal noise (size, size) float32 with features of about `cell` texels."""
    count = max(2, int(size / cell))
    values = rng.standard_normal((count, count), np.float32)
    return cv2.resize(values, (size, size), interpolation=cv2.INTER_CUBIC)


def fractal_noise(rng: np.random.Generator, size: int, cells, gain: float = 0.6) -> np.ndarray:
    """Sum of `noise` at several cell sizes, each `gain` times as strong as the one before."""
    return sum(noise(rng, size, cell) * np.float32(gain**i) for i, cell in enumerate(cells))


class Atlas:
    """A person's texture while it is painted: colour (linear RGB), gloss, hair, height."""

    def __init__(self, color: np.ndarray):
        shape = (ATLAS_SIZE, ATLAS_SIZE)
        self.color = np.tile(color.astype(np.float32), (*shape, 1))
        self.gloss = np.zeros(shape, np.float32)
        self.hair = np.zeros(shape, np.float32)
        self.height = np.zeros(shape, np.float32)
        self.wrinkles = np.zeros((*shape, 3), np.float32)
        self.parts = np.full(shape, Part.SKIN, np.uint8)

    def mix(self, mask: np.ndarray, color: np.ndarray) -> None:
        """Cover with `color` where `mask` (S, S) is 1."""
        mask = mask[..., None].astype(np.float32)
        self.color += mask * (np.asarray(color, np.float32) - self.color)

    def darken(self, mask: np.ndarray, tint=(1.0, 1.0, 1.0)) -> None:
        """Absorb `mask` (S, S) of the light, each colour as strongly as `tint` says."""
        self.color *= 1 - mask[..., None].astype(np.float32) * np.asarray(tint, np.float32)

    def tile(self, material: Material, color, gloss, hair=0.0) -> None:
        """Fill the corner tile of a material."""
        width = tile_width()
        right, low = CORNERS[material]
        x, y = right * (ATLAS_SIZE - width), low * (ATLAS_SIZE - width)
        window = slice(y, y + width), slice(x, x + width)
        self.color[window], self.gloss[window] = color, gloss
        self.hair[window], self.height[window] = hair, 0

    def stacked(self) -> np.ndarray:
        """All channels that the shader reads, (S, S, CHANNELS) float32."""
        texture = np.empty((ATLAS_SIZE, ATLAS_SIZE, CHANNELS), np.float32)
        texture[..., :3] = np.maximum(self.color, 0.001)
        texture[..., GLOSS], texture[..., HAIR] = self.gloss, self.hair
        texture[..., WRINKLES : WRINKLES + 3] = self.wrinkles
        texture[..., HEIGHT] = self.height
        return texture


def tile_width() -> int:
    """Side of a corner tile in texels."""
    return int(TILE * ATLAS_SIZE)


def pyramid(texture: np.ndarray, levels: int = 4) -> tuple[np.ndarray, ...]:
    """The texture (S, S, C) and its halves, each texel the mean of four."""
    out = [texture]
    for _ in range(levels - 1):
        half = len(out[-1]) // 2
        out.append(out[-1].reshape(half, 2, half, 2, -1).mean((1, 3)))
    return tuple(np.ascontiguousarray(level, np.float32) for level in out)
