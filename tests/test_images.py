"""Pictures of every usual kind come in as RGB uint8; broken ones are named."""

import cv2
import numpy as np
import pytest
from PIL import Image

from deepfake_lesson.errors import MediaError
from deepfake_lesson.images import (
    fit,
    grid,
    label_picture,
    list_images,
    read_image,
    to_float,
    to_uint8,
    write_image,
)


@pytest.fixture
def picture():
    """A smooth colour picture, 48 x 64: every channel differs, no symmetry."""
    y, x = np.mgrid[:48, :64]
    return np.stack([3 * x + y, 2 * y + 90, 255 - 3 * x], axis=-1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_lossless_formats_bring_back_the_same_pixels(tmp_path, picture, suffix):
    write_image(tmp_path / f"a{suffix}", picture)
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), picture)


def test_channels_are_rgb_as_another_library_sees_them(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_stay_close(tmp_path, picture, suffix):
    write_image(tmp_path / f"a{suffix}", picture)
    assert np.abs(read_image(tmp_path / f"a{suffix}").astype(int) - picture).mean() < 2


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_pictures_are_scaled(tmp_path, picture, channels):
    deep = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]).astype(np.uint16) * 257
    stored = deep[..., 0] if channels == 1 else deep[..., [2, 1, 0, 3][:channels]]
    cv2.imwrite(str(tmp_path / "deep.png"), stored)
    expected = np.repeat(picture[..., :1], 3, axis=-1) if channels == 1 else picture
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png"), expected)


def test_grey_gets_three_equal_channels(tmp_path, picture):
    Image.fromarray(picture[..., 0]).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(
        read_image(tmp_path / "grey.png"), np.repeat(picture[..., :1], 3, -1)
    )


def test_transparent_parts_lie_on_white(tmp_path, picture):
    alpha = np.zeros(picture.shape[:2], np.uint8)
    alpha[:, :32] = 255
    Image.fromarray(np.dstack([picture, alpha])).save(tmp_path / "rgba.png")
    image = read_image(tmp_path / "rgba.png")
    np.testing.assert_array_equal(image[:, :32], picture[:, :32])
    assert (image[:, 32:] == 255).all()


def test_palette_pictures_keep_their_colours(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    image[:4] = (200, 10, 30)
    Image.fromarray(image).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_image(tmp_path / "p.png"), image)


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (3, lambda upright: upright[::-1, ::-1]),
        (6, lambda upright: np.rot90(upright, 1)),
        (8, lambda upright: np.rot90(upright, -1)),
    ],
)
def test_exif_orientation_is_undone(tmp_path, picture, orientation, stored):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored(picture))).save(tmp_path / "t.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "t.png"), picture)


def test_a_12_megapixel_picture_is_read_whole(tmp_path):
    large = np.full((3000, 4000, 3), 120, np.uint8)
    write_image(tmp_path / "large.jpg", large)
    assert read_image(tmp_path / "large.jpg").shape == (3000, 4000, 3)


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "notes.jpg").write_text("not a picture at all")
    with pytest.raises(MediaError, match=r"notes\.jpg: not a picture"):
        read_image(tmp_path / "notes.jpg")


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "empty.png").touch()
    with pytest.raises(MediaError, match=r"empty\.png: the file is empty"):
        read_image(tmp_path / "empty.png")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MediaError, match=r"gone\.png: there is no such file"):
        read_image(tmp_path / "gone.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_a_cut_off_picture_is_named(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    write_image(tmp_path / f"whole{suffix}", noise)
    content = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"half{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaError, match="half"):
        read_image(tmp_path / f"half{suffix}")


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path, picture):
    with pytest.raises(MediaError, match="unknown picture format"):
        write_image(tmp_path / "a.xyz", picture)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_other_arrays_than_rgb_uint8_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="RGB uint8"):
        write_image(tmp_path / "a.png", wrong)


def test_only_pictures_are_listed(tmp_path, picture):
    for name in ("b.png", "a.JPG", ".draft.png"):
        write_image(tmp_path / name, picture)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["a.JPG", "b.png"]


def test_float_and_uint8_are_inverse():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, -1)
    assert to_float(levels).dtype == np.float32
    np.testing.assert_array_equal(to_uint8(to_float(levels)), levels)
    assert to_uint8(np.array([-0.5, 1.5])).tolist() == [0, 255]


def test_fit_keeps_the_shape_or_takes_the_size_given(picture):
    assert fit(picture, 32).shape == (24, 32, 3)
    assert fit(picture, (10, 20)).shape == (20, 10, 3)


def test_grid_shows_every_picture_in_its_cell(picture):
    small = np.zeros((10, 20, 3), np.uint8)
    sheet = grid([picture, small, picture], columns=2, pad=4)
    assert sheet.shape == (2 * 52 + 4, 2 * 68 + 4, 3)
    np.testing.assert_array_equal(sheet[4:52, 4:68], picture)
    np.testing.assert_array_equal(sheet[56:104, 4:68], picture)
    assert (sheet[4 + 19 : 4 + 29, 72 + 22 : 72 + 42] == 0).all()
    assert (sheet[56:104, 72:136] == 255).all()


def test_grid_wants_a_label_for_each_picture(picture):
    with pytest.raises(ValueError, match="shorter"):
        grid([picture, picture], columns=2, labels=["one"])


def test_a_label_leaves_the_picture_alone_and_its_text_fits(picture):
    labelled = label_picture(picture, "a far longer text than the picture is wide")
    band = labelled[48:]
    np.testing.assert_array_equal(labelled[:48], picture)
    assert band.min() < 128
    assert (band[:, 0] == 255).all() and (band[:, -1] == 255).all()
