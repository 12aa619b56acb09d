"""Laws of the studio's geometry: symmetry, closed mouths and eyes, action units, repeatability."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from deepfake_lesson.errors import LessonError
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, deform, sample_expression
from deepfake_lesson.studio.anatomy import LANDMARKS, LIP_SAMPLES, template
from deepfake_lesson.studio.expression import ACTION_UNITS, unit_fields
from deepfake_lesson.studio.hair import inside_hair
from deepfake_lesson.studio.parts import Material
from deepfake_lesson.studio.prior import is_plausible, proportions, sample_shape, shape_landmarks
from deepfake_lesson.studio.sculpt import (
    EYE_CENTER,
    EYE_RADIUS,
    SOLID,
    cast,
    signed_distance,
    smoothstep,
    spline,
)
from deepfake_lesson.studio.shape import shape_face, shape_fields

SEEDS = RESERVED_SEEDS["tests"]
MIRRORED = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
MIRRORED += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, *range(54, 47, -1)]
MIRRORED += [*range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)]


@pytest.fixture(scope="module")
def people():
    return [Identity.sample(seed) for seed in SEEDS[:3]]


def landmarks(vertices):
    """(68, 3) landmarks of a mesh, the jaw as seen from the front."""
    mean = template()
    points = (vertices[mean.landmark_vertices] * mean.landmark_weights[..., None]).sum(1)
    points[:17] = vertices[mean.jaw_candidates[:, 0]]
    return points


def test_rays_end_on_the_surface():
    directions = np.random.default_rng(0).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    hits = cast(directions * 200 + [0, -15, 15], -directions, SOLID)
    assert max(abs(signed_distance(*hit, SOLID)) for hit in hits) < 0.05


def test_the_solid_is_symmetric():
    points = np.random.default_rng(1).uniform(-120, 120, (100, 3))
    here = [signed_distance(*point, SOLID) for point in points]
    there = [signed_distance(-x, y, z, SOLID) for x, y, z in points]
    np.testing.assert_allclose(here, there, atol=0.5)


def test_a_spline_passes_through_its_knots():
    knots = np.random.default_rng(2).normal(size=(6, 2))
    np.testing.assert_allclose(spline(knots, 5)[::5], knots[:-1], atol=1e-12)


def test_smoothstep_runs_both_ways():
    assert smoothstep(0, 1, 0.2) == pytest.approx(smoothstep(1, 0, 0.8))


def test_mean_landmarks_are_symmetric():
    points = landmarks(template().vertices)
    np.testing.assert_allclose(points, points[MIRRORED] * [-1, 1, 1], atol=2.5)
    inner = points[17:]
    np.testing.assert_allclose(inner, points[MIRRORED][17:] * [-1, 1, 1], atol=0.6)


def test_open_template_carries_the_landmarks_where_they_were_drawn():
    points = landmarks(template().open_vertices)
    np.testing.assert_allclose(points[17:, :2], LANDMARKS[17:], atol=0.05)


def test_landmark_regions_lie_in_order():
    points = landmarks(template().vertices)
    assert (np.diff(points[:17, 0]) > 0).all()
    assert (np.diff(points[17:27, 0]) > 0).all()
    assert (np.diff(points[27:31, 1]) < 0).all()
    brows, eyes, nose, mouth, chin = (
        points[region, 1].mean() for region in (range(17, 27), range(36, 48), 33, range(48, 68), 8)
    )
    assert brows > eyes > nose > mouth > chin


def test_triangles_are_proper_and_materials_match():
    mean = template()
    assert mean.triangles.max() == len(mean.vertices) - 1
    assert mean.triangles.min() == 0
    assert all((np.diff(np.sort(mean.triangles, 1), axis=1) > 0).all(1))
    assert set(mean.materials) == set(Material)


@pytest.mark.parametrize("trait", ["nose_width", "mouth_width", "jaw_width", "eye_distance"])
def test_width_traits_move_the_face_symmetrically(trait):
    field = shape_fields()[trait]
    corners, weights = template().landmark_vertices, template().landmark_weights
    moved = (field[corners] * weights[..., None]).sum(1)[17:]
    np.testing.assert_allclose(moved[:, 0].sum(), 0, atol=0.1)


def test_every_shape_closes_its_mouth():
    rng = np.random.default_rng(5)
    shape, residual = sample_shape(rng, sex=0.3, age=0.5)
    vertices, _ = shape_face(shape, residual)
    loop = template().rings["lip"][0]
    gap = vertices[loop] - vertices[loop[template().lip_pairs]]
    assert abs(gap).max() < 1e-9


def test_sampled_people_have_plausible_proportions(people):
    for person in people:
        points = shape_landmarks(person.shape, np.zeros((0, 10)))
        assert set(proportions(points)) and np.isfinite(list(proportions(points).values())).all()
    rng = np.random.default_rng(6)
    shape, residual = sample_shape(rng, 0, 0.5)
    assert is_plausible(shape_landmarks(shape, residual))
    assert not is_plausible(shape_landmarks({**shape, "mouth_width": -8.0}, residual))


def test_landmarks_of_a_shape_agree_with_its_mesh():
    shape, residual = sample_shape(np.random.default_rng(7), -0.5, 0.2)
    mesh, _ = shape_face(shape, residual)
    quick = shape_landmarks(shape, residual)
    np.testing.assert_allclose(quick[17:48], landmarks(mesh)[17:48], atol=1e-6)


def test_same_seed_is_the_same_person():
    first, second = Identity.sample(SEEDS[0]), Identity.sample(SEEDS[0])
    np.testing.assert_array_equal(first.vertices, second.vertices)
    assert first.look == second.look
    assert abs(first.vertices - Identity.sample(SEEDS[1]).vertices).max() > 1


def test_reserved_seeds_are_disjoint():
    for (name, seeds), (other, others) in combinations(RESERVED_SEEDS.items(), 2):
        assert not set(seeds) & set(others), f"{name} and {other}"


@pytest.mark.parametrize("opening", [{}, {"AU26": 1}, {"AU18": 1, "AU26": 0.5}, {"AU17": 1}])
def test_lips_never_cross(people, opening):
    loop, pairs = template().rings["lip"][0], template().lip_pairs
    for person in people:
        vertices = deform(person, opening)
        upper, lower = loop[1:LIP_SAMPLES], loop[pairs[1:LIP_SAMPLES]]
        assert (vertices[upper, 1] - vertices[lower, 1]).min() > -1e-3


@pytest.mark.parametrize("extra", [{}, {"AU6": 1, "AU12": 1}, {"gaze_y": -15}])
def test_blinks_close_and_never_cut_the_eyeball(people, extra):
    for person in people:
        vertices = deform(person, {"AU45": 1, **extra})
        for side, center in zip(("left", "right"), person.eye_centers, strict=True):
            loops = template().rings[f"{side}_eye"]
            count = loops.shape[1]
            samples = np.arange(1, count // 2)
            gap = vertices[loops[0][samples], 1] - vertices[loops[0][-samples % count], 1]
            assert gap.max() < 1.0
            distance = np.linalg.norm(vertices[loops[:4]] - center, axis=-1)
            assert distance.min() > EYE_RADIUS


def test_open_eyes_are_open(people):
    for person in people:
        points = landmarks(deform(person, {}))
        assert points[37, 1] - points[41, 1] > 4


# unit, landmarks, axis (0 right, 1 up), sign
MOVES = [
    ("AU1", [20, 21, 22, 23], 1, 1),
    ("AU2", [17, 18, 25, 26], 1, 1),
    ("AU4", [20, 21, 22, 23], 1, -1),
    ("AU5", [37, 38, 43, 44], 1, 1),
    ("AU6", [40, 41, 46, 47], 1, 1),
    ("AU10", [50, 52], 1, 1),
    ("AU12", [48, 54], 1, 1),
    ("AU15", [48, 54], 1, -1),
    ("AU17", [8], 1, 1),
    ("AU18", [48], 0, 1),
    ("AU20", [54], 0, 1),
    ("AU25", [66], 1, -1),
    ("AU26", [8, 57], 1, -1),
    ("AU45", [37, 38, 43, 44], 1, -1),
    ("AU45_left", [37, 38], 1, -1),
    ("AU45_right", [43, 44], 1, -1),
]


@pytest.mark.parametrize("unit, indices, axis, sign", MOVES)
def test_action_units_move_their_landmarks(people, unit, indices, axis, sign):
    for person in people:
        moved = landmarks(deform(person, {unit: 1})) - landmarks(deform(person, {}))
        assert (sign * moved[indices, axis] > 0.3).all()


def test_a_wink_leaves_the_other_eye_alone(people):
    moved = deform(people[0], {"AU45_left": 1}) - deform(people[0], {})
    assert abs(moved[template().rings["right_eye"]]).max() == 0


def test_every_unit_is_described():
    units = {unit for name in unit_fields() for unit in name.split("*")}
    assert units <= set(ACTION_UNITS)


def test_eyes_look_where_they_are_told(people):
    ball = template().rings["left_ball"]
    for gaze, axis in (("gaze_x", 0), ("gaze_y", 1)):
        pupil = deform(people[0], {gaze: 15})[ball[0, 0]] - people[0].eye_centers[0]
        assert pupil[axis] == pytest.approx(EYE_RADIUS * np.sin(np.radians(15)), abs=0.2)


def test_unknown_action_unit_is_refused(people):
    with pytest.raises(LessonError, match="AU99"):
        deform(people[0], {"AU99": 1})


def test_sampled_expressions_are_known_and_repeat():
    for seed in range(20):
        expression = sample_expression(np.random.default_rng(seed))
        assert expression == sample_expression(np.random.default_rng(seed))
        assert set(expression) <= {*ACTION_UNITS, "gaze_x", "gaze_y"}


def test_hair_grows_above_the_hairline(people):
    style = replace(people[0].look.hair, line=0.0, bangs=0.0, receding=0.0)
    crown, brow = np.array([[0.0, 110, -20]]), np.array([[0.0, 20, 90]])
    assert inside_hair(crown, style)[0] > 0 > inside_hair(brow, style)[0]


def test_strands_stay_out_of_the_head():
    seeds = (seed for seed in range(200, 400) if seed not in RESERVED_SEEDS["base"])
    wearer = next(p for p in map(Identity.sample, seeds) if p.look.hair.long)
    cards = wearer.vertices[template().rings["long_hair"]].reshape(-1, 3)
    assert np.isfinite(cards).all()
    depth = np.array([signed_distance(*point.astype(float), SOLID) for point in cards])
    assert (depth > -3).mean() > 0.99


def test_what_is_not_worn_is_not_drawn(people):
    for person in people:
        drawn = set(person.materials)
        assert (Material.GLASSES in drawn) == person.look.glasses
        assert (Material.LONG_HAIR in drawn) == person.look.hair.strands
        assert len(person.triangles) == len(person.materials)


def test_eyeballs_fit_their_sockets(people):
    for person in people:
        np.testing.assert_allclose(person.eye_centers[1], EYE_CENTER, atol=12)
        assert person.eye_centers[0][0] < 0 < person.eye_centers[1][0]
