"""Judge authorization metadata by what it names: the resource, the issuer, the endpoints."""

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from bartizan.content.address import Reach, reach_of
from bartizan.model.asset import Asset
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.protocol import metadata
from bartizan.rules.check import Sight

_PORTS = {"http": 80, "https": 443}
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "registration_endpoint")


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each contradiction: those that kept a document out of the snapshot, then those in documents."""
    for look in inventory.looks:
        if look.subject == subject.id and look.part == "authorization":
            for problem in metadata.CONTRADICTIONS:
                if problem in look.reason:
                    place = subject.places[0] if subject.places else None
                    yield Sight(message=f"{subject.name}: {problem}", detail=problem, place=place)
    url = as_text(subject.attributes.get("url"))
    for snapshot in inventory.snapshots:
        if snapshot.server == subject.id:
            for where, value in sorted(snapshot.authorization.items()):
                for pointer, what in _contradictions(where, as_object(value), url):
                    place = Place(url=where, pointer=pointer)
                    yield Sight(message=f"{subject.name}: {what}", detail=f"{where} {pointer} {what}", place=place)


def _contradictions(where: str, document: JsonObject, server: str) -> Iterator[tuple[str, str]]:
    """Pointers and what is wrong there."""
    if "resource" in document and server and not _covers(as_text(document["resource"]), server):
        yield "/resource", f"its metadata is of another resource, {document['resource']}"
    issuer = document.get("issuer")
    if "resource" not in document and issuer is not None and where not in _places(as_text(issuer)):
        yield "/issuer", f"metadata at {where} names another issuer, {issuer}"
    for name in _ENDPOINTS:
        endpoint = as_text(document.get(name))
        if endpoint and not endpoint.lower().startswith("https://") and not _local(endpoint):
            yield f"/{name}", f"the {name.replace('_', ' ')} is no https address: {endpoint}"


def _local(url: str) -> bool:
    return url.lower().startswith("http://") and reach_of(url) is Reach.MACHINE


def _covers(resource: str, server: str) -> bool:
    """Whether a resource is the server, or a path above it on the same origin. A mark in an address is anything."""
    one, other = _split(resource), _split(server)
    if one is None or other is None or _origin(one) != _origin(other):
        return False
    above, own = one.path.rstrip("/"), other.path.rstrip("/")
    return own == above or own.startswith(above + "/") or "‹" in own


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if all(_origin(parts)) else None
    except ValueError:  # a port or an address that is none
        return None


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)


def _places(issuer: str) -> list[str]:
    """Where the metadata of an issuer is found: RFC 8414, and OpenID Connect Discovery in its two forms."""
    parts = _split(issuer)
    if parts is None:
        return []
    base, path = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.rstrip("/")
    known, openid = f"{base}/.well-known/", "openid-configuration"
    return [f"{known}oauth-authorization-server{path}", f"{known}{openid}{path}", f"{base}{path}/.well-known/{openid}"]
