"""From media to aligned faces: what is kept, what is left out, and what a second run does."""

import shutil

import cv2
import numpy as np
import pytest

from deepfake_lesson import extraction
from deepfake_lesson.dataset import load_alignments, load_faces, person_embedding
from deepfake_lesson.errors import BusyError, LessonError, MediaError, NoFaceError
from deepfake_lesson.extraction import create_face_dataset, find_faces, sharpness
from deepfake_lesson.files import folder_lock
from deepfake_lesson.identity import FaceFilter, distance, embed
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.landmarks import MEAN_FACE, alignment_matrix, transform_points, warp
from deepfake_lesson.people import create_person, open_person, read_alignments
from deepfake_lesson.studio import RESERVED_SEEDS, Identity, Pose, render

A, B = RESERVED_SEEDS["tests"][:2]


@pytest.fixture(scope="module")
def portraits():
    """Three pictures of A and one of B, RGB 256 x 256."""
    a, b = Identity.sample(A), Identity.sample(B)
    poses = [Pose(), Pose(yaw=10), Pose(yaw=-8, pitch=4)]
    return [render(a, pose=pose) for pose in poses] + [render(b)]


@pytest.fixture
def album(tmp_path, portraits):
    """A person with the three pictures of A."""
    person = create_person(tmp_path / "album", "A", "synthetic", seed=A)
    for number, frame in enumerate(portraits[:3]):
        write_image(person.media / f"{number}.png", frame.image)
    return person


@pytest.fixture
def actor(tmp_path, film):
    """A person with a clip of 12 frames."""
    return open_person(film(A, tmp_path / "actor"))


def faces_on_disk(person):
    return {path.relative_to(person.faces).as_posix() for path in person.faces.rglob("*.png")}


def test_faces_are_cut_out_where_their_lines_say(album, portraits):
    report = create_face_dataset(album)
    assert (report.frames, report.faces_found, report.kept) == (3, 3, 3)
    rows = load_alignments(album)
    assert {row.file for row in rows} == faces_on_disk(album)
    assert [row.source for row in rows] == ["0.png", "1.png", "2.png"]
    for row, face, frame in zip(rows, load_faces(album), portraits[:3], strict=True):
        np.testing.assert_array_equal(row.matrix, alignment_matrix(row.landmarks))
        np.testing.assert_array_equal(face, warp(frame.image, row.matrix, 256))
        aligned = transform_points(frame.landmarks, row.matrix)
        assert np.abs(aligned - (MEAN_FACE * 256 - 0.5)).mean() < 10
    assert (album.folder / "contact_sheet.png").is_file()


def test_a_clip_gives_a_face_a_frame(actor):
    report = create_face_dataset(actor)
    assert report.frames == 12
    assert report.kept >= 11
    assert load_faces(actor).shape == (report.kept, 256, 256, 3)
    assert set(report.seconds) >= {"read", "detect", "align", "write"}


def test_fps_chooses_frames_by_their_number_in_the_clip(actor):
    create_face_dataset(actor, fps=5)
    assert {row.frame for row in load_alignments(actor)} <= {0, 2, 4, 6, 8, 10}
    create_face_dataset(actor)
    rows = load_alignments(actor)
    assert len({row.frame for row in rows}) == len(rows) >= 11


def test_a_second_run_looks_at_nothing_again(actor, monkeypatch):
    first = create_face_dataset(actor)
    before = actor.alignments.read_bytes()
    monkeypatch.setattr(extraction, "detect_faces", None)
    second = create_face_dataset(actor)
    assert (second.frames, second.kept, second.skipped_existing) == (0, 0, first.kept)
    assert actor.alignments.read_bytes() == before


def test_new_media_are_added_to_the_old(album, portraits):
    create_face_dataset(album)
    write_image(album.media / "9.png", portraits[1].image)
    report = create_face_dataset(album)
    assert (report.frames, report.kept, report.skipped_existing) == (1, 1, 3)


def test_what_a_kill_left_behind_is_mended(album):
    """Killed after a picture was written, in the middle of a line, before the next note."""
    create_face_dataset(album)
    expected = sorted(album.alignments.read_text().splitlines())
    pictures = faces_on_disk(album)
    lines = album.alignments.read_bytes().splitlines(keepends=True)
    album.alignments.write_bytes(lines[0] + lines[1][:100])
    (album.faces / "progress.json").unlink()
    (album.faces / ".x.12345678.draft.png").write_bytes(b"half")
    assert len(load_faces(album)) == 1
    create_face_dataset(album)
    assert sorted(album.alignments.read_text().splitlines()) == expected
    assert faces_on_disk(album) == pictures


def test_looking_again_in_another_way_adds_no_double(album):
    create_face_dataset(album)
    report = create_face_dataset(album, rotate=True)
    assert (report.frames, report.kept) == (3, 0)
    assert len(read_alignments(album)) == 3


def test_a_deleted_picture_stays_away(album):
    create_face_dataset(album)
    (album.faces / load_alignments(album)[0].file).unlink()
    create_face_dataset(album)
    assert len(load_faces(album)) == 2


def test_processes_give_the_same_as_one(tmp_path, actor):
    twin = open_person(shutil.copytree(actor.folder, tmp_path / "twin"))
    create_face_dataset(actor, jobs=1)
    create_face_dataset(twin, jobs=2)
    assert actor.alignments.read_bytes() == twin.alignments.read_bytes()
    np.testing.assert_array_equal(load_faces(actor), load_faces(twin))


