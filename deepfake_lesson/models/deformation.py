"""Random bends of a picture whose effect on any point is known exactly.

Keypoints that nobody named have no truth to be compared with. But wherever they are, they must move
along when the picture is bent: that is **equivariance**, and it needs no truth. A bend is an affine
map plus a thin-plate spline (Bookstein 1989), which pulls at a grid of control points like weights
at a sheet of metal; its derivative is written out here, so that Jacobians can be checked too.

Positions are (x, y) in [-1, 1], corners at pixel centres.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops

from deepfake_lesson.models.sampling import bilinear_sample, coordinate_grid

SIGMA_AFFINE, SIGMA_SPLINE = 0.05, 0.005  # those of Siarohin et al. 2019
CONTROL_POINTS = 5  # in a row
NEAR = 1e-6  # keeps the logarithm finite at a control point


@dataclass(frozen=True, eq=False)
class Deformation:
    """One bend for each picture of a batch.

    affine: (N, 2, 3). pulls: (N, CONTROL_POINTS**2), how strongly each control point pulls; the
    authors move x and y alike.
    """

    affine: np.ndarray
    pulls: np.ndarray

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        count: int,
        sigma_affine: float = SIGMA_AFFINE,
        sigma_spline: float = SIGMA_SPLINE,
    ) -> "Deformation":
        """`count` random bends around doing nothing."""
        affine = np.eye(2, 3) + rng.normal(0, sigma_affine, (count, 2, 3))
        pulls = rng.normal(0, sigma_spline, (count, CONTROL_POINTS**2))
        return cls(affine.astype(np.float32), pulls.astype(np.float32))

    def points(self, points):
        """Where the bent pictures at `points` (N or 1, K, 2) look into the originals: (N, K, 2)."""
        straight = ops.matmul(points, ops.transpose(self.affine[:, :, :2], (0, 2, 1)))
        distance, _ = self._to_controls(points)
        sheet = distance**2 * ops.log(distance + NEAR)
        pulled = ops.sum(self.pulls[:, None] * sheet, axis=-1, keepdims=True)
        return straight + self.affine[:, None, :, 2] + pulled

    def jacobian(self, points):
        """How the surroundings of each point are turned and stretched: (N, K, 2, 2)."""
        distance, away = self._to_controls(points)
        slope = 2 * distance * ops.log(distance + NEAR) + distance**2 / (distance + NEAR)
        slopes = ops.sum((self.pulls[:, None] * slope)[..., None] * ops.sign(away), axis=2)
        return self.affine[:, None, :, :2] + slopes[:, :, None]

    def pictures(self, images):
        """Pictures (N, H, W, C), bent; what lies beyond the border is mirrored."""
        height, width = images.shape[1:3]
        grid = ops.reshape(coordinate_grid(height, width), (1, height * width, 2))
        positions = ops.reshape(self.points(grid), (-1, height, width, 2))
        return bilinear_sample(images, positions, padding="reflection")

    @staticmethod
    def _to_controls(points):
        """From each control point: city-block distance (N, K, P) and offset (N, K, P, 2)."""
        controls = ops.reshape(coordinate_grid(CONTROL_POINTS, CONTROL_POINTS), (-1, 2))
        away = points[:, :, None] - controls
        return ops.sum(ops.abs(away), axis=-1), away
