"""The morphable model against the studio, which knows the truth about every face."""

import numpy as np
import pytest
import skimage.data

from deepfake_lesson.correction import WEIGHTS, correct_landmarks, learn_correction
from deepfake_lesson.detectors import detect_faces, predict_landmarks
from deepfake_lesson.errors import LessonError
from deepfake_lesson.landmarks import interocular, transform_points
from deepfake_lesson.morphable import COMPONENTS, UNITS, draw_fit, face_model, fit_landmarks
from deepfake_lesson.studio import (
    RESERVED_SEEDS,
    Identity,
    Part,
    Pose,
    render,
    sample_expression,
)
from deepfake_lesson.studio.prior import sample_shape, shape_landmarks

SIZE = (160, 160)
POSES = [Pose(), Pose(22, 0, 5), Pose(-20, 12, -10), Pose(5, -14, 0), Pose(60, 0, 0)]


@pytest.fixture(scope="module")
def person():
    return Identity.sample(RESERVED_SEEDS["tests"][2])


def take(person, expression=None, pose=POSES[0]):
    return render(person, expression, pose, size=SIZE, supersample=1)


@pytest.fixture(scope="module")
def smiling(person):
    return take(person, {"AU12": 0.9, "AU6": 0.5, "AU25": 0.4}, Pose(15, 6, 4))


@pytest.fixture(scope="module")
def fit(smiling):
    return fit_landmarks(smiling.landmarks, SIZE)


