"""`bartizan rules`: rules on events, read, tried on their samples, listed."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from bartizan.cli.session import emit

rules = typer.Typer(
    name="rules", help="Rules on events, in Sigma: read them, try them on their samples, list them.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip


class Format(StrEnum):
    """Values of --format."""

    TABLE = "table"
    JSON = "json"


PathsArgument = typer.Argument(None, metavar="[PATH]...", help="Files and folders. By default the rules that ship.")
_SHOWN_MAX = 1_000
FormatOption = typer.Option(Format.TABLE, "--format", help="How to print it.")
PlaceholdersOption = typer.Option(
    None, "--placeholders", metavar="FILE", help="Values of placeholders (`expand`): a YAML map of names to lists."
)


@rules.command()
def lint(
    paths: list[Path] | None = PathsArgument,
    placeholders: Path | None = PlaceholdersOption,
    format: Format = FormatOption,
) -> None:
    """Read rules and tell every mistake of every file with its line, and what is seldom meant.

    Exit code 2 where there is a mistake; warnings alone leave it at 0.
    """
    from bartizan.app.rules import examine
    from bartizan.text.normalise import show

    found = examine(paths or [], placeholders)
    told = [("error", *one) for one in found.mistakes] + [("warning", *one) for one in found.warnings]
    if format is Format.JSON:
        _json([{"path": place.path, "line": place.line, "kind": kind, "message": what} for kind, place, what in told])
    else:
        for kind, place, what in told:
            emit(show(f"{place}: {kind}: {what}", most=_SHOWN_MAX) + "\n", None)
    sys.stderr.write(
        f"{len(found.rules)} rules in {found.files} files can be honoured; "
        f"{len(found.mistakes)} mistakes, {len(found.warnings)} warnings.\n"
    )
    if found.mistakes:
        raise typer.Exit(2)


@rules.command("test")
def try_rules(
    paths: list[Path] | None = PathsArgument,
    placeholders: Path | None = PlaceholdersOption,
    format: Format = FormatOption,
) -> None:
    """Try rules on their samples: beside rule.yml a folder samples with match.jsonl and miss.jsonl.

    Exit code 1 when a sample is judged otherwise, 3 when a rule has no samples: it was not tried.
    """
    from bartizan.app.rule_samples import try_samples
    from bartizan.text.normalise import show

    tried = try_samples(paths or [], placeholders)
    if format is Format.JSON:
        _json([one.told() for one in tried.samples])
    else:
        for one in tried.samples:
            verdict = "ok  " if one.passed else "FAIL"
            emit(show(f"{verdict} {one.place}: {one.rule}: {one.says()}", most=_SHOWN_MAX) + "\n", None)
        for name in tried.untried:
            emit(show(f"none {name}: no samples", most=_SHOWN_MAX) + "\n", None)
    failed = sum(not one.passed for one in tried.samples)
    sys.stderr.write(
        f"{len(tried.samples) - failed} of {len(tried.samples)} samples judged as expected; "
        f"{len(tried.untried)} rules without samples.\n"
    )
    if failed or tried.untried or not tried.samples:
        raise typer.Exit(1 if failed else 3)


@rules.command("list")
def list_rules(
    paths: list[Path] | None = PathsArgument,
    placeholders: Path | None = PlaceholdersOption,
    format: Format = FormatOption,
) -> None:
    """List rules by name, with what becomes of their findings and what they are asked about."""
    from bartizan.app.rules import load_rules, row_of
    from bartizan.text.normalise import show

    rows = [row_of(rule) for rule in load_rules(paths or [], placeholders)]
    if format is Format.JSON:
        _json(rows)
        return
    for row in rows:
        about = f"{row['type']} on {row['source']}"
        line = f"{row['name']:<50} {row['level']:<13} {row['stage']:<8} {about}: {row['title']}"
        emit(show(line, most=_SHOWN_MAX) + "\n", None)


def _json(value: Any) -> None:
    import msgspec

    emit(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n", None)
