"""The studio's pictures and the truth that comes with them."""

import json
from functools import cache

import cv2
import numpy as np
import pytest

from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.errors import ConsentError, LessonError, MediaError
from deepfake_lesson.landmarks import head_pose, interocular
from deepfake_lesson.people import open_person
from deepfake_lesson.studio import (
    RESERVED_SEEDS,
    TRACKS,
    Camera,
    Identity,
    Light,
    Moment,
    Part,
    Performance,
    Pose,
    Recipe,
    Scene,
    record,
    render,
    render_moment,
    render_pair,
    render_performance,
    sound_track,
)
from deepfake_lesson.studio.camera import film_curve
from deepfake_lesson.studio.rasterizer import empty_samples, rasterize, soft_shadow, vertex_normals
from deepfake_lesson.studio.textures import noise, pyramid
from deepfake_lesson.video import probe, read_frames

ANNA, BELA, CARL = RESERVED_SEEDS["tests"][:3]


@cache
def person(seed):
    return Identity.sample(seed)


@pytest.fixture(scope="module")
def frame():
    return render(person(ANNA), {"AU12": 0.3}, Pose(8, 3, -4), size=256)


# rasteriser


def drawn(screen, triangles, cutout=None, alpha=None, size=32):
    screen, triangles = np.array(screen, np.float32), np.array(triangles, np.int32)
    cutout = np.zeros(len(triangles), bool) if cutout is None else np.array(cutout)
    alpha = np.ones((1, 1), np.float32) if alpha is None else alpha
    uv = (screen[:, :2] / size).astype(np.float32)
    samples = empty_samples(size, size)
    rasterize(screen, triangles, cutout, uv, alpha, False, samples)
    return samples


def test_a_triangle_covers_its_area_and_its_weights_interpolate_depth():
    corners = [(2, 3, 1.0), (29, 8, 2.0), (9, 30, 4.0)]
    samples = drawn(corners, [(0, 1, 2)])
    area = abs(27 * 27 - 5 * 7) / 2
    covered = samples.index == 0
    assert covered.sum() == pytest.approx(area, rel=0.05)
    y, x = np.nonzero(covered)
    plane = np.linalg.solve([(cx, cy, 1) for cx, cy, _ in corners], [z for *_, z in corners])
    expected = np.column_stack([x + 0.5, y + 0.5, np.ones(len(x))]) @ plane
    np.testing.assert_allclose(samples.depth[covered], expected, atol=1e-4)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearest_triangle_wins_in_any_order(order):
    near = [(0, 0, 1.0), (32, 0, 1.0), (0, 32, 1.0)]
    far = [(0, 0, 2.0), (32, 0, 2.0), (0, 32, 2.0)]
    triangles = [[(0, 1, 2), (3, 4, 5)][k] for k in order]
    samples = drawn(near + far, triangles)
    covered = samples.index >= 0
    assert covered.any()
    np.testing.assert_allclose(samples.depth[covered], 1.0)


def test_cut_out_texels_are_holes_through_which_the_next_triangle_shows():
    alpha = np.zeros((32, 32), np.float32)
    alpha[:, ::2] = 1
    card = [(0, 0, 1.0), (64, 0, 1.0), (0, 64, 1.0)]
    wall = [(0, 0, 2.0), (64, 0, 2.0), (0, 64, 2.0)]
    samples = drawn(card + wall, [(0, 1, 2), (3, 4, 5)], [True, False], alpha)
    np.testing.assert_array_equal(samples.index, np.where(alpha > 0, 0, 1))


def test_normals_of_a_sphere_point_outwards():
    ball = person(ANNA)
    rings = ball.vertices[np.unique(ball.triangles[ball.materials == 2])]
    center = ball.eye_centers[0]
    left = rings[rings[:, 0] < 0]
    radius = np.linalg.norm(left - center, axis=1)
    assert radius.std() < 0.05  # the eyeball is a sphere about its centre
    normals = vertex_normals(ball.vertices, ball.normal_triangles)
    on_ball = np.unique(ball.triangles[ball.materials == 2])
    on_ball = on_ball[ball.vertices[on_ball, 0] < 0]
    outwards = (ball.vertices[on_ball] - center) / radius[:, None]
    front = outwards[:, 2] > 0.3
    assert (normals[on_ball] * outwards).sum(1)[front].min() > 0.95


