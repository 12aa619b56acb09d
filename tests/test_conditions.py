"""What the re-enactment network is shown: the drawing, its square, the target's shape, the gaze."""

from functools import cache

import numpy as np
import pytest

from deepfake_lesson.landmarks import (
    MEAN_FACE,
    REGIONS,
    invert_matrix,
    transform_points,
)
from deepfake_lesson.reenactment.conditions import (
    COLORS,
    OUTLINE,
    PUPIL,
    Square,
    adapt,
    draw_condition,
    face_square,
    find_pupils,
    square_matrix,
    whole_square,
)
from deepfake_lesson.reenactment.pairs import flip_pair
from deepfake_lesson.studio import Identity, render
from deepfake_lesson.studio.anatomy import template
from deepfake_lesson.studio.camera import Camera
from deepfake_lesson.studio.expression import deform
from deepfake_lesson.studio.people import RESERVED_SEEDS

SIZE = 256
FACE = MEAN_FACE * SIZE * 0.9 + 8
PUPILS = np.stack([FACE[REGIONS[eye]].mean(0) for eye in ("left_eye", "right_eye")])


def clip_of(count: int = 12, seed: int = 0) -> np.ndarray:
    """Landmarks (count, 68, 2) of a face that nods and trembles in a frame of 640 x 480."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 4, (count, 1, 2)).cumsum(0)
    return MEAN_FACE * 200 + [180, 90] + drift + rng.normal(0, 0.5, (count, 68, 2))


# The drawing


@pytest.mark.parametrize("point", range(68))
def test_every_point_is_in_the_drawing(point):
    """The classic code lost point 35, the right side of the nose."""
    moved = FACE.copy()
    moved[point] += [3, -9]
    assert (draw_condition(moved, SIZE) != draw_condition(FACE, SIZE)).any()


def test_the_line_of_the_nose_ends_at_point_35():
    drawing = draw_condition(FACE, SIZE)
    x, y = FACE[35].round().astype(int)
    assert (drawing[y - 1 : y + 2, x - 1 : x + 2].max((0, 1)) == COLORS["nose"]).all()


def test_every_region_has_its_colour_along_its_lines():
    drawing = draw_condition(FACE, SIZE)
    for name, region in REGIONS.items():
        middles = (FACE[region][:-1] + FACE[region][1:]) / 2
        for x, y in middles.round().astype(int):
            spot = drawing[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
            assert np.abs(spot - COLORS[name]).max(1).min() < 64, name


def test_lips_and_eyes_are_closed_lines_and_the_jaw_is_open():
    drawing = draw_condition(FACE, SIZE)
    for first, last, is_closed in ((36, 41, True), (48, 59, True), (60, 67, True), (0, 16, False)):
        x, y = (0.58 * FACE[first] + 0.42 * FACE[last]).round().astype(int)
        assert drawing[y - 1 : y + 2, x - 1 : x + 2].any() == is_closed


def test_a_mirrored_face_is_a_mirrored_drawing():
    """Left and right have the same colours, so that a mirrored picture is a picture to learn."""
    lopsided = FACE + np.random.default_rng(1).normal(0, 4, (68, 2))
    drawing = draw_condition(lopsided, SIZE, pupils=PUPILS)
    image, landmarks, pupils = flip_pair(drawing, lopsided, PUPILS)
    again = draw_condition(landmarks, SIZE, pupils=pupils)
    assert np.abs(image.astype(int) - again).mean() < 0.3
    assert np.abs(drawing.astype(int) - again).mean() > 3


def test_pupils_and_outline_are_drawn_where_they_are_given():
    plain = draw_condition(FACE, SIZE)
    outline = np.array([[20, 20], [235, 20], [235, 250], [20, 250]])
    drawing = draw_condition(FACE, SIZE, pupils=PUPILS, outline=outline)
    for x, y in PUPILS.round().astype(int):
        np.testing.assert_array_equal(drawing[y, x], PUPIL)
        assert not np.array_equal(plain[y, x], PUPIL)
    for x, y in ((128, 20), (235, 128), (128, 250), (20, 128)):
        np.testing.assert_array_equal(drawing[y, x], OUTLINE)
        assert not plain[y, x].any()


def test_a_thicker_line_covers_more_and_parts_outside_are_cut_off():
    covered = [draw_condition(FACE, SIZE, width).any(-1).sum() for width in (1, 2, 4)]
    assert covered == sorted(set(covered))
    assert draw_condition(FACE + 130, SIZE).any()
    assert not draw_condition(FACE + 10 * SIZE, SIZE).any()


def test_a_line_moves_by_less_than_a_pixel():
    """OpenCV takes whole pixels unless it is told of fractions; a face would stutter."""
    rows, heights = np.arange(SIZE), []
    for y in (20, 20.25, 20.5, 20.75, 21):
        outline = np.array([[10, y], [240, y]])
        line = draw_condition(FACE, SIZE, outline=outline)[:40, 128, 2].astype(float)
        heights.append((rows[:40] * line).sum() / line.sum())
    np.testing.assert_allclose(np.diff(heights), 0.25, atol=0.1)


# The square


def test_a_square_fills_the_network_s_picture_edge_on_edge():
    square = Square(x=300.0, y=200.0, side=160.0)
    corners = np.array([[220, 120], [380, 120], [380, 280]])
    edges = np.array([[-0.5, -0.5], [255.5, -0.5], [255.5, 255.5]])
    matrix = square_matrix(square, SIZE)
    np.testing.assert_allclose(transform_points(corners, matrix), edges)
    np.testing.assert_allclose(transform_points(edges, invert_matrix(matrix)), corners)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (256, 256)])
def test_the_whole_square_is_the_middle_of_the_frame(width, height):
    matrix = square_matrix(whole_square(width, height), SIZE)
    low, high = transform_points(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]), matrix)
    np.testing.assert_allclose(low + high, 255, err_msg="as much is cut off on both sides")
    assert max(low) == pytest.approx(-0.5) and min(high) == pytest.approx(255.5)


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("shift", [(0, 0), (-150, 60), (900, 400)])
def test_wherever_the_camera_stood_the_network_sees_the_same(scale, shift):
    clip = clip_of()
    moved = clip * scale + shift
    seen, seen_moved = (
        transform_points(points, square_matrix(face_square(points), SIZE))
        for points in (clip, moved)
    )
    np.testing.assert_allclose(seen_moved, seen, atol=1e-3)


def test_the_square_holds_head_and_neck_and_a_stray_frame_does_not_move_it():
    clip = clip_of()
    seen = transform_points(clip, square_matrix(face_square(clip), SIZE))
    low, high = seen.min((0, 1)), seen.max((0, 1))
    assert (low > 0.1 * SIZE).all() and (high < 0.95 * SIZE).all()
    assert np.median(low[0] + high[0]) == pytest.approx(SIZE, rel=0.1), "in the middle"
    clip[3] = clip[3] * 2.5 - 400
    stray = transform_points(clip[0], square_matrix(face_square(clip), SIZE))
    np.testing.assert_allclose(stray, seen[0], atol=0.02 * SIZE)


def test_the_square_of_one_face_is_that_of_a_clip_of_it():
    (face,) = clip_of(1)
    assert face_square(face) == face_square(np.stack([face] * 3))


# The target's shape


def test_a_driver_s_mean_becomes_the_target_s_and_the_motion_stays():
    driver, target_mean = clip_of(seed=2), FACE
    adapted = adapt(driver, driver.mean(0), target_mean)
    assert adapted.dtype == np.float32 and adapted.shape == driver.shape
    np.testing.assert_allclose(adapted.mean(0), target_mean, atol=1e-3)
    np.testing.assert_allclose(np.diff(adapted, axis=0), np.diff(driver, axis=0), atol=1e-3)


def test_one_frame_is_adapted_as_in_its_clip_and_one_s_own_shape_changes_nothing():
    driver = clip_of(seed=3)
    mean = driver.mean(0)
    np.testing.assert_allclose(adapt(driver[4], mean, FACE), adapt(driver, mean, FACE)[4])
    np.testing.assert_allclose(adapt(driver, mean, mean), driver, atol=1e-4)


# The gaze


@cache
def looking(seed: int, gaze: tuple[float, float]):
    """Picture, landmarks and true pupils (2, 2) of a studio person who looks that way."""
    identity, camera = Identity.sample(seed), Camera()
    expression = dict(zip(("gaze_x", "gaze_y"), gaze, strict=True))
    frame = render(identity, expression, camera=camera, size=SIZE)
    points = camera.project(deform(identity, expression), SIZE, SIZE)[:, :2] - 0.5
    balls = [template().rings[f"{side}_ball"] for side in ("left", "right")]
    return frame.image, frame.landmarks, np.array([points[ball[0]].mean(0) for ball in balls])


def eye_widths(landmarks: np.ndarray) -> np.ndarray:
    """(2, 1) pixels from corner to corner."""
    return np.linalg.norm(landmarks[[36, 42]] - landmarks[[39, 45]], axis=1)[:, None]


SEEDS = RESERVED_SEEDS["tests"][:2]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gaze", [(-20.0, 0.0), (0.0, 0.0), (20.0, 0.0)])
def test_pupils_are_found_within_a_fifth_of_the_eye(seed, gaze):
    image, landmarks, pupils = looking(seed, gaze)
    errors = np.linalg.norm(find_pupils(image, landmarks) - pupils, axis=1)
    assert (errors < 0.2 * eye_widths(landmarks)[:, 0]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_pupils_go_where_the_eyes_look(seed):
    """Both eyes, in the right order, and at least a quarter as far as they really go."""
    left, right = (looking(seed, (x, 0.0)) for x in (-20.0, 20.0))
    found = find_pupils(*right[:2]) - find_pupils(*left[:2])
    true = right[2] - left[2]
    assert (found[:, 0] > 0.25 * true[:, 0]).all() and (true[:, 0] > 4).all()
    assert np.abs(found[:, 1]).max() < 1, "nothing goes up or down"


def test_pupils_go_up_with_the_gaze():
    ahead, up = (looking(SEEDS[0], (0.0, y)) for y in (0.0, 12.0))
    found, true = (find_pupils(*shot[:2]) for shot in (ahead, up)), up[2] - ahead[2]
    before, after = found
    assert ((after - before)[:, 1] < 0).all() and (true[:, 1] < -1).all()


def test_a_mirrored_picture_has_mirrored_pupils():
    image, landmarks, _ = looking(SEEDS[0], (20.0, 0.0))
    pupils = find_pupils(image, landmarks)
    mirrored = flip_pair(image, landmarks, pupils)
    found = find_pupils(np.ascontiguousarray(mirrored[0]), mirrored[1])
    np.testing.assert_allclose(found, mirrored[2], atol=0.5)


@pytest.mark.parametrize("value", [0, 90, 255])
@pytest.mark.parametrize("shift", [0, -FACE[36:48].mean(0), 2 * SIZE])
def test_without_anything_dark_a_pupil_is_still_inside_its_eye(value, shift):
    """In a plain picture, at its edge, and beside it."""
    face = (FACE + shift).astype(np.float32)
    pupils = find_pupils(np.full((SIZE, SIZE, 3), value, np.uint8), face)
    assert pupils.shape == (2, 2) and pupils.dtype == np.float32
    for name, pupil in zip(("left_eye", "right_eye"), pupils, strict=True):
        eye = face[REGIONS[name]]
        assert (eye.min(0) <= pupil).all() and (pupil <= eye.max(0)).all()


def test_a_closed_eye_has_its_pupil_on_the_line():
    face = FACE.astype(np.float32)
    face[36:48, 1] = 100.0
    pupils = find_pupils(np.full((SIZE, SIZE, 3), 90, np.uint8), face)
    np.testing.assert_allclose(pupils[:, 1], 100, atol=1)
