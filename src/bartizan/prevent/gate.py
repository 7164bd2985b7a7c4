"""The gate: asks the guards about each call in their fixed order; the strictest decision wins, a failure is Deny."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import msgspec

from bartizan.model.call import Call
from bartizan.model.decision import ALLOWED, Decision, Edit, Effect, Heard, Refusal, strictest
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject, as_object
from bartizan.model.need import Answer, Need, Take
from bartizan.protocol.relay.editing import replaced

ORDER = ("limits", "identity", "restrict", "access", "rate", "pin", "isolate", "content", "taint", "confirm", "redact")
"""Who is asked when. What costs least and tells who is asking comes first."""

# What this release cannot carry out on a call is refused: a decision that is not carried out would be an Allow.
_CARRIED_OUT = frozenset({Effect.ALLOW, Effect.ANNOTATE, Effect.REDACT, Effect.HIDE, Effect.DENY})
_CARRIED_OUT_ON_ANSWERS = frozenset({Effect.ALLOW, Effect.ANNOTATE, Effect.REDACT, Effect.DENY})
_SETTLES = "confirm"
_NOTHING_HEARD = Heard(decision=ALLOWED)
_REWRITTEN_MAX = 2  # times that a message is rewritten and judged again; what still asks for more is refused


class Guard(Protocol):
    """Judges calls. Pure: state and tables come in by its constructor, facts of the world as answers to its Needs."""

    @property
    def name(self) -> str:
        """One of `ORDER`."""
        ...

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """Decide, or ask. `answers` are those to this guard's own questions, in order. May set `call.principal`."""
        ...

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """What of a list the principal may see: some of the very objects that were given."""
        ...


class Settles(Protocol):
    """The guard that can settle what others hold: it is asked with their decisions, and its Allow frees the call."""

    @property
    def name(self) -> str:
        """One of `ORDER`."""
        ...

    def settle(self, call: Call, answers: Sequence[Answer], held: Sequence[Decision]) -> tuple[Call, Decision] | Need:
        """Decide about a call that the guards in `held` hold, if any."""
        ...


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The call with its principal, the decision that wins, and all of them in the order in which they were made.

    `edits` are what must change in the message before it goes on; `call` is the message after them. `policy` is the
    version of the policy that decided.
    """

    call: Call
    decision: Decision
    decisions: tuple[Decision, ...] = ()
    edits: tuple[Edit, ...] = ()
    policy: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A guard's question. Judge again with its answer behind the earlier ones of that guard."""

    guard: str
    need: Need


Judged = Decided | Asked


class Ends(Protocol):
    """A guard that holds something for a call till it has ended."""

    def done(self, call: Call) -> None:
        """The call has ended, however it did."""
        ...


class Spends(Protocol):
    """A guard that counts what answers take."""

    def spent(self, call: Call, size: int) -> tuple[Take, ...]:
        """An answer took so many bytes. Gives what all gateways are to be told of it."""
        ...


class Hears(Protocol):
    """A guard that judges also what servers send: results, errors, requests and notifications."""

    @property
    def name(self) -> str:
        """One of `ORDER`."""
        ...

    def hear(self, call: Call, message: JsonObject) -> Decision:
        """Decide about a message that came for a call. `message` is the whole JSON-RPC message, decoded."""
        ...


