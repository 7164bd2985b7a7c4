"""Documents of all corpora by source, for the bench of the learned model: third-party ones and our own samples."""

import gzip
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from ngrams import sentences

from bartizan.assess.leaves import Leaf, leaves

PAGES = Path(__file__).parents[2] / "docs"
TRAINING = Path(__file__).with_name("training")
ATTACKS = {"poisoned", "injection"}
BENIGN = {"benign", "benign_quoting"}
# One judges them among tools, by names; their words say nothing.
_STYLES_OF_NAMES = {"cloned tool", "look-alike names"}
# A handful of rows each: held out together.
_TOGETHER = {
    "cisco-examples": "small poisoned sets",
    "mcpsecbench": "small poisoned sets",
    "mcp-shield-example": "small poisoned sets",
    "safe-mcp-T1001": "small poisoned sets",
    "asb": "attack sets, benign",
    "cisco-remote": "attack sets, benign",
    "mcp-servers-readme": "awslabs-readme",
}


class Document(NamedTuple):
    """One row: who wrote it, what it is, and the words of its sentences."""

    source: str
    label: str
    kind: str  # tool, text
    row: dict[str, Any]
    sentences: tuple[tuple[str, ...], ...]


def _document(source: str, label: str, kind: str, row: dict[str, Any]) -> Document:
    told = [Leaf("", row["text"])] if kind == "text" else leaves(row)[0]
    found = (words for leaf in told for words in sentences(leaf.text))
    return Document(_TOGETHER.get(source, source), label, kind, row, tuple(dict.fromkeys(found)))


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def third_party(root: Path) -> list[Document]:
    found = [_document(row["source"], row["label"], "text", row) for row in _rows(root / "text" / "text.jsonl.gz")]
    for name in ("tools_benign", "tools_poisoned"):
        rows = _rows(root / name / "tools.jsonl.gz")
        found += [_document(row["source"], row["label"], "tool", row) for row in rows]
    return found


def own(folder: Path = TRAINING) -> list[Document]:
    """Our own samples, AUTHOR_KIND.jsonl: no author saw the rules or what the others wrote."""
    found: list[Document] = []
    for path in sorted(folder.glob("*.jsonl")):
        author, _, kind = path.stem.partition("_")
        told = "benign" if kind.startswith("benign") else "injection"
        for row in _rows(path):
            label = row.get("label", told)
            found.append(_document(f"author {author}", label, "text" if "text" in row else "tool", row))
    return found


def pages() -> list[Document]:
    """Our own documentation, which speaks of attacks and to readers, without its examples."""
    found = [page for page in sorted(PAGES.glob("**/*.md")) if "examples" not in page.parts]
    return [_document("own pages", "page", "text", {"text": page.read_text(encoding="utf-8")}) for page in found]


def documents() -> list[Document]:
    """Everything that is labelled as an attack by its words or as benign; third parties' where the folder is named."""
    root = os.environ.get("BARTIZAN_CORPORA")
    every = (third_party(Path(root)) if root else []) + own()
    known = ATTACKS | BENIGN
    return [one for one in every if one.label in known and one.row.get("style") not in _STYLES_OF_NAMES]
