"""TLS for outgoing connections: contexts, and what a refused handshake means."""

import asyncio
import contextlib
import ipaddress
import ssl
import warnings
from typing import Any

from bartizan.adapters.transports.http1 import NoAnswerError
from bartizan.adapters.transports.pem import as_file
from bartizan.model.errors import Place, UsageError
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret

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


def client_context(*, ca_file: str = "", certificate_file: str = "", key: Secret | None = None) -> ssl.SSLContext:
    """A context that verifies by `ca_file` alone, or by the system's roots, and shows a certificate if there is one.

    Raises UsageError, which names the file.
    """
    try:
        context = tls_context(verify=True, ca_file=ca_file)
    except OSError as error:
        remedy = "give the PEM file of the authority that signed the server's certificate"
        raise UsageError(told_of_pem(error), where=Place(path=ca_file), remedy=remedy) from None
    if certificate_file and key is not None:
        load_pair(context, certificate_file, key)
    return context


def load_pair(context: ssl.SSLContext, certificate_file: str, key: Secret) -> None:
    """Take a chain and its key. Raises UsageError, which names the file."""
    try:
        with as_file(key) as path:
            context.load_cert_chain(certificate_file, path, password=_no_password)
    except (OSError, ValueError) as error:
        remedy = "give a PEM chain, and its key without a passphrase"
        raise UsageError(told_of_pem(error), where=Place(path=certificate_file), remedy=remedy) from None


def _no_password() -> str:
    raise ValueError("the key has a passphrase")  # OpenSSL would ask on the terminal


def told_of_pem(error: Exception) -> str:
    """What is wrong with a certificate or key, in words that hold nothing of it."""
    if isinstance(error, ssl.SSLError):
        return f"not a certificate and key that belong together ({error.reason or 'unreadable'})"
    return getattr(error, "strerror", None) or str(error)


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


_EXPIRED, _NOT_YET, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64
_SELF_SIGNED = 18


async def tls_faults(address: str, port: int, host: str, limits: Limits, *, ca_file: str = "") -> tuple[str, ...]:
    """Faults of a server's TLS: `certificate_expired`, `certificate_self_signed`, `certificate_untrusted`,
    `certificate_wrong_name`, `old_tls`. Up to three handshakes, nothing is sent; what cannot be learnt is left out.

    Whether the name fits is asked only where `host` is a name: whoever scans addresses does not know their names.
    """
    context = tls_context(verify=True, ca_file=ca_file)
    context.check_hostname = not _is_address(host)
    code, certificate = await _verify(context, address, port, host, limits)
    faults = _meaning(code)
    if code == _SELF_SIGNED and certificate:  # trusted for once, to learn whether it has expired as well
        alone = tls_context(verify=True)
        alone.load_verify_locations(cadata=certificate)
        alone.check_hostname = False
        again, _ = await _verify(alone, address, port, host, limits)
        faults += _meaning(again) if again in {_EXPIRED, _NOT_YET} else []
    if await _handshake(_old_context(), address, port, host, limits):
        faults.append("old_tls")
    return tuple(faults)


def _meaning(code: int) -> list[str]:
    """OpenSSL's verdict on a chain, in our words; 0 is a good one, -1 none at all."""
    if code in {0, -1}:
        return []
    told = {_EXPIRED: "certificate_expired", _NOT_YET: "certificate_expired", _SELF_SIGNED: "certificate_self_signed"}
    wrong = dict.fromkeys((_WRONG_NAME, _WRONG_ADDRESS), "certificate_wrong_name")
    return [(told | wrong).get(code, "certificate_untrusted")]


async def _verify(context: ssl.SSLContext, address: str, port: int, host: str, limits: Limits) -> tuple[int, bytes]:
    """OpenSSL's verification code, and for a refused certificate what it is, in DER."""
    try:
        await _handshake(context, address, port, host, limits, quiet=False)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, await _certificate(address, port, host, limits)
    except OSError:
        return -1, b""
    return 0, b""


async def _certificate(address: str, port: int, host: str, limits: Limits) -> bytes:
    with contextlib.suppress(OSError):
        async with asyncio.timeout(limits.connect_seconds_max):
            context = tls_context(verify=False)
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
            found: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.transport.abort()
            return found or b""
    return b""


async def _handshake(
    context: ssl.SSLContext, address: str, port: int, host: str, limits: Limits, *, quiet: bool = True
) -> bool:
    """Whether a handshake succeeds. Raises OSError unless `quiet`."""
    try:
        async with asyncio.timeout(limits.connect_seconds_max):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    except OSError:
        if quiet:
            return False
        raise
    writer.transport.abort()
    return True


def _old_context() -> ssl.SSLContext:
    """A client that speaks nothing newer than TLS 1.1, with the ciphers of that time."""
    context = tls_context(verify=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is outlived is the point
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
