"""Finding faces, against the studio's truth, dlib itself and a real clip."""

import threading

import cv2
import dlib
import numpy as np
import pytest

from deepfake_lesson.detectors import (
    DETECTORS,
    detect_faces,
    detect_faces_batch,
    model_file,
    predict_landmarks,
)
from deepfake_lesson.errors import LessonError
from deepfake_lesson.landmarks import interocular, transform_points
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Pose, render
from deepfake_lesson.video import read_frames

SEEDS = RESERVED_SEEDS["tests"]


@pytest.fixture(scope="module")
def portrait():
    return render(Identity.sample(SEEDS[0]), pose=Pose(yaw=6, pitch=-3, roll=4), size=320)


@pytest.fixture(scope="module")
def others():
    return [render(Identity.sample(seed), size=256).image for seed in SEEDS[1:5]]


def error(found, truth):
    """Mean distance of two sets of landmarks as a share of the eyes' distance."""
    return np.linalg.norm(found - truth, axis=1).mean() / interocular(truth)


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_detector_finds_the_face_and_its_landmarks(portrait, detector):
    (face,) = detect_faces(portrait.image, detector, smallest=0.25)
    x0, y0, x1, y1 = face.box
    x, y = portrait.landmarks[30]
    assert x0 < x < x1 and y0 < y < y1
    assert face.landmarks.shape == (68, 2) and face.landmarks.dtype == np.float32
    assert face.points5.shape == (5, 2)
    assert error(face.landmarks, portrait.landmarks) < 0.08
    assert face.rotation == 0


def test_landmarks_do_not_shift_with_the_scale_of_the_picture(portrait):
    """Also guards pixel centres: half a pixel of the small copy would be 2 of the large one."""
    small = cv2.resize(portrait.image, (160, 160), interpolation=cv2.INTER_AREA)
    (large_face,) = detect_faces(portrait.image)
    (small_face,) = detect_faces(small)
    back = (small_face.landmarks + 0.5) * 2 - 0.5
    shift = (back - large_face.landmarks).mean(0)
    assert np.abs(shift).max() < 0.02 * interocular(portrait.landmarks)


def test_the_plain_prediction_of_dlib_is_no_better(portrait):
    predictor = dlib.shape_predictor(model_file("shape_predictor_68_face_landmarks.dat"))
    (face,) = detect_faces(portrait.image)
    rectangle = dlib.rectangle(*(round(edge) for edge in face.box))
    plain = predictor(portrait.image, rectangle).parts()
    plain = np.array([(point.x, point.y) for point in plain], np.float32)
    assert error(face.landmarks, plain) < 0.05
    assert error(face.landmarks, portrait.landmarks) < error(plain, portrait.landmarks) + 0.005


def test_landmarks_tremble_less_than_the_box_they_came_from(portrait):
    (face,) = detect_faces(portrait.image)
    shifts = [(-6, -6, -6, -6), (6, 6, 6, 6), (-5, -5, 5, 5), (5, 5, -5, -5)]
    points = [predict_landmarks(portrait.image, np.add(face.box, shift)) for shift in shifts]
    assert np.std(points, axis=0).mean() < 2.5


def test_five_faces_come_from_left_to_right(portrait, others):
    faces = [portrait.image, *others]
    row = np.hstack([cv2.resize(face, (200, 200), interpolation=cv2.INTER_AREA) for face in faces])
    found = detect_faces(row)
    assert len(found) == 5
    centers = [(face.box[0] + face.box[2]) / 2 for face in found]
    assert [int(center // 200) for center in centers] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("angle", [90, 180, -90, 30])
@pytest.mark.parametrize("detector", ["hog", "mtcnn"])
def test_leaning_faces_are_found_in_the_pixels_of_the_picture(portrait, detector, angle):
    size = 480
    turn = cv2.getRotationMatrix2D((159.5, 159.5), -angle, 1.0)
    turn[:, 2] += 80
    leaning = cv2.warpAffine(portrait.image, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    (face,) = detect_faces(leaning, detector, rotate=True)
    assert error(face.landmarks, transform_points(portrait.landmarks, turn)) < 0.08
    assert face.rotation == angle or (angle, face.rotation) == (30, 0)  # seen without a turn


def test_upright_faces_are_preferred(portrait):
    (face,) = detect_faces(portrait.image, rotate=True)
    assert face.rotation == 0


def test_a_12_megapixel_picture_takes_no_longer_than_a_small_one(portrait):
    large = cv2.resize(portrait.image, (3464, 3464), interpolation=cv2.INTER_CUBIC)
    (face,) = detect_faces(large)
    truth = (portrait.landmarks + 0.5) * (3464 / 320) - 0.5
    assert error(face.landmarks, truth) < 0.08


def test_a_small_face_in_a_small_real_clip_is_found(carphone):
    frames = [frame for number, frame in enumerate(read_frames(carphone)) if number % 12 == 0]
    assert all(len(detect_faces(frame)) == 1 for frame in frames)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (20, 20), (90, 130)])
def test_nothing_is_found_where_nothing_is(detector, shape):
    assert detect_faces(np.full((*shape, 3), 127, np.uint8), detector, rotate=True) == []


def test_pictures_need_not_be_contiguous(portrait):
    expected = detect_faces(portrait.image)[0].landmarks
    reversed_twice = portrait.image[..., ::-1].copy()[..., ::-1]
    np.testing.assert_array_equal(detect_faces(reversed_twice)[0].landmarks, expected)


def test_threads_get_the_same_answer(portrait):
    expected = detect_faces(portrait.image)[0].landmarks
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(detect_faces(portrait.image)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all((faces[0].landmarks == expected).all() for faces in answers)


def test_an_unknown_detector_is_named_with_the_known_ones():
    with pytest.raises(LessonError, match=r"magic: no such detector\. Choose one of haar, hog"):
        detect_faces(np.zeros((64, 64, 3), np.uint8), "magic")


def test_a_missing_model_says_what_to_install():
    with pytest.raises(LessonError, match="pip install"):
        model_file("no_such_model.dat")


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_batch_finds_what_single_pictures_show(portrait, others, detector):
    """Of different sizes, one without a face, one too small to look at."""
    empty, tiny = np.full((256, 256, 3), 127, np.uint8), np.zeros((2, 300, 3), np.uint8)
    images = [*others, empty, portrait.image, tiny]
    batch = detect_faces_batch(images, detector)
    assert [len(faces) for faces in batch] == [1, 1, 1, 1, 0, 1, 0]
    for image, faces in zip(images, batch, strict=True):
        for face, single in zip(faces, detect_faces(image, detector), strict=True):
            np.testing.assert_allclose(face.landmarks, single.landmarks, atol=1.0)
            np.testing.assert_allclose(face.box, single.box, atol=1.0)


def test_a_batch_of_no_pictures_is_empty():
    assert detect_faces_batch([]) == []


@pytest.mark.parametrize("smallest", [0, -1, 3, float("nan")])
def test_a_size_that_is_no_share_of_the_picture_is_refused(portrait, smallest):
    with pytest.raises(LessonError, match="out of range"):
        detect_faces(portrait.image, smallest=smallest)
