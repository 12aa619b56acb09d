"""Facial expression: action units, lids, gaze.

Action units are those of the Facial Action Coding System (Ekman, Friesen and Hager, 2002). Each is
an (N, 3) displacement in mm at full intensity; an expression is a dictionary of intensities 0..1,
with the gaze in degrees:

    {"AU12": 0.8, "AU6": 0.5, "AU45": 0.0, "gaze_x": 5.0}
"""

from functools import cache
from math import prod

import numpy as np

from ..errors import LessonError
from .anatomy import LASH_SAMPLES, LIP_SAMPLES, template
from .sculpt import EYE_RADIUS, smoothstep
from .shape import along, midline, mirrored

ACTION_UNITS = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU18": "lip pucker",
    "AU20": "lip stretcher",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU45": "blink",
    "AU45_left": "blink of the eye on the left of the picture",
    "AU45_right": "blink of the eye on the right of the picture",
}
GAZE = ("gaze_x", "gaze_y")
STILL_PARTS = (
    "left_ball", "right_ball", "left_ear", "right_ear", "left_lash", "right_lash", "neck",
    "long_hair", "glasses",
)  # fmt: skip
LID_FALLOFF = np.array([1, 0.9, 0.75, 0.56, 0.34, 0.16, 0.05], np.float32)
LID_CLEARANCE = 0.75
RIM_DEPTH = np.array([0, 0, -2.2], np.float32)
JAW_ANGLE = np.radians(13)


def _jaw_weight(mean):
    """(N,) how far each vertex goes with the lower jaw: 0 upper face, 1 chin."""
    p, opened, rings = mean.vertices, mean.open_vertices, mean.rings
    x = abs(opened[:, 0])
    lip_line = -74.1 + 1.4 * np.clip(x / 25, 0, 1) ** 2
    softness = 1.4 + 5 * smoothstep(20, 27, x) + 9 * smoothstep(25, 52, x)
    line = lip_line + 52 * np.clip((86 - opened[:, 2]) / 80, 0, 1)
    weight = smoothstep(-1, 1, (line - opened[:, 1]) / softness) * smoothstep(-30, 25, opened[:, 2])
    ellipse = np.clip(1 - (p[:, 0] / 23.2) ** 2, 0, 1) ** 0.8
    on_lips = np.where(opened[:, 1] < lip_line, 0.45 + 0.55 * ellipse, 0.45 * (1 - ellipse))
    near_lips = np.exp(-(((p[:, 1] + 73) / 9) ** 2))
    near_lips = near_lips * smoothstep(31, 22, abs(p[:, 0])) * smoothstep(60, 80, p[:, 2])
    weight = weight + (on_lips - weight) * near_lips
    weight[rings["lip_rim"]] = weight[rings["lip"][0]]
    weight[rings["lower_teeth"]] = 1
    for name in ("upper_teeth", "neck", "long_hair", "glasses", "left_ear", "right_ear"):
        weight[rings[name]] = 0
    return weight


def _jaw_drop(p, jaw_weight):
    """The jaw turns about an axis in front of the ears; cheeks are drawn in beside the mouth."""
    x, y, z = p.T
    height, depth = y + 18, z - 8
    cosine, sine = np.cos(JAW_ANGLE), np.sin(JAW_ANGLE)
    field = np.zeros_like(p)
    field[:, 1] = (height * (cosine - 1) - depth * sine) * jaw_weight
    field[:, 2] = (depth * (cosine - 1) + height * sine * 0.75 + 1) * jaw_weight
    mouth = np.exp(-((x / 30) ** 4)) * np.exp(-(((y + 71) / 14) ** 2) / 2)
    mouth = mouth * smoothstep(60, 80, z)
    field[:, 0] = -x * 0.06 * np.exp(-(((abs(x) - 26) / 12) ** 2)) * mouth
    return field


def _brow_units(p):
    y = p[:, 1]
    above = smoothstep(4, 11, y)
    return {
        "AU1": mirrored(p, (12, 23), (13, 13), (0, 7.5, -0.5), above),
        "AU2": mirrored(p, (42, 22), (15, 12), (0, 7.5, -0.5), above),
        "AU4": mirrored(p, (16, 20), (14, 10), (-4.2, -5.5, 1.2), smoothstep(2, 9, y)),
    }


def _cheek_and_nose_units(p, upper):
    y = p[:, 1]
    below_lid = mirrored(p, (33, -5), (11, 3.5), (0, 1.6, 0.3), smoothstep(2, -2, y))
    frown = mirrored(p, (16, 14), (12, 8), (-1.5, -3, 0.6), smoothstep(2, 8, y))
    return {
        "AU6": mirrored(p, (38, -24), (17, 11), (0.5, 5, 3.2)) + below_lid,
        "AU9": mirrored(p, (11, -24), (9, 15), (0, 3.6, 1.2))
        + mirrored(p, (15, -44), (7, 8), (1.2, 4, 0))
        + frown
        + mirrored(p, (14, -62), (10, 6), (0, 2.4, 0), upper),
        "AU10": mirrored(p, (12, -63), (11, 8), (0.5, 4.2, 0.6), upper),
    }


