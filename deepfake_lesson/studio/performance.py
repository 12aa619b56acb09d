"""A person acting in time: speech-like mouth, blinks, glances, head motion.

A performance belongs to nobody: any identity can act it, which is what makes the perfect swap
possible. Each track below draws smooth curves, one for every action unit and angle.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import LessonError
from .camera import FRONTAL, Camera, Light, Pose

Curves = dict[str, np.ndarray]


@dataclass(frozen=True)
class Moment:
    """One instant: action units with gaze, pose; light and camera if not the scene's."""

    expression: dict[str, float]
    pose: Pose = FRONTAL
    light: Light | None = None
    camera: Camera | None = None


@dataclass(frozen=True)
class Performance:
    """A sequence of moments at `fps` frames per second; `len`, indexing and iteration work."""

    name: str
    fps: float
    seed: int
    moments: tuple[Moment, ...]

    @classmethod
    def named(cls, name: str, seconds: float = 4, fps: float = 25, seed: int = 0) -> "Performance":
        """One of the ready-made `TRACKS`; another seed is another take of the same track.

        Raises LessonError for an unknown name.
        """
        if name not in TRACKS:
            known = ", ".join(TRACKS)
            raise LessonError(name, "is not a performance of the studio", f"Choose one of: {known}")
        time = np.arange(max(1, round(seconds * fps))) / fps
        curves = TRACKS[name](np.random.default_rng([seed, len(name)]), time)
        angles = [curves.pop(angle, np.zeros_like(time)) for angle in ("yaw", "pitch", "roll")]
        moments = [
            Moment(
                {unit: _in_range(unit, curve[k]) for unit, curve in curves.items()},
                Pose(*(float(angle[k]) for angle in angles)),
            )
            for k in range(len(time))
        ]
        return cls(name, fps, seed, tuple(moments))

    def __len__(self) -> int:
        return len(self.moments)

    def __getitem__(self, index: int) -> Moment:
        return self.moments[index]

    def __iter__(self) -> Iterator[Moment]:
        return iter(self.moments)

    @property
    def seconds(self) -> float:
        """Length of the performance."""
        return len(self) / self.fps

    def curve(self, unit: str) -> np.ndarray:
        """One action unit over time, (frames,); zero where it is never used."""
        return np.array([moment.expression.get(unit, 0.0) for moment in self])

    def under_moving_light(self, light: Light, degrees: float = 25) -> "Performance":
        """The same acting while the key light walks slowly by `degrees` around the person."""
        share = np.linspace(-0.5, 0.5, len(self))
        moments = tuple(
            replace(moment, light=replace(light, azimuth=light.azimuth + degrees * float(s)))
            for moment, s in zip(self, share, strict=True)
        )
        return replace(self, moments=moments)


def _in_range(unit: str, value: float) -> float:
    return float(value) if unit.startswith("gaze") else float(np.clip(value, 0, 1))


def _wander(rng, time, amplitude: float, period: float) -> np.ndarray:
    """Smooth aimless motion within about +-amplitude; `period` in seconds."""
    shares, speeds = (0.6, 0.3, 0.2), (1.0, 1.7, 2.9)
    phases = rng.uniform(0, 2 * np.pi, 3)
    waves = [
        share * np.sin(2 * np.pi * speed * time / period + phase)
        for share, speed, phase in zip(shares, speeds, phases, strict=True)
    ]
    return amplitude * sum(waves)


def _eased(time, keys, values, ease: float) -> np.ndarray:
    """Curve that changes to values[k] within `ease` seconds before keys[k], and rests between."""
    curve = np.full(len(time), float(values[0]))
    for key, before, after in zip(keys[1:], values[:-1], values[1:], strict=True):
        t = np.clip((time - key) / ease + 1, 0, 1)
        curve += (after - before) * t * t * (3 - 2 * t)
    return curve


def _events(rng, end: float, gap: tuple[float, float]) -> list[float]:
    """Random times before `end`, spaced by a uniform gap in seconds."""
    times, now = [], rng.uniform(0.3, 1) * gap[0]
    while now < end:
        times.append(now)
        now += rng.uniform(*gap)
    return times


def _blinks(rng, time) -> np.ndarray:
    """Blinks every two to four seconds: shut in 80 ms, open again in 150 ms."""
    lids = np.zeros_like(time)
    for start in _events(rng, time[-1], (1.6, 3.6)):
        after = time - start
        width = np.where(after < 0, 0.045, 0.085)
        lids = np.maximum(lids, np.exp(-((after / width) ** 2)))
    return lids


