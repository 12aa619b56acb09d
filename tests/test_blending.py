"""Masks, colour and pasting, against OpenCV, SciPy, scikit-image and known truths."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import Delaunay
from skimage.exposure import match_histograms

from deepfake_lesson import blending
from deepfake_lesson.errors import LessonError
from deepfake_lesson.landmarks import MEAN_FACE, alignment_matrix, compose, model_matrix, warp

SHAPE = (300, 320, 3)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def face_at(x=60.0, y=40.0, size=200.0):
    return (MEAN_FACE * size + [x, y]).astype(np.float32)


def smooth_picture(rng, shape=SHAPE, sigma=6):
    noise = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), sigma)
    return np.uint8(255 * (noise - noise.min()) / np.ptp(noise))


def crop_matrix(landmarks, size=64):
    return compose(alignment_matrix(landmarks), model_matrix(size))


def points_of(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.stack([x, y], axis=-1).reshape(-1, 2)


class TestFaceMask:
    def test_facehull_is_the_convex_hull_of_the_landmarks(self):
        landmarks = face_at()
        mask = blending.face_mask(landmarks, SHAPE, "facehull")
        inside = Delaunay(landmarks).find_simplex(points_of(SHAPE)) >= 0
        assert mask.dtype == np.float32
        assert np.mean((mask > 0).ravel() != inside) < 1e-4

    def test_rect_is_what_the_model_sees(self):
        turn = cv2.getRotationMatrix2D((0, 0), 20, 1.0)[:, :2]
        landmarks = (face_at() - [160, 140]) @ turn.T + [160, 140]
        mask = blending.face_mask(landmarks, SHAPE, "rect")
        seen = points_of(SHAPE) @ crop_matrix(landmarks)[:, :2].T + crop_matrix(landmarks)[:, 2]
        inside = np.all((seen > -0.5) & (seen < 63.5), axis=1)
        assert np.array_equal(mask.ravel() > 0, inside)

    def test_facehullandrect_is_both(self):
        hull, rect, both = (
            blending.face_mask(face_at(), SHAPE, kind)
            for kind in ("facehull", "rect", "facehullandrect")
        )
        assert np.array_equal(both, np.minimum(hull, rect))

    def test_widened_it_ends_softly_where_the_model_saw_nothing_more(self):
        both = blending.face_mask(face_at(), SHAPE, "facehullandrect", -30, 10)
        hull = blending.face_mask(face_at(), SHAPE, "facehull", -30, 10)
        rect = blending.face_mask(face_at(), SHAPE, "rect", 0, blending.LEAST_RAMP)
        assert np.array_equal(both, np.minimum(hull, rect)) and hull[rect == 0].max() > 0.9
        assert 0 < rect[rect > 0].min() < 0.2

    @pytest.mark.parametrize("erosion", [5, 12, -5, -12])
    def test_erosion_and_dilation_agree_with_opencv(self, erosion):
        landmarks = face_at()
        radius = round(abs(erosion) / 100 * blending.face_width(landmarks))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        morph = cv2.erode if erosion > 0 else cv2.dilate
        want = morph(blending.face_mask(landmarks, SHAPE), disc)
        mask = blending.face_mask(landmarks, SHAPE, erosion=erosion)
        assert np.sum(mask != want) < 0.04 * want.sum()

    def test_settings_mean_the_same_at_any_resolution(self):
        small = blending.face_mask(face_at(30, 20, 100), (150, 160), "facehull", 4, 12)
        large = blending.face_mask(face_at(120, 80, 400), (600, 640), "facehull", 4, 12)
        assert (
            np.abs(cv2.resize(large, (160, 150), interpolation=cv2.INTER_AREA) - small).max() < 0.2
        )

    def test_feather_is_smooth_and_stays_inside(self):
        hard = blending.face_mask(face_at(), SHAPE)
        soft = blending.face_mask(face_at(), SHAPE, feather=20)
        ramp = 0.2 * blending.face_width(face_at())
        steps = np.hypot(*np.gradient(soft))
        assert np.all(soft <= hard) and soft.max() == 1
        assert steps.max() < 1.6 / ramp

    def test_face_cut_by_the_frame_is_the_whole_face_cut(self):
        whole = blending.face_mask(face_at(60, 40), SHAPE, "facehull", 2, 15)
        cut = blending.face_mask(face_at(60 - 140, 40 - 90), SHAPE, "facehull", 2, 15)
        np.testing.assert_allclose(cut[:160, :130], whole[90:250, 140:270], atol=1e-5)
        assert cut[:, 0].max() == 1

    @pytest.mark.parametrize("landmarks", [face_at(-900, 0), face_at(900, 900), face_at(50, 50, 0)])
    def test_face_outside_the_frame_or_without_size_gives_an_empty_mask(self, landmarks):
        assert not blending.face_mask(landmarks, SHAPE, "facehull", 5, 10).any()

    @pytest.mark.parametrize("kind", ["FaceHull", "hull", ""])
    def test_unknown_kind_is_an_error_that_lists_the_known_ones(self, kind):
        with pytest.raises(LessonError, match="facehullandrect"):
            blending.face_mask(face_at(), SHAPE, kind)

    @pytest.mark.parametrize("values", [{"erosion": 51}, {"feather": -1}, {"feather": np.nan}])
    def test_values_out_of_range_are_errors(self, values):
        with pytest.raises(LessonError, match="out of range"):
            blending.face_mask(face_at(), SHAPE, "rect", **values)


class TestMatchColor:
    def pictures(self, rng):
        mask = blending.face_mask(face_at(), SHAPE)
        return smooth_picture(rng) // 2, smooth_picture(rng) // 2 + 90, mask

    def test_mean_matches_the_means_under_the_mask(self, rng):
        generated, original, mask = self.pictures(rng)
        moved = blending.match_color(generated, original, mask, "mean")[mask > 0.5]
        np.testing.assert_allclose(moved.mean(0), original[mask > 0.5].mean(0), atol=0.6)

    def test_histogram_agrees_with_scikit_image(self, rng):
        generated, original, mask = self.pictures(rng)
        inside = mask > 0.5
        moved = blending.match_color(generated, original, mask, "histogram")
        want = match_histograms(generated[inside], original[inside], channel_axis=-1)
        np.testing.assert_allclose(moved[inside], want, atol=1)

    def test_transfer_matches_mean_and_spread_in_lab(self, rng):
        generated, original, mask = self.pictures(rng)
        original = original // 4 + 100
        moved = blending.match_color(generated, original, mask, "transfer")
        lab, want = (
            cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[mask > 0.5]
            for picture in (moved, original)
        )
        np.testing.assert_allclose(lab.mean(0), want.mean(0), atol=0.5)
        np.testing.assert_allclose(lab.std(0), want.std(0), atol=0.5)

    def test_light_follows_the_lamps_and_leaves_the_skin(self, rng):
        skin = smooth_picture(rng, sigma=2) // 4 + np.uint8([150, 110, 90])
        lamp = np.linspace(0.6, 1.0, SHAPE[1])[None, :, None]
        generated, original = np.uint8(skin * lamp), np.uint8((255 - skin) * lamp[:, ::-1])
        mask = blending.face_mask(face_at(), SHAPE)
        inside = mask > 0.5
        moved = blending.match_color(generated, original, mask, "light")

        def slope(picture):
            columns = np.nonzero(inside)[1]
            return np.polyfit(columns, picture[inside].mean(1) / picture[inside].mean(), 1)[0]

        assert slope(original) < 0 < slope(generated)
        assert abs(slope(moved)) < 0.6 * slope(generated)
        hues = [
            picture[inside] / picture[inside].sum(1, keepdims=True)
            for picture in (generated, moved)
        ]
        np.testing.assert_allclose(hues[1].mean(0), hues[0].mean(0), atol=0.01)

    @pytest.mark.parametrize("kind", blending.COLORS)
    def test_equal_pictures_stay_equal(self, rng, kind):
        picture = smooth_picture(rng)
        moved = blending.match_color(picture, picture, np.ones(SHAPE[:2]), kind)
        np.testing.assert_allclose(moved, picture, atol=1)

    @pytest.mark.parametrize("kind", blending.COLORS)
    def test_empty_mask_changes_nothing(self, rng, kind):
        generated, original, mask = self.pictures(rng)
        assert np.array_equal(blending.match_color(generated, original, 0 * mask, kind), generated)

    def test_unknown_kind_is_an_error(self, rng):
        with pytest.raises(LessonError, match="histogram"):
            blending.match_color(*self.pictures(rng), "Mean")


@pytest.mark.parametrize("kind", ["mean", "histogram", "transfer"])
def test_a_color_change_may_be_averaged_over_frames(rng, kind):
    generated, first = rng.integers(0, 256, (2, *SHAPE), np.uint8)
    second, mask = np.uint8(first // 2 + 60), np.ones(SHAPE[:2])
    changes = [blending.color_change(generated, each, mask, kind) for each in (first, second)]
    ends = [blending.change_color(generated, each, kind).mean() for each in changes]
    between = blending.change_color(generated, np.mean(changes, axis=0), kind).mean()
    assert min(ends) < between < max(ends)


def test_the_sharpness_gap_brings_back_what_a_blur_took(rng):
    original = cv2.GaussianBlur(rng.integers(0, 256, SHAPE, np.uint8), (0, 0), 1.2)
    soft, mask = cv2.GaussianBlur(original, (0, 0), 0.8), np.ones(SHAPE[:2])
    amount = blending.sharpness_gap(soft, original, mask)
    assert 0 < amount <= blending.MOST_SHARPENED
    assert blending.sharpness_gap(blending.sharpen(soft, amount), original, mask) < amount / 2
    assert blending.sharpness_gap(original, soft, mask) == 0
    assert blending.sharpness_gap(soft, original, 0 * mask) == 0


def test_sharpen_adds_what_a_blur_takes_away(rng):
    picture = smooth_picture(rng, sigma=2) // 2 + 60
    blurred = gaussian_filter(picture.astype(float), sigma=(1, 1, 0), mode="mirror")
    want = picture + 1.5 * (picture - blurred)
    np.testing.assert_allclose(blending.sharpen(picture, 1.5), want.clip(0, 255), atol=2)
    assert np.array_equal(blending.sharpen(picture, 0), picture)


class TestPaste:
    @pytest.mark.parametrize("seamless", [False, True])
    @pytest.mark.parametrize("kind", blending.MASKS)
    def test_outside_the_mask_not_a_bit_changes(self, rng, kind, seamless):
        frame, face = smooth_picture(rng), smooth_picture(rng, (64, 64, 3))
        mask = blending.face_mask(face_at(), SHAPE, kind, 3, 10)
        result = blending.paste(frame, face, crop_matrix(face_at()), mask, seamless=seamless)
        assert np.array_equal(result[mask == 0], frame[mask == 0])
        assert not np.array_equal(result, frame)

    def test_cutting_out_and_pasting_back_gives_the_frame(self, rng):
        frame, landmarks = smooth_picture(rng, sigma=8), face_at(60.3, 40.7)
        face = warp(frame, crop_matrix(landmarks), 64)
        mask = blending.face_mask(landmarks, SHAPE, "facehull")
        result = blending.paste(frame, face, crop_matrix(landmarks), mask)
        assert np.abs(result.astype(int) - frame).max() <= 2

    def test_opacity_keeps_parts_of_the_face_out(self, rng):
        frame, face, matrix = (
            smooth_picture(rng),
            smooth_picture(rng, (64, 64, 3)),
            crop_matrix(face_at()),
        )
        mask, opacity = blending.face_mask(face_at(), SHAPE), np.ones((64, 64), np.float32)
        opacity[:, 32:] = 0
        whole = blending.paste(frame, face, matrix, mask)
        half = blending.paste(frame, face, matrix, mask, opacity)
        x = (points_of(SHAPE) @ matrix[:, :2].T + matrix[:, 2])[:, 0].reshape(SHAPE[:2])
        assert np.array_equal(half[x > 32], frame[x > 32])
        assert np.array_equal(half[x < 31], whole[x < 31])

    def test_a_dot_lands_where_it_was_cut_out_to_a_tenth_of_a_pixel(self):
        landmarks, size = face_at(31.4, 22.6, 230), 256
        matrix = crop_matrix(landmarks, size)
        y, x = np.mgrid[:size, :size]
        spot = np.exp(-((x - 101.3) ** 2 + (y - 140.8) ** 2) / 32)
        face = np.repeat(np.uint8(255 * spot)[..., None], 3, axis=2)
        mask = blending.face_mask(landmarks, SHAPE, "rect")
        result = blending.paste(np.zeros(SHAPE, np.uint8), face, matrix, mask)[..., 0] / 255.0
        center = (points_of(SHAPE) * result.reshape(-1, 1)).sum(0) / result.sum()
        back = matrix[:, :2] @ center + matrix[:, 2]
        np.testing.assert_allclose(back, [101.3, 140.8], atol=0.1)

    def test_empty_mask_returns_the_frame(self, rng):
        frame, face = smooth_picture(rng), smooth_picture(rng, (64, 64, 3))
        mask = np.zeros(SHAPE[:2], np.float32)
        for seamless in (False, True):
            result = blending.paste(frame, face, crop_matrix(face_at()), mask, seamless=seamless)
            assert np.array_equal(result, frame) and result is not frame

    def test_only_what_the_model_painted_is_pasted(self, rng):
        frame, face = smooth_picture(rng), np.zeros((64, 64, 3), np.uint8)
        whole_frame = np.ones(SHAPE[:2], np.float32)
        result = blending.paste(frame, face, crop_matrix(face_at()), whole_frame)
        grown = np.ones((5, 5), np.uint8)
        painted = cv2.dilate(blending.face_mask(face_at(), SHAPE, "rect"), grown) > 0
        assert np.array_equal(result[~painted], frame[~painted])


class TestSeamless:
    def test_agrees_with_opencv_on_the_whole_frame(self, rng):
        """The mask is lopsided: only its own bounding box gives the right centre."""
        frame, face = smooth_picture(rng), smooth_picture(rng, (64, 64, 3))
        matrix, landmarks = crop_matrix(face_at()), face_at()
        mask = blending.face_mask(landmarks, SHAPE)
        mask[:, 150:] = 0
        source = warp(face, blending.invert_matrix(matrix), SHAPE[1::-1])
        x, y, width, height = cv2.boundingRect(np.uint8(mask))
        center = (x + width // 2, y + height // 2)
        want = cv2.seamlessClone(source, frame, np.uint8(255 * mask), center, cv2.NORMAL_CLONE)
        got = blending.paste(frame, face, matrix, mask, seamless=True)
        inside = cv2.erode(mask, np.ones((9, 9))) > 0
        error = np.abs(got[inside].astype(int) - want[inside]).mean()
        shifted = np.abs(got[inside].astype(int) - np.roll(want, 2, axis=1)[inside]).mean()
        assert error < 1 and error < shifted / 3

    def test_a_face_that_is_only_brighter_disappears(self, rng):
        frame, landmarks = smooth_picture(rng) // 2 + 40, face_at()
        face = warp(frame, crop_matrix(landmarks, 128), 128) + np.uint8(40)
        mask = blending.face_mask(landmarks, SHAPE)
        cloned = blending.paste(frame, face, crop_matrix(landmarks, 128), mask, seamless=True)
        assert np.abs(cloned.astype(int) - frame)[mask > 0].mean() < 2

    @pytest.mark.parametrize(
        "landmarks", [face_at(-80, 40), face_at(220, 180), face_at(60, 40, 9), face_at(0, 0, 3)]
    )
    def test_faces_cut_by_the_border_and_tiny_faces(self, rng, landmarks):
        frame, face = smooth_picture(rng), smooth_picture(rng, (64, 64, 3))
        mask = blending.face_mask(landmarks, SHAPE)
        result = blending.paste(frame, face, crop_matrix(landmarks), mask, seamless=True)
        assert result.shape == frame.shape
        assert np.array_equal(result[mask == 0], frame[mask == 0])
