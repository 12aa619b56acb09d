"""How good a detector is: by frame and by video, with its uncertainty, on makers it never saw.

Labels are 1 for fake and 0 for real everywhere, and scores are `p_fake`. Frames of one video are
alike; so what is drawn again for an interval are videos, never frames.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepfake_lesson.errors import LessonError, check_choice

TOP = 5  # frames of "top_5"
AGGREGATIONS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": np.mean,  # the field's usual one, over 32 frames
    "median": np.median,
    "max": np.max,
    "top_5": lambda scores: np.sort(scores)[-TOP:].mean(),
}
BINS = 10  # of a reliability diagram
ROUNDS = 1000  # of the bootstrap
Measure = Callable[[np.ndarray, np.ndarray], float]


def auc(labels: Sequence[int], scores: Sequence[float]) -> float:
    """Area under the ROC curve: how often a fake scores above a real one, 0.5 by chance.

    Raises LessonError, as all measures here, unless both labels are there and scores are numbers.
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_checked(labels, scores)))


def average_precision(labels: Sequence[int], scores: Sequence[float]) -> float:
    """Area under precision against recall; by chance the share of fakes."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(*_checked(labels, scores)))


def equal_error_rate(labels: Sequence[int], scores: Sequence[float]) -> float:
    """The rate at which as many real ones are called fake as fakes are missed, 0 to 1.

    Between two points of the ROC curve it is read off the straight line.
    """
    from sklearn.metrics import roc_curve

    false_alarms, hits, _ = roc_curve(*_checked(labels, scores), drop_intermediate=False)
    gap = (1 - hits) - false_alarms  # falls from 1 to -1
    after = int(np.argmax(gap <= 0))
    if after == 0:
        return float(false_alarms[0])
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(false_alarms[after - 1] + share * (false_alarms[after] - false_alarms[after - 1]))


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram: for each bin that is not empty what was said and what was true.

    said: mean of p_fake, true: share of fakes, counts: how many; all (bins,).
    """

    said: np.ndarray
    true: np.ndarray
    counts: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: mean distance of the two, weighted by the counts."""
        return float(np.average(np.abs(self.said - self.true), weights=self.counts))


def reliability(labels: Sequence[int], scores: Sequence[float], bins: int = BINS) -> Reliability:
    """Whether of all that is called 70 % fake 70 % are (Guo et al. 2017, "On Calibration of Modern
    Neural Networks"); `bins` of equal width over 0 to 1."""
    labels, scores = _checked(labels, scores, both=False)
    if scores.min() < 0 or scores.max() > 1:
        raise LessonError("scores", "are not all in 0..1", "Give p_fake, not a logit.")
    which = np.minimum((scores * bins).astype(int), bins - 1)
    filled = np.unique(which)
    columns = [(scores[which == b].mean(), labels[which == b].mean(), (which == b).sum())
               for b in filled]  # fmt: skip
    return Reliability(*(np.array(column) for column in zip(*columns, strict=True)))


def expected_calibration_error(
    labels: Sequence[int], scores: Sequence[float], bins: int = BINS
) -> float:
    """The error of `reliability`: 0 where p_fake is right as a probability."""
    return reliability(labels, scores, bins).error


def video_scores(
    scores: Sequence[float], videos: Sequence[str], aggregation: str = "mean"
) -> dict[str, float]:
    """One score for each video from those of its frames; `aggregation` is one of AGGREGATIONS."""
    check_choice("aggregation", aggregation, tuple(AGGREGATIONS))
    scores, videos = np.asarray(scores, np.float64), np.asarray(videos)
    if scores.shape != videos.shape:
        problem = f"are {scores.shape}, and the videos' names {videos.shape}"
        raise LessonError("scores", problem, "Give one name for each score.")
    combine = AGGREGATIONS[aggregation]
    return {str(video): float(combine(scores[videos == video])) for video in np.unique(videos)}


def scores_by_maker(
    scores: Sequence[float],
    videos: Sequence[str],
    makers: Sequence[str],
    aggregation: str = "mean",
) -> dict[str, list[float]]:
    """Each maker's videos' scores, "real" among them, as `cross_manipulation` takes them.

    scores, videos, makers: of the frames, equally long.
    """
    of_video = dict(zip(map(str, videos), map(str, makers), strict=True))
    found: dict[str, list[float]] = {}
    for video, score in video_scores(scores, videos, aggregation).items():
        found.setdefault(of_video[video], []).append(score)
    return found


def bootstrap_interval(
    labels: Sequence[int],
    scores: Sequence[float],
    measure: Measure = auc,
    rng: np.random.Generator | None = None,
    rounds: int = ROUNDS,
    level: float = 0.95,
) -> tuple[float, float]:
    """Between which values a measure lies, with probability `level`, over other such videos.

    Videos, one label and score each, are drawn again with replacement (Efron 1979), real ones among
    real and fakes among fakes. rng: seed 0 if None, so that a report repeats.
    """
    labels, scores = _checked(labels, scores)
    rng = rng or np.random.default_rng(0)
    kinds = [np.flatnonzero(labels == kind) for kind in (0, 1)]
    values = []
    for _ in range(rounds):
        drawn = np.concatenate([rng.choice(kind, len(kind)) for kind in kinds])
        values.append(measure(labels[drawn], scores[drawn]))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def evaluate_scores(
    labels: Sequence[int],
    scores: Sequence[float],
    videos: Sequence[str],
    aggregation: str = "mean",
    rounds: int = ROUNDS,
) -> dict:
    """All measures of a detector from the scores of frames.

    Args:
        labels: of the frames, 1 fake, 0 real; one for all frames of a video.
        scores: of the frames.
        videos: to which video each frame belongs.
        aggregation: how a video's score is made, one of AGGREGATIONS.
        rounds: of the bootstrap.

    Returns:
        `frame`: auc. `video`: auc, its interval, eer, ap, calibration_error, accuracy (at one
        half). `frames`, `videos`, `fake_videos`: how many. `aggregation`.
    """
    labels, scores = _checked(labels, scores)
    by_video, truth = video_scores(scores, videos, aggregation), _video_labels(labels, videos)
    video_labels = np.array([truth[video] for video in by_video])
    video = np.array(list(by_video.values()))
    return {
        "frames": len(scores),
        "videos": len(video),
        "fake_videos": int(video_labels.sum()),
        "aggregation": aggregation,
        "frame": {"auc": auc(labels, scores)},
        "video": {
            "auc": auc(video_labels, video),
            "interval": bootstrap_interval(video_labels, video, rounds=rounds),
            "eer": equal_error_rate(video_labels, video),
            "ap": average_precision(video_labels, video),
            "calibration_error": expected_calibration_error(video_labels, video),
            "accuracy": float(((video > 0.5) == video_labels).mean()),
        },
    }


def cross_manipulation(
    scores: Mapping[str, Mapping[str, Sequence[float]]], makers: Sequence[str], real: str = "real"
) -> tuple[list[str], np.ndarray]:
    """Video AUC of each detector on the fakes of each maker, all against the same real videos.

    Args:
        scores: detector -> maker -> scores of that maker's videos; `real` is one of the makers.
        makers: the columns.

    Returns:
        The detectors' names and (detectors, makers) float64; the diagonal of detectors trained on
        one maker each is what papers report, the rest is what happens outside.
    """
    rows = []
    for detector, found in scores.items():
        missing = [maker for maker in (real, *makers) if not len(found.get(maker, ()))]
        if missing:
            problem = f"has no scores for {', '.join(missing)}"
            raise LessonError(detector, problem, "Score the videos of every maker.")
        rows.append([auc(*_against(found[real], found[maker])) for maker in makers])
    return list(scores), np.array(rows)


def _against(real: Sequence[float], fake: Sequence[float]) -> tuple[list[int], list[float]]:
    return [0] * len(real) + [1] * len(fake), [*real, *fake]


def _video_labels(labels: np.ndarray, videos: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for video, label in zip(np.asarray(videos).astype(str), labels, strict=True):
        if found.setdefault(str(video), int(label)) != label:
            problem = "has frames labelled real and others labelled fake"
            raise LessonError(str(video), problem, "Give each part a name of its own.")
    return found


def _checked(
    labels: Sequence[int], scores: Sequence[float], both: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    labels, scores = np.asarray(labels), np.asarray(scores, np.float64)
    remedy = "Give a label, 1 for fake and 0 for real, and a p_fake for each."
    if labels.shape != scores.shape or labels.ndim != 1 or not len(labels):
        raise LessonError("scores", f"are {scores.shape} for labels {labels.shape}", remedy)
    if not np.isfinite(scores).all():
        raise LessonError("scores", "are not all numbers", remedy)
    if not np.isin(labels, (0, 1)).all():
        raise LessonError("labels", "are not all 0 or 1", remedy)
    if both and len(np.unique(labels)) < 2:
        problem = "are all the same, so that nothing can be told apart"
        raise LessonError("labels", problem, "Add real or fake ones.")
    return labels.astype(int), scores
