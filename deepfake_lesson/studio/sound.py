"""A voice for a performance: vowels without words, as loud as the mouth is open.

Source and filter (Fant 1960): a buzz like that of the vocal folds goes through the resonances
(formants) of three vowels, mixed by what the lips do.
"""

import numpy as np

from .performance import Performance

RATE = 44100
FORMANTS = {  # centre frequencies in Hz of an average speaker (Peterson and Barney 1952)
    "a": (730, 1090, 2440),
    "i": (270, 2290, 3010),
    "u": (300, 870, 2240),
}
BANDWIDTHS = (80, 100, 160)


def sound_track(performance: Performance, pitch: float = 135.0) -> tuple[np.ndarray, int]:
    """Babble that follows the mouth: mono float32 samples in [-1, 1], and 44100.

    The sound lasts exactly as long as the pictures; a closed mouth is silent. pitch: of the voice,
    in Hz.
    """
    count = round(len(performance) * RATE / performance.fps)
    rng = np.random.default_rng([performance.seed, 44])
    loudness, weights = _mouth(performance, count)
    source = _vocal_folds(rng, count, pitch * (1 + 0.12 * loudness))
    voice = sum(
        weight * _resonate(source, FORMANTS[vowel])
        for vowel, weight in zip("aiu", weights, strict=True)
    )
    breath = 0.02 * rng.standard_normal(count)
    samples = loudness * (0.3 * voice + breath)
    return np.clip(0.7 * samples, -1, 1).astype(np.float32), RATE


def _mouth(performance: Performance, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Loudness (count,) in [0, 1] and the shares of the vowels a, i, u (3, count)."""
    frames = np.arange(len(performance)) / performance.fps
    time = np.arange(count) / RATE
    units = {
        unit: np.interp(time, frames, performance.curve(unit))
        for unit in ("AU26", "AU25", "AU18", "AU20")
    }
    opening = units["AU26"] + 0.35 * units["AU25"] + 0.2 * units["AU18"]
    loudness = np.clip(1.5 * opening - 0.12, 0, 1)
    shares = np.stack([units["AU26"] + 1e-3, units["AU20"], units["AU18"]])
    return loudness, shares / shares.sum(0)


def _vocal_folds(rng, count: int, pitch: np.ndarray) -> np.ndarray:
    """A pulse train whose pitch wavers a little, softened towards high frequencies."""
    steps = np.interp(np.arange(count), np.linspace(0, count, 40), rng.normal(0, 0.03, 40))
    phase = np.cumsum(pitch * (1 + steps) / RATE)
    pulse = np.maximum(0, np.sin(2 * np.pi * phase)) ** 6
    return np.diff(pulse, prepend=0.0)


def _resonate(source: np.ndarray, formants: tuple[int, ...]) -> np.ndarray:
    """The source through one two-pole resonator for each formant, in parallel; unit loudness."""
    from scipy.signal import lfilter

    out = np.zeros_like(source)
    for k, (center, width) in enumerate(zip(formants, BANDWIDTHS, strict=True)):
        radius = np.exp(-np.pi * width / RATE)
        poles = [1, -2 * radius * np.cos(2 * np.pi * center / RATE), radius**2]
        out += 0.6**k * lfilter([1 - radius], poles, source)
    return out / max(out.std(), 1e-9)
