"""Command lines to packages: what a server's command really starts, from where, and whether its version is fixed."""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bartizan.discover.package_ref import (
    PackageRef,
    elsewhere,
    npm_package,
    oci_image,
    other_package,
    pypi_name,
    pypi_package,
)
from bartizan.discover.unwrap import SHELLS, program_of, script_command, unwrapped

__all__ = ["PackageRef", "package_of", "program_of", "pypi_name"]

# Options that take a value in the next word; every other word that begins with a dash stands alone.
_NPX_VALUES = frozenset(
    (
        "-p --package -c --call --registry --cache --userconfig -w --workspace --prefix --dir -C --cwd --filter "
        "--node-options --loglevel --script-shell"
    ).split()
)
_UVX_VALUES = frozenset(
    (
        "--from --with -w --with-editable --with-requirements --python -p --index --default-index --index-url -i "
        "--extra-index-url --find-links -f --constraint -c --constraints --override --overrides --exclude-newer "
        "--directory --project --cache-dir --env-file --config-file --refresh-package --index-strategy "
        "--keyring-provider --color --link-mode --group --extra --package --only-group --no-group --prerelease "
        "--resolution --upgrade-package -P --reinstall-package --no-binary-package --no-build-package "
        "--config-setting -C --allow-insecure-host --python-platform"
    ).split()
)
_DOCKER_VALUES = frozenset(
    (
        "-e --env --env-file -v --volume --mount --name --network --net -p --publish -w --workdir -u --user "
        "--entrypoint --platform --memory -m --cpus --label -l --label-file --add-host --dns --dns-search --hostname "
        "-h --pull --restart --runtime --security-opt --tmpfs --ulimit --cap-add --cap-drop --device --gpus --ipc "
        "--log-driver --log-opt --pid --shm-size --stop-signal --stop-timeout --userns --uts --volumes-from --cidfile "
        "--group-add --expose --link --ip --ip6 -a --attach --annotation --cgroupns --cgroup-parent --cpu-shares -c "
        "--cpuset-cpus --health-cmd --isolation --mac-address --memory-swap --memory-reservation --network-alias "
        "--oom-score-adj --pids-limit --storage-opt --sysctl --volume-driver --secret --authfile --pod --domainname"
    ).split()
)
_PYTHON_VALUES = {"-W", "-X", "--check-hash-based-pycs"}
_NODE_VALUES = {
    *("-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists".split()),
    *("--inspect-port --title --tsconfig --config -c --import-map --lock --cert -P --project".split()),
}
_Options = list[tuple[str, str]]


def package_of(command: Sequence[str]) -> PackageRef:
    """What `command` (program and arguments) starts. An unknown program is `unknown` or `local`, never an error."""
    words, gateway = unwrapped(command), ""
    for _ in range(_STARTERS_MAX):
        found = _connected(words) or _read(words)
        if isinstance(found, PackageRef):
            return msgspec.structs.replace(found, gateway=found.gateway or gateway)
        gateway = gateway or found.gateway
        words = unwrapped(found.command)
    return msgspec.structs.replace(_program(words), gateway=gateway)


_STARTERS_MAX = 4


class _Starter(msgspec.Struct, frozen=True):
    """A program that only starts another command."""

    command: list[str]
    gateway: str = ""


def _read(words: list[str]) -> PackageRef | _Starter:
    if not words:
        return PackageRef(ecosystem="unknown", name="")
    program = program_of(words[0])
    reader = _READERS.get(program) or (_python if re.fullmatch(r"(?:python|pypy)[\d.]*w?|py", program) else None)
    found = reader(words[1:], program) if reader else None
    if isinstance(found, list):
        return _Starter(found)
    return _bridged(found) if found is not None else _program(words)


