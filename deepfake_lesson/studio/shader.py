"""How much light leaves each sample towards the camera: skin, hair, eyes, cloth.

Everything is linear light. Skin scatters light under its surface, so red, which travels furthest,
wraps around the terminator, leaks into the penumbra and hardly sees the pores, while the gloss on
top sees them all (the ideas of pre-integrated skin, Penner 2011). Hair reflects along its strands
(Kajiya and Kay 1989).
"""

import numpy as np

from .parts import Material
from .rasterizer import inlined, kernel

RED, GREEN, BLUE, GLOSS, HAIR, WRINKLES, HEIGHT = 0, 1, 2, 3, 4, 5, 8
CHANNELS = 9
SKIN, RIM, EYE, TEETH = (int(Material[name]) for name in ("SKIN", "RIM", "EYE", "TEETH"))
EAR, CLOTH, LASH = (int(Material[name]) for name in ("EAR", "CLOTH", "LASH"))
STRANDS = int(Material.LONG_HAIR)
f32 = np.float32
ZERO, ONE = f32(0), f32(1)


@inlined
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def _unit(a):
    scale = ONE / np.sqrt(_dot(a, a) + f32(1e-12))
    return a[0] * scale, a[1] * scale, a[2] * scale


@inlined
def _halfway(a, b):
    return _unit((a[0] + b[0], a[1] + b[1], a[2] + b[2]))


@inlined
def _mix(values, corners, weights):
    a, b, c = corners
    u, v, w = weights
    return u * values[a] + v * values[b] + w * values[c]


@inlined
def _mix3(values, corners, weights):
    a, b, c = corners
    u, v, w = weights
    return (
        u * values[a, 0] + v * values[b, 0] + w * values[c, 0],
        u * values[a, 1] + v * values[b, 1] + w * values[c, 1],
        u * values[a, 2] + v * values[b, 2] + w * values[c, 2],
    )


@inlined
def _texel(texture, row, column, fu, fv, channel):
    """Bilinear look-up of one channel."""
    top = texture[row, column, channel] * (ONE - fu) + texture[row, column + 1, channel] * fu
    low = (
        texture[row + 1, column, channel] * (ONE - fu) + texture[row + 1, column + 1, channel] * fu
    )
    return top * (ONE - fv) + low * fv


@inlined
def _slope(texture, row, column, fu, fv, channel):
    """Change of one channel per texel towards image right and down."""
    t00, t01 = texture[row, column, channel], texture[row, column + 1, channel]
    t10, t11 = texture[row + 1, column, channel], texture[row + 1, column + 1, channel]
    return (t01 - t00) * (ONE - fv) + (t11 - t10) * fv, (t10 - t00) * (ONE - fu) + (t11 - t01) * fu


@inlined
def _bumped(normal, texture, row, column, fu, fv, wrinkles, axes, relief):
    """Normal bent by the height channel and by the wrinkles at their present depth (3,)."""
    su, sv = _slope(texture, row, column, fu, fv, HEIGHT)
    crease = ZERO
    for k in range(3):
        if wrinkles[k] > f32(0.02):
            wu, wv = _slope(texture, row, column, fu, fv, WRINKLES + k)
            su -= wrinkles[k] * f32(1.6) * wu
            sv -= wrinkles[k] * f32(1.6) * wv
            crease += wrinkles[k] * f32(0.6) * texture[row, column, WRINKLES + k]
    su, sv = su * relief, sv * relief
    bent = (
        normal[0] - su * axes[0, 0] + sv * axes[0, 1],
        normal[1] - su * axes[1, 0] + sv * axes[1, 1],
        normal[2] - su * axes[2, 0] + sv * axes[2, 1],
    )
    return _unit(bent), min(crease, f32(0.9))


@inlined
def _wrapped(cosine, wrap):
    """Lambert's cosine for a surface that also glows a little beyond the terminator."""
    return max(cosine + wrap, ZERO) / (ONE + wrap)


@inlined
def _diffuse(smooth, bumped, occlusion, shadow, scatter, rig):
    """Irradiance (r, g, b); `scatter` 1 for skin, less for what is opaque."""
    open_ = f32(0.55) + f32(0.45) * occlusion
    leak = shadow + (np.sqrt(shadow) - shadow) * f32(0.45) * scatter
    flat, rough = _dot(smooth, rig.key), _dot(bumped, rig.key)
    red = _wrapped(rough + (flat - rough) * f32(0.70) * scatter, f32(0.36) * scatter) * leak
    green = _wrapped(rough + (flat - rough) * f32(0.45) * scatter, f32(0.16) * scatter) * shadow
    blue = _wrapped(rough + (flat - rough) * f32(0.30) * scatter, f32(0.10) * scatter) * shadow
    fill = _wrapped(_dot(bumped, rig.fill), f32(0.3)) * occlusion
    up = f32(0.5) + f32(0.5) * bumped[1]
    bleed = occlusion + (ONE - occlusion) * f32(0.22) * scatter * occlusion
    sky, ground = rig.sky_color, rig.ground_color
    return (
        red * open_ * rig.key_color[0]
        + fill * rig.fill_color[0]
        + (ground[0] + (sky[0] - ground[0]) * up) * bleed,
        green * open_ * rig.key_color[1]
        + fill * rig.fill_color[1]
        + (ground[1] + (sky[1] - ground[1]) * up) * occlusion,
        blue * open_ * rig.key_color[2]
        + fill * rig.fill_color[2]
        + (ground[2] + (sky[2] - ground[2]) * up) * occlusion,
    )


