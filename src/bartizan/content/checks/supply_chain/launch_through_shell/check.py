"""Judge a server's command line by what a shell in it would fetch, decode or evaluate."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array
from bartizan.rules.check import Sight
from bartizan.text.regex import Pattern

_CHARACTERS_MAX = 16_384
_WORDS_BEFORE_SHELL_MAX = 8
_FETCH = r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring)\b"
_INTERPRETER = r"(?:(?:ba|z|da|k|fi|a)?sh|python[\d.]*|node|perl|ruby|php|iex|invoke-expression)\b"
_INTO = rf"\|\s*(?:sudo\s+|env\s+)?(?:[\w./]*/)?{_INTERPRETER}"
_SHELL = Pattern(r"(?i)(?:^|[\\/])((?:ba|z|da|k|fi|a)?sh|cmd|powershell|pwsh)(?:\.exe)?$")
_SIGNS: tuple[tuple[str, Severity | None, str], ...] = (
    ("runs what it downloads", None, rf"(?i)({_FETCH}[^\n]*{_INTO})"),
    ("runs what it downloads", None, rf"(?i)((?:<\(|\$\(|`)\s*{_FETCH})"),
    ("runs what it downloads", None, rf"(?i)(\b(?:iex|invoke-expression)\b[^\n]*{_FETCH})"),
    ("runs what it decodes", None, rf"(?i)(\b(?:base64|xxd|openssl)\b[^\n|]*\s-(?:d|r|-decode)\b[^\n]*{_INTO})"),
    ("runs an encoded command", None, r"(?i)(\s-(?:e|ec|enc|encodedcommand)\s+[A-Za-z0-9+/=]{16,})"),
    ("downloads before it starts", Severity.MEDIUM, rf"(?i)({_FETCH}[^\n]*https?://)"),
    ("evaluates a text as commands", Severity.MEDIUM, r"(?i)(?:^|[;&|\s])(eval\s+\S)"),
)
_PATTERNS = tuple((what, severity, Pattern(expression)) for what, severity, expression in _SIGNS)


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight with the worst that a shell line does. Without a shell it is none, whatever the arguments say."""
    words = [str(word) for word in as_array(subject.attributes.get("command"))]
    at = next((at for at, word in enumerate(words[:_WORDS_BEFORE_SHELL_MAX]) if _SHELL.groups(word[-300:])), None)
    if at is None:
        return
    line = " ".join(words[at + 1 :])[:_CHARACTERS_MAX]
    for what, severity, pattern in _PATTERNS:
        if spans := pattern.groups(f" {line}"):
            start, end = spans[0]
            yield Sight(
                message=f"the shell line that starts {subject.name} {what}",
                place=subject.places[0] if subject.places else None,
                evidence=f" {line}"[start : min(end, start + 200)].strip(),
                severity=severity,
            )
            return
