"""What is put into and around the head: eyeballs, teeth, ears, neck, glasses.

Each function returns a `Part` in mm, in the coordinates of `sculpt`. "left" is the left side of the
picture, as everywhere in this package.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .sculpt import EYE_CENTER, EYE_RADIUS, smoothstep


class Material(IntEnum):
    """What a triangle is made of; the renderer shades by it and the truth labels pixels with it."""

    SKIN = 0
    RIM = 1
    EYE = 2
    TEETH = 3
    MOUTH = 4
    EAR = 5
    CLOTH = 6
    LONG_HAIR = 7
    GLASSES = 8
    LASH = 9


CARDS, ROWS = 220, 12  # strips of hair, pairs of vertices along each


@dataclass(frozen=True)
class Part:
    """A mesh of its own: points (N, 3), triangles (T, 3), texture coordinates (N, 2) in [-1, 1].

    `shape` is how its vertex numbers are folded into rows; `two_sided` parts are drawn from both
    sides.
    """

    name: str
    points: np.ndarray
    triangles: np.ndarray
    material: Material
    uv: np.ndarray
    shape: tuple[int, ...]
    two_sided: bool = True


def grid_triangles(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Two triangles for every cell of a grid of vertices; `closed` joins last and first column."""
    row, column = np.meshgrid(
        np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij"
    )
    a, b = row * columns + column, row * columns + (column + 1) % columns
    first = np.stack([a, b, a + columns], -1)
    second = np.stack([b, b + columns, a + columns], -1)
    return np.stack([first, second], 2).reshape(-1, 3)


def eyeball(name: str, side: int) -> Part:
    """A cap of the eyeball, 90 degrees around its axis; uv are angles over 92 degrees."""
    polar, around = np.meshgrid(
        np.radians(np.r_[0.01, np.arange(6, 91, 7)]), np.arange(28) * 2 * np.pi / 28, indexing="ij"
    )
    flat = np.stack([np.cos(around), np.sin(around)], -1)
    direction = np.dstack([np.sin(polar)[..., None] * flat, np.cos(polar)]).reshape(-1, 3)
    uv = (polar[..., None] * flat / np.radians(92)).reshape(-1, 2)
    points = EYE_CENTER * [side, 1, 1] + direction * EYE_RADIUS
    triangles = grid_triangles(*polar.shape, closed=True)
    return Part(name, points, triangles, Material.EYE, uv, polar.shape, two_sided=False)


def teeth(name: str, top: float, bottom: float, depth: float, upwards: bool) -> Part:
    """One arch of teeth between the heights `top` and `bottom`, `depth` mm behind the upper one."""
    angle = np.radians(np.linspace(-72, 72, 33))
    height, angle = np.meshgrid([0, 0.25, 0.5, 0.75, 1], angle, indexing="ij")
    y = top + (bottom - top) * height
    z = 67.5 + depth + 21.5 * np.cos(angle) + 1.5 * np.sin(np.pi * height)
    points = np.dstack([25 * np.sin(angle), y, z]).reshape(-1, 3)
    across = np.tile(np.linspace(-1, 1, 33), (5, 1))
    uv = np.dstack([across, (1 - 2 * height) * (1 if upwards else -1)]).reshape(-1, 2)
    return Part(name, points, grid_triangles(5, 33), Material.TEETH, uv, (5, 33))


def mouth_plate() -> Part:
    """The dark back of the mouth."""
    x, y = np.meshgrid(np.linspace(-30, 30, 9), np.linspace(-50, -100, 9))
    z = 74 - 0.02 * x**2 + 9 * smoothstep(-72, -90, y)
    points = np.dstack([x, y, z]).reshape(-1, 3)
    uv = np.dstack([x / 30, (y + 75) / 25]).reshape(-1, 2)
    return Part("mouth_plate", points, grid_triangles(9, 9), Material.MOUTH, uv, (9, 9))


def ear(name: str, side: int) -> Part:
    """An ear as ten rings from the canal to the helix and back to the head."""
    radius = np.array([0, 0.22, 0.42, 0.56, 0.68, 0.8, 0.9, 1.0, 1.0, 0.96])[:, None]
    relief = np.array([-3, -2.5, 0, 4.5, 4, 2.6, 5, 6, 3.5, -1.0])[:, None]
    around = np.arange(28) * 2 * np.pi / 28
    back = radius * (17 + 3.5 * np.sin(around)) * np.cos(around)
    up = radius * 31 * np.sin(around) - 2
    front_edge = np.clip(-np.cos(around), 0, 1) * radius**2
    outwards = relief * (1 - 0.8 * front_edge) + (back + 12) * 0.42 - 6 * front_edge
    points = np.dstack([side * (70.5 + outwards), -12 + up + 0.15 * back, -6 - back + 0.12 * up])
    shape = back.shape
    uv = np.zeros((back.size, 2))
    triangles = grid_triangles(*shape, closed=True)
    return Part(name, points.reshape(-1, 3), triangles, Material.EAR, uv, shape)


# height, half width, half depth and depth of the middle
TORSO = np.array(
    [
        [-60, 48, 46, -8], [-85, 51, 50, -10], [-105, 52, 51, -14], [-125, 53, 51, -18],
        [-145, 55, 52, -22], [-162, 61, 55, -25], [-176, 78, 60, -28], [-187, 104, 64, -30],
        [-197, 138, 68, -31], [-208, 168, 71, -32], [-222, 188, 75, -32], [-245, 202, 82, -31],
        [-280, 210, 90, -30], [-340, 214, 96, -30], [-420, 214, 98, -30],
    ],
    dtype=np.float64,
)  # fmt: skip


