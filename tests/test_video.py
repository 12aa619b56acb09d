"""Video comes in upright and evenly timed, goes out whole, with its sound, or not at all."""

import subprocess
import sys
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from deepfake_lesson.errors import DiskFullError, MediaError
from deepfake_lesson.video import VideoWriter, is_video, probe, read_frames

RATE = 44100
TELEVISION = Fraction(30000, 1001)


def ffmpeg(*arguments):
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def read_sound(path):
    raw = ffmpeg("-i", path, "-f", "f32le", "-ac", 1, "-ar", RATE, "-")
    return np.frombuffer(raw, np.float32)


def sound_packets(path):
    """A hash of the sound as it is stored."""
    return ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "md5", "-")


def write(path, frames, fps=25, **sound):
    height, width = frames[0].shape[:2]
    with VideoWriter(path, fps, (width, height), **sound) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def beep(seconds=2.0, start=1.0):
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * time) * (time >= start)).astype(np.float32)


@pytest.fixture(scope="module")
def frames():
    """Smooth colours with a bar that moves 4 pixels a frame: 25 frames of 96 x 64."""
    y, x = np.mgrid[:64, :96]
    picture = np.stack([2 * x + 30, 3 * y + 40, 230 - x - y], axis=-1).clip(0, 255).astype(np.uint8)
    movie = np.repeat(picture[None], 25, axis=0)
    for index, frame in enumerate(movie):
        frame[:, 4 * index : 4 * index + 4] = (220, 40, 40)
    return movie


@pytest.fixture(scope="module")
def clip(frames, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write(path, frames, sound=(beep(1.0, 0.5), RATE))


@pytest.fixture
def flash_and_beep(tmp_path):
    """Variable rate: 60 frames/s for a second, then 10; white and loud from 1.5 s, sound is AAC."""
    path = tmp_path / "variable.mp4"
    light = "color=black:s=64x48:r=60:d=3,geq=lum='if(gte(T,1.5),235,16)':cb=128:cr=128"
    video = f"{light},select='lt(t,1)+not(mod(n,6))'"
    sound = "aevalsrc='if(gte(t,1.5),0.5*sin(2764.6*t),0)':d=3:s=44100"
    lavfi = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", sound]
    ffmpeg(*lavfi, "-fps_mode", "vfr", "-c:a", "aac", path)
    return path


def test_a_real_clip_is_probed_and_read(carphone):
    info = probe(carphone)
    assert (info.width, info.height, info.fps, info.audio) == (176, 144, TELEVISION, False)
    frames = list(read_frames(carphone))
    assert len(frames) == info.frames == 120
    assert frames[0].shape == (144, 176, 3) and frames[0].dtype == np.uint8
    assert frames[0].flags.writeable and frames[0] is not frames[1]


def test_frames_come_back_in_order_with_their_colours(clip, frames):
    returned = np.stack(list(read_frames(clip)))
    assert returned.shape == frames.shape
    error = returned.astype(int) - frames
    assert np.abs(error).mean() < 2
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 0.7  # no channel drifts


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 160, 60), (20, 40, 200), (200, 150, 125)])
def test_plain_colours_survive(tmp_path, colour):
    frames = np.full((3, 48, 64, 3), colour, np.uint8)
    returned = next(read_frames(write(tmp_path / "plain.mp4", frames)))
    assert np.abs(returned.astype(int) - colour).max() <= 3


@pytest.mark.parametrize("size", [(97, 64), (96, 63), (97, 63), (1, 1)])
def test_odd_sizes_are_kept(tmp_path, frames, size):
    width, height = size
    odd = np.pad(frames, ((0, 0), (0, 0), (0, 1), (0, 0)), mode="edge")[:5, :height, :width]
    path = write(tmp_path / "odd.mp4", odd)
    assert (probe(path).width, probe(path).height) == size
    assert np.abs(np.stack(list(read_frames(path))).astype(int) - odd).mean() < 3


