"""Hair: where it grows, how far it stands off the scalp, and how long hair falls."""

from dataclasses import dataclass

import numpy as np

from .anatomy import template
from .sculpt import smoothstep


@dataclass(frozen=True)
class HairStyle:
    """A haircut.

    kind: short, volume, buzz, bald, receding, curly, long or bangs. thickness in mm. line: mm by
    which the hairline is raised. receding, opacity (0 = bald), bangs: shares. parting: -1 (left)
    to 1. sweep: how far strands turn from the parting. long: falls to `length` mm below
    the eyes. seed: of its locks.
    """

    kind: str
    thickness: float
    line: float
    receding: float
    opacity: float
    bangs: float
    parting: float
    sweep: float
    long: bool
    length: float
    seed: int

    @property
    def strands(self) -> bool:
        """Whether the hair is long enough for cards of strands."""
        return self.thickness > 3


def hairline(azimuth: np.ndarray, style: HairStyle) -> np.ndarray:
    """Height y in mm of the hairline at an azimuth in radians (0 = front, + = right)."""
    degrees = np.abs(np.degrees(azimuth))
    height = np.interp(
        degrees,
        [0, 14, 28, 40, 50, 57, 64, 72, 84, 100, 130, 180],
        [67, 67, 63, 50, 36, 14, -14, -24, -22, -38, -62, -70],
    )
    height = height + np.interp(degrees, [0, 36, 52], [1, 1, 0]) * style.line
    height = height - style.bangs * np.interp(degrees, [0, 34, 48, 56], [30, 26, 8, 0])
    return height + style.receding * np.exp(-(((degrees - 27) / 11) ** 2)) * 22


def inside_hair(points: np.ndarray, style: HairStyle) -> np.ndarray:
    """How many mm a point (..., 3) of the scalp lies above the hairline; negative outside."""
    azimuth = np.arctan2(points[..., 0], points[..., 2] + 10)
    return points[..., 1] - hairline(azimuth, style)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (N, 3) of a mesh, triangles weighted by area."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(
                triangles[:, corner], weights=faces[:, axis], minlength=len(vertices)
            )
    return normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-10)[:, None]


def _lumps(points, style):
    """Unevenness of the hair's volume, about +-1, (N,)."""
    rng = np.random.default_rng(style.seed)
    x, y, z = points.T
    azimuth = np.arctan2(x, z + 10)
    waves = []
    for k in range(2, 9):
        height, phase, phase_y = rng.normal(), rng.uniform(0, 6), rng.uniform(0, 6)
        waves.append(height * np.cos(azimuth * k + phase) * np.cos(y * 0.02 * k + phase_y))
    lumps = sum(waves) / 3
    if style.kind == "curly":
        curls = np.sin(x * 0.33 + 1) * np.sin(y * 0.31) * np.sin(z * 0.29 + 2)
        lumps = lumps * 0.4 + 0.9 * curls
    return lumps


def scalp_volume(style: HairStyle) -> np.ndarray:
    """How far the hair lifts the head's vertices along their normals, (head_count,) mm."""
    mean = template()
    points = mean.vertices[: mean.head_count].astype(np.float64)
    _, y, z = points.T
    off_face = ~((z > 80) & (y < 20))
    grown = smoothstep(-2, 15, inside_hair(points, style)) * off_face
    fuller_above = 0.55 + 0.75 * smoothstep(20, 90, y)
    flat_temples = 1 - 0.85 * smoothstep(40, 0, y) * smoothstep(-5, 15, z)
    profile = style.thickness * fuller_above * flat_temples
    return grown * profile * (1 + 0.22 * _lumps(points, style))
