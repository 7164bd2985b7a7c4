"""Judge code that runs by itself by the keys of the user that it reads."""

from collections.abc import Iterator

from bartizan.content.hooks import lines_with, told
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight
from bartizan.text import regex

_HOME = r"(?:~|\$HOME|\$\{HOME\}|%USERPROFILE%|/root|/home/[\w.\-]{1,40}|/Users/[\w.\-]{1,40})"
_KEPT = (
    r"\.(?:ssh/(?:id_|[^\s/]*key|\*)|aws/(?:credentials|\*)|gnupg|kube/config|netrc"
    r"|npmrc|pypirc|git-credentials|docker/config)"
)
_PATTERN = regex.Pattern(
    r"(?i)("
    rf"\b(?:cat|less|head|tail|cp|tar|zip|base64|xxd|strings|grep|source|type|get-content)\s[^\n;|&]{{0,120}}{_HOME}[/\\]{_KEPT}"
    rf"|\bopen\(\s*(?:os\.path\.expanduser\(\s*)?[\"']{_HOME}/{_KEPT}"
    r"|\bsecurity\s+(?:find-generic-password|find-internet-password|dump-keychain)"
    r"|\bsecret-tool\s+(?:lookup|search)|\bgh\s+auth\s+token|\bgcloud\s+auth\s+print-access-token"
    r")"
)


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each place."""
    for line in lines_with(_PATTERN, subject, inventory):
        yield Sight(
            message=f"{told(subject)} reads a place of secrets",
            detail=line.matched,
            place=line.place,
            evidence=line.matched,
        )