def angle(first, second):
    """Degrees between two heads."""
    cosine = (np.trace(first.rotation() @ second.rotation().T) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@pytest.mark.parametrize("pose", POSES)
def test_pose_is_found_and_landmarks_are_met(person, pose):
    frame = take(person, {"AU26": 0.3}, pose)
    fit = fit_landmarks(frame.landmarks, SIZE)
    error = np.linalg.norm(fit.landmarks - frame.landmarks, axis=1).mean()
    assert angle(fit.pose, pose) < 5
    assert fit.residual < 0.015
    assert fit.residual == pytest.approx(error / interocular(frame.landmarks), rel=1e-3)


@pytest.mark.parametrize("units", [("AU26",), ("AU12",), ("AU1", "AU2"), ("AU45",)])
def test_a_moved_muscle_is_told_from_one_at_rest(person, units):
    pose = Pose(8, 4, 0)
    rest, moved = (
        fit_landmarks(take(person, dict.fromkeys(units, strength), pose).landmarks, SIZE)
        for strength in (0.0, 0.9)
    )
    rise = [moved.expression[unit] - rest.expression[unit] for unit in units]
    assert np.mean(rise) > 0.3
    assert set(rest.expression) == set(UNITS)
    assert all(0 <= value <= 1 for value in moved.expression.values())


def test_the_fitted_person_rendered_has_the_given_landmarks(person, smiling, fit):
    again = render(
        fit.person(person), fit.expression, fit.pose, camera=fit.camera, size=SIZE, supersample=1
    )
    error = np.linalg.norm(again.landmarks - smiling.landmarks, axis=1).mean()
    assert error < 0.03 * interocular(smiling.landmarks)


def test_a_larger_picture_of_the_same_face_gives_the_same_numbers(smiling, fit):
    larger = fit_landmarks(3 * (smiling.landmarks + 0.5) - 0.5, (3 * SIZE[0], 3 * SIZE[1]))
    assert angle(larger.pose, fit.pose) < 0.2
    np.testing.assert_allclose(larger.identity, fit.identity, atol=0.05)
    assert larger.residual == pytest.approx(fit.residual, rel=0.02)


def test_a_small_face_in_the_corner_of_a_large_picture_is_fitted(smiling, fit):
    small = fit_landmarks(0.5 * smiling.landmarks + (3800, 2700), (4000, 3000))
    assert angle(small.pose, fit.pose) < 0.2
    assert small.residual == pytest.approx(fit.residual, rel=0.02)


def test_less_trust_in_the_landmarks_means_a_face_nearer_to_the_mean(smiling):
    fits = [fit_landmarks(smiling.landmarks, SIZE, noise) for noise in (0.005, 0.02, 0.1)]
    sizes = [np.linalg.norm(fit.identity) for fit in fits]
    residuals = [fit.residual for fit in fits]
    assert sizes[0] > sizes[1] > sizes[2]
    assert residuals[0] < residuals[1] < residuals[2]


def test_components_are_one_standard_deviation_of_the_people_of_the_studio():
    model, rng, no_bumps = face_model(), np.random.default_rng(0), np.zeros((0, 10))
    shapes = [sample_shape(rng, rng.uniform(-1, 1), rng.uniform())[0] for _ in range(40)]
    mean = shape_landmarks(dict(zip(shapes[0], model.mean_traits, strict=True)), no_bumps)
    faces = np.array([(shape_landmarks(shape, no_bumps) - mean).ravel() for shape in shapes])
    components = model.components[:, :, 0].reshape(COMPONENTS, -1)
    scores = faces @ np.linalg.pinv(components)
    left = faces - scores @ components
    assert 0.7 < np.sqrt((scores**2).mean()) < 1.15
    assert abs(scores.mean()) < 0.1
    assert (left**2).sum() < 0.03 * (faces**2).sum()


def test_a_real_photograph_is_explained():
    image = skimage.data.astronaut()
    landmarks = detect_faces(image)[0].landmarks
    fit = fit_landmarks(landmarks, (512, 512), noise=0.04)
    assert fit.residual < 0.03
    assert abs(fit.pose.yaw) < 10 and abs(fit.pose.pitch) < 15
    assert fit.expression["AU12"] > 0.4
    assert np.sqrt((fit.identity**2).mean()) < 2


def test_the_drawn_head_covers_the_face_and_nothing_else(smiling, fit):
    before = smiling.image.copy()
    drawn = draw_fit(smiling.image, fit)
    changed = (drawn != smiling.image).any(-1)
    skin = smiling.face_mask & (smiling.parts == Part.SKIN)
    np.testing.assert_array_equal(smiling.image, before)
    assert changed[skin].mean() > 0.97
    assert not changed[smiling.depth == 0].mean() > 0.01


@pytest.fixture(scope="module")
def seen():
    """What dlib finds on people whom no training has met, and the truth: (2, 6, 68, 2)."""
    rng, pairs = np.random.default_rng(0), []
    for person in 2 * [Identity.sample(seed) for seed in RESERVED_SEEDS["tests"][5:8]]:
        pose = Pose(rng.uniform(-25, 25), rng.uniform(-15, 15), rng.uniform(-12, 12))
        frame = take(person, sample_expression(rng), pose)
        box = (*frame.landmarks.min(0), *frame.landmarks.max(0))
        pairs.append((predict_landmarks(frame.image, box), frame.landmarks))
    return np.array(pairs).swapaxes(0, 1)


def mean_error(landmarks, exact):
    return np.mean(np.linalg.norm(np.subtract(landmarks, exact), axis=-1))


def test_the_correction_takes_a_fifth_of_dlibs_error_out_on_new_people(seen):
    found, exact = seen
    corrected = [correct_landmarks(landmarks) for landmarks in found]
    assert mean_error(corrected, exact) < 0.8 * mean_error(found, exact)


def test_a_face_moved_turned_and_enlarged_is_corrected_in_the_same_way(seen):
    turn, landmarks = np.radians(30), seen[0, 0]
    matrix = np.array(
        [
            [2.5 * np.cos(turn), -2.5 * np.sin(turn), 400],
            [2.5 * np.sin(turn), 2.5 * np.cos(turn), 9],
        ]
    )
    expected = transform_points(correct_landmarks(landmarks), matrix)
    corrected = correct_landmarks(transform_points(landmarks, matrix))
    np.testing.assert_allclose(corrected, expected, atol=0.01)
    assert corrected.dtype == np.float32 and corrected.shape == (68, 2)


def test_an_error_that_is_always_the_same_is_learned_whole(seen):
    exact = seen[1]
    slip = np.zeros((68, 2))
    slip[48:] = (0, 0.05)  # the mouth too low, by a share of the distance of the eyes
    found = exact + [interocular(landmarks) * slip for landmarks in exact]
    weights = learn_correction(found, exact, price=1e-4)
    corrected = [correct_landmarks(landmarks, weights) for landmarks in found]
    assert mean_error(corrected, exact) < 0.1 * mean_error(found, exact)


def test_with_an_endless_price_nothing_is_corrected(seen):
    weights = learn_correction(*seen, price=1e12)
    np.testing.assert_allclose(correct_landmarks(seen[0, 0], weights), seen[0, 0], atol=1e-3)


def test_the_shipped_correction_is_small():
    assert WEIGHTS.stat().st_size < 100_000


@pytest.mark.parametrize(
    "use", [correct_landmarks, lambda landmarks: fit_landmarks(landmarks, SIZE)]
)
@pytest.mark.parametrize(
    ("landmarks", "problem"),
    [
        (np.zeros((5, 2)), r"\(5, 2\)"),
        (np.full((68, 2), np.nan), "not numbers"),
        (np.ones((68, 2)), "one pixel"),
    ],
)
def test_what_is_no_face_is_refused(landmarks, problem, use):
    with pytest.raises(LessonError, match=problem):
        use(landmarks)


def test_a_picture_without_size_is_refused(smiling):
    with pytest.raises(LessonError, match=r"image size .* not above 0"):
        fit_landmarks(smiling.landmarks, (160, 0))


def test_noise_of_zero_is_refused(smiling):
    with pytest.raises(LessonError, match="not above 0"):
        fit_landmarks(smiling.landmarks, SIZE, noise=0)