@pytest.mark.parametrize("fps", [25, 29.97, TELEVISION, 23.976, 12.5, 60])
def test_the_frame_rate_is_kept(tmp_path, frames, fps):
    path = write(tmp_path / "rate.mp4", frames, fps)
    assert float(probe(path).fps) == pytest.approx(float(fps), abs=0.004)
    assert len(list(read_frames(path))) == len(frames)


@pytest.mark.parametrize(("fps", "count"), [(5, 5), (50, 50)])
def test_another_rate_keeps_the_time(clip, frames, fps, count):
    returned = list(read_frames(clip, fps=fps))
    assert len(returned) == count
    middle = np.abs(returned[count // 2].astype(int) - frames[12:14]).mean(axis=(1, 2, 3))
    assert middle.min() < 2


def test_a_rotated_video_is_read_upright(tmp_path, clip):
    ffmpeg("-display_rotation", 90, "-i", clip, "-c", "copy", tmp_path / "turned.mp4")
    info = probe(tmp_path / "turned.mp4")
    assert (info.width, info.height) == (64, 96)
    turned, straight = next(read_frames(tmp_path / "turned.mp4")), next(read_frames(clip))
    assert np.abs(turned.astype(int) - np.rot90(straight)).mean() < 1


def test_a_variable_rate_becomes_constant_and_sound_stays_in_sync(tmp_path, flash_and_beep):
    info = probe(flash_and_beep)
    frames = list(read_frames(flash_and_beep))
    assert len(frames) == pytest.approx(3 * float(info.fps), abs=2)
    path = write(tmp_path / "constant.mp4", frames, info.fps, sound_from=flash_and_beep)
    light = np.array([frame.mean() for frame in read_frames(path)])
    flash = np.argmax(light > 128) / float(probe(path).fps)
    onset = np.argmax(np.abs(read_sound(path)) > 0.1) / RATE
    assert flash == pytest.approx(1.5, abs=1 / float(info.fps))
    assert onset == pytest.approx(1.5, abs=0.04)


def test_the_original_sound_is_copied_untouched(tmp_path, clip, frames):
    path = write(tmp_path / "copy.mp4", frames, sound_from=clip)
    assert probe(path).audio
    assert sound_packets(path) == sound_packets(clip)


def test_sound_that_mp4_cannot_hold_is_encoded(tmp_path, clip, frames):
    ffmpeg("-i", clip, "-c:v", "copy", "-c:a", "pcm_s16le", tmp_path / "raw.mkv")
    path = write(tmp_path / "encoded.mp4", frames, sound_from=tmp_path / "raw.mkv")
    onset = np.argmax(np.abs(read_sound(path)) > 0.1) / RATE
    assert onset == pytest.approx(0.5, abs=0.03)


def test_a_span_of_the_sound_goes_with_its_frames(tmp_path, clip, frames):
    span = {"sound_from": clip, "sound_span": (0.4, 0.8)}
    path = write(tmp_path / "span.mp4", frames[10:20], **span)
    sound = read_sound(path)
    assert np.argmax(np.abs(sound) > 0.1) / RATE == pytest.approx(0.1, abs=0.04)
    assert len(sound) / RATE == pytest.approx(0.4, abs=0.06)


def test_a_silent_source_gives_a_silent_video(tmp_path, carphone, frames):
    assert not probe(write(tmp_path / "silent.mp4", frames, sound_from=carphone)).audio


def test_a_recording_without_rate_or_length_is_read(tmp_path, clip):
    """A browser's camera recording: WebM on a pipe, no duration in its header."""
    path = tmp_path / "camera.webm"
    encoding = ["-an", "-c:v", "libvpx", "-deadline", "realtime", "-f", "webm", "-"]
    path.write_bytes(ffmpeg("-i", clip, *encoding))
    assert probe(path).seconds == pytest.approx(1, abs=0.1)
    assert len(list(read_frames(path))) == 25


def test_reading_streams_and_may_stop_early(clip):
    frames = read_frames(clip)
    assert len(list(islice(frames, 2))) == 2
    frames.close()


def test_a_long_video_takes_little_memory(tmp_path):
    long = tmp_path / "long.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=40"]
    ffmpeg(*source, "-preset", "ultrafast", long)
    program = (
        "import resource, sys\n"
        "from deepfake_lesson.video import VideoWriter, read_frames\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "start = peak()\n"
        "with VideoWriter(sys.argv[2], 25, (320, 240)) as writer:\n"
        "    for frame in read_frames(sys.argv[1]):\n"
        "        writer.write(frame)\n"
        "print(writer.frames, peak() - start)\n"
    )
    command = [sys.executable, "-c", program, str(long), str(tmp_path / "copy.mp4")]
    count, megabytes = subprocess.check_output(command, text=True).split()
    assert int(count) == 1000  # 230 MB of pixels
    assert float(megabytes) < 40


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("text.mp4", b"these are only words\n" * 50, "not a video"),
        ("noise.avi", bytes(range(256)) * 40, "not a video"),
        ("empty.mp4", b"", "the file is empty"),
        ("missing.mp4", None, "there is no such file"),
    ],
)
def test_what_is_no_video_is_named_at_once(tmp_path, name, content, problem):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match=f"{name}: {problem}"):
        read_frames(tmp_path / name)


