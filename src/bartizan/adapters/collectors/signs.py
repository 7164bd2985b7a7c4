"""Is it MCP? What an answer to an opening proves. One sign proves nothing: they must come together."""

import re
from typing import Any, cast

import msgspec

from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import Envelope
from bartizan.protocol.mcp import META, UNSUPPORTED_VERSION

_DATED = re.compile(r"20\d\d-\d\d-\d\d")
_METADATA = re.compile(r'resource_metadata\s*=\s*(?:"([^"]{1,2000})"|([^\s",]{1,2000}))')
_SHOWN = 200


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """An MCP server's opening answer, read. `signs` are what it was known by."""

    era: Era
    version: str
    signs: tuple[str, ...]
    info: dict[str, str] = {}
    instructions: str = ""


def modern(answer: Envelope | None, identity: str) -> Match | None:
    """An answer to `server/discover`: dated versions and capabilities, or the era's own error with its versions."""
    if answer is None or answer.id != identity:
        return None
    if answer.kind == "error":
        data = _object(answer.error.get("data"))
        versions = _dated(data.get("supported"))
        if answer.error.get("code") != UNSUPPORTED_VERSION or not versions:
            return None
        return Match(era=Era.MODERN, version=versions[0], signs=("id", "supportedVersions", "error -32022"))
    versions = _dated(answer.result.get("supportedVersions"))
    return _match(answer.result, Era.MODERN, max(versions, default=""), "supportedVersions")


def legacy(answer: Envelope | None, identity: str) -> Match | None:
    """An answer to `initialize`: a dated version, with capabilities or a self-description.

    A language server has the same method and the last two, but no dated version. A service that sends our own
    parameters back has all but a self-description, and our `clientInfo`, which no server sends.
    """
    if answer is None or answer.kind != "result" or answer.id != identity or "clientInfo" in answer.result:
        return None
    versions = _dated([answer.result.get("protocolVersion")])
    return _match(answer.result, Era.LEGACY, max(versions, default=""), "protocolVersion")


def _match(result: dict[str, Any], era: Era, version: str, sign: str) -> Match | None:
    info = _object(result.get("serverInfo") or _object(result.get("_meta")).get(META + "serverInfo"))
    signs = ["id", sign]
    if isinstance(result.get("capabilities"), dict):
        signs.append("capabilities")
    if isinstance(info.get("name"), str):
        signs.append("serverInfo")
    if not version or len(signs) < 3 or META + "clientCapabilities" in _object(result.get("_meta")):
        return None
    said = {name: value[:_SHOWN] for name in ("name", "version") if isinstance(value := info.get(name), str)}
    instructions = result.get("instructions")
    return Match(
        era=era,
        version=version,
        signs=tuple(signs),
        info=said,
        instructions=instructions if isinstance(instructions, str) else "",
    )


def metadata_url(challenge: str) -> str:
    """The `resource_metadata` of a `WWW-Authenticate` header (RFC 9728, section 5.1), or ""."""
    found = _METADATA.search(challenge)
    return (found[1] or found[2]) if found else ""


def _dated(value: Any) -> list[str]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [item for item in items[:100] if isinstance(item, str) and _DATED.fullmatch(item)]


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
