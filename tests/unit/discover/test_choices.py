"""What a client's entry says of single tools, whatever its vendor calls it."""

from typing import Any

import pytest

from bartizan.discover.choices import tool_choices
from bartizan.model.secret import Secret

KEY = Secret("key of a test")


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ({"includeTools": ["a"], "excludeTools": ["b"]}, {"tools_allowed": ["a"], "tools_denied": ["b"]}),
        ({"enabled_tools": ["a"], "disabled_tools": ["b"]}, {"tools_allowed": ["a"], "tools_denied": ["b"]}),
        ({"autoApprove": ["a", 7, None]}, {"tools_approved": ["a"]}),
        ({"alwaysAllow": ["a"], "disabledTools": []}, {"tools_approved": ["a"]}),
        ({"trust": True}, {"tools_approved": ["*"]}),
        ({"autoApprove": True}, {"tools_approved": ["*"]}),
        ({"trust": "true"}, {}),
        ({"tools": {"a": {"enabled": False}}}, {}),
        ({}, {}),
    ],
)
def test_lists_of_tools_are_read_and_what_is_none_is_left(rest: dict[str, Any], told: dict[str, list[str]]):
    assert tool_choices(rest, KEY) == told


def test_a_secret_among_the_names_is_marked():
    secret = "ghp_" + "A1b2" * 9
    (name,) = tool_choices({"alwaysAllow": [secret]}, KEY)["tools_approved"]
    assert secret not in name
