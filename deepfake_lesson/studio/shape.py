"""Identity as geometry: named displacement fields over the mean head.

A field is an (N, 3) displacement in mm for one standard deviation of one trait. A person's shape
is a weighted sum of fields plus a `residual`: what makes a face its own beyond any name.
"""

from functools import cache

import numpy as np

from .anatomy import LASH_SAMPLES, Template, template
from .sculpt import EYE_CENTER, smoothstep


def bump(points: np.ndarray, center, spread) -> np.ndarray:
    """Gaussian weight (N,) around `center` (x, y) on the front of the head, `spread` in mm."""
    x = (points[:, 0] - center[0]) / spread[0]
    y = (points[:, 1] - center[1]) / spread[1]
    return np.exp(-(x**2) / 2 - y**2 / 2) * smoothstep(15, 60, points[:, 2])


def mirrored(points: np.ndarray, center, spread, push, where=1.0) -> np.ndarray:
    """Push both sides of the face around +-`center`; `push` is (outwards, up, forwards) in mm."""
    right = bump(points, center, spread) * where
    left = bump(points, (-center[0], center[1]), spread) * where
    both = left + right
    return np.column_stack([(right - left) * push[0], both * push[1], both * push[2]])


def midline(
    points: np.ndarray, height: float, spread, widen=0.0, up=0.0, forwards=0.0
) -> np.ndarray:
    """Push around the midline at `height`; `widen` moves the sides apart."""
    weight = bump(points, (0, height), spread)
    return np.column_stack(
        [points[:, 0] / spread[0] * weight * widen, weight * up, weight * forwards]
    )


def along(axis: int, amount: np.ndarray) -> np.ndarray:
    """A displacement along one axis (0, 1 or 2) by (N,) mm."""
    field = np.zeros((len(amount), 3))
    field[:, axis] = amount
    return field


def _outline(p):
    x, y, z = p.T
    jaw = smoothstep(-20, -70, y) * smoothstep(-40, 20, z)
    lower_jaw = smoothstep(-25, -75, y) * smoothstep(-60, 0, z)
    chin = smoothstep(-82, -112, y) * smoothstep(10, 60, z)
    lower_face = smoothstep(-30, -75, y) * smoothstep(0, 50, z)
    cleft = midline(p, -106, (4, 8), forwards=-1.2)
    return {
        "face_width": along(0, x * 0.045),
        "face_length": along(1, y * 0.035),
        "head_width": along(0, x * 0.03 * smoothstep(60, 20, z)),
        "forehead_height": along(1, 6 * smoothstep(20, 100, y)),
        "forehead_width": along(0, x * 0.04 * smoothstep(0, 60, y)),
        "forehead_slope": along(2, -6 * smoothstep(15, 80, y) * smoothstep(0, 60, z)),
        "jaw_width": along(0, x * 0.06 * lower_jaw),
        "lower_face": along(1, -4 * lower_face),
        "chin_length": along(1, -4.5 * chin),
        "chin_forward": midline(p, -106, (24, 16), forwards=4),
        "chin_width": midline(p, -108, (22, 14), widen=5),
        "chin_cleft": cleft + mirrored(p, (12, -106), (7, 8), (0, 0, 0.8)),
        "fat": along(0, x * 0.035 * jaw) + midline(p, -118, (30, 12), up=-3, forwards=2),
        "jowl": mirrored(p, (36, -94), (12, 12), (1.6, -2, 1.2)),
        "cheek_full": mirrored(p, (40, -52), (17, 20), (2.8, 0, 3)),
        "cheekbone": mirrored(p, (50, -20), (14, 12), (3.2, 0, 3)),
        "nasolabial": mirrored(p, (25, -56), (5, 12), (0, 0, -1.6))
        + mirrored(p, (34, -50), (8, 12), (0, 0, 1.4)),
    }


