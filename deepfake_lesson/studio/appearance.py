"""Paint a person's texture from their `Look`: skin, lips, lids, brows, beard, hair, eyes, shirt.

Colours are linear RGB. Layers go on in the order in which a make-up artist would put them.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from .anatomy import LANDMARKS, template
from .hair import inside_hair
from .parts import Material
from .rasterizer import vertex_normals
from .sculpt import occlusion, smoothstep, spline
from .textures import (
    ATLAS_SIZE,
    Atlas,
    Canvas,
    Part,
    TexelMap,
    cloth_grid,
    fractal_noise,
    noise,
    pyramid,
    texel_map,
    tile_width,
)


def linear(*rgb: float) -> np.ndarray:
    """A display colour 0..255 as linear light, (3,)."""
    return (np.array(rgb, float) / 255) ** 2.2


SKIN_TONES = np.array(
    [
        linear(234, 196, 174),
        linear(227, 184, 157),
        linear(214, 170, 142),
        linear(190, 144, 114),
        linear(154, 108, 82),
        linear(112, 77, 57),
        linear(78, 52, 40),
    ]
)
HAIR_COLORS = {
    "black": (0.012, 0.010, 0.010),
    "dark": (0.032, 0.020, 0.013),
    "brown": (0.080, 0.046, 0.025),
    "light": (0.17, 0.105, 0.055),
    "blond": (0.38, 0.26, 0.13),
    "red": (0.23, 0.065, 0.02),
    "grey": (0.36, 0.35, 0.34),
}
IRIS_COLORS = {
    "brown": (0.10, 0.045, 0.018),
    "dark": (0.045, 0.022, 0.012),
    "hazel": (0.15, 0.10, 0.035),
    "green": (0.12, 0.17, 0.08),
    "blue": (0.12, 0.22, 0.36),
    "grey": (0.22, 0.26, 0.29),
}
UPPER_LID, LOWER_LID = [36, 37, 38, 39], [39, 40, 41, 36]
SIDES = (1, -1)


@dataclass(frozen=True, eq=False)
class Appearance:
    """What the renderer needs of a person's looks.

    levels: the texture (S, S, 9) and its halves. alpha: (256, 256) coverage of a card of hair.
    parts: (S, S) uint8, see `Part`. skin_brightness: mean green of the forehead, for the
    automatic exposure.
    """

    levels: tuple[np.ndarray, ...]
    alpha: np.ndarray
    parts: np.ndarray
    skin_brightness: float


@lru_cache(maxsize=8)
def paint(look, seed: int) -> Appearance:
    """Paint a `Look` (about 0.3 s); the same look and seed give the same texels."""
    rng = np.random.default_rng([seed, 20])
    texels = texel_map()
    base = skin_color(look)
    atlas = Atlas(base)
    colors = _hair_colors(look, base, rng)
    _paint_blood(atlas, texels, look, rng)
    _paint_blemishes(atlas, texels, look, rng)
    _paint_pores(atlas, texels, look, rng)
    _paint_wrinkles(atlas, texels, look)
    _paint_beard(atlas, texels, look, base, colors[0], rng)
    _paint_lips(atlas, texels, look, base, rng)
    _paint_lids(atlas, texels, look, base, colors[1])
    _paint_brows(atlas, texels, look, colors[1], rng)
    _paint_scalp(atlas, texels, look, colors[0], rng)
    _paint_tiles(atlas, look, base, colors[0], rng)
    middle = ATLAS_SIZE // 2
    forehead = atlas.color[middle - 60 : middle - 20, middle - 20 : middle + 20, 1]
    return Appearance(
        pyramid(atlas.stacked()), _strand_alpha(rng), atlas.parts, float(forehead.mean())
    )


def skin_color(look) -> np.ndarray:
    """Mean skin colour (3,): from light (skin = 0) to dark (1), warmer or cooler."""
    place = look.skin * (len(SKIN_TONES) - 1)
    tone = [np.interp(place, np.arange(len(SKIN_TONES)), SKIN_TONES[:, i]) for i in range(3)]
    return np.array(tone) * (1 + np.array([0.045, 0, -0.055]) * look.warmth)


def _hair_colors(look, base, rng):
    """Colour of the hair and of the brows, which stay darker than the skin."""
    hair = np.array(HAIR_COLORS[look.hair_color]) * np.exp(0.15 * rng.normal())
    fair = look.hair_color in ("blond", "light", "grey", "red")
    return hair, np.minimum(hair * (0.45 if fair else 0.7), base * (0.26 - 0.12 * look.skin))


def _paint_blood(atlas: Atlas, texels: TexelMap, look, rng) -> None:
    """Where blood shows through: cheeks, nose, chin, ears; and where bone makes skin yellower."""
    spot = texels.spot
    red = 0.75 * spot(40, -34, 15, 13) + 0.8 * spot(0, -42, 11, 8) + 0.3 * spot(0, -106, 15, 10)
    red = red + 0.25 * spot(30, -14, 12, 5) + 0.1 * spot(0, 30, 60, 12)
    red = red * look.blush + 0.10 * fractal_noise(rng, ATLAS_SIZE, (40, 18, 8))
    red = red + 0.07 * fractal_noise(rng, ATLAS_SIZE, (9, 4.5), 0.8) * (1 - 0.5 * look.skin)
    fair = 1 - 0.75 * look.skin
    strength = 0.45 + 0.55 * fair
    atlas.darken(np.clip(red, -0.5, 1.4) * strength, (0.03, 0.22, 0.20))
    bone = 0.7 * spot(0, 44, 40, 18) + 0.5 * spot(0, -12, 6, 16) + 0.4 * spot(46, -16, 10, 7)
    atlas.darken(bone * fair, (-0.04, -0.02, 0.07))
    if look.sex > 0.1:
        jaw = smoothstep(-48, -66, texels.y) * (texels.z > 0) * smoothstep(75, 55, np.abs(texels.x))
        atlas.darken(0.13 * jaw * fair, (1.0, 0.75, 0.55))


def _paint_blemishes(atlas: Atlas, texels: TexelMap, look, rng) -> None:
    """Uneven colour, shadows around the eyes and under the lip, freckles, moles."""
    spot = texels.spot
    mottle = 0.04 * fractal_noise(rng, ATLAS_SIZE, (60, 28, 12))
    atlas.darken(mottle + 0.03 * noise(rng, ATLAS_SIZE, 3) + 0.02 * noise(rng, ATLAS_SIZE, 1.6))
    corners = 0.26 * spot(0, -88.5, 13, 3) + 0.9 * spot(24.2, -72.7, 2.4, 1.4)
    atlas.darken(corners, (0.7, 1, 1))
    circles = spot(28, -9, 10, 4) + 0.7 * spot(16, -3, 6, 6)
    atlas.darken((0.12 + 0.16 * look.age + 0.16 * look.bags) * circles, (0.7, 1, 0.85))
    atlas.darken(0.22 * look.lid_shade * spot(32, 8, 13, 4), (0.8, 1, 1))
    if look.freckles > 0:
        dots = noise(rng, ATLAS_SIZE, 2.6) + 0.35 * noise(rng, ATLAS_SIZE, 9)
        region = spot(30, -24, 22, 12) + 0.8 * spot(0, -24, 14, 14)
        freckles = np.clip(smoothstep(1.5, 2.3, dots) * region * look.freckles, 0, 1)
        atlas.darken(0.5 * freckles, (0.6, 1, 1.1))
    for _ in range(look.moles):
        x, y, size = rng.uniform(-52, 52), rng.uniform(-100, 45), rng.uniform(0.6, 1.5)
        mole = np.exp(-((texels.x - x) ** 2 + (texels.y - y) ** 2) / size) * (texels.z > 30)
        atlas.darken(0.6 * mole, (0.8, 1, 1.1))
    nostril = ((np.abs(texels.x) - 6.8) / 2.6) ** 2 + ((texels.y + 48.8) / 1.7) ** 2
    atlas.darken(0.8 * np.exp(-nostril) * (texels.z > 90))


def _paint_pores(atlas: Atlas, texels: TexelMap, look, rng) -> None:
    """Gloss of the oily zone, broken up by pores, and the fine relief of skin."""
    spot = texels.spot
    gloss = 0.24 + 0.20 * spot(0, -30, 8, 20) + 0.12 * spot(0, 45, 34, 20)
    gloss = gloss + 0.09 * spot(36, -22, 16, 13) + 0.08 * spot(0, -104, 12, 8)
    pores = noise(rng, ATLAS_SIZE, 1.7)
    patches = fractal_noise(rng, ATLAS_SIZE, (24, 9, 4))
    gloss = gloss * np.clip(1.1 + 0.12 * patches - 0.35 * np.abs(pores), 0.2, 1.6)
    atlas.gloss[:] = gloss * look.oil * (texels.z > 0) * (1 - 0.55 * look.skin)
    coarse = 0.5 + spot(0, -38, 13, 11) + 0.7 * spot(30, -34, 16, 13)
    relief = 0.16 * pores * coarse + 0.09 * noise(rng, ATLAS_SIZE, 2.2)
    relief = (
        relief + 0.09 * noise(rng, ATLAS_SIZE, 4) + 0.11 * fractal_noise(rng, ATLAS_SIZE, (9, 5))
    )
    atlas.height[:] = (0.75 + 0.5 * look.age) * relief


def _paint_wrinkles(atlas: Atlas, texels: TexelMap, look) -> None:
    """Forehead, frown and smile lines: faint with age, deep when the expression folds them."""
    drawings = _forehead_lines(), _frown_lines(), _smile_lines()
    for k, drawing in enumerate(drawings):
        atlas.wrinkles[..., k] = 0.8 * drawing.blur(0.8).on_atlas(texels)
    forehead, frown, smile = np.moveaxis(atlas.wrinkles, -1, 0)
    aged = max(0.0, look.age - 0.35)
    static = 0.40 * aged * (0.7 * forehead + 0.6 * frown)
    static = static + look.fold * (0.22 + 0.25 * look.age) * smile
    atlas.darken(np.clip(static, 0, 0.6), (0.6, 1, 1))
    deep = max(0.0, look.age - 0.3) * (forehead + frown) + (0.7 * look.fold + 0.2) * smile
    atlas.height -= 1.3 * deep


def _forehead_lines() -> Canvas:
    canvas, t = Canvas(), np.linspace(-1, 1, 30)
    for k, y in enumerate((36, 43, 50, 57)):
        bend = y + 1.5 * np.cos(2.6 * t) * np.sign(np.cos(k)) - 4 * t**4
        canvas.line(np.stack([t * (44 - 3 * k), bend], 1), 0.6)
    return canvas


def _frown_lines() -> Canvas:
    canvas = Canvas()
    for side in SIDES:
        canvas.line([(5 * side, 12), (6 * side, 20), (4.5 * side, 29)], 0.7)
        canvas.line([(3 * side, 4), (8 * side, 2)], 0.5)
    return canvas


def _smile_lines() -> Canvas:
    canvas = Canvas()
    for side in SIDES:
        fold = np.array([(18, -45), (26, -54), (32, -66), (33, -76)]) * [side, 1.0]
        canvas.line(spline(fold, 8), 0.9)
        for slant in (-0.35, 0.05, 0.45):
            canvas.line([(50 * side, -2 + 6 * slant), (60 * side, -3 + 16 * slant)], 0.5)
        bag = np.array([(20, -8), (30, -12), (41, -9)]) * [side, 1.0]
        canvas.line(spline(bag, 8), 0.6)
    return canvas


BEARD = [(-66, -32), (-50, -50), (-34, -58), (-16, -56), (0, -57)]
BEARD = [
    *BEARD,
    *((-x, y) for x, y in BEARD[-2::-1]),
    (76, -70),
    (55, -139),
    (-55, -139),
    (-76, -70),
]
MUSTACHE = [
    (-27, -58),
    (-12, -54),
    (12, -54),
    (27, -58),
    (31, -76),
    (24, -80),
    (-24, -80),
    (-31, -76),
]
GOATEE = [(-29, -70), (29, -70), (27, -100), (16, -122), (-16, -122), (-27, -100)]


def _paint_beard(atlas: Atlas, texels: TexelMap, look, base, hair, rng) -> None:
    """Stubble to full beard (look.beard 0..1), as single short hairs over a soft shadow."""
    if look.beard <= 0:
        return
    shape = Canvas().polygon(BEARD).polygon(LANDMARKS[48:60], 0.0)
    if look.beard_style != "full":
        part = Canvas().polygon(MUSTACHE)
        if look.beard_style == "goatee":
            part.polygon(GOATEE)
        shape.image = np.minimum(shape.image, part.image)
    region = shape.blur(3.0 if look.beard_style == "full" else 1.6).on_atlas(texels)
    hairs = 0.30 * noise(rng, ATLAS_SIZE, 1.5) + 0.18 * noise(rng, ATLAS_SIZE, 5)
    cover = np.clip(region * look.beard * (1 + hairs), 0, 0.93)
    atlas.mix(cover, np.minimum(hair * 1.1, base * 0.55) + base * np.array([0.04, 0.06, 0.09]))
    atlas.gloss *= 1 - 0.6 * cover
    atlas.height += region * min(1.0, 1.6 * look.beard) * 0.45 * noise(rng, ATLAS_SIZE, 1.7)


def _paint_lips(atlas: Atlas, texels: TexelMap, look, base, rng) -> None:
    """Vermilion with its soft border and upright creases, and the dark seam between the lips."""
    outer = spline(LANDMARKS[48:55], 6), spline(LANDMARKS[[54, 55, 56, 57, 58, 59, 48]], 6)
    made_up = look.makeup > 0.3
    lips = Canvas().polygon(np.vstack(outer)).blur(0.6 if made_up else 0.95).on_atlas(texels)
    inner = (
        spline(LANDMARKS[[60, 61, 62, 63, 64]], 9),
        spline(LANDMARKS[[64, 65, 66, 67, 60]], 9),
    )
    seam = Canvas().line(np.vstack(inner), 1.0, closed=True)
    seam.line(LANDMARKS[[48, 60]], 1.0).line(LANDMARKS[[54, 64]], 1.0)
    pale, full = np.array([0.66, 0.39, 0.39]), np.array([0.66, 0.33, 0.34])
    bare = base * (pale if look.sex > 0.1 else full) + np.array([0.018, 0.004, 0.006])
    bare = bare + 0.9 * look.skin**2 * np.array([0.06, 0.016, 0.018])
    bare = bare * (1 + 0.26 * look.lip_tone * np.array([0.35, -0.5, -0.4]))
    paint_color = np.array(look.lip_color) * (1 - 0.65 * look.skin)
    paint_color = 0.75 * paint_color + 0.25 * base
    color = bare * (1 - look.makeup) + look.makeup * paint_color
    table = rng.normal(0, 1, 256)
    creases = np.interp(
        2.2 * texels.x + 0.6 * noise(rng, ATLAS_SIZE, 9), np.arange(-128, 128), table
    )
    patchy = (
        1 + 0.10 * noise(rng, ATLAS_SIZE, 5) + 0.05 * noise(rng, ATLAS_SIZE, 2) + 0.06 * creases
    )
    patchy = patchy * (1 - 0.25 * smoothstep(-74, -70.5, texels.y))
    atlas.mix(0.9 * lips, color * patchy[..., None])
    atlas.parts[lips > 0.5] = Part.LIPS
    wet = smoothstep(1.0, 4.5, np.abs(texels.y + 72.5)) * (0.6 + 0.4 * np.clip(1 - creases, 0, 2))
    shine = (0.13 + 0.25 * look.makeup) * (1 - 0.8 * look.skin)
    atlas.gloss[:] = atlas.gloss * (1 - 0.5 * lips) + lips * shine * wet
    atlas.height += lips * (0.18 * creases + 0.12 * np.clip(noise(rng, ATLAS_SIZE, 2.4), -1, 1))
    atlas.darken(0.85 * seam.blur(0.45).on_atlas(texels))


def _paint_lids(atlas: Atlas, texels: TexelMap, look, base, brow) -> None:
    """Lash line, outer wing, crease of the upper lid, wet edge of the lower one."""
    lashes, crease, lower = Canvas(), Canvas(), Canvas()
    for side in SIDES:
        mirror = np.array([side, 1])
        upper = np.vstack([spline(LANDMARKS[UPPER_LID], 12), LANDMARKS[39]]) * mirror
        lashes.line(upper + np.array([0, 0.35]), 1.0 + 0.8 * look.lashes)
        wing = upper[0] + [-1.6 * side, 1.0]
        lashes.line([upper[2], upper[0], wing], 0.7 + 0.6 * look.lashes)
        crease.line((upper + np.array([0, 3.1]))[2:-1], 0.8)
        lower.line(spline(LANDMARKS[LOWER_LID], 8) * mirror + [0, -0.3], 0.6)
    lashes, crease = lashes.blur(0.3).on_atlas(texels), crease.blur(0.7).on_atlas(texels)
    atlas.darken(0.55 * look.crease * crease)
    atlas.height -= 0.9 * look.crease * crease
    edge = np.clip(0.45 * lower.blur(0.4).on_atlas(texels), 0, 1)
    atlas.mix(edge, base * np.array([0.5, 0.30, 0.28]))
    shade = texels.spot(32, 7, 12, 4.5) * 0.45 * look.eye_shadow
    atlas.mix(shade, np.array(look.lip_color) * 0.35 + base * 0.2)
    atlas.mix(np.clip(1.1 * lashes, 0, 0.95), np.minimum(brow * 0.4, 0.012))
    atlas.gloss *= 1 - 0.9 * np.clip(lashes, 0, 1)


def _brow_curve(look, side: int, rng) -> np.ndarray:
    """Line of one brow from the nose outwards, (N, 2) mm; the two sides differ a little."""
    curve = spline(LANDMARKS[[21, 20, 19, 18, 17]] + [0, look.brow_y], 40) * [side, 1]
    curve = curve[: int(len(curve) * rng.uniform(0.92, 0.98))]
    arch = look.brow_arch + rng.normal(0, 0.18)
    curve[:, 1] += -2.2 + rng.normal(0, 0.25) + 2 * arch * np.sin(np.linspace(0, np.pi, len(curve)))
    return curve


def _brow_hairs(canvas: Canvas, curve, half_width, density: float, side: int, rng) -> None:
    """Hairs that rise near the nose, lie along the arch and turn down at the tail."""
    tangent = np.gradient(curve, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1)[:, None]
    for _ in range(int(460 * density)):
        place = min(len(curve) - 1, int(len(curve) * rng.beta(1.2, 1.15)))
        along, height = place / len(curve), rng.uniform(-1, 1)
        angle = np.interp(along, [0, 0.3, 1], [1.25, 0.7, 0.1]) + rng.normal(0, 0.14)
        angle -= 0.55 * (height + 0.2) * (along > 0.15)
        outwards = tangent[place]
        normal = np.array([-outwards[1], outwards[0]]) * -side
        step = outwards * np.cos(angle) + normal * np.sin(angle)
        root = curve[place] + [0, height * half_width[place]]
        length = rng.uniform(3, 6.5) * (1 - 0.35 * along)
        tip = root + step * length + [0, -0.3]
        canvas.line([root, root + step * length / 2, tip], 0.25, rng.uniform(0.55, 1.0))


def _paint_brows(atlas: Atlas, texels: TexelMap, look, color, rng) -> None:
    """Two brows of single strokes over a soft shadow."""
    strokes, shadow = Canvas(), Canvas()
    for side in SIDES:
        curve = _brow_curve(look, side, rng)
        along = np.linspace(0, 1, len(curve))
        taper = np.interp(along, [0, 0.12, 0.5, 0.8, 1], [1.0, 2.7, 3.0, 2.2, 0.9])
        half_width = 1.2 * look.brow_thickness * taper
        offset = np.stack([np.zeros_like(half_width), half_width], 1)
        shadow.polygon(np.vstack([curve + 0.8 * offset, (curve - offset)[::-1]]))
        _brow_hairs(strokes, curve, half_width, look.brow_density, side, rng)
    strokes, shadow = strokes.blur(0.16).on_atlas(texels), shadow.blur(0.9).on_atlas(texels)
    brow = np.clip(0.9 * strokes + 0.62 * shadow, 0, 1)
    atlas.mix(brow * min(1.0, 1.04 * look.brow_strength), color)
    atlas.parts[shadow > 0.3] = Part.BROW
    atlas.gloss *= 1 - 0.9 * brow
    atlas.height += 0.35 * brow * (1 + 0.5 * noise(rng, ATLAS_SIZE, 1.6))


def _strand_noise(table: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Random brightness of strands numbered by `place`."""
    return np.interp(place % len(table), np.arange(len(table)), table).astype(np.float32)


