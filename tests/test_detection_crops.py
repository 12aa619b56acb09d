"""The detectors' crop: a square round the landmarks, the same wherever it is cut."""

import numpy as np
import pytest
from clips import write_video

from deepfake_lesson.detection.crops import SCALE, chosen_frames, clip_tracks, crop_face
from deepfake_lesson.errors import LessonError, MediaError
from deepfake_lesson.images import write_image
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Pose, render


@pytest.fixture(scope="module")
def frames():
    """Two studio people, each turning a little over three frames; frames with truth."""
    poses = (Pose(-6), Pose(0), Pose(6))
    return [[render(Identity.sample(seed), pose=pose, size=192) for pose in poses]
            for seed in RESERVED_SEEDS["tests"][:2]]  # fmt: skip


@pytest.fixture(scope="module")
def together(frames, tmp_path_factory):
    """A clip in which both stand side by side."""
    path = tmp_path_factory.mktemp("clips") / "two.mp4"
    both = zip(*frames, strict=True)
    return write_video(path, (np.hstack([a.image, b.image]) for a, b in both))


def test_the_longer_side_of_the_box_fills_its_share_and_stands_in_the_middle(frames):
    frame = frames[0][0]
    for size in (64, 129, 256):
        crop, points = crop_face(frame.image, frame.landmarks, size)
        low, high = points.min(0), points.max(0)
        assert crop.shape == (size, size, 3)
        assert (high - low).max() == pytest.approx(size / SCALE, rel=1e-4)
        np.testing.assert_allclose((low + high) / 2, (size - 1) / 2, atol=1e-3)


def test_the_crop_does_not_depend_on_where_in_the_frame_the_face_is(frames):
    frame = frames[0][1]
    moved = np.pad(frame.image, ((40, 0), (24, 0), (0, 0)), mode="edge")
    here, _ = crop_face(frame.image, frame.landmarks, 96)
    there, _ = crop_face(moved, np.add(frame.landmarks, (24, 40)), 96)
    assert np.abs(here.astype(int) - there).mean() < 0.5


def test_two_faces_are_two_tracks(together, frames):
    tracks = clip_tracks(together, 64)
    assert [track.numbers.tolist() for track in tracks] == [[0, 1, 2], [0, 1, 2]]
    middles = sorted(track.landmarks[..., 0].mean() for track in tracks)
    truth = [np.mean([each.landmarks[:, 0].mean() for each in row]) for row in frames]
    np.testing.assert_allclose(middles, [truth[0], truth[1] + 192], atol=4)
    assert tracks[0].crops.shape == (3, 64, 64, 3) and tracks[0].points.shape == (3, 68, 2)


def test_a_face_that_jumps_is_known_again_by_its_looks(frames, tmp_path):
    wall = np.full_like(frames[0][0].image, 90)
    places = [np.hstack([frames[0][1].image, wall]), np.hstack([wall, frames[0][1].image])]
    (track,) = clip_tracks(write_video(tmp_path / "jump.mp4", places), 64)
    assert track.numbers.tolist() == [0, 1]
    assert track.landmarks[1, :, 0].mean() - track.landmarks[0, :, 0].mean() > 150


def test_frames_are_spread_over_the_whole_clip(together):
    assert [number for number, _ in chosen_frames(together, 2)] == [0, 2]
    assert [number for number, _ in chosen_frames(together, 99)] == [0, 1, 2]


def test_a_picture_is_a_clip_of_one_frame(frames, tmp_path):
    write_image(tmp_path / "face.png", frames[1][1].image)
    (track,) = clip_tracks(tmp_path / "face.png", 64)
    assert track.numbers.tolist() == [0]


def test_no_face_is_no_track(tmp_path):
    write_image(tmp_path / "wall.png", np.full((96, 96, 3), 120, np.uint8))
    assert clip_tracks(tmp_path / "wall.png", 64) == []


@pytest.mark.parametrize("points", [np.zeros((68, 2)), np.zeros((5, 2)), np.full((68, 2), np.inf)])
def test_landmarks_that_show_no_face_are_refused(points):
    with pytest.raises(LessonError, match="landmarks"):
        crop_face(np.zeros((9, 9, 3), np.uint8), points, 16)


def test_what_cannot_be_read_is_said(tmp_path, together):
    (tmp_path / "empty.mp4").touch()
    for path, words in ((tmp_path / "none.mp4", "no such file"), (tmp_path / "empty.mp4", "empty")):
        with pytest.raises(MediaError, match=words):
            clip_tracks(path, 64)
    with pytest.raises(LessonError, match="less than one"):
        clip_tracks(together, 64, frames=0)
