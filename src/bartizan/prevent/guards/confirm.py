"""Confirm: calls that a person says yes to first: those that policy names, and those that another guard holds."""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.json import JsonObject
from bartizan.model.need import Answer, AskPerson, Confirmed, Need
from bartizan.model.policy import Confirmation, seconds
from bartizan.model.principal import ANONYMOUS
from bartizan.prevent.conditions import facts_of
from bartizan.prevent.policy import PlacedConfirmation, Rules

Shown = Callable[[JsonObject], JsonObject]
"""Arguments as a person may see them: with secrets as marks."""
_HELD = Confirmation()


class Confirm:
    """The guard. It settles what others hold; an approval is for the very same call of the same principal, once."""

    name = "confirm"

    def __init__(self, rules: Rules, shown: Shown) -> None:
        self._rules, self._shown = rules, shown

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """As `settle`, of a call that nobody holds."""
        return self.settle(call, answers, ())

    def settle(self, call: Call, answers: Sequence[Answer], held: Sequence[Decision]) -> tuple[Call, Decision] | Need:
        """Ask a person, or decide by what one said."""
        placed = self._line(call)
        if placed is None and not held:
            return call, ALLOWED
        if self._rules.dry(call.server):
            return call, Decision(effect=Effect.DENY, reason="a person would be asked", dry=True)
        line = placed.line if placed else _HELD
        if answers and isinstance(answers[-1], Confirmed):
            return call, _decided(answers[-1])
        reasons = [f"{one.guard}: {one.reason}" for one in held]
        if placed is not None:
            reasons.append(line.why or f"policy asks for it ({placed.place})")
        return Need(
            question=AskPerson(
                server=call.server,
                method=call.method,
                target=self._marked(call.target),
                principal=call.principal.id if call.principal else "",
                client=self._marked(call.client),
                digest=digest(call),
                policy=self._rules.version,
                arguments=self._shown(call.arguments),
                reasons=tuple(reasons),
                at=call.at,
                wait_seconds=seconds(line.wait),
                expires_seconds=seconds(line.expires),
            )
        )

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """What may be called after a confirmation is shown."""
        return definitions

    def _marked(self, text: str) -> str:
        """What a client wrote: a resource's address can hold a password, and the ticket is kept."""
        return str(self._shown({"": text})[""]) if text else ""

    def _line(self, call: Call) -> PlacedConfirmation | None:
        """The first line that names the call."""
        if call.verb is not Verb.CALL:
            return None
        for placed in self._rules.confirmations:
            if not placed.servers.matches(call.server) or not placed.tools.matches(call.target):
                continue
            if placed.line.only == "writes" and self._rules.reads(call.server, call.target):
                continue
            if placed.condition is None or placed.condition.may_hold(facts_of(call, call.principal or ANONYMOUS)):
                return placed
        return None


def digest(call: Call) -> str:
    """Of the exact request: server, method and parameters, without what differs between two sendings of one call."""
    params = {name: value for name, value in call.params.items() if name != "_meta"}
    told = msgspec.json.encode([call.server, call.method, params], order="sorted")
    return hashlib.sha256(told).hexdigest()


def _decided(answer: Confirmed) -> Decision:
    if answer.granted:
        return Decision(effect=Effect.ALLOW, reason=f"ticket {answer.ticket}: approved by {answer.by}")
    return Decision(
        effect=Effect.DENY,
        reason=f"ticket {answer.ticket} is {answer.state.value}" + (f" by {answer.by}" if answer.by else ""),
        refusal=Refusal.CONFIRM,
        ticket=answer.ticket,
        exception=f"bartizan approvals allow {answer.ticket}",
    )