def _paint_scalp(atlas: Atlas, texels: TexelMap, look, color, rng) -> None:
    """Hair that lies on the head, combed away from the parting, ragged along the hairline."""
    style = look.hair
    depth = inside_hair(np.dstack([texels.x, texels.y, texels.z]), style)
    back = texels.z + 25 + 0.25 * (texels.y - 60)
    around = np.arctan2(texels.x - 25 * style.parting, back) + 0.0035 * texels.y * style.sweep
    table = rng.normal(0, 1, 2400)
    bend = 0.25 * fractal_noise(rng, ATLAS_SIZE, (50, 20))
    strands = 0.5 * _strand_noise(table, 55 * around + bend)
    strands = strands + 0.45 * _strand_noise(table, 140 * around + bend)
    strands = strands + 0.3 * noise(rng, ATLAS_SIZE, 2)
    if style.kind == "curly":
        strands = 0.4 * strands + 0.9 * fractal_noise(rng, ATLAS_SIZE, (5, 2.5))
    edge = depth + 1.7 * strands + 1.5 * fractal_noise(rng, ATLAS_SIZE, (22, 6))
    on_face = (texels.z > 80) & (texels.y < 20)
    cover = smoothstep(-4, 5, edge) * texels.covered * style.opacity * ~on_face
    tone = np.exp(0.42 * strands + 0.18 * fractal_noise(rng, ATLAS_SIZE, (60, 30)))
    atlas.mix(cover, color * tone[..., None] + 0.004)
    shine = 0.10 + 0.09 * np.clip(strands, -1, 2)
    atlas.gloss[:] = atlas.gloss * (1 - cover) + cover * shine
    atlas.height[:] = 0.35 * (atlas.height * (1 - cover) + 0.5 * cover * strands) * texels.covered
    atlas.hair[:] = cover
    atlas.parts[cover > 0.5] = Part.HAIR


