"""The samples per style, and the evaluation corpora, as rows that every scanner is given alike.

A style sample is one attack: one tool, or several rows with the same `sample`, which are tools of one client. A row
with `"part": "original"` is the harmless tool that another row copies; it is judged, and does not count.
"""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

STYLES = Path(__file__).parent / "styles"
OWN = ("style", "sample", "part", "label", "source", "id", "attack_type", "attack_surface", "license")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One tool definition, with what it is for: `group` is the line of the table that it belongs to."""

    definition: dict[str, Any]
    client: str
    group: str
    sample: str  # unique: what is told or missed as a whole
    counts: bool = True

    @property
    def line(self) -> dict[str, Any]:
        """The line for `bartizan check --kind tool`."""
        return {**self.definition, "client": self.client}

    @property
    def server(self) -> str:
        return str(self.definition.get("server", ""))


def halves() -> dict[str, list[Row]]:
    """The files of samples by name. Each was written without a view of the rules; later ones by other authors."""
    return {path.stem: _half(path) for path in sorted(STYLES.glob("*.jsonl"), key=lambda path: path.stem != "first")}


def _half(path: Path) -> list[Row]:
    rows: list[Row] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines()):
        fields = json.loads(text)
        sample = f"{path.stem}/{fields.get('sample', number)}"
        rows.append(_row(fields, client=sample, group=fields["style"], sample=sample))
    return rows


def corpus(path: Path, label: str = "") -> list[Row]:
    """The rows of one gzipped corpus. A server of one source is a client of its own."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        read = [json.loads(line) for line in file]
    return [
        _row(
            one,
            client=f"{one['source']}/{one['server']}",
            group=label or one["label"],
            sample=f"{path.parent.name}/{n}",
        )
        for n, one in enumerate(read)
    ]


def _row(fields: dict[str, Any], *, client: str, group: str, sample: str) -> Row:
    return Row(
        definition={key: value for key, value in fields.items() if key not in OWN},
        client=client,
        group=group,
        sample=sample,
        counts=fields.get("part") != "original",
    )


def worst(rows: Iterable[Row], levels: Iterable[int]) -> dict[tuple[str, str], int]:
    """By group and sample, the highest level that a row of it was given."""
    found: dict[tuple[str, str], int] = {}
    for row, level in zip(rows, levels, strict=True):
        if row.counts:
            key = (row.group, row.sample)
            found[key] = max(found.get(key, 0), level)
    return found
