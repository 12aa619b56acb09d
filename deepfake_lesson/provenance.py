"""Whatever is generated is marked twice: a label to be seen and a content credential to be checked.

The credential follows C2PA, the standard of the Coalition for Content Provenance and Authenticity
(https://spec.c2pa.org): a manifest inside the file says how it was made, carries a hash of every
other byte and is signed. A certificate authority of this computer, made on first use, vouches for
the signature. *Valid* means that nothing was changed since; *trusted*, that one knows who signed:
here, only on computers that were given this authority's certificate.
"""

import datetime
import io
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from deepfake_lesson import __version__
from deepfake_lesson.errors import LessonError, MediaError
from deepfake_lesson.files import replacing

LABEL = "AI-GENERATED FACE SWAP · deepfake_lesson"
REENACTMENT_LABEL = "AI-GENERATED RE-ENACTMENT · deepfake_lesson"
ANIMATION_LABEL = "AI-GENERATED ANIMATION · deepfake_lesson"
SHORT_LABELS = ("AI-GENERATED", "AI-generated", "AI")

# Terms of the IPTC's vocabulary of digital source types.
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"  # a recording with generated parts: a swap
TRAINED = "trainedAlgorithmicMedia"  # all of it made by a trained model
ALGORITHMIC = "algorithmicMedia"  # all of it made by an algorithm without training: the studio

SIGNABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif")
SIGNABLE += (".mp4", ".m4v", ".mov", ".avi")


AUTHORITY_NAME = "deepfake_lesson local authority"
SIGNER_NAME = "deepfake_lesson on this computer"


# The visible label


def label_frame(frame: np.ndarray, text: str = LABEL) -> np.ndarray:
    """Draw a label into the bottom left corner of a copy of a frame (H, W, 3) uint8.

    It grows with the frame and is shortened where it would not fit; from 64 pixels of width on it
    says at least "AI-generated".
    """
    label, opacity = _label_patch(frame.shape[0], frame.shape[1], text)
    height, width = opacity.shape[:2]
    margin = _margin(frame.shape[0], frame.shape[1])
    top = max(0, frame.shape[0] - margin - height)
    left = min(margin, frame.shape[1] - width)
    labelled = frame.copy()
    patch = labelled[top : top + height, left : left + width]
    patch[:] = np.rint(patch * (1 - opacity) + label * opacity)
    return labelled


def _font_size(height: int, width: int) -> int:
    return max(8, round(min(height, width) / 30))


def _margin(height: int, width: int) -> int:
    return round(0.4 * _font_size(height, width))


@lru_cache(maxsize=8)
def _label_patch(height: int, width: int, text: str) -> tuple[np.ndarray, np.ndarray]:
    """White text on a dark pill: colour (h, w, 3) and opacity (h, w, 1), float32."""
    from PIL import Image, ImageDraw, ImageFont

    size = _font_size(height, width)
    font = ImageFont.load_default(size)
    room = width - 2 * _margin(height, width) - size
    forms = (text, text.split(" · ")[0], *SHORT_LABELS)
    form = next((form for form in forms if font.getlength(form) <= room), forms[-1])
    pill_size = (round(font.getlength(form)) + size, round(1.6 * size))

    drawing = Image.new("LA", pill_size)
    pencil = ImageDraw.Draw(drawing)
    pencil.rounded_rectangle(
        (0, 0, pill_size[0] - 1, pill_size[1] - 1), round(0.4 * size), (0, 150)
    )
    pencil.text((pill_size[0] / 2, pill_size[1] / 2), form, (255, 255), font, anchor="mm")
    patch = np.asarray(drawing, np.float32)[-height:, :width]
    return np.repeat(patch[..., :1], 3, axis=2), patch[..., 1:] / 255


# The content credential


@dataclass(frozen=True)
class Credential:
    """What a file's content credential says and whether it still holds.

    `state` is "valid", "tampered" (the file or the credential was changed after signing) or
    "invalid" (another fault, such as an expired certificate), `problems` has the reasons as C2PA's
    status codes. `trusted`: signed by this computer's own authority. `source_type` is a term such
    as COMPOSITE.
    """

    state: str
    trusted: bool
    title: str | None = None
    generator: str | None = None
    signer: str | None = None
    source_type: str | None = None
    actions: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def check_signable(path: str | Path) -> None:
    """Raise MediaError unless a file of this name can carry a content credential."""
    if Path(path).suffix.lower() not in SIGNABLE:
        remedy = f"Choose a name that ends in {', '.join(SIGNABLE)}."
        raise MediaError(path, "this kind of file cannot carry a content credential", remedy)