def _paint_tiles(atlas: Atlas, look, base, hair, rng) -> None:
    """Corner tiles: eye, teeth, neck with shirt, glasses, locks of hair."""
    width = tile_width()
    iris = np.array(IRIS_COLORS[look.iris]) * rng.uniform(0.7, 1.1) * (1 - 0.4 * look.skin)
    atlas.tile(Material.EYE, _eye(rng, width, iris, look.skin), 0.5)
    atlas.tile(Material.TEETH, _teeth(width, look.teeth * (1 - 0.3 * look.skin)), 0.5)
    cloth, gloss, parts = _neck_and_shirt(rng, width, look, base)
    atlas.tile(Material.CLOTH, cloth, gloss)
    atlas.parts[-width:, :width] = parts
    atlas.color[-8:, :width], atlas.gloss[-8:, :width] = look.glasses_color, 0.5
    color, gloss = _lock(rng, width, hair)
    atlas.tile(Material.LONG_HAIR, color, gloss, 1.0)


def _eye(rng, width: int, iris: np.ndarray, skin: float) -> np.ndarray:
    """The eyeball seen from its pupil, (width, width, 3); angles from the axis in radians."""
    y, x = (np.mgrid[0:width, 0:width] + 0.5) / width * 2 - 1
    angle, around = np.hypot(x, y) * np.radians(92), np.arctan2(y, x)
    rim, pupil = 0.435, 0.185
    white = np.array([0.56, 0.515, 0.475]) * (1 - 0.48 * skin)
    white = white * (1 - 0.30 * smoothstep(0.5, 1.3, angle))[..., None]
    pink = smoothstep(0.75, 1.05, angle) * np.abs(np.cos(around)) ** 2
    veins = np.clip(fractal_noise(rng, width, (7, 3)), 0, 1.5) * smoothstep(0.5, 0.9, angle)
    white = white * (1 - (0.34 * pink + 0.10 * veins)[..., None] * np.array([0.25, 1, 0.9]))
    white = white * (1 - 0.25 * (1 - smoothstep(rim, rim + 0.12, angle)))[..., None]
    spokes = np.r_[rng.normal(0, 1, 96), 0]
    fibres = np.interp(around, np.linspace(-np.pi, np.pi, 97), spokes)
    color = iris * (0.9 + 0.28 * fibres + 0.5 * smoothstep(rim, pupil, angle))[..., None]
    color = color * (1 - 0.8 * smoothstep(rim - 0.10, rim, angle))[..., None]
    ring = np.exp(-(((angle - pupil - 0.05) / 0.06) ** 2))[..., None]
    color = color + np.array([0.05, 0.03, 0.01]) * ring
    inside = smoothstep(rim + 0.03, rim - 0.02, angle)[..., None]
    eye = white * (1 - inside) + color * inside
    hole = smoothstep(pupil + 0.02, pupil - 0.02, angle)[..., None]
    return np.maximum(eye * (1 - hole) + 0.006 * hole, 0.004)


