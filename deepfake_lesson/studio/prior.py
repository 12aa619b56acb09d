"""Which faces occur: traits vary together, and proportions that no adult has are drawn again."""

from functools import cache

import numpy as np

from .anatomy import template
from .shape import mirrored_bumps, sample_residual, shape_fields

# Traits that vary together: hidden factor -> share of each trait's standard deviation.
FACTORS = {
    "width": {
        "face_width": 0.6, "head_width": 0.5, "jaw_width": 0.5, "forehead_width": 0.5,
        "mouth_width": 0.5, "eye_distance": 0.5, "nose_width": 0.4, "cheekbone": 0.3,
        "chin_width": 0.4,
    },
    "length": {
        "face_length": 0.6, "nose_length": 0.5, "lower_face": 0.4, "chin_length": 0.4,
        "forehead_height": 0.4, "philtrum": 0.3, "brow_height": 0.3,
    },
    "weight": {
        "fat": 0.7, "cheek_full": 0.6, "jowl": 0.5, "jaw_width": 0.3, "nose_tip_size": 0.3,
        "nose_width": 0.3, "eye_bag": 0.3,
    },
    "relief": {
        "nose_bridge_height": 0.6, "nose_projection": 0.5, "brow_ridge": 0.5, "eye_depth": 0.4,
        "nose_hump": 0.4, "chin_forward": 0.4, "forehead_slope": 0.3,
    },
    "lips": {"lip_upper": 0.6, "lip_lower": 0.6, "mouth_forward": 0.5, "lip_bow": 0.3},
    "eyes": {"eye_size": 0.5, "eye_open": 0.5, "eye_round": 0.5, "lid_hood": -0.4},
}  # fmt: skip
# Where the typical face differs from the template.
TYPICAL = {
    "eye_size": 0.35,
    "jaw_width": -0.4,
    "fat": -0.5,
    "cheek_full": -0.3,
    "mouth_height": -0.5,
}
# How a man's face differs from the mean (a woman's by the opposite), in standard deviations.
MALE = {
    "jaw_width": 0.8, "brow_ridge": 0.8, "chin_width": 0.6, "lip_upper": -0.6, "lip_lower": -0.5,
    "eye_round": -0.4, "cheek_full": -0.3, "jowl": 0.3, "eye_size": -0.6, "brow_height": -0.6,
    "nose_length": 0.3, "face_length": 0.4, "shoulders": 1.0,
}  # fmt: skip
# How a face of 80 differs from one of 20.
OLD = {
    "jowl": 1.4, "eye_bag": 1.4, "nasolabial": 1.4, "lid_hood": 1.0, "lip_upper": -0.8,
    "lip_lower": -0.5, "nose_length": 0.6, "ear_size": 1.2, "cheek_full": -0.6, "brow_tilt": -0.6,
}  # fmt: skip
# Ratios of distances between landmarks, seen from the front: name -> smallest, largest.
PLAUSIBLE = {
    "mouth / eyes": (0.50, 0.67),
    "mouth / nose": (1.50, 2.35),
    "mouth / jaw": (0.455, 0.64),
    "nose / inner eyes": (0.55, 0.90),
    "inner eyes / eye": (1.20, 1.75),
    "eyes / face": (0.55, 0.67),
    "face / height": (1.08, 1.40),
    "jaw / face": (0.755, 0.90),
    "nose length / height": (0.39, 0.47),
    "upper lip / height": (0.10, 0.17),
    "chin / height": (0.25, 0.365),
    "lips / mouth": (0.20, 0.42),
    "eye opening": (0.25, 0.42),
}


def proportions(landmarks: np.ndarray) -> dict[str, float]:
    """The ratios of `PLAUSIBLE` for landmarks (68, 2 or 3) in mm."""

    def span(first, second):
        return float(np.linalg.norm(landmarks[first, :2] - landmarks[second, :2]))

    eyes, mouth, nose, face = span(36, 45), span(48, 54), span(31, 35), span(1, 15)
    height, eye = span(27, 8), (span(36, 39) + span(42, 45)) / 2
    return {
        "mouth / eyes": mouth / eyes,
        "mouth / nose": mouth / nose,
        "mouth / jaw": mouth / span(5, 11),
        "nose / inner eyes": nose / span(39, 42),
        "inner eyes / eye": span(39, 42) / eye,
        "eyes / face": eyes / face,
        "face / height": face / height,
        "jaw / face": span(4, 12) / face,
        "nose length / height": span(27, 33) / height,
        "upper lip / height": span(33, 51) / height,
        "chin / height": span(57, 8) / height,
        "lips / mouth": span(51, 57) / mouth,
        "eye opening": (span(37, 41) + span(44, 46)) / 2 / eye,
    }


def is_plausible(landmarks: np.ndarray) -> bool:
    """Whether every proportion of the face lies in its range."""
    found = proportions(landmarks)
    return all(low < found[name] < high for name, (low, high) in PLAUSIBLE.items())


def _draw_shape(rng, sex, age):
    hidden = {factor: rng.normal() for factor in FACTORS}
    shape = {}
    for trait in shape_fields():
        loadings = {f: loads[trait] for f, loads in FACTORS.items() if trait in loads}
        shared = sum(loading * hidden[factor] for factor, loading in loadings.items())
        own = np.sqrt(1 - sum(loading**2 for loading in loadings.values())) * rng.normal()
        trend = MALE.get(trait, 0) * sex + OLD.get(trait, 0) * (age - 0.4)
        shape[trait] = float(TYPICAL.get(trait, 0) + np.clip(shared + own, -2, 2) + trend)
    return shape


@cache
def _probes():
    """Vertices that carry the landmarks: points (68, 3, 3) and fields there."""
    mean = template()
    corners = mean.landmark_vertices.copy()
    corners[:17] = mean.jaw_candidates[:, :1]
    fields = {trait: field[corners] for trait, field in shape_fields().items()}
    return mean.vertices[corners].astype(np.float64), fields


def shape_landmarks(shape: dict[str, float], residual: np.ndarray) -> np.ndarray:
    """(68, 3) landmarks of the face with this shape, without building the whole face."""
    points, fields = _probes()
    weights = template().landmark_weights.copy()
    weights[:17] = (1, 0, 0)
    moved = points + sum(amount * fields[trait] for trait, amount in shape.items())
    moved += mirrored_bumps(points.reshape(-1, 3), residual).reshape(points.shape)
    return (moved * weights[..., None]).sum(1)


def sample_shape(
    rng: np.random.Generator, sex: float, age: float, tries: int = 2000
) -> tuple[dict[str, float], np.ndarray]:
    """A plausible shape and residual for a person of this sex (-1..1) and age (0..1).

    Returns (shape, residual) as `shape.shape_face` takes them.
    """
    for _ in range(tries):
        shape, residual = _draw_shape(rng, sex, age), sample_residual(rng)
        if is_plausible(shape_landmarks(shape, residual)):
            return shape, residual
    raise RuntimeError("the prior of shapes and the plausible proportions do not meet")