@pytest.mark.parametrize(("suffix", "share"), [(".mp4", 0.6), (".mp4", 0.1), (".mkv", 0.6)])
def test_a_cut_off_video_is_an_error(tmp_path, clip, suffix, share):
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    ffmpeg("-i", clip, "-c", "copy", "-movflags", "+faststart", whole)
    content = whole.read_bytes()
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(MediaError, match="cut off"):
        list(read_frames(cut))


def test_a_video_cut_before_its_index_is_an_error(tmp_path, clip):
    ffmpeg("-i", clip, "-c", "copy", "-movflags", "-faststart", tmp_path / "whole.mp4")
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaError, match="cut off"):
        probe(tmp_path / "cut.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_without_frames_is_an_error(tmp_path, suffix):
    path = tmp_path / f"none{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1", "-frames:v", 0, path)
    with pytest.raises(MediaError, match="no video frames"):
        list(read_frames(path))


def test_sound_alone_is_no_video(tmp_path):
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", tmp_path / "sound.mp4")
    with pytest.raises(MediaError, match="no video frames"):
        read_frames(tmp_path / "sound.mp4")


def test_a_failure_while_writing_leaves_the_older_file_only(tmp_path, frames):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 25, (96, 64)) as writer:
        writer.write(frames[0])
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


def test_a_video_of_no_frames_is_not_written(tmp_path):
    with (
        pytest.raises(MediaError, match="no frame was written"),
        VideoWriter(tmp_path / "out.mp4", 25, (96, 64)),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("with_sound", [False, True])
def test_a_full_disk_leaves_nothing(small_disk, with_sound):
    noise = np.random.default_rng(0).integers(0, 256, (30, 240, 320, 3), np.uint8)
    sound = {"sound": (beep(), RATE)} if with_sound else {}
    with pytest.raises(DiskFullError, match=r"out\.mp4: the disk is full"):
        write(small_disk / "out.mp4", noise, **sound)
    assert not list(small_disk.iterdir())


def test_an_unknown_format_is_refused_at_once(tmp_path):
    with pytest.raises(MediaError, match="unknown video format"):
        VideoWriter(tmp_path / "out.xyz", 25, (96, 64))


def test_a_frame_of_another_size_is_refused(tmp_path, frames):
    with (
        pytest.raises(ValueError, match="expected RGB uint8"),
        VideoWriter(tmp_path / "out.mp4", 25, (64, 96)) as writer,
    ):
        writer.write(frames[0])
    assert not list(tmp_path.iterdir())


def test_videos_are_told_by_name():
    assert is_video("a.MP4") and is_video("b.webm")
    assert not is_video("a.png") and not is_video(".a.draft.mp4")
