"""Reports about swaps whose quality is known: none at all, and the perfect one."""

import shutil
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from clips import write_video

from deepfake_lesson import metrics
from deepfake_lesson.errors import MediaError, NoFaceError
from deepfake_lesson.evaluation import evaluate, measured_frames
from deepfake_lesson.images import write_image
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.recipe import Recipe
from deepfake_lesson.video import read_frames

ANNA, BEN = RESERVED_SEEDS["tests"][:2]
FRAMES = 4
KEYS = {"frames", "faces_found", "faces_swapped", "seconds", "identity", "truth", "video"}


@pytest.fixture(scope="module")
def clip(people, tmp_path_factory):
    """The first frames of Anna's clip, with its recipe."""
    whole = people[0].media / "clip.mp4"
    clip = tmp_path_factory.mktemp("clip") / "clip.mp4"
    shutil.copyfile(whole.with_suffix(".json"), clip.with_suffix(".json"))
    return write_video(clip, islice(read_frames(whole), FRAMES))


@pytest.fixture(scope="module")
def perfect(clip, tmp_path_factory):
    """The clip with Ben in it, as the studio films it."""
    frames = islice(Recipe.load(clip.with_suffix(".json")).frames(seed=BEN), FRAMES)
    path = tmp_path_factory.mktemp("perfect") / "perfect.mp4"
    return write_video(path, (frame.image for frame in frames))


def test_the_perfect_swap_is_perfect(people, clip, perfect):
    report = evaluate(clip, perfect, *people)
    assert set(report) >= KEYS
    assert report["frames"] == report["faces_found"] == report["faces_swapped"] == FRAMES
    identity, truth = report["identity"], report["truth"]
    assert identity["share_nearer_b"] == 1
    assert identity["before"]["to_a"] < 0.44 < identity["before"]["to_b"]
    assert identity["after"]["to_b"] < 0.44 < identity["after"]["to_a"]
    swap, nothing = truth["swap"], truth["input"]
    assert swap["error"] < 0.02 and truth["ratio"] == nothing["error"] / swap["error"] > 4
    assert swap["ssim"] > 0.9 > nothing["ssim"]
    assert report["video"] == {"width": 256, "height": 256, "fps": 10.0, "audio": False}


def test_no_swap_is_none(people, clip):
    report = evaluate(clip, clip, *people)
    identity = report["identity"]
    assert report["faces_swapped"] == 0 and report["outside_mask"] == 0
    assert identity["share_nearer_b"] == 0
    assert identity["after"] == pytest.approx(identity["before"], rel=0.1)
    assert report["truth"]["ratio"] == 1
    assert report["change"]["landmarks"] < 0.02 and report["change"]["pose"] < 2
    assert report["jitter"]["before"] == pytest.approx(report["jitter"]["after"], rel=0.5)


def test_the_truth_may_come_from_a_file(people, clip, perfect):
    known, by_file = (evaluate(clip, perfect, *people, truth=path) for path in (None, perfect))
    assert by_file["truth"]["swap"]["error"] == 0
    errors = [report["truth"]["input"]["error"] for report in (by_file, known)]
    assert errors[0] == pytest.approx(errors[1], rel=0.3)


def test_without_a_truth_there_is_no_truth_error(people, clip, perfect):
    real = replace(people[1], seed=None)
    report = evaluate(clip, perfect, people[0], real)
    assert report["truth"] is None and report["identity"]["share_nearer_b"] == 1


def test_a_picture_is_measured_like_a_clip_of_one_frame(people, clip, perfect, tmp_path):
    paths = tmp_path / "before.png", tmp_path / "after.png"
    for path, video in zip(paths, (clip, perfect), strict=True):
        write_image(path, next(read_frames(video)))
    report = evaluate(*paths, *people)
    assert report["frames"] == 1 and report["identity"]["share_nearer_b"] == 1
    assert report["video"]["fps"] is None and report["jitter"] is None


def test_media_that_do_not_belong_together_are_refused(people, clip, perfect, tmp_path):
    short = write_video(tmp_path / "short.mp4", list(read_frames(perfect))[:2])
    with pytest.raises(MediaError, match="size or length"):
        evaluate(clip, short, *people)
    with pytest.raises(MediaError, match="longer"):
        evaluate(short, perfect, people[1], people[0])


def test_another_person_is_refused(people, perfect):
    with pytest.raises(NoFaceError, match="none of them is studio person"):
        evaluate(perfect, perfect, *people)


def test_of_a_long_video_runs_of_frames_are_measured():
    assert measured_frames(range(5, 69)) == set(range(5, 69))
    chosen = sorted(measured_frames(range(5, 1005)))
    assert len(chosen) == 64 and (chosen[0], chosen[-1]) == (5, 1004)
    assert np.isfinite(metrics.acceleration(np.zeros((64, 2)), chosen))
    assert np.bincount(np.diff(chosen)).argmax() == 1
