"""Pairs of landmarks and pictures: what is in them, what is skipped, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from clips import write_video

from deepfake_lesson.detectors import refine_landmarks
from deepfake_lesson.errors import LessonError, MediaError, NoFaceError
from deepfake_lesson.images import fit, write_image
from deepfake_lesson.landmarks import (
    MEAN_FACE,
    head_pose,
    interocular,
    mouth_aspect_ratio,
    transform_points,
)
from deepfake_lesson.metrics import landmark_change
from deepfake_lesson.people import create_person, open_person
from deepfake_lesson.reenactment.conditions import square_matrix
from deepfake_lesson.reenactment.driving import follow_face, resting_shape, stretches
from deepfake_lesson.reenactment.pairs import (
    GAP,
    MIRRORED,
    Pairs,
    create_pairs,
    flip_pair,
    load_pairs,
)
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.studio.recipe import Recipe
from deepfake_lesson.video import read_frames

ANNA, BEN = RESERVED_SEEDS["tests"][:2]


@pytest.fixture(scope="module")
def shots(film, tmp_path_factory):
    """Twelve frames of Anna and as many of Ben."""
    folder = tmp_path_factory.mktemp("shots")
    clips = [film(seed, folder / str(seed)) / "media" / "clip.mp4" for seed in (ANNA, BEN)]
    return [list(read_frames(clip)) for clip in clips]


@pytest.fixture
def person(actress, tmp_path):
    """A copy of the person with pairs, to be changed."""
    return open_person(shutil.copytree(actress.folder, tmp_path / "actress"))


def head_turn(landmarks):
    return abs(head_pose(landmarks, (256, 256))[0])


def filmed(tmp_path, *clips):
    """A person with these clips, each a list of frames."""
    paths = [write_video(tmp_path / f"{k}.mp4", frames) for k, frames in enumerate(clips)]
    return create_person(tmp_path / "person", "Anna", "written", media=paths)


def test_every_frame_becomes_a_pair(actress):
    pairs = load_pairs(actress)
    assert pairs.images.shape == (48, 256, 256, 3) and pairs.images.dtype == np.uint8
    assert pairs.landmarks.shape == (48, 68, 2) and pairs.pupils.shape == (48, 2, 2)
    assert pairs.numbers.tolist() == list(range(48)) and set(pairs.clips) == {0}
    assert (pairs.size, pairs.framing) == (256, "face")


def test_landmarks_lie_where_the_studio_has_them(actress):
    pairs = load_pairs(actress)
    matrix = square_matrix(pairs.square, pairs.size)
    truth = [
        transform_points(frame.landmarks, matrix)
        for frame in list(Recipe(**pairs.recipe).frames(supersample=1))[::8]
    ]
    found = pairs.landmarks[::8]
    errors = [landmark_change(*pair) for pair in zip(truth, found, strict=True)]
    assert np.mean(errors) < 0.07


def test_pupils_lie_in_the_eyes(actress):
    pairs = load_pairs(actress)
    for eye, corners in enumerate(((36, 39), (42, 45))):
        ends = pairs.landmarks[:, corners, 0]
        x = pairs.pupils[:, eye, 0]
        assert ((ends[:, 0] < x) & (x < ends[:, 1])).all()


def test_the_face_fills_the_same_share_wherever_the_camera_stood(shots, tmp_path):
    near = shots[0]
    far = [np.pad(frame, ((0, 200), (150, 50), (0, 0)), "edge") for frame in near]
    tracks = [
        follow_face(write_video(tmp_path / f"{name}.mp4", frames))
        for name, frames in (("near", near), ("far", far))
    ]
    found = [
        transform_points(track.landmarks, square_matrix(track.square("face"), 256))
        for track in tracks
    ]
    assert landmark_change(found[0][5], found[1][5]) < 0.03


def test_the_last_stretch_of_time_is_held_out_and_a_gap_before_it(actress):
    pairs = load_pairs(actress)
    learned, held_out = pairs.split(0.25)
    assert held_out.numbers.tolist() == list(range(36, 48))
    assert learned.numbers.tolist() == list(range(36 - GAP))
    assert np.array_equal(held_out.images, pairs.images[36:])


def test_the_gap_counts_frames_of_the_same_clip_only():
    numbers, clips = np.r_[0:20, 0:20:2], np.repeat([0, 1], (20, 10))
    blank = np.zeros((30, 1))
    pairs = Pairs(blank, blank, blank, numbers, clips, 1, "face", None, None)
    learned, held_out = pairs.split(0.1)
    assert held_out.numbers.tolist() == [14, 16, 18]
    assert learned.numbers.tolist() == [*range(20), 0, 2]


def test_a_flipped_pair_is_what_dlib_sees_in_a_mirror(actress):
    pairs = load_pairs(actress)
    image, landmarks, pupils = flip_pair(pairs.images[4], pairs.landmarks[4], pairs.pupils[4])
    assert landmark_change(landmarks, refine_landmarks(image, landmarks)) < 0.05
    assert landmarks[36, 0] < pupils[0, 0] < landmarks[39, 0]
    back = flip_pair(image, landmarks, pupils)
    assert np.array_equal(back[0], pairs.images[4]) and np.allclose(back[1], pairs.landmarks[4])


def test_mirrored_numbers_are_those_of_the_mean_face():
    mirrored = MEAN_FACE[MIRRORED] * (-1, 1) + (2 * MEAN_FACE[27, 0], 0)
    assert np.abs(mirrored - MEAN_FACE).max() < 0.02
    assert sorted(MIRRORED) == list(range(68))


def test_a_second_run_has_nothing_to_do(person):
    before = {path: path.stat().st_mtime_ns for path in (person.folder / "pairs").rglob("*.png")}
    report = create_pairs(person, progress=False)
    assert report["new"] == [] and report["pairs"] == len(before) == 48
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())


def test_another_framing_makes_them_again(person):
    report = create_pairs(person, framing="whole", size=64, fps=11, progress=False)
    pairs = load_pairs(person)
    assert report["new"] == ["clip.mp4"] and report["pairs"] == len(pairs) == 44
    assert pairs.images.shape[1:] == (64, 64, 3)
    assert (pairs.square.side, pairs.square.x) == (256, 127.5)
    assert len(list((person.folder / "pairs" / "frames").iterdir())) == 44


def test_a_stopped_run_goes_on_with_the_clip_it_was_at(person):
    second = person.media / "second.mp4"
    second.write_bytes((person.media / "clip.mp4").read_bytes()[:20000])
    with pytest.raises(MediaError, match="second"):
        create_pairs(person, progress=False)
    assert len(load_pairs(person)) == 48
    shutil.copyfile(person.media / "clip.mp4", second)
    report = create_pairs(person, progress=False)
    assert report["new"] == ["second.mp4"] and report["pairs"] == 96
    assert load_pairs(person).clips.tolist() == [0] * 48 + [1] * 48


def test_a_clip_that_is_taken_out_takes_its_pictures_along(person):
    shutil.move(person.media / "clip.mp4", person.media / "other.mp4")
    report = create_pairs(person, fps=11, progress=False)
    assert report["new"] == ["other.mp4"] and set(load_pairs(person).clips) == {0}
    names = [path.name for path in (person.folder / "pairs" / "frames").iterdir()]
    assert len(names) == 44 and all(name.startswith("other") for name in names)


def test_frames_without_a_face_are_skipped_and_said(shots, tmp_path):
    nobody = [np.full_like(shots[0][0], 90)] * 20
    person = filmed(tmp_path, shots[0] * 2 + nobody + shots[0] * 2)
    report = create_pairs(person, progress=False)
    assert report["pairs"] == 48 and report["frames"] == 68
    assert report["skipped"] == ["0.mp4 24-43"]
    assert not set(range(24, 44)) & set(load_pairs(person).numbers.tolist())


def test_of_two_faces_the_largest_is_followed_even_when_it_becomes_the_smaller(shots, tmp_path):
    frames = []
    for step, (anna, ben) in enumerate(zip(*shots, strict=True)):
        frame = np.full((256, 600, 3), 90, np.uint8)
        for picture, x, size in ((anna, 0, 256 - 6 * step), (ben, 300, 200 + 4 * step)):
            frame[:size, x : x + size] = fit(picture, size)
        frames.append(frame)
    track = follow_face(write_video(tmp_path / "two.mp4", frames))
    assert len(track.numbers) == 12 and track.landmarks[..., 0].max() < 290
    assert interocular(track.landmarks[-1]) < 0.8 * interocular(track.landmarks[0])


@pytest.mark.parametrize("size", [(3840, 2160), (540, 960)], ids=["4K", "portrait"])
def test_large_and_upright_frames_are_framed_alike(shots, tmp_path, size):
    width, height = size
    side = min(size)
    left, top = (width - side) // 2, (height - side) // 2
    frames = []
    for picture in shots[0][:4]:
        frame = np.full((height, width, 3), 90, np.uint8)
        frame[top : top + side, left : left + side] = fit(picture, side)
        frames.append(frame)
    track = follow_face(write_video(tmp_path / "large.mp4", frames))
    small = follow_face(write_video(tmp_path / "small.mp4", shots[0][:4]))
    scale = side / 256
    assert track.size == size and len(track.numbers) == 4
    offset = (track.landmarks - (left, top) - (scale - 1) / 2) / scale - small.landmarks
    assert np.linalg.norm(offset, axis=-1).mean() < 0.03 * interocular(small.landmarks[0])


def test_ten_frames_are_too_few_and_it_says_how_many_are_needed(shots, tmp_path):
    person = filmed(tmp_path, shots[0][:10])
    with pytest.raises(NoFaceError, match="only 10 frames show a face, at least 40 are needed"):
        create_pairs(person, progress=False)
    with pytest.raises(NoFaceError, match="at least 40"):
        load_pairs(person)


def test_a_clip_without_any_face_is_refused(tmp_path):
    person = filmed(tmp_path, [np.full((128, 128, 3), 90, np.uint8)] * 5)
    with pytest.raises(NoFaceError, match="no face was found"):
        create_pairs(person, progress=False)


def test_pictures_alone_make_no_pairs(shots, tmp_path):
    write_image(tmp_path / "anna.png", shots[0][0])
    person = create_person(tmp_path / "person", "Anna", "self", media=[tmp_path / "anna.png"])
    with pytest.raises(MediaError, match="there is no video"):
        create_pairs(person, progress=False)
    with pytest.raises(LessonError, match="Run: deepfake-lesson pairs"):
        load_pairs(person)


@pytest.mark.parametrize(("name", "value"), [("framing", "head"), ("fps", 0), ("size", 1)])
def test_options_out_of_range_are_refused(person, name, value):
    with pytest.raises(LessonError, match=name):
        create_pairs(person, **{name: value}, progress=False)


def test_damaged_files_are_said(person):
    lines = person.folder / "pairs" / "pairs.jsonl"
    lines.write_text(lines.read_text()[:-40])
    with pytest.raises(LessonError, match="damaged"):
        load_pairs(person)


def test_the_resting_shape_looks_ahead_and_says_nothing_whatever_the_clip_is_full_of(actress):
    pairs = load_pairs(actress)
    yaw = np.array([head_turn(points) for points in pairs.landmarks])
    mouth = np.array([mouth_aspect_ratio(points) for points in pairs.landmarks])
    for unrest in (yaw, mouth):
        order = np.argsort(unrest)
        busy = pairs.landmarks[[*order[:6], *order[-18:]]]
        measure = head_turn if unrest is yaw else mouth_aspect_ratio
        assert measure(resting_shape(busy, 256)) < 0.75 * measure(busy.mean(0))


def test_stretches_are_runs_of_numbers():
    assert stretches([0, 1, 2, 7, 9, 10]) == [(0, 2), (7, 7), (9, 10)]
    assert stretches([]) == []
    assert json.dumps(stretches(np.array([4, 5]))) == "[[4, 5]]"
