"""The watermark: what it costs, what it survives, and when it stays silent."""

import subprocess

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe
from skimage.metrics import peak_signal_noise_ratio as psnr

from deepfake_lesson.errors import LessonError, MediaError
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.provenance import (
    ANIMATION_LABEL,
    LABEL,
    REENACTMENT_LABEL,
    embed_watermark,
    has_room,
    label_frame,
    mark,
    read_watermark,
    sign,
    verify,
    watermark,
)
from deepfake_lesson.provenance.payload import BITS, check_sum, code_words, decode, encode
from deepfake_lesson.video import VideoWriter, read_frames


@pytest.fixture(scope="module")
def photographs():
    """Photographs of four kinds: a face, a still life, a cat, a night sky."""
    return [getattr(skimage.data, name)() for name in ("astronaut", "coffee", "cat", "rocket")]


@pytest.fixture(scope="module")
def marked(photographs):
    return [embed_watermark(photograph, "face swap") for photograph in photographs]


def jpeg(quality):
    def encode_and_decode(picture):
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(data, cv2.IMREAD_COLOR)

    return encode_and_decode


def scaled(factor):
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return lambda picture: cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method)


def cropped(share):
    def crop(picture):
        height, width = (round(share * side) for side in picture.shape[:2])
        top, left = (picture.shape[0] - height) // 3, (picture.shape[1] - width) // 2
        return picture[top : top + height, left : left + width]

    return crop


# The payload


def test_the_check_sum_is_the_remainder_of_a_polynomial_division():
    """By long division of byte * x^8 (and the initial value) by x^8 + x^2 + x + 1."""
    for byte in range(256):
        rest = (byte ^ 0xFF) << 8
        for shift in range(7, -1, -1):
            if rest >> (shift + 8) & 1:
                rest ^= 0x107 << shift
        assert check_sum(byte) == rest


def test_code_words_differ_in_four_bits_or_more():
    distance = (code_words()[:, None] != code_words()[None]).sum(axis=2)
    assert set(distance[~np.eye(16, dtype=bool)]) == {4, 8}
    assert code_words().shape == (16, 8)


@given(st.integers(0, 255), st.lists(st.integers(0, 7), min_size=4, max_size=4))
def test_one_wrong_bit_in_each_eight_is_mended(payload, wrong):
    bits = encode(payload).astype(float)
    for word, position in enumerate(wrong):
        bits[8 * word + position] *= -1
    assert len(bits) == BITS
    assert decode(bits) == payload


def test_noise_is_hardly_ever_a_payload():
    rng = np.random.default_rng(0)
    decoded = [decode(rng.normal(size=BITS)) for _ in range(4000)]
    assert np.mean([payload is not None for payload in decoded]) < 3 / 256


# What it costs


def test_the_mark_is_fainter_than_40_db(photographs, marked):
    for before, after in zip(photographs, marked, strict=True):
        assert after.dtype == np.uint8 and psnr(before, after) >= 40


def test_flat_places_are_marked_more_faintly_than_busy_ones():
    rng = np.random.default_rng(0)
    picture = np.full((256, 512, 3), 128, np.uint8)
    picture[:, 256:] = rng.integers(60, 200, (256, 256, 1))
    change = embed_watermark(picture).astype(float) - picture
    flat, busy = change[:, :240].std(), change[:, 272:].std()
    assert flat == pytest.approx(watermark.WEAKEST, rel=0.1)
    assert busy == pytest.approx(watermark.STRONGEST, rel=0.1)
    assert psnr(picture[:, 272:], (picture + change)[:, 272:].astype(np.uint8)) >= 40


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (64, 64), (33, 470), (1080, 1920)])
def test_any_picture_can_be_marked_and_looked_at(shape):
    grey = np.full((*shape, 3), 128, np.uint8)
    assert embed_watermark(grey).shape == grey.shape
    assert read_watermark(grey) is None


@pytest.mark.parametrize(("side", "found"), [(64, 0), (160, 3)])
def test_a_mark_without_room_is_lost_and_most_others_are_found(photographs, side, found):
    """In the fourth, the face, there is too much detail for its size."""
    small = [scaled(side / min(each.shape[:2]))(each) for each in photographs]
    assert {has_room(each) for each in small} == {found > 0}
    read = [read_watermark(embed_watermark(each, "animation")) for each in small]
    assert sum(each is not None for each in read) == found


