"""The visible label, the content credential and the authority behind it."""

import datetime
import hashlib
import io
import json
import multiprocessing
import stat
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from imageio_ffmpeg import get_ffmpeg_exe

from deepfake_lesson import __version__, provenance
from deepfake_lesson.errors import DiskFullError, LessonError, MediaError
from deepfake_lesson.images import read_image, write_image
from deepfake_lesson.provenance import (
    Credential,
    authority,
    check_signable,
    label_faces,
    label_frame,
    sign,
    verify,
)


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


def oval(left, top, right, bottom):
    """68 points on an ellipse that fills a box."""
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    centre = np.array([left + right, top + bottom]) / 2
    return (centre + circle * np.array([right - left, bottom - top]) / 2).astype(np.float32)


@pytest.mark.parametrize("box", [(250, 60, 390, 220), (20, 100, 60, 150), (-40, 200, 200, 500)])
def test_who_crops_to_the_face_still_has_a_label(box):
    grey = np.full((360, 640, 3), 128, np.uint8)
    marked = label_faces(label_frame(grey), [oval(*box)])
    left, top, right, bottom = np.clip(box, 0, (639, 359, 639, 359))
    height, width = bottom - top, right - left
    crop = label_faces(grey, [oval(*box)])[top : bottom + 1, left : right + 1].astype(int)
    changed = (crop != 128).any(axis=2)
    assert np.ptp(crop) > 120, "white on dark"
    assert changed.sum() == (label_faces(grey, [oval(*box)]) != grey).any(axis=2).sum()
    assert changed.mean() < 0.2, "a corner of the face's box, not the face"
    middle = changed[height // 5 : height * 3 // 4, width // 5 : width * 3 // 4]
    assert not middle.any(), "eyes, nose and mouth are free"
    assert (marked[top : bottom + 1, left : right + 1] != 128).any()


def test_the_corner_label_alone_is_lost_when_somebody_crops_to_the_face():
    grey = np.full((360, 640, 3), 128, np.uint8)
    assert (label_frame(grey)[60:220, 250:390] == 128).all()


def test_every_generated_face_is_labelled_and_what_is_outside_is_no_obstacle():
    grey = np.full((360, 640, 3), 128, np.uint8)
    faces = [oval(100, 60, 200, 180), oval(400, 60, 500, 180), oval(700, 60, 800, 180)]
    changed = (label_faces(grey, faces) != grey).any(axis=(0, 2))
    assert changed[100:201].any() and changed[400:501].any()
    assert not changed[210:390].any() and not changed[510:].any()
    assert (grey == 128).all(), "the frame given is left alone"


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
        generator=f"deepfake_lesson {__version__}",
        signer="deepfake_lesson on this computer",
        source_type="trainedAlgorithmicMedia",
        actions=("c2pa.created",),
        forbidden=("cawg.ai_generative_training", "cawg.ai_training", "cawg.data_mining"),
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


def test_an_original_that_cannot_carry_credentials_is_named_by_its_hash(tmp_path, picture):
    original = tmp_path / "clip.mkv"
    original.write_bytes(b"whatever")
    credential = verify(sign(picture, original=original))
    assert credential.actions == ("c2pa.opened", "c2pa.edited")
    assert credential.ingredients == ("clip.mkv",)
    assert credential.hashes == (hashlib.sha256(b"whatever").hexdigest(),)


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


# What a credential says


def test_a_credential_names_all_it_was_made_of_by_hash_and_the_model(tmp_path, picture, clip):
    other = tmp_path / "face.bmp"
    write_image(other, np.zeros((8, 8, 3), np.uint8))
    out = tmp_path / "animated.mp4"
    credential = verify(sign(clip, out, original=clip, inputs=(picture, other), model="ab"))
    assert credential.state == "valid" and credential.model == "ab"
    assert credential.ingredients == ("clip.mp4", "picture.png", "face.bmp")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (clip, picture, other)]
    assert credential.hashes == tuple(digests)
    assert credential.actions == ("c2pa.opened", "c2pa.edited")


