"""The template head: one mesh, its landmarks, and loops of vertices around eyes and mouth.

The 68 landmarks are those of iBUG 300-W (Sagonas et al. 2013). Their mean shape gives the contours
of eyes and lips; concentric loops of vertices run through them, so that lids and lips deform
cleanly and the holes are real. Between the loops, rays from the middle of the head meet the solid
of `sculpt`, and a Delaunay triangulation joins all points.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from . import parts
from .parts import Material, grid_triangles
from .sculpt import HEAD_CENTER, offset_curve, project_front, project_radial, smoothstep, spline

EYE_SAMPLES = 9
LIP_SAMPLES = 36
LASH_SAMPLES = 3 * EYE_SAMPLES + 1
EYE_LOOPS = (0, 0.7, 1.5, 2.5, 3.7, 5.2, 7.0)
LIP_BLENDS = (0, 0.2, 0.45, 0.7, 1.0)
LIP_LOOPS = (1.3, 3.0, 5.2, 8.0)

# Points 17-67 of the mean shape, in the unit square that dlib's models use.
MEAN_X = (
    0.000213, 0.075262, 0.18113, 0.29077, 0.393397, 0.586856, 0.689483, 0.799124, 0.904991, 0.98004,
    0.490127, 0.490127, 0.490127, 0.490127, 0.36688, 0.426036, 0.490127, 0.554217, 0.613373,
    0.121737, 0.187122, 0.265825, 0.334606, 0.260918, 0.182743,
    0.645647, 0.714428, 0.793132, 0.858516, 0.79751, 0.719335,
    0.254149, 0.340985, 0.428858, 0.490127, 0.551395, 0.639268, 0.726104, 0.642159, 0.556721,
    0.490127, 0.423532, 0.338094, 0.290379, 0.428096, 0.490127, 0.552157, 0.689874, 0.553364,
    0.490127, 0.42689,
)  # fmt: skip
MEAN_Y = (
    0.106454, 0.038915, 0.018748, 0.034489, 0.077391, 0.077391, 0.034489, 0.018748, 0.038915,
    0.106454, 0.203352, 0.307009, 0.409805, 0.515625, 0.587326, 0.609345, 0.628106, 0.609345,
    0.587326, 0.216423, 0.178758, 0.179852, 0.231733, 0.245099, 0.244077,
    0.231733, 0.179852, 0.178758, 0.216423, 0.244077, 0.245099,
    0.780233, 0.745405, 0.727388, 0.742578, 0.727388, 0.745405, 0.780233, 0.864805, 0.902192,
    0.909281, 0.902192, 0.864805, 0.784792, 0.778746, 0.785343, 0.778746, 0.784792, 0.824182,
    0.831803, 0.824182,
)  # fmt: skip
# The mean shape smiles; a neutral mouth and nose, left half and midline, (x, y) in mm.
NEUTRAL = {
    31: (-13.4, -48), 32: (-6.8, -50), 33: (0, -51.3),
    48: (-25.2, -72.7), 49: (-16.8, -68.5), 50: (-7.3, -65.4), 51: (0, -67.2), 57: (0, -85),
    58: (-8, -84.2), 59: (-17, -80.6), 60: (-23.2, -72.8), 61: (-7.4, -71.4), 62: (0, -72.2),
    66: (0, -76), 67: (-7.6, -75.3),
}  # fmt: skip
MIRROR = {
    31: 35, 32: 34, 33: 33, 48: 54, 49: 53, 50: 52, 51: 51, 57: 57, 58: 56, 59: 55, 60: 64, 61: 63,
    62: 62, 66: 66, 67: 65,
}  # fmt: skip
JAW = (
    (-73, -2), (-73.5, -21), (-71, -41), (-66, -60), (-58, -78), (-46.5, -94.5), (-32, -107),
    (-16.5, -114), (0, -116),
)  # fmt: skip


def _landmarks():
    """(68, 2) landmarks of the mean face in mm, seen from the front, mouth slightly open."""
    points = np.zeros((68, 2))
    points[17:, 0] = (np.array(MEAN_X) - 0.490127) * 122
    points[17:, 1] = -(np.array(MEAN_Y) - 0.2125) * 122
    eyelids = [37, 38, 40, 41, 43, 44, 46, 47]
    points[eyelids, 1] *= 1.06  # the mean shape squints a little
    points[17:27, 1] += 3.4  # annotators follow the upper edge of the brow
    for index, (x, y) in NEUTRAL.items():
        points[index] = x, y
        points[MIRROR[index]] = -x, y
    points[:9] = JAW
    points[9:17] = points[7::-1] * [-1, 1]
    return points


LANDMARKS = _landmarks()


@dataclass(frozen=True)
class Template:
    """The mean head with closed mouth, N vertices and T triangles; arrays are read-only by custom.

    vertices, open_vertices: (N, 3) float32 mm. triangles (T, 3) int32, materials (T,) int32.
    part_uv: (N, 2); for the head azimuthal angles (see `azimuthal`), for other parts [-1, 1].
    rings: vertex numbers by name, in rows. head_count: the first vertices are the head itself.
    lip_pairs: sample i of a lip loop meets sample lip_pairs[i] when the mouth closes.
    primary: (T,) bool, False for the back sides of two-sided parts.
    landmark_vertices, landmark_weights: (68, 3) barycentric embedding of the landmarks.
    jaw_candidates: (17, 22) vertices among which the visible jaw contour lies, for any pose.
    follow: (N,) float32, the share of the head's rotation that a vertex follows (neck: less).
    """

    vertices: np.ndarray
    open_vertices: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray
    part_uv: np.ndarray
    rings: dict[str, np.ndarray]
    head_count: int
    lip_pairs: np.ndarray
    primary: np.ndarray
    landmark_vertices: np.ndarray
    landmark_weights: np.ndarray
    jaw_candidates: np.ndarray
    follow: np.ndarray


def azimuthal(points: np.ndarray) -> np.ndarray:
    """Unroll (N, 3) points onto a plane: angle from the view axis, kept in its direction (N, 2)."""
    direction = points - HEAD_CENTER
    direction = direction / np.linalg.norm(direction, axis=1)[:, None]
    angle = np.arccos(np.clip(direction[:, 2], -1, 1))
    length = np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)
    return direction[:, :2] / length[:, None] * angle[:, None]


def _contours():
    """Closed curves (M, 2) of the eyes and of the inner and outer lips, in mm."""

    def closed(upper, lower, samples):
        first, second = spline(LANDMARKS[upper], samples), spline(LANDMARKS[lower], samples)
        return np.vstack([first, second])

    eye = closed([36, 37, 38, 39], [39, 40, 41, 36], EYE_SAMPLES)
    inner = closed([60, 61, 62, 63, 64], [64, 65, 66, 67, 60], LIP_SAMPLES // 4)
    outer = closed(range(48, 55), [54, 55, 56, 57, 58, 59, 48], LIP_SAMPLES // 6)
    return eye, inner, outer


def _feature_loops():
    """Loops of (x, y) around eyes and mouth, from the hole outwards, by the name of their ring."""
    eye, inner, outer = _contours()
    loops = {}
    for name, side in (("left_eye", 1), ("right_eye", -1)):
        curve = eye * [side, 1]
        loops[name] = [curve, *(offset_curve(curve, d) for d in EYE_LOOPS[1:])]
    lips = [inner * (1 - blend) + outer * blend for blend in LIP_BLENDS]
    loops["lip"] = [*lips, *(offset_curve(outer, d) for d in LIP_LOOPS)]
    return loops


def _inside(polygon, points):
    """Signed distance of (N, 2) points to the border of a polygon, positive inside."""
    contour = polygon.astype(np.float32).reshape(-1, 1, 2)
    return np.array([cv2.pointPolygonTest(contour, (float(x), float(y)), True) for x, y in points])


def _surface_points(last_angle, step):
    """Points on the solid along rings of directions, `step(angle)` degrees apart."""
    directions, angle, ring = [], 0.0, 0
    while angle < last_angle:
        polar, spacing = np.radians(angle), np.radians(step(angle))
        count = max(1, int(2 * np.pi * np.sin(polar) / spacing / 2)) * 2
        around = np.pi / 2 + (np.arange(count) + 0.5 * (ring % 2)) * 2 * np.pi / count
        x, y = np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around)
        directions.append(np.column_stack([x, y, np.full(count, np.cos(polar))]))
        angle += np.degrees(spacing) * 0.9
        ring += 1
    return project_radial(np.vstack(directions))


def _fill_points(loops):
    """Surface points outside the feature loops, finer on the face and finest on the nose."""

    def coarse(angle):
        return 1.5 if angle < 50 else 2.1 if angle < 78 else 3.6 if angle < 110 else 6.5

    def clear(points):
        free, front = np.ones(len(points), bool), points[:, 2] > 50
        for name, margin in (("left_eye", 0.9), ("right_eye", 0.9), ("lip", 1.2)):
            free[front] &= _inside(loops[name][-1], points[front, :2]) < -margin
        return free

    def on_nose(points):
        x, y, z = points.T
        return (abs(x) < 19) & (y < -8) & (y > -55) & (z > 80)

    head = _surface_points(166, coarse)
    nose = _surface_points(45, lambda angle: 0.95)
    return [head[clear(head) & ~on_nose(head)], nose[clear(nose) & on_nose(nose)]]


def _delaunay(points):
    """Delaunay triangles of (N, 2) points; a little jitter keeps OpenCV's method robust."""
    jitter = np.random.default_rng(1).normal(0, 4e-4, points.shape)
    points = (points + jitter).astype(np.float32)
    subdivision = cv2.Subdiv2D((-5, -5, 10, 10))
    numbers = {}
    for number, (x, y) in enumerate(points):
        subdivision.insert((float(x), float(y)))
        numbers[(x, y)] = number
    corners = subdivision.getTriangleList().reshape(-1, 3, 2)
    triangles = [[numbers.get((x, y), -1) for x, y in triangle] for triangle in corners]
    return np.array([triangle for triangle in triangles if min(triangle) >= 0])


