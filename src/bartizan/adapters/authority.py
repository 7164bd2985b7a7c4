"""A certificate authority of one purpose: its own certificate, and short-lived ones for gateways or for clients.

One authority vouches for gateways, another for clients, so that no client can pass as a gateway. What an authority may
vouch for at all is in its own certificate (RFC 5280, 4.2.1.10), so that its key is worth no more than that.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bartizan.model.errors import UsageError
from bartizan.model.secret import Secret

_CLOCKS_DIFFER = timedelta(minutes=5)


class Purpose(StrEnum):
    """What certificates of an authority are for."""

    GATEWAY = "gateway"
    CLIENT = "client"


_USE = {Purpose.GATEWAY: ExtendedKeyUsageOID.SERVER_AUTH, Purpose.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as PEM, and its key as PKCS 8 without a passphrase."""

    certificate: str
    key: Secret


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate says: its names (DNS names, addresses, URIs), and when it is good."""

    names: tuple[str, ...]
    since: datetime
    until: datetime

    def worn(self, at: datetime) -> bool:
        """Whether less than a third of its life is left, or it is not good yet."""
        return at < self.since or (self.until - at) < (self.until - self.since) / 3


def shown(certificate: str) -> Shown:
    """Read a certificate. Raises UsageError for what is none."""
    try:
        found = x509.load_pem_x509_certificate(certificate.encode())
        names = [one for each in found.extensions if isinstance(each.value, x509.SubjectAlternativeName)
                 for one in each.value]  # fmt: skip
    except ValueError:
        raise UsageError("not a certificate", remedy="make it anew with `bartizan tls init --replace`") from None
    told = tuple(str(name.value) for name in names)
    return Shown(names=told, since=found.not_valid_before_utc, until=found.not_valid_after_utc)


class Authority:
    """Signs certificates of one purpose."""

    def __init__(self, purpose: Purpose, issued: Issued) -> None:
        """Raises UsageError for what is not an authority's certificate and its key."""
        self.purpose, self.issued = purpose, issued
        try:
            self._certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
            key = serialization.load_pem_private_key(issued.key.reveal().encode(), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self._certificate.public_key():
            remedy = "make it anew with `bartizan tls init --replace`"
            raise UsageError("the authority's certificate and key do not belong together", remedy=remedy)
        self._key = key

    @classmethod
    def make(cls, purpose: Purpose, names: Sequence[str], at: datetime, days: int) -> "Authority":
        """A new one. A gateway's vouches for `names` alone, a client's for URIs of the one domain in `names` alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Bartizan authority for {purpose}s")])
        usage = _usage(signs_certificates=True)
        built = (
            _builder(name, name, keys=(key, key), at=at, life=timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([_USE[purpose]]), critical=False)
            .add_extension(_constraints(purpose, names), critical=True)
        )
        return cls(purpose, _signed(built, key, key))

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self._certificate.not_valid_after_utc

    @property
    def permitted(self) -> tuple[str, ...]:
        """What it may vouch for: names, networks, hosts of URIs."""
        constraints = self._certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        return tuple(str(one.value) for one in constraints.permitted_subtrees or ())

    def permits(self, name: str) -> bool:
        """Whether it may vouch for this name or address."""
        return str(_subtree(name).value) in self.permitted

    def issue(self, common: str, names: Sequence[str], at: datetime, days: int) -> Issued:
        """A certificate and its new key. It ends with its authority at the latest."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        life = min(timedelta(days=days), self.until - at)
        alternative = x509.SubjectAlternativeName([_general(one) for one in names])
        built = (
            _builder(subject, self._certificate.subject, keys=(key, self._key), at=at, life=life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_USE[self.purpose]]), critical=False)
            .add_extension(alternative, critical=False)
        )
        return _signed(built, key, self._key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    *,
    keys: tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey],
    at: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    """What certificates have in common. `keys` are its own and its signer's."""
    key, signer = keys
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _CLOCKS_DIFFER)
        .not_valid_after(at + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> Issued:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return Issued(
        certificate=builder.sign(signer, hashes.SHA256()).public_bytes(pem).decode(),
        key=Secret(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()),
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _constraints(purpose: Purpose, names: Sequence[str]) -> x509.NameConstraints:
    """What is not permitted by kind is excluded by kind: a constraint on one kind of name says nothing of others."""
    everywhere = [x509.IPAddress(ipaddress.ip_network(one)) for one in ("0.0.0.0/0", "::/0")]
    if purpose is Purpose.CLIENT:
        permitted = [x509.UniformResourceIdentifier(one) for one in names]
        return x509.NameConstraints(permitted, [x509.DNSName(""), *everywhere])
    permitted = [_subtree(one) for one in names]
    addresses = any(isinstance(one, x509.IPAddress) for one in permitted)
    return x509.NameConstraints(permitted, None if addresses else everywhere)


def _general(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _subtree(name: str) -> x509.IPAddress | x509.DNSName:
    try:
        return x509.IPAddress(ipaddress.ip_network(name))
    except ValueError:
        return x509.DNSName(name)
