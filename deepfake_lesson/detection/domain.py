"""Whether faces are like those that a detector knows; if not, its scores mean little.

A network answers any picture with a number between 0 and 1. What it says of pictures unlike all
that it learnt from is not worth more for being 0.99. So each detector keeps what its own features
of known faces are like, and how far known videos stray from that: what strays further is out of its
domain. After Lee et al. 2018, "A Simple Unified Framework for Detecting Out-of-Distribution
Samples". It is an alarm, no proof: faces may be strange in ways that these features do not show.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from deepfake_lesson.checkpoints import explained
from deepfake_lesson.errors import LessonError
from deepfake_lesson.files import replacing

DIRECTIONS = 32  # at most: principal directions of the features that are looked along
PER_DIRECTION = 10  # faces for each, or chance would decide what is usual
LEVEL = 0.99  # share of known videos that count as known
LEAST = 8  # faces at least, to say what is usual


@dataclass(frozen=True, eq=False)
class Domain:
    """What features (N, D) of known faces are like.

    mean: (D,). axes: (D, K), along which they vary by one each. rest: how much they vary in all
    other directions together. threshold: distance above which a video is out of the domain.
    """

    mean: np.ndarray
    axes: np.ndarray
    rest: np.ndarray
    threshold: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, held_out: np.ndarray, videos: np.ndarray) -> "Domain":
        """Learn from features of faces; the threshold from those of videos not learnt from.

        features: (N, D). held_out: (M, D), of `videos` (M,). Raises LessonError for too few.
        """
        if min(len(features), len(held_out)) < LEAST:
            problem = f"are only {len(features)}, {len(held_out)} of them held out"
            raise LessonError("faces", problem, f"Give at least {LEAST} of each.")
        mean = features.mean(0)
        _, spread, axes = np.linalg.svd(features - mean, full_matrices=False)
        deviations = spread / np.sqrt(len(features) - 1)
        varied = int((deviations > 1e-3 * deviations[0] + 1e-12).sum())
        kept = min(DIRECTIONS, max(1, len(features) // PER_DIRECTION), varied)
        scaled = axes[:kept].T / deviations[:kept]
        rest = np.sqrt((deviations[kept:] ** 2).sum()) + 1e-3 * deviations[0] + 1e-12
        domain = cls(mean, scaled, np.array(rest), np.array(np.inf))
        far = domain.distance(held_out)
        of_videos = [far[videos == video].mean() for video in np.unique(videos)]
        return cls(mean, scaled, np.array(rest), np.quantile(of_videos, LEVEL, method="higher"))

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Mahalanobis distance of each face by the root of its dimensions, (N,): 1 is usual."""
        centred = features - self.mean
        along = centred @ self.axes
        lengths = np.linalg.norm(self.axes, axis=0)
        inside = (along / lengths) @ (self.axes / lengths).T
        outside = np.linalg.norm(centred - inside, axis=1) / self.rest
        squares = (along**2).sum(1) + outside**2
        return np.sqrt(squares / (self.axes.shape[1] + 1))

    def is_strange(self, features: np.ndarray) -> bool:
        """Whether the faces of one video, (N, D), are further off than those of known ones."""
        return bool(self.distance(features).mean() > self.threshold)

    def save(self, path: Path) -> None:
        """Write an .npz; without pickle."""
        with replacing(path) as draft:
            np.savez(draft, **{each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "Domain":
        """Raises ModelError for a file that is missing or damaged."""
        with explained(path), np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[each.name] for each in fields(cls)))
