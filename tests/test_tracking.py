"""The same face from frame to frame, on studio people and on made-up paths."""

import cv2
import numpy as np
import pytest
from scipy.signal import lfilter

from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.identity import embed
from deepfake_lesson.landmarks import MEAN_FACE, interocular
from deepfake_lesson.metrics import jitter
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.tracking import (
    LOST_FOR,
    Calm,
    FaceFollower,
    FaceTracker,
    OneEuro,
    TrackedFace,
    face_score,
    steady,
)
from deepfake_lesson.video import read_frames

ANNA, BEN = RESERVED_SEEDS["tests"][:2]


@pytest.fixture(scope="module")
def clips(film, tmp_path_factory):
    """Two people's frames of 256 x 256 pixels."""
    folder = tmp_path_factory.mktemp("clips")
    people = [film(seed, folder / str(seed)) for seed in (ANNA, BEN)]
    return [list(read_frames(person / "media" / "clip.mp4")) for person in people]


@pytest.fixture(scope="module")
def anna(clips):
    """Her embedding, from another frame than those of the tests."""
    frame = clips[0][-1]
    return embed(frame, FaceTracker(None, 0).find(frame)[0].landmarks)


def turned(frame, degrees):
    height, width = frame.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def moving(frames, step=(3.0, 1.0), noise=0.0, start=0.0):
    """A stream of one face that moves evenly and trembles."""
    rng = np.random.default_rng(0)
    for number in range(frames):
        points = MEAN_FACE * 200 + start + number * np.array(step)
        points = (points + rng.normal(0, noise or 1e-9, points.shape)).astype(np.float32)
        yield number, [TrackedFace((0, 0, 1, 1), points, True, 0.0)]


def paths(stream, radius):
    return np.stack([landmarks[0] for _, _, landmarks in steady(stream, radius)])


class TestFaceTracker:
    def test_only_the_wanted_person_is_wanted(self, clips, anna):
        tracker = FaceTracker(anna, 0.44)
        for left, right in zip(*clips, strict=True):
            faces = tracker.find(np.hstack([right, left]))
            assert [face.is_wanted for face in faces] == [False, True]
            assert faces[1].box[0] > 200

    def test_without_a_reference_everybody_is_wanted(self, clips):
        faces = FaceTracker(None, 0.44).find(np.hstack([clips[0][0], clips[1][0]]))
        assert [face.is_wanted for face in faces] == [True, True]

    def test_a_face_that_takes_another_ones_place_is_another_face(self, clips, anna):
        tracker = FaceTracker(anna, 0.44)
        shifted = np.roll(clips[1][0], 90, axis=1)
        assert tracker.find(clips[0][0])[0].is_wanted
        assert not any(face.is_wanted for face in tracker.find(shifted))

    def test_a_face_that_the_detector_loses_is_followed(self, clips, anna):
        """HOG loses a head that tilts; what it last saw is followed for a few frames."""
        tracker = FaceTracker(anna, 0.44)
        tilted = [turned(clips[0][0], degrees) for degrees in range(36, 66, 3)]
        faces = [tracker.find(frame) for frame in tilted]
        missed = [len(detect_faces(frame)) == 0 for frame in tilted]
        first = missed.index(True)
        assert [found[0].lost for found in faces[first : first + LOST_FOR]] == [1, 2, 3, 4, 5]
        assert all(found[0].is_wanted for found in faces[: first + LOST_FOR])

    def test_an_empty_frame_ends_the_search(self, clips, anna):
        tracker = FaceTracker(anna, 0.44)
        assert tracker.find(clips[0][0])
        assert tracker.find(np.full_like(clips[0][0], 128)) == []
        assert tracker.find(clips[0][1])[0].age == 0


class TestSteady:
    @pytest.mark.parametrize("radius", [0, 1, 2, 4])
    def test_even_motion_stays_as_it_is(self, radius):
        stream = list(moving(12))
        want = np.stack([faces[0].landmarks for _, faces in stream])
        np.testing.assert_allclose(paths(iter(stream), radius), want, atol=1e-3)

    def test_frames_and_faces_pass_in_order(self):
        stream = list(moving(7))
        items = list(steady(iter(stream), 2))
        assert [(frame, faces) for frame, faces, _ in items] == stream

    def test_trembling_becomes_less_than_a_third(self):
        noisy = jitter(paths(moving(60, noise=1), 0))
        assert jitter(paths(moving(60, noise=1), 2)[2:-2]) < noisy / 3

    def test_a_cut_is_not_smeared(self):
        before, after = list(moving(6)), list(moving(6, start=300.0))
        want = np.stack([faces[0].landmarks for _, faces in before + after])
        np.testing.assert_allclose(paths(iter(before + after), 2), want, atol=1e-3)

    def test_a_frame_without_a_face_is_a_cut_too(self):
        stream = [*moving(4), (4, []), *moving(4)]
        faces = [len(landmarks) for _, _, landmarks in steady(iter(stream), 2)]
        assert faces == [1, 1, 1, 1, 0, 1, 1, 1, 1]

    def test_two_faces_are_not_mixed_up(self):
        left, right = moving(8), moving(8, start=150.0, step=(-2, 1))
        stream = [(n, [*a, *b]) for (n, a), (_, b) in zip(left, right, strict=True)]
        want = np.stack([[face.landmarks for face in faces] for _, faces in stream])
        got = np.stack([landmarks for _, _, landmarks in steady(iter(stream), 2)])
        np.testing.assert_allclose(got, want, atol=1e-3)