def _mouth_units(p, jaw_weight):
    x, y, z = p.T
    upper = 1 - jaw_weight

    def corners(push, spread=(10, 9)):
        return mirrored(p, (27, -70.5), spread, push)

    parting = (2.8 * upper - 4.6 * jaw_weight) * np.clip(1 - (x / 23) ** 2, 0, 1) ** 0.8
    parting = parting * np.exp(-(((y + 71) / 12) ** 2) / 2) * smoothstep(50, 75, z)
    return {
        "AU12": corners((9, 6.6, -5.5), (13, 9))
        + mirrored(p, (39, -42), (14, 13), (2.2, 4.6, 4))
        + mirrored(p, (16, -45), (7, 8), (1.8, 0.8, 0))
        + midline(p, -68, (20, 6), up=1.4, forwards=-1.8)
        + midline(p, -80, (16, 8), up=1, forwards=-1.8),
        "AU15": corners((1, -5.2, -0.5)) + mirrored(p, (31, -84), (10, 10), (1.5, -2, 1.5)),
        "AU17": midline(p, -98, (20, 12), up=4.5, forwards=1.5)
        + midline(p, -80, (20, 7), up=2.6, forwards=1.6),
        "AU18": corners((-9.5, 0, 3), (13, 12))
        + midline(p, -71, (16, 13), forwards=6.5)
        + midline(p, -65, (13, 5), up=1.2)
        + midline(p, -83, (13, 6), up=-1.2),
        "AU20": corners((7.5, -1.5, -4)) + midline(p, -72, (22, 10), forwards=-1.5),
        "AU25": along(1, parting),
        "AU26": _jaw_drop(p, jaw_weight),
    }


def _correctives(p):
    """What two units do together beyond their sum, "first*second" -> field (N, 3)."""
    below_lid = smoothstep(2, -2, p[:, 1])
    return {
        "AU12*AU26": mirrored(p, (27, -72), (12, 10), (-2.6, -1.2, 1))
        + midline(p, -66, (18, 5), up=-1.2),
        "AU6*AU45": mirrored(p, (32, -5), (12, 3.5), (0, 1.2, 0.4), below_lid),
    }


@cache
def unit_fields() -> dict[str, np.ndarray]:
    """The units that are plain fields and their correctives, name -> (N, 3) float32 mm.

    A corrective has the name "AU12*AU26" and is weighted by the product of the intensities.
    """
    mean = template()
    points, rings = mean.vertices.astype(np.float64), mean.rings
    jaw_weight = _jaw_weight(mean)
    fields = {
        **_brow_units(points),
        **_cheek_and_nose_units(points, 1 - jaw_weight),
        **_mouth_units(points, jaw_weight),
        **_correctives(points),
    }
    for name, field in fields.items():
        for part in ("upper_teeth", "lower_teeth", "mouth_plate"):
            field[rings[part]] *= name == "AU26"
        for part in STILL_PARTS:
            field[rings[part]] = 0
        field[rings["lip_rim"]] = field[rings["lip"][0]]
        for side in ("left", "right"):
            field[rings[f"{side}_eye_rim"]] = field[rings[f"{side}_eye"][0]]
    fields["AU26"][rings["mouth_plate"]] *= 0.8
    return {name: field.astype(np.float32) for name, field in fields.items()}


def check_expression(expression: dict[str, float]) -> None:
    """Raise LessonError when an expression names something that is no action unit."""
    unknown = sorted(set(expression) - set(ACTION_UNITS) - set(GAZE))
    if unknown:
        known = ", ".join([*ACTION_UNITS, *GAZE])
        raise LessonError(
            f"expression {unknown[0]!r}", "no such action unit", f"Use one of: {known}"
        )


def deform(identity, expression: dict[str, float]) -> np.ndarray:
    """The person's vertices with an expression: (N, 3) float32 mm, head upright.

    identity: anything with rest `vertices` (N, 3) and `eye_centers` (2, 3). expression: as above.
    Lips never cross, closed lids lie on the eyeball. Raises LessonError for unknown names.
    """
    check_expression(expression)
    mean = template()
    vertices = identity.vertices.copy()
    for name, field in unit_fields().items():
        if intensity := prod(expression.get(unit, 0) for unit in name.split("*")):
            vertices += np.float32(intensity) * field
    _keep_lips_apart(mean, vertices)
    turn = _gaze_rotation(expression)
    for side, center in zip(("left", "right"), identity.eye_centers, strict=True):
        _move_lids(mean.rings, vertices, expression, side, center)
        ball = mean.rings[f"{side}_ball"]
        vertices[ball] = (vertices[ball] - center) @ turn.T + center
    return vertices