@pytest.mark.parametrize("shape", [(127, 128), (128, 127), (128, 128)])
def test_the_shorter_side_has_room_for_a_whole_period(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    assert has_room(picture) == has_room(np.stack([picture] * 2)) == (min(shape) == 128)


def test_an_unknown_kind_is_refused(photographs):
    with pytest.raises(LessonError, match="kind 'painting'"):
        embed_watermark(photographs[0], "painting")


def test_the_pattern_repeats_without_a_seam():
    """Across an edge of a square neighbours differ no more than within it."""
    period = np.pad(watermark.pattern(1), ((0, 1), (0, 1)), mode="wrap")
    steps = np.abs(np.diff(period, axis=0)).mean(axis=1)
    edges = [watermark.SQUARE - 1, watermark.PERIOD - 1]
    assert steps[edges].max() < np.median(steps)
    assert period.std() == pytest.approx(1, abs=0.05)


# What it survives


@pytest.mark.parametrize("kind", watermark.KINDS)
def test_every_kind_is_read_back(photographs, kind):
    found = read_watermark(embed_watermark(photographs[1], kind))
    assert found.kind == kind and found.zoom == pytest.approx(1, abs=0.003)


ATTACKS = {
    "nothing": lambda picture: picture,
    "JPEG 50": jpeg(50),
    "half the size": scaled(0.5),
    "a third larger, JPEG 75": lambda picture: jpeg(75)(scaled(4 / 3)(picture)),
    "cropped to 60 %": cropped(0.6),
    "blurred by 1.5 pixels": lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.5),
    "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    "darker": lambda picture: cv2.convertScaleAbs(picture, alpha=0.7, beta=5),
    "cropped, scaled, JPEG 80": lambda picture: jpeg(80)(scaled(0.85)(cropped(0.8)(picture))),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_survives(marked, attack):
    for picture in marked:
        assert read_watermark(ATTACKS[attack](picture)).kind == "face swap"


@pytest.mark.parametrize(("factor", "zoom"), [(0.62, 0.62), (0.8, 0.8), (1.1, 1.1)])
def test_the_zoom_of_the_pattern_says_how_much_a_picture_was_scaled(marked, factor, zoom):
    found = read_watermark(scaled(factor)(marked[1]))
    assert found.zoom == pytest.approx(zoom, rel=0.004)


def test_a_large_picture_is_read_after_it_was_made_small():
    rng = np.random.default_rng(1)
    clouds = cv2.resize(rng.integers(0, 256, (9, 16, 3), np.uint8), (1920, 1080))
    small = scaled(1 / 3)(embed_watermark(clouds, "animation"))
    assert small.shape[:2] == (360, 640)
    assert read_watermark(small).kind == "animation"


@pytest.mark.parametrize("crf", [23, 30])
def test_it_survives_h264(tmp_path, photographs, crf):
    """A camera that moves over a photograph."""
    clip, again = tmp_path / "clip.mp4", tmp_path / "again.mp4"
    views = [photographs[0][k : k + 360, 2 * k : 2 * k + 460] for k in range(20)]
    with VideoWriter(clip, 10, (460, 360)) as writer:
        for view in views:
            writer.write(embed_watermark(view, "re-enactment"))
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(clip), "-crf", str(crf), str(again)]
    subprocess.run(command, check=True)
    assert read_watermark(again).kind == "re-enactment"
    assert read_watermark(np.stack(list(read_frames(again)))).kind == "re-enactment"


def test_where_the_credential_is_stripped_the_watermark_still_speaks(tmp_path, photographs):
    path, again = tmp_path / "swap.png", tmp_path / "again.jpg"
    write_image(path, mark(photographs[0]))
    sign(path)
    write_image(again, read_image(path))
    assert verify(path).verdict == "trusted" and verify(again) is None
    assert read_watermark(path).kind == read_watermark(again).kind == "face swap"


def test_a_damaged_payload_still_says_that_there_is_a_mark(photographs):
    """The bits of two payloads over each other; the pilot is the same in both."""
    twice = embed_watermark(embed_watermark(photographs[1], "face swap"), "animation")
    found = read_watermark(twice)
    assert found.score > watermark.THRESHOLD
    assert found.kind in (None, "face swap", "animation")


# When it stays silent


def test_photographs_without_a_mark_have_none(photographs):
    for photograph in photographs:
        for attack in ("nothing", "JPEG 50", "half the size", "cropped to 60 %"):
            assert read_watermark(ATTACKS[attack](photograph)) is None


@pytest.fixture
def other_chips(monkeypatch):
    """The signs of another maker; the right ones come back afterwards."""
    names = "_chips", "pattern", "_covering", "_pilot_spectrum"
    caches = [getattr(watermark, name) for name in names]
    monkeypatch.setattr(watermark, "SEED", watermark.SEED + 1)
    for cache in caches:
        cache.cache_clear()

    def undo():
        monkeypatch.undo()
        for cache in caches:
            cache.cache_clear()

    yield undo
    undo()


def test_another_makers_pattern_is_not_taken_for_ours(photographs, other_chips):
    foreign = embed_watermark(photographs[1], "face swap")
    assert read_watermark(foreign).kind == "face swap", "by its own maker"
    other_chips()
    assert read_watermark(foreign) is None


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(MediaError, match=r"notes\.txt"):
        read_watermark(tmp_path / "notes.txt")


# All marks of a frame


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (LABEL, "face swap"),
        (REENACTMENT_LABEL, "re-enactment"),
        (ANIMATION_LABEL, "animation"),
        ("AI", "generated picture"),
    ],
)
def test_a_frame_is_marked_with_label_and_watermark_of_one_kind(photographs, text, kind):
    marked = mark(photographs[1], text)
    assert read_watermark(marked).kind == kind
    lettered = (label_frame(photographs[1], text) != photographs[1]).any(axis=2)
    assert np.abs(marked.astype(int) - photographs[1])[lettered].mean() > 20


def test_without_a_visible_label_the_watermark_stays(photographs):
    bare = mark(photographs[1], visible=False)
    assert psnr(photographs[1], bare) >= 40
    assert read_watermark(bare).kind == "face swap"
