"""Snapshot: what one server says of itself, in its own JSON, at one time."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.json import JsonObject, as_object, as_text


class Transport(StrEnum):
    """How a server is spoken to; the specification's names."""

    STDIO = "stdio"
    STREAMABLE_HTTP = "streamable_http"
    SSE = "sse"


class Era(StrEnum):
    """`modern`: 2026-07-28 and later, stateless. `legacy`: 2024-11-05 to 2025-11-25, with the handshake."""

    MODERN = "modern"
    LEGACY = "legacy"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A server's definitions as it gave them: unaltered, unjudged, hostile.

    `discovered` is the result of `initialize` (legacy) or of `server/discover` (modern), whole.
    `authorization` holds the protected-resource and authorization-server metadata, by URL.
    """

    server: AssetId
    taken_at: datetime
    transport: Transport
    era: Era
    protocol_version: str
    discovered: JsonObject = {}
    tools: tuple[Any, ...] = ()
    prompts: tuple[Any, ...] = ()
    resources: tuple[Any, ...] = ()
    resource_templates: tuple[Any, ...] = ()
    authorization: JsonObject = {}
    stderr: str = ""

    @property
    def server_info(self) -> JsonObject:
        """The server's name and version in its own words: never an identity.

        The legacy era has them in the result, the modern one in the result's `_meta`.
        """
        meta = as_object(self.discovered.get("_meta"))
        return as_object(self.discovered.get("serverInfo") or meta.get("io.modelcontextprotocol/serverInfo"))

    @property
    def instructions(self) -> str:
        """The text that a client puts before its model."""
        return as_text(self.discovered.get("instructions"))
