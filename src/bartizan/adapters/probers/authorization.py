"""What a server that answers 401 says of its authorization: RFC 9728, then RFC 8414 or OpenID Connect Discovery.

The server is hostile, so its words lead only to its own origin, and to public addresses for its issuers.
"""

import re
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from bartizan.adapters.transports.outbound import OutboundClient, no_metadata_service, public_only
from bartizan.adapters.transports.url import origin, same_origin
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.protocol import metadata
from bartizan.protocol.jsonrpc import decode

_PARAMETER = re.compile(r'\bresource_metadata\s*=\s*(?:"([^"]{1,2000})"|([^\s",]{1,2000}))', re.IGNORECASE)
_ISSUERS_MAX = 3


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata documents by the URL they came from, and what was wrong with what was not taken."""

    documents: dict[str, Any]
    problems: tuple[str, ...]


class _Reader:
    """Fetches JSON documents: bounded in number, size and time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.documents: dict[str, Any] = {}
        self.problems: list[str] = []
        self._left = limits.metadata_documents_max

    async def fetch(self, url: str, *, public: bool) -> dict[str, Any] | None:
        """One document, or None when there is none."""
        if self._left <= 0:
            return None
        self._left -= 1
        client = OutboundClient(self._limits, allow=public_only if public else no_metadata_service)
        try:
            response = await client.request(
                "GET",
                url,
                headers={"Accept": "application/json"},
                deadline_seconds=self._limits.metadata_seconds_max,
            )
            body = await response.read(self._limits.metadata_bytes_max)
            value = decode(body, self._limits) if response.status == 200 else None
        except (OSError, RemoteProtocolError, ValueError) as error:  # ValueError: a name that is no host's
            self.problems.append(f"metadata could not be read: {error}")
            return None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else None


async def authorization(url: str, challenge: str, limits: Limits) -> Authorization:
    """The metadata of the server at `url`, which answered with `challenge`. Never raises for what it does."""
    reader = _Reader(limits)
    for place in _resource_places(url, challenge, reader.problems):
        if (document := await reader.fetch(place, public=False)) is None:
            continue
        if not _names(document, url):
            reader.problems.append(metadata.ANOTHER_RESOURCE)
        reader.documents[place] = document
        for issuer in _issuers(document):
            await _issuer(reader, issuer, url)
        break
    else:
        reader.problems.append("no protected-resource metadata")
    return Authorization(documents=reader.documents, problems=tuple(dict.fromkeys(reader.problems)))


def _resource_places(url: str, challenge: str, problems: list[str]) -> list[str]:
    parts = urlsplit(url)
    if match := _PARAMETER.search(challenge):
        named = match[1] or match[2]
        if same_origin(named, url):
            return [named]
        problems.append(metadata.ANOTHER_ORIGIN)
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.well-known/oauth-protected-resource"
    path = parts.path.rstrip("/")
    return [base + path, base] if path else [base]


def _names(document: dict[str, Any], url: str) -> bool:
    """Whether `resource` is the server, or a path above it."""
    resource = document.get("resource")
    if not isinstance(resource, str) or not same_origin(resource, url):
        return False
    above, own = urlsplit(resource).path.rstrip("/"), urlsplit(url).path.rstrip("/")
    return own == above or own.startswith(above + "/")


def _issuers(document: dict[str, Any]) -> list[str]:
    servers: Any = document.get("authorization_servers")
    if not isinstance(servers, list):
        return []
    return [item for item in cast("list[Any]", servers) if isinstance(item, str)][:_ISSUERS_MAX]


async def _issuer(reader: _Reader, issuer: str, server: str) -> None:
    """The metadata of one issuer. A document that names another issuer is not taken (RFC 8414 section 3.3)."""
    place, own = origin(issuer), origin(server)
    if place is None or own is None:
        reader.problems.append("an issuer that is no HTTP URL")
        return
    same_host = place[1] == own[1]
    if place[0] != "https" and not same_host:
        reader.problems.append("an issuer without TLS was not asked")
        return
    for url in _issuer_places(issuer):
        document = await reader.fetch(url, public=not same_host)
        if document is None:
            continue
        if document.get("issuer") == issuer:
            reader.documents[url] = document
        else:
            reader.problems.append(metadata.ANOTHER_ISSUER)
        return
    reader.problems.append("no authorization-server metadata")


def _issuer_places(issuer: str) -> list[str]:
    parts = urlsplit(issuer)
    base, path = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.rstrip("/")
    places = [f"{base}/.well-known/oauth-authorization-server{path}", f"{base}/.well-known/openid-configuration{path}"]
    return [*places, f"{base}{path}/.well-known/openid-configuration"] if path else places
