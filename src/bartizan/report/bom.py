"""The parts of a CycloneDX BOM: each asset as a component or a service, with properties of the `bartizan:` taxonomy.

The taxonomy is documented in `docs/reference/bom-properties.md`, and a test holds that page against this module.
"""

import re
from collections.abc import Iterable
from typing import Any

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.errors import Place
from bartizan.model.snapshot import Snapshot
from bartizan.report.attributes import flag_of, launch_of, mapping_of, number_of, text_of, words_of
from bartizan.report.iri import iri

Part = dict[str, Any]
Property = dict[str, str]

VERSION_MAX = 1024  # CycloneDX's own bound
COMMON = ("kind", "confidence", "seenBy", "place")
PROPERTIES: dict[AssetKind, dict[str, str]] = {
    AssetKind.CLIENT: {"client": "client", "unknown": "unknownClient", "running": "running"},
    AssetKind.AGENT: {"client": "client", "model": "model", "tools": "agentTool"},
    AssetKind.DOCUMENT: {"role": "role", "client": "client"},
    AssetKind.SERVER: {
        "transport": "transport",
        "era": "era",
        "protocol_version": "protocolVersion",
        "status": "status",
        "enabled": "enabled",
        "configured": "configured",
        "behind_gateway": "behindGateway",
        "instructions_sha256": "instructionsSha256",
    },
    AssetKind.INSTANCE: {"pid": "pid", "status": "status", "container": "container", "environment_names": "variable"},
    AssetKind.TOOL: {
        "definition_sha256": "definitionSha256",
        "description_sha256": "descriptionSha256",
        "input_schema_sha256": "inputSchemaSha256",
    },
    AssetKind.PROMPT: {"definition_sha256": "definitionSha256", "description_sha256": "descriptionSha256"},
    AssetKind.RESOURCE: {"definition_sha256": "definitionSha256", "uri": "uri"},
    AssetKind.PACKAGE: {"ecosystem": "ecosystem", "pinned": "pinned"},
    AssetKind.CREDENTIAL: {"kind": "credentialKind", "fingerprint": "fingerprint"},
    AssetKind.MODEL: {"provider": "provider", "client": "client"},
    AssetKind.BACKEND: {"role": "role"},
}
_COMPONENT_TYPES = {
    AssetKind.HOST: "device",
    AssetKind.CLIENT: "application",
    AssetKind.AGENT: "data",
    AssetKind.DOCUMENT: "file",
    AssetKind.INSTANCE: "application",
    AssetKind.PACKAGE: "library",
    AssetKind.CREDENTIAL: "cryptographic-asset",
    AssetKind.MODEL: "machine-learning-model",
}
COMPONENT_KINDS = frozenset(_COMPONENT_TYPES)
_PACKAGE_TYPES = {"docker": "container", "oci": "container", "local": "application"}
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def a_property(name: str, value: str) -> Property:
    """A property of our namespace."""
    return {"name": f"bartizan:{name}", "value": value}


def component(asset: Asset) -> Part:
    """A client, agent, document, package, credential, model, process or host."""
    values = asset.attributes
    part: Part = {"type": _COMPONENT_TYPES[asset.kind], "bom-ref": asset.id, "name": asset.name or asset.id}
    if vendor := text_of(values, "vendor"):
        part["publisher"] = vendor
    if asset.kind is AssetKind.PACKAGE:
        part["type"] = _PACKAGE_TYPES.get(text_of(values, "ecosystem"), "library")
        part |= {key: text_of(values, key)[:VERSION_MAX] for key in ("version",) if text_of(values, key)}
        part |= {key: text_of(values, key) for key in ("purl",) if text_of(values, key)}
    if _SHA256.fullmatch(text_of(values, "sha256")):
        part["hashes"] = [{"alg": "SHA-256", "content": text_of(values, "sha256")}]
    if asset.kind is AssetKind.CREDENTIAL:
        part["cryptoProperties"] = _crypto(text_of(values, "kind"))
    if occurrences := [_occurrence(place) for place in asset.places]:
        part["evidence"] = {"occurrences": occurrences}
    part["properties"] = [*_common(asset, places=False), *_own(asset)]
    return part


