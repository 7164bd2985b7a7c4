"""What is asked of an issuer: its metadata, its keys. Through the bounded client, over TLS, and without redirects."""

from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from bartizan.adapters.transports.outbound import OutboundClient
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.identity import secure
from bartizan.model.json import JsonObject, as_text
from bartizan.model.limits import DEFAULT, Limits


class Fetch:
    """Reads documents of issuers."""

    def __init__(self, client: OutboundClient, limits: Limits = DEFAULT) -> None:
        self.client, self._limits = client, limits

    async def json(self, url: str) -> JsonObject:
        """A document. Raises OSError and RemoteProtocolError."""
        if not secure(url):
            raise RemoteProtocolError("keys are fetched over https only")
        seconds = self._limits.metadata_seconds_max
        answer = await self.client.request("GET", url, headers={"accept": "application/json"}, deadline_seconds=seconds)
        async with answer:
            return decoded(answer.status, await answer.read(self._limits.metadata_bytes_max))

    async def jwks_uri(self, issuer: str) -> str:
        """Where the keys of an issuer are, by its metadata (RFC 8414, OpenID Connect Discovery 1.0)."""
        parts = urlsplit(issuer)
        base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        places = [f"{base}/.well-known/oauth-authorization-server{path}"]
        places.append(f"{base}{path}/.well-known/openid-configuration")
        failure: Exception = RemoteProtocolError("no metadata")
        for place in places:
            try:
                document = await self.json(place)
            except (OSError, RemoteProtocolError) as error:
                failure = error
                continue
            if document.get("issuer") != issuer:  # RFC 8414, section 3.3: compared as they are, not as they might be
                raise RemoteProtocolError("the metadata is of another issuer")
            return as_text(document.get("jwks_uri"))
        raise failure


def decoded(status: int, body: bytes) -> JsonObject:
    """An answer that is a JSON object. Raises RemoteProtocolError."""
    if status != 200:
        raise RemoteProtocolError(f"HTTP {status}")
    try:
        document: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise RemoteProtocolError("no JSON") from None
    if not isinstance(document, dict):
        raise RemoteProtocolError("no JSON object")
    return cast("JsonObject", document)
