"""Reports on clips, by a detector of which is known what it sees: red faces are fakes to it."""

import json
import re
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
from clips import write_video
from typer.testing import CliRunner

from deepfake_lesson.checkpoints import Checkpoint, Trainee, save_checkpoint, write_config
from deepfake_lesson.cli import app
from deepfake_lesson.detection.detect import CAVEATS, DetectionReport, FaceReport, detect
from deepfake_lesson.detection.domain import Domain
from deepfake_lesson.detection.report import timeline, write_report
from deepfake_lesson.detection.saliency import grad_cam, overlay
from deepfake_lesson.detection.training import Detector, DetectorConfig
from deepfake_lesson.errors import LessonError, MediaError, ModelError
from deepfake_lesson.images import write_image
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Pose, render

SIZE = 64


def red_detector(domain=None):
    """A network of one 1 x 1 convolution: the redder, the more likely fake."""
    picture = keras.Input((SIZE, SIZE, 3))
    redness = keras.layers.Conv2D(2, 1, activation="relu", name="redness")
    x = keras.layers.GlobalAveragePooling2D()(redness(picture))
    p_fake = keras.layers.Dense(1, "sigmoid")
    network = keras.Model(picture, p_fake(x))
    red_and_not = np.array([[1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]]).reshape(1, 1, 3, 2)
    redness.set_weights([red_and_not, np.array([-0.25, 0.0])])
    p_fake.set_weights([np.array([[200.0], [0.0]]), np.array([-4.0])])
    config = DetectorConfig("mobilenetv3small", SIZE)
    return Detector(config, network, "studio people", domain)


@pytest.fixture(scope="module")
def frames():
    """Two people, three frames each, (192, 192, 3)."""
    people = [Identity.sample(seed) for seed in RESERVED_SEEDS["tests"][:2]]
    return [[render(who, pose=Pose(yaw), size=192, supersample=1).image for yaw in (-4, 0, 4)]
            for who in people]  # fmt: skip


