"""Write docs/reference/mission.md from tests/mission/manifest.yml: `python -m tools.mission_page`."""

from pathlib import Path

import msgspec
import yaml

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "tests" / "mission" / "manifest.yml"
PAGE = ROOT / "docs" / "reference" / "mission.md"

GROUPS = {
    "D": ("Signals", "What is seen while and after it happens."),
    "M": ("Mitigations", "What is done against each risk, strongest first."),
    "R": ("Response", "What happens after an incident."),
    "K": ("Risks", "Each is found by assessment, stopped by prevention and seen by detection."),
    "C": ("Controls", "What holds at every boundary."),
    "P": ("Platform", "What the product as a whole does."),
    "X": ("Expected", "What anybody who picks such software expects."),
}


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sentence of the mission, the tests that prove it, and what is missing."""

    what: str
    tests: tuple[str, ...] = ()
    gap: str = ""

    @property
    def state(self) -> str:
        """`proved`, `in part` or `open`."""
        if not self.tests:
            return "open"
        return "in part" if self.gap else "proved"


class _Loader(yaml.SafeLoader):
    """YAML in which a key may stand only once."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[object, object]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"line {node.start_mark.line + 1}: {twice} stand twice")
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_manifest(text: str) -> dict[str, Row]:
    """Rows by id, in their order. Raises ValueError for anything that is not a manifest."""
    return msgspec.convert(read_rows(text), dict[str, Row])


def read_rows(text: str) -> object:
    """A manifest as YAML has it. Raises ValueError for a key that stands twice."""
    return yaml.load(text, Loader=_Loader)


def render(rows: dict[str, Row]) -> str:
    """The page."""
    states = [row.state for row in rows.values()]
    lines = [
        "# The mission, and how far it is proved",
        "",
        "Every row is a sentence of what Bartizan is for. *Proved* means that tests drive the product on real or",
        "documented input and hold it to the sentence; *in part* means that they prove some; *open* means that it",
        "is not built or not proved. Rows are never dropped. This page is written from `tests/mission/manifest.yml`",
        "by `make docs`.",
        "",
        f"{len(rows)} rows: {states.count('proved')} proved, {states.count('in part')} in part, "
        f"{states.count('open')} open.",
    ]
    for letter, (title, about) in GROUPS.items():
        lines += ["", f"## {title}", "", about, "", "| row | state | what | tests | missing |", "|---|---|---|---|---|"]
        lines += [_line(name, row) for name, row in rows.items() if name.startswith(letter)]
    return "\n".join(lines) + "\n"


def _line(name: str, row: Row) -> str:
    tests = "<br>".join(f"`{test}`" for test in row.tests)
    return f"| {name} | {row.state} | {cell(row.what)} | {tests} | {cell(row.gap)} |"


def cell(text: str) -> str:
    """A text for a cell of a table."""
    return text.replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(read_manifest(MANIFEST.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
