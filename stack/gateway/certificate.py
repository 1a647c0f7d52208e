"""Certificates of the gateway's port for HTTPS: which names one is to be for, what is wrong with one, and those of a
local authority.

The files are PEM. What a gateway serves is one file: the certificate, those between it and its authority, the key."""

import datetime as dt
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from stack import tree
from stack.errors import Problem, StackError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

LIFE = dt.timedelta(days=800)
"""Apple's programs take none that is valid for more than 825 days, from whatever authority (support.apple.com/103769).
"""
AUTHORITY_LIFE = dt.timedelta(days=3650)
NEAR = dt.timedelta(days=30)
"""So long before its end a certificate is told of, or made anew."""
SLACK = dt.timedelta(hours=1)
"""A certificate is valid from so long before it is made: clocks differ."""
LOOPBACK = ("127.0.0.1", "::1")
CERT, KEY = FILES = ("TLS_CERT", "TLS_KEY")
"""The settings that name files of the user's own."""


def names(hosts: Iterable[str], public: Iterable[str]) -> list[str]:
    """What the gateway's certificate is to be for: this machine, the names under which browsers reach it with all below
    them, and the `hosts` of its routes. Each of those stands there by itself as well, since OpenSSL takes no wildcard
    right below a name of one label (`*.localhost`)."""
    bases = ["localhost", *(name.lower() for name in public if name)]
    below = [f"*.{base}" for base in bases if not address(base)]
    routed = [host.rpartition(":")[0] or host for host in map(str.lower, hosts)]
    usable = [host for host in routed if host.isascii() and not host.endswith("*")]
    return sorted({*bases, *below, *usable, *LOOPBACK})


def address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def made(authority: bytes, names: Iterable[str], now: dt.datetime) -> bytes:
    """A certificate for these names with its key, as the gateway serves it, signed by an `authority` with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer, signing, own = x509.load_pem_x509_certificate(authority), key(authority), _new_key()
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    until = min(now + LIFE, issuer.not_valid_after_utc)
    general = [x509.IPAddress(ipaddress.ip_address(name)) if address(name) else x509.DNSName(name) for name in names]
    of_issuer = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder(issuer.subject, _name("gateway"), own.public_key(), x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName(general), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(of_issuer), critical=False)
    )
    return _signed(builder, signing) + _written(own)


def authority(called: str, now: dt.datetime) -> bytes:
    """A new authority that may sign certificates of servers alone: its certificate and its key."""
    from cryptography import x509

    own = _new_key()
    builder = (
        x509.CertificateBuilder(_name(called), _name(called), own.public_key(), x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    return _signed(builder, own) + _written(own)


def public(pem: bytes) -> bytes:
    """What everybody may see of a file: its certificates, without the key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(one.public_bytes(Encoding.PEM) for one in x509.load_pem_x509_certificates(pem))


def key(pem: bytes) -> "PrivateKeyTypes":
    """The key of a file. Raises ValueError or TypeError where there is none that can be read without a password."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    begin = pem.rfind(b"-----BEGIN", 0, max(pem.find(KEY_MARK), 0))
    return load_pem_private_key(pem[begin:], None)


def first(pem: bytes) -> "x509.Certificate | None":
    """The first certificate of a file, which is the server's own; none where there is none that can be read."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        return None


def named(one: "x509.Certificate") -> list[str]:
    """The names and addresses that a certificate is for."""
    from cryptography import x509

    try:
        found = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    return sorted([*map(str.lower, found.get_values_for_type(x509.DNSName)), *addresses])


def fits(one: "x509.Certificate", host: str) -> bool:
    """Whether browsers take a certificate for a host: a wildcard stands for one label (RFC 6125, 6.4.3)."""
    wildcard = f"*.{host.partition('.')[2]}" if "." in host and not address(host) else host
    return not {host.lower(), wildcard.lower()}.isdisjoint(named(one))


def signed_by(one: "x509.Certificate", issuer: "x509.Certificate") -> bool:
    """Whether an authority signed a certificate."""
    from cryptography.exceptions import InvalidSignature

    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def read(root: Path, setting: str, path: str) -> bytes:
    """A file that a setting names, from the checkout on. Raises StackError where there is none, or none that can be
    read."""
    file = root / Path(path).expanduser()
    data = tree.read(file)
    if not data:
        raise StackError(_fault(f"the file {path} {'is empty' if file.exists() else 'is not there'}", setting))
    return data


def pair(root: Path, cert: str, secret: str) -> bytes:
    """The user's certificate and its key, of the files of these names, as the gateway serves them; of one file where
    the second has no name. Raises StackError with what keeps a gateway from serving them."""
    wrong = [*unusable(root, CERT, cert), *(unusable(root, KEY, secret) if secret else [])]
    if wrong:
        raise StackError(wrong)
    data = read(root, CERT, cert)
    whole = data.rstrip(b"\n") + b"\n" + read(root, KEY, secret) if secret else data
    one = first(data)
    if KEY_MARK not in whole:
        raise StackError(_fault(f"{cert} has no key in it, and TLS_KEY names no file", KEY))
    if not secret and (wrong := unusable(root, KEY, cert)):
        raise StackError(wrong)
    if one is None or key(read(root, KEY, secret or cert)).public_key() != one.public_key():
        raise StackError(_fault(f"the key in {secret or cert} does not belong to the certificate in {cert}", KEY))
    return whole


KEY_MARK = b"PRIVATE KEY-----"


def unusable(root: Path, setting: str, path: str) -> list[Problem]:
    """Why the file of one of the two settings can't be what it is to be, whatever the other one is. Raises StackError
    where it can't be read."""
    from cryptography.exceptions import UnsupportedAlgorithm

    data = read(root, setting, path)
    if setting == CERT:
        return [] if first(data) else [_fault(f"{path} has no certificate that can be read (PEM)", CERT)]
    try:
        key(data)
    except TypeError:
        return [_fault(f"the key in {path} asks for a password, and nobody is there to type it", KEY)]
    except (ValueError, UnsupportedAlgorithm):
        return [_fault(f"{path} has no key that can be read (PEM)", KEY)]
    return []


def _fault(message: str, setting: str) -> Problem:
    return Problem("tls", f"{setting}: {message}", setting, f"./inv env.set {setting} VALUE")


def _new_key() -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _name(called: str) -> "x509.Name":
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, called)])


def _usage(signs: bool) -> "x509.KeyUsage":
    """What a key is for: an authority's signs certificates, a server's signs what it says at the beginning."""
    from cryptography import x509

    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
                         key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                         decipher_only=False)  # fmt: skip


def _signed(builder: "x509.CertificateBuilder", signing: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    return builder.sign(signing, SHA256()).public_bytes(Encoding.PEM)


def _written(own: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
