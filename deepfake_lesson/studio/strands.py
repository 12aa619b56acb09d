"""Strands of hair: flat cards that grow from the scalp, fall, and lie on head and neck.

A card is a strip of `ROWS` pairs of vertices; the renderer paints single hairs on it and leaves
holes between them. Each card is traced like a rod: it leaves the scalp in the direction of the
haircut, gravity bends it, and head, neck and face push it aside.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from .anatomy import template
from .hair import HairStyle, hairline, inside_hair
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
def _directions(rows=61, columns=120):
    """Unit directions (rows, columns, 3) by elevation and azimuth, float32."""
    elevation = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    azimuth = np.arange(columns) * 2 * np.pi / columns
    x, z = np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth)
    y = np.broadcast_to(np.sin(elevation), x.shape)
    return np.stack([x, y, z], -1).astype(np.float32)


@dataclass(frozen=True)
class Strands:
    """How a haircut leaves the scalp, a row or number for every card.

    roots, directions: (CARDS, 3). length, half_width: mm. margin: degrees that a strand keeps off
    the face, negative for hair that may hang over it. gravity: bend per step. lift: share of
    the direction that points away from the scalp. clearance: mm above it. waves: mm.
    loose: mm that hair may stand off beyond the clearance.
    """

    roots: np.ndarray
    directions: np.ndarray
    length: np.ndarray
    margin: np.ndarray
    gravity: float
    lift: float
    clearance: np.ndarray
    half_width: np.ndarray
    waves: float
    loose: float = np.inf


class Skull:
    """Distance from the skull's centre to a head's surface, in every direction."""

    def __init__(self, head: np.ndarray):
        offset = (head - SKULL_CENTER).astype(np.float32)
        distance = np.linalg.norm(offset, axis=1)
        nearest = np.argmax(_directions() @ (offset / distance[:, None]).T, axis=-1)
        radius = distance[nearest].astype(np.float64)
        around = np.pad(radius, ((0, 0), (1, 1)), mode="wrap")
        smooth = (around[:, :-2] + 2 * around[:, 1:-1] + around[:, 2:]) / 4
        up = np.pad(smooth, ((1, 1), (0, 0)), mode="edge")
        self.radius = (up[:-2] + 2 * up[1:-1] + up[2:]) / 4

    def radius_towards(self, directions: np.ndarray) -> np.ndarray:
        """Radius in mm (N,) in unit directions (N, 3), interpolated."""
        rows, columns = self.radius.shape
        row = (np.arcsin(np.clip(directions[:, 1], -1, 1)) / np.pi + 0.5) * (rows - 1)
        column = np.arctan2(directions[:, 0], directions[:, 2]) / (2 * np.pi) * columns % columns
        i, j = np.minimum(row.astype(int), rows - 2), column.astype(int) % columns
        k, v, u = (j + 1) % columns, row - i, column - np.floor(column)
        low = self.radius[i, j] * (1 - u) + self.radius[i, k] * u
        high = self.radius[i + 1, j] * (1 - u) + self.radius[i + 1, k] * u
        return low * (1 - v) + high * v

    def hold(self, points: np.ndarray, clearance: np.ndarray, loose: float = np.inf) -> np.ndarray:
        """Keep points (N, 3) between `clearance` and `clearance + loose` mm above the head."""
        offset = points - SKULL_CENTER
        distance = np.linalg.norm(offset, axis=1)
        directions = offset / distance[:, None]
        needed = self.radius_towards(directions) + clearance
        held = np.clip(distance, needed, needed + loose)
        return SKULL_CENTER + directions * held[:, None]


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


def _scalp_roots(rng, style, skull):
    """Random points of the scalp (CARDS, 3) and how many mm they lie inside the hairline."""
    directions = _unit(rng.normal(size=(60 * CARDS, 3)))
    points = SKULL_CENTER + directions * skull.radius_towards(directions)[:, None]
    bare = SKULL_CENTER + directions * _bare_skull().radius_towards(directions)[:, None]
    inside = inside_hair(bare, style)
    grown = (inside > 3) & ~((bare[:, 2] > 75) & (bare[:, 1] < 25)) & (bare[:, 1] > -75)
    return points[grown][:CARDS], inside[grown][:CARDS]


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
    """Strands that fall down to `style.length`, from the inner layers to the outer ones."""
    no_fringe = replace(style, bangs=0.0)
    roots, _ = _scalp_roots(rng, no_fringe, skull)
    roots = roots[np.argsort(roots[:, 1] + rng.normal(0, 25, CARDS))]
    directions = _away_from_parting(roots, style) + np.array([0, 0, -0.4])
    drop = np.maximum(roots[:, 1] + style.length + rng.normal(0, 12, CARDS), 40)
    length = drop + 45 * smoothstep(0, 110, roots[:, 1])
    margin = rng.exponential(6, CARDS)
    if style.bangs:
        _comb_fringe(rng, style, roots, directions, length, margin)
    return Strands(
        roots, directions, length, margin, gravity=0.5, lift=0.06,
        clearance=np.linspace(0.5, 6, CARDS), half_width=rng.uniform(7, 12, CARDS), waves=3.0,
    )  # fmt: skip


def _comb_fringe(rng, style, roots, directions, length, margin):
    """Comb the strands above the forehead forwards, down to the brows (in place)."""
    x, y, z = roots.T
    fringe = (z > 15) & (y > 70) & (abs(x) < 55)
    fringe &= rng.random(CARDS) < 0.8
    directions[fringe] = np.column_stack([x, 0 * x, np.full(CARDS, 70.0)])[fringe]
    azimuth = np.arctan2(x, np.maximum(z, 20) + 10)
    end = hairline(azimuth, style) - rng.uniform(2, 8, CARDS)
    length[fringe] = (1.1 * (y - end) + 0.9 * (95 - np.clip(z, 0, 90)))[fringe]
    margin[fringe] = -180


REACH = {"short": 34, "volume": 38, "receding": 26, "curly": 17, "bangs": 42}


def _short_strands(rng, style, skull):
    """Strands that stay on the head: brushed from the crown, back from the forehead, or curled."""
    reach = REACH[style.kind]
    curly = style.kind == "curly"
    brushed_forwards = style.kind in ("short", "bangs")
    roots, inside = _scalp_roots(rng, style, skull)
    length = reach * rng.uniform(0.7, 1.25, CARDS)
    if brushed_forwards:
        overhang = np.where(roots[:, 2] > 20, inside + rng.uniform(2, 8, CARDS), np.inf)
        length = np.maximum(np.minimum(length, overhang), 8)
    crown = np.array([style.parting * 20, 0, -25])
    directions = _unit((roots - crown) * [1, 0, 1]) - [0, 0.35, 0]
    if curly:
        directions = rng.normal(0, 1, (CARDS, 3))
    elif not brushed_forwards:
        back = np.column_stack([0.25 * np.sign(roots[:, 0]), np.full(CARDS, 0.2), -np.ones(CARDS)])
        on_top = (roots[:, 2:] > 0) & (roots[:, 1:2] > 45)
        directions = np.where(on_top, back, directions)
    return Strands(
        roots, directions, length, np.full(CARDS, -180.0),
        gravity=0.0 if curly else 0.06,
        lift={"curly": 0.75, "volume": 0.15}.get(style.kind, 0.06),
        clearance=np.linspace(0.8, 3.2, CARDS),
        half_width=rng.uniform(4.5, 7.5, CARDS) * (0.55 if curly else 1),
        waves=3.0 if curly else 0.8,
        loose={"curly": 9.0, "volume": 5.0}.get(style.kind, 1.5),
    )  # fmt: skip


def _trace(strands, skull):
    """Follow every strand from its root; (CARDS, ROWS, 3) points."""
    normal = _unit(strands.roots - SKULL_CENTER)
    along = strands.directions - (strands.directions * normal).sum(1)[:, None] * normal
    velocity = _unit(_unit(along) + strands.lift * normal)
    points, path = strands.roots, [strands.roots]
    step = (strands.length / (ROWS - 1) / SUBSTEPS)[:, None]
    for _ in range(ROWS - 1):
        for _ in range(SUBSTEPS):
            inwards = -_unit(points * [1, 0, 1]) * smoothstep(20, -60, points[:, 1])[:, None]
            velocity = _unit(velocity + strands.gravity * ([0, -1, 0] + 0.2 * inwards))
            moved = skull.hold(points + velocity * step, strands.clearance, strands.loose)
            moved = _push_off_neck(moved, strands.clearance + 2)
            moved = skull.hold(_keep_off_face(moved, strands.margin), strands.clearance)
            velocity = 0.5 * velocity + 0.5 * _unit(moved - points)
            points = moved
        path.append(points)
    return np.stack(path, 1)


def _widen(path, strands, rng):
    """Turn paths into strips, slightly tilted and waving: (CARDS, ROWS, 2, 3)."""
    tangent = _unit(np.gradient(path, axis=1))
    normal = path - SKULL_CENTER
    normal[..., 1] = np.maximum(normal[..., 1], 0)
    normal = _unit(normal)
    tilt = rng.normal(0, 0.15, CARDS)[:, None, None]
    lateral = _unit(np.cross(tangent, normal) + tilt * normal)
    t = np.linspace(0, 1, ROWS)[None, :, None]
    phase = rng.uniform(0, 2 * np.pi, (CARDS, 1, 1))
    path = path + strands.waves * t * np.sin(phase + 9 * t) * lateral
    half = strands.half_width[:, None, None] * TAPER[None, :, None] * lateral
    return np.stack([path - half, path + half], 2)


def grow(style: HairStyle, head: np.ndarray) -> np.ndarray:
    """Lay out the cards of a haircut on a head (head_count, 3) mm; (CARDS, ROWS, 2, 3) mm."""
    rng = np.random.default_rng((style.seed, 1))
    skull = Skull(head)
    strands = (_long_strands if style.long else _short_strands)(rng, style, skull)
    return _widen(_trace(strands, skull), strands, rng)
