"""The visible label, the content credential and the authority behind it."""

import json
import multiprocessing
import stat
import subprocess
import sys

import numpy as np
import pytest
from cryptography import x509
from imageio_ffmpeg import get_ffmpeg_exe

from deepfake_lesson import provenance
from deepfake_lesson.errors import DiskFullError, LessonError, MediaError
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.provenance import Credential, check_signable, label_frame, sign, verify


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("DEEPFAKE_LESSON_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def noise():
    return np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)


@pytest.fixture
def picture(tmp_path, noise):
    path = tmp_path / "picture.png"
    write_image(path, noise)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=s=96x64:d=1:r=10", "-f", "lavfi", "-i", "sine=d=1"]
    command = [get_ffmpeg_exe(), "-v", "error", *source, "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True)
    return path


def frames_of(path):
    """Every decoded picture and every sound sample, hashed by ffmpeg."""
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "framemd5", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


# The visible label


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (144, 176), (256, 256), (360, 640), (1080, 1920), (640, 360)]
)
def test_the_label_is_legible_in_the_bottom_left_corner_and_nowhere_else(height, width):
    grey = np.full((height, width, 3), 128, np.uint8)
    labelled = label_frame(grey)
    rows, columns = np.nonzero((labelled != grey).any(axis=2))
    assert not (grey != 128).any(), "the frame given is left alone"
    assert labelled.shape == grey.shape
    assert labelled.dtype == np.uint8
    assert rows.min() > 0.7 * height
    assert rows.max() < height - 1
    assert columns.min() <= 0.05 * width
    assert columns.max() <= width - 1
    assert labelled.max() - labelled.min() > 150, "white on dark"


def test_the_label_grows_with_the_frame():
    def height_of(size):
        grey = np.full((size, size, 3), 128, np.uint8)
        return np.ptp(np.nonzero((label_frame(grey) != grey).any(axis=2))[0])

    assert height_of(1024) == pytest.approx(2 * height_of(512), rel=0.1)


def test_any_frame_can_be_labelled():
    for height, width in [(8, 8), (20, 300), (300, 20), (33, 47)]:
        grey = np.full((height, width, 3), 128, np.uint8)
        assert (label_frame(grey) != grey).any()


# The credential


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_signed_picture_is_valid_trusted_and_its_pixels_are_the_same(tmp_path, noise, suffix):
    path = tmp_path / f"picture{suffix}"
    write_image(path, noise)
    before = read_image(path)
    sign(path, title="Noise", source_type=provenance.TRAINED)
    assert verify(path) == Credential(
        state="valid",
        trusted=True,
        title="Noise",
        generator=f"deepfake_lesson {provenance.__version__}",
        signer="deepfake_lesson on this computer",
        source_type="trainedAlgorithmicMedia",
        actions=("c2pa.created",),
    )
    assert np.array_equal(read_image(path), before)


def test_a_signed_video_names_its_original_and_plays_the_same(tmp_path, clip):
    out = sign(clip, tmp_path / "swap.mp4", original=clip)
    credential = verify(out)
    assert (credential.state, credential.trusted, credential.title) == ("valid", True, "swap.mp4")
    assert credential.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert credential.actions == ("c2pa.opened", "c2pa.edited")
    assert credential.ingredients == ("clip.mp4",)
    assert frames_of(out) == frames_of(clip)


def test_an_original_that_cannot_carry_credentials_is_no_obstacle(tmp_path, picture):
    (tmp_path / "clip.mkv").write_bytes(b"whatever")
    assert verify(sign(picture, original=tmp_path / "clip.mkv")).actions == ("c2pa.created",)


def test_without_a_credential_there_is_none(picture, clip):
    assert verify(picture) is None
    assert verify(clip) is None


@pytest.mark.parametrize("place", [0.6, 0.8, 0.99])
def test_one_changed_byte_of_the_picture_is_noticed(picture, place):
    sign(picture)
    changed = bytearray(picture.read_bytes())
    changed[int(place * len(changed))] ^= 1
    picture.write_bytes(changed)
    credential = verify(picture)
    assert credential.state == "tampered"
    assert not credential.trusted
    assert "assertion.dataHash.mismatch" in credential.problems


def test_one_changed_byte_of_the_video_is_noticed(tmp_path, clip):
    out = sign(clip, tmp_path / "swap.mp4")
    changed = bytearray(out.read_bytes())
    changed[changed.index(b"mdat") + 2000] ^= 1
    out.write_bytes(changed)
    assert verify(out).state == "tampered"


def test_a_changed_claim_is_never_valid(picture):
    """The source type is rewritten in the manifest itself."""
    sign(picture)
    signed = picture.read_bytes()
    assert signed.count(b"compositeWithTrained") == 1
    picture.write_bytes(signed.replace(b"compositeWithTrained", b"compositeWithNothing"))
    assert verify(picture).state == "tampered"


