"""The guards that judge contents, wired: the judges of the scan read what passes through the gateway."""

from collections.abc import Callable, Sequence

import msgspec

from bartizan.app.bootstrap import load_judge
from bartizan.app.identity import Guards, guards
from bartizan.assess.judge import Judge, Judgement
from bartizan.model.json import JsonObject
from bartizan.model.need import Reached
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


class Wants(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway wants of its guards. `reached` says what is known of how a server is reached."""

    loopback: bool
    reached: Callable[[str], Reached | None]
    shared: bool


class GuardsOf:
    """All guards of a policy. Called again with another one, they go on from what the ones before held."""

    def __init__(
        self, resource: Resource, verifier: TokenVerifier, key: Secret, restrictions: InForce, wants: Wants
    ) -> None:
        self._resource, self._verifier, self._key = resource, verifier, key
        self._restrictions, self._wants = restrictions, wants
        self._judge = load_judge()
        self._before: Guards | None = None

    def __call__(self, rules: Rules) -> tuple[Guard, ...]:
        """The guards, in their order."""
        made = guards(
            rules,
            self._resource,
            loopback=self._wants.loopback,
            verifier=self._verifier,
            before=self._before,
            reached=self._wants.reached,
            shared=self._wants.shared,
        )
        self._before = made
        return (*made, Restrict(rules, self._restrictions), *content_guards(rules, self._judge, self._key))