def _connected(words: Sequence[str]) -> PackageRef | _Starter | None:
    """`bartizan connect ID -- COMMAND...`: the server behind the gateway."""
    if len(words) < 2 or program_of(words[0]) != "bartizan" or words[1] != "connect":
        return None
    _, rest = _options(words[2:], {"--config", "--gateway"})
    server = rest[0] if rest else ""
    inner = rest[2:] if rest[1:2] == ["--"] else rest[1:]
    if not inner:
        return PackageRef(ecosystem="unknown", name=server, gateway=server or "?")
    return _Starter(inner, server or "?")


def _options(words: Sequence[str], values: frozenset[str] | set[str]) -> tuple[_Options, list[str]]:
    """Leading options and the words after them."""
    seen: _Options = []
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return seen, list(words[at + 1 :])
        if not word.startswith("-") or word == "-":
            break
        name, equals, value = word.partition("=")
        if not equals and _takes_value(word, values) and at + 1 < len(words):
            at += 1
            value = words[at]
        seen.append((name, value))
        at += 1
    return seen, list(words[at:])


def _takes_value(word: str, values: frozenset[str] | set[str]) -> bool:
    """Short options may stand together, `-ie NAME`; the last of them takes the value."""
    return word in values or (re.fullmatch(r"-[ditq]{1,4}[a-z]", word) is not None and f"-{word[-1]}" in values)


def _values(seen: _Options, *names: str) -> list[str]:
    return [value for name, value in seen if name in names and value]


def _npm(words: list[str], program: str) -> PackageRef | list[str] | None:
    seen, rest = _options(words, _NPX_VALUES)
    if program in {"npm", "pnpm", "yarn", "bun"}:
        verb, rest = (rest[0], rest[1:]) if rest else ("", [])
        folder = next(iter(_values(seen, "--prefix", "--dir", "-C", "--cwd")), "")
        if verb in {"run", "run-script", "start"} or (program == "bun" and verb not in {"x", ""}):
            return _npm_script(program, verb, rest, folder)
        if verb not in {"exec", "x", "dlx"}:
            return None
        more, rest = _options(rest, _NPX_VALUES)
        seen += more
    if calls := _values(seen, "--call", "-c"):
        rest = [*script_command(calls[0]), *rest]
    packages = _values(seen, "--package", "-p")
    if packages:
        spec = next((one for one in packages if rest and rest[0] in one), packages[0])
        found = npm_package(spec, tuple(rest[1:]), program)
        return msgspec.structs.replace(found, program=rest[0] if rest else "")
    if not rest:
        return None
    return _run_by_npm(npm_package(rest[0], tuple(rest[1:]), program))


def _run_by_npm(found: PackageRef) -> PackageRef | list[str]:
    """Packages that only start another command: that command is the server."""
    inner = {"dotenv-cli": "dotenv-cli", "cross-env": "cross-env", "@dotenvx/dotenvx": "dotenvx"}.get(found.name)
    if inner:
        return [inner, *found.arguments]
    if found.name in {"tsx", "ts-node"} and found.ecosystem == "npm":
        return [found.name, *found.arguments]
    return found


def _npm_script(program: str, verb: str, rest: list[str], folder: str) -> PackageRef | None:
    """A script of the package in a folder, or with bun a file."""
    if verb in {"run", "run-script"}:
        more, rest = _options(rest, _NPX_VALUES)
        folder = folder or next(iter(_values(more, "--prefix", "--dir", "-C", "--cwd")), "")
        verb, rest = (rest[0], rest[1:]) if rest else ("", [])
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if program == "bun" and re.search(r"[./\\]", verb):
        return _script_file(verb, rest, program)
    name = f"{program} run {verb}"
    return PackageRef(ecosystem="local", name=name, runner=program, arguments=tuple(rest), path=folder)


def _uv(words: list[str], program: str) -> PackageRef | list[str] | None:
    seen, rest = _options(words, _UVX_VALUES)
    if program == "uv":
        if rest[:2] in (["tool", "run"], ["tool", "uvx"]):  # `uvx` becomes the latter
            return _uv(rest[2:], "uvx")
        return _uv_run(rest[1:], seen) if rest[:1] == ["run"] else None
    if not rest and not _values(seen, "--from"):
        return None
    spec = (_values(seen, "--from") or rest)[-1 if _values(seen, "--from") else 0]
    found = msgspec.structs.replace(
        pypi_package(spec, tuple(rest[1:]), program),
        program=rest[0] if _values(seen, "--from") and rest else "",
        constraints=tuple(one for added in _values(seen, "--with") for one in added.split(",")),
    )
    return _served(found, rest)


