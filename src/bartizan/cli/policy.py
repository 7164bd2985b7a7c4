"""`bartizan policy`: what is permitted, tried and explained."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from bartizan.cli.session import ConfigOption, emit
from bartizan.model.errors import UsageError

policy = typer.Typer(
    name="policy", help="Who may call what: try a policy on its examples, explain a call, make a key.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip


class Format(StrEnum):
    """Values of --format."""

    TABLE = "table"
    JSON = "json"


FilesArgument = typer.Argument(None, metavar="[FILE]...", help="Files of policy. By default those of bartizan.yml.")
FormatOption = typer.Option(Format.TABLE, "--format", help="How to print it.")


@policy.command("test")
def try_policy(
    files: list[Path] | None = FilesArgument,
    config: Path | None = ConfigOption,
    format: Format = FormatOption,
) -> None:
    """Decide the calls under `examples` of policy files, and compare with what their author expects.

    Exit code 1 when one is decided otherwise, 3 when there is no example: then nothing was tried.
    """
    from datetime import UTC, datetime

    from bartizan.app.policy import rules_for, try_examples

    rules = rules_for(files, config)
    tried = try_examples(rules, datetime.now(UTC))
    failed = [one for one in tried if not one.passed]
    if format is Format.JSON:
        _json(
            [{field: getattr(one, field) for field in one.__struct_fields__} | {"passed": one.passed} for one in tried]
        )
    else:
        for one in tried:
            told = f" ({one.reason})" if one.reason and not one.passed else ""
            emit(f"{'ok  ' if one.passed else 'FAIL'} {one.place}: {one.what}: {one.decided}{told}\n", None)
            if not one.passed:
                remedy = f"; to permit it: {one.exception}" if one.decided == "deny" else ""
                emit(f"     expected: {one.expected}{remedy}\n", None)
    decided = f"{len(tried) - len(failed)} of {len(tried)} examples decided as expected"
    sys.stderr.write(f"{decided}, by policy {rules.version}.\n")
    if failed or not tried:
        raise typer.Exit(1 if failed else 3)


@policy.command()
def explain(
    files: list[Path] | None = FilesArgument,
    server: str = typer.Option(..., "--server", metavar="ID", help="The server's id in the configuration."),
    principal: str = typer.Option(
        ..., "--principal", metavar="ID", help="Who asks, such as https://idp.example|alice."
    ),
    tool: str = typer.Option("", "--tool", metavar="NAME", help="A tool that is called."),
    resource: str = typer.Option("", "--resource", metavar="URI", help="A resource that is read."),
    prompt: str = typer.Option("", "--prompt", metavar="NAME", help="A prompt that is got."),
    group: list[str] = typer.Option([], "--group", metavar="NAME", help="A group of the principal; may be repeated."),
    scope: list[str] = typer.Option([], "--scope", metavar="NAME", help="A scope of its token; may be repeated."),
    issuer: str = typer.Option("", "--issuer", metavar="URL", help="Who issued its token."),
    arguments: str = typer.Option("{}", "--arguments", metavar="JSON", help="The arguments of the call."),
    config: Path | None = ConfigOption,
    format: Format = FormatOption,
) -> None:
    """Say whether a call would be permitted, by which line, or which line would permit it."""
    from datetime import UTC, datetime

    import msgspec

    from bartizan.app.policy import explain as explained
    from bartizan.app.policy import rules_for
    from bartizan.model.policy import Example, ExamplePrincipal

    if sum(map(bool, (tool, resource, prompt))) != 1:
        raise UsageError("what is to be reached?", remedy="name one of --tool, --resource and --prompt")
    try:
        given = msgspec.json.decode(arguments, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(f"--arguments is no JSON object: {error}", remedy='write it as \'{"path": "/srv"}\'') from None
    who = ExamplePrincipal(id=principal, groups=tuple(group), scopes=tuple(scope), issuer=issuer)
    example = Example(
        principal=who, server=server, tool=tool, resource=resource, prompt=prompt, arguments=given, expect="allow"
    )
    told = explained(rules_for(files, config), example, datetime.now(UTC))
    if format is Format.JSON:
        _json(told)
        return
    emit(_told(told), None)


def _told(told: dict[str, Any]) -> str:
    lines = [told["decision"] + (" (dry run: it is noted and goes through)" if told["dry_run"] else "")]
    lines += [f"  {words}: {told[key]}" for key, words in (("reason", "because"), ("would_permit", "to permit it"))
              if told[key]]  # fmt: skip
    lines.append(f"  policy: {told['policy']}")
    lines.append(f"  roles: {', '.join(told['roles']) or 'none'}")
    if "reads_only" in told:
        is_what = "read-only by policy" if told["reads_only"] else "a write: policy does not say that it only reads"
        lines.append(f"  the tool is {is_what}")
    for one in told["lines"]:
        held = "" if one["held"] else ", which the principal lacks"
        lines.append(f"  {one['line']}: for the role {one['role']}{held}")
    return "\n".join(lines) + "\n"


def _json(value: Any) -> None:
    import msgspec

    emit(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n", None)


@policy.command()
def key(name: str = typer.Argument(metavar="NAME", help="What policy calls it: the principal is `key:NAME`.")) -> None:
    """Make an API key. It is printed once, alone, to standard output; the configuration holds only its hash."""
    from bartizan.app.policy import new_key

    made, entry = new_key(name)
    sys.stderr.write(f"In bartizan.yml, under gateway.identity.api_keys:\n  {entry}\n")
    emit(made.reveal() + "\n", None)