def sign(
    source: str | Path,
    out: str | Path | None = None,
    title: str | None = None,
    source_type: str = COMPOSITE,
    original: str | Path | None = None,
) -> Path:
    """Write `source` with a content credential to `out` (to itself), whole or not at all.

    `original` is the recording that was altered; its hash goes into the credential. Raises
    LessonError if a file cannot be signed or the disk is full.
    """
    import c2pa

    source, out = Path(source), Path(out or source)
    check_signable(out)
    if original is not None and Path(original).suffix.lower() not in SIGNABLE:
        original = None
    manifest = _manifest(title or out.name, source_type, original)
    try:
        with replacing(out) as draft, _context() as context, _signer() as signer:
            builder = c2pa.Builder(manifest, context=context)
            if original is not None:
                _add_original(builder, Path(original))
            _sign_stream(builder, signer, source, draft)
    except (c2pa.C2paError, FileNotFoundError) as error:
        problem = f"no content credential could be written ({error})"
        raise MediaError(source, problem, "Check that the file opens in a player.") from error
    return out


def _sign_stream(builder, signer, source: Path, draft: Path) -> None:
    """Sign through a file that remembers why it could not be written; C2PA would hide it."""
    import c2pa

    with source.open("rb") as reader, _RememberingFile(draft, "w+b") as writer:
        try:
            builder.sign(signer, source.suffix[1:].lower(), reader, writer)
        except c2pa.C2paError as error:
            raise (writer.failure or error) from None


class _RememberingFile(io.FileIO):
    failure: OSError | None = None

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.failure = error
            raise
        return len(data)


def _manifest(title: str, source_type: str, original: str | Path | None) -> dict:
    generator = {"name": "deepfake_lesson", "version": __version__}
    made = {
        "action": "c2pa.created" if original is None else "c2pa.edited",
        "digitalSourceType": SOURCE_TYPES + source_type,
        "softwareAgent": generator,
    }
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["original"]}}
    actions = [made] if original is None else [opened, made]
    assertion = {"label": "c2pa.actions.v2", "data": {"actions": actions}}
    return {"claim_generator_info": [generator], "title": title, "assertions": [assertion]}


def _add_original(builder, original: Path) -> None:
    ingredient = {"title": original.name, "relationship": "parentOf", "label": "original"}
    with original.open("rb") as stream:
        builder.add_ingredient(ingredient, original.suffix[1:].lower(), stream)


def verify(path: str | Path) -> Credential | None:
    """Read a file's content credential and check it; None if it has none.

    Raises MediaError if the file is missing or is not a picture or video.
    """
    import c2pa

    path = Path(path)
    if not path.is_file():
        raise MediaError(path, "there is no such file", "Check the path.")
    try:
        with _context() as context, c2pa.Reader(path, context=context) as reader:
            return _credential(reader)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except (c2pa.C2paError.NotSupported, c2pa.C2paError.Io) as error:
        raise _unreadable(path, error) from error
    except c2pa.C2paError as error:
        if "asset could not be parsed" in str(error):
            raise _unreadable(path, error) from error
        return Credential("tampered", trusted=False, problems=(str(error),))


def _unreadable(path: Path, error: Exception) -> MediaError:
    problem = f"cannot be read as a picture or video ({error})"
    return MediaError(path, problem, "Check that the file is whole and has the right ending.")


def _credential(reader) -> Credential:
    manifest = reader.get_active_manifest()
    state = reader.get_validation_state()
    failures = reader.get_validation_results()["activeManifest"].get("failure", [])
    codes = tuple(dict.fromkeys(failure["code"] for failure in failures))
    actions = _actions(manifest)
    kinds = [action["digitalSourceType"] for action in actions if "digitalSourceType" in action]
    return Credential(
        state="valid" if state in ("Valid", "Trusted") else _fault(codes),
        trusted=state == "Trusted",
        title=manifest.get("title"),
        generator=_generator(manifest),
        signer=manifest["signature_info"].get("common_name"),
        source_type=kinds[-1].removeprefix(SOURCE_TYPES) if kinds else None,
        actions=tuple(action["action"] for action in actions),
        ingredients=tuple(each.get("title", "") for each in manifest.get("ingredients", [])),
        problems=codes,
    )


