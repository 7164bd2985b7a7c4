"""What a client's settings let run without asking its user."""

from typing import Any

from bartizan.model.json import as_array, as_object, as_text

# The last step of a setting's place, with the value by which every tool runs unasked.
_VALUES: dict[str, Any] = {
    "chat.tools.autoApprove": True,
    "chat.tools.global.autoApprove": True,
    "always_allow_tool_actions": True,
    "amp.dangerouslyAllowAll": True,
    "defaultMode": "bypassPermissions",
    "defaultApprovalMode": "yolo",
    "approval_policy": "never",
    "GOOSE_MODE": "auto",
    "permission": "allow",
}
_EVERYTHING = frozenset({"*", "mcp__*", "Mcp(*)", "Mcp(*:*)"})


def everything_unasked(approval: object) -> bool:
    """Whether one of a document's `approvals` lets every tool run unasked."""
    fields = as_object(approval)
    setting, value = as_text(fields.get("setting")), fields.get("value")
    name = setting.rpartition("/")[2]
    if name in _VALUES:
        return type(value) is type(_VALUES[name]) and value == _VALUES[name]
    return bool(_EVERYTHING & set(unasked_patterns(approval)))


def unasked_patterns(approval: object) -> list[str]:
    """The names of tools that a list of `approvals` lets run unasked, in the client's own form."""
    fields = as_object(approval)
    if not as_text(fields.get("setting")).endswith(("permissions/allow", "permissions/allowed_tools")):
        return []
    return [one for one in as_array(fields.get("value")) if isinstance(one, str)]
