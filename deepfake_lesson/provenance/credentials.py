"""The content credential: how a file was made, of what and by whom, signed.

It follows C2PA, the standard of the Coalition for Content Provenance and Authenticity
(https://spec.c2pa.org): a manifest inside the file names what was done (actions), what it was made
of (ingredients, by hash), what kind of thing it is (digital source type) and what it must not be
used for (training and mining); it carries a hash of every other byte and is signed.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from deepfake_lesson import __version__
from deepfake_lesson.errors import MediaError, check_choice
from deepfake_lesson.files import replacing
from deepfake_lesson.provenance.authority import OTHER_PURPOSES, PURPOSES, signer, trust_anchors

# Terms of the IPTC's vocabulary of digital source types.
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"  # a recording with generated parts: a swap
TRAINED = "trainedAlgorithmicMedia"  # all of it made by a trained model
ALGORITHMIC = "algorithmicMedia"  # all of it made by an algorithm without training: the studio

SIGNABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif")
SIGNABLE += (".mp4", ".m4v", ".mov", ".avi")

# Of the Creator Assertions Working Group, "Training and Data Mining Assertion" 1.0, 18 March 2024.
# Inference stays allowed: detectors of deepfakes shall look at what is made here.
TRAINING_MINING = "cawg.training-mining"
FORBIDDEN = ("cawg.data_mining", "cawg.ai_training", "cawg.ai_generative_training")

UNKNOWN_FORMAT = "application/octet-stream"
SHA256, MODEL = "deepfake_lesson.sha256", "deepfake_lesson.model"  # our own fields

VERDICTS = {
    "trusted": "unchanged since it was signed, by somebody whom this computer trusts",
    "valid": "unchanged since it was signed, by somebody whom this computer does not know",
    "tampered": "the file or its credential was changed after signing",
    "invalid": "the credential has a fault",
    "missing": "there is no content credential",
}


@dataclass(frozen=True)
class Credential:
    """What a file's content credential says and whether it still holds.

    `state` is "valid", "tampered" (the file or the credential was changed after signing) or
    "invalid" (another fault, such as an expired certificate), `problems` has the reasons as C2PA's
    status codes. `trusted`: signed by this computer's own authority, or one given to `verify`.
    `source_type` is a term such as COMPOSITE, `model` what painted it, `ingredients` the names of
    the files it was made of and `hashes` their SHA-256 ("" where another maker gave none),
    `forbidden` the uses that its maker does not allow, such as "cawg.ai_training".
    """

    state: str
    trusted: bool
    title: str | None = None
    generator: str | None = None
    signer: str | None = None
    source_type: str | None = None
    actions: tuple[str, ...] = ()
    model: str | None = None
    ingredients: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One of VERDICTS: the state, or "trusted" if it is more than valid."""
        return "trusted" if self.trusted else self.state


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
    inputs: tuple[str | Path, ...] = (),
    model: str | None = None,
    certificate: str | Path | None = None,
    key: str | Path | None = None,
) -> Path:
    """Write `source` with a content credential to `out` (to itself), whole or not at all.

    Args:
        source_type: COMPOSITE, TRAINED or ALGORITHMIC.
        original: the recording that was altered. Name and hash go into the credential.
        inputs: other files that it was made of, likewise.
        model: name of the model that painted it.
        certificate, key: PEM files of an institution, see `authority.signer`; else this computer's
            own sign.

    Raises:
        LessonError: if a file cannot be signed or read, or the disk is full.
    """
    import c2pa

    source, out = Path(source), Path(out or source)
    check_signable(out)
    check_choice("source type", source_type, (COMPOSITE, TRAINED, ALGORITHMIC))
    manifest = _manifest(title or out.name, source_type, original is not None, len(inputs), model)
    sources = [] if original is None else [(Path(original), "parentOf", "original")]
    sources += [(Path(path), "inputTo", _input_label(k)) for k, path in enumerate(inputs)]
    try:
        with replacing(out) as draft, _context() as context, signer(certificate, key) as signs:
            builder = c2pa.Builder(manifest, context=context)
            for path, relationship, label in sources:
                _add_ingredient(builder, path, relationship, label)
            _sign_stream(builder, signs, source, draft)
    except (c2pa.C2paError, FileNotFoundError) as error:
        problem = f"no content credential could be written ({error})"
        raise MediaError(source, problem, "Check that the file opens in a player.") from error
    return out


def _sign_stream(builder, signs, source: Path, draft: Path) -> None:
    """Sign through a file that remembers why it could not be written; C2PA would hide it."""
    import c2pa

    with source.open("rb") as reader, _RememberingFile(draft, "w+b") as writer:
        try:
            builder.sign(signs, source.suffix[1:].lower(), reader, writer)
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


def _manifest(
    title: str, source_type: str, has_original: bool, inputs: int, model: str | None
) -> dict:
    generator = {"name": "deepfake_lesson", "version": __version__}
    parameters = {MODEL: model} if model else {}
    if inputs:
        parameters["ingredientIds"] = [_input_label(number) for number in range(inputs)]
    made = {
        "action": "c2pa.edited" if has_original else "c2pa.created",
        "digitalSourceType": SOURCE_TYPES + source_type,
        "softwareAgent": generator,
        "parameters": parameters,
    }
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["original"]}}
    actions = [opened, made] if has_original else [made]
    entries = {use: {"use": "notAllowed"} for use in FORBIDDEN}
    entries["cawg.ai_inference"] = {"use": "allowed"}
    assertions = [
        {"label": "c2pa.actions.v2", "data": {"actions": actions}},
        {"label": TRAINING_MINING, "data": {"entries": entries}},
    ]
    return {"claim_generator_info": [generator], "title": title, "assertions": assertions}


