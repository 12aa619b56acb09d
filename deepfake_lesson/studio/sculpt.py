"""The mean head as a solid: signed distance functions, joined smoothly, cast into points.

Units are millimetres; x points to the right of the picture, y up, z towards the camera. The eye
line is y = 0 and the ear canals lie near z = 0. Sculpting with a signed distance function (Inigo
Quilez, "Distance functions", https://iquilezles.org/articles/distfunctions/) needs no scanned
person.
"""

import numpy as np
from numba import njit

ELLIPSOID, ROUND_CONE = 0, 1
HEAD_CENTER = np.array([0.0, -15.0, 15.0])
EYE_CENTER = np.array([31.9, 0.0, 72.0])
EYE_RADIUS = 14.5


def _ellipsoid(center, radii, blend, sign=1, mirrored=False):
    """One row of `SOLID`; `blend` is the width of the smooth joint, sign -1 carves."""
    return [ELLIPSOID, *center, *radii, 0, 0, blend, sign, mirrored]


def _cone(start, end, radius_start, radius_end, blend, sign=1, mirrored=False):
    """A round cone from `start` to `end`, as a row of `SOLID`."""
    return [ROUND_CONE, *start, *end, radius_start, radius_end, blend, sign, mirrored]


def _skull():
    return [
        _ellipsoid((0, 27, -8), (77.5, 86, 98), 1),  # cranium
        _ellipsoid((0, 42, 34), (57, 40, 58), 30),  # frontal bone
        _ellipsoid((0, -4, -4), (75, 50, 74), 20),
        _ellipsoid((0, -38, 38), (54, 60, 52), 30),  # maxilla
        _cone((49, -66, 10), (17.5, -101, 78), 13.5, 13.5, 26, 1, True),  # mandible
        _ellipsoid((0, -78, 40), (46.5, 36, 48), 25),
        _cone((60, -8, 8), (49, -66, 12), 12.5, 13.5, 25, 1, True),  # ramus
        _ellipsoid((41, -50, 46), (19, 28, 24), 25, 1, True),
        _ellipsoid((0, -105, 82), (19, 13.5, 17), 16),  # chin
        _ellipsoid((47, -21, 58), (18, 13, 20), 28, 1, True),  # cheekbone
        _ellipsoid((37, -39, 69), (18, 22, 16), 24, 1, True),  # cheek
        _ellipsoid((48, -38, 30), (18, 26, 30), 24, 1, True),
        _ellipsoid((84, 24, 58), (13, 24, 28), 22, -1, True),  # temple
        _cone((8, 14, 86), (42, 17, 72), 9, 7, 14, 1, True),  # brow ridge
    ]


def _eyes_and_nose():
    return [
        _ellipsoid((31, -1, 101), (20, 11.5, 17), 12, -1, True),  # socket
        _ellipsoid(EYE_CENTER, (EYE_RADIUS + 0.9,) * 3, 5, 1, True),  # lids over the eyeball
        _cone((0, 6, 85.5), (0, -30, 102.5), 7.5, 9, 17),  # bridge
        _ellipsoid((0, -38, 108), (10, 9.5, 11), 9),  # tip
        _cone((6, -2, 79), (12, -36, 90), 6.5, 7.5, 15, 1, True),  # side walls
        _ellipsoid((12.5, -42.5, 98), (6.6, 7.2, 10), 5, 1, True),  # wings
        _cone((0, -44, 106), (0, -51, 98), 4.6, 5, 5),  # septum
    ]


def _mouth():
    return [
        _ellipsoid((0, -71, 74), (35, 25, 26), 18),  # dental mound
        _cone((0, -70, 98.6), (8, -69.2, 98), 3.6, 3.6, 5),  # lips, from the middle outwards
        _cone((8, -69.2, 98), (23.5, -73, 86.5), 3.6, 1.4, 4, 1, True),
        _cone((0, -80, 96.8), (8, -79.6, 96), 5.2, 4.8, 5),
        _cone((8, -79.6, 96), (23, -74.2, 86), 4.8, 1.6, 4, 1, True),
        _cone((-8, -69.2, 98), (0, -70, 98.6), 3.6, 3.6, 3),
        _cone((-8, -79.6, 96), (0, -80, 96.8), 4.8, 5.2, 3),
        _cone((0, -55, 109.5), (0, -63, 108.5), 3, 3.6, 6, -1),  # philtrum
        _ellipsoid((0, -91, 108), (19, 4.5, 13), 10, -1),  # groove above the chin
        _ellipsoid((6.6, -50.5, 105), (3.6, 4.2, 4.6), 2.5, -1, True),  # nostrils
        _cone((19, -46, 105), (30, -66, 99), 2.4, 2.4, 10, -1, True),  # nasolabial fold
    ]


SOLID = np.array(_skull() + _eyes_and_nose() + _mouth(), dtype=np.float64)


