"""A watermark: a pattern in the pixels that is hardly seen and outlives what a file says of itself.

Spread spectrum: every bit is spread over many coefficients of a cosine transform (DCT), so faintly
that each of them drowns in the picture, and is found again by adding them all up (I. J. Cox and
others, "Secure spread spectrum watermarking for multimedia", IEEE Transactions on Image Processing,
1997). Half of the coefficients are a *pilot* that is always the same; the others carry a payload.

The pattern is a square with its mirror images, repeated all over the picture, so that it has no
seams and a mirrored picture has the same. After cropping and scaling nobody knows where it begins
and how large it is: the detector tries many sizes, adds up the repetitions and looks for the pilot
at all places at once, with a Fourier transform.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from deepfake_lesson.errors import check_choice
from deepfake_lesson.provenance.payload import BITS, decode, encode

KINDS = ("generated picture", "face swap", "re-enactment", "animation")  # payloads 0, 1, 2, 3

SQUARE = 64  # pixels of its side
PERIOD = 2 * SQUARE  # after which it repeats, in a picture whose shorter side has up to REFERENCE
REFERENCE = 512
BAND = (0.03, 0.14)  # cycles a pixel: what codecs keep, above what pictures are full of
PILOT_SHARE = 0.5  # of the coefficients in the band
SEED = 12  # of the pseudo-random signs; it is public, so anybody can look for the mark

WEAKEST, STRONGEST = 1.0, 2.4  # grey levels of the pattern, r.m.s., in flat and in busy places
GAIN = 0.25  # grey levels of pattern for one of the picture's local standard deviation
NEIGHBOURHOOD = 9  # pixels across of what is local

LARGEST_ZOOM, ZOOM_STEP = 2.0, 1.005  # of the pattern that are tried, from 1/2 to 2
THRESHOLD = 7.0  # standard deviations by which the pilot must stand out
FRAMES = 16  # of a video that are looked at
NOTHING, PILOT = -2, -1  # roles of coefficients; from 0 on, the number of a bit


@dataclass(frozen=True)
class Watermark:
    """A watermark that was found, or the best candidate for one.

    kind: one of KINDS; None if the payload is damaged. score: by how many standard deviations the
    pilot stands out of what it is elsewhere; from THRESHOLD on it is there. zoom: of the pattern
    against PERIOD, after the shorter side was brought to REFERENCE at most. bits: the 32 of the
    payload as they were read, before correction, +1 or -1.
    """

    kind: str | None
    score: float
    zoom: float
    bits: tuple[int, ...]


def embed_watermark(picture: np.ndarray, kind: str = KINDS[0]) -> np.ndarray:
    """A copy of a picture with the watermark of a kind out of KINDS.

    Red, green and blue change alike, by WEAKEST grey levels (r.m.s.) in flat places and STRONGEST
    in busy ones, which leaves a peak signal-to-noise ratio of 40 dB or more.

    Args:
        picture: RGB uint8 (H, W, 3).

    Raises:
        LessonError: for an unknown kind.
    """
    import cv2

    check_choice("kind", kind, KINDS)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    strength = np.clip(GAIN * _local_deviation(grey), WEAKEST, STRONGEST)
    covering = _covering(*grey.shape, KINDS.index(kind))
    change = cv2.multiply(covering, strength, dtype=cv2.CV_16S)  # rounds
    return cv2.add(picture, cv2.merge([change] * 3), dtype=cv2.CV_8U)


def read_watermark(source: str | Path | np.ndarray) -> Watermark | None:
    """The watermark of a picture or video, None if there is none.

    Args:
        source: a file, or RGB uint8 (H, W, 3), or frames of equal size, (N, H, W, 3). Of a video
            FRAMES are looked at, evenly spread. Where it has no room, see `has_room`, None says
            nothing.

    Raises:
        MediaError: for a file that is no picture or video.
    """
    best = detect(evidence(_pictures(source)))
    return best if best.score >= THRESHOLD else None


def has_room(source: str | Path | np.ndarray) -> bool:
    """Whether a source, as for `read_watermark`, is large enough to have its watermark found.

    That takes a whole PERIOD each way. Smaller pictures are marked too, but what of the pattern is
    in them is seldom told from chance, and never in 64 x 64 pixels.
    """
    return min(next(iter(_pictures(source))).shape[:2]) >= PERIOD


def _pictures(source: str | Path | np.ndarray) -> Iterable[np.ndarray]:
    from deepfake_lesson.images import is_image, read_image
    from deepfake_lesson.video import probe, read_frames

    if isinstance(source, np.ndarray):
        return source.reshape(-1, *source.shape[-3:])
    if is_image(source):
        return [read_image(source)]
    info = probe(source)
    return read_frames(source, info.fps * min(1, FRAMES / max(1, info.frames)))


# The pattern


@lru_cache(maxsize=1)
def _chips() -> tuple[np.ndarray, np.ndarray]:
    """What each coefficient of the square's cosine transform carries, and its sign.

    Two arrays (SQUARE, SQUARE) int8. What it carries is NOTHING, PILOT or the number of a bit, and
    every bit has its share of low and of high frequencies.
    """
    rng = np.random.default_rng(SEED)
    frequency = np.hypot(*np.mgrid[:SQUARE, :SQUARE]).ravel() / PERIOD
    in_band = rng.permutation(np.flatnonzero((frequency >= BAND[0]) & (frequency < BAND[1])))
    pilots, data = np.split(in_band, [round(PILOT_SHARE * len(in_band))])
    role = np.full(SQUARE * SQUARE, NOTHING, np.int8)
    role[pilots] = PILOT
    role[data[np.argsort(frequency[data])]] = np.arange(len(data)) % BITS
    sign = rng.choice(np.array([-1, 1], np.int8), SQUARE * SQUARE)
    return role.reshape(SQUARE, SQUARE), sign.reshape(SQUARE, SQUARE)


@lru_cache(maxsize=len(KINDS) + 1)
def pattern(payload: int | None) -> np.ndarray:
    """One period for a payload, or the pilot alone for None: (PERIOD, PERIOD) float32, r.m.s. 1."""
    import cv2

    role, sign = _chips()
    bits = np.zeros(BITS, int) if payload is None else encode(payload)
    chips = np.select([role == NOTHING, role == PILOT], [0, 1], bits[role]) * sign
    square = cv2.idct(chips.astype(np.float32))
    rows = np.hstack([square, square[:, ::-1]])
    return np.vstack([rows, rows[::-1]]) / square.std()


@lru_cache(maxsize=4)
def _covering(height: int, width: int, payload: int) -> np.ndarray:
    """The pattern all over a picture, (height, width) float32; it grows with the picture."""
    import cv2

    side = round(PERIOD * max(1.0, min(height, width) / REFERENCE))
    period = cv2.resize(pattern(payload), (side, side), interpolation=cv2.INTER_CUBIC)
    repeats = -(-height // side), -(-width // side)
    return np.ascontiguousarray(np.tile(period, repeats)[:height, :width])


def _local_deviation(grey: np.ndarray) -> np.ndarray:
    """Standard deviation of the grey levels around each pixel, float32."""
    import cv2

    grey, window = grey.astype(np.float32), (NEIGHBOURHOOD, NEIGHBOURHOOD)
    mean = cv2.boxFilter(grey, -1, window)
    variance = cv2.sqrBoxFilter(grey, cv2.CV_32F, window) - mean * mean
    return np.sqrt(np.maximum(variance, 0))


# The detector


def evidence(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """What may be pattern in pictures of equal size: the frequencies of the band, evened out.

    Busy places, which tell less, count less. What stands still from picture to picture adds up, and
    the mark does. Returns (h, w) float32, the shorter side REFERENCE pixels at most.
    """
    fields = [_field(picture) for picture in pictures]
    return np.mean(fields, axis=0)


def _field(picture: np.ndarray) -> np.ndarray:
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    shrink = REFERENCE / min(grey.shape)
    if shrink < 1:
        grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    fine = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1)
    return (fine - cv2.GaussianBlur(fine, (0, 0), 4)) / (_local_deviation(grey) + 2)


def detect(field: np.ndarray) -> Watermark:
    """The best candidate for a watermark in the evidence (h, w); its score says what it is worth.

    A clear one ends the search early. Sizes that are not changed at all are tried first.
    """
    steps = round(np.log(LARGEST_ZOOM) / np.log(ZOOM_STEP))
    best = (0.0, 1.0)
    for step in sorted(range(-steps, steps + 1), key=abs):
        best = max(best, (_correlation(field, ZOOM_STEP**step)[0].max(), ZOOM_STEP**step))
        if best[0] > 2 * THRESHOLD:
            break
    near = best[1] * ZOOM_STEP ** np.linspace(-1, 1, 5)
    score, zoom = max((_correlation(field, zoom)[0].max(), zoom) for zoom in near)
    soft = _soft_bits(*_correlation(field, zoom))
    payload = decode(soft)
    kind = KINDS[payload] if payload is not None and payload < len(KINDS) else None
    return Watermark(kind, float(score), float(zoom), tuple(np.where(soft > 0, 1, -1).tolist()))


def _correlation(field: np.ndarray, zoom: float) -> tuple[np.ndarray, np.ndarray]:
    """How well the pilot fits at each place, in standard deviations, and the spectrum.

    All frequencies of the folded field are made equally strong first: a picture has a few that are
    loud.
    """
    spectrum = np.fft.rfft2(fold(field, zoom))
    spectrum /= np.maximum(np.abs(spectrum), 1e-9)
    fit = np.fft.irfft2(spectrum * _pilot_spectrum(), s=(PERIOD, PERIOD))
    return fit / max(fit.std(), 1e-9), spectrum


@lru_cache(maxsize=1)
def _pilot_spectrum() -> np.ndarray:
    return np.conj(np.fft.rfft2(pattern(None)))


def fold(field: np.ndarray, zoom: float) -> np.ndarray:
    """All repetitions in a field (h, w) float32, added up, for one zoom: (PERIOD, PERIOD)."""
    import cv2

    width, height = (max(1, round(side / zoom)) for side in field.shape[::-1])
    method = cv2.INTER_AREA if zoom > 1 else cv2.INTER_LINEAR
    rows, columns = -(-height // PERIOD), -(-width // PERIOD)
    padded = np.zeros((rows * PERIOD, columns * PERIOD), np.float32)
    padded[:height, :width] = cv2.resize(field, (width, height), interpolation=method)
    return padded.reshape(rows, PERIOD, columns, PERIOD).sum(axis=(0, 2))


def _soft_bits(fit: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """(32,) float: what each bit's coefficients add up to if the pattern begins where it fits."""
    import cv2

    row, column = np.unravel_index(fit.argmax(), fit.shape)
    folded = np.fft.irfft2(spectrum, s=(PERIOD, PERIOD))
    period = np.roll(folded, (-row, -column), axis=(0, 1))
    halves = period[:, :SQUARE] + period[:, : SQUARE - 1 : -1]
    square = halves[:SQUARE] + halves[: SQUARE - 1 : -1]
    role, sign = _chips()
    chips = cv2.dct(square.astype(np.float32)) * sign
    return np.bincount(role[role >= 0], chips[role >= 0], BITS)
