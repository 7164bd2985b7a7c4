"""Access: who may call what. What no line of policy permits is denied, and looks as if it did not exist.

The list that a principal sees is the list that it may call: both come from the same lines. Arguments, scopes and
freshness of the sign-in are asked at the call.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.need import Answer, Need, Reach, Reached
from bartizan.model.policy import May, seconds
from bartizan.model.principal import Principal
from bartizan.prevent.conditions import facts_of
from bartizan.prevent.exposure import accepted, refusal
from bartizan.prevent.policy import Kind, Line, Rules

_KINDS = {Verb.CALL: Kind.TOOL, Verb.READ: Kind.RESOURCE, Verb.PROMPT: Kind.PROMPT}
_CONVERSE = frozenset({Verb.CONNECT, Verb.LIST, Verb.ANSWER, Verb.NOTIFY})
_LISTS = {
    "tools/list": (Kind.TOOL, "name"),
    "prompts/list": (Kind.PROMPT, "name"),
    "resources/list": (Kind.RESOURCE, "uri"),
    "resources/templates/list": (None, "uriTemplate"),
}

_FOUND_MAX = 4_096


class Access:
    """The guard."""

    name = "access"

    def __init__(self, rules: Rules, reached: Callable[[str], Reached | None] | None = None) -> None:
        """`reached` says what is known of how a server is reached; without it nobody looks, and nobody asks."""
        self.rules, self._reached = rules, reached
        self._found: dict[tuple[frozenset[str], str, Kind, str], tuple[Line, ...]] = {}

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """Whether the principal may do this, and whether the server may be fronted at all."""
        decision = self._judge(call)
        if decision.effect is Effect.ALLOW and self._reached is not None and not accepted(self.rules, call.server):
            reached = self._reached(call.server) or (answers[0] if answers else None)
            if not isinstance(reached, Reached):
                return Need(question=Reach(server=call.server))
            decision = refusal(self.rules, call.server, reached) or decision
        if decision.effect is not Effect.ALLOW and self.rules.dry(call.server):
            decision = msgspec.structs.replace(decision, dry=True)
        return call, decision

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """What of a list the principal may see: what some call of it could reach. Definitions pass unaltered."""
        if call.principal is None or call.method not in _LISTS:
            return []
        if self.rules.dry(call.server):
            return definitions
        kind, key = _LISTS[call.method]
        mine = self._mine(call, call.principal)
        return [one for one in definitions if self._visible(call.server, mine, kind, one.get(key))]

    def _visible(self, server: str, mine: Sequence[Line], kind: Kind | None, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if kind is None:
            return any(line.names_template(name) for line in mine)
        return any(self._speaks(line, server, kind, name) for line in mine)

    def _mine(self, call: Call, principal: Principal) -> list[Line]:
        roles = self.rules.roles(principal)
        return [line for line in self.rules.of_server(call.server) if line.grant.role in roles]

    def _speaks(self, line: Line, server: str, kind: Kind, target: str) -> bool:
        """Whether a line permits the target, given the right principal and arguments."""
        if not line.names(kind, target):
            return False
        return kind is not Kind.TOOL or line.grant.may is May.WRITE or self.rules.reads(server, target)

    def speaking(self, call: Call) -> list[Line]:
        """The lines that speak of what a call reaches, whoever asks."""
        kind, target = _reached(call)
        lines = self.rules.of_server(call.server)
        return [line for line in lines if kind is None or self._speaks(line, call.server, kind, target)]

    def _judge(self, call: Call) -> Decision:
        principal = call.principal
        if principal is None:
            return _deny(Refusal.UNAUTHENTICATED, "nobody said who asks", "")
        mine = self._mine(call, principal)
        kind, target = _reached(call)
        if kind is None:
            if call.verb in _CONVERSE and mine:
                return ALLOWED
            return _deny(Refusal.NOT_FOUND, f"no line of policy lets {principal.id} use {call.server}",
                         self._exception(call, None, ""))  # fmt: skip
        lines = self._lines(principal, mine, call.server, kind, target)
        if not lines:
            reason = f"no line of policy lets {principal.id} reach the {kind} {target[:200]!r} of {call.server}"
            return _deny(Refusal.NOT_FOUND, reason, self._exception(call, kind, target))
        refused = Decision(effect=Effect.DENY)
        for line in lines:
            one = _asked(line, call, principal)
            if one.effect is Effect.ALLOW:
                return one
            # A way to go on is worth more to the caller than another line's flat no.
            if refused.refusal is Refusal.TOOL_ERROR:
                refused = one
        return refused

    def _lines(
        self, principal: Principal, mine: Sequence[Line], server: str, kind: Kind, target: str
    ) -> tuple[Line, ...]:
        """The lines of `mine` that speak of a target; what was found is kept, as the same calls come again."""
        key = self.rules.roles(principal), server, kind, target
        found = self._found.get(key)
        if found is None:
            found = tuple(line for line in mine if self._speaks(line, server, kind, target))
            if len(self._found) >= _FOUND_MAX:
                self._found.clear()
            self._found[key] = found
        return found

    def _exception(self, call: Call, kind: Kind | None, target: str) -> str:
        """The line that would permit it: one that is there for another role, or one to be added."""
        for line in self.speaking(call):
            return f"{line.place}: for the role {line.grant.role}"
        return suggestion(self.rules, call, kind, target)


def _reached(call: Call) -> tuple[Kind | None, str]:
    """What a call reaches; completion reaches the prompt or resource whose argument it completes."""
    if call.verb is Verb.COMPLETE:
        reference = as_object(call.params.get("ref"))
        if reference.get("type") == "ref/prompt":
            return Kind.PROMPT, as_text(reference.get("name"))
        return Kind.RESOURCE, as_text(reference.get("uri"))
    return _KINDS.get(call.verb), call.target


def _asked(line: Line, call: Call, principal: Principal) -> Decision:
    """What one line, which speaks of the target, says of these arguments and this sign-in."""
    reason = line.commands(call.arguments)
    if not reason and line.condition is not None:
        reason = line.condition.holds(facts_of(call, principal))
    if reason:
        return _deny(Refusal.TOOL_ERROR, reason, str(line.place))
    if missing := [scope for scope in line.grant.scopes if scope not in principal.scopes]:
        challenge = {"error": "insufficient_scope", "scope": " ".join(line.grant.scopes)}
        reason = f"the token lacks the scope {' '.join(missing)}"
        return _deny(Refusal.INSUFFICIENT_SCOPE, reason, str(line.place), challenge)
    if reason := _stale(line, call.at, principal):
        return _deny(Refusal.UNAUTHENTICATED, reason, str(line.place), _step_up(line))
    return ALLOWED


def _stale(line: Line, at: datetime, principal: Principal) -> str:
    """Why the way in which the person signed in does not do."""
    grant = line.grant
    if grant.acr and principal.context not in grant.acr:
        return f"signed in as {principal.context[:100] or 'nothing known'}, not as {' or '.join(grant.acr)}"
    if missing := [method for method in grant.amr if method not in principal.methods]:
        return f"signed in without {' and '.join(missing)}"
    if grant.max_age is None:
        return ""
    if principal.authenticated_at is None:
        return "it is not known when the person signed in"
    if at - principal.authenticated_at > timedelta(seconds=seconds(grant.max_age)):
        return f"signed in more than {grant.max_age} ago"
    return ""


def _step_up(line: Line) -> JsonObject:
    """Parameters of the challenge of RFC 9470."""
    challenge: JsonObject = {"error": "insufficient_user_authentication"}
    if line.grant.acr:
        challenge["acr_values"] = " ".join(line.grant.acr)
    if line.grant.max_age is not None:
        challenge["max_age"] = str(int(seconds(line.grant.max_age)))
    return challenge


def _deny(refusal: Refusal, reason: str, exception: str, challenge: JsonObject | None = None) -> Decision:
    return Decision(
        effect=Effect.DENY, guard=Access.name, reason=reason, refusal=refusal, exception=exception,
        challenge=challenge or {},
    )  # fmt: skip


def suggestion(rules: Rules, call: Call, kind: Kind | None, target: str) -> str:
    """A line to be added under `allow`, in YAML, that permits this and no more."""
    if "*" in target:
        return "no line permits this name alone: in policy `*` stands for every name"
    roles = sorted(rules.roles(call.principal)) if call.principal else []
    role = roles[0] if roles else "ROLE"
    fields = [("role", role), ("server", call.server)]
    if kind is not None:
        fields.append((f"{kind}s", f"[{_quoted(target)}]"))
        if kind is Kind.TOOL and not rules.reads(call.server, target):
            fields.append(("may", "write"))
    else:
        fields.append(("tools", "[NAME]"))
    shown = ", ".join(f"{key}: {value if value[:1] == '[' else _quoted(value)}" for key, value in fields)
    return f"add under `allow`: - {{{shown}}}"


def _quoted(text: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,100}", text):
        return text
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text[:500]) + '"'