def _brows_and_eyes(p):
    x, y, _ = p.T
    outwards = abs(x) - 32

    def around_eyes(spread):
        return bump(p, (32, 0), spread) + bump(p, (-32, 0), spread)

    size = np.column_stack([np.sign(x) * outwards * 0.07, y * 0.07, np.zeros_like(x)])
    inner_brow = mirrored(p, (14, 18), (10, 8), (0, -1.6, 0), smoothstep(6, 14, y))
    return {
        "brow_ridge": mirrored(p, (26, 16), (20, 7), (0, 0, 2))
        + midline(p, 14, (14, 9), forwards=1.3),
        "brow_height": mirrored(p, (32, 20), (24, 8), (0, 2.6, 0), smoothstep(6, 14, y)),
        "brow_tilt": inner_brow + mirrored(p, (50, 18), (14, 8), (0, 2.4, 0), smoothstep(4, 12, y)),
        "eye_distance": mirrored(p, (32, 0), (17, 13), (1.8, 0, 0)),
        "eye_size": size * around_eyes((15, 10))[:, None],
        "eye_open": along(1, y * 0.14 * around_eyes((13, 6))),
        "eye_tilt": along(1, outwards * 0.085 * around_eyes((14, 10))),
        "eye_depth": mirrored(p, (32, 0), (15, 10), (0, 0, -2.2)),
        "eye_inner": mirrored(p, (18, -2), (6, 6), (-0.8, -1.2, 0)),
        "eye_outer": mirrored(p, (45, 0), (6, 6), (1.2, -1.1, 0)),
        "eye_round": mirrored(p, (31, 6), (9, 3.5), (0, 0.9, 0))
        + mirrored(p, (31, -6), (9, 3.5), (0, -0.7, 0)),
        "lid_hood": mirrored(p, (34, 8.5), (13, 3), (0, -1.3, 1)),
        "eye_bag": mirrored(p, (30, -10), (11, 3), (0, 0, 1.3)),
    }


def _nose(p):
    return {
        "nose_length": midline(p, -44, (17, 12), up=-2.7) + midline(p, -28, (14, 12), up=-1.3),
        "nose_width": midline(p, -43, (12, 10), widen=2.4),
        "nose_projection": midline(p, -38, (12, 13), forwards=3.6),
        "nose_bridge_width": midline(p, -8, (9, 18), widen=1.6),
        "nose_bridge_height": midline(p, -8, (9, 15), forwards=2.6),
        "nose_hump": midline(p, -18, (8, 8), forwards=1.8),
        "nose_tip_up": midline(p, -40, (9, 7), up=2.6),
        "nose_tip_size": midline(p, -38, (8, 7), widen=2.2, forwards=1.2),
        "nose_wings": mirrored(p, (14, -44), (5, 5), (1.4, 0.8, 0)),
    }


def _mouth(p):
    return {
        "mouth_width": mirrored(p, (26, -71), (13, 10), (2.6, 0, 0)),
        "mouth_height": midline(p, -71, (30, 13), up=2),
        "mouth_forward": midline(p, -72, (20, 13), forwards=2.4),
        "mouth_corners": mirrored(p, (25, -72), (7, 7), (0, 1.5, 0)),
        "lip_upper": midline(p, -63.5, (15, 4), up=1.3, forwards=0.9),
        "lip_lower": midline(p, -83, (14, 6), up=-1.7, forwards=1.1),
        "lip_bow": mirrored(p, (7, -65), (4.5, 4), (0, 0.8, 0))
        + midline(p, -66, (3.5, 4), up=-0.5),
        "philtrum": midline(p, -60, (26, 7), up=-1.6),
    }


@cache
def shape_fields() -> dict[str, np.ndarray]:
    """The displacement fields over the template, name -> (N, 3) float64 mm per unit."""
    points = template().vertices.astype(np.float64)
    return {
        **_outline(points),
        **_brows_and_eyes(points),
        **_nose(points),
        **_mouth(points),
        **_body(template(), points),
    }


def _body(mean, points):
    """Traits of single parts: the other fields leave neck and ears to these."""
    shoulders, ears = np.zeros_like(points), np.zeros_like(points)
    neck = mean.rings["neck"]
    shoulders[neck, 0] = points[neck, 0] * 0.09
    for name in ("left_ear", "right_ear"):
        ring = mean.rings[name]
        ears[ring] = (points[ring] - points[ring].mean((0, 1))) * 0.08
    return {"shoulders": shoulders, "ear_size": ears}