def reddened(image):
    return np.clip(np.add(image, (90, -30, -30)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def filmed(frames, tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("clips") / "filmed.mp4", frames[0])


@pytest.fixture(scope="module")
def one_red(frames, tmp_path_factory):
    """Two faces side by side; the right one is red."""
    both = (np.hstack([a, reddened(b)]) for a, b in zip(*frames, strict=True))
    return write_video(tmp_path_factory.mktemp("clips") / "one_red.mp4", both)


@pytest.fixture(scope="module")
def found(one_red):
    return detect(one_red, red_detector())


def test_each_face_has_its_own_scores(found):
    assert len(found.faces) == 2 and all(face.numbers == [0, 1, 2] for face in found.faces)
    low, high = sorted(found.faces, key=lambda face: face.p_fake)
    assert max(low.scores) < 0.2 and min(high.scores) > 0.8
    assert found.p_fake == high.p_fake == pytest.approx(np.mean(high.scores))
    assert found.verdict == "likely fake"
    assert high.interval[0] <= high.p_fake <= high.interval[1]


def test_the_most_suspicious_frames_come_first(found):
    for face in found.faces:
        scores = [face.scores[row] for row in face.suspicious]
        assert scores == sorted(face.scores, reverse=True)
        assert [pair.shape for pair in face.pictures] == [(2, SIZE, SIZE, 3)] * 3


def test_a_filmed_face_is_no_sign_of_a_fake_and_says_no_more(filmed):
    report = detect(filmed, red_detector(), aggregation="max")
    assert report.verdict == "no sign of a fake" and report.p_fake < 0.2
    assert report.words[-len(CAVEATS) :] == list(CAVEATS)
    assert any("learnt from studio people" in text for text in report.words)


def test_without_a_face_there_is_no_verdict(tmp_path):
    wall = np.full((96, 96, 3), 120, np.uint8)
    write_image(tmp_path / "wall.png", wall)
    for clip in (tmp_path / "wall.png", write_video(tmp_path / "wall.mp4", [wall] * 3)):
        report = detect(clip, red_detector())
        assert (report.verdict, report.p_fake, report.interval) == ("no verdict", None, None)
        assert "may be real or made" in report.words[0] and "p_fake" not in report.words[0]


def test_a_picture_is_judged_without_an_interval(frames, tmp_path):
    write_image(tmp_path / "red.png", reddened(frames[0][1]))
    report = detect(tmp_path / "red.png", red_detector())
    assert report.verdict == "likely fake" and report.interval is None and report.fps is None


def test_strange_faces_bring_a_warning_instead_of_a_verdict(filmed, one_red):
    plain, detector = np.random.default_rng(0), red_detector()
    known = plain.normal((0.0, 0.1), (0.001, 0.02), (60, 2))
    detector = replace(detector, domain=Domain.of(known, known, np.arange(60) // 3))
    report = detect(one_red, detector)
    assert report.verdict == "out of domain" and "means little" in report.words[0]
    strange = [face.out_of_domain for face in report.faces]
    assert True in strange
    assert detect(filmed, red_detector()).faces[0].out_of_domain is None


def test_a_face_that_passes_by_does_not_decide():
    def face(p_fake, count):
        return FaceReport(p_fake, (p_fake, p_fake), list(range(count)), [p_fake] * count, None,
                          None, [], [])  # fmt: skip

    report = DetectionReport("c", "n", "t", "mean", 25.0, [face(0.1, 20), face(0.9, 2)])
    assert report.verdict == "no sign of a fake"
    assert replace(report, faces=[face(0.1, 20), face(0.9, 6)]).verdict == "likely fake"
    wide = replace(face(0.6, 9), interval=(0.4, 0.8))
    assert replace(report, faces=[wide]).verdict == "undecided"


class TestSaliency:
    def test_it_lies_where_the_fake_is(self):
        picture = np.full((SIZE, SIZE, 3), 0.4, np.float32)
        picture[20:40, 8:24, 0] = 1.0
        heat = grad_cam(red_detector().network, picture)
        assert heat.shape == (SIZE, SIZE) and heat.max() == 1
        assert heat[22:38, 10:22].min() > 0.9 and heat[:, 30:].max() == 0

    def test_nothing_speaks_for_a_fake_in_grey(self):
        heat = grad_cam(red_detector().network, np.full((SIZE, SIZE, 3), 0.5, np.float32))
        assert heat.max() == 0
        face = np.full((SIZE, SIZE, 3), 77, np.uint8)
        np.testing.assert_array_equal(overlay(face, heat), face)


class TestPage:
    def test_it_needs_nothing_else_and_shows_everything(self, found, tmp_path):
        write_report(found, tmp_path / "report.html")
        page = (tmp_path / "report.html").read_text()
        assert "://" not in page and "<script" not in page
        assert page.count("data:image/jpeg;base64,") == 1 + 2 * 3
        assert len(re.findall(r'<img alt="[^"]+"', page)) == 7
        for text in ("likely fake", "Face 2: p_fake", "Do not accuse anybody", "Over time"):
            assert text in page

    def test_a_name_with_markup_stays_text(self, found, tmp_path):
        write_report(replace(found, clip="<b>x.mp4"), tmp_path / "report.html")
        assert "&lt;b&gt;x.mp4" in (tmp_path / "report.html").read_text()

    def test_without_a_face_it_has_no_picture(self, found, tmp_path):
        write_report(replace(found, faces=[]), tmp_path / "none.html")
        page = (tmp_path / "none.html").read_text()
        assert "no verdict" in page and "<img" not in page

    def test_the_timeline_has_a_line_for_each_face(self, found):
        with_two, with_one = timeline(found), timeline(replace(found, faces=found.faces[:1]))
        assert with_two.shape == (300, 800, 3)
        orange = (np.abs(with_two.astype(int) - (0xD5, 0x5E, 0)) < 12).all(-1).sum()
        assert orange > 50
        assert (np.abs(with_one.astype(int) - (0xD5, 0x5E, 0)) < 12).all(-1).sum() == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder with a MesoNet that has learnt nothing yet."""
    folder, config = tmp_path_factory.mktemp("model"), DetectorConfig()
    settings = {"training": asdict(config), "trained_on": "nobody"}
    write_config(folder, "detector", settings)
    trainee = Trainee({"detector": config.build()}, {}, lambda batch: {})
    save_checkpoint(folder, trainee, Checkpoint())
    return folder


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(app, ["detect", *map(str, arguments)])

    def test_json_and_page(self, filmed, folder, tmp_path):
        shown = self.run(filmed, "--model", folder, "--json", "--report", tmp_path / "r.html")
        assert shown.exit_code == 0, shown.output
        answer = json.loads(shown.stdout)
        assert len(answer["faces"][0]["frames"]) == 3 and 0 <= answer["p_fake"] <= 1
        assert answer["faces"][0]["frames"][1] == {
            "frame": 1, "seconds": 0.1, "p_fake": answer["faces"][0]["frames"][1]["p_fake"]
        }  # fmt: skip
        assert answer["detector"]["trained_on"] == "nobody"
        assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")

    def test_words_for_people(self, filmed, folder):
        shown = self.run(filmed, "--model", folder, "--frames", 2, "--aggregation", "median")
        assert shown.exit_code == 0 and "p_fake is 0." in shown.stdout
        assert "no probability that the clip is a fake" in shown.stdout

    def test_no_face_is_null_and_not_zero(self, folder, tmp_path):
        write_image(tmp_path / "wall.png", np.full((96, 96, 3), 120, np.uint8))
        shown = self.run(tmp_path / "wall.png", "--model", folder, "--json")
        answer = json.loads(shown.stdout)
        assert answer["p_fake"] is None and answer["verdict"] == "no verdict"

    def test_what_is_wrong_is_said(self, filmed, folder, tmp_path):
        (tmp_path / "text.mp4").write_text("no video")
        for arguments, words in (
            ((filmed, "--model", tmp_path), "there is no model"),
            ((tmp_path / "none.mp4", "--model", folder), "no such file"),
            ((tmp_path / "text.mp4", "--model", folder), "not a video"),
            ((filmed, "--model", folder, "--report", tmp_path / "r.pdf"), "is no page"),
            ((filmed, "--model", folder, "--aggregation", "best"), "aggregation 'best'"),
            ((filmed, "--model", folder, "--detector", "eyes"), "no such detector"),
        ):
            shown = self.run(*arguments)
            assert shown.exit_code == 2 and words in shown.output, shown.output
        assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


def test_the_same_errors_from_python(filmed, tmp_path):
    with pytest.raises(MediaError):
        detect(tmp_path / "none.mp4", red_detector())
    with pytest.raises(ModelError):
        detect(filmed, tmp_path)
    with pytest.raises(LessonError):
        detect(filmed, red_detector(), aggregation="best")