TOOTH_EDGES = np.cumsum([0, 0.155, 0.13, 0.135, 0.14, 0.16, 0.16])


def _teeth(width: int, brightness: float) -> np.ndarray:
    """A row of teeth, gum at the top, (width, width, 3)."""
    y, x = np.mgrid[0:width, 0:width] / (width - 1.0) * 2 - 1
    gap = np.min(np.abs(np.abs(x)[..., None] - TOOTH_EDGES), -1)
    ivory = np.array([0.68, 0.615, 0.505]) * brightness
    ivory = ivory * (1 - 0.5 * np.exp(-((gap / 0.014) ** 2)))[..., None]
    rounded = 0.80 + 0.20 * np.clip(gap / 0.07, 0, 1)
    ivory = ivory * (rounded * (0.58 + 0.42 * smoothstep(1.0, 0.2, np.abs(x))))[..., None]
    yellow_root = smoothstep(0.1, -0.6, y)[..., None] * np.array([0.02, 0.06, 0.16])
    gum = smoothstep(-0.58, -0.66, y + 0.10 * np.cos(np.pi * gap / 0.08))[..., None]
    return ivory * (1 - yellow_root) * (1 - gum) + gum * np.array([0.30, 0.09, 0.08])


def _neck_and_shirt(rng, width: int, look, base) -> tuple[np.ndarray, ...]:
    """Neck skin above, below it a shirt with seam, folds and weave; colour, gloss, parts."""
    y, x = np.mgrid[0:width, 0:width] / (width - 1.0) * 2 - 1
    x, y = cloth_grid(x, y)
    edge = y - 0.09 * np.cos(np.clip(5.5 * x, -np.pi, np.pi)) * look.neckline + 0.30
    shirt = smoothstep(0.03, 0.05, edge)
    seam = 0.45 * np.exp(-(((edge - 0.10) / 0.012) ** 2)) + 0.25 * smoothstep(0.10, 0.04, edge)
    folds = 0.22 * fractal_noise(rng, width, (26, 12)) * np.clip(edge * 3, 0, 1)
    weave = 1 + 0.06 * noise(rng, width, 2.2) + folds - seam * shirt
    if rng.random() < 0.25:
        stripes = np.sin(2 * np.pi * rng.uniform(4, 11) * (y + 0.1 * x**2)) > rng.uniform(0, 0.6)
        weave = weave * (1 - 0.55 * stripes * (edge > 0.10))
    skin = base * 0.93 * (1 + 0.03 * fractal_noise(rng, width, (20, 6)))[..., None]
    dye = np.array(look.cloth)
    dye = 0.5 * dye + 0.5 * dye.mean()
    cloth = dye * np.clip(weave, 0.2, 2)[..., None]
    color = skin * (1 - shirt[..., None]) + cloth * shirt[..., None]
    return color, 0.12 * (1 - shirt), np.where(shirt > 0.5, Part.CLOTH, Part.NECK)


