"""Live pictures: what is followed, what is shown, what is dropped, and what happens when it ends.

The networks are built, not trained: a re-enactment "paints" its drawing, or nothing a test reads.
"""

import threading
import tracemalloc
import urllib.error
import urllib.request
from itertools import cycle, islice
from time import perf_counter, sleep

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from deepfake_lesson import provenance
from deepfake_lesson.checkpoints import model_name, write_config
from deepfake_lesson.cli import app
from deepfake_lesson.detectors import detect_faces
from deepfake_lesson.errors import LessonError, MediaError, ModelError
from deepfake_lesson.files import checksum
from deepfake_lesson.images import fit
from deepfake_lesson.landmarks import MEAN_FACE, transform_points
from deepfake_lesson.models import keras
from deepfake_lesson.models.autoencoder import AutoencoderConfig, build_autoencoder
from deepfake_lesson.models.pix2pix import Pix2pixConfig
from deepfake_lesson.provenance import marking
from deepfake_lesson.reenactment.conditions import Square
from deepfake_lesson.reenactment.live import (
    STAGES,
    LiveOptions,
    LivePipeline,
    ReenactTarget,
    SlowMean,
    SwapTarget,
    load_target,
)
from deepfake_lesson.reenactment.streams import (
    PageSink,
    VideoSink,
    camera_frames,
    clip_frames,
    side_by_side,
)
from deepfake_lesson.reenactment.training import ReenactmentConfig, ReenactmentModel
from deepfake_lesson.studio.people import RESERVED_SEEDS
from deepfake_lesson.training import Identity, SwapModel
from deepfake_lesson.video import probe, read_frames

ANNA, BEN = RESERVED_SEEDS["tests"][:2]
SIZE = 64
NOBODY = Identity("Nobody", "studio", 0.44, None, None)


@pytest.fixture(scope="module")
def clips(film, tmp_path_factory):
    """Anna's and Ben's clips: 12 frames of 256 x 256 pixels."""
    folder = tmp_path_factory.mktemp("clips")
    return [film(seed, folder / str(seed)) / "media" / "clip.mp4" for seed in (ANNA, BEN)]


@pytest.fixture(scope="module")
def anna(clips):
    return list(read_frames(clips[0]))


@pytest.fixture(scope="module")
def ben(clips):
    return list(read_frames(clips[1]))


@pytest.fixture(scope="module")
def reenactment():
    """A re-enactment model that paints the very drawing it is shown."""
    drawing = keras.Input((SIZE, SIZE, 3))
    echo = keras.Model(drawing, keras.layers.Activation("linear")(drawing))
    config = ReenactmentConfig(Pix2pixConfig(SIZE, 4))
    square = Square(128, 128, 200)
    mean = MEAN_FACE * SIZE
    return ReenactmentModel(config, echo, NOBODY, mean, "face", square, None)


@pytest.fixture(scope="module")
def swap():
    config = AutoencoderConfig(SIZE, 1 / 16)
    return SwapModel(config, build_autoencoder(config), {"a": NOBODY, "b": NOBODY})


@pytest.fixture(params=["re-enactment", "swap"])
def target(request, reenactment, swap):
    return ReenactTarget(reenactment) if request.param == "re-enactment" else SwapTarget(swap)


def nobody(frame):
    return np.full_like(frame, 128)


WATERMARK = 12  # grey levels by which it changes a pixel at most


