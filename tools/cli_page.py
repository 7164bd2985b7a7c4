"""Write docs/reference/command-line.md from the program's own help: `python -m tools.cli_page`."""

import inspect
import re
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer
from typer.main import get_command

from bartizan.cli.main import app

TYPE_NAMES = {int: "NUMBER", float: "NUMBER", Path: "PATH", datetime: "DATE"}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "command-line.md"
INTRODUCTION = """# Command line

One program, `bartizan`. Data goes to standard output, everything else to standard error; progress is shown on a
terminal only. [Exit codes](exit-codes.md) are the same for every command. This page is written from the program's own
help by `make docs`.
"""


def render(program: typer.Typer = app) -> str:
    """The page."""
    return INTRODUCTION + "\n".join(_sections(get_command(program), "bartizan")).rstrip() + "\n"


def _sections(command: Any, path: str) -> Iterator[str]:
    yield f"\n## `{path}`\n"
    yield _prose(command.help or "")
    yield from _parameters([parameter for parameter in command.params if not getattr(parameter, "hidden", False)])
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        if not inner.hidden:
            yield from _sections(inner, f"{path} {name}")


def _parameters(parameters: list[Any]) -> Iterator[str]:
    """A table of arguments and options."""
    if parameters:
        yield "| argument or option | default | what it does |\n|---|---|---|"
        yield from (f"| {_names(each)} | {_default(each)} | {_cell(each.help or '')} |" for each in parameters)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = (parameter.metavar or parameter.name or "").strip("[].").upper()
        return f"`{name}{'...' if parameter.nargs == -1 else ''}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {_value(parameter)}"


def _value(parameter: Any) -> str:
    """What an option takes: its metavar, its choices, or its type's name."""
    if parameter.metavar:
        return f"`{parameter.metavar.strip('[]')}`"
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) is list:
        (annotation,) = get_args(annotation)
    if get_origin(annotation) is Literal:
        return " \\| ".join(f"`{choice}`" for choice in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " \\| ".join(f"`{choice.value}`" for choice in annotation)
    return f"`{TYPE_NAMES.get(annotation, 'TEXT')}`"


def _default(parameter: Any) -> str:
    value = parameter.default
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return _cell(shown)
    if value in (None, "", (), []) or callable(value) or isinstance(value, bool):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def _cell(text: str) -> str:
    return " ".join(_prose(text).split()).replace("|", "\\|")


def _prose(text: str) -> str:
    """Help without the console's colour marks."""
    plain = re.sub(r"\[/?(?:bold|dim|italic|red|green|yellow|cyan)[^\]]*\]", "", inspect.cleandoc(text))
    return plain.replace("\b\n", "").strip() + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