def _lock(rng, width: int, color) -> tuple[np.ndarray, np.ndarray]:
    """Strands of hair, root at the top: colour and gloss."""
    y, x = np.mgrid[0:width, 0:width] / (width - 1.0) * 2 - 1
    table = rng.normal(0, 1, 2400)
    strands = 0.6 * _strand_noise(table, 60 * x + 0.5 * noise(rng, width, 30) + 100)
    strands += 0.5 * _strand_noise(table, 150 * x + 0.6 * noise(rng, width, 30) + 900)
    root = 1 - 0.15 * smoothstep(-0.3, -1, y)
    tone = color * (root * np.exp(0.45 * strands))[..., None] + 0.003
    return tone, 0.11 + 0.09 * np.clip(strands, -1, 2)


STRANDS_SIDE = 256


def _strand_alpha(rng) -> np.ndarray:
    """Coverage of a card of hair (256, 256), root at the top: clumps of strands, frayed tips."""
    y, x = np.mgrid[0:STRANDS_SIDE, 0:STRANDS_SIDE] / (STRANDS_SIDE - 1.0) * 2 - 1
    table = rng.normal(0, 1, 2400)
    sway = 0.5 * noise(rng, STRANDS_SIDE, 90)
    clumps = _strand_noise(table, 22 * x + sway + 200)
    strands = _strand_noise(table, 64 * x + 1.5 * sway + 900)
    tip = 0.62 + 0.28 * clumps + 0.22 * strands - y
    gap = strands + 0.4 * clumps + 1.75 - 1.1 * smoothstep(-0.6, 1.0, y)
    return (0.5 + np.minimum(1.5 * tip, 0.8 * gap)).clip(0, 1).astype(np.float32)