def middle(picture):
    """The rows between the words at the top and the label at the bottom."""
    return picture[len(picture) // 5 : len(picture) * 2 // 3]


def settled(threads_before):
    """Whether all threads but those that ran before have ended."""
    end = perf_counter() + 5
    while set(threading.enumerate()) - threads_before and perf_counter() < end:
        sleep(0.01)
    return not set(threading.enumerate()) - threads_before


class TestPictures:
    def test_a_result_has_its_pictures_and_numbers(self, target, anna):
        result = LivePipeline(target).process(anna[0])
        np.testing.assert_array_equal(result.original, anna[0])
        assert result.has_face
        assert tuple(result.milliseconds) == STAGES
        assert 0 < sum(result.milliseconds.values()) < result.delay * 1.01

    def test_the_result_carries_the_label(self, target, anna):
        """Also without a network: the label is not a stage that can be left out."""
        pipeline = LivePipeline(target, LiveOptions(off=("network",)))
        result = pipeline.process(anna[0])
        plain = result.drawing if isinstance(target, ReenactTarget) else result.original
        labelled = provenance.label_frame(plain, target.label)
        bottom = labelled != plain
        assert bottom.any()
        assert np.abs(result.result[bottom].astype(int) - labelled[bottom]).mean() < 3

    def test_without_its_network_a_swap_gives_the_frame_back(self, swap, anna):
        result = LivePipeline(SwapTarget(swap), LiveOptions(off=("network",))).process(anna[0])
        marked = provenance.embed_watermark(anna[0], "face swap")
        off = np.abs(middle(result.result).astype(int) - middle(marked)).mean()
        assert off < 1

    def test_a_swap_changes_nothing_but_the_face_and_adds_the_watermark(self, swap, anna):
        result = LivePipeline(SwapTarget(swap)).process(anna[0])
        marked = provenance.embed_watermark(anna[0], "face swap")
        changed = (middle(result.result) != middle(marked)).any(-1)
        assert not changed[:, :20].any() and not changed[:, -20:].any()

    def test_a_re_enactment_paints_what_is_drawn(self, reenactment, anna):
        result = LivePipeline(ReenactTarget(reenactment)).process(anna[0])
        assert (result.drawing > 0).any()
        face = reenactment.target_mean  # of a driver who was never seen before
        marked = provenance.mark(result.drawing, ReenactTarget.label, [face])
        np.testing.assert_array_equal(result.result, marked)

    @pytest.mark.parametrize("off", [(), ("network", "blend")])
    def test_a_generated_face_has_a_label_of_its_own(self, target, anna, off, monkeypatch):
        """Who crops to the face on the result keeps it."""
        pipeline = LivePipeline(target, LiveOptions(off=off))
        result = pipeline.process(anna[0]).result.astype(int)
        monkeypatch.setattr(marking, "label_faces", lambda frame, faces: frame)
        pipeline.reset()
        bare = pipeline.process(anna[0]).result
        points = pipeline.landmarks
        if bare.shape != anna[0].shape:
            points = target.draw(anna[0], points, 0.0)[1]
        (left, top), (right, bottom) = points.min(0).astype(int), points.max(0).astype(int) + 1
        changed = (np.abs(result - bare) > 20).any(-1)
        assert 30 < changed.sum() == changed[top:bottom, left:right].sum()

    def test_only_generated_faces_are_labelled_while_nobody_is_seen(
        self, target, anna, monkeypatch
    ):
        """A re-enactment holds its last face, and the label on it; a swap has none."""
        pipeline = LivePipeline(target)

        def left():
            pipeline.reset()
            *_, absent = [pipeline.process(frame) for frame in (anna[0], nobody(anna[0]))]
            assert not absent.has_face
            return absent.result.astype(int)

        result = left()
        monkeypatch.setattr(marking, "label_faces", lambda frame, faces: frame)
        changed = np.abs(result - left()) > 20
        assert changed.any() == isinstance(target, ReenactTarget)

    def test_a_mirror_mirrors(self, target, anna):
        pipeline = LivePipeline(target, LiveOptions(mirror=True))
        np.testing.assert_array_equal(pipeline.process(anna[0]).original, anna[0][:, ::-1])

    def test_side_by_side_shows_all_three(self, target, anna):
        picture = side_by_side(LivePipeline(target).process(anna[0]), 128)
        assert picture.shape[1] == 3 * 128 and picture.shape[0] % 2 == 0
        np.testing.assert_array_equal(picture[:128, :128], fit(anna[0], 128))
        assert picture[128:].max() > 200  # the numbers


class TestInput:
    def test_a_4k_frame_is_reduced_and_its_face_found(self, target, anna):
        large = cv2.copyMakeBorder(
            cv2.resize(anna[0], (2160, 2160)), 0, 0, 840, 840, cv2.BORDER_REPLICATE
        )
        result = LivePipeline(target).process(large)
        assert result.original.shape == (360, 640, 3)
        assert result.has_face

    def test_a_portrait_video_stays_upright(self, target, anna, tmp_path):
        tall = [cv2.copyMakeBorder(f, 160, 160, 0, 0, cv2.BORDER_REPLICATE) for f in anna[:4]]
        out = tmp_path / "tall.mp4"
        with VideoSink(out) as sink:
            report = LivePipeline(target).run(iter(tall), sink, threads=False)
        assert report.without_face == 0
        assert probe(out).frames >= 1

    @pytest.mark.parametrize("broken", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3))])
    def test_what_is_no_picture_is_refused(self, target, broken):
        with pytest.raises(LessonError, match="uint8"):
            LivePipeline(target).process(broken)

    def test_a_frame_of_a_few_pixels_shows_nobody(self, target):
        assert not LivePipeline(target).process(np.zeros((5, 7, 3), np.uint8)).has_face

    def test_a_face_leaves_and_returns(self, target, anna):
        pipeline = LivePipeline(target)
        gone = 10 * [nobody(anna[0])]
        results = [pipeline.process(frame) for frame in [*anna[:3], *gone, *anna[3:6]]]
        assert [each.has_face for each in results] == 3 * [True] + 10 * [False] + 3 * [True]
        held = results[2].result if isinstance(target, ReenactTarget) else gone[0]
        for absent in results[3:13]:
            assert np.abs(middle(absent.result).astype(int) - middle(held)).max() <= WATERMARK
            assert (absent.result[:8] != held[:8]).any()  # the words

    def test_who_was_lost_and_sits_elsewhere_is_framed_anew(self, reenactment, anna):
        width = anna[0].shape[1]
        at_left = [np.pad(f, ((0, 0), (0, width), (0, 0)), "edge") for f in anna[:6]]
        at_right = [np.pad(f, ((0, 0), (width, 0), (0, 0)), "edge") for f in anna[:6]]
        pipeline = LivePipeline(ReenactTarget(reenactment))
        for frame in [*at_left[:3], *(10 * [nobody(at_left[0])])]:
            pipeline.process(frame)
        drawings = [
            process(at_right[0]).drawing
            for process in (pipeline.process, LivePipeline(ReenactTarget(reenactment)).process)
        ]
        places = [np.argwhere(drawing.any(-1)).mean(0) for drawing in drawings]
        np.testing.assert_allclose(*places, atol=SIZE / 50)

    def test_before_any_face_a_re_enactment_is_dark(self, reenactment, anna):
        result = LivePipeline(ReenactTarget(reenactment)).process(nobody(anna[0]))
        assert not result.has_face and middle(result.result).max() <= WATERMARK

    def test_of_two_faces_the_larger_is_followed_and_kept(self, target, anna, ben):
        small = [fit(frame, 160) for frame in anna]
        small = [cv2.copyMakeBorder(f, 48, 48, 48, 48, cv2.BORDER_REPLICATE) for f in small]
        pipeline = LivePipeline(target, LiveOptions(detect_every=3))
        for frames in (zip(small[:6], ben[:6], strict=True), zip(anna[6:], ben[6:], strict=True)):
            for left, right in frames:
                pipeline.process(np.hstack([left, right]))
                assert pipeline.landmarks[:, 0].min() > 256

    def test_what_is_remembered_does_not_grow(self, reenactment, anna):
        pipeline = LivePipeline(ReenactTarget(reenactment))
        small = [fit(frame, 128) for frame in anna]
        frames = cycle([*small, *(2 * [nobody(small[0])])])
        sizes = []
        tracemalloc.start()
        for count in (50, 100):
            pipeline.run(islice(frames, count), lambda result: None, threads=False)
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert sizes[1] - sizes[0] < 5 * small[0].nbytes  # of 100 frames, nothing is kept


