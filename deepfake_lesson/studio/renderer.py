"""From a person, an expression and a scene to a frame with its exact truth."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from .anatomy import template
from .appearance import Appearance, eye_occlusion, paint, static_occlusion
from .camera import FRONTAL, Camera, Light, Pose, Scene
from .expression import deform
from .parts import Material
from .people import Identity
from .performance import Moment, Performance
from .rasterizer import (
    SHADOW_TAPS,
    Rig,
    Samples,
    Surface,
    empty_samples,
    label,
    rasterize,
    soft_shadow,
    vertex_normals,
)
from .shader import shade
from .textures import CUTOUTS, Part, atlas_uv, card_uv

NECK_PIVOT = np.array([0, -75, -15], np.float32)
SHADOW_SIDE, SHADOW_SCALE = 200, 0.5
TEXELS_PER_MM = 2.8
FACE_PARTS = (Part.SKIN, Part.BROW, Part.EYE, Part.LIPS, Part.TEETH, Part.MOUTH)
IS_FACE = np.isin(np.arange(len(Part)), FACE_PARTS)
MATERIAL_PARTS = {
    Material.SKIN: Part.BACKGROUND,
    Material.RIM: Part.SKIN,
    Material.EYE: Part.EYE,
    Material.TEETH: Part.TEETH,
    Material.MOUTH: Part.MOUTH,
    Material.EAR: Part.EAR,
    Material.CLOTH: Part.BACKGROUND,
    Material.LONG_HAIR: Part.HAIR,
    Material.GLASSES: Part.GLASSES,
    Material.LASH: Part.EYE,
}


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and the truth about it, for a picture of H x W pixels.

    image: (H, W, 3) uint8 RGB. landmarks: (68, 2) and points5: (5, 2) float32, x and y in pixels
    with pixel centres at integers. pose, expression: as asked for. face_mask: (H, W) bool, the
    visible pixels of skin, brows, eyes, lips, teeth and mouth inside the convex hull of the 68
    landmarks (hair and glasses in front of the face are left out; `parts` has the rest of the
    head). depth: (H, W) float32 mm from the camera, 0 where nothing is. parts: (H, W) uint8, see
    `Part`.
    """

    image: np.ndarray
    landmarks: np.ndarray
    points5: np.ndarray
    pose: Pose
    expression: dict[str, float]
    face_mask: np.ndarray
    depth: np.ndarray
    parts: np.ndarray


def render(
    identity: Identity,
    expression: dict[str, float] | None = None,
    pose: Pose = FRONTAL,
    light: Light | None = None,
    camera: Camera | None = None,
    background: np.ndarray | None = None,
    size: int | tuple[int, int] = 256,
    supersample: int = 2,
) -> Frame:
    """Take a picture of a person; `size` is one side or (width, height) in pixels.

    background: linear RGB float32 (h, w, 3) of any size, grey if None. supersample: samples per
    pixel and direction. The same arguments give the same pixels on one machine.
    """
    expression, camera = dict(expression or {}), camera or Camera()
    width, height = (size, size) if np.isscalar(size) else size
    appearance = paint(identity.look, identity.seed)
    rig = _exposed(light or Light(), appearance)
    rest = deform(identity, expression)
    world = _turn(rest, identity.follow, pose)
    points = camera.project(world, width, height)
    window = _window(points, width, height)
    samples = _look(identity, appearance, points, window, supersample)
    surface = _surface(identity, appearance, rest, world, rig)
    picture = _backdrop(background, width, height)
    _illuminate(
        picture[window], samples, surface, appearance, rig, identity, expression, pose, camera
    )
    landmarks = _landmarks(points[:, :2], pose.roll) - np.float32(0.5)
    parts, depth = _truth_maps(samples, surface, appearance, window, (height, width))
    return Frame(
        image=camera.develop(picture),
        landmarks=landmarks,
        points5=_points5(landmarks),
        pose=pose,
        expression=expression,
        face_mask=_inside_hull(landmarks, parts.shape) & IS_FACE[parts],
        depth=depth,
        parts=parts,
    )


