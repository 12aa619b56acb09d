"""A morphable face: a mean head, how people differ from it, action units; fitted to 68 points.

After Blanz and Vetter, "A Morphable Model for the Synthesis of 3D Faces" (SIGGRAPH 1999), with the
studio's people in place of their 200 scanned heads. In millimetres,

    head = mean + sum of identity_i * component_i + sum of intensity_j * unit_j

A component is a principal axis along which people's landmarks differ, as long as one standard
deviation. A pose and a camera then give the landmarks in a picture. Fitting goes the other way: it
finds the numbers that explain given landmarks well and are likely themselves.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy.optimize import least_squares

from .errors import LessonError
from .landmarks import REGIONS, head_pose, interocular
from .studio import ACTION_UNITS, Camera, Identity, Pose, deform
from .studio.anatomy import template
from .studio.camera import direction
from .studio.prior import FACTORS, MALE, OLD, TYPICAL
from .studio.renderer import NECK_PIVOT, contour_directions
from .studio.shape import shape_face, shape_fields

UNITS = tuple(unit for unit in ACTION_UNITS if not unit.startswith("AU45_"))
COMPONENTS = 30
NO_BUMPS = np.zeros((0, 10))
ROUNDS = 6  # at most: the contour of the jaw is mostly settled after two or three
TYPICAL_DISTANCE, SPREAD = 950.0, 0.25  # mm from camera to head, and of its logarithm
# The vector that is optimised: yaw, pitch, roll, log of the camera's scale and of its distance,
# its shift in x and y; then identity and action units. Beside it, how far each usually varies.
VIEW, IDENTITY, EXPRESSION = slice(7), slice(7, 7 + COMPONENTS), slice(7 + COMPONENTS, None)
SIZES = np.array([10, 10, 10, 0.1, 0.2, 10, 10, *[1.0] * COMPONENTS, *[0.3] * len(UNITS)])


@dataclass(frozen=True, eq=False)
class FaceModel:
    """The morphable model of the landmarks: C numbers say who, U say what expression.

    Each landmark has 22 places on the head where it may lie. Those of the jaw go from the jaw line
    over the cheek, since the visible contour wanders; those of all others are one and the same.

    mean: (68, 22, 3) mm, x right, y up, z towards the camera. components: (C, 68, 22, 3) mm, the
    longest first. units: (U, 68, 22, 3) mm at full intensity, in the order of `UNITS`. mean_traits:
    (T,) and component_traits: (C, T) are mean and components in the traits of `Identity.shape`.
    """

    mean: np.ndarray
    components: np.ndarray
    units: np.ndarray
    mean_traits: np.ndarray
    component_traits: np.ndarray


@cache
def face_model() -> FaceModel:
    """The model of the studio's people, computed once a process (in half a second)."""
    mean_traits, spread = _trait_prior()
    rest = _head(mean_traits)
    neutral = _places(deform(rest, {}))
    start = _places(_head(0 * mean_traits).vertices)
    per_trait = np.stack([_places(_head(one).vertices) - start for one in np.eye(len(mean_traits))])
    landmarks = np.tensordot(spread, per_trait[:, :, 0], 1).reshape(len(spread), -1)
    axes = np.linalg.svd(landmarks, full_matrices=False)[0][:, :COMPONENTS]
    component_traits = axes.T @ spread
    return FaceModel(
        mean=neutral,
        components=np.tensordot(component_traits, per_trait, 1),
        units=np.stack([_places(deform(rest, {unit: 1.0})) - neutral for unit in UNITS]),
        mean_traits=mean_traits,
        component_traits=component_traits,
    )


def _trait_prior() -> tuple[np.ndarray, np.ndarray]:
    """How people differ: mean traits (T,) and independent directions (D, T), one deviation long.

    What `studio.prior.sample_shape` draws before it cuts at two deviations and refuses implausible
    proportions (five draws of six): the people it lets pass differ from the mean somewhat less.
    """

    def row(amounts):
        return np.array([amounts.get(trait, 0.0) for trait in shape_fields()])

    shared = np.stack([row(loadings) for loadings in FACTORS.values()])
    own = np.diag(np.sqrt(1 - (shared**2).sum(0)))
    sex, age = row(MALE) / np.sqrt(3), row(OLD) / np.sqrt(12)
    return row(TYPICAL) + 0.1 * row(OLD), np.vstack([shared, own, sex, age])


@dataclass(frozen=True, eq=False)
class _Head:
    """A head at rest, as `studio.deform` takes it."""

    vertices: np.ndarray
    eye_centers: np.ndarray


def _head(traits):
    named = dict(zip(shape_fields(), traits, strict=True))
    return _Head(*(part.astype(np.float32) for part in shape_face(named, NO_BUMPS)))


