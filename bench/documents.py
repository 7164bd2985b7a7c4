"""How fast what agents read is judged: `python bench/documents.py [COUNT]`.

COUNT (default 500) instruction files of 8 KB, all different, and one of 64 KB: CPU, and peak memory.
"""

import resource
import sys
import time
from datetime import UTC, datetime

from bartizan.app.bootstrap import load_judge
from bartizan.assess.documents import judge_documents
from bartizan.model.asset import Asset, AssetKind
from bartizan.model.document import DocumentText
from bartizan.model.inventory import Inventory
from bartizan.model.origin import Origin

_LINES = (
    "## Step {n}: build and test the part {n}",
    "",
    "- Always run `make test-{n}` before you commit, and read what it says about file {n}.",
    "- Never edit generated files in `dist/{n}`; the script `tools/make_{n}.py` writes them anew.",
    "",
    "The service {n} talks to the database through its own client. If a test fails twice, tell the user.",
    "",
)


def text(number: int, characters: int) -> str:
    rounds = characters // len("\n".join(_LINES)) + 1
    return "\n".join(line.format(n=number * 1000 + one) for one in range(rounds) for line in _LINES)[:characters]


def inventory(texts: list[str]) -> Inventory:
    names = [f"document:{number:06}" for number in range(len(texts))]
    return Inventory(
        taken_at=datetime(2026, 11, 20, tzinfo=UTC),
        assets=tuple(Asset(id=name, kind=AssetKind.DOCUMENT, name=name) for name in names),
        documents=tuple(
            DocumentText(asset=name, origin=Origin.INSTRUCTION_FILE, text=one)
            for name, one in zip(names, texts, strict=True)
        ),
    )


def seconds(subject: Inventory) -> float:
    began = time.process_time()
    assert judge_documents(subject, JUDGE) == []
    return time.process_time() - began


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    JUDGE = load_judge()
    seconds(inventory([text(10**6, 8_000)]))  # the first one pays for the tables of the patterns
    many = seconds(inventory([text(number, 8_000) for number in range(count)]))
    one = seconds(inventory([text(10**6 + 1, 64 * 1024)]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{count} documents of 8 KB: {many:.2f} s CPU, {count / many:.0f} a second")
    print(f"one of 64 KB: {one * 1000:.1f} ms CPU; peak {peak} MB")
