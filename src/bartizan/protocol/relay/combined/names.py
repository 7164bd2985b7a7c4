"""Names at the combined endpoint: whatever a server names has the server's configured id in front.

    tool, prompt   search        of notes   notes__search
    resource       note://today  of notes   bartizan:notes/note://today
    request id     7             of notes   notes__i7

The id comes from the configuration: what a server calls itself names nothing (Tools, "Tool Names"). Ids with `__` in
them, or `_` at their end, have no place here, so that a name is taken apart in one way only. A URI stands behind the id
as it is, in a path without a root: no reader of URIs resolves dots or changes letters in there.
"""

import re
from collections.abc import Collection

from bartizan.protocol.jsonrpc import RequestId

SEPARATOR = "__"
TOOL_NAME_CHARACTERS_MAX = 128  # Tools, "Tool Names"
SCHEME = "bartizan:"

_REQUEST_ID = re.compile(r"i(-?[0-9]{1,400})|s(.*)", re.DOTALL)


def fits(server: str) -> bool:
    """Whether a server of this id can be at the combined endpoint."""
    return SEPARATOR not in server and not server.endswith("_")


def joined(server: str, name: str) -> str:
    """The name of a server's tool or prompt."""
    return f"{server}{SEPARATOR}{name}"


def parted(name: str, servers: Collection[str]) -> tuple[str, str] | None:
    """The server that is meant, and the name that it has there; None where it is none of these servers."""
    server, found, rest = name.partition(SEPARATOR)
    return (server, rest) if found and server in servers else None


def joined_uri(server: str, uri: str) -> str:
    """The URI, or template of URIs, of a server's resource."""
    return f"{SCHEME}{server}/{uri}"


def parted_uri(uri: str, servers: Collection[str]) -> tuple[str, str] | None:
    """The server that is meant, and the URI that the resource has there."""
    server, found, rest = uri.removeprefix(SCHEME).partition("/")
    return (server, rest) if found and server in servers and uri.startswith(SCHEME) else None


def joined_id(server: str, identity: RequestId) -> str:
    """The id that a server's own request has towards the client, for two servers may count alike."""
    return joined(server, f"i{identity}" if isinstance(identity, int) else f"s{identity}")


def parted_id(identity: object, servers: Collection[str]) -> tuple[str, RequestId] | None:
    """The server whose request it was, and the id that it gave."""
    found = parted(identity, servers) if isinstance(identity, str) else None
    match = _REQUEST_ID.fullmatch(found[1]) if found else None
    if found is None or match is None:
        return None
    return found[0], int(match[1]) if match[1] else match[2]