def _places(vertices):
    """Where on a head (N, 3) the landmarks may lie, (68, 22, 3); see `FaceModel`."""
    head = template()
    points = (vertices[head.landmark_vertices] * head.landmark_weights[..., None]).sum(1)
    places = np.repeat(points[:, None], head.jaw_candidates.shape[1], axis=1)
    places[REGIONS["jaw"]] = vertices[head.jaw_candidates]
    return places


@dataclass(frozen=True, eq=False)
class Fit:
    """What 68 landmarks say about a face.

    pose: of the head, for a camera that points at it. camera: the studio's, its picture shifted, so
    that a rendering lies over the given picture. identity: (C,) float64 standard deviations.
    expression: action unit -> intensity 0..1. landmarks: (68, 2) float32 pixels, where the fitted
    face has them. residual: their mean distance from the given ones, as a share of the distance
    between the outer eye corners. image_size: (width, height).
    """

    pose: Pose
    camera: Camera
    identity: np.ndarray
    expression: dict[str, float]
    landmarks: np.ndarray
    residual: float
    image_size: tuple[int, int]

    @property
    def shape(self) -> dict[str, float]:
        """The fitted face in the studio's traits, name -> standard deviations."""
        model = face_model()
        traits = model.mean_traits + self.identity @ model.component_traits
        return dict(zip(shape_fields(), traits.tolist(), strict=True))

    def person(self, like: Identity) -> Identity:
        """A studio person with the fitted face, and the skin, hair and eyes of `like`.

        `render(person, fit.expression, fit.pose, camera=fit.camera, size=fit.image_size)` puts the
        face where the landmarks were.
        """
        return Identity.build(like.seed, self.shape, NO_BUMPS, like.look)

    def mesh_points(self) -> np.ndarray:
        """(N, 2) float32 pixels of the vertices of the head; `mesh_triangles` joins them."""
        turned = _turn(self._head_vertices(), self.pose)
        return _picture(turned, self.camera, self.image_size).astype(np.float32)

    def _head_vertices(self):
        """(N, 3) mm of the head with its expression, upright."""
        return deform(_head(self.shape.values()), self.expression)[: template().head_count]


def mesh_triangles() -> np.ndarray:
    """(T, 3) int32 corners of the triangles between `Fit.mesh_points`."""
    head = template()
    return head.triangles[(head.triangles < head.head_count).all(1) & head.primary]


