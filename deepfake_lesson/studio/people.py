"""People who do not exist: who they are (shape), how they look, and which seeds are spoken for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import hair, strands
from .anatomy import template
from .hair import HairStyle
from .parts import Material
from .prior import sample_shape
from .sculpt import smoothstep
from .shape import shape_face

# Seeds that a trained model must never have met, or that must not meet each other.
RESERVED_SEEDS = {
    "demo": (3, 1),
    "chapters": tuple(range(20, 40)),
    "tests": tuple(range(50, 60)),
    "benchmark": tuple(range(100, 124)),
    "benchmark_heldout": tuple(range(5000, 5024)),
    "detection": tuple(range(6000, 6400)),
    "base": range(10_000, 20_000),
}


@dataclass(frozen=True)
class Look:
    """What a person looks like apart from geometry; shares are 0..1 unless said otherwise.

    sex: -1 (female) to 1 (male). skin: 0 light to 1 dark. hair_color, iris: names of colours.
    warmth, lip_tone: standard deviations. moles: how many. beard: density, beard_style full, goatee
    or mustache. brow_y, brow_arch: mm. glasses_shape: width and height as factors. Colours are
    linear RGB.
    """

    sex: float
    skin: float
    age: float
    hair_color: str
    hair: HairStyle
    iris: str
    warmth: float
    blush: float
    lid_shade: float
    freckles: float
    moles: int
    oil: float
    beard: float
    beard_style: str
    glasses: bool
    glasses_shape: tuple[float, float]
    glasses_color: tuple[float, float, float]
    fold: float
    eye_shadow: float
    bags: float
    lashes: float
    crease: float
    brow_y: float
    brow_arch: float
    brow_thickness: float
    brow_density: float
    brow_strength: float
    lip_tone: float
    makeup: float
    lip_color: tuple[float, float, float]
    teeth: float
    neckline: float
    cloth: tuple[float, float, float]


STYLES = {  # kind: thickness, line, receding, opacity
    "short": (9, 0, 0, 0.97),
    "volume": (19, 3, 0, 0.98),
    "buzz": (1.5, 0, 0, 0.72),
    "bald": (0, 0, 0, 0),
    "receding": (5, 4, 1, 0.92),
    "long": (15, 2, 0, 0.99),
    "bangs": (14, 0, 0, 0.99),
    "curly": (30, 1, 0, 0.99),
}
MALE_STYLES = ("short", "short", "volume", "buzz", "bald", "receding", "curly")
FEMALE_STYLES = ("long", "long", "long", "volume", "bangs", "short", "curly")
HAIR_COLORS = ("black", "dark", "brown", "brown", "light", "blond", "red")


def _pick(rng, choices):
    return choices[rng.integers(len(choices))]


def _sample_hair(rng, male):
    kind = _pick(rng, MALE_STYLES if male else FEMALE_STYLES)
    thickness, line, receding, opacity = STYLES[kind]
    fringe = kind == "bangs" or (kind == "long" and rng.random() < 0.25)
    return HairStyle(
        kind=kind,
        thickness=thickness,
        line=line + rng.normal(0, 3),
        receding=receding + (abs(rng.normal(0, 0.3)) if male else 0),
        opacity=opacity,
        bangs=float(fringe),
        parting=rng.uniform(-1, 1),
        sweep=rng.normal(0, 1.5),
        long=kind == "long" or (kind == "bangs" and rng.random() < 0.6),
        length=rng.uniform(85, 168),
        seed=int(rng.integers(1_000_000)),
    )


def _sample_look(rng):
    sex, skin, age = rng.uniform(-1, 1), rng.beta(0.9, 1.1), rng.uniform(0, 1)
    male, dark = sex > 0.1, skin > 0.55
    colors = ("black", "dark") if dark else HAIR_COLORS + ("grey",) * (age > 0.6)
    irises = ("brown", "dark") if dark else ("brown", "hazel", "green", "blue", "grey", "dark")
    metal = _pick(rng, (0.012, 0.03, 0.2)) * np.array([1, rng.uniform(0.6, 1), rng.uniform(0.4, 1)])
    return Look(
        sex=sex,
        skin=skin,
        age=age,
        hair_color=_pick(rng, colors),
        hair=_sample_hair(rng, male),
        iris=_pick(rng, irises),
        warmth=rng.normal(),
        blush=rng.uniform(0.4, 1.2),
        lid_shade=rng.uniform(0.3, 1.2),
        freckles=rng.uniform(0.5, 1) if skin < 0.5 and rng.random() < 0.25 else 0.0,
        moles=int(rng.integers(0, 4)),
        oil=rng.uniform(0.6, 1.15),
        beard=_pick(rng, (0, 0.22, 0.4, 0.85)) if male else 0.0,
        beard_style=_pick(rng, ("full", "full", "goatee", "mustache")),
        glasses=bool(rng.random() < 0.16),
        glasses_shape=(rng.uniform(0.82, 1.02), rng.uniform(0.75, 1.15)),
        glasses_color=tuple(metal),
        fold=rng.uniform(0.1, 0.7),
        eye_shadow=0.0 if male else rng.uniform(0, 0.8),
        bags=rng.uniform(0, 1),
        lashes=0.2 if male else rng.uniform(0.6, 1.3),
        crease=rng.uniform(0.4, 1.2),
        brow_y=rng.normal(0, 0.9),
        brow_arch=rng.normal(0, 1) + (0 if male else 0.6),
        brow_thickness=rng.uniform(0.6, 1.6) * (1.15 if male else 0.8),
        brow_density=rng.uniform(0.5, 1.3),
        brow_strength=rng.uniform(0.6, 0.98),
        lip_tone=rng.normal(),
        makeup=0.0 if male else _pick(rng, (0, 0, 0.35, 0.7)),
        lip_color=tuple(rng.uniform((0.28, 0.03, 0.05), (0.5, 0.12, 0.14))),
        teeth=rng.uniform(0.95, 1.2),
        neckline=rng.uniform(0, 1.8),
        cloth=tuple(rng.uniform(0.02, 0.6, 3) * rng.uniform(0.3, 1)),
    )


@dataclass(frozen=True)
class Identity:
    """One studio person: `seed`, `shape` (trait -> standard deviations), `look`, rest geometry.

    vertices: (N, 3) float32 mm, neutral face. eye_centers: (2, 3) float32, left and right.
    """

    seed: int
    shape: dict[str, float]
    look: Look
    vertices: np.ndarray
    eye_centers: np.ndarray

    @classmethod
    def sample(cls, seed: int) -> "Identity":
        """The person with this seed, an integer from 0; the same seed is the same person."""
        rng = np.random.default_rng((1000, seed))
        look = _sample_look(rng)
        shape, residual = sample_shape(rng, look.sex, look.age)
        return cls.build(seed, shape, residual, look)

    @classmethod
    def build(
        cls, seed: int, shape: dict[str, float], residual: np.ndarray, look: Look
    ) -> "Identity":
        """A person of given shape (traits and residual bumps) and look."""
        vertices, centers = shape_face(shape, residual)
        _wear_glasses(vertices, shape, look)
        _grow_hair(vertices, look.hair)
        _thicken_lashes(vertices, 0.4 + 0.6 * look.lashes)
        return cls(seed, shape, look, vertices.astype(np.float32), centers.astype(np.float32))

    @cached_property
    def _drawn(self):
        mean = template()
        worn = {
            Material.EAR: not self.look.hair.long,
            Material.LONG_HAIR: self.look.hair.strands,
            Material.GLASSES: self.look.glasses,
        }
        hidden = [material for material, shown in worn.items() if not shown]
        return ~np.isin(mean.materials, hidden)

    @cached_property
    def follow(self) -> np.ndarray:
        """(N,) float32, the share of the head's rotation that each vertex follows."""
        follow = template().follow.copy()
        if self.look.hair.long:
            ring = template().rings["long_hair"]
            follow[ring] = smoothstep(-170, -10, self.vertices[ring, 1])
        return follow

    @cached_property
    def triangles(self) -> np.ndarray:
        """(T, 3) int32 triangles as drawn for this person."""
        return np.ascontiguousarray(template().triangles[self._drawn])

    @cached_property
    def materials(self) -> np.ndarray:
        """(T,) int32 materials of `triangles`."""
        return np.ascontiguousarray(template().materials[self._drawn])

    @cached_property
    def normal_triangles(self) -> np.ndarray:
        """(T', 3) int32 triangles without the back sides of two-sided parts, for vertex normals."""
        mean = template()
        return np.ascontiguousarray(mean.triangles[self._drawn & mean.primary])