RESIDUAL_BUMPS = 26
CROOKED_BUMPS = 8


def sample_residual(rng: np.random.Generator, amplitude: float = 0.7) -> np.ndarray:
    """Random bumps of about `amplitude` mm, (26, 10).

    A row: x, y, spread, push (3), side, crooked push (3). All are mirrored; the first few push one
    side of the face once more, since no face is symmetric.
    """
    bumps = np.zeros((RESIDUAL_BUMPS, 10))
    bumps[:, :3] = rng.uniform((0, -112, 9), (62, 50, 22), (RESIDUAL_BUMPS, 3))
    bumps[:, 3:6] = rng.normal(0, amplitude, (RESIDUAL_BUMPS, 3)) * [0.8, 0.8, 1.1]
    bumps[:, 6] = rng.choice([-1, 1], RESIDUAL_BUMPS)
    bumps[:CROOKED_BUMPS, 7:] = rng.normal(0, 0.45 * amplitude, (CROOKED_BUMPS, 3))
    return bumps


def mirrored_bumps(points: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """The displacement (N, 3) mm that a `sample_residual` causes at `points`."""
    field = np.zeros_like(points)
    for number, (x, y, spread, *pushes) in enumerate(residual):
        field += mirrored(points, (x, y), (spread, spread), pushes[:3])
        if number < CROOKED_BUMPS:
            side, crooked = pushes[3], np.array(pushes[4:])
            weight = bump(points, (x * side, y), (spread * 1.3, spread * 1.3))
            field += weight[:, None] * crooked
    return field


def _carry_parts(mean, field, shape):
    """Let the separate parts follow the face they sit in, in place."""
    rings, points = mean.rings, mean.vertices
    loop = rings["lip"][0]
    for name in ("upper_teeth", "lower_teeth", "mouth_plate"):
        field[rings[name]] = field[loop].mean(0) * [0, 1, 1]
        field[rings[name], 0] = points[rings[name], 0] * 0.03 * shape.get("mouth_width", 0)
    field[rings["lip_rim"]] = field[loop]
    for side in ("left", "right"):
        margin = field[rings[f"{side}_eye"][0]]
        field[rings[f"{side}_eye_rim"]] = margin
        field[rings[f"{side}_ball"]] = margin.mean(0)
        field[rings[f"{side}_lash"]] = margin[:LASH_SAMPLES]
    neck = rings["neck"]
    field[neck] = shape.get("shoulders", 0) * shape_fields()["shoulders"][neck]
    field[neck, 0] += points[neck, 0] * (0.03 * shape.get("fat", 0) - 0.03)
    field[rings["long_hair"]] = field[rings["glasses"]] = 0


def seal_lips(mean: Template, vertices: np.ndarray) -> None:
    """Close the mouth exactly, in place: upper and lower inner loop meet half way."""
    loop = mean.rings["lip"][0]
    half_gap = (vertices[loop[mean.lip_pairs]] - vertices[loop]) * 0.5
    vertices[loop] += half_gap
    vertices[mean.rings["lip_rim"]] += half_gap


def shape_face(shape: dict[str, float], residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 3) and eyeball centres (2, 3) of the face with the given shape, in mm.

    shape: trait -> standard deviations, names of `shape_fields`. residual: see `sample_residual`.
    """
    mean = template()
    points = mean.vertices.astype(np.float64)
    field = mirrored_bumps(points, residual)
    for trait, amount in shape.items():
        field += amount * shape_fields()[trait]
    _carry_parts(mean, field, shape)
    vertices = points + field
    seal_lips(mean, vertices)
    sides = (("left_ball", -1), ("right_ball", 1))
    centers = [EYE_CENTER * [side, 1, 1] + field[mean.rings[name][0, 0]] for name, side in sides]
    return vertices, np.array(centers)