def test_training_is_forbidden_and_looking_at_it_is_not(picture):
    forbidden = verify(sign(picture)).forbidden
    assert "cawg.ai_training" in forbidden and "cawg.data_mining" in forbidden
    assert "cawg.ai_inference" not in forbidden, "detectors shall look at it"


def test_the_credential_of_an_ingredient_comes_along(tmp_path, picture):
    sign(picture, title="first")
    second = sign(picture, tmp_path / "second.png", original=picture)
    assert b"first" in second.read_bytes()
    assert verify(second).state == "valid"


def test_an_ingredient_of_a_wrong_ending_is_named_all_the_same(tmp_path, picture, clip):
    """Whoever saved a PNG as .jpg could open it: after hours of work is too late to refuse it."""
    wrong = tmp_path / "picture.jpg"
    wrong.write_bytes(picture.read_bytes())
    credential = verify(sign(clip, tmp_path / "out.mp4", inputs=(wrong,)))
    assert (credential.state, credential.ingredients) == ("valid", ("picture.jpg",))
    assert credential.hashes == (hashlib.sha256(wrong.read_bytes()).hexdigest(),)


def test_an_unknown_source_type_is_refused(picture):
    with pytest.raises(LessonError, match="source type 'painted'"):
        sign(picture, source_type="painted")


# What is done to files


def png_chunks(data):
    """Name and bytes of each chunk of a PNG."""
    position = 8
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        end = position + 12 + length
        yield data[position + 4 : position + 8], data[position:end]
        position = end


def jpeg_segments(data):
    """Marker and bytes of each segment of a JPEG's head, and at the end all the rest."""
    position = 2
    while data[position + 1] != 0xDA:
        (length,) = struct.unpack(">H", data[position + 2 : position + 4])
        end = position + 2 + length
        yield data[position + 1], data[position:end]
        position = end
    yield 0xDA, data[position:]


def mp4_boxes(data):
    """Name and bytes of each box of an MP4."""
    position = 0
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        yield data[position + 4 : position + 8], data[position : position + length]
        position += length


PARTS = {  # suffix: what cuts a file into parts, the manifest's name, the file's first bytes
    ".png": (png_chunks, b"caBX", 8),
    ".jpg": (jpeg_segments, 0xEB, 2),
    ".mp4": (mp4_boxes, b"uuid", 0),
}


def with_manifest_of(path, other):
    """The bytes of a signed file with the manifest of another in place of its own."""
    cut, name, head = PARTS[path.suffix]
    data = path.read_bytes()
    foreign = [part for kind, part in cut(other.read_bytes()) if kind == name] if other else []
    parts, inserted = [], False
    for kind, part in cut(data):
        if kind != name:
            parts.append(part)
        elif not inserted:
            parts, inserted = parts + foreign, True
    return data[:head] + b"".join(parts)


@pytest.fixture(params=[".png", ".jpg", ".mp4"])
def signed_pair(request, tmp_path, noise, clip):
    """Two signed files of one kind with different content and the same title."""
    paths = [tmp_path / folder / f"file{request.param}" for folder in "ab"]
    for path, turn in zip(paths, (1, -1), strict=True):
        path.parent.mkdir()
        if request.param == ".mp4":
            mirror = ["-vf", "hflip"] if turn < 0 else []
            command = [get_ffmpeg_exe(), "-v", "error", "-i", str(clip), *mirror, str(path)]
            subprocess.run(command, check=True)
        else:
            write_image(path, noise[::turn])
        sign(path)
    return paths


def test_the_manifest_of_another_file_does_not_fit(signed_pair):
    one, other = signed_pair
    assert verify(one).verdict == verify(other).verdict == "trusted"
    one.write_bytes(with_manifest_of(one, one))
    assert verify(one).verdict == "trusted", "its own manifest, put back, fits"
    one.write_bytes(with_manifest_of(one, other))
    assert verify(one).verdict == "tampered"


def test_a_stripped_manifest_is_missing_and_not_tampered(signed_pair):
    path = signed_pair[0]
    path.write_bytes(with_manifest_of(path, None))
    assert verify(path) is None