def draw_fit(image: np.ndarray, fit: Fit, opacity: float = 0.8) -> np.ndarray:
    """A copy of the picture with the fitted head over it, as if of plaster.

    image: (H, W, 3) RGB uint8 of the fit's `image_size`. opacity: of the plaster, 0..1.
    """
    triangles = mesh_triangles()
    solid = _turn(fit._head_vertices(), fit.pose)[triangles]
    normals = np.cross(solid[:, 1] - solid[:, 0], solid[:, 2] - solid[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-9)[:, None]
    shades = 50 + 190 * np.clip(normals @ direction(-25, 30), 0, 1)
    corners = np.rint(16 * fit.mesh_points()[triangles]).astype(np.int32)
    plaster = np.ascontiguousarray(image).copy()
    front = np.flatnonzero(normals[:, 2] > 0)
    for k in front[np.argsort(solid[front, :, 2].mean(1))]:
        cv2.fillConvexPoly(plaster, corners[k], [shades[k]] * 3, cv2.LINE_8, 4)
    return cv2.addWeighted(plaster, opacity, image, 1 - opacity, 0)


def fit_landmarks(landmarks: np.ndarray, image_size: tuple[int, int], noise: float = 0.01) -> Fit:
    """Pose, camera, identity and expression that explain 68 landmarks best.

    Regularised least squares: errors of the landmarks in units of `noise`, identity in standard
    deviations, action units within [0, 1] and the less likely the stronger. The camera is one with
    perspective; its distance is fitted too, near a metre. The places of the jaw's landmarks are
    chosen anew until they stay: those on the visible contour.

    Args:
        landmarks: (68, 2) pixels, all of them finite.
        image_size: (width, height) of the picture in pixels.
        noise: the error to expect in a landmark, as a share of the distance between the outer eye
            corners. 0.01 suits exact landmarks, 0.04 those of dlib. A small one trusts the
            landmarks, a large one the mean face.

    Raises:
        LessonError: the landmarks are not 68 finite points, the outer eye corners are less than a
            pixel apart, or image_size or noise is not above 0.
    """
    landmarks = checked_landmarks(landmarks)
    _check_options(image_size, noise)
    model = face_model()
    numbers, places = _start(model, landmarks, image_size), None
    for _ in range(ROUNDS):
        before, places = places, _outermost(model, numbers, image_size)
        if np.array_equal(before, places):
            break
        numbers = _solve(_at(model, places), numbers, landmarks, image_size, noise)
    pose, camera = _view(numbers)
    fitted = _explain(_at(model, places), numbers, image_size)
    error = np.linalg.norm(fitted - landmarks, axis=1).mean()
    return Fit(
        pose=pose,
        camera=camera,
        identity=numbers[IDENTITY],
        expression=dict(zip(UNITS, numbers[EXPRESSION].tolist(), strict=True)),
        landmarks=fitted.astype(np.float32),
        residual=float(error / interocular(landmarks)),
        image_size=tuple(image_size),
    )


def checked_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """The 68 landmarks as (68, 2) float64 pixels.

    Raises:
        LessonError: they are not 68 finite points, or the outer eye corners are less than a pixel
            apart.
    """
    landmarks = np.asarray(landmarks, np.float64)
    remedy = "Take them from detect_faces or from a frame of the studio."
    if landmarks.shape != (68, 2):
        raise LessonError("landmarks", f"their shape is {landmarks.shape}, not (68, 2)", remedy)
    if not np.isfinite(landmarks).all():
        raise LessonError("landmarks", "some are not numbers", remedy)
    if interocular(landmarks) < 1:
        raise LessonError("landmarks", "both eyes lie on one pixel", remedy)
    return landmarks


def _check_options(image_size, noise):
    if min(image_size) <= 0:
        problem = "is not above 0"
        raise LessonError(f"image size {image_size}", problem, "Give (width, height) in pixels.")
    if not noise > 0:
        raise LessonError(f"noise {noise}", "is not above 0", "0.01 suits exact landmarks.")


def _view(numbers):
    yaw, pitch, roll, scale, distance, x, y = numbers[VIEW].tolist()
    return Pose(yaw, pitch, roll), Camera(np.exp(scale), (x, y), np.exp(distance))


def _turn(points, pose):
    """Points of the upright head (N, 3) in mm, turned about the neck."""
    return (points - NECK_PIVOT) @ pose.rotation().T + NECK_PIVOT


def _picture(turned, camera, image_size):
    """Pixels (N, 2) of points (N, 3) in mm."""
    return camera.project(turned, *image_size)[:, :2] - 0.5


def _at(model, places):
    """Mean (204,) and basis (204, C + U) of the landmarks at the chosen places (68,)."""
    chosen = np.arange(68), places
    basis = np.concatenate([model.components[:, *chosen], model.units[:, *chosen]])
    return model.mean[chosen].ravel(), basis.reshape(len(basis), -1).T


def _explain(head, numbers, image_size):
    """Pixels (68, 2) of the landmarks that these numbers give."""
    mean, basis = head
    points = (mean + basis @ numbers[IDENTITY.start :]).reshape(-1, 3)
    pose, camera = _view(numbers)
    return _picture(_turn(points, pose), camera, image_size)


def _outermost(model, numbers, image_size):
    """(68,) for each jaw point the place that now lies on the contour, as the studio chooses it."""
    everywhere = (
        model.mean
        + np.tensordot(numbers[IDENTITY], model.components, 1)
        + np.tensordot(numbers[EXPRESSION], model.units, 1)
    )
    pose, camera = _view(numbers)
    curves = _picture(_turn(everywhere.reshape(-1, 3), pose), camera, image_size)
    curves = curves.reshape(68, -1, 2)
    outwards = np.zeros((68, 2))
    outwards[REGIONS["jaw"]] = contour_directions(pose.roll)
    return np.einsum("lpx,lx->lp", curves - curves[27:36, 0].mean(0), outwards).argmax(1)


def _start(model, landmarks, image_size):
    """The mean face in the pose that `head_pose` sees in a portrait, as large as the landmarks."""
    side = 4 * interocular(landmarks)
    numbers = np.zeros(len(SIZES))
    numbers[:3] = head_pose(landmarks - landmarks.mean(0) + side / 2, (side, side))
    numbers[4] = np.log(TYPICAL_DISTANCE)
    numbers[EXPRESSION] = 0.1
    head = _at(model, np.zeros(68, int))
    numbers[3] = np.log(landmarks.std(0).sum() / _explain(head, numbers, image_size).std(0).sum())
    gap = (landmarks - _explain(head, numbers, image_size)).mean(0)
    numbers[5:7] = gap * 256 / min(image_size)
    return numbers


def _solve(head, numbers, landmarks, image_size, noise):
    """The numbers at the least sum of squares, from those given."""
    unit = noise * interocular(landmarks)

    def misfit(numbers):
        error = (_explain(head, numbers, image_size) - landmarks) / unit
        # Half a unit below zero is the likeliest: a muscle is at rest unless something tells.
        strength = (numbers[EXPRESSION] + 0.5) / 0.5
        distance = (numbers[4] - np.log(TYPICAL_DISTANCE)) / SPREAD
        return np.concatenate([error.ravel(), numbers[IDENTITY], strength, [distance]])

    lower, upper = np.full(len(numbers), -np.inf), np.full(len(numbers), np.inf)
    lower[EXPRESSION], upper[EXPRESSION] = 0, 1
    enough = dict.fromkeys(("ftol", "xtol"), 1e-3)
    return least_squares(misfit, numbers, bounds=(lower, upper), x_scale=SIZES, **enough).x
