"""TLS of the listener: 1.3 alone, certificates of clients verified and shown, new certificates without a gap."""

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bartizan.adapters.transports.listener import Answer, Listener, Request
from bartizan.adapters.transports.tls_server import server_context
from bartizan.model.errors import UsageError
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret

LIMITS = Limits(stop_seconds_max=1)
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
AUTHORITY, OWN, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def issue(folder: Path, name: str, key=OWN, by=AUTHORITY, alternative: x509.GeneralName | None = None) -> Path:
    """A certificate and its key in one PEM file."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, "authority")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([alternative or x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
        .sign(by, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(certificate.public_bytes(pem) + plain)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    issue(tmp_path, "authority", AUTHORITY)
    issue(tmp_path, "localhost")
    issue(tmp_path, "alice", OTHER, alternative=x509.UniformResourceIdentifier("spiffe://example.org/alice"))
    issue(tmp_path, "mallory", OTHER, by=OTHER)
    return tmp_path


def client_context(folder: Path, shown: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    if shown:
        context.load_cert_chain(folder / f"{shown}.pem")
    return context


def serve(client, factory):
    async def run():
        listener = Listener("127.0.0.1", 0, told, LIMITS, factory)
        await listener.start()
        try:
            async with asyncio.timeout(20):
                return await client(listener)
        finally:
            await listener.stop(0)

    return asyncio.run(run())


async def told(request: Request) -> Answer:
    shown = request.certificate
    return Answer(status=200, body=f"{shown.get('subject')} {shown.get('subjectAltName')} END".encode())


async def connect(listener: Listener, context: ssl.SSLContext):
    return await asyncio.open_connection("127.0.0.1", listener.port, ssl=context, server_hostname="localhost")


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(GET)
    return (await reader.readuntil(b"END")).partition(b"\r\n\r\n")[2].decode()


def of(folder: Path, **more):
    return lambda: server_context(
        str(folder / "localhost.pem"),
        Secret((folder / "localhost.pem").read_text()),
        client_ca_file=str(folder / "authority.pem"),
        **more,
    )


def test_a_certificate_of_a_client_is_shown_with_its_names(folder: Path):
    async def client(listener: Listener):
        reader, writer = await connect(listener, client_context(folder, "alice"))
        heard = await ask(reader, writer)
        writer.close()
        return heard

    shown = "((('commonName', 'alice'),),) (('URI', 'spiffe://example.org/alice'),) END"
    assert serve(client, of(folder, clients="required")) == shown
    assert serve(client, of(folder, clients="optional")) == shown


@pytest.mark.parametrize("shown", ["", "mallory"])
def test_a_client_without_a_good_certificate_is_not_served(folder: Path, shown: str):
    async def client(listener: Listener):
        reader, writer = await connect(listener, client_context(folder, shown))
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await ask(reader, writer)
        writer.transport.abort()

    serve(client, of(folder, clients="required"))


def test_where_certificates_are_optional_none_is_shown_as_none(folder: Path):
    async def client(listener: Listener):
        reader, writer = await connect(listener, client_context(folder))
        heard = await ask(reader, writer)
        writer.close()
        return heard

    assert serve(client, of(folder, clients="optional")) == "None None END"


def test_nothing_older_than_tls_1_3_is_spoken(folder: Path):
    async def client(listener: Listener):
        context = client_context(folder)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await connect(listener, context)

    serve(client, of(folder))


def test_new_certificates_are_for_new_connections_and_the_old_ones_go_on(folder: Path):
    async def client(listener: Listener):
        old_reader, old_writer = await connect(listener, client_context(folder))
        before = serial(old_writer)
        issue(folder, "localhost")
        await listener.reload_tls()
        new_reader, new_writer = await connect(listener, client_context(folder))
        assert serial(new_writer) != before
        assert [await ask(old_reader, old_writer), await ask(new_reader, new_writer)] == ["None None END"] * 2
        old_writer.close()
        new_writer.close()

    serve(client, of(folder))


def test_where_clients_are_verified_otherwise_a_connection_ends_after_its_request(folder: Path):
    async def client(listener: Listener):
        idle_reader, idle_writer = await connect(listener, client_context(folder))
        assert await ask(idle_reader, idle_writer) == "None None END"
        await listener.reload_tls(renew=True)
        assert await idle_reader.read() == b""
        reader, writer = await connect(listener, client_context(folder))
        assert await ask(reader, writer) == "None None END"
        for one in (idle_writer, writer):
            one.close()

    serve(client, of(folder))


def test_certificates_that_cannot_be_used_leave_the_old_ones(folder: Path):
    async def client(listener: Listener):
        (folder / "localhost.pem").write_text("not a certificate")
        with pytest.raises(UsageError, match=r"localhost\.pem"):
            await listener.reload_tls()
        reader, writer = await connect(listener, client_context(folder))
        heard = await ask(reader, writer)
        writer.close()
        return heard

    assert serve(client, of(folder)) == "None None END"


def test_a_key_with_a_passphrase_is_refused_with_the_remedy(folder: Path):
    locked = serialization.BestAvailableEncryption(b"x")
    key = OWN.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    (folder / "locked.pem").write_bytes(key)
    with pytest.raises(UsageError, match="passphrase"):
        server_context(str(folder / "localhost.pem"), Secret((folder / "locked.pem").read_text()))


def serial(writer: asyncio.StreamWriter) -> str:
    return writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