def _wear_glasses(vertices, shape, look):
    """Scale the frame, set it on the nose and keep it clear of the face (in place)."""
    if not look.glasses:
        return
    mean = template()
    frame, ring = mean.vertices[mean.rings["glasses"]].astype(np.float64), mean.rings["glasses"]
    in_front = frame[:, 2] > 82
    lens_center = np.column_stack([32 * np.sign(frame[:, 0]), np.full(len(frame), -3.0)])
    on_lens = ((abs(frame[:, 0]) > 7) & in_front)[:, None]
    vertices[ring, :2] += (
        (frame[:, :2] - lens_center) * on_lens * (np.array(look.glasses_shape) - 1)
    )
    bridge = mean.landmark_vertices[27][0]
    _, rise, forwards = vertices[bridge] - mean.vertices[bridge]
    vertices[ring] += [0, 0.5 * rise, max(-2, forwards) + 1.5]
    wider = 0.045 * shape.get("face_width", 0) + 0.03 * shape.get("head_width", 0) * (
        frame[:, 2] < 60
    )
    vertices[ring, 0] += frame[:, 0] * wider
    head = vertices[: mean.head_count]
    head = head[head[:, 2] > 60]
    lens = vertices[ring[in_front]]
    nearest = ((lens[:, None, :2] - head[None, :, :2]) ** 2).sum(-1).argmin(1)
    sunk = (head[nearest, 2] - lens[:, 2]).max() + 2
    vertices[ring, 2] += np.clip(sunk, 0, 14)


def _grow_hair(vertices, style):
    """Lift the scalp by the hair's volume and drape long hair over it (in place)."""
    mean = template()
    head = vertices[: mean.head_count]
    triangles = mean.triangles[mean.primary]
    normals = hair.vertex_normals(vertices, triangles)[: mean.head_count]
    head += normals * hair.scalp_volume(style)[:, None]
    if style.strands:
        vertices[mean.rings["long_hair"]] = strands.grow(style, head)


def _thicken_lashes(vertices, lashes):
    """Scale the lashes' length (in place)."""
    for name in ("left_lash", "right_lash"):
        ring = template().rings[name]
        vertices[ring] = vertices[ring[0]] + (vertices[ring] - vertices[ring[0]]) * lashes
