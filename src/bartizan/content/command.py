"""Command lines as checks read them: words that anybody may have written into a configuration."""

import re

from bartizan.model.asset import Asset
from bartizan.model.json import as_array

_SHELL = re.compile(r"(?:ba|z|da|k|fi|a)?sh|cmd|powershell|pwsh")


def command_of(server: Asset) -> list[str]:
    """Program and arguments of a server, secrets as marks; empty for one that is only reached."""
    return [str(word) for word in as_array(server.attributes.get("command"))]


def program_of(word: str) -> str:
    r"""The bare lower-case name of a program: `C:\x\npx.cmd` and `/usr/bin/npx` are both `npx`."""
    name = word.lower().replace("\\", "/").rpartition("/")[2]
    return name.removesuffix(".exe").removesuffix(".cmd")


def shell_line(command: list[str]) -> str:
    """What the first shell of a command is given, as one text; empty where there is no shell."""
    at = next((at for at, word in enumerate(command) if _SHELL.fullmatch(program_of(word))), None)
    return "" if at is None else " ".join(command[at + 1 :])