def test_what_lies_behind_an_occluder_is_in_its_shadow():
    depth = np.full((40, 40), 1e9, np.float32)
    depth[:, :20] = 10
    points = np.array([(8, 20, 60), (32, 20, 60), (8, 20, 10)], np.float32)
    taps = np.zeros((1, 2), np.float32)
    np.testing.assert_allclose(soft_shadow(points, depth, taps, 1.0, 2.5, 0.18), [0, 1, 1])


def test_texture_levels_keep_the_mean():
    texture = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    levels = pyramid(texture)
    assert [len(level) for level in levels] == [64, 32, 16, 8]
    for level in levels:
        np.testing.assert_allclose(level.mean((0, 1)), texture.mean((0, 1)), rtol=1e-4)


def test_noise_has_the_asked_grain():
    fine, coarse = (noise(np.random.default_rng(0), 128, cell) for cell in (2, 32))
    assert np.abs(np.diff(fine)).mean() > 5 * np.abs(np.diff(coarse)).mean()


# camera


def test_the_film_curve_rises_from_black_to_white():
    curve = film_curve(np.linspace(0, 2, 500))
    assert curve[0] == 0 and curve[-1] == pytest.approx(1, abs=0.02)
    assert (np.diff(curve) >= -1e-9).all()


def test_grain_belongs_to_the_frame_number():
    flat = np.full((48, 64, 3), 0.2, np.float32)
    camera = Camera(noise=2)
    again, next_frame = camera.develop(flat), camera.frame(1).develop(flat)
    np.testing.assert_array_equal(camera.develop(flat), again)
    assert (again != next_frame).mean() > 0.5
    assert again.std() == pytest.approx(2 * 1.12, rel=0.15)


def test_turning_by_an_angle_and_back_is_no_turn():
    pose = Pose(20, -8, 11)
    np.testing.assert_allclose(pose.rotation() @ pose.rotation().T, np.eye(3), atol=1e-12)
    back = Pose(0, 0, -11).rotation() @ Pose(0, 0, 11).rotation()
    np.testing.assert_allclose(back, np.eye(3), atol=1e-12)


# frames and their truth


def test_the_same_arguments_give_the_same_pixels(frame):
    again = render(person(ANNA), {"AU12": 0.3}, Pose(8, 3, -4), size=256)
    np.testing.assert_array_equal(frame.image, again.image)
    np.testing.assert_array_equal(frame.landmarks, again.landmarks)
    assert (render(person(BELA), {"AU12": 0.3}, Pose(8, 3, -4)).image != frame.image).any()


def test_frames_have_the_shape_that_was_asked_for():
    wide = render(person(ANNA), size=(200, 120), supersample=1)
    assert wide.image.shape == (120, 200, 3) and wide.image.dtype == np.uint8
    for truth in (wide.face_mask, wide.depth, wide.parts):
        assert truth.shape == (120, 200)
    assert wide.landmarks.shape == (68, 2) and wide.points5.shape == (5, 2)
    assert wide.face_mask.any()


def test_landmarks_scale_with_the_picture(frame):
    double = render(person(ANNA), {"AU12": 0.3}, Pose(8, 3, -4), size=512, supersample=1)
    np.testing.assert_allclose(double.landmarks, 2 * (frame.landmarks + 0.5) - 0.5, atol=1e-2)


def test_parts_depth_and_mask_tell_the_same_story(frame):
    seen = frame.parts != Part.BACKGROUND
    np.testing.assert_array_equal(seen, frame.depth > 0)
    masked = set(np.unique(frame.parts[frame.face_mask]))
    assert masked <= {Part.SKIN, Part.BROW, Part.EYE, Part.LIPS, Part.TEETH, Part.MOUTH}
    assert {Part.SKIN, Part.BROW, Part.EYE, Part.LIPS} <= masked
    inside = cv2.convexHull(np.round(frame.landmarks).astype(np.int32))
    y, x = np.nonzero(frame.face_mask)
    distances = [
        cv2.pointPolygonTest(inside, (int(a), int(b)), True) for a, b in zip(x, y, strict=True)
    ]
    assert min(distances) > -1.5
    assert np.median(frame.depth[frame.face_mask]) < np.median(frame.depth[seen])


