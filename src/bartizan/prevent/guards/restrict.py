"""Restrict: what was stopped stays stopped: everything, a server, a tool, a principal, a client."""

from collections.abc import Callable, Sequence

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.json import JsonObject
from bartizan.model.need import Answer, Need
from bartizan.model.restriction import Restrained, Restriction
from bartizan.prevent.policy import Rules

_EFFECTS = {Restrained.DENY: Effect.DENY, Restrained.READ_ONLY: Effect.DENY, Restrained.CONFIRM: Effect.HOLD}
_CONVERSE = frozenset({Verb.CONNECT, Verb.LIST, Verb.NOTIFY})


class Restrict:
    """The guard. `restrictions` gives those that are kept now: a table that the app refreshes."""

    name = "restrict"

    def __init__(self, rules: Rules, restrictions: Callable[[], Sequence[Restriction]]) -> None:
        self._rules, self._restrictions = rules, restrictions

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """A dry run changes nothing here: who stops a thing means it."""
        return call, self._decided(call)

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """Lists stay: what is shown is refused when it is called."""
        return definitions

    def hear(self, call: Call, message: JsonObject) -> Decision:
        """What is under way stops too."""
        decision = self._decided(call)
        return decision if decision.effect is Effect.DENY else ALLOWED

    def _decided(self, call: Call) -> Decision:
        worst = ALLOWED
        for one in self._restrictions():
            if one.holds(call.at) and _about(one, call) and self._stops(one, call):
                effect = _EFFECTS[one.effect]
                if effect.rank > worst.effect.rank:
                    worst = Decision(
                        effect=effect,
                        guard=self.name,
                        reason=f"{one.effect.value} of {one.scope} since {one.since:%H:%M:%S}: {one.reason}",
                        refusal=Refusal.TOOL_ERROR,
                        rule=one.id,
                        exception=f"bartizan halt lift {one.id}",
                    )
        return worst

    def _stops(self, one: Restriction, call: Call) -> bool:
        if one.effect is Restrained.DENY:
            return True
        if call.verb is not Verb.CALL:
            return False
        return one.effect is Restrained.CONFIRM or not self._rules.reads(call.server, call.target)


def _about(one: Restriction, call: Call) -> bool:
    principal = call.principal.id if call.principal else ""
    if one.tool and (call.verb in _CONVERSE or one.tool != call.target):
        return False
    return (
        (not one.server or one.server == call.server)
        and (not one.principal or one.principal == principal)
        and (not one.client or one.client == call.client)
    )