@njit(cache=True, fastmath=True)
def _primitive_distance(row, x, y, z):
    px, py, pz = x - row[1], y - row[2], z - row[3]
    if row[0] == ELLIPSOID:
        ax, ay, az = px / row[4], py / row[5], pz / row[6]
        k0 = np.sqrt(ax * ax + ay * ay + az * az)
        k1 = np.sqrt((ax / row[4]) ** 2 + (ay / row[5]) ** 2 + (az / row[6]) ** 2)
        return k0 * (k0 - 1) / (k1 + 1e-9)
    bx, by, bz = row[4] - row[1], row[5] - row[2], row[6] - row[3]
    t = (px * bx + py * by + pz * bz) / (bx * bx + by * by + bz * bz)
    t = min(1.0, max(0.0, t))
    length = np.sqrt((px - bx * t) ** 2 + (py - by * t) ** 2 + (pz - bz * t) ** 2)
    return length - row[7] - (row[8] - row[7]) * t


@njit(cache=True, fastmath=True)
def signed_distance(x, y, z, solid):
    """Distance in mm from a point to the surface of `solid` (rows of `SOLID`), negative inside."""
    distance = 1e9
    for i in range(solid.shape[0]):
        row = solid[i]
        blend = row[9]
        for side in range(2 if row[11] > 0 else 1):
            part = _primitive_distance(row, x if side == 0 else -x, y, z)
            if row[10] > 0:
                h = max(blend - abs(distance - part), 0.0) / blend
                distance = min(distance, part) - h * h * blend * 0.25
            else:
                h = max(blend - abs(distance + part), 0.0) / blend
                distance = max(distance, -part) + h * h * blend * 0.25
    return distance


@njit(cache=True, fastmath=True)
def cast(origins, directions, solid):
    """Where rays (N, 3) with unit directions first meet the solid: sphere tracing; (N, 3)."""
    hits = np.empty_like(origins)
    for i in range(origins.shape[0]):
        travelled = 0.0
        for _ in range(120):
            x = origins[i, 0] + directions[i, 0] * travelled
            y = origins[i, 1] + directions[i, 1] * travelled
            z = origins[i, 2] + directions[i, 2] * travelled
            distance = signed_distance(x, y, z, solid)
            travelled += 0.75 * distance
            if distance < 0.01 or travelled > 260:
                break
        hits[i] = origins[i] + directions[i] * travelled
    return hits


@njit(cache=True, fastmath=True)
def _occlusion(points, normals, solid):
    openness = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        hidden = 0.0
        for j in range(1, 6):
            height = 1.2 * j * j
            x = points[i, 0] + normals[i, 0] * height
            y = points[i, 1] + normals[i, 1] * height
            z = points[i, 2] + normals[i, 2] * height
            missing = max(0.0, height - signed_distance(x, y, z, solid))
            hidden += missing / height * 0.8 ** (j - 1)
        openness[i] = max(0.12, 1 - hidden / 2.2)
    return openness


def occlusion(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Ambient occlusion by the mean head; (N,) with 1 = open, 0.12 = deep.

    Five samples along each normal: where the solid is nearer than the sample is high, light is
    hidden.
    """
    return _occlusion(np.asarray(points, np.float64), np.asarray(normals, np.float64), SOLID)


def project_front(points: np.ndarray) -> np.ndarray:
    """Drop (N, 2) points of the frontal view onto the face; returns (N, 3) mm."""
    points = np.asarray(points, dtype=np.float64)
    origins = np.column_stack([points, np.full(len(points), 150.0)])
    return cast(origins, np.tile([0.0, 0.0, -1.0], (len(points), 1)), SOLID)


def project_radial(directions: np.ndarray) -> np.ndarray:
    """Meet the surface along unit `directions` (N, 3) from the middle of the head."""
    return cast(HEAD_CENTER + directions * 190, -directions, SOLID)


def smoothstep(start: float, end: float, x):
    """Hermite ramp from 0 at `start` to 1 at `end`; `start` may be the larger one."""
    t = np.clip((x - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def spline(points: np.ndarray, samples: int) -> np.ndarray:
    """Open Catmull-Rom curve with `samples` points a segment; knots are kept, the last is left out.

    (K, D) -> ((K - 1) * samples, D).
    """
    knots = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.arange(samples)[:, None] / samples
    pieces = []
    for i in range(1, len(knots) - 2):
        a, b, c, d = knots[i - 1 : i + 3]
        quadratic = (2 * a - 5 * b + 4 * c - d) * t**2
        cubic = (3 * b - a - 3 * c + d) * t**3
        pieces.append(0.5 * (2 * b + (c - a) * t + quadratic + cubic))
    return np.vstack(pieces)


def offset_curve(curve: np.ndarray, distance: float) -> np.ndarray:
    """Move a closed (N, 2) curve outwards by `distance` along its normals."""
    tangent = np.roll(curve, -1, 0) - np.roll(curve, 1, 0)
    normal = np.column_stack([tangent[:, 1], -tangent[:, 0]])
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    following = np.roll(curve, -1, 0)
    area = np.sum(curve[:, 0] * following[:, 1] - following[:, 0] * curve[:, 1])
    return curve + normal * distance * np.sign(area)
