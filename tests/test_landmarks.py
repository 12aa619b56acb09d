"""The geometry of the face crop, against scikit-image, laws and the studio's truth."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.transform import SimilarityTransform

from deepfake_lesson import landmarks as geometry
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Part, Pose, render


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def face(rng):
    """The mean face, turned, scaled and moved into a frame of 640 x 480, with some noise."""
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = geometry.MEAN_FACE @ (210 * turn).T + (270, 100)
    return (points + rng.normal(0, 1.5, points.shape)).astype(np.float32)


@pytest.mark.parametrize("count", [2, 5, 68])
def test_similarity_transform_equals_scikit_image(rng, count):
    source, target = rng.normal(size=(2, count, 2)) * 100
    expected = SimilarityTransform.from_estimate(source, target).params[:2]
    np.testing.assert_allclose(geometry.similarity_transform(source, target), expected, atol=1e-9)


def test_similarity_transform_does_not_mirror():
    mirrored = geometry.MEAN_FACE * [-1, 1]
    matrix = geometry.similarity_transform(geometry.MEAN_FACE, mirrored)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_regions_cover_every_point_once():
    counts = np.zeros(68, int)
    for region in geometry.REGIONS.values():
        counts[region] += 1
    assert (counts == 1).all()


def test_mean_face_is_its_own_mirror_image():
    jaw = geometry.MEAN_FACE[geometry.REGIONS["jaw"]]
    np.testing.assert_allclose(jaw[:, 0] + jaw[::-1, 0], 1.0, atol=2e-3)
    np.testing.assert_allclose(jaw[:, 1], jaw[::-1, 1])


def test_aligned_mean_face_lies_where_it_should(face):
    aligned = geometry.transform_points(face, geometry.alignment_matrix(face))
    error = np.linalg.norm(aligned - (geometry.MEAN_FACE * 256 - 0.5), axis=1)
    assert aligned.dtype == np.float32
    assert error.mean() < 3


def test_aligned_face_grows_edge_on_edge_with_its_size(face):
    small = geometry.transform_points(face, geometry.alignment_matrix(face, 256))
    large = geometry.transform_points(face, geometry.alignment_matrix(face, 512))
    np.testing.assert_allclose((large + 0.5) / 512, (small + 0.5) / 256, atol=1e-6)


def test_inverse_brings_points_back(face):
    matrix = geometry.compose(geometry.alignment_matrix(face), geometry.model_matrix(64))
    there = geometry.transform_points(face, matrix)
    back = geometry.transform_points(there, geometry.invert_matrix(matrix))
    np.testing.assert_allclose(back, face, atol=1e-3)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_model_crop_holds_the_frontal_face_and_little_more(size):
    aligned = geometry.MEAN_FACE * geometry.ALIGNED_SIZE - 0.5
    seen = (geometry.transform_points(aligned, geometry.model_matrix(size)) + 0.5) / size
    margins = np.r_[seen.min(0), 1 - seen.max(0)]
    assert (margins > 0.05).all()
    assert (margins < 0.16).all()


def test_model_crop_is_the_middle_of_the_aligned_face(rng):
    size = round(geometry.MODEL_COVERAGE * geometry.ALIGNED_SIZE)
    middle = geometry.transform_points(np.array([[127.5, 127.5]]), geometry.model_matrix(size))
    np.testing.assert_allclose(middle, (size - 1) / 2)


def test_crop_and_paste_back_are_inverse_to_a_tenth_of_a_pixel(face):
    """Blobs in the frame are found again after the road frame -> model -> frame."""
    centers = face[[8, 30, 36, 45, 48, 54]].astype(np.float64)
    y, x = np.mgrid[:480, :640]
    frame = np.zeros((480, 640), np.float32)
    for cx, cy in centers:
        frame += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 3.0**2)).astype(np.float32)
    matrix = geometry.compose(geometry.alignment_matrix(face), geometry.model_matrix(128))
    crop = geometry.warp(frame, matrix, 128)
    back = geometry.warp(
        crop, geometry.invert_matrix(matrix), (640, 480), border=cv2.BORDER_CONSTANT
    )
    for cx, cy in centers:
        near = back * (np.hypot(x - cx, y - cy) < 12)
        found = np.array([(near * x).sum(), (near * y).sum()]) / near.sum()
        assert np.abs(found - (cx, cy)).max() < 0.1


@pytest.mark.parametrize("scale", [0.9, 0.5, 0.25, 0.2, 2.0])
def test_warp_moves_pixel_centres_as_the_matrix_says(scale):
    """A linear ramp stays the same ramp, whatever the scale: no half-pixel shift."""
    ramp = np.tile(np.arange(400, dtype=np.float32), (300, 1))
    matrix = np.array([[scale, 0, 3.25], [0, scale, -2.5]])
    size = 40
    result = geometry.warp(ramp, matrix, size, interpolation=cv2.INTER_LINEAR)
    expected = (np.arange(size) - 3.25) / scale
    inside = slice(8, 35)
    np.testing.assert_allclose(result[20, inside], expected[inside], atol=0.1)


def test_warp_equals_area_reduction_for_whole_factors(rng):
    noise = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    quarter = np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]])
    expected = cv2.resize(noise, (64, 64), interpolation=cv2.INTER_AREA)
    result = geometry.warp(noise, quarter, 64)
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_warp_leaves_no_moire_when_shrinking():
    stripes = np.tile(np.array([0, 255], np.uint8), (512, 256))
    matrix = np.array([[0.23, 0, 0], [0, 0.23, 0]])
    result = geometry.warp(stripes, matrix, 100)
    naive = cv2.warpAffine(stripes, matrix, (100, 100))
    assert result.std() < naive.std() / 4


def test_points5_are_eyes_nose_and_mouth_corners(face):
    eyes, nose, mouth = np.split(geometry.points5(face), [2, 3])
    assert eyes[0, 0] < eyes[1, 0] and mouth[0, 0] < mouth[1, 0]
    np.testing.assert_array_equal(nose[0], face[30])
    assert np.linalg.norm(eyes[1] - eyes[0]) < geometry.interocular(face)


def test_aspect_ratios_measure_openness():
    closed = geometry.MEAN_FACE.copy()
    closed[[37, 38, 43, 44]] = closed[[41, 40, 47, 46]]
    closed[[61, 62, 63]] = closed[[67, 66, 65]]
    assert geometry.eye_aspect_ratio(closed) == 0
    assert geometry.mouth_aspect_ratio(closed) == 0
    assert 0.2 < geometry.eye_aspect_ratio(geometry.MEAN_FACE) < 0.4
    wide = geometry.MEAN_FACE.copy()
    wide[65:68, 1] += 0.1
    assert geometry.mouth_aspect_ratio(wide) > 0.5


def project_head(yaw, pitch, roll, image_size):
    """The average head's rigid points as a camera with a focal length of 2 widths sees them."""
    yaw, pitch, roll = np.radians([yaw, pitch, roll])
    right_up_near = geometry._RIGID_HEAD * [1, -1, -1]
    nod = Rotation.from_euler("x", -pitch)
    turn = Rotation.from_euler("y", yaw)
    lean = Rotation.from_euler("z", -roll)
    x, y, z = (lean * turn * nod).apply(right_up_near).T
    width, height = image_size
    landmarks = np.zeros((68, 2))
    landmarks[geometry._RIGID, 0] = (width - 1) / 2 + 2 * width * x / (900 - z)
    landmarks[geometry._RIGID, 1] = (height - 1) / 2 - 2 * width * y / (900 - z)
    return landmarks


