"""Training pictures without end from a few hundred faces, made while the network trains.

    aligned face --random_transform--> turned, zoomed, shifted, mirrored
                 --random_warp-------> (warped input, straight target), both model-size
                 --random_light------> the same other light on both

The warp is what makes the swap work: the network learns to turn a slightly wrong face into the
right one, and b's face is, to a's decoder, nothing but a slightly wrong a. All moves are composed
into one map, so that every picture is resampled once.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import cv2
import numpy as np

from deepfake_lesson.errors import LessonError
from deepfake_lesson.landmarks import (
    ALIGNED_SIZE,
    MODEL_COVERAGE,
    compose,
    invert_matrix,
    model_matrix,
    similarity_transform,
)

GRID = 5  # points of the warp along each side
STRAIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Augmentation:
    """How far training pictures stray from the faces; all zero gives the plain crop.

    rotation: at most this many degrees. zoom, shift: at most this share of the face's side.
    flip: chance of a mirror image. warp: standard deviation of the warp's grid points in pixels of
    the aligned face. light: strength of `random_light`.
    """

    rotation: float = 10.0
    zoom: float = 0.05
    shift: float = 0.05
    flip: float = 0.4
    warp: float = 5.0
    light: float = 0.0


def random_matrix(
    rng: np.random.Generator,
    rotation: float = 10.0,
    zoom: float = 0.05,
    shift: float = 0.05,
    flip: float = 0.4,
) -> np.ndarray:
    """(2, 3) matrix that turns, zooms, shifts and perhaps mirrors an aligned face about its middle.

    rotation in degrees, zoom and shift as shares of the side: each uniform between minus and plus
    the given value. flip: chance of a mirror image.
    """
    middle = (ALIGNED_SIZE - 1) / 2
    angle, scale = rng.uniform(-rotation, rotation), 1 + rng.uniform(-zoom, zoom)
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, scale)
    matrix[:, 2] += rng.uniform(-shift, shift, 2) * ALIGNED_SIZE
    if rng.random() < flip:
        matrix[0] = -matrix[0] + [0, 0, ALIGNED_SIZE - 1]
    return matrix


def random_transform(
    face: np.ndarray,
    rng: np.random.Generator,
    rotation: float = 10.0,
    zoom: float = 0.05,
    shift: float = 0.05,
    flip: float = 0.4,
) -> np.ndarray:
    """An aligned face (256, 256, 3) uint8, moved by `random_matrix`; borders are continued."""
    matrix = random_matrix(rng, rotation, zoom, shift, flip)
    return cv2.warpAffine(face, matrix, face.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def random_warp(
    face: np.ndarray,
    rng: np.random.Generator,
    size: int,
    sigma: float = 5.0,
    matrix: np.ndarray = STRAIGHT,
) -> tuple[np.ndarray, np.ndarray]:
    """(warped input, target), both (size, size, 3) uint8, of one aligned face.

    A 5 x 5 grid over the model's crop is shaken by a normal distribution of standard deviation
    `sigma` (pixels of the aligned face). The input follows the shaken grid; the target follows only
    the similarity transform nearest to it, so the two stay in register. sigma 0: both are the crop.

    face: (256, 256, 3) uint8, or smaller from `shrink`. matrix: a `random_matrix` applied first.
    """
    to_face = _model_to_face(size, matrix, face.shape[0])
    grid = np.linspace(-0.5, size - 0.5, GRID)
    points = np.stack(np.meshgrid(grid, grid), -1)
    shake = rng.normal(0, sigma * size / (MODEL_COVERAGE * ALIGNED_SIZE), points.shape)
    nearest = similarity_transform(points.reshape(-1, 2), (points + shake).reshape(-1, 2))
    target = _pull(face, compose(nearest, to_face), size)

    weights, pixels = _grid_weights(size), np.arange(size, dtype=np.float32)
    shake, to_face = shake.astype(np.float32), to_face.astype(np.float32)
    x = pixels[None, :] + weights @ shake[..., 0] @ weights.T
    y = pixels[:, None] + weights @ shake[..., 1] @ weights.T
    (xx, xy, x0), (yx, yy, y0) = to_face
    map_x, map_y = xx * x + xy * y + x0, yx * x + yy * y + y0
    warped = cv2.remap(face, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped, target


def random_light(
    pictures: tuple[np.ndarray, ...], rng: np.random.Generator, strength: float
) -> list[np.ndarray]:
    """The same new exposure, contrast, tint and lamp on all pictures: uint8 -> float32 in [0, 1].

    At strength 1: exposure by a factor of about 1.35 either way, tint by 1.1, contrast (gamma) by
    1.2, and a lamp from a random side that makes the picture's edges differ by a third.
    """
    gamma = np.exp(strength * rng.normal(0, 0.18))
    gain = np.exp(strength * (rng.normal(0, 0.3) + rng.normal(0, 0.1, 3)))
    table = np.linspace(0, 1, 256)[:, None] ** gamma * gain
    table = table.astype(np.float32)[None]
    lit = [cv2.LUT(picture, table) for picture in pictures]
    if strength > 0:
        lamp = _lamp(pictures[0].shape[0], strength * rng.normal(0, 0.12, 2))
        lit = [np.clip(picture * lamp, 0, 1) for picture in lit]
    return lit


def random_wear(picture: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A picture (S, S, 3) float32 in [0, 1] as a poorer camera might have taken it.

    At strength 1 detail is lost as if the face had been up to five times smaller, half of the
    pictures get blocks of JPEG quality 20 to 80, and all get grain of up to 4 % of white.
    """
    if strength == 0:
        return picture
    side = picture.shape[0]
    small = round(side / (1 + strength * min(4.0, rng.exponential(1.0))))
    worn = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5 * strength:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(20, 80))]
        _, blocks = cv2.imencode(".jpg", (worn * 255).astype(np.uint8), quality)
        worn = cv2.imdecode(blocks, cv2.IMREAD_COLOR).astype(np.float32) / 255
    worn = cv2.resize(worn, (side, side), interpolation=cv2.INTER_LINEAR)
    grain = rng.standard_normal((side, side, 1), np.float32)
    return np.clip(worn + np.float32(strength * rng.uniform(0, 0.04)) * grain, 0, 1)


