"""Write docs/reference/limits.md from model/limits.py: `python -m tools.limits_page`."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from bartizan.model import limits

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "limits.md"
FIELD = re.compile(r"    (\w+): \w+ = [^#]+(?:# (.*))?")
HEADING = re.compile(r"    # (\S.*)")


def groups(source: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Headings with their limits: name, and the remark on its line."""
    heading, fields = "", list[tuple[str, str]]()
    for line in source.splitlines():
        if match := FIELD.fullmatch(line):
            fields.append((match[1], (match[2] or "").strip()))
        elif match := HEADING.fullmatch(line):
            if fields:
                yield heading, fields
            heading, fields = match[1], []
    if fields:
        yield heading, fields


def shown(name: str, value: float) -> str:
    """A value with its unit: `8 MiB`, `20 s`, `5,000`."""
    if "_bytes_" in name:
        for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
            if value >= 1024**power and value % 1024**power == 0:
                return f"{value // 1024**power:,} {unit}"
        return f"{value:,} bytes"
    unit = " s" if "_seconds_" in name and "per_second" not in name else ""
    return f"{value:,g}{unit}" if isinstance(value, float) else f"{value:,}{unit}"


def render() -> str:
    """The page."""
    lines = [
        "# Limits",
        "",
        "Everything that Bartizan reads belongs to somebody who may be hostile, so everything has a bound, and all of",
        "them are in one place: `bartizan.model.limits.Limits`. Hitting one is never silent: what was cut, skipped or",
        "given up is in the coverage of the result, and the exit code is 3. This page is written from the code by",
        "`make docs`.",
    ]
    for heading, fields in groups(inspect.getsource(limits.Limits)):
        lines += ["", f"## {heading}", "", "| limit | default | remark |", "|---|---|---|"]
        lines += [f"| `{name}` | {shown(name, getattr(limits.DEFAULT, name))} | {why} |" for name, why in fields]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
