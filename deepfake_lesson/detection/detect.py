"""A clip in, a report out: what a detector says of each face, and what that does not mean.

A score is not a verdict. So each one comes with how much it varies over the frames, with a warning
where the detector has never seen such faces, and with words for people who do not know what p_fake
is. Without a face there is no verdict, which is not the same as "real".
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deepfake_lesson.detection.crops import FRAMES, FaceTrack, clip_tracks
from deepfake_lesson.detection.evaluation import AGGREGATIONS
from deepfake_lesson.detection.saliency import grad_cam, overlay
from deepfake_lesson.detection.training import Detector, load_detector
from deepfake_lesson.errors import check_choice
from deepfake_lesson.images import is_image, to_float
from deepfake_lesson.training import WEIGHTS
from deepfake_lesson.video import probe

SHIPPED = WEIGHTS / "detector"
SUSPICIOUS = 3  # frames of each face that are shown
ROUNDS, LEVEL = 1000, 0.95  # of the interval
LEAST_SHARE = 0.25  # of the frames of the most seen face, or a face is passed by
VERDICTS = {
    "no verdict": "No face was found, so there is no verdict. The clip may be real or made.",
    "out of domain": "The faces are unlike those that this detector knows; its score means little.",
    "likely fake": "This detector takes a face in it for made.",
    "undecided": "This detector cannot decide: its score lies about the middle.",
    "no sign of a fake": "This detector found no sign of a fake.",
}
CAVEATS = (
    "The score is no probability that the clip is a fake: that depends also on how many of the "
    "clips you look at are.",
    "The interval says how much the score varies over the frames, not how often the detector errs.",
    "A maker it never saw, strong compression, a small face or a filter can hide what it looks "
    "for, and can make a filmed face look made.",
    "Do not accuse anybody on the strength of it: look for the source, for content credentials, "
    "and for other traces.",
)


@dataclass(frozen=True, eq=False)
class FaceReport:
    """What is said of one face.

    p_fake: of all its frames together; interval: of that, None for a single frame. numbers, scores:
    the frames and what is said of each. strangeness: distance from known faces, 1 as they are
    usually; threshold: above which it is out_of_domain; None where the detector does not know.
    suspicious: rows of the frames with the highest scores; pictures: these crops, each with its
    saliency over it, (2, size, size, 3) uint8.
    """

    p_fake: float
    interval: tuple[float, float] | None
    numbers: list[int]
    scores: list[float]
    strangeness: float | None
    threshold: float | None
    suspicious: list[int]
    pictures: list[np.ndarray] = field(repr=False)

    @property
    def out_of_domain(self) -> bool | None:
        return None if self.strangeness is None else self.strangeness > self.threshold


@dataclass(frozen=True, eq=False)
class DetectionReport:
    """What a detector says of a clip: faces, the most seen first, and what follows from them.

    fps: None for a picture. p_fake, interval: of the most suspicious face that is seen long enough;
    None without a face.
    """

    clip: str
    network: str
    trained_on: str
    aggregation: str
    fps: float | None
    faces: list[FaceReport]

    @property
    def worst(self) -> FaceReport | None:
        most = max((len(face.numbers) for face in self.faces), default=0)
        seen = [face for face in self.faces if len(face.numbers) >= LEAST_SHARE * most]
        return max(seen, key=lambda face: face.p_fake, default=None)

    @property
    def p_fake(self) -> float | None:
        return self.worst.p_fake if self.worst else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return self.worst.interval if self.worst else None

    @property
    def verdict(self) -> str:
        """One of VERDICTS."""
        if self.worst is None:
            return "no verdict"
        if self.worst.out_of_domain:
            return "out of domain"
        low, high = self.interval or (self.p_fake, self.p_fake)
        if low > 0.5:
            return "likely fake"
        return "no sign of a fake" if high < 0.5 else "undecided"

    @property
    def words(self) -> list[str]:
        """The verdict in sentences, and what it does not mean."""
        if self.worst is None:
            return [VERDICTS["no verdict"]]
        text = f"p_fake is {self.p_fake:.2f}, 0 for filmed and 1 for made"
        if self.interval:
            text += f" ({self.interval[0]:.2f} to {self.interval[1]:.2f} over its frames)"
        said = [VERDICTS[self.verdict], f"{text}."]
        said.append(f"It learnt from {self.trained_on}, and says least about all others.")
        return [*said, *CAVEATS]

    def seconds(self, number: int) -> float | None:
        """When a frame is shown."""
        return None if self.fps is None else number / self.fps

    def to_dict(self) -> dict:
        """All but the pictures, for JSON."""
        return {
            "clip": self.clip,
            "verdict": self.verdict,
            "p_fake": self.p_fake,
            "interval": self.interval,
            "words": self.words,
            "detector": {"network": self.network, "trained_on": self.trained_on},
            "aggregation": self.aggregation,
            "faces": [
                {
                    "p_fake": face.p_fake,
                    "interval": face.interval,
                    "out_of_domain": face.out_of_domain,
                    "strangeness": face.strangeness,
                    "strangeness_threshold": face.threshold,
                    "frames": [
                        {"frame": number, "seconds": self.seconds(number), "p_fake": score}
                        for number, score in zip(face.numbers, face.scores, strict=True)
                    ],
                }
                for face in self.faces
            ],
        }


def detect(
    clip: str | Path,
    detector: Detector | str | Path = SHIPPED,
    frames: int = FRAMES,
    aggregation: str = "mean",
    face_detector: str = "hog",
) -> DetectionReport:
    """Say how likely each face of a clip or picture is made.

    Args:
        clip: a video or picture.
        detector: a detector, or its folder.
        frames: of a video that are looked at, evenly spread.
        aggregation: how a face's score is made of its frames', one of `evaluation.AGGREGATIONS`.
        face_detector: one of `detectors.DETECTORS`.

    Raises:
        MediaError: for a clip that cannot be read.
        ModelError: for a detector's folder that is missing or damaged.
        LessonError: for an unknown aggregation or face detector.
    """
    check_choice("aggregation", aggregation, tuple(AGGREGATIONS))
    if not isinstance(detector, Detector):
        detector = load_detector(detector)
    tracks = clip_tracks(clip, detector.config.size, frames, face_detector)
    return DetectionReport(
        clip=str(clip),
        network=detector.config.network,
        trained_on=detector.trained_on,
        aggregation=aggregation,
        fps=None if is_image(clip) else float(probe(clip).fps),
        faces=[_judged(track, detector, aggregation) for track in tracks],
    )


def _judged(track: FaceTrack, detector: Detector, aggregation: str) -> FaceReport:
    scores, combine = detector.p_fake(track.crops), AGGREGATIONS[aggregation]
    strangeness = threshold = None
    if detector.domain is not None:
        distances = detector.domain.distance(detector.features(track.crops))
        strangeness, threshold = float(distances.mean()), float(detector.domain.threshold)
    suspicious = np.argsort(-scores, kind="stable")[:SUSPICIOUS].tolist()
    pictures = []
    for row in suspicious:
        crop = track.crops[row]
        heat = grad_cam(detector.network, to_float(crop))
        pictures.append(np.stack([crop, overlay(crop, heat)]))
    return FaceReport(
        p_fake=float(combine(scores)),
        interval=_interval(scores, combine),
        numbers=track.numbers.tolist(),
        scores=[float(score) for score in scores],
        strangeness=strangeness,
        threshold=threshold,
        suspicious=suspicious,
        pictures=pictures,
    )


def _interval(scores: np.ndarray, combine) -> tuple[float, float] | None:
    """Between which values the score lies if frames are drawn again, with replacement."""
    if len(scores) < 2:
        return None
    drawn = np.random.default_rng(0).integers(len(scores), size=(ROUNDS, len(scores)))
    values = [combine(scores[rows]) for rows in drawn]
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
