"""Write docs/reference/checks.md from the headers of the checks: `python -m tools.checks_page`."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from bartizan.app.content import load_checks
from bartizan.rules.check import Check

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "checks.md"
WIDTH = 120
INTRODUCTION = """# Checks

What `bartizan scan` judges, from the header of each rule. *Level* is how bad a finding is and *confidence* how sure;
both are those of the usual case, and a check may set them for a case that is better or worse. *Judges* is the kind of
asset that a finding is about. A check reads the inventory and nothing else, so a saved one is judged to the same
findings. To add one, see [add a check](../how-to/add-a-check.md). This page is written from the rules by `make docs`.

Tags name the class of a finding in other people's lists: `owasp-mcp` is the OWASP MCP Top 10 (version 0.1, 2026-04-14),
`safe-mcp` the techniques of SAFE-MCP, `atlas` those of MITRE ATLAS, `cwe` the Common Weakness Enumeration.
"""


def category(check: Check) -> str:
    """The folder of the mission that a check stands in."""
    return check.function.__module__.split(".")[-3]


def wrapped(text: str, indent: str = "") -> list[str]:
    """A paragraph of a header as lines of the page."""
    return textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))


def overview(checks: list[Check]) -> Iterator[str]:
    """All of them on one screen."""
    yield "| check | what it finds | level |"
    yield "|---|---|---|"
    for check in checks:
        rule = check.rule
        yield f"| [`{rule.name}`](#{rule.name}) | {rule.title} | {rule.level} |"


def section(check: Check) -> Iterator[str]:
    """One check."""
    rule = check.rule
    judged = rule.check.judges or "the whole inventory"
    yield from (
        "",
        f"### {rule.name}",
        "",
        f"**{rule.title}.** Level {rule.level}, confidence {rule.check.confidence}.",
    )
    yield from (f"Judges: {judged}. Status: {rule.status}.", "")
    yield from wrapped(rule.description)
    yield ""
    yield from wrapped(f"To mend it: {rule.check.remedy}", "- ")
    for known in rule.falsepositives:
        yield from wrapped(f"Known false positive: {known}", "- ")
    yield from wrapped("Tags: " + ", ".join(f"`{tag}`" for tag in rule.tags), "- ")
    yield from wrapped("See: " + ", ".join(f"<{reference}>" for reference in rule.references), "- ")


def render() -> str:
    """The page."""
    checks = sorted(load_checks(), key=lambda check: (category(check), check.rule.name))
    lines = [INTRODUCTION, *overview(checks)]
    for name, members in groupby(checks, key=category):
        lines += ["", f"## {name.replace('_', ' ').capitalize()}"]
        for check in members:
            lines += section(check)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
