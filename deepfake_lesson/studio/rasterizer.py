"""From triangles to shaded pixels: z-buffer, vertex normals, soft shadow and a skin shader.

Deferred shading as in a game engine: `rasterize` stores the nearest triangle and its barycentric
weights for every sample, `shade` then looks at each sample once. All kernels run on one core,
compiled by numba; the first call of a fresh installation compiles, later runs read the cache.
"""

from typing import NamedTuple

import numba
import numpy as np

FAR = np.float32(1e9)
HALF = np.float32(0.5)
EDGE = np.float32(-1e-6)  # two triangles that share an edge leave no gap

OPTIONS = {"cache": True, "fastmath": True, "boundscheck": False, "error_model": "numpy"}
kernel = numba.njit(**OPTIONS)
inlined = numba.njit(**OPTIONS, forceinline=True)  # a call would copy every array's header


class Samples(NamedTuple):
    """What each sample of the picture sees: all (H, W); index -1 where it sees no triangle."""

    depth: np.ndarray
    index: np.ndarray
    weight0: np.ndarray
    weight1: np.ndarray


class Surface(NamedTuple):
    """The posed mesh: triangles (T, 3), materials (T,) and per-vertex attributes (N, ...)."""

    triangles: np.ndarray
    materials: np.ndarray
    positions: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    occlusion: np.ndarray
    shadow: np.ndarray


class Rig(NamedTuple):
    """Light directions (unit vectors towards the light) and linear RGB strengths, float32 (3,)."""

    key: np.ndarray
    key_color: np.ndarray
    fill: np.ndarray
    fill_color: np.ndarray
    sky_color: np.ndarray
    ground_color: np.ndarray
    rim: np.ndarray
    rim_color: np.ndarray


def empty_samples(height: int, width: int) -> Samples:
    """Sample buffers that see nothing yet."""
    return Samples(
        np.full((height, width), FAR, np.float32),
        np.full((height, width), -1, np.int32),
        np.empty((height, width), np.float32),
        np.empty((height, width), np.float32),
    )


@kernel
def rasterize(screen, triangles, cutout, uv, alpha, cull, samples):
    """Draw triangles into the sample buffers.

    screen (N, 3) float32: x, y in samples (sample centres at .5) and depth. cutout (T,) bool marks
    triangles whose texels with alpha below one half are holes; alpha (S, S) is addressed by
    uv (N, 2). cull drops triangles that turn their back. Nearest depth wins.
    """
    depth, index, weight0, weight1 = samples
    height, width = depth.shape
    side = alpha.shape[0]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        x2, y2 = screen[c, 0], screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0 or (cull and area > 0):
            continue
        left = max(0, int(np.ceil(min(x0, x1, x2) - HALF)))
        right = min(width - 1, int(np.floor(max(x0, x1, x2) - HALF)))
        top = max(0, int(np.ceil(min(y0, y1, y2) - HALF)))
        bottom = min(height - 1, int(np.floor(max(y0, y1, y2) - HALF)))
        if left > right or top > bottom:
            continue
        inverse = np.float32(1) / area
        step0x, step0y = (y1 - y2) * inverse, (x2 - x1) * inverse
        step1x, step1y = (y2 - y0) * inverse, (x0 - x2) * inverse
        z0, z1, z2 = screen[a, 2], screen[b, 2], screen[c, 2]
        for y in range(top, bottom + 1):
            dx, dy = np.float32(left) + HALF - x2, np.float32(y) + HALF - y2
            w0 = dx * step0x + dy * step0y
            w1 = dx * step1x + dy * step1y
            for x in range(left, right + 1):
                w2 = np.float32(1) - w0 - w1
                if w0 >= EDGE and w1 >= EDGE and w2 >= EDGE:
                    z = w0 * z0 + w1 * z1 + w2 * z2
                    if z < depth[y, x]:
                        solid = True
                        if cutout[t]:
                            u = w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]
                            v = w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]
                            column = min(max(int(u * side), 0), side - 1)
                            row = min(max(int(v * side), 0), side - 1)
                            solid = alpha[row, column] >= 0.5
                        if solid:
                            depth[y, x] = z
                            index[y, x] = t
                            weight0[y, x] = w0
                            weight1[y, x] = w1
                w0 += step0x
                w1 += step1x


@kernel
def vertex_normals(vertices, triangles):
    """Area-weighted unit normals (N, 3) of a mesh."""
    normals = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for vertex in (a, b, c):
            normals[vertex, 0] += nx
            normals[vertex, 1] += ny
            normals[vertex, 2] += nz
    for i in range(normals.shape[0]):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        scale = np.float32(1) / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-20))
        normals[i, 0], normals[i, 1], normals[i, 2] = nx * scale, ny * scale, nz * scale
    return normals


def _disc(count: int) -> np.ndarray:
    """Vogel's spiral: `count` points spread evenly over the unit disc, (count, 2) float32."""
    radius = np.sqrt((np.arange(count) + 0.5) / count)
    angle = np.arange(count) * 2.399963
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)


SHADOW_TAPS = _disc(16)


@kernel
def soft_shadow(light_points, shadow_map, taps, radius, bias, softness):
    """Share of the key light that reaches each vertex, (N,) in [0, 1].

    Percentage-closer filtering (Reeves et al. 1987) of the depth seen from the light.
    light_points (N, 3): x, y in shadow-map pixels and depth in mm.
    """
    side = shadow_map.shape[0]
    visible = np.ones(light_points.shape[0], np.float32)
    for i in range(light_points.shape[0]):
        total = np.float32(0)
        for k in range(taps.shape[0]):
            x = int(light_points[i, 0] + radius * taps[k, 0])
            y = int(light_points[i, 1] + radius * taps[k, 1])
            if x < 0 or y < 0 or x >= side or y >= side:
                total += 1
            else:
                behind = light_points[i, 2] - shadow_map[y, x] - bias
                total += min(max(1 - behind * softness, 0.0), 1.0)
        visible[i] = total / taps.shape[0]
    return visible


@kernel
def label(samples, triangles, materials, uv, material_parts, texel_parts, step, parts, depth):
    """Write which part of the person each pixel shows, and how far away it is, in mm.

    One sample of each `step` x `step` block decides. material_parts (M,) uint8 names the part of a
    whole material, or 0 where the texel decides by texel_parts (S, S). parts, depth: (H, W).
    """
    side = texel_parts.shape[0]
    for y in range(parts.shape[0]):
        for x in range(parts.shape[1]):
            row, column = y * step + step // 2, x * step + step // 2
            t = samples.index[row, column]
            if t < 0:
                continue
            depth[y, x] = samples.depth[row, column]
            parts[y, x] = material_parts[materials[t]]
            if parts[y, x] == 0:
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                w0, w1 = samples.weight0[row, column], samples.weight1[row, column]
                w2 = np.float32(1) - w0 - w1
                u = w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]
                v = w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]
                i = min(max(int(v * side), 0), side - 1)
                j = min(max(int(u * side), 0), side - 1)
                parts[y, x] = texel_parts[i, j]