@inlined
def _skin_gloss(normal, view, facing, gloss, occlusion, shadow, rig):
    """Two lobes of sebum: a broad sheen and a sharper one that breaks up over the pores."""
    cosine = max(_dot(normal, _halfway(rig.key, view)), ZERO)
    fill = max(_dot(normal, _halfway(rig.fill, view)), ZERO)
    lit = max(_dot(normal, rig.key), ZERO)
    p4 = cosine * cosine * cosine * cosine
    p16 = p4 * p4 * p4 * p4
    graze = ONE - facing
    graze = graze * graze * graze
    lobes = p4 * p4 * f32(0.14) + p16 * f32(0.18) + p16 * p16 * p16 * f32(0.24)
    key = gloss * (lobes * np.sqrt(lit) + graze * f32(0.10)) * shadow * occlusion
    f4 = fill * fill * fill * fill
    return key, gloss * f32(0.25) * f4 * f4 * f4 * occlusion


@inlined
def _hair_gloss(normal, position, view, gloss, shadow, axes, rig):
    """White and coloured highlight along strands that run away from the crown of the head."""
    crown = (
        position[0] - axes[0, 1] * f32(120) + axes[0, 2] * f32(40),
        position[1] - axes[1, 1] * f32(120) + axes[1, 2] * f32(40),
        position[2] - axes[2, 1] * f32(120) + axes[2, 2] * f32(40),
    )
    along = _dot(crown, normal)
    tangent = _unit(
        (
            crown[0] - normal[0] * along,
            crown[1] - normal[1] * along,
            crown[2] - normal[2] * along,
        )
    )
    shift = (gloss - f32(0.12)) * f32(1.6)
    tangent = _unit(
        (
            tangent[0] + shift * normal[0],
            tangent[1] + shift * normal[1],
            tangent[2] + shift * normal[2],
        )
    )
    cosine = _dot(tangent, _halfway(rig.key, view))
    sine = max(ONE - cosine * cosine, ZERO)
    s4 = sine * sine * sine * sine
    s16 = s4 * s4 * s4 * s4
    lit = max(_dot(normal, rig.key) + f32(0.2), ZERO) * shadow
    return s16 * s16 * f32(0.20) * gloss * lit, s4 * s4 * lit


@inlined
def _eye_gloss(normal, view, shadow, rig):
    """Sharp reflections of both lights in the wet cornea."""
    key = max(_dot(normal, _halfway(rig.key, view)), ZERO) ** 220
    fill = max(_dot(normal, _halfway(rig.fill, view)), ZERO) ** 160
    return f32(2.0) * key * min(shadow + f32(0.5), ONE), f32(0.9) * fill