def test_landmarks_lie_on_what_they_name(frame):
    def parts_near(point, reach=3):
        x, y = np.round(point).astype(int)
        return set(np.unique(frame.parts[y - reach : y + reach + 1, x - reach : x + reach + 1]))

    for eye in frame.points5[:2]:
        assert Part.EYE in parts_near(eye)
    for lip in (51, 57, 48, 54):
        assert Part.LIPS in parts_near(frame.landmarks[lip])
    for brow in (19, 24):
        assert Part.BROW in parts_near(frame.landmarks[brow], 5)
    assert parts_near(frame.landmarks[30]) == {Part.SKIN}


def test_an_open_mouth_shows_teeth_and_a_blink_hides_the_eyes():
    shut = render(person(ANNA), {})
    wide = render(person(ANNA), {"AU26": 0.9, "AU25": 0.5})
    blink = render(person(ANNA), {"AU45": 1.0})
    inner = {Part.TEETH, Part.MOUTH}
    assert np.isin(wide.parts, list(inner)).sum() > 10 * np.isin(shut.parts, list(inner)).sum() + 50
    assert (blink.parts == Part.EYE).sum() < 0.35 * (shut.parts == Part.EYE).sum()


@pytest.mark.parametrize("pose", [Pose(22, 0, 0), Pose(-22, 5, 0), Pose(0, 12, 0), Pose(0, 0, 15)])
def test_the_pose_agrees_with_the_pose_read_from_the_landmarks(pose):
    def read(asked):
        landmarks = render(person(BELA), pose=asked, size=128, supersample=1).landmarks
        return np.array(head_pose(landmarks, (128, 128)))

    turn = read(pose) - read(Pose())
    np.testing.assert_allclose(turn, [pose.yaw, pose.pitch, pose.roll], atol=7)


@pytest.mark.parametrize("seed", RESERVED_SEEDS["tests"][:4])
def test_dlib_finds_the_face_and_its_landmarks(seed):
    scene = Scene.sample(seed)
    picture = render(
        person(seed), {"AU12": 0.2}, Pose(9, -3, 3), Light(), scene.camera, scene.background
    )
    (face,) = detect_faces(picture.image, "hog", smallest=0.25)
    error = np.linalg.norm(face.landmarks - picture.landmarks, axis=1).mean()
    assert error / interocular(picture.landmarks) < 0.08


def test_the_background_shows_around_the_person_only():
    red = np.zeros((20, 30, 3), np.float32)
    red[..., 0] = 1
    picture = render(person(ANNA), background=red, size=128)
    empty = cv2.erode((picture.parts == 0).astype(np.uint8), np.ones((15, 15))) > 0
    assert (picture.image[empty] == [picture.image[0, 0, 0], 0, 0]).all()
    assert picture.image[picture.face_mask][:, 1].min() > 0


def test_the_perfect_swap_changes_the_person_and_nothing_else():
    moment = Moment({"AU12": 0.5, "AU26": 0.3}, Pose(12, 4, 2))
    scene = Scene.sample(7)
    a, b = render_pair(person(ANNA), person(CARL), moment, scene, size=192)
    assert (a.pose, a.expression) == (b.pose, b.expression)
    difference = np.abs(a.image.astype(int) - b.image).max(-1)
    assert difference[a.face_mask & b.face_mask].mean() > 5
    far = cv2.dilate(((a.parts | b.parts) > 0).astype(np.uint8), np.ones((15, 15))) == 0
    assert far.mean() > 0.1 and difference[far].max() == 0


def test_a_moments_own_light_comes_before_the_scenes():
    scene, lit = Scene(light=Light(azimuth=-50)), Light(azimuth=50)
    left = render_moment(person(ANNA), Moment({}), scene, 96)
    right = render_moment(person(ANNA), Moment({}, light=lit), scene, 96)

    def right_minus_left(f):
        bright = f.image.mean(-1) * f.face_mask
        middle = int(f.landmarks[27:31, 0].mean())
        return bright[:, middle:].sum() - bright[:, :middle].sum()

    assert right_minus_left(right) > right_minus_left(left)


# performances and sound


