"""Detectors that are trained: what they see, what they learn, what they know of strange faces."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deepfake_lesson.detection.crops import FaceCrops, crop_face
from deepfake_lesson.detection.domain import Domain
from deepfake_lesson.detection.evaluation import auc
from deepfake_lesson.detection.training import (
    DetectorConfig,
    detector_batch,
    judged_crops,
    load_detector,
    save_detector,
    train_detector,
)
from deepfake_lesson.errors import LessonError, ModelError
from deepfake_lesson.models.forensics import build_backbone
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Light, Pose, render

SMALL = DetectorConfig("meso4", batch_size=8, learning_rate=3e-3, wear=0.1, light=0)
BLENDED = replace(SMALL, data="self_blended")


def film(seed):
    """Six crops of a studio person, 64 pixels, real and then with a coarse grid on them."""
    identity, images, points = Identity.sample(seed), [], []
    for k in range(6):
        light = Light(azimuth=20 * k - 50)
        pose = Pose(4 * k - 10)
        frame = render(identity, pose=pose, light=light, size=128, supersample=1)
        image, landmarks = crop_face(frame.image, frame.landmarks, 64)
        images.append(image)
        points.append(landmarks)
    fakes = np.stack(images)
    fakes[:, ::8] = 255
    every = np.concatenate([np.stack(images), fakes])
    names = np.repeat([f"{seed} real", f"{seed} grid"], 6)
    return FaceCrops(
        every, np.stack(2 * points), np.repeat([0, 1], 6), names, np.repeat(["real", "grid"], 6)
    )


@pytest.fixture(scope="module")
def sets():
    """Crops of two people to learn from and of two others."""
    people = [film(seed) for seed in RESERVED_SEEDS["tests"][:4]]
    return people[0].joined(people[1]), people[2].joined(people[3])


@pytest.fixture(scope="module")
def folder(sets, tmp_path_factory):
    """The folder of a detector of the grid, sixty steps old."""
    path = tmp_path_factory.mktemp("detector") / "model"
    train_detector(*sets, path, SMALL, steps=60, progress=False)
    return path


def test_it_learns_what_tells_fakes_of_people_it_never_saw(sets, folder):
    detector = load_detector(folder)
    scores = detector.p_fake(sets[1].resized(256).images)
    assert auc(sets[1].labels, scores) > 0.9  # 24 faces: by chance less than once in 1,000


def test_the_folder_says_what_was_trained(folder, sets):
    config = json.loads((folder / "config.json").read_text())
    assert config["kind"] == "detector" and config["crop_scale"] == 1.3
    assert config["training"]["network"] == "meso4" and config["crops"] == 24
    header = (folder / "history.csv").read_text().splitlines()[0]
    assert "held_out_auc" in header
    assert (folder / "preview" / "latest.png").is_file()


def test_what_is_shipped_answers_alike_and_is_small(folder, sets, tmp_path):
    detector = load_detector(folder)
    save_detector(detector, tmp_path / "shipped")
    again, images = load_detector(tmp_path / "shipped"), sets[1].resized(256).images
    np.testing.assert_array_equal(again.p_fake(images), detector.p_fake(images))
    assert again.domain.threshold == detector.domain.threshold
    sizes = [path.stat().st_size for path in (tmp_path / "shipped").rglob("*") if path.is_file()]
    assert sum(sizes) < 0.5e6 and not list((tmp_path / "shipped").rglob("optimizer*"))


def test_a_training_goes_on_as_if_it_had_not_stopped(sets, tmp_path):
    for name, stops in (("once", [6]), ("twice", [3, 6])):
        for steps in stops:
            report = train_detector(*sets, tmp_path / name, SMALL, steps=steps, progress=False)
    assert (report.step, report.steps) == (6, 3)
    once, twice = (load_detector(tmp_path / name) for name in ("once", "twice"))
    images = sets[1].resized(256).images
    np.testing.assert_allclose(once.p_fake(images), twice.p_fake(images), atol=1e-4)


def test_self_blended_data_needs_no_fake(sets, tmp_path):
    reals = [each.real for each in sets]
    report = train_detector(*reals, tmp_path, BLENDED, steps=2, progress=False)
    assert report.steps == 2 and load_detector(tmp_path).config.data == "self_blended"


def test_half_of_a_batch_is_fake_and_a_step_always_brings_the_same(sets):
    for config in (SMALL, BLENDED):
        crops = sets[0].resized(256)
        images, labels = detector_batch(5, crops, config)
        assert images.shape == (8, 256, 256, 3) and images.dtype == np.float32
        assert images.min() >= 0 and images.max() <= 1
        assert labels.ravel().tolist() == [0] * 4 + [1] * 4
        np.testing.assert_array_equal(images, detector_batch(5, crops, config)[0])
        assert not np.array_equal(images, detector_batch(6, crops, config)[0])


def test_with_a_boundary_a_batch_says_where_the_two_pictures_meet(sets):
    crops, config = sets[0].real.resized(256), replace(BLENDED, boundary=0.5)
    images, targets = detector_batch(5, crops, config)
    plain, labels = detector_batch(5, crops, BLENDED)
    np.testing.assert_array_equal(images, plain)
    np.testing.assert_array_equal(targets["p_fake"], labels)
    seams = targets["boundary"]
    assert seams.shape == (8, 256, 256, 1) and not seams[:4].any()
    assert 0.3 < seams[4:].max() <= 1.001
    unlike = np.abs(images[:4] - images[4:]).max(-1)[seams[4:, ..., 0] > 0.5]
    assert np.median(unlike) > np.median(np.abs(images[:4] - images[4:]))


def test_a_boundary_is_trained_and_only_the_network_is_shipped(sets, tmp_path):
    config = replace(BLENDED, boundary=0.5)
    reals = [each.real for each in sets]
    train_detector(*reals, tmp_path / "model", config, steps=1, progress=False)
    report = train_detector(*reals, tmp_path / "model", config, steps=2, progress=False)
    assert report.step == 2
    detector, faces = load_detector(tmp_path / "model"), sets[0].resized(256).images
    save_detector(detector, tmp_path / "shipped")
    shipped = load_detector(tmp_path / "shipped")
    assert shipped.config.boundary == 0
    np.testing.assert_array_equal(detector.p_fake(faces), shipped.p_fake(faces))


def test_a_boundary_of_labelled_fakes_is_refused():
    with pytest.raises(LessonError, match="self_blended"):
        replace(SMALL, boundary=0.5)


def test_a_self_blended_fake_is_worn_as_the_real_face_beside_it(sets):
    config = replace(BLENDED, light=1.0, wear=1.0)
    images, _ = detector_batch(1, sets[0].real.resized(256), config)
    corners = images[:, :3, :3].reshape(2, 4, -1)  # outside of every hull
    np.testing.assert_allclose(corners[0], corners[1], atol=0.05)
    assert np.abs(images[:4] - images[4:]).max() > 0.05


def test_all_makers_are_drawn_equally_often(sets):
    crops = sets[0].resized(256)
    rare = crops.where([5, 17])  # a real one and a grid
    rare.makers[1], rare.images[1] = "red", (255, 0, 0)
    config = replace(SMALL, wear=0, batch_size=64)
    images, _ = detector_batch(0, crops.joined(rare), config)
    is_red = (images[32:, 128, 128, 0] > 0.9) & (images[32:, 128, 128, 1] < 0.1)
    assert 8 <= is_red.sum() <= 24


def test_judged_faces_of_self_blended_data_are_pairs(sets):
    judged = judged_crops(sets[1].real, BLENDED, most=8)
    assert judged.labels.tolist() == [0] * 4 + [1] * 4
    assert set(judged.makers) == {"real", "self_blended"}


class TestDomain:
    def test_known_faces_are_usual_and_others_strange(self, folder, sets):
        detector = load_detector(folder)
        images = sets[1].resized(256).images
        noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
        assert not detector.domain.is_strange(detector.features(images[:6]))
        assert detector.domain.is_strange(detector.features(noise))

    def test_distance_is_one_on_average_and_grows_outside_of_the_known_directions(self):
        rng = np.random.default_rng(4)
        known = rng.normal(size=(400, 6)) * (3, 2, 1, 0, 0, 0)
        domain = Domain.of(known[:300], known[300:], np.arange(100) // 5)
        assert domain.distance(known).mean() == pytest.approx(0.9, abs=0.15)
        assert not domain.is_strange(known[:5])
        aside = np.zeros((3, 6))
        aside[:, 5] = 1.0
        assert domain.is_strange(aside)

    def test_it_comes_back_from_its_file(self, tmp_path):
        known = np.random.default_rng(1).normal(size=(40, 5))
        domain = Domain.of(known, known, np.arange(40))
        domain.save(tmp_path / "domain.npz")
        again = Domain.load(tmp_path / "domain.npz")
        np.testing.assert_array_equal(domain.distance(known), again.distance(known))
        assert again.threshold == domain.threshold

    def test_a_damaged_file_or_too_few_faces_are_said(self, tmp_path):
        (tmp_path / "domain.npz").write_bytes(b"no")
        with pytest.raises(ModelError, match=r"domain\.npz"):
            Domain.load(tmp_path / "domain.npz")
        with pytest.raises(LessonError, match="are only 3"):
            Domain.of(np.zeros((3, 2)), np.zeros((9, 2)), np.arange(9))


class TestRefused:
    def test_settings(self):
        for wrong, words in (
            ({"network": "xception"}, "xception"),
            ({"data": "guessed"}, "guessed"),
            ({"batch_size": 5}, "odd"),
            ({"size": 8}, "size 8"),
            ({"wear": 2}, "wear 2"),
            ({"network": "meso4", "size": 128}, "takes 256"),
        ):
            with pytest.raises(LessonError, match=words):
                replace(SMALL, **wrong)

    def test_data(self, sets, tmp_path):
        with pytest.raises(LessonError, match="hold no fake"):
            train_detector(sets[0].real, sets[1], tmp_path, SMALL, steps=1)
        with pytest.raises(LessonError, match="are in both sets"):
            train_detector(sets[0], sets[0], tmp_path, SMALL, steps=1)
        with pytest.raises(LessonError, match="hold no real"):
            fakes = sets[0].where(sets[0].labels == 1)
            train_detector(fakes, sets[1], tmp_path, BLENDED, steps=1)
        assert not list(tmp_path.iterdir())

    def test_other_settings_in_the_folder(self, sets, folder):
        with pytest.raises(ModelError, match="other settings"):
            train_detector(*sets, folder, replace(SMALL, seed=1), steps=31, progress=False)

    def test_folders(self, folder, tmp_path):
        with pytest.raises(ModelError, match="there is no model"):
            load_detector(tmp_path)
        settings = json.loads((folder / "config.json").read_text())
        for broken in ({"kind": "face swap"}, {"training": {"network": "none"}}, {"training": 3}):
            (tmp_path / "config.json").write_text(json.dumps(settings | broken))
            with pytest.raises(ModelError, match="config"):
                load_detector(tmp_path)


class TestBackbones:
    @pytest.mark.parametrize("name", ["efficientnetlite0", "mobilenetv3small", "efficientnetb0"])
    def test_they_answer_with_p_fake(self, name):
        network = build_backbone(name, 64)
        answer = network.predict_on_batch(np.full((2, 64, 64, 3), 0.5, np.float32))
        assert answer.shape == (2, 1) and ((answer > 0) & (answer < 1)).all()

    def test_the_small_one_is_small_enough_to_ship(self):
        assert 4 * build_backbone("mobilenetv3small", 64).count_params() < 5e6

    def test_the_seed_decides_the_weights(self):
        first, again, other = (
            build_backbone("mobilenetv3small", 32, seed=seed).get_weights() for seed in (3, 3, 4)
        )
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert not np.array_equal(first[0], other[0])

    def test_others_are_refused(self):
        for arguments, words in (
            (("vgg",), "vgg"),
            (("efficientnetb0", 8), "size 8"),
            (("mobilenetv3small", 64, "face"), "weights 'face'"),
        ):
            with pytest.raises(LessonError, match=words):
                build_backbone(*arguments)