class TestRunning:
    def test_one_after_the_other_nothing_is_dropped(self, target, anna):
        shown = []
        report = LivePipeline(target).run(iter(anna), shown.append, threads=False)
        assert (report.frames_in, report.shown, report.dropped) == (12, 12, 0)
        for result, frame in zip(shown, anna, strict=True):
            np.testing.assert_array_equal(result.original, frame)

    def test_late_frames_are_dropped_and_order_stays(self, target, anna):
        shown = []

        def slow(result):
            shown.append(result)
            sleep(0.2)

        def source():
            for frame in anna:
                yield frame
                sleep(0.05)

        report = LivePipeline(target).run(source(), slow)
        assert report.dropped > 0
        assert report.shown == len(shown) == report.frames_in - report.dropped
        times = [result.arrived for result in shown]
        assert times == sorted(times)

    def test_it_stops_after_so_many_seconds(self, target, anna):
        def endless():
            for frame in cycle(anna):
                yield frame
                sleep(0.02)

        before = set(threading.enumerate())
        report = LivePipeline(target).run(endless(), lambda result: None, seconds=0.5)
        assert 0.4 < report.seconds < 2.5
        assert settled(before)

    def test_the_table_names_every_stage(self, target, anna):
        report = LivePipeline(target).run(iter(anna[:4]), lambda result: None, threads=False)
        table = report.table()
        assert all(stage in table for stage in STAGES)
        assert table.count("slowest") == 1

    def test_stages_that_are_off_take_no_time(self, target, anna):
        options = LiveOptions(off=("network", "blend"))
        report = LivePipeline(target, options).run(iter(anna[:4]), id, threads=False)
        assert report.milliseconds["network"] == report.milliseconds["blend"] == 0

    @pytest.mark.parametrize("threads", [True, False])
    def test_an_error_of_the_sink_ends_everything(self, target, anna, threads):
        def broken(result):
            raise LessonError("sink", "is full", "Empty it.")

        before = set(threading.enumerate())
        with pytest.raises(LessonError, match="is full"):
            LivePipeline(target).run(cycle(anna), broken, threads=threads)
        assert settled(before)

    def test_an_error_of_a_stage_ends_everything(self, target, anna):
        before = set(threading.enumerate())
        with pytest.raises(LessonError, match="uint8"):
            LivePipeline(target).run(iter([*anna[:3], anna[0][..., 0]]), lambda result: None)
        assert settled(before)

    @pytest.mark.parametrize(
        "options", [{"detect_every": 0}, {"detector": "nose"}, {"off": ("label",)}, {"largest": 9}]
    )
    def test_unknown_options_are_refused(self, options):
        with pytest.raises(LessonError):
            LiveOptions(**options)