@pytest.mark.parametrize("pose", [(0, 0, 0), (20, 0, 0), (0, 12, 0), (0, 0, 15), (-15, -8, 10)])
def test_head_pose_recovers_a_projected_head(pose):
    landmarks = project_head(*pose, image_size=(512, 400))
    assert geometry.head_pose(landmarks, (512, 400)) == pytest.approx(pose, abs=0.05)


def test_head_pose_of_a_small_face_in_a_large_picture():
    large, small = project_head(12, -5, 8, (1000, 1000)), (4000, 4000)
    far = (large - 500) * 0.15 + 2000
    assert geometry.head_pose(far, small) == pytest.approx((12, -5, 8), abs=4)


@pytest.mark.parametrize("seed", RESERVED_SEEDS["tests"][:4])
def test_a_head_outline_lies_around_the_head_and_turns_with_it(seed):
    """Hair, which it knows nothing of, may stand out: the face must lie in it, and fill it."""
    for pose in (Pose(), Pose(25, 5, 0), Pose(-20, -12, 12)):
        frame = render(Identity.sample(seed), pose=pose)
        outline = geometry.head_outline(frame.landmarks)
        inside = cv2.fillPoly(np.zeros((256, 256), np.uint8), [np.rint(outline).astype(int)], 1)
        skin = np.isin(frame.parts, (Part.SKIN, Part.EYE, Part.LIPS, Part.BROW))
        head = skin | np.isin(frame.parts, (Part.HAIR, Part.EAR))
        assert inside[skin].mean() > 0.9
        assert head[inside > 0].mean() > 0.75


def test_a_head_outline_follows_the_picture(face):
    matrix = np.array([[1.5, 0.5, 20], [-0.5, 1.5, -10]])  # turned, scaled and shifted
    moved = geometry.head_outline(geometry.transform_points(face, matrix))
    expected = geometry.transform_points(geometry.head_outline(face), matrix)
    distances = np.linalg.norm(moved[:, None] - expected, axis=2).min(1)
    assert distances.max() < 0.1 * geometry.interocular(face)


def test_head_pose_rolls_with_the_picture(face):
    image_size = (640, 480)
    turn = cv2.getRotationMatrix2D((319.5, 239.5), -25, 1.0)  # OpenCV: minus is clockwise
    before = geometry.head_pose(face, image_size)
    after = geometry.head_pose(geometry.transform_points(face, turn), image_size)
    assert after[2] - before[2] == pytest.approx(25, abs=2.5)


def test_drawing_keeps_the_original_and_marks_every_region(face):
    frame = np.zeros((480, 640, 3), np.uint8)
    drawn = geometry.draw_landmarks(frame, face)
    assert not frame.any()
    x, y = np.rint(face).astype(int).T
    assert (drawn[y, x].max(-1) > 60).all()
