"""Limits: what is refused of anybody, before anything costly is done for it."""

from collections.abc import Sequence

from bartizan.model.call import Call
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Answer, Need


class LimitsGuard:
    """The guard. It holds a place for each call until `done`."""

    name = "limits"

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._held: set[str] = set()

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """Size, and how many calls are under way in all."""
        limits = self._limits
        if call.bytes > limits.call_bytes_max:
            return call, _deny("call_bytes_max", limits.call_bytes_max, Refusal.INVALID)
        if len(call.target) > limits.call_target_characters_max:
            return call, _deny("call_target_characters_max", limits.call_target_characters_max, Refusal.INVALID)
        if call.uid not in self._held:
            if len(self._held) >= limits.calls_at_once_max:
                return call, _deny("calls_at_once_max", limits.calls_at_once_max, Refusal.TOO_MANY)
            self._held.add(call.uid)
        return call, ALLOWED

    def done(self, call: Call) -> None:
        """The call has ended, however it did."""
        self._held.discard(call.uid)

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """Everything: limits hide nothing."""
        return definitions


def _deny(name: str, most: int, refusal: Refusal) -> Decision:
    return Decision(
        effect=Effect.DENY,
        guard=LimitsGuard.name,
        reason=f"more than {most} ({name})",
        refusal=refusal,
        exception=f"gateway.limits.{name}",
        retry_after_seconds=1.0 if refusal is Refusal.TOO_MANY else 0.0,
    )
