"""Where the head is turned, where the light comes from, and the camera that takes the picture."""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from .backgrounds import background
from .rasterizer import Rig, kernel


@dataclass(frozen=True)
class Pose:
    """Head pose in degrees: yaw + towards image right, pitch + up, roll + clockwise."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    def rotation(self) -> np.ndarray:
        """Rotation matrix (3, 3) for column vectors; x right, y up, z towards the camera."""
        yaw, pitch, roll = np.radians([self.yaw, -self.pitch, -self.roll])
        cos, sin = np.cos, np.sin
        turn = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
        nod = np.array([[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]])
        tilt = np.array([[cos(roll), -sin(roll), 0], [sin(roll), cos(roll), 0], [0, 0, 1]])
        return tilt @ turn @ nod


FRONTAL = Pose()


def direction(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector (3,) towards azimuth (degrees, + right) and elevation (degrees, + up)."""
    azimuth, elevation = np.radians([azimuth, elevation])
    return np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
            np.cos(azimuth) * np.cos(elevation),
        ]
    )


@dataclass(frozen=True)
class Light:
    """Three-point lighting: a key light, a softer fill, ambient from sky and floor, a rim."""

    azimuth: float = 30.0
    elevation: float = 35.0
    key: float = 1.35
    fill: float = 0.28
    ambient: float = 0.36
    warmth: float = 0.0
    rim: float = 0.8

    def rig(self, exposure: float = 1.0) -> Rig:
        """The light as vectors for the shader, its strengths multiplied by `exposure`."""
        warm = np.array([1 + 0.12 * self.warmth, 1, 1 - 0.14 * self.warmth])
        rows = (
            direction(self.azimuth, self.elevation),
            exposure * self.key * warm,
            direction(-0.9 * self.azimuth - 15, 12),
            exposure * self.fill * np.array([0.95, 1, 1.06]),
            exposure * self.ambient * np.array([0.95, 1, 1.08]),
            exposure * self.ambient * 0.55 * np.array([1.08, 1, 0.9]),
            direction(180 - 0.6 * self.azimuth, 35),
            np.full(3, exposure * self.rim),
        )
        return Rig(*(np.asarray(row, np.float32) for row in rows))

    def on_skin(self) -> float:
        """Roughly how much light a cheek receives; the automatic exposure needs it."""
        return 0.62 * self.key + 0.8 * self.ambient + 0.3 * self.fill


def sample_light(rng: np.random.Generator) -> Light:
    """A random room: key light within 60 degrees of the camera, soft to contrasty."""
    return Light(
        azimuth=rng.uniform(-60, 60),
        elevation=rng.uniform(10, 55),
        key=rng.uniform(0.8, 1.6),
        fill=rng.uniform(0.1, 0.5),
        ambient=rng.uniform(0.28, 0.6),
        warmth=rng.normal(0, 0.7),
        rim=rng.uniform(0, 1.6),
    )


def film_curve(linear: np.ndarray) -> np.ndarray:
    """Linear light to display value in [0, 1]: display gamma with a soft toe and shoulder."""
    shoulder = linear / (1 + 0.16 * linear * linear)
    value = np.clip(shoulder, 0, 1) ** (1 / 2.2)
    return value - 0.03 * value * np.sin(2 * np.pi * value)


LEVELS = 4096
CURVE = (255 * film_curve(np.linspace(0, 2, LEVELS))).astype(np.float32)


@kernel
def _look_up(light, curve, scale):
    """Every value of (H, W, 3) through a table whose entries lie 1 / scale apart."""
    values = np.empty_like(light)
    last = len(curve) - 1
    for y in range(light.shape[0]):
        for x in range(light.shape[1]):
            for c in range(3):
                values[y, x, c] = curve[min(int(light[y, x, c] * scale), last)]
    return values


@cache
def grain(side: int = 512) -> np.ndarray:
    """A tile of film grain (side, side, 3): unit luminance noise with some colour in it."""
    rng = np.random.default_rng(35)
    luminance = rng.standard_normal((side, side, 1), np.float32)
    return luminance + 0.5 * rng.standard_normal((side, side, 3), np.float32)


