"""TLS for the listener: a context of files, and what a client's certificate says."""

import asyncio
import base64
import hashlib
import ssl
from typing import Any, Literal, cast

from bartizan.adapters.transports.tls import load_pair, told_of_pem
from bartizan.model.errors import Place, UsageError
from bartizan.model.json import JsonObject
from bartizan.model.secret import Secret

ClientCertificates = Literal["none", "optional", "required"]
_ASKED = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def server_context(
    certificate_file: str, key: Secret, *, client_ca_file: str = "", clients: ClientCertificates = "none"
) -> ssl.SSLContext:
    """A context for TLS 1.3 of a PEM file and its key. Certificates of clients are verified by `client_ca_file` alone.

    Raises UsageError, which names the file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = _ASKED[clients]
    load_pair(context, certificate_file, key)
    if clients == "none":
        return context
    try:
        context.load_verify_locations(client_ca_file)
    except OSError as error:
        remedy = "give the PEM file of the authority that signs the certificates of clients"
        raise UsageError(told_of_pem(error), where=Place(path=client_ca_file), remedy=remedy) from None
    return context


def certificate_of(transport: asyncio.BaseTransport) -> JsonObject:
    """What the client proved, in the shape that `Request.certificate` describes; {} without a certificate."""
    stream: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if stream is None or not (whole := stream.getpeercert(binary_form=True)):
        return {}
    found = cast("dict[str, Any]", stream.getpeercert() or {})
    if not found:  # present, yet not verified
        return {}
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(whole).digest()).rstrip(b"=").decode()
    return {
        "subject": found.get("subject", ()),
        "subjectAltName": found.get("subjectAltName", ()),
        "issuer": found.get("issuer", ()),
        "serialNumber": str(found.get("serialNumber", "")),
        "notAfter": ssl.cert_time_to_seconds(found["notAfter"]) if "notAfter" in found else 0,
        "x5t#S256": thumbprint,
    }