@inlined
def _shade_sample(t, w0, w1, surface, texture, rig, wrinkles, axes, eye, relief):
    """Linear RGB that one sample of triangle t sends to the camera at `eye`."""
    corners = surface.triangles[t, 0], surface.triangles[t, 1], surface.triangles[t, 2]
    weights = w0, w1, ONE - w0 - w1
    material = surface.materials[t]
    position = _mix3(surface.positions, corners, weights)
    view = _unit((eye[0] - position[0], eye[1] - position[1], eye[2] - position[2]))
    smooth = _unit(_mix3(surface.normals, corners, weights))
    facing = _dot(smooth, view)
    if facing < 0:
        if material != STRANDS:
            smooth = (-smooth[0], -smooth[1], -smooth[2])
        facing = -facing
    side = texture.shape[0]
    a, b, c = corners
    u = (w0 * surface.uv[a, 0] + w1 * surface.uv[b, 0] + weights[2] * surface.uv[c, 0]) * f32(side)
    v = (w0 * surface.uv[a, 1] + w1 * surface.uv[b, 1] + weights[2] * surface.uv[c, 1]) * f32(side)
    u, v = max(u - f32(0.5), ZERO), max(v - f32(0.5), ZERO)
    column, row = min(int(u), side - 2), min(int(v), side - 2)
    fu, fv = min(u - f32(column), ONE), min(v - f32(row), ONE)
    red = _texel(texture, row, column, fu, fv, RED)
    green = _texel(texture, row, column, fu, fv, GREEN)
    blue = _texel(texture, row, column, fu, fv, BLUE)
    gloss = _texel(texture, row, column, fu, fv, GLOSS)
    hair = _texel(texture, row, column, fu, fv, HAIR)
    occlusion = _mix(surface.occlusion, corners, weights)
    shadow = max(_mix(surface.shadow, corners, weights), ZERO)
    normal = smooth
    if material == SKIN:
        normal, crease = _bumped(smooth, texture, row, column, fu, fv, wrinkles, axes, relief)
        red *= ONE - f32(0.65) * crease
        green *= ONE - crease
        blue *= ONE - crease
    elif material == TEETH:
        shadow = f32(0.45) + f32(0.55) * shadow
    elif material == LASH:
        red, green, blue, hair = red * f32(0.2), green * f32(0.2), blue * f32(0.2), ZERO
        gloss *= f32(0.2)
    is_skin = material in (SKIN, RIM, EAR, CLOTH)
    scatter = (ONE if is_skin else f32(0.25)) * (ONE - hair)
    light = _diffuse(smooth, normal, occlusion, shadow, scatter, rig)
    if material == EYE:
        key, fill = _eye_gloss(smooth, view, shadow, rig)
    elif hair > f32(0.35):
        key, tinted = _hair_gloss(normal, position, view, gloss, shadow, axes, rig)
        fill = ZERO
        light = (
            light[0] + f32(0.5) * tinted * rig.key_color[0],
            light[1] + f32(0.5) * tinted * rig.key_color[1],
            light[2] + f32(0.5) * tinted * rig.key_color[2],
        )
    else:
        key, fill = _skin_gloss(normal, view, facing, gloss, occlusion, shadow, rig)
    graze = ONE - facing
    rim = max(_dot(normal, rig.rim), ZERO) * graze * graze * graze
    return (
        red * light[0]
        + key * rig.key_color[0]
        + fill * rig.fill_color[0]
        + rim * rig.rim_color[0] * (red + f32(0.05)),
        green * light[1]
        + key * rig.key_color[1]
        + fill * rig.fill_color[1]
        + rim * rig.rim_color[1] * (green + f32(0.05)),
        blue * light[2]
        + key * rig.key_color[2]
        + fill * rig.fill_color[2]
        + rim * rig.rim_color[2] * (blue + f32(0.05)),
    )


@inlined
def _even(samples, materials, top, left, s):
    """Do all s x s samples of a pixel see one smooth piece of one material?"""
    first = samples.index[top, left]
    if first < 0:
        return False
    near = far = samples.depth[top, left]
    for row in range(top, top + s):
        for column in range(left, left + s):
            t = samples.index[row, column]
            if t < 0 or materials[t] != materials[first]:
                return False
            near = min(near, samples.depth[row, column])
            far = max(far, samples.depth[row, column])
    return far - near < f32(4)


@kernel
def shade(picture, samples, surface, texture, rig, wrinkles, axes, eye, relief):
    """Shade the samples and average them into the picture, over the background already in it.

    Where a pixel sees one smooth surface the samples on its diagonal speak for the others; where it
    sees one triangle, its middle does.

    picture (H, W, 3) float32 linear; samples (H*s, W*s); texture (S, S, CHANNELS); wrinkles (3,)
    depth now in [0, 1]; axes (3, 3) the head's rotation; eye (3,) camera position in mm; relief
    turns height differences between texels into slopes.
    """
    height, width = picture.shape[:2]
    s = samples.index.shape[0] // height
    for y in range(height):
        for x in range(width):
            top, left = y * s, x * s
            low, right = top + s - 1, left + s - 1
            even = _even(samples, surface.materials, top, left, s)
            single = even and samples.index[top, left] == samples.index[low, right]
            share = ONE / f32(1 if single else s if even else s * s)
            red, green, blue, covered = ZERO, ZERO, ZERO, ZERO
            for row in range(top, top + 1 if single else top + s):
                for column in range(left, left + s):
                    t = samples.index[row, column]
                    if t < 0 or (even and row - top != column - left):
                        continue
                    w0, w1 = samples.weight0[row, column], samples.weight1[row, column]
                    if single:
                        w0 = (w0 + samples.weight0[low, right]) * f32(0.5)
                        w1 = (w1 + samples.weight1[low, right]) * f32(0.5)
                    r, g, b = _shade_sample(
                        t, w0, w1, surface, texture, rig, wrinkles, axes, eye, relief
                    )
                    red += min(r, f32(1.6)) * share
                    green += min(g, f32(1.6)) * share
                    blue += min(b, f32(1.6)) * share
                    covered += share
            if covered > ZERO:
                picture[y, x, 0] = picture[y, x, 0] * (ONE - covered) + red
                picture[y, x, 1] = picture[y, x, 1] * (ONE - covered) + green
                picture[y, x, 2] = picture[y, x, 2] * (ONE - covered) + blue
