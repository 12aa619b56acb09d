"""Strands of hair: flat cards that grow from the scalp, fall, and lie on head and neck.

A card is a strip of `ROWS` pairs of vertices; the renderer paints single hairs on it and leaves
holes between them. Each card is traced like a rod: it leaves the scalp in the direction of the
haircut, gravity bends it, and head, neck and face push it aside.
"""

from functools import cache

import numpy as np

from .anatomy import template
from .hair import HairStyle, inside_hair
from .parts import CARDS, ROWS, TORSO
from .sculpt import smoothstep

SUBSTEPS = 2
SKULL_CENTER = np.array([0.0, 10.0, -10.0])
# Share of a card's half width from root to tip.
TAPER = np.interp(np.linspace(0, 1, ROWS), [0, 0.25, 0.65, 1], [0.45, 1, 0.9, 0.25])
# How far round the face (degrees of azimuth) hair must stay at a height in mm.
FACE_HEIGHTS = (-120, -40, -14, 14, 36, 50, 63, 75)
FACE_AZIMUTH = (56, 62, 64, 58, 50, 40, 26, 0)


@cache
def _nearest_vertices(rows=61, columns=120):
    """Head vertex that lies nearest to each direction from the skull's centre (rows, columns)."""
    mean = template()
    head = mean.vertices[: mean.head_count] - SKULL_CENTER
    head = head / np.linalg.norm(head, axis=1)[:, None]
    elevation, azimuth = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, rows),
        np.arange(columns) * 2 * np.pi / columns,
        indexing="ij",
    )
    x, z = np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth)
    directions = np.stack([x, np.sin(elevation), z], -1).astype(np.float32)
    return np.argmax(directions @ head.T, axis=-1)


class Skull:
    """Distance from the skull's centre to a head's surface, in every direction."""

    def __init__(self, head):
        radius = np.linalg.norm(head[_nearest_vertices()] - SKULL_CENTER, axis=-1)
        around = np.pad(radius, ((0, 0), (1, 1)), mode="wrap")
        smooth = (around[:, :-2] + 2 * around[:, 1:-1] + around[:, 2:]) / 4
        up = np.pad(smooth, ((1, 1), (0, 0)), mode="edge")
        self.radius = (up[:-2] + 2 * up[1:-1] + up[2:]) / 4

    def radius_towards(self, directions):
        """Radius in mm (N,) in unit directions (N, 3), interpolated."""
        rows, columns = self.radius.shape
        row = (np.arcsin(np.clip(directions[:, 1], -1, 1)) / np.pi + 0.5) * (rows - 1)
        column = np.arctan2(directions[:, 0], directions[:, 2]) / (2 * np.pi) * columns % columns
        i, j = np.minimum(row.astype(int), rows - 2), column.astype(int) % columns
        k, v, u = (j + 1) % columns, row - i, column - np.floor(column)
        low = self.radius[i, j] * (1 - u) + self.radius[i, k] * u
        high = self.radius[i + 1, j] * (1 - u) + self.radius[i + 1, k] * u
        return low * (1 - v) + high * v

    def push_out(self, points, clearance):
        """Move points (N, 3) that are nearer to the head than `clearance` mm outwards."""
        offset = points - SKULL_CENTER
        distance = np.linalg.norm(offset, axis=1)
        directions = offset / distance[:, None]
        needed = self.radius_towards(directions) + clearance
        return SKULL_CENTER + directions * np.maximum(distance, needed)[:, None]


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _push_off_neck(points, clearance):
    """Keep points out of neck and shoulders."""
    height = -points[:, 1]
    half_width, half_depth, middle = (
        np.interp(height, -TORSO[:, 0], TORSO[:, i]) for i in (1, 2, 3)
    )
    x, z = points[:, 0], points[:, 2] - middle
    inside = np.hypot(x / (half_width + clearance), z / (half_depth + clearance))
    scale = np.where((height > 60) & (inside < 1), 1 / np.maximum(inside, 0.2), 1)
    return np.column_stack([x * scale, points[:, 1], middle + z * scale])


def _keep_off_face(points, margin):
    """Turn points that hang in front of the face aside, about the vertical axis."""
    azimuth = np.arctan2(points[:, 0], points[:, 2] + 10)
    limit = np.radians(np.interp(points[:, 1], FACE_HEIGHTS, FACE_AZIMUTH) + margin)
    turned = np.where(azimuth < 0, -1, 1) * np.maximum(abs(azimuth), limit)
    turned = np.where(points[:, 1] > FACE_HEIGHTS[-1], azimuth, turned)
    radius = np.hypot(points[:, 0], points[:, 2] + 10)
    return np.column_stack([radius * np.sin(turned), points[:, 1], radius * np.cos(turned) - 10])


def _scalp_roots(rng, style, skull, margin, count):
    """Random points of the scalp, `margin(points)` mm and more inside the hairline."""
    directions = _unit(rng.normal(size=(60 * count, 3)))
    points = SKULL_CENTER + directions * skull.radius_towards(directions)[:, None]
    flat = _bare_skull().radius_towards(directions)[:, None] * directions + SKULL_CENTER
    inside = inside_hair(flat, style) > margin(flat)
    inside &= ~((flat[:, 2] > 75) & (flat[:, 1] < 25)) & (flat[:, 1] > -75)
    return points[inside][:count]


