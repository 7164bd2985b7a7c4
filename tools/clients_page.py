"""Write docs/reference/clients.md from content/clients.yml: `python -m tools.clients_page`."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from bartizan.model.client import ClientSpec, ConfigPath

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "src" / "bartizan" / "content" / "clients.yml"
PAGE = ROOT / "docs" / "reference" / "clients.md"
INTRODUCTION = """# Clients

The files that discovery reads, client by client. `{APP}` is where applications keep their settings (`~/.config`,
`~/Library/Application Support`, `%APPDATA%`), `{PROJECT}` a project folder, `{$NAME}` the folder or
file that a variable names; `{LOCALAPPDATA}`, `{PROGRAMDATA}` and `{PROGRAMFILES}` are those of Windows.
*Confidence* says how well the entry is known, *verified* when it was last held against its sources. To add one, see
[add a client](../how-to/add-a-client.md). This page is written from the catalogue by `make docs`.
"""


UNKNOWN = "unknown"  # the entry for files that look like a client's


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    clients: tuple[ClientSpec, ...]


def read_catalogue() -> tuple[ClientSpec, ...]:
    """The clients in the order of the catalogue."""
    return msgspec.convert(yaml.safe_load(CATALOGUE.read_text(encoding="utf-8")), Catalogue).clients


def render() -> str:
    """The page."""
    clients = sorted(read_catalogue(), key=lambda client: client.name.lower())
    known = [client for client in clients if client.id != UNKNOWN]
    lines = [INTRODUCTION, f"{len(known)} clients, and files that look like those of a client that is not known."]
    for client in clients:
        lines += ["", *_section(client)]
    return "\n".join(lines) + "\n"


def _section(client: ClientSpec) -> Iterator[str]:
    maker = f" ({client.vendor})" if client.vendor else ""
    yield f"## {client.name}{maker}"
    yield ""
    yield f"`{client.id}`. Confidence {client.confidence}, verified {client.verified}: {client.source}."
    yield ""
    yield from _mends(client)
    yield "| path | holds | format | where in it |"
    yield "|---|---|---|---|"
    yield from (_line(path) for path in client.paths)
    yield from (
        f"| `{log.path}`{_systems(log.systems)} | {log.role} | text | searched for secrets |" for log in client.logs
    )


_LISTS = {"inputs": "`${input:ID}` with an input that it asks for", "env_vars": "`env_vars`", "env_keys": "`env_keys`"}


def _mends(client: ClientSpec) -> Iterator[str]:
    """How `bartizan fix` writes into its files, where that is known."""
    told: list[str] = []
    if client.reference:
        form = _LISTS.get(client.reference, f"`{client.reference}`")
        files = f" in files `*{client.reference_files}`" if client.reference_files else ""
        fields = "anywhere" if client.reference_fields == "any" else f"in {', '.join(client.reference_fields.split())}"
        told.append(f"A secret is referred to by {form}{files}, {fields}.")
    if client.turns_off:
        told.append(f"`{client.turns_off}` turns a server off.")
    if told:
        yield from (" ".join(told), "")


def _line(path: ConfigPath) -> str:
    scope = "" if path.scope == "user" else f", {path.scope}"
    keys = ", ".join(f"`{key}`" if key else "the document" for key in path.keys)
    return f"| `{path.path}`{_systems(path.systems)} | {path.role}{scope} | {path.format} | {keys} |"


def _systems(systems: tuple[str, ...]) -> str:
    return "" if len(systems) == 3 else f" ({', '.join(systems)})"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