def render_moment(identity: Identity, moment: Moment, scene: Scene, size=256, supersample=2):
    """One `Moment` of a performance in a scene; the moment's own light and camera come first."""
    return render(
        identity,
        moment.expression,
        moment.pose,
        moment.light or scene.light,
        moment.camera or scene.camera,
        scene.background,
        size,
        supersample,
    )


def render_pair(
    a: Identity, b: Identity, moment: Moment, scene: Scene, size=256, supersample=2
) -> tuple[Frame, Frame]:
    """The perfect swap: two people in the same moment, light and camera; frames of a and of b."""
    first, second = (render_moment(who, moment, scene, size, supersample) for who in (a, b))
    return first, second


def render_performance(
    identity: Identity, performance: Performance, scene: Scene, size=256, supersample=2
) -> Iterator[Frame]:
    """The frames of a performance; only the grain of the camera is new in each."""
    for number, moment in enumerate(performance):
        lit = replace(scene, camera=scene.camera.frame(number))
        yield render_moment(identity, moment, lit, size, supersample)


def _exposed(light: Light, appearance: Appearance) -> Rig:
    """Automatic exposure that goes half of the way towards a mean grey on the skin."""
    brightness = appearance.skin_brightness * light.on_skin()
    return light.rig(float(np.clip((0.30 / brightness) ** 0.45, 0.75, 1.55)))


def _turn(rest: np.ndarray, follow: np.ndarray, pose: Pose) -> np.ndarray:
    """Rotate the head about the neck; the neck follows it downwards less and less."""
    change = (pose.rotation() - np.eye(3)).astype(np.float32)
    return rest + follow[:, None] * ((rest - NECK_PIVOT) @ change.T)