def _uv_run(words: list[str], seen: _Options) -> PackageRef | list[str] | None:
    more, rest = _options(words, _UVX_VALUES)
    folder = next(iter(_values([*seen, *more], "--directory", "--project")), "")
    if not rest:
        return None
    if {"-m", "--module"} & {name for name, _ in more}:
        rest = ["python", "-m", *rest]
    if script := _mcp_run(rest):
        rest = script
    added = [
        pypi_package(one, tuple(rest[1:]), "uv") for one in ",".join(_values(more, "--with", "-w")).split(",") if one
    ]
    if named := next((one for one in added if one.name == pypi_name(rest[0])), None):
        return named
    if re.search(r"\.pyw?$|[/\\]", rest[0]):
        return _script_file(rest[0], rest[1:], "uv", folder)
    if folder and program_of(rest[0]) != "python":
        return PackageRef(ecosystem="local", name=rest[0], runner="uv", arguments=tuple(rest[1:]), path=folder)
    return rest


def _mcp_run(words: list[str]) -> list[str] | None:
    """`mcp run server.py:app` of the SDKs starts the script."""
    if len(words) > 2 and program_of(words[0]) in {"mcp", "fastmcp"} and words[1] in {"run", "dev"}:
        _, rest = _options(words[2:], {"-t", "--transport", "--host", "--port", "-p"})
        if rest and (script := re.match(r"(?:[A-Za-z]:\\)?[^:]*", rest[0][:4096])):
            return ["python", script[0], *rest[1:]]
    return None


def _served(found: PackageRef, rest: list[str]) -> PackageRef | list[str]:
    script = _mcp_run(rest) if found.name in {"mcp", "fastmcp"} else None
    return script or found


def _pipx(words: list[str], program: str) -> PackageRef | None:
    if words[:1] != ["run"]:
        return None
    seen, rest = _options(words[1:], {"--spec", "--python", "--pip-args", "--index-url", "-i", "--with"})
    if not rest:
        return None
    return pypi_package((_values(seen, "--spec") or rest)[0], tuple(rest[1:]), program)


def _docker(words: list[str], program: str) -> PackageRef | None:
    _, words = _options(words, {"--context", "-c", "--host", "-H", "--config", "--log-level", "-l"})
    if words[:1] == ["container"]:
        words = words[1:]
    if words[:1] not in (["run"], ["exec"]):
        return None
    seen, rest = _options(words[1:], _DOCKER_VALUES)
    if not rest:
        return None
    if words[0] == "exec":
        return PackageRef(ecosystem="unknown", name=f"container {rest[0]}", runner=program, arguments=tuple(rest[1:]))
    entry = tuple(f"--entrypoint={one}" for one in _values(seen, "--entrypoint"))
    return oci_image(rest[0], (*entry, *rest[1:]), program)


# Modules of a project's own folder: no package of this name is meant.
_OWN_MODULES = {"src", "server", "main", "app", "tests", "test", "lib", "run", "bin"}


def _python(words: list[str], program: str) -> PackageRef | list[str] | None:
    at = 0
    while at < len(words):
        word = words[at]
        if module := re.fullmatch(r"-[bBdEiIOPqsSuv]*m(.*)", word, re.DOTALL):
            rest = words[at + 1 :] if module[1] else words[at + 2 :]
            return _module(module[1] or "".join(words[at + 1 : at + 2]), rest, program)
        if re.fullmatch(r"-[bBdEiIOPqsSuv]*c.*", word, re.DOTALL):
            return PackageRef(ecosystem="unknown", name="-c", runner=program, arguments=tuple(words[at:]))
        if not word.startswith("-") or word == "-":
            return _script_file(word, words[at + 1 :], program)
        at += 2 if word in _PYTHON_VALUES else 1
    return None


