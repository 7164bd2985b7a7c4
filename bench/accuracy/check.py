"""How well `bartizan check` tells poisoned definitions and injected texts from others, on the development corpora.

Use: BARTIZAN_CORPORA=DIR python bench/accuracy/check.py. Exits with 1 where an aim is missed.
"""

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

AIM_ABOVE_CLEAN, AIM_MALICIOUS = 20, 14  # of 23 poisoned definitions
AIM_FALSE_SHARE, AIM_CPU_SECONDS, AIM_MEGABYTES = 0.005, 2.0, 150


def rows(path: Path) -> list[dict]:  # pyright: ignore[reportMissingTypeArgument]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def judge(lines: list[dict], kind: str) -> tuple[list[str], float, float]:  # pyright: ignore[reportMissingTypeArgument]
    """Verdicts, CPU seconds (start-up included) and peak memory in MB."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "bartizan", "check", file.name, "--kind", kind], capture_output=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [json.loads(line)["verdict"] for line in done.stdout.splitlines()], used, after.ru_maxrss / 1024


def show(title: str, counts: Counter[tuple[str, str]]) -> None:
    print(f"\n{title:42} clean  suspicious  malicious")
    for group in sorted({group for group, _ in counts}):
        told = [counts[group, verdict] for verdict in ("clean", "suspicious", "malicious")]
        print(f"  {group:40} {told[0]:5}  {told[1]:10}  {told[2]:9}")


def main() -> int:
    root = os.environ.get("BARTIZAN_CORPORA")
    if not root:
        print("skipped: BARTIZAN_CORPORA names no folder")
        return 0
    benign, attacks, texts = (
        rows(Path(root, *parts))
        for parts in (
            ("tools_benign", "tools.jsonl.gz"),
            ("tools_poisoned", "tools.jsonl.gz"),
            ("text", "text.jsonl.gz"),
        )
    )
    on_benign, cpu, memory = judge(benign, "tool")
    on_attacks, _, _ = judge(attacks, "tool")
    on_texts, _, _ = judge(texts, "text")
    show("benign definitions, by source", Counter(zip((row["source"] for row in benign), on_benign, strict=True)))
    show("attack sets, by label", Counter(zip((row["label"] for row in attacks), on_attacks, strict=True)))
    named = (f"{row['label']}, {row['source']}" for row in texts)
    show("texts, by label and source", Counter(zip(named, on_texts, strict=True)))
    poisoned = [told for row, told in zip(attacks, on_attacks, strict=True) if row["label"] == "poisoned"]
    above, worst = sum(told != "clean" for told in poisoned), poisoned.count("malicious")
    false = sum(told != "clean" for told in on_benign) / len(on_benign)
    print(
        f"\nof {len(poisoned)} poisoned: {above} above clean ({AIM_ABOVE_CLEAN}), {worst} malicious ({AIM_MALICIOUS})"
    )
    print(
        f"benign: {false:.2%} above clean (aim {AIM_FALSE_SHARE:.1%}), {on_benign.count('malicious')} malicious (aim 0)"
    )
    print(f"{len(benign)} definitions: {cpu:.2f} s CPU (aim {AIM_CPU_SECONDS}), {memory:.0f} MB (aim {AIM_MEGABYTES})")
    met = above >= AIM_ABOVE_CLEAN and worst >= AIM_MALICIOUS and false <= AIM_FALSE_SHARE
    return 0 if met and "malicious" not in on_benign else 1


if __name__ == "__main__":
    sys.exit(main())
