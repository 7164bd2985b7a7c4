"""Calls and their decisions as Events (OCSF API Activity): who asked for what, what was decided, how it ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bartizan.model.call import Call
from bartizan.model.decision import ALLOWED, Decision, Effect
from bartizan.model.event import API_ACTIVITY, APPLICATION_LIFECYCLE, Event
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT
from bartizan.prevent.gate import Decided
from bartizan.protocol.relay.refusals import Refused
from bartizan.text.patterns import without_all_secrets

_SHOWN = DEFAULT.shown_name_characters_max
_LOOKED_AT = DEFAULT.shown_characters_max  # more than is kept, so that no secret is cut before it is known as one


# Short texts that were found to hold no secret: the same methods, tools and clients come with every call.
_CLEAN_MAX = 4_096
_clean: set[str] = set()


def _kept(text: str, most: int = _SHOWN) -> str:
    """What a client or a server wrote, as an Event may hold it: a resource's URI can carry a password."""
    if text in _clean or not text:
        return text
    kept = without_all_secrets(text[: most + _LOOKED_AT])[:most]
    if kept == text and len(text) <= _SHOWN:
        if len(_clean) >= _CLEAN_MAX:
            _clean.clear()
        _clean.add(text)
    return kept


def call_event(decided: Decided) -> Event:
    """A call and what was decided of it. Neither arguments nor credentials are in it."""
    call, decision = decided.call, decided.decision
    denied = decision.effect is Effect.DENY
    return Event(
        uid=call.uid,
        time=call.at,
        class_uid=API_ACTIVITY,
        activity_name=_kept(call.method) or call.verb,
        message=_kept(decision.reason),
        status="Failure" if denied else "Success",
        mcp=_subject(call),
        unmapped={
            "decision": _decision(decision),
            "noted": [_decision(one) for one in decided.decisions if one is not ALLOWED and one.dry],
            "policy": decided.policy,
        },
    )


def ended_event(call: Call, at: datetime, size: int, trouble: str, heard: Sequence[Decision] = ()) -> Event:
    """How the answer to a call ended: its bytes, what was wrong with it, and what was decided of what it held."""
    unmapped: JsonObject = {"bytes": size, "seconds": round((at - call.at).total_seconds(), 3)}
    if heard:
        unmapped["answer_decisions"] = [_decision(one) for one in heard]
    return Event(
        uid=f"{call.uid}.end",
        time=at,
        class_uid=API_ACTIVITY,
        activity_name="answer",
        message=_kept(trouble, DEFAULT.shown_characters_max),
        status="Failure" if trouble else "Success",
        mcp={"server": call.server, "method": _kept(call.method), "call": call.uid},
        unmapped=unmapped,
    )


def reload_event(*, uid: str, at: datetime, trouble: str, was: str, policy: str) -> Event:
    """The gateway read its policy and certificates anew, or what kept it from that."""
    return Event(
        uid=uid,
        time=at,
        class_uid=APPLICATION_LIFECYCLE,
        activity_name="reload",
        message=_kept(trouble, DEFAULT.shown_characters_max),
        status="Failure" if trouble else "Success",
        unmapped={"policy": policy, "was": was},
    )


def refused_event(refused: Refused, *, uid: str, at: datetime, server: str, peer: str, size: int) -> Event:
    """A request that was not understood: nothing of it went on, and nothing of its body is in here."""
    return Event(
        uid=uid,
        time=at,
        class_uid=API_ACTIVITY,
        activity_name="refused request",
        message=_kept(f"{refused.wrong.value}: {refused.told}", DEFAULT.shown_characters_max),
        status="Failure",
        mcp={"server": server},
        unmapped={"wrong": refused.wrong.name.lower(), "peer": peer, "bytes": size},
    )


def turned_away_event(told: str, *, uid: str, at: datetime, peer: str, more: int) -> Event:
    """Bytes that were no request; `more` is how many others were counted since the last of these Events."""
    return Event(
        uid=uid,
        time=at,
        class_uid=API_ACTIVITY,
        activity_name="refused connection",
        message=_kept(told, DEFAULT.shown_characters_max),
        status="Failure",
        unmapped={"peer": peer, "more": more},
    )


def _subject(call: Call) -> JsonObject:
    """What is empty is left out. The enumerations are texts as they stand: asking for their values costs more."""
    told: JsonObject = {"server": call.server, "verb": call.verb, "transport": call.transport, "bytes": call.bytes}
    for name, value in (
        ("method", _kept(call.method)),
        ("target", _kept(call.target)),
        ("revision", call.revision),
        ("client", _kept(call.client)),
        ("session", call.session),
    ):
        if value:
            told[name] = value
    principal = call.principal
    if principal is not None:
        told |= {"principal": principal.id, "proof": principal.proof}
        if principal.credential:
            told["credential"] = principal.credential
    return told


def _decision(decision: Decision) -> JsonObject:
    if decision is ALLOWED:
        return {"effect": Effect.ALLOW}
    told: dict[str, Any] = {
        "effect": decision.effect.value,
        "guard": decision.guard,
        "reason": _kept(decision.reason, DEFAULT.shown_characters_max),
        "rule": decision.rule,
        "exception": _kept(decision.exception, DEFAULT.shown_characters_max),
        "refusal": decision.refusal.value if decision.effect is Effect.DENY else "",
    }
    return {name: value for name, value in told.items() if value}
