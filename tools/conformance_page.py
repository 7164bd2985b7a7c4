"""Write docs/reference/conformance.md from tests/conformance/manifest.yml: `python -m tools.conformance_page`."""

import msgspec
from tools.mission_page import ROOT, Row, cell, read_rows

MANIFEST = ROOT / "tests" / "conformance" / "manifest.yml"
PAGE = ROOT / "docs" / "reference" / "conformance.md"

GROUPS = {
    "A": "Versioning",
    "B": "Transport",
    "C": "Sessions, state, isolation",
    "D": "Multi round-trip requests",
    "E": "Client features",
    "F": "Tools",
    "G": "Caching",
    "H": "Headers and bodies",
    "I": "Authorization",
    "J": "Security best practices",
}


class Requirement(Row, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the checklist; `section` is where the specification says it."""

    section: str


def read_manifest(text: str) -> dict[str, Requirement]:
    """Rows by id, in their order. Raises ValueError for anything that is not a manifest."""
    return msgspec.convert(read_rows(text), dict[str, Requirement])


INTRODUCTION = """\
# The protocol, and how far the gateway keeps to it

What the Model Context Protocol asks of one who stands between clients and servers: as a server towards clients, as a
client towards servers, and of its own accord, because two readers may understand one message differently.

The official conformance suite (`@modelcontextprotocol/conformance` 0.2.0-alpha.12) runs through the gateway in the slow
tests. With a policy that allows everything:

| leg | revision | required scenarios | direct | through the gateway |
|---|---|---|---|---|
| server | 2026-07-28 | 37 | 37 | 37 |
| server | 2025-11-25 | 30 | 30 | 30 |
| client | 2026-07-28 | 7 of 32 that are not of authorization | 7 | 7 |
| client | 2025-11-25 | 4 that are not of authorization | 4 | 4 |

No check that passes direct is worse through the gateway, whether its scenario is scored or not. The server of these
runs takes any `Host`; with the gateway in front it passes `dns-rebinding-protection`, which it fails alone. There is no
list of expected failures.

The client scenarios of authorization cannot be run through a gateway that keeps to the specification: in each the
suite's server is the protected resource and the authorization server at once, and judges how a client reads that
resource's metadata. With the gateway in front the gateway is the resource, with metadata of its own, and takes no token
that is for another. That the official client is authorized at the gateway, with PKCE and step-up, by an independent
authorization server, is a test of its own (`tests/conformance/test_resource_server.py`).

Definitions of real servers (148 tools of three servers, each written in four ways) pass byte for byte, as JSON and as
an event stream; where policy hides some, all others do.

Passing the suite shows that the gateway alters nothing, not that it protects from anything: a relay that passes every
byte would do as well. What it protects from is in the rows below and in [the mission](mission.md).

## Hostile input

Against the real process, with a server behind it that keeps what reached it (`tests/conformance/test_hostile_*.py`):

- 56 forms of contradicting or broken HTTP, whole and in pieces: lengths, chunk codings, folded lines, bare line feeds,
  chunk extensions, trailers, targets. Each is refused and recorded; nothing of them reaches the server.
- 21 kinds of bodies that two readers could read differently: each gets its error and an Event.
- 400 clients that send by drops end in time, and others are answered meanwhile; of 10,000 connections 4,096 are taken
  and the rest refused; a flood of noise is a few Events and a number; 80 bodies of 8 MB that never end hold 256 MB at
  most; a client that goes leaves nothing of its request behind; streams that nobody reads hold their servers back.
- Of 13 ways to show who one is, good or not, and of tokens in paths, queries and session ids, no byte is left in what
  a server gets, the journal, the state or the log (`test_canary.py`).
- What is accepted is read alike by our reader, Python's and `JSON.parse` of Node.js (`test_differential.py`, by
  hypothesis; 30,000 bodies without a difference in one long run, 4,400 in every run). Of numbers, Node.js has doubles
  alone: an integer beyond 2**53 is exact here and rounded there, and `-0` is 0 here.
- Guided by coverage (atheris, 20 seconds each in the slow tests, where it can be installed: CPython on Linux), what
  reads messages, requests and event streams neither fails nor differs from its oracle.
"""


def render(rows: dict[str, Requirement]) -> str:
    """The page."""
    states = [row.state for row in rows.values()]
    lines = [
        INTRODUCTION,
        "## The checklist",
        "",
        "*Proved* means that tests hold the gateway to the row; *in part* that they hold it to some of it; *open* that",
        "it is not built, or none of the gateway's. Rows are never dropped. This page is written from",
        "`tests/conformance/manifest.yml` by `make docs`.",
        "",
        f"{len(rows)} rows: {states.count('proved')} proved, {states.count('in part')} in part, "
        f"{states.count('open')} open.",
    ]
    for letter, title in GROUPS.items():
        lines += [
            "",
            f"### {letter}. {title}",
            "",
            "| row | state | what | section | tests | missing |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_line(name, row) for name, row in rows.items() if name.startswith(letter)]
    return "\n".join(lines) + "\n"


def _line(name: str, row: Requirement) -> str:
    tests = "<br>".join(f"`{test}`" for test in row.tests)
    return f"| {name} | {row.state} | {cell(row.what)} | {cell(row.section)} | {tests} | {cell(row.gap)} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(read_manifest(MANIFEST.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