def test_a_changed_byte_of_the_manifest_is_told_or_changes_no_claim(picture):
    """A few bytes of the box around the manifest say nothing and are not hashed."""
    sign(picture)
    data, before = picture.read_bytes(), verify(picture)
    start = data.index(b"caBX") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    for place in np.linspace(start, start + length - 1, 80).astype(int):
        picture.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        found, told = verify(picture), ("tampered", "invalid")
        assert found in (None, before) or found.verdict in told, place


def test_one_changed_pixel_is_noticed(tmp_path, picture, noise):
    """All of the file fits together, but for one pixel of the picture."""
    sign(picture)
    changed = noise.copy()
    changed[40, 50, 1] ^= 1
    write_image(tmp_path / "changed.png", changed)
    head, *parts = png_chunks(picture.read_bytes())
    painted = [
        part
        for kind, part in png_chunks((tmp_path / "changed.png").read_bytes())
        if kind == b"IDAT"
    ]
    kept = [part for kind, part in parts if kind != b"IDAT"]
    body = [head[1], *kept[:-1], *painted, kept[-1]]
    picture.write_bytes(picture.read_bytes()[:8] + b"".join(body))
    assert (read_image(picture) != noise).sum() == 1
    assert verify(picture).verdict == "tampered"


def test_encoding_anew_loses_the_credential(tmp_path, picture, clip):
    sign(picture)
    write_image(tmp_path / "again.jpg", read_image(picture))
    assert verify(tmp_path / "again.jpg") is None
    signed = sign(clip, tmp_path / "swap.mp4")
    again = tmp_path / "again.mp4"
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(signed), "-crf", "30", str(again)]
    subprocess.run(command, check=True)
    assert verify(again) is None


# Whom to trust


def certificate(name, key, issuer=None, issuer_key=None, organisation="A school", **changes):
    """A certificate (PEM) as an institution would have it made; without an issuer an authority."""
    subject = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]
    if organisation:
        subject.append(x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organisation))
    is_authority, now = issuer is None, datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    usage |= {"crl_sign": is_authority, "encipher_only": False, "decipher_only": False}
    usage |= {"digital_signature": not is_authority, "key_cert_sign": is_authority}
    builder = (
        x509.CertificateBuilder(x509.Name(subject) if issuer is None else issuer.subject)
        .subject_name(x509.Name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=changes.get("days", 30)))
        .add_extension(x509.BasicConstraints(is_authority, None), True)
        .add_extension(x509.KeyUsage(**usage), True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer_key or key).public_key()),
            False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if not is_authority:
        purpose = x509.ObjectIdentifier(changes.get("purpose", "1.3.6.1.5.5.7.3.36"))
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
    return builder.sign(issuer_key or key, hashes.SHA256())


def write_pem(path, *things, password=None):
    """Certificates or a private key in a file."""
    pem = serialization.Encoding.PEM
    closed = serialization.NoEncryption()
    if password:
        closed = serialization.BestAvailableEncryption(password)
    path.write_bytes(
        b"".join(
            thing.public_bytes(pem)
            if isinstance(thing, x509.Certificate)
            else thing.private_bytes(pem, serialization.PrivateFormat.PKCS8, closed)
            for thing in things
        )
    )
    return path