def _head_mesh():
    """Vertices, triangles (holes cut, facing outwards), rings and azimuthal coordinates."""
    loops = _feature_loops()
    pieces, rings, count = [], {}, 0
    for name, curves in loops.items():
        rows = [project_front(curve) for curve in curves]
        rings[name] = count + np.arange(len(rows) * len(rows[0])).reshape(len(rows), -1)
        pieces += rows
        count += rings[name].size
    vertices = np.vstack(pieces + _fill_points(loops))
    vertices += np.random.default_rng(0).normal(0, 1e-4, vertices.shape)
    plane = azimuthal(vertices)
    triangles = _delaunay(plane)
    middle, in_front = plane[triangles].mean(1), vertices[triangles].mean(1)[:, 2] > 50
    hole = np.zeros(len(triangles), bool)
    for loop in rings.values():
        hole |= (_inside(plane[loop[0]], middle) > 1e-4) & in_front
    return vertices, _outwards(vertices, triangles[~hole], HEAD_CENTER), rings, plane


def _face_normals(vertices, triangles):
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


def _outwards(vertices, triangles, center):
    """Turn every triangle so that its front looks away from `center`."""
    away = vertices[triangles].mean(1) - center
    wrong = (_face_normals(vertices, triangles) * away).sum(1) < 0
    triangles = triangles.copy()
    triangles[wrong] = triangles[wrong][:, ::-1]
    return triangles


