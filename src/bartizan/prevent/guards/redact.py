"""Redact: secrets and personal data become marks, in both directions. A mark is the same for the same value."""

from collections.abc import Callable, Iterator, Sequence

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Edit, Effect, Refusal
from bartizan.model.json import JsonObject
from bartizan.model.need import Answer, Need
from bartizan.model.policy import Secrets
from bartizan.prevent.names import Names
from bartizan.prevent.policy import Rules
from bartizan.prevent.texts import Joined, Text, texts
from bartizan.protocol.relay.editing import replaced as replaced_in
from bartizan.text.patterns import find_secrets, is_placeholder, replaced

Mark = Callable[[str, str], str]
"""Kind and value to a mark that cannot be turned back: a keyed fingerprint."""
_SHORTEST = 8  # no secret and no personal datum of a format is shorter


class Redact:
    """The guard."""

    name = "redact"

    def __init__(self, rules: Rules, mark: Mark) -> None:
        self._rules, self._mark, self._policy = rules, mark, rules.redaction
        self._servers, self._never = Names(self._policy.servers), Names(self._policy.never)

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """What a client sends: by default a secret does not leave it unseen."""
        if self._policy.arguments is Secrets.PASS or not self._holds(call) or call.verb in {Verb.LIST, Verb.CONNECT}:
            return call, ALLOWED
        found = list(self._marked(texts(call.params, f"/{call.root}")))
        if not found:
            return call, ALLOWED
        denied = self._policy.arguments is Secrets.DENY
        return call, self._decided(call, found, "arguments", denied=denied)

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """Definitions stay as they are: one with a secret is a finding of the scan."""
        return definitions

    def hear(self, call: Call, message: JsonObject) -> Decision:
        """What a server says."""
        if self._policy.answers is Secrets.PASS or call.verb is Verb.LIST or not self._holds(call):
            return ALLOWED
        where = next((one for one in ("result", "error", "params") if one in message), "")
        found = list(self._marked(texts(message.get(where), f"/{where}"))) if where else []
        if not found:
            return ALLOWED
        return self._decided(call, found, "answers", denied=self._policy.answers is Secrets.DENY)

    def marked(self, value: JsonObject) -> JsonObject:
        """The value with marks, for a person to see."""
        return replaced_in(value, [edit for _, edit in self._marked(texts(value))])

    def _holds(self, call: Call) -> bool:
        return self._servers.matches(call.server) and not self._never.matches(call.server)

    def _decided(self, call: Call, found: Sequence[tuple[str, Edit]], key: str, *, denied: bool) -> Decision:
        kinds = ", ".join(dict.fromkeys(kind for kind, _ in found))
        return Decision(
            effect=Effect.DENY if denied else Effect.REDACT,
            guard=self.name,
            reason=f"{kinds} in {'an answer' if key == 'answers' else 'what a client sends'}",
            refusal=Refusal.TOOL_ERROR,
            exception=f"redact: {{never: [{call.server}]}}",
            edits=() if denied else tuple(edit for _, edit in found),
            dry=self._rules.dry(call.server),
        )

    def _marked(self, parts: list[Text]) -> Iterator[tuple[str, Edit]]:
        """The kind of the first thing found in a text, and the text with marks, for each text that holds something."""
        joined = Joined(parts)
        if len(joined.text) < _SHORTEST:
            return
        by_part: dict[int, list[tuple[int, int, str]]] = {}
        for start, end, kind in sorted(self._spans(joined.text)):
            for number, one, two in joined.spans(start, end):
                spans = by_part.setdefault(number, [])
                if not spans or one >= spans[-1][1]:
                    spans.append((one, two, kind))
        for number, spans in by_part.items():
            part = parts[number]
            marks = [(start, end, self._mark(kind, part.text[start:end])) for start, end, kind in spans]
            yield spans[0][2], Edit(pointer=part.pointer, text=replaced(part.text, marks), key=part.key)

    def _spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        for span in find_secrets(text):
            if not is_placeholder(text[span.start : span.end]):
                yield span.start, span.end, span.kind
        for kind, pattern in self._rules.personal.items():
            yield from ((start, end, kind) for start, end in pattern.groups(text) if end > start)
