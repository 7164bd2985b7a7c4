"""What is wrong with the TLS of a server, asked of real servers on loopback."""

import asyncio
import datetime
import ipaddress
import ssl
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bartizan.adapters.transports.tls import tls_faults
from bartizan.model.limits import DEFAULT

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def signed(name: str, *, by: str = "", until: datetime.datetime = NOW + DAY, authority: bool = False):
    """A certificate for `name`; one that `by` signed, else itself."""
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, by or name))
    own, key = (KEYS[0], KEYS[1]) if by else (KEYS[1], KEYS[1]) if authority else (KEYS[0], KEYS[0])
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def faults(folder: Path, certificate: x509.Certificate, host: str, *, trusted: bool = False, old: bool = False):
    key = KEYS[0].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(key + pem(certificate))
    (folder / "authority.pem").write_bytes(pem(signed("authority", authority=True)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")

    async def go() -> tuple[str, ...]:
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            known = str(folder / "authority.pem") if trusted else ""
            return await tls_faults("127.0.0.1", port, host, DEFAULT, ca_file=known)

    return asyncio.run(go())


@pytest.mark.mission("K4.assess")
def test_a_certificate_of_a_trusted_authority_for_the_name_has_no_fault(tmp_path):
    assert faults(tmp_path, signed("mcp.test", by="authority"), "mcp.test", trusted=True) == ()


@pytest.mark.mission("K4.assess")
def test_each_fault_of_a_certificate_is_told_apart(tmp_path):
    late = NOW - DAY
    assert faults(tmp_path, signed("mcp.test"), "mcp.test") == ("certificate_self_signed",)
    both = ("certificate_self_signed", "certificate_expired")
    assert faults(tmp_path, signed("mcp.test", until=late), "mcp.test") == both
    assert faults(tmp_path, signed("mcp.test", by="authority"), "mcp.test") == ("certificate_untrusted",)
    expired = signed("mcp.test", by="authority", until=late)
    assert faults(tmp_path, expired, "mcp.test", trusted=True) == ("certificate_expired",)
    other = signed("other.test", by="authority")
    assert faults(tmp_path, other, "mcp.test", trusted=True) == ("certificate_wrong_name",)


def test_whether_the_name_fits_is_not_asked_of_an_address(tmp_path):
    assert faults(tmp_path, signed("other.test", by="authority"), "127.0.0.9", trusted=True) == ()


@pytest.mark.mission("K4.assess")
def test_a_withdrawn_version_of_tls_shows(tmp_path):
    assert "old_tls" in faults(tmp_path, signed("mcp.test", by="authority"), "mcp.test", trusted=True, old=True)


def test_a_port_that_is_closed_has_no_faults():
    assert asyncio.run(tls_faults("127.0.0.1", 1, "mcp.test", DEFAULT)) == ()
