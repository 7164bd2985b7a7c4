"""TLS for outgoing connections: contexts, and what a refused handshake means."""

import asyncio
import contextlib
import ssl

_CERTIFICATE_REQUEST = 13
_HANDSHAKE = 22
_ALERTS_ABOUT_OUR_CERTIFICATE = (
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)
_FLIGHT_BYTES_MAX = 128 * 1024


class ClientCertificateRequired(ConnectionError):  # noqa: N818 - it names what the server asks for
    """The server ends the connection because we present no certificate (mutual TLS)."""


def tls_context(*, verify: bool, ca_file: str = "") -> ssl.SSLContext:
    """A client context. Without `verify` any certificate passes: for looking only, never to send a credential."""
    if verify:
        return ssl.create_default_context(cafile=ca_file or None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate_refused(error: ssl.SSLError) -> bool:
    """Whether the peer's alert is about the certificate that we did not send. Our own checks raise no alert."""
    reason = error.reason or ""
    return any(reason.endswith(alert) for alert in _ALERTS_ABOUT_OUR_CERTIFICATE)


def handshake_refused(error: ssl.SSLError) -> bool:
    """Whether the peer's alert says only `handshake_failure`: no common cipher, or (TLS 1.2) no certificate."""
    return (error.reason or "").endswith("ALERT_HANDSHAKE_FAILURE")


async def asks_for_certificate(address: str, port: int, server_hostname: str) -> bool:
    """Whether a TLS 1.2 server's first flight, which is in clear, holds a CertificateRequest (RFC 5246, 7.4.4).

    Raises OSError when it cannot be reached. The caller bounds the time.
    """
    context = tls_context(verify=False)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=server_hostname)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(outgoing.read())
        flight = b""
        while len(flight) < _FLIGHT_BYTES_MAX and (data := await reader.read(4096)):
            flight += data
            types = handshake_types(flight)
            if _CERTIFICATE_REQUEST in types or 14 in types:  # 14: ServerHelloDone ends the flight
                return _CERTIFICATE_REQUEST in types
        return False
    finally:
        writer.transport.abort()


def handshake_types(flight: bytes) -> set[int]:
    """The types of the whole handshake messages in a run of TLS records."""
    messages, types, at = b"", set[int](), 0
    while at + 5 <= len(flight):
        end = at + 5 + int.from_bytes(flight[at + 3 : at + 5], "big")
        if end > len(flight):
            break
        if flight[at] == _HANDSHAKE:
            messages += flight[at + 5 : end]
        at = end
    at = 0
    while at + 4 <= len(messages):
        end = at + 4 + int.from_bytes(messages[at + 1 : at + 4], "big")
        if end > len(messages):
            break
        types.add(messages[at])
        at = end
    return types