def training_pair(
    face: np.ndarray, rng: np.random.Generator, size: int, augmentation: Augmentation
) -> tuple[np.ndarray, np.ndarray]:
    """(input, target), both (size, size, 3) float32 in [0, 1]: moved, warped and lit at random."""
    a = augmentation
    matrix = random_matrix(rng, a.rotation, a.zoom, a.shift, a.flip)
    pictures = random_warp(face, rng, size, a.warp, matrix)
    warped, target = random_light(pictures, rng, a.light)
    return warped, target


def face_batch(
    faces: np.ndarray,
    rng: np.random.Generator,
    size: int,
    batch_size: int,
    augmentation: Augmentation,
) -> tuple[np.ndarray, np.ndarray]:
    """(inputs, targets), both (batch_size, size, size, 3) float32, of faces drawn at random.

    A batch larger than the dataset shows some faces twice, differently warped.
    """
    chosen = rng.choice(len(faces), batch_size, replace=batch_size > len(faces))
    pairs = [training_pair(faces[index], rng, size, augmentation) for index in chosen]
    inputs, targets = zip(*pairs, strict=True)
    return np.stack(inputs), np.stack(targets)


def swap_batch(
    step: int,
    people: tuple[np.ndarray, ...],
    size: int,
    batch_size: int,
    seed: int = 0,
    augmentation: Augmentation = Augmentation(),
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Batch number `step`: ([inputs of a, of b], [targets of a, of b]).

    It depends on nothing but its arguments: a training that is resumed sees the same pictures.
    people: for each person (N, 256, 256, 3) uint8, or smaller from `shrink`.
    """
    batches = [
        face_batch(faces, np.random.default_rng((seed, step, who)), size, batch_size, augmentation)
        for who, faces in enumerate(people)
    ]
    inputs, targets = zip(*batches, strict=True)
    return list(inputs), list(targets)


def shrink(faces: np.ndarray, size: int) -> np.ndarray:
    """Aligned faces (N, 256, 256, 3), halved until sampling them at `size` skips no pixel.

    Averaging four pixels beforehand keeps fine detail from turning into false patterns, and makes
    the pictures fit the processor's cache.
    """
    if len(faces) == 0:
        raise LessonError("faces", "there are none to train on", "Extract faces first.")
    side = faces.shape[1]
    while MODEL_COVERAGE * side >= 2 * size:
        side //= 2
    if side == faces.shape[1]:
        return faces
    return np.stack(
        [cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in faces]
    )


class Batches:
    """Batches start, start + 1, ... in order, prepared by threads while the network trains.

    make_batch(step) must depend on nothing but `step`. At most `ahead` batches wait at a time. A
    context manager, so that the threads end; an error of make_batch is raised where the batch is
    asked for.

    >>> with Batches(lambda step: step**2, start=3) as squares:
    ...     next(squares), next(squares)
    (9, 16)
    """

    def __init__(
        self,
        make_batch: Callable[[int], Any],
        start: int = 0,
        ahead: int = 4,
        workers: int | None = None,
    ):
        workers = workers or min(4, max(1, (os.cpu_count() or 1) // 4))
        self._make_batch = make_batch
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="batches")
        self._queue = deque(self._threads.submit(make_batch, start + n) for n in range(ahead))
        self._following = start + ahead
        self._began = None
        self.waited = 0.0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        asked = time.perf_counter()
        batch = self._queue.popleft().result()
        self._queue.append(self._threads.submit(self._make_batch, self._following))
        self._following += 1
        if self._began is None:  # nobody can have the first batch ready
            self._began = time.perf_counter()
        else:
            self.waited += time.perf_counter() - asked
        return batch

    @property
    def waiting_share(self) -> float:
        """Share of the time since the first batch that was spent waiting for a batch: 0 is best."""
        if self._began is None:
            return 0.0
        return self.waited / max(time.perf_counter() - self._began, 1e-9)

    def close(self) -> None:
        """End the threads; batches that nobody took are dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self.close()


def _model_to_face(size: int, matrix: np.ndarray, face_size: int) -> np.ndarray:
    """(2, 3) matrix from model pixels back through crop and `matrix` to the pixels of a face."""
    scale = face_size / ALIGNED_SIZE
    half = (scale - 1) / 2
    shrunk = np.array([[scale, 0, half], [0, scale, half]])
    return compose(invert_matrix(compose(matrix, model_matrix(size))), shrunk)


def _pull(face: np.ndarray, to_face: np.ndarray, size: int) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(face, to_face, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


@cache
def _grid_weights(size: int) -> np.ndarray:
    """(size, 5): how much each grid point moves each pixel, linear in between."""
    grid = np.linspace(-0.5, size - 0.5, GRID)
    weights = [np.interp(np.arange(size), grid, point) for point in np.eye(GRID)]
    return np.stack(weights, axis=1).astype(np.float32)


def _lamp(size: int, slope: np.ndarray) -> np.ndarray:
    """(size, size, 1) float32: 1 in the middle, rising by `slope` (x, y) to the edges."""
    ramp = np.linspace(-1, 1, size)
    return (1 + slope[0] * ramp[None, :] + slope[1] * ramp[:, None]).astype(np.float32)[..., None]
