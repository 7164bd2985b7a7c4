"""What hostile servers send to the one outbound client, and what comes of it."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.adapters.transports.http1 import Reading, compose, parse_target
from bartizan.adapters.transports.outbound import (
    USER_AGENT,
    AddressRefusedError,
    ClientCertificateRequired,
    OutboundClient,
    any_address,
    no_metadata_service,
    private_and_loopback,
    public_only,
)
from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError
from bartizan.model.limits import DEFAULT, Limits

SHORT = Limits(request_seconds_max=0.3, connect_seconds_max=0.3)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None):
    held: list[asyncio.StreamWriter] = []

    async def held_handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)

    server = await asyncio.start_server(held_handler, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()
        await asyncio.sleep(0)


def answering(raw: bytes, seen: list[bytes] | None = None) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(raw)
        await writer.drain()
        writer.close()

    return handle


def fetch(handler: Handler, *, most: int = 1000, limits: Limits = DEFAULT, scheme: str = "http", tls=None, **client):
    """One GET against a server made of `handler`: status, headers and body."""

    async def go():
        async with listening(handler, tls) as port:
            response = await OutboundClient(limits, **client).request("GET", f"{scheme}://127.0.0.1:{port}/x")
            return response, await response.read(most)

    return asyncio.run(go())


def refusal(raw: bytes) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        fetch(answering(raw))
    return str(caught.value)


OK = b"HTTP/1.1 200 OK\r\n"


def test_a_body_is_read_by_length_by_chunks_and_until_close():
    assert fetch(answering(OK + b"Content-Length: 2\r\n\r\nhi"))[1] == b"hi"
    assert fetch(answering(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: trailer\r\n\r\n"))[1] == b"hi"
    assert fetch(answering(OK + b"\r\nhi"))[1] == b"hi"


def test_the_request_says_who_asks_and_asks_for_no_encoding():
    seen: list[bytes] = []
    fetch(answering(OK + b"Content-Length: 0\r\n\r\n", seen))
    assert seen[0].startswith(b"GET /x HTTP/1.1\r\nhost: 127.0.0.1:")
    assert f"user-agent: {USER_AGENT}\r\n".encode() in seen[0]
    assert b"accept-encoding: identity\r\n" in seen[0]


def test_two_lengths_or_a_length_and_chunks_are_refused():
    assert "Duplicate" in refusal(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!")
    both = refusal(OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    assert "Content-Length" in both
    assert "transfer encoding" in refusal(OK + b"Transfer-Encoding: gzip\r\n\r\nhi")


def test_a_body_shorter_than_announced_is_not_a_body():
    assert "shorter" in refusal(OK + b"Content-Length: 20\r\n\r\nhi")
    assert "shorter" in refusal(OK + b"Transfer-Encoding: chunked\r\n\r\n20\r\nhi")


def test_an_announced_or_a_real_body_beyond_the_limit_is_refused():
    assert "body_bytes" in refusal(OK + b"Content-Length: 2000\r\n\r\n")
    assert "body_bytes" in refusal(OK + b"\r\n" + b"x" * 2000)
    assert "body_bytes" in refusal(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n" + b"x" * 2000)


def test_headers_chunk_lines_and_trailers_without_end_are_cut():
    assert "header_bytes_max" in refusal(OK + b"A: " + b"x" * 100_000)
    assert "headers_max" in refusal(OK + b"A: b\r\n" * 101 + b"\r\n")
    assert "header_bytes_max" in refusal(OK + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"e" * 200_000)
    assert "header_bytes_max" in refusal(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + b"e" * 200_000)


def test_what_is_not_http_is_refused():
    for raw in (b"SSH-2.0-OpenSSH\r\n", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", b"", OK + b"Folded: a\r\n b\r\n\r\n"):
        assert refusal(raw)


def test_an_encoding_that_was_not_asked_for_is_refused():
    assert "content encoding" in refusal(OK + b"Content-Encoding: gzip\r\n\r\nhi")


def test_interim_answers_are_skipped_but_not_for_ever_and_an_upgrade_is_refused():
    assert fetch(answering(b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + OK + b"\r\nhi"))[0].headers == ()
    assert "interim" in refusal(b"HTTP/1.1 100 Continue\r\n\r\n" * 9)
    assert "upgrade" in refusal(b"HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")


def test_what_follows_an_answer_is_not_read():
    response, body = fetch(answering(OK + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 500 Oops\r\nA: b\r\n\r\n"))
    assert (response.status, body) == (200, b"hi")


def test_a_single_header_given_twice_with_two_values_is_refused():
    raw = OK + b"Mcp-Session-Id: one\r\nMcp-Session-Id: two\r\nVary: a\r\nVary: b\r\nContent-Length: 0\r\n\r\n"
    response, _ = fetch(answering(raw))
    assert response.header("vary") == "a, b"
    assert response.header("absent") == ""
    with pytest.raises(RemoteProtocolError, match="twice"):
        response.header("Mcp-Session-Id")


def test_a_redirect_is_shown_and_not_followed():
    seen: list[bytes] = []
    raw = b"HTTP/1.1 307 Temporary\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    response, _ = fetch(answering(raw, seen))
    assert (response.status, response.header("location"), len(seen)) == (307, "http://169.254.169.254/", 1)


def test_a_silent_server_and_a_dripping_one_end_at_the_deadline():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.01)

    for handler in (silent, dripping):
        with pytest.raises(TimeoutError, match="deadline"):
            fetch(handler, limits=SHORT)


def test_a_reset_is_an_os_error_or_a_broken_protocol():
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    with pytest.raises((OSError, RemoteProtocolError)):
        fetch(reset)


def test_every_address_of_a_name_is_judged_before_a_byte_is_sent():
    async def go(url: str, **policy) -> None:
        await OutboundClient(SHORT, **policy).request("GET", url)

    for url in (
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://8.8.8.8/",
        "http://0.0.0.0/",
    ):
        with pytest.raises(AddressRefusedError):
            asyncio.run(go(url))
    for url in ("http://localhost:1/", "http://2130706433/", "http://127.1/", "http://[::1]/", "http://10.0.0.1/"):
        with pytest.raises(AddressRefusedError):
            asyncio.run(go(url, allow=public_only))


def test_a_name_with_one_forbidden_address_is_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch):
    async def go() -> None:
        async def both(*_: object, **__: object):
            return [(2, 1, 6, "", ("127.0.0.1", 1)), (2, 1, 6, "", ("169.254.169.254", 1))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        await OutboundClient(SHORT).request("GET", "http://rebind.test:1/")

    with pytest.raises(AddressRefusedError, match=r"169\.254"):
        asyncio.run(go())


@pytest.mark.parametrize(
    ("address", "public", "private", "anywhere"),
    [
        ("127.0.0.9", False, True, True),
        ("10.1.2.3", False, True, True),
        ("100.64.1.1", False, True, True),
        ("fd00::1", False, True, True),
        ("::1", False, True, True),
        ("8.8.8.8", True, False, True),
        ("2606:4700::1", True, False, True),
        ("169.254.169.254", False, False, True),
        ("fe80::1", False, False, True),
        ("224.0.0.1", False, False, False),
        ("0.0.0.0", False, False, False),
    ],
)
def test_policies(address: str, public: bool, private: bool, anywhere: bool):
    found = ipaddress.ip_address(address)
    assert (public_only(found), private_and_loopback(found), any_address(found)) == (public, private, anywhere)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254"),
        *("64:ff9b::a9fe:a9fe", "0.0.0.0", "224.0.0.1"),
    ],
)
def test_no_server_is_looked_for_where_clouds_keep_credentials(address: str):
    assert not no_metadata_service(ipaddress.ip_address(address))
    assert all(
        no_metadata_service(ipaddress.ip_address(one)) for one in ("127.0.0.1", "10.0.0.1", "8.8.8.8", "fd00::1")
    )


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a/", "file:///etc/passwd", "//a/", "http://", "http://a b/", "http://a/\r\nX: y", "http://a\\@b/"),
        *("http://a:99999/", "http://[::1/", "http://a/\t", "http://a%0d/"),
    ],
)
def test_what_is_no_plain_http_url_is_refused(url: str):
    with pytest.raises(AddressRefusedError):
        parse_target(url)


def test_what_may_be_secret_in_a_url_is_not_shown():
    target = parse_target("https://user:p%40ss@Example.test:8443/a b?token=t".replace(" ", "%20"))
    assert target.shown == "https://example.test:8443/a%20b"
    assert target.path == "/a%20b?token=t"
    assert target.authority == "example.test:8443"
    assert target.basic == "Basic dXNlcjpwQHNz"


def test_a_header_that_is_not_one_line_is_never_sent():
    target = parse_target("http://127.0.0.1/")
    for name, value in (("X", "a\r\nY: b"), ("X", "a\n"), ("X", "a\0"), ("X\r\nY", "a"), ("X Y", "a"), ("X", "é")):
        with pytest.raises(LocalProtocolError):
            compose("GET", target, "t", {name: value}, b"")
    for name in ("Content-Length", "transfer-encoding", "Connection"):
        with pytest.raises(LocalProtocolError):
            compose("POST", target, "t", {name: "1"}, b"x")
    with pytest.raises(LocalProtocolError):
        compose("CONNECT", target, "t", {}, b"")


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_can_add_a_line(name: str, value: str):
    try:
        sent = compose("GET", parse_target("http://127.0.0.1/"), "t", {name: value}, b"")
    except LocalProtocolError:
        return
    assert sent.count(b"\n") == sent.count(b"\r\n") == 8 - (name.lower() in {"host", "user-agent", "accept"})
    assert sent.endswith(b"\r\n\r\n")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_however_an_answer_is_cut_it_is_read_alike(data: st.DataObject):
    raw = data.draw(
        st.sampled_from(
            [
                OK + b"Content-Length: 2\r\n\r\nhi",
                OK + b"X:\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nh\r\n1\r\ni\r\n0\r\nT: x\r\n\r\n",
                b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
            ]
        )
    )
    reading, at = Reading(DEFAULT), 0
    while at < len(raw):
        size = data.draw(st.integers(1, 30))
        reading.feed(raw[at : at + size])
        at += size
    assert (reading.status, b"".join(reading.body), reading.done) == (200, b"hi", True)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 60))
def test_garbage_is_refused_and_never_anything_else(garbage: bytes, at: int):
    base = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    reading = Reading(DEFAULT)
    try:
        reading.feed(base[:at] + garbage + base[at:])
        reading.feed(b"")
    except RemoteProtocolError:
        return
    assert reading.head_done


# ---- TLS


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.file = folder / "ca.pem"
        certificate = self._sign(self.name, self.key, [], authority=True)
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, addresses: list[str], *, authority: bool):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if addresses:
            names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, *, ask_client: bool = False, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        file = self.folder / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + self._sign(subject, key, ["127.0.0.1"], authority=False).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.maximum_version = newest
        if ask_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


HELLO = answering(OK + b"Content-Length: 2\r\n\r\nhi")


def test_a_certificate_is_verified_unless_one_only_looks(authority: Authority):
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch(HELLO, scheme="https", tls=authority.server())
    assert fetch(HELLO, scheme="https", tls=authority.server(), verify=False)[1] == b"hi"
    assert fetch(HELLO, scheme="https", tls=authority.server(), ca_file=str(authority.file))[1] == b"hi"


@contextmanager
def alerting(tls: ssl.SSLContext):
    """A TLS server that, unlike asyncio's, sends an alert when a handshake fails. Serves three connections."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(3):
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection, suppress(OSError), tls.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(4096)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_alert_for_want_of_a_certificate_is_understood(authority: Authority, newest: ssl.TLSVersion):
    server = authority.server(ask_client=True, newest=newest)
    with alerting(server) as port, pytest.raises(ClientCertificateRequired):
        asyncio.run(OutboundClient(SHORT, verify=False).request("GET", f"https://127.0.0.1:{port}/"))


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_asks_for_a_client_certificate_is_told_apart(authority: Authority, newest: ssl.TLSVersion):
    with pytest.raises(ClientCertificateRequired):
        fetch(HELLO, scheme="https", tls=authority.server(ask_client=True, newest=newest), verify=False)


