"""Judge a server's command line by what a shell in it would fetch, decode or evaluate."""

from collections.abc import Iterator

from bartizan.content.command import command_of, shell_line
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight
from bartizan.text.regex import Pattern

_FETCH = r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring)\b"
_INTERPRETER = r"(?:(?:ba|z|da|k|fi|a)?sh|python[\d.]*|node|perl|ruby|php|iex|invoke-expression)\b"
_INTO = rf"\|\s*(?:sudo\s+|env\s+)?(?:[\w./]*/)?{_INTERPRETER}"
_SIGNS: tuple[tuple[str, Severity | None, str], ...] = (
    ("runs what it downloads", None, rf"(?is)({_FETCH}.*{_INTO})"),
    ("runs what it downloads", None, rf"(?is)((?:<\(|\$\(|`)\s*{_FETCH})"),
    ("runs what it downloads", None, rf"(?is)(\b(?:iex|invoke-expression)\b.*{_FETCH})"),
    ("runs what it decodes", None, rf"(?is)(\b(?:base64|xxd|openssl)\b[^|]*\s-(?:d|r|-decode)\b.*{_INTO})"),
    ("runs an encoded command", None, r"(?is)((?:^|\s)-(?:e|ec|enc|encodedcommand)\s+[A-Za-z0-9+/=]{16,})"),
    ("downloads before it starts", Severity.MEDIUM, rf"(?is)({_FETCH}.*https?://)"),
    ("evaluates a text as commands", Severity.MEDIUM, r"(?is)(?:^|[;&|\s])(eval\s+\S)"),
)
_PATTERNS = tuple((what, severity, Pattern(expression)) for what, severity, expression in _SIGNS)
_EVIDENCE_CHARACTERS_MAX = 200


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight with the worst that a shell line does. Without a shell it is none, whatever the arguments say."""
    line = shell_line(command_of(subject))
    for what, severity, pattern in _PATTERNS:
        if spans := pattern.groups(line):
            start, end = spans[0]
            yield Sight(
                message=f"the shell line that starts {subject.name} {what}",
                detail=line,
                place=subject.places[0] if subject.places else None,
                evidence=line[start : min(end, start + _EVIDENCE_CHARACTERS_MAX)].strip(),
                severity=severity,
            )
            return