@dataclass(frozen=True)
class Camera:
    """A simple photo camera: framing first, then what lens, sensor and file do to the light.

    scale: pixels per millimetre of face in a picture 256 pixels high; shift: of the head, in the
    same pixels; distance: mm from camera to head; exposure: stops; balance: red against blue,
    about [-1, 1]; blur, noise: standard deviation in pixels and in grey levels of 255;
    fringe: red/blue magnification difference, share; jpeg: quality 1..100, 0 = none;
    seed: which grain.
    """

    scale: float = 0.74
    shift: tuple[float, float] = (0.0, 0.0)
    distance: float = 950.0
    exposure: float = 0.0
    balance: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    fringe: float = 0.0
    vignette: float = 0.0
    jpeg: int = 0
    seed: int = 0

    def pixels_per_mm(self, width: int, height: int) -> float:
        """Size of a millimetre of the face in a picture of width x height pixels."""
        return self.scale * min(width, height) / 256

    def project(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """World points (N, 3) in mm to picture x, y (pixel edges at integers) and depth."""
        zoom = min(width, height) / 256
        focal = self.scale * zoom * (self.distance - 60)
        depth = self.distance - points[:, 2]
        picture = np.empty_like(points)
        picture[:, 0] = width / 2 + self.shift[0] * zoom + focal * points[:, 0] / depth
        picture[:, 1] = height / 2 + self.shift[1] * zoom - focal * (points[:, 1] + 35) / depth
        picture[:, 2] = depth
        return picture

    def develop(self, light: np.ndarray) -> np.ndarray:
        """Linear light (H, W, 3) float32 to the picture (H, W, 3) uint8 RGB."""
        if self.exposure or self.balance:
            gain = 2.0**self.exposure * np.array(
                [1 + 0.1 * self.balance, 1, 1 - 0.1 * self.balance]
            )
            light = light * gain.astype(np.float32)
        if self.vignette:
            light = light * _vignette(*light.shape[:2], self.vignette)
        picture = _look_up(light, CURVE, np.float32((LEVELS - 1) / 2))
        return self._lens_and_sensor(picture)

    def _lens_and_sensor(self, picture: np.ndarray) -> np.ndarray:
        if self.fringe:
            picture = _fringe(picture, self.fringe)
        if self.blur > 0.2:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
        if self.noise:
            picture = picture + self.noise * _crop_grain(*picture.shape[:2], self.seed)
        picture = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
        if self.jpeg:
            quality = [cv2.IMWRITE_JPEG_QUALITY, self.jpeg]
            picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
        return picture

    def frame(self, number: int) -> "Camera":
        """The same camera at another frame of a clip: only the grain differs."""
        return replace(self, seed=self.seed + 7919 * number)


def _crop_grain(height: int, width: int, seed: int) -> np.ndarray:
    tile = grain()
    side = len(tile)
    y, x = np.random.default_rng(seed).integers(0, side, 2)
    rows, columns = (y + np.arange(height)) % side, (x + np.arange(width)) % side
    return tile[rows[:, None], columns]


def _fringe(picture: np.ndarray, amount: float) -> np.ndarray:
    height, width = picture.shape[:2]
    planes = list(cv2.split(picture))
    for channel, sign in ((0, 1), (2, -1)):
        zoom = 1 + sign * amount
        matrix = np.array(
            [[zoom, 0, (1 - zoom) * width / 2], [0, zoom, (1 - zoom) * height / 2]], np.float32
        )
        planes[channel] = cv2.warpAffine(
            planes[channel], matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
    return cv2.merge(planes)


@cache
def _vignette(height: int, width: int, amount: float) -> np.ndarray:
    y, x = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    radius = np.hypot(y[:, None], x[None])
    return (1 - amount * radius**2)[..., None].astype(np.float32)


def sample_camera(rng: np.random.Generator, jpeg: bool = True) -> Camera:
    """A random consumer camera; with `jpeg=False` one whose pictures go into a video."""
    return Camera(
        scale=rng.uniform(0.68, 0.95),
        shift=(rng.uniform(-12, 12), rng.uniform(-8, 8)),
        distance=rng.uniform(650, 1300),
        exposure=rng.normal(0, 0.12),
        balance=rng.normal(0, 0.35),
        blur=rng.uniform(0, 0.7),
        noise=rng.uniform(0.3, 2.2),
        fringe=rng.uniform(0, 0.0015),
        vignette=rng.uniform(0, 0.12),
        jpeg=int(rng.integers(75, 97)) if jpeg else 0,
        seed=int(rng.integers(1 << 30)),
    )


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything around the person: background (linear RGB float32 (h, w, 3)), light, camera."""

    background: np.ndarray | None = None
    light: Light = Light()
    camera: Camera = Camera()

    @classmethod
    def sample(cls, rng: np.random.Generator | int, jpeg: bool = False) -> "Scene":
        """A random place: room, light and camera drawn from `rng` (a Generator or a seed)."""
        rng = np.random.default_rng(rng)
        return cls(background(rng), sample_light(rng), sample_camera(rng, jpeg=jpeg))