def _glances(rng, time, spread: float) -> Curves:
    """Eyes that jump to a new point within 60 ms, mostly back to the camera."""
    keys = [0.0, *_events(rng, time[-1], (0.7, 1.9))]
    away = rng.random(len(keys)) < 0.5
    x, y = rng.normal(0, spread, len(keys)) * away, rng.normal(0, spread / 2, len(keys)) * away
    return {"gaze_x": _eased(time, keys, x, 0.06), "gaze_y": _eased(time, keys, y, 0.06)}


def _speech(rng, time, loudness: float = 1.0, pauses: bool = True) -> Curves:
    """Mouth of somebody talking: about four and a half syllables a second, in phrases."""
    units = {unit: np.zeros_like(time) for unit in ("AU26", "AU25", "AU18", "AU20")}
    now, left_in_phrase = rng.uniform(0.05, 0.25), int(rng.integers(5, 11))
    while now < time[-1] + 0.2:
        length = rng.uniform(0.16, 0.28)
        bump = np.exp(-(((time - now) / (0.42 * length)) ** 2))
        vowel = rng.choice(3, p=(0.45, 0.25, 0.3))
        jaw, lips, pucker, spread = (
            (0.62, 0.5, 0.05, 0.05),
            (0.28, 0.35, 0.6, 0),
            (0.3, 0.5, 0, 0.5),
        )[vowel]
        strength = loudness * rng.uniform(0.55, 1.1)
        for unit, size in zip(units, (jaw, lips, pucker, spread), strict=True):
            units[unit] += strength * size * bump
        now += length
        left_in_phrase -= 1
        if pauses and left_in_phrase == 0:
            now, left_in_phrase = now + rng.uniform(0.25, 0.6), int(rng.integers(5, 11))
    return units


def _head(rng, time, yaw: float, pitch: float, roll: float, period: float = 3.2) -> Curves:
    return {
        "yaw": _wander(rng, time, yaw, period),
        "pitch": _wander(rng, time, pitch, 0.8 * period),
        "roll": _wander(rng, time, roll, 1.2 * period),
    }


def _brows(rng, time, amount: float) -> Curves:
    """Brows that rise now and then for emphasis."""
    lift = np.clip(_wander(rng, time, 1.1 * amount, 1.5), 0, 1) ** 1.3
    return {"AU1": lift, "AU2": 0.9 * lift}


def _talk(rng, time) -> Curves:
    """Somebody telling something to the camera."""
    smile = np.clip(0.18 + _wander(rng, time, 0.2, 2.7), 0, 1)
    return {
        **_speech(rng, time),
        **_brows(rng, time, 0.35),
        **_glances(rng, time, 4),
        **_head(rng, time, 10, 4.5, 3.5),
        "AU12": smile,
        "AU6": 0.5 * smile,
        "AU45": _blinks(rng, time),
    }


def _conversation(rng, time) -> Curves:
    """Speaking and listening in turn, with nods and smiles."""
    keys = [0.0, *_events(rng, time[-1], (1.2, 2.2))]
    turn = (np.arange(len(keys)) + rng.integers(2)) % 2
    speaking = _eased(time, keys, turn, 0.25)
    mouth = {unit: curve * speaking for unit, curve in _speech(rng, time, pauses=False).items()}
    nod = (1 - speaking) * np.sin(2 * np.pi * 1.6 * time + rng.uniform(0, 6))
    smile = np.clip(0.15 + 0.45 * (1 - speaking) + _wander(rng, time, 0.2, 2.3), 0, 1)
    curves = {**mouth, **_brows(rng, time, 0.45), **_glances(rng, time, 8)}
    curves |= _head(rng, time, 14, 3.5, 5)
    curves["pitch"] = curves["pitch"] + 4.5 * nod
    return curves | {"AU12": smile, "AU6": 0.6 * smile, "AU45": _blinks(rng, time)}