def neck() -> Part:
    """Neck, shoulders and chest: super-ellipses through `TORSO`."""
    heights = np.r_[
        np.arange(-60, -214, -3.0), -216, -222, -232, -245, -262, -280, -310, -345, -420
    ]
    around = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    cosine, sine = np.cos(around), np.sin(around)
    y = heights[:, None]
    half_width, half_depth, middle = (
        np.interp(-heights, -TORSO[:, 0], TORSO[:, i])[:, None] for i in (1, 2, 3)
    )
    tendon = 2.5 * np.exp(-(((abs(around - np.pi / 2) - 0.45) / 0.2) ** 2))
    tendon = tendon * smoothstep(-85, -110, y) * smoothstep(-175, -160, y)
    x = np.sign(cosine) * abs(cosine) ** 0.82 * half_width
    drop = 14 * np.clip(sine, 0, 1) * smoothstep(-150, -200, y)
    z = middle + np.sign(sine) * abs(sine) ** 0.82 * half_depth + tendon
    points = np.dstack([x, y - drop, z]).reshape(-1, 3)
    uv = np.column_stack([points[:, 0] / 215, (points[:, 1] + 240) / 180])
    triangles = grid_triangles(len(heights), 72, closed=True)
    return Part("neck", points, triangles, Material.CLOTH, uv, (len(heights), 72), two_sided=False)


def _tube(center_line, radius, closed):
    """Points of a six-sided tube around a (K, 3) line."""
    if closed:
        tangent = np.roll(center_line, -1, 0) - np.roll(center_line, 1, 0)
    else:
        tangent = np.gradient(center_line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1)[:, None]
    normal = np.cross(tangent, [0.3, 0.2, 0.9])
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    binormal = np.cross(tangent, normal)
    angle = (np.arange(6) * np.pi / 3)[:, None]
    ring = np.cos(angle) * normal[:, None] + np.sin(angle) * binormal[:, None]
    return (center_line[:, None] + radius * ring).reshape(-1, 3)


def _glasses_lines():
    """Centre lines of the frame: two rounded lenses (closed), the bridge and two arms (open)."""
    around = np.arange(44) * 2 * np.pi / 44
    cosine, sine = np.cos(around), np.sin(around)
    lenses, arms = [], []
    for side in (-1, 1):
        x = 33.5 * side + 23.5 * np.sign(cosine) * abs(cosine) ** 0.62
        y = -3 + 17.5 * np.sign(sine) * abs(sine) ** 0.62
        lenses.append(np.column_stack([x, y, 100.5 - 0.0052 * x**2]))
        reach = side * np.r_[55.5, 66, 73, 78, 81]
        arms.append(np.column_stack([reach, [4, 4.5, 5, 5, 5], [83.5, 80, 62, 30, -8]]))
    arch = np.cos(np.linspace(-1.5, 1.5, 9))
    bridge = np.column_stack([np.linspace(-9, 9, 9), 1 + 2 * arch, 100.5 + 3 * arch])
    return lenses, [bridge, *arms]


def glasses() -> Part:
    """Spectacle frame of thin tubes."""
    closed_lines, open_lines = _glasses_lines()
    points, triangles, base = [], [], 0
    for line in closed_lines:
        cells = grid_triangles(len(line) + 1, 6, closed=True)
        triangles.append(base + cells % (6 * len(line)))
        points.append(_tube(line, 1.15, closed=True))
        base += len(points[-1])
    for line in open_lines:
        triangles.append(base + grid_triangles(len(line), 6, closed=True))
        points.append(_tube(line, 1.2, closed=False))
        base += len(points[-1])
    uv = np.tile([[0.0, -0.96]], (base, 1))
    return Part("glasses", np.vstack(points), np.vstack(triangles), Material.GLASSES, uv, (base,))


def hair_cards() -> Part:
    """All cards; see `strands`."""
    rng = np.random.default_rng(4)
    middle = rng.uniform(-0.8, 0.8, CARDS)[:, None, None]
    across = np.broadcast_to(middle + np.array([-0.18, 0.18]), (CARDS, ROWS, 2))
    down = np.broadcast_to(np.linspace(1, -1, ROWS)[None, :, None], (CARDS, ROWS, 2))
    uv = np.stack([across, down], -1).reshape(-1, 2)
    strip = grid_triangles(ROWS, 2)
    triangles = (np.arange(CARDS)[:, None, None] * ROWS * 2 + strip).reshape(-1, 3)
    points = np.zeros((CARDS * ROWS * 2, 3))
    return Part("long_hair", points, triangles, Material.LONG_HAIR, uv, (CARDS, ROWS, 2))


def lash(name: str, margin: np.ndarray, side: int) -> Part:
    """Lashes of an upper lid: a strip that stands on its `margin` (K, 3), longest outside."""
    along = np.linspace(0, 1, len(margin))
    length = 3.0 * np.sin(np.pi * along) ** 0.5 * (1.25 - 0.6 * along)
    curl = np.array([[0, 0, 0], [0.0, 0.1, 0.75], [0.0, 0.65, 1.0]])[:, None]
    spread = np.zeros((3, len(margin), 3))
    spread[..., 0] = side * 0.35 * (0.6 - along) * np.array([[0], [0.5], [1]])
    points = margin + length[:, None] * (curl + spread)
    across, down = np.meshgrid(np.linspace(-0.8, 0.8, len(margin)), [1, 0.3, -0.5])
    uv = np.stack([across, down], -1).reshape(-1, 2)
    shape = (3, len(margin))
    return Part(name, points.reshape(-1, 3), grid_triangles(*shape), Material.LASH, uv, shape)