@pytest.fixture(scope="module")
def school():
    """An institution's authority: key and certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key, certificate("A school's authority", key)


KEYS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("purpose", authority.PURPOSES)
def test_an_institution_signs_with_its_own_certificate(tmp_path, picture, school, kind, purpose):
    key = KEYS[kind]()
    leaf = certificate("The media lab", key, school[1], school[0], purpose=purpose)
    cert = write_pem(tmp_path / "lab.pem", leaf, school[1])
    sign(picture, certificate=cert, key=write_pem(tmp_path / "lab.key", key))
    credential = verify(picture)
    assert (credential.verdict, credential.signer) == ("valid", "The media lab")
    root = write_pem(tmp_path / "school.pem", school[1])
    assert verify(picture, trust=(root,)).verdict == "trusted"


def test_our_own_authority_is_trusted_elsewhere_once_it_is_given(tmp_path, picture, monkeypatch):
    sign(picture)
    root = provenance.authority_path()
    monkeypatch.setenv("DEEPFAKE_LESSON_HOME", str(tmp_path / "elsewhere"))
    assert verify(picture).verdict == "valid"
    assert verify(picture, trust=(root,)).verdict == "trusted"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("another key", "does not belong to the key"),
        ("root first", "does not begin with the signer's own"),
        ("self-signed", "vouches for itself"),
        ("expired", "is not valid today"),
        ("no organisation", "names no organisation"),
        ("for servers", "not for signing documents"),
        ("password", "has a password"),
        ("no certificate", "holds no certificate"),
        ("no key", "holds no private key"),
        ("gone", "no such file"),
        ("alone", "only one is given"),
    ],
)
def test_a_certificate_that_c2pa_would_refuse_is_refused_in_words(
    tmp_path, picture, school, fault, words
):
    key = ec.generate_private_key(ec.SECP256R1())
    changes = {"expired": {"days": -1}, "no organisation": {"organisation": None}}
    changes["for servers"] = {"purpose": "1.3.6.1.5.5.7.3.1"}
    leaf = certificate("Lab", key, school[1], school[0], **changes.get(fault, {}))
    chain = {"root first": [school[1], leaf], "self-signed": [certificate("Lab", key)]}
    cert = write_pem(tmp_path / "lab.pem", *chain.get(fault, [leaf, school[1]]))
    other = ec.generate_private_key(ec.SECP256R1())
    password = b"secret" if fault == "password" else None
    private = write_pem(
        tmp_path / "lab.key", other if fault == "another key" else key, password=password
    )
    if fault in ("no certificate", "no key"):
        (cert if fault == "no certificate" else private).write_text("nothing")
    if fault == "gone":
        cert.unlink()
    before = picture.read_bytes()
    with pytest.raises(LessonError, match=words):
        sign(picture, certificate=cert, key=None if fault == "alone" else private)
    assert picture.read_bytes() == before


def test_a_file_of_trust_must_hold_a_certificate(tmp_path, picture):
    sign(picture)
    (tmp_path / "trust.pem").write_text("nobody")
    with pytest.raises(LessonError, match=r"trust\.pem: holds no certificate"):
        verify(picture, trust=(tmp_path / "trust.pem",))


# What others made


def sign_as_another_maker(path, school, prepare=lambda builder: None):
    """Sign as some camera does: other words, an older assertion, no source type."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate("Camera 7", key, school[1], school[0], purpose=authority.PURPOSES[0])
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    chain = leaf.public_bytes(pem) + school[1].public_bytes(pem)
    private = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    rules = {"c2pa.ai_training": {"use": "notAllowed"}, "c2pa.data_mining": {"use": "allowed"}}
    actions = [{"action": "c2pa.created"}, {"action": "c2pa.color_adjustments"}]
    manifest = {
        "claim_version": 1,
        "claim_generator": "Camera/7.1",
        "claim_generator_info": [{"name": "Camera"}],
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": actions}},
            {"label": "c2pa.training-mining", "data": {"entries": rules}},
            {"label": "org.camera.lens", "data": {"focal": 35}},
        ],
    }
    builder = c2pa.Builder(manifest)
    prepare(builder)
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", chain, private, None))
    source = path.read_bytes()
    with path.open("w+b") as out:
        builder.sign(signer, path.suffix[1:], io.BytesIO(source), out)


def test_the_credential_of_another_maker_is_read(picture, school):
    sign_as_another_maker(picture, school)
    credential = verify(picture)
    assert (credential.verdict, credential.signer) == ("valid", "Camera 7")
    assert credential.generator == "Camera"
    assert credential.actions == ("c2pa.created", "c2pa.color_adjustments")
    assert credential.forbidden == ("c2pa.ai_training",)
    assert (credential.source_type, credential.model) == (None, None)


def test_nothing_is_fetched_from_the_network(picture, school):
    """A file may name a place for its manifest; whoever looks at it must not be seen there."""
    asked = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def remote(builder):
        builder.set_no_embed()
        builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/manifest.c2pa")

    sign_as_another_maker(picture, school, remote)
    credential = verify(picture)
    server.shutdown()
    server.server_close()
    assert asked == []
    assert (credential.verdict, credential.problems) == ("invalid", ("manifest.inaccessible",))