def _module(module: str, rest: list[str], program: str) -> PackageRef | list[str] | None:
    first = module.partition(".")[0]
    if first in {"uv", "pipx"}:
        return [first, *rest]
    if script := _mcp_run([first, *rest]):
        return script
    runner, arguments = f"{program} -m", tuple(rest)
    if first in _OWN_MODULES:
        return PackageRef(ecosystem="local", name=module, runner=runner, arguments=arguments)
    return PackageRef(ecosystem="pypi", name=pypi_name(first), runner=runner, arguments=arguments, program=module)


def _node(words: list[str], program: str) -> PackageRef | None:
    seen, rest = _options(words, _NODE_VALUES)
    if {"-e", "--eval", "-p", "--print"} & {name for name, _ in seen}:
        return PackageRef(ecosystem="unknown", name="-e", runner=program, arguments=tuple(words))
    if program == "deno":
        if rest[:1] not in (["run"], ["x"], ["serve"]):
            return None
        _, rest = _options(rest[1:], _NODE_VALUES)
        if rest and rest[0].startswith("npm:"):
            return npm_package(rest[0][4:].lstrip("/"), tuple(rest[1:]), program)
        if rest and re.match(r"jsr:|https?:", rest[0]):
            return elsewhere(rest[0], tuple(rest[1:]), program)
    if program == "tsx" and rest[:1] == ["watch"]:
        rest = rest[1:]
    return _script_file(rest[0], rest[1:], program) if rest else None


def _shell(words: list[str], program: str) -> PackageRef | None:
    """A shell that runs a script; with a command line it was taken off already."""
    _, rest = _options(words, {"-o", "-O", "--rcfile", "--init-file"})
    return _script_file(rest[0], rest[1:], program) if rest and "-s" not in words[:4] else None


def _java(words: list[str], program: str) -> PackageRef | None:
    seen, rest = _options(words, {"-cp", "-classpath", "--class-path", "-jar", "-p", "--module-path", "-m", "--module"})
    if program == "jbang":
        return other_package("maven", rest[0], tuple(rest[1:]), program) if rest else None
    if jars := _values(seen, "-jar"):
        return _script_file(jars[-1], rest, program)
    return PackageRef(ecosystem="unknown", name=rest[0], runner=program, arguments=tuple(rest[1:])) if rest else None


def _dotnet(words: list[str], program: str) -> PackageRef | None:
    if program == "dnx":
        _, rest = _options(words, {"--version", "--add-source", "--configfile", "--source"})
        return other_package("nuget", rest[0], tuple(_after_dashes(rest[1:])), program) if rest else None
    if words[:2] == ["tool", "run"] or words[:2] == ["tool", "exec"]:
        _, rest = _options(words[2:], {"--version"})
        return other_package("nuget", rest[0], tuple(_after_dashes(rest[1:])), program) if rest else None
    if words[:1] == ["run"]:
        seen, rest = _options(words[1:], {"--project", "-p", "-c", "--configuration", "-f", "--framework", "-v"})
        path = next(iter(_values(seen, "--project", "-p")), "")
        return PackageRef(
            ecosystem="local", name=program_of(path) or "dotnet run", runner=program, arguments=tuple(rest), path=path
        )
    _, rest = _options(words, {"--roll-forward", "--fx-version"})
    rest = rest[1:] if rest[:1] == ["exec"] else rest
    return _script_file(rest[0], rest[1:], program) if rest and rest[0].lower().endswith(".dll") else None


def _after_dashes(words: list[str]) -> list[str]:
    return words[words.index("--") + 1 :] if "--" in words else words


def _go(words: list[str], program: str) -> PackageRef | None:
    if words[:1] != ["run"]:
        return None
    _, rest = _options(words[1:], {"-tags", "-ldflags", "-gcflags", "-mod", "-modfile", "-C", "-exec"})
    return other_package("golang", rest[0], tuple(rest[1:]), program) if rest else None