@cache
def static_occlusion() -> np.ndarray:
    """How open to the sky each template vertex is, (N,) float32: 1 open, near 0 hidden."""
    head = template()
    rings, vertices = head.rings, head.vertices
    normals = vertex_normals(vertices, np.ascontiguousarray(head.triangles[head.primary]))
    openness = np.ones(len(vertices))
    first = slice(0, head.head_count)
    openness[first] = occlusion(vertices[first].astype(float), normals[first].astype(float))
    for eye in ("left_eye_rim", "right_eye_rim"):
        openness[rings[eye]] = np.array([0.8, 0.45])[:, None]
    openness[rings["lip_rim"]] = np.array([0.8, 0.42, 0.25, 0.12])[:, None]
    arch = np.cos(np.linspace(-1.25, 1.25, 33))
    upper, lower = np.array([0.5, 0.75, 0.95, 1, 1]), np.array([0.9, 0.85, 0.7, 0.5, 0.4])
    openness[rings["upper_teeth"]] = upper[:, None] * (0.35 + 0.65 * arch)
    openness[rings["lower_teeth"]] = lower[:, None] * (0.3 + 0.6 * arch)
    plate = vertices[rings["mouth_plate"], 1]
    openness[rings["mouth_plate"]] = 0.13 + 0.22 * smoothstep(-76, -92, plate)
    ear = np.array([0.35, 0.45, 0.7, 0.95, 0.9, 0.6, 0.85, 1, 0.8, 0.5])
    openness[rings["left_ear"]] = openness[rings["right_ear"]] = ear[:, None]
    layers = np.linspace(0.8, 1, len(rings["long_hair"]))
    openness[rings["long_hair"]] = layers[:, None, None]
    openness[rings["neck"]] = 0.30 + 0.70 * smoothstep(-95, -165, vertices[rings["neck"], 1])
    return openness.astype(np.float32)


def eye_occlusion(vertices: np.ndarray, openness: np.ndarray) -> np.ndarray:
    """`openness` with the shadow that the upper lids cast on the eyeballs in this expression."""
    rings, openness = template().rings, openness.copy()
    for eye, ball in (("left_eye", "left_ball"), ("right_eye", "right_ball")):
        lid = vertices[rings[eye][0][: len(rings[eye][0]) // 2 + 1]]
        lid = lid[np.argsort(lid[:, 0])]
        points = vertices[rings[ball]]
        below = np.interp(points[..., 0], lid[:, 0], lid[:, 1]) - points[..., 1]
        openness[rings[ball]] = 0.38 + 0.62 * smoothstep(-1, 6.5, below)
    return openness