class Gate:
    """The guards of one policy. Raises ValueError for two of one name, or one that has no place in the order."""

    def __init__(self, guards: Sequence[Guard], version: str = "") -> None:
        self.replace(guards, version)

    def replace(self, guards: Sequence[Guard], version: str = "") -> None:
        """Other guards from now on, of the policy of this version. They hear of the end of calls under way too."""
        names = [guard.name for guard in guards]
        if len(set(names)) != len(names) or not set(names) <= set(ORDER):
            raise ValueError(f"guards {names}: each once, and from {', '.join(ORDER)}")
        self.version = version
        self._guards = sorted(guards, key=lambda guard: ORDER.index(guard.name))
        self._ending = [cast("Ends", guard).done for guard in self._guards if hasattr(guard, "done")]
        settling = (guard for guard in self._guards if guard.name == _SETTLES and hasattr(guard, "settle"))
        self._settling = next(settling, None)
        self._spending = [cast("Spends", guard).spent for guard in self._guards if hasattr(guard, "spent")]
        self._hearing = [cast("Hears", guard) for guard in self._guards if hasattr(guard, "hear")]

    def judge(self, call: Call, answers: Mapping[str, Sequence[Answer]]) -> Judged:
        """Ask the guards in order, up to the first that denies: the later ones then spend nothing on the call.

        What a guard rewrites is judged again by all of them; who then still asks to rewrite it is refused.
        """
        first = self._judged(call, answers)
        if isinstance(first, Asked) or not first.edits or first.decision.effect is Effect.DENY:
            return first
        try:
            again = self._judged(_rewritten(first.call, first.edits), answers)
        except RemoteProtocolError as error:
            again = Decided(call=first.call, decision=failed("gate", f"what a guard rewrites: {error}"))
        if isinstance(again, Asked):
            return again
        if again.edits:
            again = Decided(call=first.call, decision=failed("gate", "a call that was rewritten still asks for it"))
        told = (*(one for one in first.decisions if one.edits), *(again.decisions or (again.decision,)))
        worst = again.decision if again.decision.effect is Effect.DENY else strictest(list(told))
        return Decided(call=again.call, decision=worst, decisions=told, edits=first.edits, policy=self.version)

    def _judged(self, call: Call, answers: Mapping[str, Sequence[Answer]]) -> Judged:
        decisions: list[Decision] = []
        for guard in self._guards:
            try:
                given = answers.get(guard.name, ()) if answers else ()
                judged = (
                    guard.judge(call, given) if guard is not self._settling else self._settled(call, given, decisions)
                )
            except Exception as error:  # a guard that fails denies, whatever the failure is
                judged = call, failed(guard.name, f"the guard failed: {type(error).__name__}")
            if isinstance(judged, Need):
                return Asked(guard=guard.name, need=judged)
            changed, decision = judged
            if changed is not call:  # only who asks may be said by a guard; what is asked was read from the bytes
                call = msgspec.structs.replace(call, principal=changed.principal)
            if decision is ALLOWED:
                decisions.append(decision)
                continue
            if guard.name == _SETTLES and decision.effect is Effect.ALLOW:
                decisions = [_freed(one, decision) for one in decisions]
            decisions.append(_named(decision, guard.name))
            if decision.effect is Effect.DENY and not decision.dry:
                break
        if decisions.count(ALLOWED) == len(decisions):
            return Decided(call=call, decision=ALLOWED, decisions=tuple(decisions), policy=self.version)
        edits = tuple(edit for one in decisions if not one.dry for edit in one.edits)
        worst = _carried_out(strictest(decisions))
        if worst.effect is Effect.REDACT and not edits:
            worst = failed(worst.guard, "a guard asks to rewrite what it does not name")
        return Decided(call=call, decision=worst, decisions=tuple(decisions), edits=edits, policy=self.version)

    def _settled(
        self, call: Call, answers: Sequence[Answer], so_far: Sequence[Decision]
    ) -> tuple[Call, Decision] | Need:
        held = [one for one in so_far if one.effect is Effect.HOLD and not one.dry]
        return cast("Settles", self._settling).settle(call, answers, held)

    def visible(self, call: Call, definitions: list[Any]) -> list[bool] | None:
        """Which definitions of a list the principal may see; None where no guard restricts any list.

        What is no object, and what a guard fails on, is hidden.
        """
        if not self._guards:
            return None
        shown = [cast("JsonObject", one) for one in definitions if isinstance(one, dict)]
        for guard in self._guards:
            try:
                left = guard.filter(call, list(shown))
            except Exception:  # a guard that fails shows nothing
                left = []
            kept = {id(one) for one in left}
            shown = [one for one in shown if id(one) in kept]
        kept = {id(one) for one in shown}
        return [id(one) in kept for one in definitions]

    def hear(self, call: Call, message: JsonObject) -> Heard | None:
        """What becomes of a message of the server; None where no guard listens.

        A guard judges what the guards before it left of the message, and what was rewritten is judged again.
        """
        if not self._hearing:
            return None
        decisions: list[Decision] = []
        edits: dict[tuple[bool, str], Edit] = {}
        for _ in range(_REWRITTEN_MAX):
            new = self._heard(call, message, decisions)
            if not new:
                break
            edits |= {(edit.key, edit.pointer): edit for edit in new}
            message = replaced(message, new)
        else:
            decisions.append(failed("gate", "a message that was rewritten still asks to be rewritten"))
        if not decisions:
            return _NOTHING_HEARD
        worst = strictest(decisions)
        if worst.effect not in _CARRIED_OUT_ON_ANSWERS:
            worst = msgspec.structs.replace(worst, effect=Effect.DENY)
        notes = tuple(dict.fromkeys(one.note for one in decisions if one.note and not one.dry))
        return Heard(decision=worst, decisions=tuple(decisions), edits=tuple(edits.values()), notes=notes)

    def _heard(self, call: Call, message: JsonObject, decisions: list[Decision]) -> list[Edit]:
        """One round over the guards that listen; the edits that they ask for."""
        edits: list[Edit] = []
        for guard in self._hearing:
            try:
                decision = guard.hear(call, message)
                if decision.edits and not decision.dry:
                    message = replaced(message, decision.edits)
                    edits += decision.edits
            except Exception as error:  # a guard that fails denies
                decision = failed(guard.name, f"the guard failed: {type(error).__name__}")
            if decision is not ALLOWED:
                decisions.append(_named(decision, guard.name))
            if decision.effect is Effect.DENY and not decision.dry:
                return []
        return edits

    def spent(self, call: Call, size: int) -> tuple[Take, ...]:
        """Tell the guards that count bytes what an answer took. Gives what all gateways are to be told."""
        return tuple(take for spent in self._spending for take in spent(call, size))

    def done(self, call: Call) -> None:
        """Tell the guards that hold something for a call (`done`) that it has ended."""
        for ended in self._ending:
            ended(call)


