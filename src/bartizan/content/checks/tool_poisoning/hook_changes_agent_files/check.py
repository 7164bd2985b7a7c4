"""Judge code that runs by itself by what it writes into."""

from collections.abc import Iterator

from bartizan.content.hooks import lines_with, told
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight
from bartizan.text import regex

_PATTERN = regex.Pattern(
    r"(?i)((?:>>?|\btee\b(?:\s+-a)?|\b(?:cp|mv|install)\s[^\n;|&]{1,120})\s*[\"']?[^\s\"';|&]{0,120}"
    r"(?:\bCLAUDE(?:\.local)?\.md|\bAGENTS\.md|\bGEMINI\.md|\.cursorrules|\.windsurfrules|copilot-instructions\.md"
    r"|\.claude/settings(?:\.local)?\.json|\bmcp\.json|\.claude\.json|claude_desktop_config\.json|\.codex/config\.toml"
    r"|\.(?:bashrc|zshrc|profile|bash_profile|zshenv)\b|authorized_keys|\.git/hooks/))"
)


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each place."""
    for line in lines_with(_PATTERN, subject, inventory):
        yield Sight(
            message=f"{told(subject)} writes into what agents or shells read",
            detail=line.matched,
            place=line.place,
            evidence=line.matched,
        )