def test_a_destroyed_manifest_is_not_taken_for_none(picture):
    sign(picture)
    signed = picture.read_bytes()
    picture.write_bytes(signed.replace(b"c2pa.signature", b"c2pa.sugnature"))
    credential = verify(picture)
    assert credential.state == "tampered"
    assert credential.problems


def test_a_cut_off_video_is_no_video(tmp_path, clip):
    out = sign(clip, tmp_path / "swap.mp4")
    out.write_bytes(out.read_bytes()[:-1000])
    with pytest.raises(MediaError, match="cannot be read"):
        verify(out)


def test_another_computers_signature_is_valid_but_not_trusted(picture, tmp_path, monkeypatch):
    sign(picture)
    monkeypatch.setenv("DEEPFAKE_LESSON_HOME", str(tmp_path / "elsewhere"))
    credential = verify(picture)
    assert (credential.state, credential.trusted) == ("valid", False)
    assert credential.problems == ("signingCredential.untrusted",)
    assert not (tmp_path / "elsewhere").exists(), "looking makes no authority"


def test_a_signed_file_is_signed_again_without_losing_its_past(picture):
    sign(picture)
    first = picture.read_bytes()
    picture.with_name("first.png").write_bytes(first)
    sign(picture, original=picture.with_name("first.png"))
    assert verify(picture).state == "valid"
    assert verify(picture).ingredients == ("first.png",)


# What can go wrong


@pytest.mark.parametrize("name", ["swap.mkv", "swap.txt", "swap"])
def test_a_name_that_cannot_carry_a_credential_is_refused(name):
    with pytest.raises(MediaError, match="cannot carry a content credential"):
        check_signable(name)


@pytest.mark.parametrize("content", [b"", b"no video at all, just some text"])
def test_what_is_no_video_is_neither_signed_nor_verified(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"clip\.mp4"):
        sign(path, tmp_path / "out.mp4")
    with pytest.raises(MediaError, match="cannot be read"):
        verify(path)
    assert path.read_bytes() == content
    assert not list(tmp_path.glob("*out*"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MediaError, match=r"gone\.mp4"):
        verify(tmp_path / "gone.mp4")
    with pytest.raises(MediaError, match=r"gone\.mp4"):
        sign(tmp_path / "gone.mp4")


def test_a_full_disk_leaves_the_unsigned_file_and_nothing_else(small_disk):
    out, source = small_disk / "swap.png", small_disk / "draft.png"
    rng = np.random.default_rng(0)
    write_image(source, rng.integers(0, 256, (400, 500, 3), np.uint8))
    assert source.stat().st_size > 500_000, "two of it do not fit"
    with pytest.raises(DiskFullError, match=r"swap\.png"):
        sign(source, out)
    assert [path.name for path in small_disk.iterdir()] == ["draft.png"]


def test_a_home_that_cannot_be_made_is_named(tmp_path, picture, monkeypatch):
    monkeypatch.setenv("DEEPFAKE_LESSON_HOME", str(picture / "home"))
    with pytest.raises(LessonError, match="DEEPFAKE_LESSON_HOME"):
        sign(picture)


def test_a_damaged_key_is_named(picture, home):
    home.mkdir()
    (home / "signer.pem").write_text("nothing")
    with pytest.raises(LessonError, match="Delete the folder"):
        sign(picture)
    assert verify(picture) is None


# The authority


def test_the_authority_vouches_for_the_signer_and_the_key_is_private(home, picture):
    sign(picture)
    signer, authority = x509.load_pem_x509_certificates((home / "signer.pem").read_bytes())
    signer.verify_directly_issued_by(authority)
    assert [authority] == x509.load_pem_x509_certificates((home / "authority.pem").read_bytes())
    assert stat.S_IMODE((home / "signer.pem").stat().st_mode) == 0o600
    assert b"PRIVATE" not in (home / "authority.pem").read_bytes()


def _sign_in_a_new_home(path):
    sign(path)


def test_two_first_uses_at_once_make_one_authority(tmp_path, noise):
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path in paths:
        write_image(path, noise)
    processes = [
        multiprocessing.get_context("spawn").Process(target=_sign_in_a_new_home, args=(path,))
        for path in paths
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(verify(path).trusted for path in paths)


def test_the_home_is_the_users_data_folder_unless_chosen(monkeypatch, home):
    assert provenance.home() == home
    monkeypatch.delenv("DEEPFAKE_LESSON_HOME")
    assert provenance.home().name == "deepfake_lesson"


def test_looking_at_labels_needs_no_heavy_library():
    code = (
        "import sys, json; import deepfake_lesson.provenance; print(json.dumps(list(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert not {"c2pa", "cryptography", "PIL", "cv2", "keras"} & set(json.loads(ran.stdout))
