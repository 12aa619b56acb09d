"""Places that a person may sit in front of, painted small and out of focus."""

import cv2
import numpy as np

ROOM = 96


def background(rng: np.random.Generator) -> np.ndarray:
    """A place out of focus behind the person: linear RGB float32 (96, 96, 3)."""
    paint = (_room, _room, _outdoors, _studio_wall)[rng.integers(4)]
    picture = paint(rng).astype(np.float32)
    picture = cv2.GaussianBlur(
        picture, (0, 0), rng.uniform(1.5, 4.0), borderType=cv2.BORDER_REPLICATE
    )
    return np.clip(picture, 0.004, 1.6)


def _muted(
    rng: np.random.Generator, low: float, high: float, saturation: float = 0.25
) -> np.ndarray:
    """A colour such as walls and furniture have: a brightness with a little tint."""
    tint = rng.normal(0, 1, 3)
    warm = np.array([0.12, 0.0, -0.14]) * rng.uniform(-0.3, 1)
    return rng.uniform(low, high) * np.clip(1 + 0.5 * saturation * tint + warm, 0.25, 1.9)


def _box(picture: np.ndarray, x: float, y: float, width: float, height: float, color) -> None:
    corner = (round(x), round(y)), (round(x + width), round(y + height))
    cv2.rectangle(picture, *corner, np.asarray(color, float).tolist(), -1)


def _ramp(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0:ROOM, 0:ROOM] / (ROOM - 1.0) - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    return (x * np.cos(angle) + y * np.sin(angle))[..., None]


def _room(rng: np.random.Generator) -> np.ndarray:
    """A wall with some of: window, door, shelf with books, picture, lamp."""
    picture = _muted(rng, 0.12, 0.55, 0.12) * (1 + rng.uniform(0.3, 0.9) * _ramp(rng))
    picture = np.ascontiguousarray(picture)
    furniture = rng.permutation([_window, _door, _shelf, _frame, _lamp])
    for place, thing in zip(rng.permutation(3)[: rng.integers(1, 4)], furniture, strict=False):
        thing(picture, rng, 32 * place + rng.uniform(-8, 8))
    if rng.random() < 0.5:
        _box(picture, -2, ROOM - rng.uniform(8, 26), ROOM + 4, ROOM, _muted(rng, 0.04, 0.25))
    return picture


def _window(picture: np.ndarray, rng: np.random.Generator, x: float) -> None:
    width, height, y = rng.uniform(24, 38), rng.uniform(34, 56), rng.uniform(-6, 14)
    _box(picture, x - 2, y - 2, width + 4, height + 4, _muted(rng, 0.4, 0.7, 0.05))
    _box(picture, x, y, width, height, rng.uniform(0.7, 1.4) * np.array([0.9, 0.97, 1.06]))
    _box(picture, x + width / 2 - 0.5, y, 1, height, _muted(rng, 0.3, 0.5, 0.05))


def _door(picture: np.ndarray, rng: np.random.Generator, x: float) -> None:
    wood = rng.uniform(0.05, 0.3) * np.array([1.25, 0.95, 0.68])
    _box(picture, x, rng.uniform(4, 22), rng.uniform(22, 32), ROOM, wood)


def _shelf(picture: np.ndarray, rng: np.random.Generator, x: float) -> None:
    width = rng.uniform(24, 40)
    _box(picture, x, -2, width, ROOM + 4, _muted(rng, 0.03, 0.2, 0.1))
    for y in np.arange(2, ROOM, 17):
        book = x + 1
        while book < x + width - 3:
            thick, tall = rng.uniform(2, 5), rng.uniform(9, 14)
            _box(picture, book, y + 14 - tall, thick - 1, tall, _muted(rng, 0.05, 0.4, 0.7))
            book += thick


def _frame(picture: np.ndarray, rng: np.random.Generator, x: float) -> None:
    width, height, y = rng.uniform(14, 30), rng.uniform(14, 26), rng.uniform(4, 30)
    _box(picture, x, y, width, height, _muted(rng, 0.02, 0.5, 0.1))
    _box(picture, x + 2, y + 2, width - 4, height - 4, _muted(rng, 0.1, 0.5, 0.5))


def _lamp(picture: np.ndarray, rng: np.random.Generator, x: float) -> None:
    y, glow = rng.uniform(10, 50), rng.uniform(0.5, 1.5) * np.array([1.2, 0.95, 0.62])
    rows, columns = np.mgrid[0:ROOM, 0:ROOM]
    distance = (rows - y) ** 2 + (columns - x - 12) ** 2
    picture += (glow * np.exp(-distance / (2 * rng.uniform(5, 14) ** 2))[..., None]) * 0.6


def _outdoors(rng: np.random.Generator) -> np.ndarray:
    """Sky above, leaves or a street below, all far out of focus."""
    y = np.linspace(0, 1, ROOM)[:, None, None]
    sky = rng.uniform(0.5, 1.1) * (np.array([0.72, 0.87, 1.0]) + 0.2 * y)
    green = rng.random() < 0.65
    ground = rng.uniform(0.06, 0.25) * (
        np.array([0.8, 1.0, 0.5]) if green else _muted(rng, 0.9, 1.1)
    )
    edge = rng.uniform(0.1, 0.7) + 0.09 * cv2.resize(rng.normal(0, 1, (1, 9)), (ROOM, 1))[..., None]
    below = np.clip((y - edge) * 8, 0, 1)
    spots = cv2.resize(rng.normal(0, 1, (14, 14)), (ROOM, ROOM), interpolation=cv2.INTER_CUBIC)
    return sky * (1 - below) + below * ground * np.exp(0.55 * spots)[..., None]


def _studio_wall(rng: np.random.Generator) -> np.ndarray:
    """A plain wall or paper roll with the light falling off from one spot."""
    rows, columns = np.mgrid[0:ROOM, 0:ROOM] / (ROOM - 1.0)
    x, y = rng.uniform(0.1, 0.9), rng.uniform(0.0, 0.8)
    fall = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * rng.uniform(0.35, 0.9) ** 2))
    return _muted(rng, 0.08, 0.65, 0.16) * (0.35 + 0.75 * fall[..., None])