def _cargo(words: list[str], program: str) -> PackageRef | None:
    if words[:1] not in (["run"], ["r"]):
        return None
    seen, rest = _options(
        words[1:], {"--manifest-path", "-p", "--package", "--bin", "--example", "-F", "--features", "--profile"}
    )
    path = next(iter(_values(seen, "--manifest-path")), "")
    name = next(iter(_values(seen, "--bin", "-p", "--package")), "cargo run")
    return PackageRef(ecosystem="local", name=name, runner=program, arguments=tuple(rest), path=path)


_FOLDERS = re.compile(r"[/\\]")


def _script_file(script: str, rest: Sequence[str], runner: str, folder: str = "") -> PackageRef:
    """A script: of an installed package where its path says so, otherwise local."""
    path = f"{folder.rstrip('/')}/{script}" if folder and not re.match(r"[/\\]|[A-Za-z]:", script) else script
    name = program_of(script)
    if (found := installed_in(path)) is not None:
        return msgspec.structs.replace(found, runner=runner, arguments=tuple(rest), path=path)
    return PackageRef(ecosystem="local", name=name, runner=runner, arguments=tuple(rest), path=path)


def installed_in(path: str) -> PackageRef | None:
    """The package whose folder holds a file: in `node_modules`, `site-packages`, or a tool's own environment."""
    parts = _FOLDERS.split(path) if len(path) <= _PATH_CHARACTERS_MAX else []
    for at in range(len(parts) - 2, -1, -1):
        folder, name = parts[at], parts[at + 1]
        if folder == "node_modules" and name and not name.startswith("."):
            scoped = name.startswith("@") and at + 2 < len(parts)
            return PackageRef(ecosystem="npm", name=f"{name}/{parts[at + 2]}" if scoped else name, path=path)
        if folder in {"site-packages", "dist-packages"} and name:
            return PackageRef(ecosystem="pypi", name=pypi_name(re.sub(r"\.py$", "", name)), path=path)
        if at and (parts[at - 1], folder) in {("uv", "tools"), ("pipx", "venvs")} and at + 2 < len(parts):
            return PackageRef(ecosystem="pypi", name=pypi_name(name), path=path)
    return None


_PATH_CHARACTERS_MAX = 4096


def _program(words: Sequence[str]) -> PackageRef:
    """An installed program: `mcp-server-git` names its package, `/opt/x/server` is local."""
    path, rest = "".join(words[:1]), tuple(words[1:])
    if "/" in path or "\\" in path:
        return _script_file(path, rest, "")
    return _bridged(PackageRef(ecosystem="unknown", name=program_of(path), arguments=rest))


# Programs that carry stdio to a server elsewhere: the server is the one behind the URL.
_BRIDGES = {"mcp-remote", "mcp-proxy", "supergateway", "mcp-remote-client", "fastmcp-remote", "mcp-http-bridge"}


def _bridged(found: PackageRef) -> PackageRef:
    if found.name.rsplit("/", 1)[-1] not in _BRIDGES:
        return found
    url = next((word for word in found.arguments if re.match(r"https?://", word)), "")
    return msgspec.structs.replace(found, url=url)


_Reader = Callable[[list[str], str], PackageRef | list[str] | None]
_READERS: Mapping[str, _Reader] = {
    **dict.fromkeys(("npx", "npm", "pnpm", "pnpx", "yarn", "bunx", "bun"), _npm),
    **dict.fromkeys(("uvx", "uv"), _uv),
    "pipx": _pipx,
    **dict.fromkeys(("docker", "podman", "nerdctl"), _docker),
    **dict.fromkeys(("node", "nodejs", "deno", "tsx", "ts-node", "ruby", "php", "perl", "rscript"), _node),
    **dict.fromkeys(SHELLS, _shell),
    **dict.fromkeys(("java", "javaw", "jbang"), _java),
    **dict.fromkeys(("dotnet", "dnx"), _dotnet),
    "go": _go,
    "cargo": _cargo,
}