def _facing(part):
    """The part's triangles, all turned round if most of them look inwards."""
    away = part.points[part.triangles].mean(1)
    away = away - part.points.mean(0) * [1, 0, 1]
    if part.material == Material.CLOTH:
        away[:, 1] = 0
    inwards = (_face_normals(part.points, part.triangles) * away).sum() < 0
    return part.triangles[:, ::-1] if inwards else part.triangles


def _rims(vertices, rings, plane):
    """Thickness of the lids and the back of the lips: strips that hang on the inner loops."""
    strips = []
    for name, steps in (
        ("left_eye", [(-2.2, 0)]),
        ("right_eye", [(-2.2, 0)]),
        ("lip", [(-3, -0.3), (-7, 0.6), (-11, 3)]),
    ):
        loop = rings[name][0]
        upper = np.where(np.arange(len(loop)) < len(loop) // 2, 1.0, -1.0)
        rows = [vertices[loop]]
        for depth, rise in steps:
            shift = np.zeros((len(loop), 3))
            shift[:, 1], shift[:, 2] = rise * upper, depth
            rows.append(vertices[loop] + shift)
        shape = (len(rows), len(loop))
        material = Material.SKIN if name == "lip" else Material.RIM
        uv = np.tile(plane[loop], (len(rows), 1))
        triangles = grid_triangles(*shape, closed=True)
        strips.append(parts.Part(f"{name}_rim", np.vstack(rows), triangles, material, uv, shape))
    return strips


def _attached_parts(vertices, rings):
    return [
        parts.eyeball("left_ball", -1),
        parts.eyeball("right_ball", 1),
        parts.teeth("upper_teeth", -63, -75.2, 0, upwards=True),
        parts.teeth("lower_teeth", -75.6, -85, -2.5, upwards=False),
        parts.mouth_plate(),
        parts.ear("left_ear", -1),
        parts.ear("right_ear", 1),
        parts.neck(),
        parts.hair_cards(),
        parts.glasses(),
        parts.lash("left_lash", vertices[rings["left_eye"][0][:LASH_SAMPLES]], -1),
        parts.lash("right_lash", vertices[rings["right_eye"][0][:LASH_SAMPLES]], 1),
    ]


def _assemble(vertices, triangles, rings, plane, attached):
    """Append the parts: vertices, triangles, materials, primary, uv; extends `rings`."""
    points, uvs = [vertices], [plane]
    faces = [triangles]
    materials, primary = [np.full(len(triangles), Material.SKIN)], [np.ones(len(triangles), bool)]
    count = len(vertices)
    for part in attached:
        front = _facing(part) + count
        sides = [front, front[:, ::-1]] if part.two_sided else [front]
        faces += sides
        materials.append(np.full(len(front) * len(sides), part.material))
        primary.append(np.repeat([True, False][: len(sides)], len(front)))
        rings[part.name] = count + np.arange(len(part.points)).reshape(part.shape)
        points.append(part.points)
        uvs.append(part.uv)
        count += len(part.points)
    stacked = (points, faces, materials, primary, uvs)
    return (np.concatenate(arrays) for arrays in stacked)


def _close_mouth(open_vertices, rings, pairs):
    """Bring upper and lower lip together, the loops around them less and less."""
    vertices = open_vertices.copy()
    loop = rings["lip"][0]
    gap = vertices[loop[pairs]] - vertices[loop]
    upper = np.arange(len(loop)) < LIP_SAMPLES
    shift = np.where(upper, 0.36, 0.64)[:, None] * gap
    shift[:, 2] *= 0.3
    for ring, distance in zip(
        rings["lip"], (0, 0.15, 0.3, 0.45, 0.6, 0.72, 0.82, 0.9, 0.96), strict=True
    ):
        vertices[ring] += shift * (1 - distance) ** 0.8
    vertices[rings["lip_rim"]] += shift
    return vertices


def _barycentric(corners, point):
    """Weights (T, 3) of a 2D point in triangles (T, 3, 2), and twice their signed areas (T,)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]

    def cross(u, v):
        return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]

    area = cross(b - a, c - a)
    area = np.where(abs(area) < 1e-9, 1e-9, area)
    second, third = cross(point - a, c - a) / area, cross(b - a, point - a) / area
    return np.column_stack([1 - second - third, second, third]), area


def _embed_landmarks(vertices, triangles, rings):
    """Tie landmarks 17-67 to the surface: vertex triples and weights, both (68, 3)."""
    corners = np.zeros((68, 3), int)
    weights = np.zeros((68, 3))
    for index in range(17, 68):
        inside, area = _barycentric(vertices[triangles][..., :2], LANDMARKS[index])
        hits = np.flatnonzero((inside.min(1) > -1e-3) & (area > 0))
        if len(hits):
            nearest = hits[np.argmax(vertices[triangles[hits], 2].mean(1))]
            corners[index], weights[index] = triangles[nearest], inside[nearest]
    on_loops = dict(zip(range(36, 42), rings["left_eye"][0][::EYE_SAMPLES], strict=True))
    mirrored = (45, 44, 43, 42, 47, 46)
    on_loops |= zip(mirrored, rings["right_eye"][0][::EYE_SAMPLES], strict=True)
    on_loops |= zip(range(60, 68), rings["lip"][0][:: LIP_SAMPLES // 4], strict=True)
    on_loops |= zip(range(48, 60), rings["lip"][4][:: LIP_SAMPLES // 6], strict=True)
    for index, vertex in on_loops.items():
        corners[index], weights[index] = vertex, (1, 0, 0)
    return corners, weights


def _jaw_curve(index):
    """(22, 3) points from the jaw line forwards over the cheek, for jaw landmark `index`."""
    x, y = LANDMARKS[index]
    t = np.linspace(0, 1, 22)
    if index in (7, 8, 9):
        return np.column_stack([np.full(22, x), y - 3 + 14 * t, 76 + 22 * t])
    k = min(index, 16 - index)
    rise = np.interp(k, [0, 1, 2, 3, 4, 6], [2, 5, 11, 17, 22, 20])
    start = np.interp(k, [0, 2, 4, 6], [24, 22, 34, 62])
    outwards = abs(x) + (abs(x) * 0.62 - abs(x)) * t**1.6
    return np.column_stack([np.sign(x) * outwards, y + rise * t, start + (84 - start) * t])


def _jaw_candidates(head):
    """(17, 22) vertices along the curves of `_jaw_curve`: nearest by direction from the middle."""
    directions = head - HEAD_CENTER
    directions = directions / np.linalg.norm(directions, axis=1)[:, None]
    curves = np.stack([_jaw_curve(index) for index in range(17)]) - HEAD_CENTER
    return np.argmax(curves @ directions.T, axis=-1)


def _follow(vertices, rings):
    follow = np.ones(len(vertices))
    follow[rings["neck"]] = smoothstep(-175, -80, vertices[rings["neck"], 1])
    return follow


@cache
def template() -> Template:
    """Build the template head (about two seconds), once a process; see `Template`."""
    vertices, triangles, rings, plane = _head_mesh()
    head_triangles, head_count = triangles, len(vertices)
    attached = _rims(vertices, rings, plane) + _attached_parts(vertices, rings)
    open_vertices, triangles, materials, primary, uv = _assemble(
        vertices, triangles, rings, plane, attached
    )
    pairs = -np.arange(2 * LIP_SAMPLES) % (2 * LIP_SAMPLES)
    closed = _close_mouth(open_vertices, rings, pairs)
    corners, weights = _embed_landmarks(vertices, head_triangles, rings)
    return Template(
        vertices=closed.astype(np.float32),
        open_vertices=open_vertices.astype(np.float32),
        triangles=np.ascontiguousarray(triangles, np.int32),
        materials=materials.astype(np.int32),
        part_uv=uv,
        rings=rings,
        head_count=head_count,
        lip_pairs=pairs,
        primary=primary,
        landmark_vertices=corners,
        landmark_weights=weights,
        jaw_candidates=_jaw_candidates(vertices),
        follow=_follow(closed, rings).astype(np.float32),
    )