def test_a_server_without_a_common_cipher_does_not_ask_for_a_certificate(authority: Authority):
    server = authority.server(newest=ssl.TLSVersion.TLSv1_2)
    server.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # its key is not RSA, so nothing fits
    with pytest.raises(ConnectionResetError):
        fetch(HELLO, scheme="https", tls=server, verify=False)
    with alerting(server) as port, pytest.raises(ssl.SSLError):
        asyncio.run(OutboundClient(SHORT, verify=False).request("GET", f"https://127.0.0.1:{port}/"))


def test_plain_http_on_a_tls_port_and_the_reverse_are_failures_not_hangs(authority: Authority):
    with pytest.raises((OSError, RemoteProtocolError)):
        fetch(HELLO, scheme="http", tls=authority.server(), limits=SHORT)
    with pytest.raises((TimeoutError, ssl.SSLError, ConnectionError)):
        fetch(HELLO, scheme="https", limits=SHORT)


def test_reach_says_whether_anything_listens():
    async def go() -> None:
        async with listening(HELLO) as port:
            await OutboundClient(SHORT).reach(f"http://127.0.0.1:{port}")
        with pytest.raises(ConnectionRefusedError):
            await OutboundClient(SHORT).reach(f"http://127.0.0.1:{port}")

    asyncio.run(go())


def test_a_limit_names_itself():
    with pytest.raises(LimitExceededError) as caught:
        fetch(answering(OK + b"A: " + b"x" * 5000), limits=Limits(header_bytes_max=1000))
    assert (caught.value.limit, caught.value.most) == ("header_bytes_max", 1000)