FACES = (
    {"AU6": 0.7, "AU12": 0.95, "AU25": 0.6},
    {"AU1": 0.9, "AU2": 0.9, "AU5": 0.8, "AU26": 0.8, "AU25": 0.4},
    {"AU18": 0.9, "AU25": 0.2},
    {"AU4": 0.8, "AU9": 0.4, "AU17": 0.4},
    {"AU26": 0.9, "AU25": 0.6, "AU20": 0.3},
    {"AU1": 0.8, "AU4": 0.4, "AU15": 0.8, "AU17": 0.4},
    {"AU12": 0.4, "AU20": 0.6, "AU25": 0.8},
    {"AU9": 0.8, "AU10": 0.7, "AU4": 0.4},
)


def _faces(rng, time, each: float, strength: float = 1.0) -> Curves:
    """All of `FACES` in random order, `each` seconds apart, with rest between rounds."""
    units = sorted({unit for face in FACES for unit in face})
    curves = {unit: np.zeros_like(time) for unit in units}
    order: list[int] = []
    for key in np.arange(0.5 * each, time[-1] + each, each):
        order = order or list(rng.permutation(len(FACES)))
        bump = np.exp(-(((time - key) / (0.45 * each)) ** 2))
        for unit, size in FACES[order.pop()].items():
            curves[unit] += strength * size * bump
    return curves


def _screen_test(rng, time) -> Curves:
    """Everything a face can do: all expressions, yaw +-25 and pitch +-12 degrees within 4 s."""
    cycle = min(4.0, len(time) * (time[1] - time[0]) if len(time) > 1 else 4.0)
    phase = rng.uniform(0, 2 * np.pi, 3)
    curves = _faces(rng, time, cycle / len(FACES))
    glances = _glances(rng, time, 9)
    return curves | {
        **glances,
        "AU45": _blinks(rng, time),
        "yaw": 25 * np.sin(2 * np.pi * 1.5 * time / cycle + phase[0]),
        "pitch": 12 * np.sin(2 * np.pi * 2 * time / cycle + phase[1]),
        "roll": 6 * np.sin(2 * np.pi * time / cycle + phase[2]),
    }


def _expressions(rng, time) -> Curves:
    """The faces of `FACES` one after another, head nearly still."""
    curves = _faces(rng, time, 0.8)
    return curves | {"AU45": _blinks(rng, time), **_head(rng, time, 3, 2, 1.5)}


def _nod(rng, time) -> Curves:
    """Yes, then no: nodding and shaking the head, with a small smile."""
    keys = [0.0, *np.arange(1.5, time[-1] + 1.5, 1.5)]
    yes = _eased(time, keys, (np.arange(len(keys)) + 1) % 2, 0.3)
    curves = _head(rng, time, 3, 2, 2)
    curves["pitch"] = curves["pitch"] + 8 * yes * np.sin(2 * np.pi * 1.5 * time)
    curves["yaw"] = curves["yaw"] + 14 * (1 - yes) * np.sin(2 * np.pi * 1.2 * time)
    smile = np.clip(0.3 + _wander(rng, time, 0.25, 2.5), 0, 1)
    return curves | {"AU12": smile, "AU6": 0.6 * smile, "AU45": _blinks(rng, time)}


def _look_around(rng, time) -> Curves:
    """Head and eyes turning far to both sides and up and down, mouth at rest."""
    keys = [0.0, *_events(rng, time[-1], (0.8, 1.4))]
    side = np.where(np.arange(len(keys)) % 2 == 0, 1, -1) * rng.uniform(0.6, 1, len(keys))
    yaw, pitch = 30 * side, 12 * rng.uniform(-1, 1, len(keys))
    return {
        "yaw": _eased(time, keys, yaw, 0.7),
        "pitch": _eased(time, keys, pitch, 0.7),
        "roll": _wander(rng, time, 3, 4),
        "gaze_x": _eased(time, keys, 0.35 * yaw, 0.15),
        "gaze_y": _eased(time, keys, 0.35 * pitch, 0.15),
        "AU45": _blinks(rng, time),
    }


def _rest(rng, time) -> Curves:
    """A person who waits: blinks, breath-like sway, hardly any expression."""
    return {
        **_head(rng, time, 3, 2, 1.5, 4.5),
        **_glances(rng, time, 3),
        "AU12": np.clip(0.08 + _wander(rng, time, 0.06, 3), 0, 1),
        "AU45": _blinks(rng, time),
    }


TRACKS = {
    "talk": _talk,
    "conversation": _conversation,
    "screen_test": _screen_test,
    "expressions": _expressions,
    "nod": _nod,
    "look_around": _look_around,
    "rest": _rest,
}
