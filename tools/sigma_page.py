"""Write docs/reference/sigma-rules.md from the rules of the corpora: `BARTIZAN_CORPORA=DIR python -m tools.sigma_page`.

Only counts and reasons come from them: nothing of a rule is copied. Without the corpora the page stays as it is.
"""

import os
import sys
from collections import Counter
from pathlib import Path

from bartizan.app.rules import log_sources, rule_files
from bartizan.rules.detection import Detection
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import read

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "sigma-rules.md"
HEAD = """\
# Which of SigmaHQ's rules load

Written by `python -m tools.sigma_page` from the rules of
[SigmaHQ](https://github.com/SigmaHQ/sigma) for clouds, applications, identity, Linux, network and web. They are read
unchanged, and none is part of Bartizan. What the language takes is in [rules](rules.md).

"""
BY_SOURCE = """
## By log source

| product | category | service | rules |
|---|---|---|---|"""


def render(root: Path) -> str:
    """The page for the rules below a folder."""
    files = rule_files([root])
    loaded = read(files, Context(log_sources=log_sources()))
    lines = [f"{HEAD}{len(loaded.rules)} of {len(files)} rules load.\n{BY_SOURCE}"]
    counts = Counter(rule.selector.log or ("", "", "") for rule in loaded.rules if isinstance(rule, Detection))
    for (product, category, service), count in sorted(counts.items()):
        lines.append(f"| {product} | {category} | {service} | {count} |")
    lines.append("\n## Refused\n")
    refused = Counter(what for _, what in loaded.mistakes).most_common()
    lines += (
        ["| rules | why |\n|---|---|", *(f"| {count} | {what} |" for what, count in refused)] if refused else ["None."]
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page where the corpora are."""
    root = os.environ.get("BARTIZAN_CORPORA", "")
    if root:
        PAGE.write_text(render(Path(root, "sigma", "rules")), encoding="utf-8")
    else:
        sys.stderr.write("BARTIZAN_CORPORA is not set: docs/reference/sigma-rules.md stays as it is\n")


if __name__ == "__main__":
    main()