def _rewritten(call: Call, edits: Sequence[Edit]) -> Call:
    """The call after the edits. What names the thing that is reached cannot change: headers mirror it."""
    message = replaced({call.root: call.params}, edits)
    params = cast("JsonObject", message[call.root])
    before = {key: value for key, value in call.params.items() if isinstance(value, str)}
    if any(params.get(key) != value for key, value in before.items()):
        raise RemoteProtocolError("the name of what is called cannot be rewritten")
    arguments = as_object(params.get("arguments")) if call.arguments else {}
    return msgspec.structs.replace(call, params=params, arguments=arguments)


def _freed(decision: Decision, by: Decision) -> Decision:
    """What was held and a person confirmed."""
    if decision.effect is not Effect.HOLD or decision.dry:
        return decision
    return msgspec.structs.replace(decision, effect=Effect.ALLOW, reason=f"{decision.reason}; {by.reason}")


def failed(guard: str, reason: str) -> Decision:
    """The decision where a guard could not decide."""
    return Decision(effect=Effect.DENY, guard=guard, reason=reason, refusal=Refusal.UNAVAILABLE)


def _named(decision: Decision, guard: str) -> Decision:
    if decision is ALLOWED or decision.guard:
        return decision
    return msgspec.structs.replace(decision, guard=guard)


def _carried_out(decision: Decision) -> Decision:
    """What refuses is Deny. HIDE refuses as if what is named did not exist."""
    if decision.effect is Effect.HIDE:
        return msgspec.structs.replace(decision, effect=Effect.DENY, refusal=Refusal.NOT_FOUND)
    if decision.effect in _CARRIED_OUT:
        return decision
    reason = f"{decision.effect} cannot be carried out here: {decision.reason}"
    return msgspec.structs.replace(decision, effect=Effect.DENY, reason=reason)
