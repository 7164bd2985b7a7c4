"""A legacy session at the combined endpoint: one id that holds what every replica needs to go on with it.

What is in it: the revision, what the client said of itself, and each server's own session as the gateway sealed it for
this principal (`relay.sessions`). So another principal opens none of them. Nothing of it is remembered here.
"""

from collections.abc import Mapping

import msgspec

from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era
from bartizan.protocol.mcp import era_of
from bartizan.protocol.relay.sessions import seal, unseal

_LABEL = "combined session"  # no server has an id with a space


class Leg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one server is spoken to: the version, and its session's sealed id, empty where it gave none."""

    version: str
    session: str = ""

    @property
    def era(self) -> Era:
        """The server's era."""
        return era_of(self.version) or Era.LEGACY


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One client's session. `client` and `capabilities` are those of its `initialize`."""

    revision: str
    client: JsonObject = {}
    capabilities: JsonObject = {}
    legs: Mapping[str, Leg] = {}


def sealed(key: Secret, session: Session) -> str:
    """The id that the client gets."""
    return seal(key, _LABEL, "", msgspec.json.encode(session).decode())


def opened(key: Secret, identity: str, limits: Limits = DEFAULT) -> Session | None:
    """The session of an id of ours; None for any other text."""
    said = unseal(key, _LABEL, "", identity, most=limits.combined_session_bytes_max * 2)
    return msgspec.json.decode(said, type=Session) if said is not None else None


def fitting(session: Session, legs: Mapping[str, Leg], limits: Limits = DEFAULT) -> tuple[Session, list[str]]:
    """The session with as many legs as an id has room for, and the servers for whose session there was none."""
    held: dict[str, Leg] = {}
    too_long: list[str] = []
    size = len(msgspec.json.encode(session))
    for server, leg in legs.items():
        size += len(msgspec.json.encode(leg)) + len(server) + 4
        if size > limits.combined_session_bytes_max:
            too_long.append(server)
        else:
            held[server] = leg
    return msgspec.structs.replace(session, legs=held), too_long