class TestSources:
    def test_a_clip_keeps_its_pace(self, clips):
        start = perf_counter()
        assert sum(1 for _ in clip_frames(clips[0], fps=25)) == 12
        assert perf_counter() - start >= 11 / 25

    def test_a_clip_can_begin_again(self, clips, anna):
        frames = list(islice(clip_frames(clips[0], fps=500, loop=True), 25))
        np.testing.assert_array_equal(frames[0], frames[12])
        np.testing.assert_array_equal(frames[13], anna[1])

    def test_a_missing_clip_is_said_at_once(self, tmp_path):
        with pytest.raises(MediaError, match="no such file"):
            clip_frames(tmp_path / "none.mp4")

    def test_a_missing_camera_is_said_at_once(self):
        with pytest.raises(MediaError, match="camera 99"):
            camera_frames(99)

    def test_a_camera_that_is_gone_leaves_a_whole_file(self, target, clips, tmp_path):
        """OpenCV plays the clip as if it were a camera; at its end the camera is gone."""
        out, before = tmp_path / "live.mp4", set(threading.enumerate())
        with pytest.raises(MediaError, match="stopped"), VideoSink(out) as sink:
            LivePipeline(target).run(camera_frames(str(clips[0])), sink)
        assert settled(before)
        assert probe(out).frames >= 1
        assert provenance.verify(out).state == "valid"
        assert [path.name for path in tmp_path.iterdir()] == ["live.mp4"]
        assert provenance.verify(out).ingredients == (), "a camera leaves no file"

    def test_the_camera_is_in_rgb(self, clips, anna):
        seen = next(camera_frames(str(clips[0])))
        assert np.abs(seen.astype(int) - anna[0]).mean() < 4


class TestSinks:
    @pytest.mark.slow  # lasts as long as the clip only where nothing else runs
    def test_the_video_lasts_as_long_as_the_show(self, reenactment, clips, tmp_path):
        out = tmp_path / "live.mp4"
        with VideoSink(out, fps=20) as sink:
            LivePipeline(ReenactTarget(reenactment)).run(clip_frames(clips[0], fps=10), sink)
        assert probe(out).fps == 20
        assert abs(probe(out).seconds - 1.2) < 0.5

    def test_ctrl_c_keeps_what_was_filmed(self, reenactment, anna, tmp_path):
        out, before = tmp_path / "live.mp4", set(threading.enumerate())

        def stopped(result):
            sink(result)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), VideoSink(out) as sink:
            LivePipeline(ReenactTarget(reenactment)).run(cycle(anna), stopped)
        assert settled(before)
        assert provenance.verify(out).state == "valid"

    def test_a_video_names_its_clip_and_its_model(self, reenactor, clips, tmp_path):
        """As the command line has it."""
        out = tmp_path / "live.mp4"
        options = ["--model", str(reenactor), "--clip", str(clips[0]), "--out", str(out)]
        ran = CliRunner().invoke(app, ["live", *options, "--seconds", "0.5"])
        assert ran.exit_code == 0, ran.output
        credential = provenance.verify(out)
        assert credential.hashes == (checksum(clips[0]),)
        assert credential.model == model_name(reenactor)
        assert credential.model.startswith("re-enactment model (pix2pix, 2 steps, config.json ")

    def test_another_error_leaves_no_video(self, reenactment, anna, tmp_path):
        out = tmp_path / "live.mp4"
        with pytest.raises(ZeroDivisionError), VideoSink(out) as sink:
            LivePipeline(ReenactTarget(reenactment)).run(iter(anna[:2]), sink, threads=False)
            raise ZeroDivisionError
        assert list(tmp_path.iterdir()) == []

    def test_a_video_that_cannot_be_signed_is_refused_before_it_begins(self, tmp_path):
        with pytest.raises(MediaError, match="credential"):
            VideoSink(tmp_path / "live.mkv")

    def test_the_page_shows_the_pictures_as_they_come(self, reenactment, anna):
        pipeline = LivePipeline(ReenactTarget(reenactment))
        with PageSink() as sink:
            with urllib.request.urlopen(sink.address) as page:
                assert b"agreed" in page.read()
            result = pipeline.process(anna[0])
            sink(result)
            with urllib.request.urlopen(sink.address + "live", timeout=5) as stream:
                assert stream.readline() == b"--picture\r\n"
                stream.readline()
                size = int(stream.readline().split(b":")[1])
                stream.readline()
                data = np.frombuffer(stream.read(size), np.uint8)
        shown = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(shown.astype(int) - side_by_side(result)).mean() < 4

    def test_nobody_sees_the_page_without_its_key(self):
        with PageSink() as sink, pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(sink.address.rsplit("/", 2)[0] + "/live")


