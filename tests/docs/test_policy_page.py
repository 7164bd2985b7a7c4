"""The page on policy lists the keys that there are, and its example does what it says."""

import re
from datetime import UTC, datetime

from bartizan.app.policy import parse_policy, try_examples
from bartizan.model.limits import DEFAULT
from bartizan.model.policy import (
    Bound,
    Confirmation,
    ContentLine,
    Example,
    ExamplePrincipal,
    Grant,
    Member,
    Policy,
    Redaction,
    ServerPolicy,
)
from bartizan.prevent.conditions import VARIABLES, Condition
from bartizan.prevent.policy import Rules
from fixtures.examples import ROOT

PAGE = (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")


def keys(title: str) -> set[str]:
    """What stands in the first column of the table below a title."""
    table = PAGE.partition(f"{title}\n")[2].partition("|---|---|\n")[2].partition("\n\n")[0]
    return {key for row in table.splitlines() for key in re.findall(r"`([\w.()]+)", row.split("|")[1])}


def names(kind: type) -> set[str]:
    return set(kind.__struct_fields__)


def test_every_key_is_on_the_page_and_no_other():
    top = {f"servers.ID.{name}" for name in names(ServerPolicy)} | {"roles.NAME"} | names(Policy) - {"servers", "roles"}
    assert keys("## Keys") == top
    assert keys("### An entry of a role") == names(Member)
    assert keys("### A line under `allow`") == names(Grant)
    assert keys("### A limit") == names(Bound)
    assert keys("### A line under `content`") == names(ContentLine)
    assert keys("### `redact`") == names(Redaction)
    assert keys("### A line under `confirm`") == names(Confirmation)
    assert keys("### An example") == names(Example)
    row = next(line for line in PAGE.splitlines() if line.startswith("| `principal` | `id`"))
    assert set(re.findall(r"`(\w+)`", row)) - {"principal"} == names(ExamplePrincipal)


def test_the_examples_of_the_page_are_decided_as_it_says():
    file = parse_policy(PAGE.partition("```yaml\n")[2].partition("```")[0], "policy.yml")
    tried = try_examples(Rules([file]), datetime.now(UTC))
    assert [one.expected for one in tried] == ["allow", "deny", "allow", "deny"]
    assert [one.reason for one in tried if not one.passed] == []


def test_the_variables_functions_and_defaults_are_those_of_the_page():
    assert all(f"`{name}`" in PAGE for name in VARIABLES)
    for call in ('inside(args.a, "/")', 'host(args.a) == ""', "sql_verbs(args.a) == []"):
        assert Condition(call)
        assert f"`{call.partition('(')[0]}(" in PAGE
    assert (DEFAULT.same_calls_max, DEFAULT.same_calls_seconds) == (100, 60)
    assert "100 times in a minute" in PAGE