def _window(points: np.ndarray, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the picture that the person can cover."""
    x, y = points[:, 0], points[:, 1]
    low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()])
    left, top = np.clip(np.floor(low), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(high), [left + 1, top + 1], [width, height]).astype(int)
    return slice(top, bottom), slice(left, right)


@cache
def _cutout_materials() -> np.ndarray:
    return np.array([material in CUTOUTS for material in Material])


@cache
def _material_parts() -> np.ndarray:
    return np.array([MATERIAL_PARTS[m] for m in Material], np.uint8)


def _look(identity, appearance, points, window, supersample) -> Samples:
    """Rasterise the person inside the window."""
    rows, columns = window
    screen = points.copy()
    screen[:, :2] -= np.array([columns.start, rows.start], np.float32)
    screen[:, :2] *= np.float32(supersample)
    samples = empty_samples(
        (rows.stop - rows.start) * supersample, (columns.stop - columns.start) * supersample
    )
    cutout = _cutout_materials()[identity.materials]
    rasterize(screen, identity.triangles, cutout, card_uv(), appearance.alpha, True, samples)
    return samples


def _surface(identity, appearance, rest, world, rig) -> Surface:
    """Everything the shader interpolates over the mesh."""
    return Surface(
        identity.triangles,
        identity.materials,
        world,
        _normals(identity, world),
        atlas_uv(),
        eye_occlusion(rest, static_occlusion()),
        _shadow(identity, appearance, world, rig),
    )


def _normals(identity, world) -> np.ndarray:
    """Vertex normals; cards of hair take them mostly from the head that they cover."""
    normals = vertex_normals(world, identity.normal_triangles)
    cards = _cards()
    head = world[: template().head_count]
    outwards = world[cards] - np.full(len(head), 1 / len(head), np.float32) @ head
    outwards /= np.sqrt(np.einsum("nc,nc->n", outwards, outwards))[:, None]
    facing = np.sign(np.einsum("nc,nc->n", normals[cards], outwards))
    normals[cards] *= np.float32(0.35) * facing[:, None]
    normals[cards] += np.float32(0.65) * outwards
    return normals


@cache
def _cards() -> slice:
    """The vertices of all cards of hair."""
    ring = template().rings["long_hair"]
    return slice(ring.min(), ring.max() + 1)


def _shadow(identity, appearance, world, rig) -> np.ndarray:
    """(N,) share of the key light that reaches each vertex, from a picture taken by the light."""
    across = np.cross([0, 1, 0], rig.key)
    across /= np.linalg.norm(across)
    axes = np.stack(
        [SHADOW_SCALE * across, SHADOW_SCALE * np.cross(rig.key, across), -rig.key], axis=1
    )
    center = np.array([SHADOW_SIDE / 2, SHADOW_SIDE / 2, 0], np.float32)
    seen = world @ axes.astype(np.float32) + center
    samples = empty_samples(SHADOW_SIDE, SHADOW_SIDE)
    triangles = identity.normal_triangles
    solid = np.zeros(len(triangles), np.bool_)
    rasterize(seen, triangles, solid, card_uv(), appearance.alpha, False, samples)
    return soft_shadow(seen, samples.depth, SHADOW_TAPS, 3.8, 2.5, 0.18)


def _backdrop(background: np.ndarray | None, width: int, height: int) -> np.ndarray:
    """The background cropped and scaled to fill the picture, float32 linear."""
    if background is None:
        return np.full((height, width, 3), 0.25, np.float32)
    rows, columns = background.shape[:2]
    zoom = max(width / columns, height / rows)
    crop_width, crop_height = round(width / zoom), round(height / zoom)
    x, y = (columns - crop_width) // 2, (rows - crop_height) // 2
    crop = background[y : y + crop_height, x : x + crop_width]
    resized = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized, np.float32)


def _illuminate(
    picture, samples, surface, appearance, rig, identity, expression, pose, camera
) -> None:
    """Shade the window of the picture with the texture level that suits its resolution."""
    density = camera.pixels_per_mm(*picture.base.shape[1::-1])
    level = int(np.clip(np.log2(TEXELS_PER_MM / density), 0, len(appearance.levels) - 1))
    shade(
        picture,
        samples,
        surface,
        appearance.levels[level],
        rig,
        wrinkle_depths(expression, identity.look.age),
        pose.rotation().astype(np.float32),
        np.array([0, -35, camera.distance], np.float32),
        np.float32(0.5**level),
    )


def wrinkle_depths(expression: dict[str, float], age: float) -> np.ndarray:
    """How deep forehead, frown and smile lines are now, (3,) float32 in [0, 1]."""
    unit = expression.get
    forehead = max(unit("AU1", 0), unit("AU2", 0)) * (0.35 + 0.5 * age)
    frown = max(unit("AU4", 0), 0.8 * unit("AU9", 0)) * 0.6
    smile = max(unit("AU6", 0), 0.8 * unit("AU12", 0), 0.6 * unit("AU10", 0)) * 0.55
    return np.clip([forehead, frown, smile], 0, 1).astype(np.float32)


def _landmarks(points: np.ndarray, roll: float) -> np.ndarray:
    """(68, 2) landmarks on the projected mesh (N, 2).

    The jaw points lie on the visible contour: of each point's candidates the outermost one.
    """
    head = template()
    corners = points[head.landmark_vertices]
    landmarks = (corners * head.landmark_weights[..., None]).sum(1)
    center = landmarks[27:36].mean(0)
    directions = contour_directions(roll)
    for k, candidates in enumerate(head.jaw_candidates):
        curve = points[candidates]
        landmarks[k] = curve[np.argmax((curve - center) @ directions[k])]
    return landmarks.astype(np.float32)


def contour_directions(roll: float) -> np.ndarray:
    """(17, 2) float64: which way from the nose each jaw point looks for the contour, x and y.

    roll: of the head, in degrees. From the left ear down over the chin and up to the right one.
    """
    spread = np.pi * np.array([1, 0.82, 0.5, 0.18, 0])
    angles = np.interp(np.arange(17), [0, 4, 8, 12, 16], spread) + np.radians(roll)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _points5(landmarks: np.ndarray) -> np.ndarray:
    """Eye centres, nose tip and mouth corners, (5, 2)."""
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    return np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]]).astype(np.float32)


def _truth_maps(samples, surface, appearance, window, shape) -> tuple[np.ndarray, np.ndarray]:
    """Part labels and depth of the whole picture."""
    parts, depth = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
    label(
        samples,
        surface.triangles,
        surface.materials,
        surface.uv,
        _material_parts(),
        appearance.parts,
        samples.index.shape[0] // (window[0].stop - window[0].start),
        parts[window],
        depth[window],
    )
    return parts, depth


def _inside_hull(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(shape, np.uint8), hull, 1).astype(bool)
