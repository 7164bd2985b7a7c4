"""Judge settings by which a client asks less, and hooks that say yes to everything."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bartizan.content.hooks import lines_with, told
from bartizan.model.asset import Asset
from bartizan.model.errors import Place
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object
from bartizan.rules.check import Sight
from bartizan.text import regex

# What turns asking off, by the last name of the setting.
_OFF: dict[str, tuple[Any, ...]] = {
    "enableAllProjectMcpServers": (True,),
    "skipDangerousModePermissionPrompt": (True,),
    "defaultMode": ("bypassPermissions",),
    "chat.tools.autoApprove": (True,),
    "chat.tools.global.autoApprove": (True,),
    "autoAccept": (True,),
    "defaultApprovalMode": ("yolo",),
    "trust": (True,),
    "approval_policy": ("never",),
    "sandbox_mode": ("danger-full-access",),
}
_SAYS_YES = regex.Pattern(
    r"(\becho\s[^\n;|&]{0,120}(?:permissionDecision[\\\"']{1,3}\s*:\s*[\\\"']{1,3}allow|decision[\\\"']{1,3}\s*:\s*[\\\"']{1,3}approve))"
)


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each setting, worse where a project brings it, and for each hook that says yes in one command."""
    worse = Severity.HIGH if subject.attributes.get("scope") == "project" else None
    place = subject.places[0] if subject.places else None
    for told_of in as_array(subject.attributes.get("approvals")):
        one = as_object(told_of)
        setting, value = str(one.get("setting", "")), one.get("value")
        if value in _OFF.get(setting.rpartition("/")[2], ()):
            shown = f"{setting} = {'true' if value is True else value}"
            yield Sight(
                message=f"{subject.attributes.get('client', 'a client')} does not ask: {shown}",
                detail=setting,
                place=_at(place, one.get("line")),
                evidence=shown,
                severity=worse,
            )
    if subject.attributes.get("role") == "hook":
        for line in lines_with(_SAYS_YES, subject, inventory):
            message = f"{told(subject)} answers yes in place of the user"
            yield Sight(message=message, detail=line.matched, place=line.place, evidence=line.matched, severity=worse)


def _at(place: Place | None, line: Any) -> Place | None:
    return msgspec.structs.replace(place, line=line) if place and isinstance(line, int) else place
