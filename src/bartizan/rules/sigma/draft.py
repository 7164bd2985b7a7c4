"""A document on its way to a rule, and what rules may refer to."""

from collections.abc import Mapping

import msgspec

from bartizan.model.conversion import conversion
from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.detection import Condition, Field
from bartizan.rules.documents import Document, Mistakes
from bartizan.rules.fields import LogSources, Source
from bartizan.rules.sigma.keys import RuleKeys


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What rules rest on. `tables` and `runbooks` None: nothing is known of them, and their names are not checked.

    `placeholders` are the values of `expand`.
    """

    log_sources: LogSources
    placeholders: Mapping[str, tuple[str, ...]] = {}
    tables: frozenset[str] | None = None
    runbooks: frozenset[str] | None = None
    limits: Limits = DEFAULT


class Draft(msgspec.Struct, kw_only=True):
    """One document: its keys, and what was found out about it so far."""

    document: Document
    keys: RuleKeys
    name: str = ""
    source: Source | None = None
    condition: Condition | None = None
    filters: "list[Draft]" = []
    wrong: Mistakes = []

    @property
    def body(self) -> str:
        """Which of the bodies it has."""
        return body_of(self.keys)

    def mistake(self, what: str, *names: str | int) -> None:
        """Note one where these keys lead."""
        self.wrong.append((self.document.place(*names), what))

    def field(self, name: str) -> Field:
        """The field that a detection names so; of a correlation, a name that it groups by."""
        if self.keys.taxonomy == "ocsf":
            return Field(name=name, paths=(tuple(name.split(".")),))
        return self.source.field(name) if self.source else Field(name=name)


BODIES = ("detection", "correlation", "filter", "absence")


def body_of(keys: RuleKeys) -> str:
    """The body that the document has; empty where it has none or several."""
    found = [
        body
        for body, there in zip(BODIES, (keys.detection, keys.correlation, keys.filter, keys.own.absence), strict=True)
        if there is not None
    ]
    return found[0] if len(found) == 1 else ""


def drafted(document: Document, context: Context) -> tuple[Draft | None, Mistakes]:
    """The draft of a document, or the mistakes in its shape."""
    copied: object = msgspec.to_builtins(document.value)  # because what is wrong is taken out
    if not isinstance(copied, dict):
        return None, [(document.place(), "not a rule: a map is expected")]
    keys, found = conversion(copied, RuleKeys)
    mistakes = document.located(found)
    if keys is None:
        return None, mistakes
    draft = Draft(document=document, keys=keys)
    if not draft.body:
        draft.mistake(f"a rule has one of these: {', '.join(BODIES[:3])}, bartizan.absence")
    if draft.body in {"detection", "filter"}:
        log = keys.logsource.log if keys.logsource else None
        if log is None or not any(log.parts):
            draft.mistake("no log source: say product, category or service", "logsource")
        else:
            draft.source = context.log_sources.source(log)
    elif keys.logsource is not None:
        draft.mistake("a log source belongs to rules with a detection", "logsource")
    return draft, draft.wrong
