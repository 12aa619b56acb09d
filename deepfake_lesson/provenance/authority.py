"""Who signs, and whom this computer trusts.

A signature is only worth what is known of the signer. C2PA asks for a chain of X.509 certificates:
a leaf, whose key signs, and an authority that vouches for it. Without anything else, an authority
of this computer is made on first use; an institution gives its own leaf and key. *Valid* means that
nothing was changed since; *trusted*, that one knows who signed: here, this computer's authority and
those whose certificates are handed to `verify`.
"""

import datetime
import os
from pathlib import Path

from deepfake_lesson.errors import LessonError
from deepfake_lesson.files import replacing

AUTHORITY_NAME = "deepfake_lesson local authority"
SIGNER_NAME = "deepfake_lesson on this computer"

# What a leaf may be for (extended key usage): e-mail protection, document signing, claim signing.
PURPOSES = ("1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1")
# What other makers' certificates may be for: time stamps, revocation, Microsoft's signing.
OTHER_PURPOSES = ("1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9", "1.3.6.1.4.1.311.76.59.1.9")
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


def home() -> Path:
    """The folder of what outlives a project: DEEPFAKE_LESSON_HOME, else the user's data folder."""
    import platformdirs

    chosen = os.environ.get("DEEPFAKE_LESSON_HOME")
    return Path(chosen or platformdirs.user_data_dir("deepfake_lesson", appauthor=False))


def authority_path() -> Path:
    """The authority's public certificate (PEM), to be given to whoever shall trust it."""
    return home() / "authority.pem"


def trust_anchors(trust: tuple[str | Path, ...] = ()) -> str:
    """The certificates (PEM) of this computer's authority and of others; "" for none.

    Raises LessonError for a file without a certificate.
    """
    own = [authority_path()] if authority_path().is_file() else []
    chains = [_certificates(Path(path)) for path in (*own, *trust)]
    return b"".join(_pem(chain) for chain in chains).decode("ascii")


def signer(certificate: str | Path | None = None, key: str | Path | None = None):
    """What signs for C2PA: an institution's certificate and key, else this computer's own.

    Args:
        certificate: a PEM file with the leaf first, then those that vouch for it.
        key: a PEM file with the leaf's private key, without a password.

    Raises:
        LessonError: if only one of them is given, or C2PA would refuse them.
    """
    if (certificate is None) != (key is None):
        raise LessonError("certificate and key", "only one is given", "Give both, or none.")
    if certificate is not None:
        return _institution(Path(certificate), Path(key))
    _make_authority()
    remedy = f"Delete the folder {home()}: a new authority is made on the next use."
    return _c2pa_signer(_signer_path(), _signer_path(), remedy)


def _signer_path() -> Path:
    return home() / "signer.pem"


def _c2pa_signer(certificate: Path, key: Path, remedy: str):
    import c2pa

    private, chain = _private_key(key, remedy), _certificates(certificate, remedy)
    try:
        info = c2pa.C2paSignerInfo(
            _algorithm(key, private), _pem(chain), _private_pem(private), None
        )
        return c2pa.Signer.from_info(info)
    except c2pa.C2paError as error:
        raise LessonError(certificate, f"cannot sign ({error})", remedy) from error


def _institution(certificate: Path, key: Path):
    """A signer of somebody else's making, checked first: C2PA's own messages mislead."""
    remedy = "Give PEM files: --cert with the leaf first, --key with its private key."
    problem = _fault(_certificates(certificate, remedy), _private_key(key, remedy))
    if problem is not None:
        raise LessonError(certificate, *problem)
    return _c2pa_signer(certificate, key, remedy)


def _fault(chain: list, key) -> tuple[str, str] | None:
    """What is wrong with a chain of certificates for this key, and what to do about it."""
    leaf, now = chain[0], datetime.datetime.now(datetime.UTC)
    fits = [each.public_key() == key.public_key() for each in chain]
    if not any(fits):
        return "does not belong to the key", "Give the certificate that was issued for this key."
    if not fits[0]:
        return "does not begin with the signer's own", "Put it first, then who vouches for it."
    if leaf.issuer == leaf.subject:
        return "vouches for itself", "Have an authority issue it: C2PA wants a leaf and an issuer."
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return f"is not valid today, but until {leaf.not_valid_after_utc:%Y-%m-%d}", "Renew it."
    if not _organisation(leaf):
        return "names no organisation", "Have one issued with O= in its subject."
    if not _may_sign(leaf):
        return (
            "is not for signing documents",
            "Have one issued with the key usage digitalSignature and the extended key usage "
            "emailProtection or documentSigning.",
        )
    return None


def _organisation(leaf) -> list:
    from cryptography.x509 import NameOID

    return leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)


def _may_sign(leaf) -> bool:
    from cryptography import x509

    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.digital_signature and any(each.dotted_string in PURPOSES for each in purposes)


def _algorithm(path: Path, key) -> str:
    """C2PA's name of the signature that a private key makes."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise LessonError(path, "is a kind of key that C2PA does not know", "Take an EC key, P-256.")


def _certificates(path: Path, remedy: str = "Give a PEM file with certificates.") -> list:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(_content(path))
    except ValueError as error:
        raise LessonError(path, f"holds no certificate ({error})", remedy) from error


def _private_key(path: Path, remedy: str):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(_content(path), password=None)
    except TypeError as error:
        remedy = f"Take it off: openssl pkey -in {path} -out open.pem; then chmod 600 open.pem."
        raise LessonError(path, "the key has a password", remedy) from error
    except ValueError as error:
        raise LessonError(path, f"holds no private key ({error})", remedy) from error


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise LessonError(path, "there is no such file", "Check the path.")
    return path.read_bytes()


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
        leaf = _certificate(SIGNER_NAME, authority_key, signer_key.public_key())
        chain = _pem([leaf, authority])
        _write(authority_path(), _pem([authority]), 0o644)
        _write(_signer_path(), _private_pem(signer_key) + chain, 0o600)


def _certificate(name: str, authority_key, public_key):
    """An X.509 certificate of the profile that C2PA asks for, valid for ten years."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

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
    return builder.sign(authority_key, hashes.SHA256())


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


def _pem(certificates: list) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _private_pem(key) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that nobody else could read even for a moment."""
    with replacing(path) as draft:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
