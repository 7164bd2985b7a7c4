"""From runner to server: `npm exec` starts `sh` starts `node`, and only the last of them is the server."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath

import msgspec

from bartizan.discover.channels import ProcessTable
from bartizan.discover.packages import PackageRef, package_of, program_of
from bartizan.model.limits import DEFAULT
from bartizan.model.record import ProcessRecord

SHELLS = frozenset("sh bash zsh dash ash fish ksh busybox pwsh powershell cmd".split())
_RUNNERS = SHELLS | frozenset(
    (
        "npx npm npx-cli npm-cli npm-prefix pnpm pnpx yarn bun bunx corepack uv uvx pipx poetry pdm hatch pipenv rye "
        "conda mamba micromamba pixi mise rtx asdf volta fnm nvm sudo doas su timeout nice ionice nohup setsid env "
        "dotenv dotenv-cli dotenvx direnv doppler infisical op aws-vault chamber xvfb-run stdbuf tini dumb-init "
        "bartizan time strace unshare bwrap firejail cross-env"
    ).split()
)
_INTERPRETER = re.compile(r"(?:python|pypy|node|nodejs|bun|deno|ruby|tsx|ts-node)[\d.]*")
_BIN_FOLDERS = {"bin", ".bin", "sbin", "scripts"}


class Chain(msgspec.Struct, frozen=True):
    """Processes that share one channel, the first started first. The last is the server."""

    processes: tuple[ProcessRecord, ...]

    @property
    def first(self) -> ProcessRecord:
        """What the client started: its command is the one that was configured."""
        return self.processes[0]

    @property
    def server(self) -> ProcessRecord:
        """What speaks MCP."""
        return self.processes[-1]


def words_of(record: ProcessRecord) -> list[str]:
    """Program and arguments. They may hold secrets.

    A program that gives itself a title leaves one word with spaces; npm does so, without its own options.
    """
    words = [word.reveal() for word in record.command]
    if len(words) != 1 or " " not in words[0] or words[0] == record.executable:
        return words
    title = re.match(r"([\w.\-/]{1,100}): ", words[0])
    return [title[1]] if title else words[0].split()  # `postgres: checkpointer`: what follows is not its name


def program_names(record: ProcessRecord) -> set[str]:
    """What the process is called: by its first word, its file, and the script that it runs."""
    words = words_of(record)
    names = {program_of(re.split(r"[: ]", words[0], maxsplit=1)[0]) if words else "", program_of(record.executable)}
    if any(_INTERPRETER.fullmatch(name) for name in names):
        script = record.script or next((word for word in words[1:2] if not word.startswith("-")), "")
        names.add(re.sub(r"\.[cm]?[jt]s$|\.py$", "", program_of(script)))
        names.update(word for flag, word in pairwise(words[1:6]) if flag == "-m")
    return names - {""}


def chain_of(top: ProcessRecord, table: ProcessTable) -> Chain:
    """Follow runners down to the server."""
    processes = [top]
    while len(processes) < DEFAULT.process_ancestors_max and program_names(processes[-1]) & _RUNNERS:
        last = processes[-1]
        below = next((child for child in table.children(last) if _passed_on(last, child, table)), None)
        if below is None:
            break
        processes.append(below)
    return Chain(tuple(processes))


def _passed_on(runner: ProcessRecord, child: ProcessRecord, table: ProcessTable) -> bool:
    """Whether the child has the runner's channel, or, under our own gateway entry, one to it."""
    if table.share(runner, child):
        return True
    channel = table.channels.get(child.pid)
    return is_gateway(runner) and channel is not None and channel.holder.pid == runner.pid


def is_gateway(record: ProcessRecord) -> bool:
    """Whether it is our own gateway, or the entry to it that a wrapped client starts."""
    return "bartizan" in program_names(record) and bool({"connect", "gateway", "up"} & set(words_of(record)[1:6]))


def packages_of(chain: Chain, first: Sequence[str], last: Sequence[str]) -> list[PackageRef]:
    """What the chain runs, the surest reading first. `first` and `last` are its shown commands.

    The runner names the package and its version; the server itself has the exact arguments and the path.
    """
    outer, inner = package_of(first), package_of(_resolved(chain.server, last))
    if outer.url or len(chain.processes) == 1:
        return [inner if not outer.url else outer]
    path = chain.server.script or inner.path or chain.server.executable
    if outer.ecosystem in {"local", "unknown"}:
        return [msgspec.structs.replace(outer, gateway=outer.gateway), inner]
    return [msgspec.structs.replace(outer, arguments=inner.arguments, path=path), inner]


def _resolved(record: ProcessRecord, words: Sequence[str]) -> Sequence[str]:
    """The command with the script's real path where that tells the package: behind `.bin/` stands a link."""
    known = "/node_modules/" in record.script or "-packages/" in record.script
    if not known:
        return words
    name = PurePosixPath(record.script).name
    for number, word in enumerate(words[1:6], start=1):
        if not word.startswith("-") and ("/.bin/" in word or PurePosixPath(word).name == name):
            return [*words[:number], record.script, *words[number + 1 :]]
    return words


def is_server_name(record: ProcessRecord) -> bool:
    """Whether package, module, program or script is called after MCP. Other arguments do not count."""
    words = words_of(record)
    found = package_of(_resolved(record, words))
    if found.ecosystem in {"npm", "pypi", "oci"}:
        return _after_mcp(found.name)
    names = {found.name, *program_names(record)}
    for path in (found.path, record.script):
        parts = PurePosixPath(path).parts
        if len(parts) > 1 and parts[-2].lower() not in _BIN_FOLDERS:
            names.update(parts[-3:])
    return any(_after_mcp(name) for name in names)


def _after_mcp(name: str) -> bool:
    lower = name.lower()
    if "modelcontextprotocol" in lower:
        return True
    return any(
        word == "mcp" or (len(word) <= 16 and (word.startswith("mcp") or word.endswith("mcp")))
        for word in re.split(r"[^a-z0-9]+", lower)
    )