def test_only_the_wanted_person_is_stored(album, portraits, tmp_path):
    want, refuse = tmp_path / "a.png", tmp_path / "b.png"
    write_image(want, portraits[0].image)
    write_image(refuse, portraits[3].image)
    both = np.hstack([portraits[3].image, portraits[1].image])
    write_image(album.media / "both.png", both)
    report = create_face_dataset(album, want=[want], refuse=[refuse], threshold=0.6)
    assert (report.faces_found, report.kept, report.refused) == (5, 4, 1)
    (row,) = [row for row in load_alignments(album) if row.source == "both.png"]
    assert row.landmarks[:, 0].mean() > 256
    assert 0 < row.identity_distance < 0.6
    assert len(faces_on_disk(album)) == 4


def test_a_stranger_in_all_media_is_an_error_with_the_distance(album, portraits, tmp_path):
    want = tmp_path / "b.png"
    write_image(want, portraits[3].image)
    with pytest.raises(NoFaceError, match=r"none of the 3 faces.*nearest is 0\.\d\d away"):
        create_face_dataset(album, want=[want], threshold=0.2)
    assert not faces_on_disk(album)
    with pytest.raises(NoFaceError, match="none of the 3 faces"):
        create_face_dataset(album, want=[want], threshold=0.2)


def test_blurred_faces_are_set_aside(album, portraits):
    write_image(album.media / "soft.png", cv2.GaussianBlur(portraits[0].image, (0, 0), 5))
    report = create_face_dataset(album)
    assert (report.kept, report.blurred) == (3, 1)
    (row,) = [row for row in read_alignments(album) if row.source == "soft.png"]
    assert row.file.startswith("blurred/")
    assert len(load_faces(album)) == 3


def test_only_blurred_faces_are_an_error_that_names_the_limit(album):
    with pytest.raises(NoFaceError, match=r"all 3 faces are blurred .* limit 500"):
        create_face_dataset(album, min_sharpness=500)


def test_sharpness_falls_with_blur_and_not_with_light(portraits):
    row = warp(portraits[0].image, alignment_matrix(portraits[0].landmarks), 256)
    blurred = [sharpness(cv2.GaussianBlur(row, (0, 0), sigma)) for sigma in (1, 2, 4, 8)]
    assert sharpness(row) > blurred[0] > blurred[1] > blurred[2] > blurred[3]
    assert blurred[2] < extraction.MIN_SHARPNESS < sharpness(row) / 2
    assert sharpness(row // 2) == pytest.approx(sharpness(row), rel=0.1)


def test_a_leaning_picture_needs_rotate(tmp_path, portraits):
    person = create_person(tmp_path / "leaning", "A", "synthetic", seed=A)
    write_image(person.media / "side.png", np.rot90(portraits[0].image))
    with pytest.raises(NoFaceError, match="--rotate"):
        create_face_dataset(person)
    create_face_dataset(person, rotate=True)
    (row,) = load_alignments(person)
    assert row.rotation == -90
    upright = warp(portraits[0].image, alignment_matrix(portraits[0].landmarks), 256)
    assert np.abs(load_faces(person)[0].astype(int) - upright).mean() < 12


def test_small_faces_are_looked_for_when_the_wanted_one_is_not_among_the_large(portraits):
    large = cv2.resize(portraits[3].image, (512, 512), interpolation=cv2.INTER_CUBIC)
    scene = np.full((512, 640, 3), 90, np.uint8)
    scene[:, :512] = large
    scene[300:428, 512:] = cv2.resize(portraits[0].image, (128, 128), interpolation=cv2.INTER_AREA)
    who = FaceFilter(
        [embed(portraits[0].image, portraits[0].landmarks)],
        [embed(portraits[3].image, portraits[3].landmarks)],
        threshold=0.6,
    )
    assert len(find_faces(scene)) == 1
    wanted = [found for found in find_faces(scene, who) if found.accepted]
    assert len(wanted) == 1
    assert wanted[0].face.landmarks[:, 0].min() > 500


def test_person_embedding_is_near_every_picture(album, portraits):
    assert person_embedding(album) is None
    create_face_dataset(album)
    mean = person_embedding(album, most=2)
    own = [distance(embed(frame.image, frame.landmarks), mean) for frame in portraits]
    assert max(own[:3]) < own[3]


def test_messages_say_what_is_missing(tmp_path, album):
    empty = create_person(tmp_path / "empty", "nobody", "self")
    with pytest.raises(MediaError, match="no pictures or videos"):
        create_face_dataset(empty)
    with pytest.raises(NoFaceError, match="deepfake-lesson extract"):
        load_faces(empty)
    write_image(empty.media / "grey.png", np.full((120, 160, 3), 90, np.uint8))
    with pytest.raises(NoFaceError, match="no face was found"):
        create_face_dataset(empty)
    with pytest.raises(NoFaceError, match="reference picture"):
        create_face_dataset(album, want=[empty.media / "grey.png"])
    with pytest.raises(LessonError, match="--fps"):
        create_face_dataset(album, fps=0)
    (album.media / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(MediaError, match=r"broken\.png"):
        create_face_dataset(album)


def test_a_changed_file_is_not_mixed_with_the_faces_of_the_old(album, portraits):
    create_face_dataset(album)
    write_image(album.media / "1.png", portraits[3].image)
    with pytest.raises(MediaError, match="changed since"):
        create_face_dataset(album)


def test_two_extractions_of_one_person_do_not_mix(album):
    with folder_lock(album.faces, "an extraction"), pytest.raises(BusyError):
        create_face_dataset(album)


def test_the_contact_sheet_shows_kept_and_blurred_faces(album, portraits):
    write_image(album.media / "soft.png", cv2.GaussianBlur(portraits[0].image, (0, 0), 5))
    create_face_dataset(album)
    sheet = read_image(album.folder / "contact_sheet.png")
    red = (sheet[..., 0] > 150) & (sheet[..., 1] < 80)
    assert sheet.shape[1] > 10 * 112
    assert red.sum() > 1000