class TestFaceFollower:
    def followed(self, follower, frame):
        found = follower.search(frame)
        return follower.follow(frame) if found is None else found

    def test_a_face_is_where_a_search_finds_it(self, clips):
        """Followed for a second without a search, it is no further off than searches differ."""
        follower = FaceFollower(detect_every=1000)
        for frame in clips[0]:
            landmarks = self.followed(follower, frame)
            searched = detect_faces(frame)[0].landmarks
            off = np.linalg.norm(landmarks - searched, axis=1).mean()
            assert off < 0.03 * interocular(searched)

    def test_it_follows_a_head_that_tilts_beyond_what_a_search_finds(self, clips):
        follower = FaceFollower(detect_every=5)
        tilted = [turned(clips[0][0], degrees) for degrees in range(0, 61, 4)]
        assert detect_faces(tilted[-1], smallest=0.2) == []
        assert all(self.followed(follower, frame) is not None for frame in tilted)

    def test_a_face_that_is_gone_is_gone_at_once_and_given_up_later(self, clips):
        follower = FaceFollower(detect_every=1000)
        empty = np.full_like(clips[0][0], 128)
        assert self.followed(follower, clips[0][0]) is not None
        for _ in range(LOST_FOR):
            assert self.followed(follower, empty) is None
            assert follower.landmarks is not None
        assert self.followed(follower, empty) is None
        assert follower.landmarks is None

    def test_a_score_tells_a_face_from_a_wall(self, clips, carphone):
        for frame in (clips[0][0], clips[1][0], next(read_frames(carphone))):
            landmarks = detect_faces(frame)[0].landmarks
            assert face_score(frame, landmarks) > 0.3
            beside = landmarks - [1.5 * interocular(landmarks), 0]
            assert face_score(frame, beside.astype(np.float32)) < -0.5


class TestOneEuro:
    def test_without_speed_it_is_a_low_pass_filter(self):
        """The same numbers as SciPy's first-order filter."""
        rate, cutoff = 30, 2.0
        values = np.random.default_rng(0).normal(size=100)
        share = 1 / (1 + rate / (2 * np.pi * cutoff))
        start = [(1 - share) * values[0]]
        want, _ = lfilter([share], [1, share - 1], values, zi=start)
        one_euro = OneEuro(cutoff)
        got = [one_euro.smooth(value, number / rate) for number, value in enumerate(values)]
        np.testing.assert_allclose(got, want)

    def test_at_rest_trembling_becomes_less_than_half(self):
        noisy = 100 + np.random.default_rng(0).normal(0, 0.3, (120, 68, 2))
        one_euro = OneEuro(1.0, 0.005)
        calm = [one_euro.smooth(points, number / 30) for number, points in enumerate(noisy)]
        assert jitter(np.stack(calm)[30:]) < jitter(noisy[30:]) / 2

    def test_in_motion_it_lags_less_than_at_a_fixed_cutoff(self):
        times = np.arange(60) / 30
        lags = []
        for beta in (0.0, 0.05):
            one_euro = OneEuro(1.0, beta)
            lags.append(300 * times[-1] - [one_euro.smooth(300 * t, t) for t in times][-1])
        assert 0 < lags[1] < lags[0] / 5

    def test_what_does_not_move_stays_whatever_the_times(self):
        one_euro, value = OneEuro(), np.full((68, 2), 7.0)
        for time in (0.0, 0.1, 0.1, 0.5, 9.0):
            np.testing.assert_array_equal(one_euro.smooth(value, time), value)


class TestCalm:
    def test_each_name_goes_its_own_way_and_trembles_less(self):
        rng, calm = np.random.default_rng(0), Calm(0.5, fps=25)
        noise = rng.normal(size=(100, 2, 3))
        low, high = [], []
        for number, (first, second) in enumerate(noise):
            calmed = calm.at(number)
            low.append(calmed("low", first))
            high.append(calmed("high", 50 + second))
        assert np.std(low[20:]) < 0.4 and np.std(high[20:]) < 0.4
        assert abs(np.mean(low)) < 0.3 and abs(np.mean(high) - 50) < 0.3

    def test_after_a_gap_it_begins_anew(self):
        calm = Calm(0.1, fps=25)
        calm.at(0)("x", 0.0)
        assert calm.at(1)("x", 10.0) < 1
        assert calm.at(3)("x", 10.0) == 10

    def test_nothing_and_no_clock_stay_as_they_are(self):
        assert Calm(1.0, fps=25).at(0)("x", None) is None
        for calm in (Calm(0.0, fps=25), Calm(1.0, fps=0.0)):
            assert [calm.at(number)("x", number) for number in range(3)] == [0, 1, 2]
