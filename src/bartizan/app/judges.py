"""The guards that judge contents, wired: the judges of the scan read what passes through the gateway."""

from collections.abc import Callable, Sequence

from bartizan.app.bootstrap import load_judge
from bartizan.app.identity import Guards, guards
from bartizan.assess.judge import Judge, Judgement
from bartizan.model.json import JsonObject
from bartizan.model.origin import Origin
from bartizan.model.restriction import Restriction
from bartizan.model.secret import Secret, fingerprint
from bartizan.model.seen import NOTHING_SEEN, Seen, SeenSign
from bartizan.ports import TokenVerifier
from bartizan.prevent.gate import Guard
from bartizan.prevent.guards.confirm import Confirm
from bartizan.prevent.guards.content import Content
from bartizan.prevent.guards.identity import Resource
from bartizan.prevent.guards.redact import Redact
from bartizan.prevent.guards.restrict import Restrict
from bartizan.prevent.policy import Rules
from bartizan.text.patterns import find_secrets


def content_guards(rules: Rules, judge: Judge, key: Secret) -> tuple[Content, Confirm, Redact]:
    """Content, confirm and redact. `key` is that of fingerprints: one value has one mark, which tells nothing of it."""

    def text(told: str, origin: Origin) -> Seen:
        return _seen(judge.text(told, origin))

    def definition(told: JsonObject) -> Seen:
        return _seen(judge.definition(told))

    def mark(kind: str, value: str) -> str:
        scheme, _, digest = fingerprint(Secret(value), key).partition(":")
        return f"‹{kind} {scheme}:{digest[:12]}›"

    find_secrets(judge.text("warm").verdict)  # automata are built at first use: no caller waits for them
    redact = Redact(rules, mark)
    return Content(rules, text, definition), Confirm(rules, redact.marked), redact


def _seen(judgement: Judgement) -> Seen:
    if judgement.verdict.value == "clean":
        return NOTHING_SEEN
    signs = tuple(
        SeenSign(rule=sign.rule.name, pointer=sign.pointer, start=sign.start, end=sign.end) for sign in judgement.signs
    )
    return Seen(verdict=judgement.verdict.value, signs=signs)


InForce = Callable[[], Sequence[Restriction]]


class GuardsOf:
    """All guards of a policy. Called again with another one, they go on from what the ones before held."""

    def __init__(
        self, resource: Resource, verifier: TokenVerifier, key: Secret, restrictions: InForce, *, loopback: bool
    ) -> None:
        self._restrictions = restrictions
        self._resource, self._verifier, self._key, self._loopback = resource, verifier, key, loopback
        self._judge = load_judge()
        self._before: Guards | None = None

    def __call__(self, rules: Rules) -> tuple[Guard, ...]:
        """The guards, in their order."""
        made = guards(rules, self._resource, loopback=self._loopback, verifier=self._verifier, before=self._before)
        self._before = made
        return (*made, Restrict(rules, self._restrictions), *content_guards(rules, self._judge, self._key))
