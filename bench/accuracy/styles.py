"""How many attacks of each style `bartizan check` tells, on the samples in bench/accuracy/styles.

Use: python bench/accuracy/styles.py [HALF...]. `first` and `blind` are told apart: what the rules were tuned on says
nothing of what they do on attacks nobody has seen. Needs no network and no corpora.
"""

import sys
from collections import Counter

from check import judge
from samples import Row, halves, worst

LEVELS = {"clean": 0, "error": 0, "suspicious": 1, "malicious": 2}


def table(name: str, rows: list[Row]) -> None:
    verdicts, _, _ = judge([row.line for row in rows], "tool")
    levels = [LEVELS[verdict] for verdict in verdicts]
    told = worst(rows, levels)
    total = Counter(group for group, _ in told)
    above = Counter(group for (group, _), level in told.items() if level > 0)
    malicious = Counter(group for (group, _), level in told.items() if level > 1)
    print(f"\n{name:34} samples  above clean  malicious")
    for group in total:
        print(f"  {group:32} {total[group]:7}  {above[group]:11}  {malicious[group]:9}")
    print(f"  {'all':32} {total.total():7}  {above.total():11}  {malicious.total():9}")
    spared = [level for row, level in zip(rows, levels, strict=True) if not row.counts]
    print(f"  originals of copies above clean: {sum(level > 0 for level in spared)} of {len(spared)}")
    print(f"  lines that were not read: {verdicts.count('error')}")


def main(wanted: list[str]) -> int:
    read = halves()
    if missing := [name for name in wanted if name not in read]:
        print(f"no such half: {', '.join(missing)}; there are {', '.join(read)}", file=sys.stderr)
        return 2
    for name, rows in read.items():
        if not wanted or name in wanted:
            table(name, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