def _input_label(number: int) -> str:
    return f"input {number}"


def _add_ingredient(builder, path: Path, relationship: str, label: str) -> None:
    """Name a file by its hash; of its own credential, if it has one, all comes along.

    Whoever opens pictures and videos minds no wrong ending, but C2PA does: to it, such a file is
    nothing but bytes.
    """
    import c2pa

    with path.open("rb") as stream:
        ingredient = {
            "title": path.name,
            "relationship": relationship,
            "label": label,
            "metadata": {SHA256: hashlib.file_digest(stream, "sha256").hexdigest()},
        }
        stream.seek(0)
        try:
            builder.add_ingredient(ingredient, path.suffix[1:].lower(), stream)
        except c2pa.C2paError:
            stream.seek(0)
            builder.add_ingredient(ingredient, UNKNOWN_FORMAT, stream)


def verify(path: str | Path, trust: tuple[str | Path, ...] = ()) -> Credential | None:
    """Read a file's content credential, whoever made it, and check it; None if it has none.

    Nothing is fetched from the network: a credential that lies elsewhere is "invalid", with the
    problem "manifest.inaccessible".

    Args:
        trust: PEM files with certificates of authorities to be trusted beside this computer's own.

    Raises:
        MediaError: if the file is missing or is not a picture or video.
        LessonError: if a file of `trust` holds no certificate.
    """
    import c2pa

    path = Path(path)
    if not path.is_file():
        raise MediaError(path, "there is no such file", "Check the path.")
    try:
        with _context(trust) as context, c2pa.Reader(path, context=context) as reader:
            return _credential(reader)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except (c2pa.C2paError.NotSupported, c2pa.C2paError.Io) as error:
        raise _unreadable(path, error) from error
    except c2pa.C2paError as error:
        if "asset could not be parsed" in str(error):
            raise _unreadable(path, error) from error
        if str(error).startswith("Remote"):
            return Credential("invalid", trusted=False, problems=("manifest.inaccessible",))
        return Credential("tampered", trusted=False, problems=(str(error),))
    except KeyError as error:  # the manifest is there and its parts cannot be found
        return Credential("tampered", trusted=False, problems=(str(error.args[0]),))


def _context(trust: tuple[str | Path, ...] = ()):
    """C2PA's settings: whom to trust, no thumbnails, no network."""
    import c2pa

    settings = {
        "version": 1,
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"remote_manifest_fetch": False},
        "trust": {"trust_config": "\n".join(PURPOSES + OTHER_PURPOSES)},
    }
    if anchors := trust_anchors(trust):
        settings["trust"]["user_anchors"] = anchors
    return c2pa.Context.from_dict(settings)


def _unreadable(path: Path, error: Exception) -> MediaError:
    problem = f"cannot be read as a picture or video ({error})"
    return MediaError(path, problem, "Check that the file is whole and has the right ending.")


def _credential(reader) -> Credential:
    manifest = reader.get_active_manifest()
    state = reader.get_validation_state()
    failures = reader.get_validation_results()["activeManifest"].get("failure", [])
    codes = tuple(dict.fromkeys(failure["code"] for failure in failures))
    actions, ingredients = _actions(manifest), manifest.get("ingredients", [])
    kinds = [action["digitalSourceType"] for action in actions if "digitalSourceType" in action]
    models = [each["parameters"][MODEL] for each in actions if MODEL in each.get("parameters", {})]
    return Credential(
        state="valid" if state in ("Valid", "Trusted") else _fault(codes),
        trusted=state == "Trusted",
        title=manifest.get("title"),
        generator=_generator(manifest),
        signer=_signer_name(manifest),
        source_type=kinds[-1].removeprefix(SOURCE_TYPES) if kinds else None,
        actions=tuple(action["action"] for action in actions),
        model=models[-1] if models else None,
        ingredients=tuple(each.get("title", "") for each in ingredients),
        hashes=tuple(each.get("metadata", {}).get(SHA256, "") for each in ingredients),
        forbidden=_forbidden(manifest),
        problems=codes,
    )


def _fault(codes: tuple[str, ...]) -> str:
    return (
        "tampered" if any(code.endswith(("mismatch", "missing")) for code in codes) else "invalid"
    )


def _assertions(manifest: dict, label: str) -> list[dict]:
    """The content of assertions whose label, which may end in a version, begins so."""
    found = manifest.get("assertions", [])
    return [each["data"] for each in found if each["label"].startswith(label)]


def _actions(manifest: dict) -> list[dict]:
    return [action for data in _assertions(manifest, "c2pa.actions") for action in data["actions"]]


def _forbidden(manifest: dict) -> tuple[str, ...]:
    """Uses that are not allowed; older files have C2PA's own assertion."""
    old_and_new = ("c2pa.training-mining", TRAINING_MINING)
    entries = [data["entries"] for label in old_and_new for data in _assertions(manifest, label)]
    return tuple(
        use
        for each in entries
        for use, rule in sorted(each.items())
        if rule.get("use") == "notAllowed"
    )


def _generator(manifest: dict) -> str | None:
    if not manifest.get("claim_generator_info"):
        return manifest.get("claim_generator")
    generator = manifest["claim_generator_info"][0]
    return f"{generator.get('name', '')} {generator.get('version', '')}".strip()


def _signer_name(manifest: dict) -> str | None:
    """The name in the signer's certificate, else its organisation."""
    signature = manifest.get("signature_info") or {}
    return signature.get("common_name") or signature.get("issuer")
