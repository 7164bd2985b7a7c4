"""How a session goes: its states as a table, and which era a server's answer to the opening means."""

from enum import StrEnum
from typing import Any, cast

import msgspec

from bartizan.model.errors import LocalProtocolError
from bartizan.model.snapshot import Era
from bartizan.protocol.mcp import MODERN_ERRORS, RULES, UNSUPPORTED_VERSION, era_of


class State(StrEnum):
    """Where a listing session stands."""

    NEW = "new"
    DISCOVERING = "discovering"
    INITIALIZING = "initializing"
    LISTING = "listing"
    FINISHED = "finished"


class Turn(StrEnum):
    """What moves it on."""

    ASK_MODERN = "ask modern"
    ASK_LEGACY = "ask legacy"
    SPEAKS_MODERN = "speaks modern"
    SPEAKS_LEGACY = "speaks legacy"
    NEXT_LIST = "next list"
    END = "end"


# A server that is silent to the modern opening is asked the legacy one; its late modern answer may still decide.
TABLE: dict[State, dict[Turn, State]] = {
    State.NEW: {Turn.ASK_MODERN: State.DISCOVERING, Turn.ASK_LEGACY: State.INITIALIZING, Turn.END: State.FINISHED},
    State.DISCOVERING: {
        Turn.ASK_MODERN: State.DISCOVERING,
        Turn.SPEAKS_MODERN: State.LISTING,
        Turn.ASK_LEGACY: State.INITIALIZING,
        Turn.END: State.FINISHED,
    },
    State.INITIALIZING: {
        Turn.SPEAKS_LEGACY: State.LISTING,
        Turn.SPEAKS_MODERN: State.LISTING,
        Turn.END: State.FINISHED,
    },
    State.LISTING: {Turn.NEXT_LIST: State.LISTING, Turn.END: State.FINISHED},
    State.FINISHED: {},
}


def move(state: State, turn: Turn) -> State:
    """The next state. Raises LocalProtocolError for a turn that the table does not have."""
    try:
        return TABLE[state][turn]
    except KeyError:
        raise LocalProtocolError(f"no turn {turn!r} from state {state!r}") from None


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer to an opening means. `version` is what to speak next; `reason` why nothing can be spoken."""

    turn: Turn
    version: str = ""
    reason: str = ""


def judge_discover(result: dict[str, Any]) -> Opening:
    """A result of `server/discover`. An odd one means a legacy server that answers anything."""
    offered = _strings(result.get("supportedVersions"))
    if not offered or result.get("resultType", "complete") != "complete":
        return Opening(turn=Turn.ASK_LEGACY, version=RULES[Era.LEGACY].versions[0])
    return _best(offered, known=Turn.SPEAKS_MODERN)


def judge_discover_error(error: dict[str, Any]) -> Opening:
    """An error of `server/discover`. Only the modern revision's own codes tell of a modern server."""
    code = error.get("code")
    data: Any = error.get("data")
    supported = _strings(cast("dict[str, Any]", data).get("supported")) if isinstance(data, dict) else []
    if code == UNSUPPORTED_VERSION and supported:
        return _best(supported, known=Turn.ASK_MODERN)
    if isinstance(code, int) and code in MODERN_ERRORS:
        return Opening(turn=Turn.END, reason=f"speaks the modern era and refused `server/discover` with error {code}")
    return Opening(turn=Turn.ASK_LEGACY, version=RULES[Era.LEGACY].versions[0])


def _best(offered: list[str], *, known: Turn) -> Opening:
    for era, turn in ((Era.MODERN, known), (Era.LEGACY, Turn.ASK_LEGACY)):
        for version in RULES[era].versions:
            if version in offered:
                return Opening(turn=turn, version=version)
    return Opening(turn=Turn.END, reason="speaks no protocol version that this release knows")


def knows(version: Any) -> bool:
    """Whether a legacy server's answer names a version that we speak."""
    return isinstance(version, str) and era_of(version) is Era.LEGACY


def _strings(value: Any) -> list[str]:
    return [item for item in cast("list[Any]", value) if isinstance(item, str)] if isinstance(value, list) else []
