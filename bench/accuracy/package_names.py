"""Look-alike names: how many slips of well-known package names are seen, and how many other names are taken for one.

    BARTIZAN_CORPORA=... python bench/accuracy/package_names.py

Slips are made of every well-known name of ten letters or more without its scope, and of every scope. Other names are
those of the servers in the corpora, as they stand there; most of them are names of source repositories with the owner
as the scope, so forks of well-known servers are among them.
"""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

from bartizan.content.intel.known_servers import KNOWN, KnownServer
from bartizan.content.intel.lookalike import likeness
from bartizan.model.asset import Confidence

_SHAPES = {"m": "rn", "o": "0", "l": "1", "w": "vv", "d": "cl"}


def slips(word: str) -> Iterator[tuple[str, str]]:
    """Kinds of slip and what a word becomes by them."""
    for at in range(len(word)):
        yield "letter left out", word[:at] + word[at + 1 :]
        yield "letter doubled", word[: at + 1] + word[at:]
        yield "letter changed", word[:at] + ("x" if word[at] != "x" else "y") + word[at + 1 :]
        if word[at] in _SHAPES:
            yield "look-alike character", word[:at] + _SHAPES[word[at]] + word[at + 1 :]
        if word[at : at + 2] != word[at : at + 2][::-1]:
            yield "neighbours swapped", word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    if "-" in word:
        yield "separators", word.replace("-", "")


def imitations(known: KnownServer) -> Iterator[tuple[str, str]]:
    """Names that a hand would slip to, or an impostor would register; nobody else writes to a publisher's scope."""
    if not known.publisher:
        if len(known.name) >= 10:
            yield from (pair for pair in slips(known.name) if pair[1] and pair[1][0].isalnum())
        return
    for kind, scope in slips(known.publisher[1:]):
        yield f"scope: {kind}", f"@{scope}/{known.base}"
    yield "scope: word added", f"{known.publisher}-tools/{known.base}"


def recall() -> None:
    """Seen of all, by kind."""
    tried: dict[str, int] = {}
    seen: dict[str, int] = {}
    for known in KNOWN:
        for kind, name in imitations(known):
            tried[kind] = tried.get(kind, 0) + 1
            seen[kind] = seen.get(kind, 0) + (likeness(known.ecosystem, name) is not None)
    tried["all"], seen["all"] = sum(tried.values()), sum(seen.values())
    for kind, number in tried.items():
        print(f"{kind:32} {seen[kind]:5} of {number:5}  {100 * seen[kind] / number:5.1f} %")


def others(corpora: Path) -> None:
    """Names of servers in the corpora that are taken for a well-known one."""
    names: set[str] = set()
    with gzip.open(corpora / "tools_benign" / "tools.jsonl.gz", "rt", encoding="utf-8") as rows:
        names.update(str(json.loads(row)["server"]).lower() for row in rows)
    found = {name: like for name in sorted(names) if (like := likeness("npm", name))}
    sure = [name for name, like in found.items() if like.confidence is Confidence.HIGH]
    print(f"\n{len(found)} of {len(names)} other names taken for a well-known one, {len(sure)} of them surely")
    for name, like in found.items():
        print(f"  {name}: {like.why} ({like.confidence})")


def main() -> None:
    """Print both."""
    wrong = [known.name for known in KNOWN if likeness(known.ecosystem, known.name)]
    print(f"{len(KNOWN)} well-known names, {len(wrong)} taken for another")
    recall()
    if root := os.environ.get("BARTIZAN_CORPORA"):
        others(Path(root))


if __name__ == "__main__":
    main()
