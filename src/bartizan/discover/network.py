"""What the endpoints of a network mean: servers, the instances that answer for them, and what is still unknown."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from bartizan.discover.identify import asset_id, identify_url, is_loopback, listen_keys, normalise_url, port_of
from bartizan.model.asset import Asset, AssetKind, Basis, Confidence, Edge, EdgeKind
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.record import EndpointRecord
from bartizan.text.patterns import without_secrets

SEEN_BY = "network"
_REASONS = {
    "authentication_required": "asks for authentication, and shows no sign of what it is",
    "forbidden": "refuses this client, and shows no sign of what it is",
    "client_certificate": "asks for a client certificate",
    "closed": "nothing listens there",
}


def read_endpoints(records: Iterable[EndpointRecord], *, at: datetime) -> Observation:
    """Servers with their instances for what showed signs of MCP, and a look for each endpoint.

    A server that only asks for authentication is less sure: other services use the same challenge. What shows no sign
    and could not be asked further is a look, not a server.
    """
    assets, edges, looks = list[Asset](), list[Edge](), list[Look]()
    for record in map(_safe, records):
        subject = ""
        if record.evidence:
            server, instance = _server(record), _instance(record)
            subject = server.id
            assets += (server, instance)
            edges.append(Edge(source=server.id, target=instance.id, kind=EdgeKind.INSTANCE_OF, basis=Basis.OBSERVED))
        looks.append(_look(record, subject))
    return Observation(seen_by=SEEN_BY, at=at, assets=tuple(assets), edges=tuple(edges), looks=tuple(looks))


def _safe(record: EndpointRecord) -> EndpointRecord:
    """The record with a mark for every secret in what the server says of itself."""
    return msgspec.structs.replace(
        record,
        server_info={name: without_secrets(value) for name, value in record.server_info.items()},
        resource_metadata=without_secrets(record.resource_metadata),
        problem=without_secrets(record.problem),
    )


def _server(record: EndpointRecord) -> Asset:
    identity = identify_url(record.url)
    found: dict[str, Any] = {
        "transport": record.transport,
        "era": record.era,
        "protocol_version": record.protocol_version,
        "self_reported": record.server_info,
        "instructions_sha256": record.instructions_sha256,
        "resource_metadata": record.resource_metadata,
        "well_known": record.well_known,
        "exposure": list(record.exposure),
        "evidence": list(record.evidence),
    }
    always = {"url": record.url, "status": record.status, "remote": not is_loopback(port_of(record.url)[0])}
    return Asset(
        id=identity.id,
        kind=AssetKind.SERVER,
        name=record.server_info.get("name") or record.url,
        keys=identity.keys,
        attributes=always | {name: value for name, value in found.items() if value},
        places=(Place(url=record.url),),
        confidence=_confidence(record),
    )


def _instance(record: EndpointRecord) -> Asset:
    """What answers. It shares the key of its port with the process that listens there."""
    host, port = port_of(record.url)
    return Asset(
        id=asset_id("instance", normalise_url(record.url)),
        kind=AssetKind.INSTANCE,
        name=record.url,
        keys=tuple(listen_keys(record.url)) or (f"listen:{host}:{port}",),
        attributes={"url": record.url, "status": record.status},
        places=(Place(url=record.url),),
        confidence=_confidence(record),
    )


def _confidence(record: EndpointRecord) -> Confidence:
    if record.status == "open":
        return Confidence.HIGH
    return Confidence.MEDIUM if len(record.evidence) > 1 else Confidence.LOW


def _look(record: EndpointRecord, subject: str) -> Look:
    """A server and what is surely none are whole answers; a closed port is an absence; the rest stays unknown."""
    outcome, reason = Outcome.SKIPPED, _REASONS.get(record.status, record.problem)
    if record.status in {"open", "not_mcp"} or subject:
        outcome, reason = Outcome.LOOKED, record.problem or ("" if record.status == "open" else record.status)
    elif record.status == "closed":
        outcome, reason = Outcome.ABSENT, record.problem or reason
    elif record.status == "failed":
        outcome = Outcome.FAILED
    return Look(subject=subject, part="endpoint", outcome=outcome, reason=reason, place=Place(url=record.url))