def _keep_lips_apart(mean, vertices):
    """Where the lower lip rose above the upper one, meet half way (in place)."""
    loop = mean.rings["lip"][0]
    upper, lower = loop[1:LIP_SAMPLES], loop[mean.lip_pairs[1:LIP_SAMPLES]]
    crossed = np.maximum(vertices[lower, 1] - vertices[upper, 1], 0) / 2
    vertices[upper, 1] += crossed
    vertices[lower, 1] -= crossed


def _gaze_rotation(expression):
    """Rotation (3, 3) of the eyeballs; gaze_x + looks to the right of the picture, gaze_y + up."""
    x, y = np.radians([expression.get("gaze_x", 0), expression.get("gaze_y", 0)])
    sideways = [[np.cos(x), 0, np.sin(x)], [0, 1, 0], [-np.sin(x), 0, np.cos(x)]]
    upwards = [[1, 0, 0], [0, np.cos(y), np.sin(y)], [0, -np.sin(y), np.cos(y)]]
    return (np.array(sideways) @ np.array(upwards)).astype(np.float32)


def _lid_closing(expression, side):
    """Share by which the lids close (0..1) and the upper lid rises; lids follow the gaze."""
    blink = expression.get(f"AU45_{side}", expression.get("AU45", 0))
    gaze = expression.get("gaze_y", 0) / 20
    squint = 0.224 * expression.get("AU6", 0) + 0.12 * expression.get("AU9", 0)
    closing = np.clip(blink + 0.4 * max(0, -gaze) + squint, 0, 1)
    return closing, expression.get("AU5", 0) + 0.25 * max(0, gaze)


def _move_lids(rings, vertices, expression, side, center):
    """Blend the upper margin towards the lower one; both stay clear of the eyeball (in place)."""
    closing, raising = _lid_closing(expression, side)
    loops = rings[f"{side}_eye"]
    count = loops.shape[1]
    upper = loops[:, : count // 2]
    lower = loops[:, -np.arange(count // 2) % count]
    gap = vertices[lower[0]] - vertices[upper[0]]
    openness = np.clip(-gap[:, 1] / 9, 0, 1.2)[:, None]
    lift = raising * np.array([0, 2.4, 0], np.float32) * openness
    weight = LID_FALLOFF[:, None, None]
    vertices[upper] += (weight * (closing * 0.86 * gap + lift)).astype(np.float32)
    vertices[lower] += (weight * (-closing * 0.14 * gap)).astype(np.float32)
    _clear_eyeball(vertices, loops[:6], center)
    rim = rings[f"{side}_eye_rim"]
    vertices[rim[0]] = vertices[loops[0]]
    vertices[rim[1]] = vertices[loops[0]] + RIM_DEPTH
    _carry_lashes(rings[f"{side}_lash"], vertices, loops[0][:LASH_SAMPLES], closing)


def _carry_lashes(lash, vertices, margin, closing):
    """Set the lashes on the lid's margin again; they turn down as it closes (in place)."""
    hairs = vertices[lash] - vertices[lash[0]]
    hairs[..., 1] -= closing * hairs[..., 2]
    hairs *= np.float32(1 - 0.3 * closing)
    vertices[lash] = vertices[margin] + hairs


def _clear_eyeball(vertices, loops, center):
    """Push lid vertices out of the eyeball along its radius (in place)."""
    offset = vertices[loops] - center
    distance = np.linalg.norm(offset, axis=-1)
    needed = EYE_RADIUS + LID_CLEARANCE + 0.12 * np.arange(len(loops))[:, None]
    factor = np.where(offset[..., 2] > 0, np.maximum(1, needed / distance), 1)
    vertices[loops] = center + offset * factor[..., None]


def sample_expression(rng: np.random.Generator) -> dict[str, float]:
    """A random plausible expression with a gaze near the camera; closed eyes now and then."""

    def draw(low=0.2, high=1.0):
        return float(rng.uniform(low, high))

    moods = (
        lambda: {"AU12": draw(0, 0.35), "AU25": draw(0, 0.3)},
        lambda: {"AU6": draw(), "AU12": draw(0.4), "AU25": draw(0, 0.9), "AU26": draw(0, 0.4)},
        lambda: {"AU1": draw(), "AU2": draw(), "AU5": draw(), "AU26": draw(0)},
        lambda: {"AU4": draw(), "AU9": draw(0, 0.8), "AU10": draw(0, 0.6), "AU25": draw(0, 0.6)},
        lambda: {"AU1": draw(), "AU4": draw(0, 0.6), "AU15": draw(), "AU17": draw(0, 0.8)},
        lambda: {
            "AU26": draw(0, 0.9),
            "AU25": draw(0, 0.8),
            "AU20": draw(0, 0.7),
            "AU18": draw(0, 0.5),
        },
        lambda: {"AU18": draw(), "AU25": draw(0, 0.7), "AU26": draw(0, 0.4)},
    )
    expression = moods[rng.integers(len(moods))]()
    expression |= {"gaze_x": float(rng.normal(0, 7)), "gaze_y": float(rng.normal(0, 4))}
    if rng.random() < 0.08:
        expression["AU45"] = draw(0.5)
    return expression
