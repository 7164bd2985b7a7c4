"""Which tools of a server a client allows, denies, or runs without asking: vendors call these lists differently."""

from collections.abc import Mapping
from typing import Any

from bartizan.model.errors import Place
from bartizan.model.json import as_array
from bartizan.model.limits import DEFAULT
from bartizan.model.secret import Secret
from bartizan.text.redaction import redact_text

_LISTS = {
    "tools_allowed": "enabled_tools enabledTools includeTools include_tools available_tools availableTools "
    "allowedTools allowed_tools tools",
    "tools_denied": "disabled_tools disabledTools excludeTools exclude_tools disallowedTools",
    "tools_approved": "alwaysAllow always_allow autoApprove auto_approve autoApproved autoApproveTools",
}
_TRUSTED = ("trust", "autoApprove", "auto_approve", "autoApproveAll", "alwaysAllow")  # true: every tool of the server


def tool_choices(rest: Mapping[str, Any], key: Secret) -> dict[str, list[str]]:
    """Lists of names of tools, by the attribute of the edge that says them; an empty list says nothing."""
    found = {attribute: _named(rest, names.split(), key) for attribute, names in _LISTS.items()}
    if any(rest.get(name) is True for name in _TRUSTED):
        found["tools_approved"] = ["*"]
    return {attribute: names for attribute, names in found.items() if names}


def _named(rest: Mapping[str, Any], names: list[str], key: Secret) -> list[str]:
    values = [value for name in names for value in as_array(rest.get(name))]
    texts = [value for value in values if isinstance(value, str)][: DEFAULT.config_words_max]
    return [redact_text(text[: DEFAULT.shown_name_characters_max], Place(), key).text for text in texts]
