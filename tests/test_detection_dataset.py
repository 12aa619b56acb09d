"""The set that this project makes: split by person, every maker, resumable, honest about labels."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from deepfake_lesson.detection.dataset import (
    PATTERN,
    SPLITS,
    SetOptions,
    load_crops,
    make_detection_set,
    plan,
    read_manifest,
)
from deepfake_lesson.detection.makers import MAKERS, VARIANTS, Take, copied, moved, reenacted
from deepfake_lesson.errors import LessonError, MediaError, NoFaceError
from deepfake_lesson.landmarks import interocular
from deepfake_lesson.provenance import verify
from deepfake_lesson.studio import RESERVED_SEEDS
from deepfake_lesson.video import probe, read_frames

TINY = SetOptions(
    people=10, seconds=0.5, fps=10, size=160, pairs=1, actors=0, preset="quick", swap_steps=2,
    makers=("copy", "swap"),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "detection"
    make_detection_set(path, TINY, progress=False)
    return path


@pytest.fixture(scope="module")
def takes(film, tmp_path_factory):
    """Clips of two people, 12 frames each."""
    home = tmp_path_factory.mktemp("takes")
    return [
        Take.of(film(seed, home / str(seed)) / "media" / "clip.mp4")
        for seed in RESERVED_SEEDS["tests"][:2]
    ]


class TestPlan:
    jobs = plan(SetOptions())

    def test_the_usual_set_has_every_maker_in_every_split(self):
        assert len({job.driver for job in self.jobs}) >= 60
        counts = Counter((job.maker, job.split) for job in self.jobs)
        assert set(counts) == {(maker, split) for maker in ("real", *MAKERS) for split in SPLITS}
        found = {(job.maker, job.variant) for job in self.jobs}
        assert {(m, way) for m, ways in VARIANTS.items() for way in ways} <= found

    def test_nobody_is_in_two_splits(self):
        for maker in ("real", *MAKERS):
            people = [
                {who for job in self.jobs if job.split == split and job.maker == maker
                 for who in (job.driver, job.face)}
                for split in SPLITS
            ]  # fmt: skip
            assert not people[0] & people[1] | people[0] & people[2] | people[1] & people[2]
        everybody = {s: {j.driver for j in self.jobs if j.split == s} for s in SPLITS}
        assert sum(map(len, everybody.values())) == len(set.union(*everybody.values()))

    def test_a_fake_is_of_two_people(self):
        assert all((job.driver == job.face) == (job.maker == "real") for job in self.jobs)

    def test_neither_size_nor_quality_says_what_is_fake(self):
        for name in ("side", "quality"):
            values = [
                [getattr(job, name) for job in self.jobs if (job.maker == "real") == real]
                for real in (True, False)
            ]
            assert set(values[0]) == set(values[1])
            assert np.mean(values[0]) == pytest.approx(np.mean(values[1]), rel=0.12)

    def test_it_repeats_and_names_are_unique(self):
        assert plan(SetOptions()) == self.jobs
        assert len({job.name for job in self.jobs}) == len(self.jobs)

    def test_few_models_serve_many_clips(self):
        pairs = {frozenset((j.driver, j.face)) for j in self.jobs if j.maker == "swap"}
        assert len(pairs) == 5 and sum(j.maker == "swap" for j in self.jobs) == 40


def test_the_manifest_says_what_each_clip_is(folder):
    videos = read_manifest(folder)
    assert Counter(video.maker for video in videos) == {"real": 10, "copy": 10, "swap": 8}
    assert Counter(v.split for v in videos if v.maker == "real") == {
        split: 2 * PATTERN.count(split) for split in SPLITS
    }
    for video in videos:
        assert video.label == (video.maker != "real") and len(video.people) == 1 + video.label
        info = probe(video.path)
        assert info.width == info.height and 3 <= info.frames <= 5
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert {"variant", "crf", "side", "driver", "face", "frames"} <= set(rows[0])
    assert probe(folder / rows[0]["file"]).width == rows[0]["side"]


def test_every_clip_is_signed_for_what_it_is(folder):
    kinds = {v.maker: verify(v.path) for v in read_manifest(folder)}
    assert {kind.state for kind in kinds.values()} == {"valid"}
    assert kinds["real"].source_type == "algorithmicMedia"
    assert kinds["swap"].source_type == "compositeWithTrainedAlgorithmicMedia"
    assert kinds["real"].ingredients == ()
    assert kinds["swap"].ingredients == ("clip.mp4", "clip.mp4")  # the driver's and the other's
    assert kinds["swap"].model.startswith("face swap swap_")


def test_an_interrupted_set_goes_on_where_it_was(folder):
    manifest = folder / "manifest.jsonl"
    videos, before = read_manifest(folder), manifest.read_text()
    times = {video.path: video.path.stat().st_mtime_ns for video in videos}
    lost = videos[12].path
    lost.unlink()
    manifest.write_text("".join(line + "\n" for line in before.splitlines()[:-1]))
    make_detection_set(folder, TINY, progress=False)
    assert manifest.read_text() == before
    again = {path for path in times if path.stat().st_mtime_ns != times[path]}
    assert again == {lost, videos[-1].path}


def test_crops_of_a_split(folder):
    chosen = [video for video in read_manifest(folder) if video.split == "test"]
    crops = load_crops(folder, chosen, size=64, frames=2, progress=False)
    assert crops.images.shape[1:] == (64, 64, 3) and len(crops) == 2 * len(set(crops.videos))
    assert set(crops.makers) <= {"real", "copy", "swap"}
    assert ((crops.makers == "real") == (crops.labels == 0)).all()
    eyes = [interocular(points) / 64 for points in crops.points]
    assert 0.25 < np.median(eyes) < 0.75
    again = load_crops(folder, chosen, size=64, frames=2, progress=False)
    np.testing.assert_array_equal(crops.images, again.images)


def test_a_copy_changes_the_face_and_nothing_else(takes):
    for variant in VARIANTS["copy"]:
        frame, made = next(takes[0].frames()), next(copied(*takes, variant))
        points = takes[0].track.landmarks[0]
        change = np.abs(frame.astype(int) - made).mean(-1)
        x, y = points[27:36].mean(0).round().astype(int)
        assert change[y - 8 : y + 8, x - 8 : x + 8].mean() > 2
        low, high = points.min(0).astype(int) - 4, points.max(0).astype(int) + 5
        change[low[1] : high[1], low[0] : high[0]] = 0
        assert change.max() == 0


def test_a_reenactment_and_a_moved_picture_have_a_frame_for_each(takes, reenactor, mover):
    from deepfake_lesson.reenactment.training import load_reenactment

    made = list(reenacted(takes[0], load_reenactment(reenactor)))
    assert len(made) == 12 and made[0].shape == (64, 64, 3) and made[0].dtype == np.uint8
    for variant in VARIANTS["motion"]:
        made = list(moved(*takes, variant, mover))
        assert len(made) == 12 and made[0].shape == (64, 64, 3)


def test_a_take_is_followed_once(takes):
    again = Take.of(takes[0].clip)
    np.testing.assert_array_equal(again.track.landmarks, takes[0].track.landmarks)
    assert again.track.size == takes[0].track.size and len(list(again.frames())) == 12
    assert next(again.squares(96)).shape == (96, 96, 3)


class TestRefused:
    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"people": 4}, "people 4"),
            ({"people": 10_000}, "people 10000"),
            ({"pairs": 6}, "pairs 6"),
            ({"makers": ("copy", "clay")}, "clay"),
            ({"makers": MAKERS, "actors": 1}, "are 5 frames"),
        ],
    )
    def test_options(self, wrong, words):
        with pytest.raises(LessonError, match=words):
            replace(TINY, **wrong)

    def test_other_options_in_the_folder(self, folder):
        with pytest.raises(LessonError, match=r"other options \(fps, seed\)"):
            make_detection_set(folder, replace(TINY, seed=1, fps=12), progress=False)

    def test_no_set_or_a_damaged_one(self, tmp_path):
        with pytest.raises(MediaError, match="no detection set"):
            read_manifest(tmp_path)
        for line in ("{", '{"split": "train"}', '{"split": "all", "maker": "real"}'):
            (tmp_path / "manifest.jsonl").write_text(line + "\n")
            with pytest.raises(MediaError, match="line 1 is damaged"):
                read_manifest(tmp_path)

    def test_nobody_to_be_seen(self, tmp_path):
        from clips import write_video

        from deepfake_lesson.detection.dataset import LabelledVideo

        wall = write_video(tmp_path / "wall.mp4", [np.full((96, 96, 3), 99, np.uint8)] * 3)
        video = LabelledVideo(wall, 0, "test", "real", ("nobody",))
        with pytest.raises(NoFaceError, match="no face was found"):
            load_crops(tmp_path, [video], 64, progress=False)


def test_a_clip_of_lower_quality_is_smaller(tmp_path):
    from deepfake_lesson.video import VideoWriter

    frames = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    for quality in (17, 33):
        with VideoWriter(tmp_path / f"{quality}.mp4", 10, (64, 64), quality=quality) as writer:
            for frame in frames:
                writer.write(frame)
    sizes = [(tmp_path / f"{quality}.mp4").stat().st_size for quality in (17, 33)]
    assert sizes[1] < sizes[0] / 2 and len(list(read_frames(tmp_path / "33.mp4"))) == 4
    with pytest.raises(LessonError, match="quality 60"):
        VideoWriter(tmp_path / "x.mp4", 10, (64, 64), quality=60)
