"""The state of rules on events as plain data: what a snapshot holds."""

import hashlib
from typing import Any

import msgspec

from bartizan.rules.correlate.grouping import Key
from bartizan.rules.detection import Rule


class GroupState(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The matches of one group of a correlation."""

    key: Key
    times: list[int]
    uids: list[str]
    payloads: list[Any]
    judged: int
    changed: int
    arrivals: int
    assumed: list[tuple[str, int, Any]]


class RuleState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of one rule. `kept` is what a family has beside windows."""

    until: int
    swept: int = 0
    groups: list[GroupState] = []
    last: list[tuple[Key, int]] = []
    said: list[tuple[int, str, Key, Key]] = []
    kept: Any = None


def rule_digest(rule: Rule) -> str:
    """What a rule says, as a digest: the state of a rule that says something else now is of no use to it."""
    return hashlib.sha256(msgspec.json.encode(rule, order="deterministic")).hexdigest()[:32]