@cache
def _bare_skull():
    """The mean head's `Skull`, without hair."""
    mean = template()
    return Skull(mean.vertices[: mean.head_count].astype(np.float64))


def _away_from_parting(points, style):
    """Unit horizontal directions away from a parting that runs from the forehead to the crown."""
    nearest_z = np.clip(points[:, 2], -45, 70)
    nearest_x = style.parting * 24 * smoothstep(-60, 20, nearest_z)
    away = np.column_stack([points[:, 0] - nearest_x, 0 * nearest_z, points[:, 2] - nearest_z])
    side = np.where(away[:, :1] < 0, -1.0, 1.0)
    return _unit(away + side * [0.5, 0, 0])


def _long_strands(rng, style, skull):
    """Roots, directions, lengths and gravity of hair that falls down to `style.length`."""
    roots = _scalp_roots(rng, style, skull, lambda p: np.full(len(p), 3.0), CARDS)
    high = np.argsort(roots[:, 1] + rng.normal(0, 25, len(roots)))
    roots = roots[high]
    directions = _away_from_parting(roots, style) + [0, 0.0, -0.4]
    drop = roots[:, 1] + style.length + rng.normal(0, 12, CARDS)
    length = np.maximum(drop, 40) + 45 * smoothstep(0, 110, roots[:, 1])
    return roots, directions, length, 0.5


def _short_strands(rng, style, skull):
    """Roots, directions, lengths and gravity of hair that stays on the head."""
    reach = {"short": 20, "volume": 30, "receding": 16, "curly": 17, "bangs": 26}.get(
        style.kind, 12
    )
    length = reach * rng.uniform(0.7, 1.25, CARDS)

    def margin(points):
        front = points[:, 2] > 20
        return np.where(front, 0.55 * reach if style.kind in ("short", "bangs") else 3.0, 2.0)

    roots = _scalp_roots(rng, style, skull, margin, CARDS)
    crown = np.array([style.parting * 20, 0, -25])
    away = _unit((roots - crown) * [1, 0, 1]) - [0, 0.35, 0]
    if style.kind in ("volume", "receding"):
        back = np.column_stack([0.25 * np.sign(roots[:, 0]), 0.2 * np.ones(CARDS), -np.ones(CARDS)])
        away = np.where((roots[:, 2:] > 0) & (roots[:, 1:2] > 45), back, away)
    if style.kind == "curly":
        away = rng.normal(0, 1, (CARDS, 3))
    return roots, away, length, 0.0 if style.kind == "curly" else 0.06


def _trace(roots, directions, length, gravity, lift, clearance, margin, skull):
    """Follow every strand from its root; (CARDS, ROWS, 3) points."""
    normal = _unit(roots - SKULL_CENTER)
    along = directions - (directions * normal).sum(1)[:, None] * normal
    velocity = _unit(_unit(along) + lift * normal)
    points, path = roots, [roots]
    step = (length / (ROWS - 1) / SUBSTEPS)[:, None]
    for _ in range(ROWS - 1):
        for _ in range(SUBSTEPS):
            velocity = _unit(velocity + gravity * np.array([0, -1.0, 0]))
            moved = skull.push_out(points + velocity * step, clearance)
            moved = _push_off_neck(moved, clearance + 2)
            if margin is not None:
                moved = skull.push_out(_keep_off_face(moved, margin), clearance)
            velocity = 0.5 * velocity + 0.5 * _unit(moved - points)
            points = moved
        path.append(points)
    return np.stack(path, 1)


def _widen(path, half_width, rng, waves, tilt):
    """Turn paths into strips: (CARDS, ROWS, 2, 3)."""
    tangent = _unit(np.gradient(path, axis=1))
    normal = path - SKULL_CENTER
    normal[..., 1] = np.maximum(normal[..., 1], 0)
    normal = _unit(normal)
    lateral = _unit(np.cross(tangent, normal) + tilt[:, None, None] * normal)
    t = np.linspace(0, 1, ROWS)[None, :, None]
    phase = rng.uniform(0, 2 * np.pi, (len(path), 1, 1))
    path = path + waves * t * np.sin(phase + 9 * t) * lateral
    half = half_width[:, None, None] * TAPER[None, :, None] * lateral
    return np.stack([path - half, path + half], 2)


def grow(style: HairStyle, head):
    """Lay out the cards of a haircut on a head (head_count, 3) mm; (CARDS, ROWS, 2, 3) mm."""
    rng = np.random.default_rng((style.seed, 1))
    skull = Skull(head)
    strands = _long_strands if style.long else _short_strands
    roots, directions, length, gravity = strands(rng, style, skull)
    lift = {"curly": 0.75, "volume": 0.15}.get(style.kind, 0.06)
    clearance = np.linspace(0.5, 6, CARDS) if style.long else np.linspace(0.2, 1.8, CARDS)
    margin = rng.exponential(6, CARDS) if style.long else None
    path = _trace(roots, directions, length, gravity, lift, clearance, margin, skull)
    half_width = rng.uniform(7, 12, CARDS) if style.long else rng.uniform(2.2, 4.2, CARDS)
    waves = 3.0 if style.long or style.kind == "curly" else 0.8
    return _widen(path, half_width, rng, waves, rng.normal(0, 0.15, CARDS))
