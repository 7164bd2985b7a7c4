"""Write docs/reference/checks.md from the headers of the checks: `python -m tools.checks_page`."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from bartizan.app.content import load_content
from bartizan.rules.load import Rule

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


LEXICON = "tool_poisoning"  # where the rules of patterns and layers stand


def rules() -> list[tuple[str, Rule]]:
    """Every rule with its folder of the mission, in the order of the page."""
    checks, lexicon = load_content()
    found = [(check.function.__module__.split(".")[-3], check.rule) for check in checks]
    return sorted([*found, *((LEXICON, rule) for rule in lexicon)], key=lambda pair: (pair[0], pair[1].name))


def wrapped(text: str, indent: str = "") -> list[str]:
    """A paragraph of a header as lines of the page."""
    return textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))


def overview(found: list[tuple[str, Rule]]) -> Iterator[str]:
    """All of them on one screen."""
    yield "| check | what it finds | level |"
    yield "|---|---|---|"
    for _, rule in found:
        yield f"| [`{rule.name}`](#{rule.name}) | {rule.title} | {rule.level} |"


def section(rule: Rule) -> Iterator[str]:
    """One rule."""
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
    found = rules()
    lines = [INTRODUCTION, *overview(found)]
    for name, members in groupby(found, key=lambda pair: pair[0]):
        lines += ["", f"## {name.replace('_', ' ').capitalize()}"]
        for _, rule in members:
            lines += section(rule)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
