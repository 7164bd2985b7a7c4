"""Bartizan beside other scanners, on the same rows in the same run: what each tells, falsely tells, and costs.

Use: BARTIZAN_CORPORA=DIR python bench/accuracy/peers.py. Without the corpora, the style samples alone. Needs the
network: peers are installed, at the versions named in scanners.py, into a folder that is deleted at the end. One that
cannot be installed, or that crashes, is said so. A style sample is told when one of its tools is, originals apart;
findings that name no tool are not counted, nor are Bartizan's on capabilities.
"""

import os
import tempfile
from collections import Counter
from pathlib import Path

from samples import Row, corpus, halves, worst
from scanners import SCANNERS, NotMeasuredError, Scanner, Told

CORPORA = {"tools_benign": "benign, real servers", "tools_poisoned": ""}


def gather() -> tuple[list[Row], list[str]]:
    """Every row, and the groups of the first table. Groups of style samples are named `half: style`."""
    rows: list[Row] = []
    root = os.environ.get("BARTIZAN_CORPORA")
    for folder, label in CORPORA.items() if root else ():
        rows += corpus(Path(root or "", folder, "tools.jsonl.gz"), label)
    groups = list(dict.fromkeys(row.group for row in rows))
    return rows + [row for half in halves().values() for row in half], groups


def show(title: str, lines: dict[str, dict[str, str]]) -> None:
    """A Markdown table: one row per scanner and mode, or per style."""
    columns = list(next(iter(lines.values())))
    print(f"\n| {title} | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name, cells in lines.items():
        print(f"| {name} | {' | '.join(cells[column] for column in columns)} |")


def overall(told: dict[tuple[str, str], int], groups: list[str], result: Told, least: int) -> dict[str, str]:
    cells: dict[str, str] = {}
    for group in [*groups, *(f"styles, {half}" for half in halves())]:
        half = group.removeprefix("styles, ") + "/"
        of = [level for (name, sample), level in told.items() if name == group or sample.startswith(half)]
        cells[group] = f"{sum(level >= least for level in of)} of {len(of)}"
    return {**cells, "CPU s": f"{result.cpu:.1f}", "wall s": f"{result.wall:.1f}", "crashes": str(len(result.crashes))}


def by_style(told: dict[tuple[str, str], int], least: int) -> dict[str, str]:
    counts: Counter[str] = Counter()
    for (style, sample), level in told.items():
        if sample.split("/")[0] in halves():
            counts[f"{style} ({sample.split('/')[0]})"] += level >= least
    return {style: str(count) for style, count in counts.items()}


def main() -> None:
    rows, groups = gather()
    table: dict[str, dict[str, str]] = {}
    styles: dict[str, dict[str, str]] = {}
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for scanner in (make() for make in SCANNERS):
            try:
                result = scanner.scan(rows, Path(folder))
            except NotMeasuredError as error:
                failed.append(f"{scanner.name}: not measured: {error}")
                continue
            failed += [f"{scanner.name}: {reason}, {n} times" for reason, n in Counter(result.crashes).most_common(3)]
            _add(scanner, worst(rows, result.levels), result, groups, table, styles)
    show("scanner, mode", table)
    show(
        "style",
        {style: {mode: cells[style] for mode, cells in styles.items()} for style in next(iter(styles.values()))},
    )
    print("\n" + "\n".join(failed))


def _add(
    scanner: Scanner,
    told: dict[tuple[str, str], int],
    result: Told,
    groups: list[str],
    table: dict[str, dict[str, str]],
    styles: dict[str, dict[str, str]],
) -> None:
    for mode, least in scanner.modes.items():
        table[f"{scanner.name}, {mode}"] = overall(told, groups, result, least)
        styles[f"{scanner.name}, {mode}"] = by_style(told, least)


if __name__ == "__main__":
    main()