@pytest.mark.parametrize("name", TRACKS)
def test_performances_are_smooth_repeatable_and_in_range(name):
    acting = Performance.named(name, seconds=4, fps=25, seed=3)
    assert len(acting) == 100 and acting.seconds == 4
    assert acting == Performance.named(name, 4, 25, 3)
    assert acting != Performance.named(name, 4, 25, 4)
    angles = np.array([(m.pose.yaw, m.pose.pitch, m.pose.roll) for m in acting])
    assert np.abs(np.diff(angles, axis=0)).max() < 5
    for unit in acting[0].expression:
        curve = acting.curve(unit)
        if not unit.startswith("gaze"):
            assert curve.min() >= 0 and curve.max() <= 1
        if unit not in ("AU45", "gaze_x", "gaze_y"):  # lids and eyes jump
            assert np.abs(np.diff(curve)).max() < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_the_screen_test_covers_poses_and_expressions(seed):
    acting = Performance.named("screen_test", seconds=4, seed=seed)
    yaw, pitch = np.array([(m.pose.yaw, m.pose.pitch) for m in acting]).T
    for angles, reach in ((yaw, 24), (pitch, 11)):
        assert angles.min() < -reach and angles.max() > reach
    for unit in ("AU1", "AU4", "AU6", "AU9", "AU12", "AU15", "AU18", "AU26", "AU45"):
        assert acting.curve(unit).max() > 0.5


def test_an_unknown_performance_is_refused():
    with pytest.raises(LessonError, match="talk"):
        Performance.named("opera")


def test_light_moves_slowly_when_asked():
    acting = Performance.named("rest", 1).under_moving_light(Light(azimuth=10), degrees=20)
    azimuths = [moment.light.azimuth for moment in acting]
    assert azimuths[0] == pytest.approx(0) and azimuths[-1] == pytest.approx(20)


def test_the_voice_is_as_long_as_the_pictures_and_as_loud_as_the_mouth_is_open():
    acting = Performance.named("talk", seconds=4, fps=25, seed=1)
    samples, rate = sound_track(acting)
    assert rate == 44100 and samples.dtype == np.float32
    assert len(samples) == 4 * rate and np.abs(samples).max() <= 1
    loudness = np.sqrt((samples.reshape(len(acting), -1) ** 2).mean(1))
    opening = acting.curve("AU26") + 0.35 * acting.curve("AU25") + 0.2 * acting.curve("AU18")
    assert np.corrcoef(loudness, opening)[0, 1] > 0.7
    silent, _ = sound_track(Performance.named("rest", 1))
    assert np.abs(silent).max() == 0


# recipes


def test_a_recipe_survives_its_file(tmp_path):
    recipe = Recipe(CARL, "nod", 2, 24, (96, 64), seed=5)
    recipe.save(tmp_path / "clip.json")
    assert Recipe.load(tmp_path / "clip.json") == recipe


@pytest.mark.parametrize(
    "text", ["", "[]", '{"identity": 1}', '{"identity": 1, "size": 8, "hat": 2}']
)
def test_a_broken_recipe_is_refused(tmp_path, text):
    path = tmp_path / "clip.json"
    path.write_text(text)
    with pytest.raises(MediaError, match="recipe"):
        Recipe.load(path)


def test_a_recipe_of_another_version_is_refused(tmp_path):
    path = tmp_path / "clip.json"
    Recipe(1).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 0}))
    with pytest.raises(MediaError, match="version"):
        Recipe.load(path)


def test_the_swap_of_a_recipe_keeps_everything_but_the_person():
    recipe = Recipe(ANNA, "talk", seconds=0.12, size=96, seed=2)
    for own, swapped in zip(recipe.frames(), recipe.frames(seed=CARL), strict=True):
        assert own.pose == swapped.pose and own.expression == swapped.expression
        assert (own.image != swapped.image).any()


def test_recorded_people_can_be_opened_and_filmed_again(tmp_path):
    folder = tmp_path / "anna"
    record(ANNA, folder, "talk", seconds=0.4, fps=10, size=(160, 128), seed=1)
    someone = open_person(folder)
    assert (someone.basis, someone.domain, someone.seed) == ("synthetic", "synthetic", ANNA)
    info = probe(someone.media / "clip.mp4")
    assert (info.width, info.height, info.fps, info.audio) == (160, 128, 10, True)
    recipe = Recipe.load(someone.media / "clip.json")
    filmed = list(read_frames(someone.media / "clip.mp4"))
    assert len(filmed) == 4
    for picture, truth in zip(filmed, recipe.frames(), strict=True):
        assert np.abs(picture.astype(int) - truth.image).mean() < 5
    with pytest.raises(ConsentError):
        record(BELA, folder, seconds=0.1)


def test_the_frames_of_a_performance_come_in_order():
    acting = Performance.named("look_around", seconds=0.2, seed=1)
    frames = list(render_performance(person(ANNA), acting, Scene(), size=64, supersample=1))
    assert [f.pose for f in frames] == [moment.pose for moment in acting]
