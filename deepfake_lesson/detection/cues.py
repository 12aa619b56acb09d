"""Cues that can be seen and computed by hand, and a logistic regression that weighs them.

| cue | why a fake may have it |
|---|---|
| blink_rate | early fakes hardly blinked (Li et al. 2018, "In Ictu Oculi") |
| color_gap, sharpness_gap | what is pasted has another light and another camera |
| spectrum_slope, spectrum_tail | up-sampling bends the power spectrum (Durall et al. 2020) |
| landmark_jitter, color_jitter | frames are made one by one |

Each is a number that can be argued about, which no network gives; and each fails where a maker
happens to do that one thing well.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from deepfake_lesson.blending import face_mask
from deepfake_lesson.checkpoints import FORMAT, explained
from deepfake_lesson.detection.crops import crop_face
from deepfake_lesson.detection.evaluation import auc
from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.files import replacing
from deepfake_lesson.landmarks import eye_aspect_ratio
from deepfake_lesson.metrics import acceleration, jitter, mean_color
from deepfake_lesson.reenactment.driving import follow_face
from deepfake_lesson.video import probe, read_frames

NAMES = (
    "blink_rate",
    "color_gap",
    "sharpness_gap",
    "spectrum_slope",
    "spectrum_tail",
    "landmark_jitter",
    "color_jitter",
)
KIND = "cues"
MOST = 250  # frames of a clip, from its beginning, one after the other
SIZE = 128  # pixels of the crops that are looked at
RIM = 8  # percent of the face's width, on either side of its outline
LOOKED_AT = 16  # frames for what does not depend on their order
SHUT = 0.7  # share of the usual opening below which an eye counts as shut
HIGH = 0.75  # share of the highest frequency from which on the spectrum counts as its tail


def cues(clip: str | Path, detector: str = "hog") -> dict[str, float]:
    """The cues of the face of a clip, by their NAMES; NaN where a clip is too short for one.

    blink_rate: a minute. color_gap: L*a*b* units. sharpness_gap: 1 where face and rim are as sharp,
    less where the face is blurred. spectrum_slope: decades of power a decade of frequency.
    spectrum_tail: decades above that slope. landmark_jitter: shares of the eyes' distance,
    color_jitter: L*a*b* units, both a frame squared.

    Raises MediaError for a clip that cannot be read, NoFaceError for one without a face.
    """
    track = follow_face(clip, detector, smooth=0, frames=islice(read_frames(clip), MOST))
    seconds = track.frames / float(probe(clip).fps)
    openings = np.array([eye_aspect_ratio(points) for points in track.landmarks])
    rows = np.linspace(0, len(track.numbers) - 1, min(LOOKED_AT, len(track.numbers)))
    looked_at, colors, gaps, spectra = set(rows.round().astype(int).tolist()), [], [], []
    shown = dict(zip(track.numbers.tolist(), track.landmarks, strict=True))
    for number, frame in enumerate(islice(read_frames(clip), track.frames)):
        if number not in shown:
            continue
        crop, points = crop_face(frame, shown[number], SIZE)
        colors.append(mean_color(crop, face_mask(points, crop.shape) > 0.5))
        if len(colors) - 1 in looked_at:
            gaps.append(boundary_gaps(crop, points))
            spectra.append(power_spectrum(crop))
    slope, tail = spectrum_shape(np.mean(spectra, axis=0))
    color_gap, sharpness_gap = np.median(gaps, axis=0)
    values = (
        blink_rate(openings, seconds),
        color_gap,
        sharpness_gap,
        slope,
        tail,
        jitter(track.landmarks, track.numbers),
        acceleration(np.array(colors)[:, None], track.numbers),
    )
    return dict(zip(NAMES, map(float, values), strict=True))


def blink_rate(openings: np.ndarray, seconds: float) -> float:
    """Blinks a minute: how often the eye aspect ratio (N,) falls below SHUT of its median.

    People who talk blink 15 to 30 times a minute, so that seconds without a blink say little.
    """
    shut = np.asarray(openings) < SHUT * np.median(openings)
    begins = shut & ~np.r_[False, shut[:-1]]
    return float(60 * begins.sum() / max(seconds, 1e-6))


def boundary_gaps(image: np.ndarray, landmarks: np.ndarray) -> tuple[float, float]:
    """How much colour and sharpness differ on either side of the outline of the landmarks.

    Args:
        image: (H, W, 3) uint8.
        landmarks: (68, 2), its pixels.

    Returns:
        Distance of mean colours in L*a*b* units; fine detail inside over that outside, where the
        outline runs over skin and hair alike. NaN where there is no outside.
    """
    face, inner, outer = (
        face_mask(landmarks, image.shape, erosion=e) > 0.5 for e in (0, RIM, -RIM)
    )
    inside, outside = face & ~inner, outer & ~face
    if not (inside.any() and outside.any()):
        return float("nan"), float("nan")
    color = np.linalg.norm(mean_color(image, inside) - mean_color(image, outside))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1))
    return float(color), float(fine[face].mean() / max(fine[outside].mean(), 1e-6))


def power_spectrum(image: np.ndarray) -> np.ndarray:
    """The azimuthally averaged power spectrum of a square picture: (size // 2,) decades of power.

    Entry k is the log10 of the mean power of all waves of about k + 1 periods in the picture,
    whichever way they run. Durall, Keuper and Keuper 2020, "Watch your Up-Convolution" (CVPR). A
    Hann window keeps the picture's border from looking like an edge.

    image: (size, size, 3) uint8 or (size, size) float.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    size = grey.shape[0]
    window = np.hanning(size + 2)[1:-1]
    waves = np.fft.fft2((grey - grey.mean()) * window[:, None] * window)
    frequency = np.fft.fftfreq(size, 1 / size)
    radius = np.rint(np.hypot(frequency[:, None], frequency)).astype(int).ravel()
    mean = np.bincount(radius, np.abs(waves.ravel()) ** 2) / np.bincount(radius)
    return np.log10(mean[1 : size // 2 + 1] + 1e-3)


def spectrum_shape(spectrum: np.ndarray) -> tuple[float, float]:
    """Slope of a spectrum in decades a decade, and how far its tail lies above that line.

    Pictures of the world fall by about two decades; what was blurred falls off at the end, and
    what was up-sampled may rise there.
    """
    frequency = np.log10(np.arange(1, len(spectrum) + 1))
    is_tail = np.arange(len(spectrum)) >= HIGH * len(spectrum)
    slope, level = np.polyfit(frequency[~is_tail], spectrum[~is_tail], 1)
    return float(slope), float((spectrum - level - slope * frequency)[is_tail].mean())


@dataclass(frozen=True)
class CueModel:
    """A logistic regression on standardised cues; every field but `names` is of their length.

    weights: what one standard deviation of a cue adds to the log-odds of a fake.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, found: Sequence[dict[str, float]], labels: Sequence[int]) -> "CueModel":
        """Learn from the cues of clips and their labels, 1 fake and 0 real; both count alike.

        Raises LessonError unless both are there, with a label for each clip.
        """
        from sklearn.linear_model import LogisticRegression

        if len(found) != len(labels) or len(set(labels)) != 2:
            problem = f"are of {len(found)} clips with labels {sorted(set(labels))}"
            raise LessonError("cues", problem, "Give real (0) and fake (1) clips.")
        table = np.array([[cues_of[name] for name in NAMES] for cues_of in found])
        known = np.ma.masked_invalid(table)
        mean = known.mean(0).filled(0.0)
        scale = np.maximum(known.std(0).filled(0.0), 1e-9)
        standard = np.nan_to_num((table - mean) / scale)
        model = LogisticRegression(class_weight="balanced").fit(standard, labels)
        numbers = [tuple(map(float, each)) for each in (mean, scale, model.coef_[0])]
        return cls(NAMES, *numbers, float(model.intercept_[0]))

    def p_fake(self, found: dict[str, float]) -> float:
        """How likely a clip with these cues is made; what is NaN counts as usual."""
        values = np.array([found[name] for name in self.names])
        standard = np.nan_to_num((values - self.mean) / np.array(self.scale))
        return float(1 / (1 + np.exp(-(standard @ np.array(self.weights) + self.intercept))))

    def score(self, found: Sequence[dict[str, float]], labels: Sequence[int]) -> float:
        """AUC over clips."""
        return auc(labels, [self.p_fake(each) for each in found])

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        text = json.dumps({"format": FORMAT, "kind": KIND, **asdict(self)}, indent=1)
        with replacing(path) as draft:
            draft.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "CueModel":
        """Raises ModelError for a file that is missing, damaged or of other cues."""
        path, remedy = Path(path), "Fit the cues again."
        with explained(path):
            stored = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(stored, dict) or stored.get("kind") != KIND:
            raise ModelError(path, "holds no regression on cues", remedy)
        try:
            lists = [tuple(stored[name]) for name in ("names", "mean", "scale", "weights")]
            model = cls(*lists, float(stored["intercept"]))
            numbers = [float(value) for each in lists[1:] for value in each]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(path, f"is damaged ({error})", remedy) from error
        if stored.get("format") != FORMAT or model.names != NAMES or len(numbers) != 3 * len(NAMES):
            raise ModelError(path, "is of another version's cues", remedy)
        return model