def service(asset: Asset, offered: Iterable[Asset] = (), snapshot: Snapshot | None = None) -> Part:
    """A server with what it offers as services below it, or a backend."""
    url = text_of(asset.attributes, "url")
    endpoint = iri(url)
    part: Part = {"bom-ref": asset.id, "name": asset.name or asset.id}
    if endpoint:
        part["endpoints"] = [endpoint]
    authenticated = _authenticated(asset, snapshot)
    if authenticated is not None:
        part["authenticated"] = authenticated
    remote = flag_of(asset.attributes, "remote")
    if remote is not None:
        part["x-trust-boundary"] = remote
    if asset.kind is AssetKind.SERVER:
        flow: Part = {"flow": "bi-directional", "classification": "unclassified", "name": "tool arguments and results"}
        part["data"] = [flow | ({"destination": [endpoint]} if endpoint else {})]
    if below := [nested(one) for one in offered]:
        part["services"] = below
    launch = launch_of(asset)
    extra = [a_property("launch", launch)] if launch and launch != endpoint else []
    part["properties"] = [*_common(asset, places=True), *_own(asset), *extra, *_said(asset)]
    return part


def nested(asset: Asset) -> Part:
    """A tool, prompt or resource below its server."""
    return {
        "bom-ref": asset.id,
        "name": asset.name or asset.id,
        "properties": [*_common(asset, places=False), *_own(asset)],
    }


def _common(asset: Asset, *, places: bool) -> Iterable[Property]:
    yield a_property("kind", asset.kind)
    yield a_property("confidence", asset.confidence)
    for collector in asset.seen_by:
        yield a_property("seenBy", collector)
    for place in asset.places if places else ():
        yield a_property("place", str(place))


def _own(asset: Asset) -> Iterable[Property]:
    """The properties of its kind, in the order of the table; a list gives one property for each member."""
    values = asset.attributes
    for attribute, name in PROPERTIES.get(asset.kind, {}).items():
        flag, number = flag_of(values, attribute), number_of(values, attribute)
        if flag is not None:
            yield a_property(name, str(flag).lower())
        elif number is not None:
            yield a_property(name, str(number))
        elif text_of(values, attribute):
            yield a_property(name, text_of(values, attribute))
        for word in words_of(values, attribute):
            yield a_property(name, word)


def _said(server: Asset) -> Iterable[Property]:
    """The server's own words about itself: never an identity, so never `name` or `version` of the service."""
    said = mapping_of(server.attributes, "self_reported")
    for key, name in (("name", "selfReportedName"), ("version", "selfReportedVersion")):
        if text_of(said, key):
            yield a_property(name, text_of(said, key))


def _authenticated(asset: Asset, snapshot: Snapshot | None) -> bool | None:
    """Whether it asks who calls; None where that was not seen, and for a process on this machine's pipes."""
    status = text_of(asset.attributes, "status")
    if status in {"authentication_required", "client_certificate", "forbidden"} or (
        snapshot and snapshot.authorization
    ):
        return True
    return False if status == "open" else None


def _crypto(kind: str) -> Part:
    """A credential as related cryptographic material, by the word that its kind ends in."""
    words = set(re.split(r"[-_]", kind.lower()))
    if {"private", "key"} <= words:
        material = "private-key"
    elif words & {"password", "passwd", "dsn", "connection"}:
        material = "password"
    else:
        material = "token" if kind and kind != "generic" else "credential"
    return {"assetType": "related-crypto-material", "relatedCryptoMaterialProperties": {"type": material}}


def _occurrence(place: Place) -> Part:
    line = {"line": place.line} if place.line is not None and place.line >= 0 else {}
    context = {"additionalContext": place.pointer} if place.pointer else {}
    return {"location": place.path or place.url or str(place)} | line | context