class TestDriver:
    def landmarks(self, scale, shift):
        return (MEAN_FACE * 200 * scale + shift).astype(np.float32)

    def test_where_and_how_near_the_driver_sits_makes_no_difference(self, reenactment, anna):
        drawings = []
        for scale, shift in ((1.0, 20.0), (0.6, 60.0)):
            matrix = np.array([[scale, 0, shift - 20 * scale], [0, scale, shift - 20 * scale]])
            frame = cv2.warpAffine(anna[0], matrix, (256, 256))
            target = ReenactTarget(reenactment)
            points = transform_points(self.landmarks(1.0, 20.0), matrix)
            drawings.append(target.draw(frame, points, 0.0)[0].astype(int))
        assert np.abs(drawings[0] - drawings[1]).mean() < 2

    def test_at_first_the_target_has_its_own_shape(self, reenactment, anna):
        """However wide the driver's face is."""
        wide = self.landmarks(1.0, 20.0) * np.float32([1.1, 1.0])
        drawing, _ = ReenactTarget(reenactment).draw(anna[0], wide, 0.0)
        columns = np.flatnonzero((drawing.min(-1) > 60).any(0))
        jaw = reenactment.target_mean[:17, 0]
        assert abs(columns.min() - jaw.min()) < 2 and abs(columns.max() - jaw.max()) < 2

    def test_a_slow_mean_counts_the_first_values_alike(self):
        values = np.random.default_rng(0).normal(size=(20, 3))
        mean = SlowMean(seconds=30)
        for number, value in enumerate(values):
            result = mean.add(value, number / 25)
        np.testing.assert_allclose(result, values.mean(0))

    def test_a_slow_mean_forgets(self):
        mean = SlowMean(seconds=2)
        for number in range(250):
            before = mean.add(np.zeros(2), number / 25)
        for number in range(250, 300):  # two seconds later it is 1 - 1/e on the way
            after = mean.add(np.ones(2), number / 25)
        np.testing.assert_allclose(before, 0)
        np.testing.assert_allclose(after, 1 - np.exp(-1), atol=0.02)


class TestLoading:
    def test_the_kind_is_found_from_the_folder(self, reenactor):
        assert isinstance(load_target(reenactor), ReenactTarget)

    def test_a_face_swap_s_folder_is_opened_as_one(self, tmp_path):
        write_config(tmp_path, "face swap", {})
        with pytest.raises(ModelError, match="settings are not those of a face swap"):
            load_target(tmp_path)

    def test_a_folder_without_a_model_is_refused(self, tmp_path):
        with pytest.raises(ModelError, match="there is no model"):
            load_target(tmp_path)


def test_a_written_video_is_found_again_by_its_faces(swap, clips, tmp_path):
    """What was recorded live shows a face in all three parts."""
    out = tmp_path / "live.mp4"
    with VideoSink(out) as sink:
        LivePipeline(SwapTarget(swap), LiveOptions(off=("network",))).run(
            clip_frames(clips[0]), sink, threads=False
        )
    assert len(detect_faces(next(read_frames(out)))) == 3