def _fault(codes: tuple[str, ...]) -> str:
    return (
        "tampered" if any(code.endswith(("mismatch", "missing")) for code in codes) else "invalid"
    )


def _actions(manifest: dict) -> list[dict]:
    return [
        action
        for assertion in manifest.get("assertions", [])
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"]["actions"]
    ]


def _generator(manifest: dict) -> str | None:
    if not manifest.get("claim_generator_info"):
        return manifest.get("claim_generator")
    generator = manifest["claim_generator_info"][0]
    return f"{generator.get('name', '')} {generator.get('version', '')}".strip()


# The certificate authority of this computer


def home() -> Path:
    """The folder of what outlives a project: DEEPFAKE_LESSON_HOME, else the user's data folder."""
    import platformdirs

    chosen = os.environ.get("DEEPFAKE_LESSON_HOME")
    return Path(chosen or platformdirs.user_data_dir("deepfake_lesson", appauthor=False))


def authority_path() -> Path:
    """The authority's public certificate (PEM), to be given to whoever shall trust it."""
    return home() / "authority.pem"


def _signer_path() -> Path:
    return home() / "signer.pem"


def _context():
    """C2PA's settings: this computer's authority is trusted, no thumbnails."""
    import c2pa

    settings = {"version": 1, "builder": {"thumbnail": {"enabled": False}}}
    if authority_path().is_file():
        settings["trust"] = {"user_anchors": authority_path().read_text(encoding="ascii")}
    return c2pa.Context.from_dict(settings)


def _signer():
    """A signer from signer.pem: the private key, the signer's certificate, the authority's."""
    import c2pa

    _make_authority()
    key, separator, chain = _signer_path().read_bytes().partition(b"-----BEGIN CERTIFICATE-----")
    try:
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", separator + chain, key, None))
    except c2pa.C2paError as error:
        remedy = f"Delete the folder {home()}: a new authority is made on the next use."
        raise LessonError(_signer_path(), f"the key is damaged ({error})", remedy) from error


def _make_authority() -> None:
    """Make the authority and its one signer, unless they are there.

    The authority's own key is forgotten as soon as it has vouched for the signer, so that nobody
    can make it vouch for anybody else.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from filelock import FileLock

    try:
        home().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "Set DEEPFAKE_LESSON_HOME to a folder that can be written."
        raise LessonError(home(), f"cannot be made ({error.strerror})", remedy) from error
    with FileLock(home() / ".lock"):
        if _signer_path().exists():
            return
        authority_key = ec.generate_private_key(ec.SECP256R1())
        signer_key = ec.generate_private_key(ec.SECP256R1())
        authority = _certificate(AUTHORITY_NAME, authority_key, authority_key.public_key())
        signer = _certificate(SIGNER_NAME, authority_key, signer_key.public_key())
        _write(authority_path(), authority, 0o644)
        _write(_signer_path(), _private_pem(signer_key) + signer + authority, 0o600)


def _certificate(name: str, authority_key, public_key) -> bytes:
    """An X.509 certificate (PEM) of the profile that C2PA asks for, valid for ten years."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    is_authority = name == AUTHORITY_NAME
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_x509_name(name))
        .issuer_name(_x509_name(AUTHORITY_NAME))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(is_authority, 0 if is_authority else None), True)
        .add_extension(_key_usage(is_authority), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False
        )
    )
    if not is_authority:
        purpose = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM)


def _x509_name(name: str):
    from cryptography.x509 import Name, NameAttribute, NameOID

    organisation = NameAttribute(NameOID.ORGANIZATION_NAME, "deepfake_lesson")
    return Name([organisation, NameAttribute(NameOID.COMMON_NAME, name)])


def _key_usage(is_authority: bool):
    from cryptography.x509 import KeyUsage

    return KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that nobody else could read even for a moment."""
    with replacing(path) as draft:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
