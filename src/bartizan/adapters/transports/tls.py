"""TLS for outgoing connections: contexts, and what a refused handshake means."""

import asyncio
import contextlib
import ssl
from typing import Any

from bartizan.adapters.transports.http1 import NoAnswerError

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


def certificate_refused(error: BaseException) -> bool:
    """Whether the peer's alert is about the certificate that we did not send. Our own checks raise no alert."""
    return isinstance(error, ssl.SSLError) and (error.reason or "").endswith(_ALERTS_ABOUT_OUR_CERTIFICATE)


def perhaps_certificate_refused(error: BaseException) -> bool:
    """Whether the server may have hung up for want of a certificate: many say `handshake_failure`, or nothing."""
    if isinstance(error, ssl.SSLEOFError | ConnectionResetError | NoAnswerError):
        return True
    return isinstance(error, ssl.SSLError) and (error.reason or "").endswith("ALERT_HANDSHAKE_FAILURE")


async def asks_for_certificate(address: str, port: int, server_hostname: str) -> bool:
    """Whether a server's first flight holds a CertificateRequest (RFC 8446, 4.3.2), found by one more handshake.

    The standard library shows handshake messages only by the debugging hook of a context. The caller bounds the time.
    """
    context, seen = tls_context(verify=False), set[int]()

    def note(_connection: Any, _direction: str, _version: Any, kind: Any, message: Any, _data: bytes) -> None:
        if kind == _HANDSHAKE:
            seen.add(int(message))

    context._msg_callback = note  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=server_hostname)
        writer.transport.abort()
    return _CERTIFICATE_REQUEST in seen
