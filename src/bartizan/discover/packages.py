"""Command lines to packages: what a server's command really starts, from where, and whether its version is fixed."""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Literal
from urllib.parse import quote

import msgspec

Ecosystem = Literal["npm", "pypi", "oci", "local", "unknown"]


class PackageRef(msgspec.Struct, frozen=True, kw_only=True):
    """What a command starts.

    `pinned`: an exact version (npm, PyPI) or a digest (OCI); a tag or range is not. `arguments` are those of the
    server itself, after its runner's own. `path` is the local script or program, `url` the server behind a bridge
    such as `mcp-remote`. `gateway` is the server id where `bartizan connect` stands in front.
    """

    ecosystem: Ecosystem
    name: str
    version: str = ""
    pinned: bool = False
    runner: str = ""
    arguments: tuple[str, ...] = ()
    path: str = ""
    url: str = ""
    gateway: str = ""

    @property
    def purl(self) -> str:
        """The package URL (purl-spec), or an empty text for what is no package."""
        if self.ecosystem in {"local", "unknown"} or not self.name:
            return ""
        version = f"@{quote(self.version, safe='')}" if self.version else ""
        if self.ecosystem == "oci":
            return _oci_purl(self.name, self.version)
        namespace, slash, name = self.name.rpartition("/")
        return f"pkg:{self.ecosystem}/{quote(namespace, safe='')}{slash}{quote(name, safe='')}{version}"


def _oci_purl(name: str, version: str) -> str:
    base = name.rsplit("/", 1)[-1].lower()
    digest, tag = (version, "") if version.startswith("sha256:") else ("", version)
    qualifiers = [
        f"repository_url={quote(name.lower(), safe='/')}" if "/" in name else "",
        f"tag={quote(tag)}" if tag else "",
    ]
    tail = "&".join(part for part in qualifiers if part)
    return (
        f"pkg:oci/{quote(base, safe='')}"
        + (f"@{quote(digest, safe='')}" if digest else "")
        + (f"?{tail}" if tail else "")
    )


_EXACT_NPM = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.\-+]+)?")
_EXACT_PYPI = re.compile(
    r"(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview|post|rev|r|dev)[-_.]?\d*)*(?:\+[a-z0-9.]+)?",
    re.IGNORECASE,
)

# Options that take a value in the next word; every other word that begins with a dash stands alone.
_NPX_VALUES = frozenset(("-p --package -c --call --registry --cache --userconfig -w --workspace --prefix").split())
_UVX_VALUES = frozenset(
    (
        "--from --with --with-editable --with-requirements --python -p --index --default-index --index-url -i "
        "--extra-index-url --find-links -f --constraint -c --override --exclude-newer --directory --project "
        "--cache-dir --env-file --config-file --refresh-package --index-strategy --keyring-provider --color "
        "--link-mode --group --extra --package --only-group"
    ).split()
)
_DOCKER_VALUES = frozenset(
    (
        "-e --env --env-file -v --volume --mount --name --network --net -p --publish -w --workdir -u --user "
        "--entrypoint --platform --memory -m --cpus --label -l --add-host --dns --hostname -h --pull "
        "--restart --runtime --security-opt --tmpfs --ulimit --cap-add --cap-drop --device --gpus --ipc "
        "--log-driver --log-opt --pid --shm-size --stop-signal --userns --volumes-from --cidfile --group-add "
        "--expose --link --ip -a --attach"
    ).split()
)
_PYTHON_VALUES = {"-W", "-X"}
_NODE_VALUES = {"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"}


def program_of(word: str) -> str:
    r"""The bare lower-case name of a program: `C:\x\npx.cmd` and `/usr/bin/npx` are both `npx`."""
    name = PureWindowsPath(word).name if "\\" in word else PurePosixPath(word).name
    return re.sub(r"\.(?:exe|cmd|bat|ps1)$", "", name.lower())


def package_of(command: Sequence[str]) -> PackageRef:
    """What `command` (program and arguments) starts. An unknown program is `unknown` or `local`, never an error."""
    words = _unwrapped(list(command))
    if not words:
        return PackageRef(ecosystem="unknown", name="")
    program = program_of(words[0])
    reader = _READERS.get(program) or (_python if re.fullmatch(r"python[\d.]*|pypy[\d.]*|py", program) else None)
    found = reader(words[1:], program) if reader else None
    return found if found is not None else _program(words)


def _unwrapped(words: list[str]) -> list[str]:
    """Take off shells, `env`, `sudo` and the like, at most a few layers deep."""
    for _ in range(6):
        if not words:
            return words
        program, rest = program_of(words[0]), words[1:]
        if program == "cmd" and rest and rest[0].lower() in {"/c", "/k"}:
            words = rest[1:] if len(rest) > 2 or " " not in rest[-1] else _split(rest[-1])
        elif program in {"sh", "bash", "zsh", "dash", "ash", "fish"} and any(
            re.fullmatch(r"-\w*c", word) for word in rest[:3]
        ):
            script = next((rest[i + 1] for i, word in enumerate(rest[:-1]) if re.fullmatch(r"-\w*c", word)), "")
            words = _script(_split(script))
        elif program in {
            "env",
            "sudo",
            "nohup",
            "nice",
            "exec",
            "command",
            "dotenv",
            "direnv",
            "xvfb-run",
            "setsid",
            "stdbuf",
        }:
            words = _after_wrapper(program, rest)
        else:
            return words
    return words


def _split(script: str) -> list[str]:
    try:
        return shlex.split(script)
    except ValueError:
        return script.split()


def _script(words: list[str]) -> list[str]:
    """The last command of a shell line such as `cd /x && exec server --flag`."""
    for mark in ("&&", ";", "||"):
        while mark in words:
            words = words[words.index(mark) + 1 :]
    return words[: words.index("|")] if "|" in words else words


def _after_wrapper(program: str, rest: list[str]) -> list[str]:
    values = {
        "env": {"-u", "--unset", "-C", "--chdir"},
        "sudo": {"-u", "-g", "-h", "-p"},
        "nice": {"-n"},
        "dotenv": {"-f", "-e"},
    }
    index = 0
    while index < len(rest):
        word = rest[index]
        if word == "--":
            return rest[index + 1 :]
        if word in values.get(program, set()):
            index += 2
        elif (
            word.startswith("-")
            or (program in {"env", "sudo"} and re.match(r"[A-Za-z_]\w*=", word))
            or (program == "dotenv" and word == "run")
        ):
            index += 1
        elif program == "direnv" and word == "exec":
            index += 2
        else:
            break
    return rest[index:]


def _options(words: Sequence[str], values: frozenset[str] | set[str]) -> tuple[dict[str, str], list[str]]:
    """Leading options (the last of each) and the words after them."""
    seen: dict[str, str] = {}
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--":
            return seen, list(words[index + 1 :])
        if not word.startswith("-") or word == "-":
            break
        name, equals, value = word.partition("=")
        if equals:
            seen[name] = value
        elif word in values and index + 1 < len(words):
            seen[word] = words[index + 1]
            index += 1
        else:
            seen[word] = ""
        index += 1
    return seen, list(words[index:])


def _npm(words: list[str], program: str) -> PackageRef | None:
    if program in {"npm", "pnpm", "yarn", "bun"}:
        if not words or words[0] not in {"exec", "x", "dlx"}:
            return None
        words = words[1:]
    seen, rest = _options(words, _NPX_VALUES)
    spec = seen.get("--package") or seen.get("-p", "")
    if call := seen.get("--call") or seen.get("-c"):
        rest = [*_split(call), *rest]
    if not spec:
        if not rest:
            return None
        spec, rest = rest[0], rest[1:]
    else:
        rest = rest[1:]
    return _npm_spec(spec, rest, program)


def _npm_spec(spec: str, rest: list[str], runner: str) -> PackageRef:
    if re.match(r"(?:https?|git(?:\+\w+)?|github|file):|[./~]", spec) or spec.count("/") > 1:
        return _bridged(PackageRef(ecosystem="unknown", name=spec, runner=runner, arguments=tuple(rest), path=spec))
    at = spec.find("@", 1)
    name, version = (spec[:at], spec[at + 1 :]) if at > 0 else (spec, "")
    if "/" in name and not name.startswith("@"):
        return PackageRef(ecosystem="unknown", name=spec, runner=runner, arguments=tuple(rest))
    pinned = bool(_EXACT_NPM.fullmatch(version))
    return _bridged(
        PackageRef(ecosystem="npm", name=name, version=version, pinned=pinned, runner=runner, arguments=tuple(rest))
    )


def _uv(words: list[str], program: str) -> PackageRef | None:
    if program == "uv":
        if words[:2] in (["tool", "run"], ["tool", "uvx"]):  # `uvx` becomes the latter
            return _uv(words[2:], "uvx")
        _, rest = _options(words, _UVX_VALUES)
        return _uv_run(rest[1:]) if rest[:1] == ["run"] else None
    seen, rest = _options(words, _UVX_VALUES)
    if not rest and "--from" not in seen:
        return None
    spec = seen.get("--from") or rest[0]
    return _pypi_spec(spec, rest[1:], program)


def _uv_run(words: list[str]) -> PackageRef | None:
    seen, rest = _options(words, _UVX_VALUES)
    module = seen.get("-m") or seen.get("--module")
    if module is not None and rest:
        return _python(["-m", *rest], "uv")
    if not rest:
        return None
    if spec := seen.get("--with"):
        return _pypi_spec(spec.split(",")[0], rest[1:], "uv")
    if directory := seen.get("--directory") or seen.get("--project"):
        return PackageRef(ecosystem="local", name=rest[0], runner="uv", arguments=tuple(rest[1:]), path=directory)
    return package_of(rest)


def _pypi_spec(spec: str, rest: list[str], runner: str) -> PackageRef:
    if re.match(r"(?:https?|git\+\w+|file):|[./~]", spec):
        return PackageRef(ecosystem="unknown", name=spec, runner=runner, arguments=tuple(rest), path=spec)
    match = re.match(r"([A-Za-z0-9][A-Za-z0-9._\-]*)(?:\[[^\]]*\])?\s*(?:(===?|@)\s*([^\s,;]+)|(.*))$", spec)
    if not match:
        return PackageRef(ecosystem="unknown", name=spec, runner=runner, arguments=tuple(rest))
    name, operator, version = pypi_name(match[1]), match[2] or "", match[3] or (match[4] or "").strip()
    pinned = operator != "" and bool(_EXACT_PYPI.fullmatch(version))
    return _bridged(
        PackageRef(ecosystem="pypi", name=name, version=version, pinned=pinned, runner=runner, arguments=tuple(rest))
    )


def pypi_name(name: str) -> str:
    """The normalised name of a project (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pipx(words: list[str], program: str) -> PackageRef | None:
    if words[:1] != ["run"]:
        return None
    seen, rest = _options(words[1:], {"--spec", "--python", "--pip-args", "--index-url", "-i"})
    if not rest:
        return None
    return _pypi_spec(seen.get("--spec") or rest[0], rest[1:], program)


def _docker(words: list[str], program: str) -> PackageRef | None:
    _, words = _options(words, {"--context", "-c", "--host", "-H", "--config", "--log-level", "-l"})
    if words[:1] == ["container"]:
        words = words[1:]
    if words[:1] != ["run"]:
        return None
    _, rest = _options(words[1:], _DOCKER_VALUES)
    if not rest:
        return None
    image, arguments = rest[0], tuple(rest[1:])
    name, at, digest = image.partition("@")
    last = name.rsplit("/", 1)[-1]
    tag = last.partition(":")[2]
    name = name[: len(name) - len(tag) - 1] if tag else name
    return PackageRef(
        ecosystem="oci", name=name, version=digest or tag, pinned=bool(at), runner=program, arguments=arguments
    )


def _python(words: list[str], program: str) -> PackageRef | None:
    index = 0
    while index < len(words):
        word = words[index]
        if word == "-m" and index + 1 < len(words):
            module = words[index + 1].split(".")[0]
            rest = tuple(words[index + 2 :])
            return PackageRef(ecosystem="pypi", name=pypi_name(module), runner=f"{program} -m", arguments=rest)
        if word == "-c":
            return PackageRef(ecosystem="unknown", name="-c", runner=program, arguments=tuple(words[index:]))
        if word in _PYTHON_VALUES:
            index += 2
            continue
        if word.startswith("-"):
            index += 1
            continue
        return _script_file(word, words[index + 1 :], program)
    return None


def _node(words: list[str], program: str) -> PackageRef | None:
    seen, rest = _options(words, _NODE_VALUES)
    if not rest or seen.keys() & {"-e", "--eval", "-p", "--print"}:
        return PackageRef(ecosystem="unknown", name="-e", runner=program, arguments=tuple(words)) if seen else None
    if program == "deno":
        if rest[0] not in {"run", "x", "serve"}:
            return None
        _, rest = _options(rest[1:], {"--config", "-c", "--import-map", "--lock"})
        if rest and rest[0].startswith(("npm:", "jsr:")):
            ecosystem, _, spec = rest[0].partition(":")
            return _npm_spec(spec, rest[1:], "deno") if ecosystem == "npm" else None
    return _script_file(rest[0], rest[1:], program) if rest else None


_NODE_MODULE = re.compile(r".*[/\\]node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)(?:[/\\].*)?")
_SITE_PACKAGE = re.compile(r".*[/\\](?:site|dist)-packages[/\\]([^/\\]+).*")


def _script_file(script: str, rest: Sequence[str], runner: str) -> PackageRef:
    """A script: of an installed package where its path says so, otherwise local."""
    arguments = tuple(rest)
    if (match := _NODE_MODULE.fullmatch(script)) and not match[1].startswith(".bin"):
        name = match[1].replace("\\", "/")
        return _bridged(PackageRef(ecosystem="npm", name=name, runner=runner, arguments=arguments, path=script))
    if match := _SITE_PACKAGE.fullmatch(script):
        return PackageRef(ecosystem="pypi", name=pypi_name(match[1]), runner=runner, arguments=arguments, path=script)
    return PackageRef(ecosystem="local", name=program_of(script), runner=runner, arguments=arguments, path=script)


def _program(words: list[str]) -> PackageRef:
    """An installed program: `mcp-server-git` names its package, `/opt/x/server` is local."""
    path, rest = words[0], tuple(words[1:])
    if program_of(path) == "bartizan" and rest[:1] == ("connect",):
        return _wrapped(rest[1:])
    local = "/" in path or "\\" in path
    found = PackageRef(
        ecosystem="local" if local else "unknown", name=program_of(path), arguments=rest, path=path if local else ""
    )
    return _bridged(found)


def _wrapped(words: Sequence[str]) -> PackageRef:
    """`bartizan connect ID -- COMMAND...`: the server behind the gateway."""
    _, rest = _options(words, {"--config"})
    server = rest[0] if rest else ""
    inner = rest[2:] if rest[1:2] == ["--"] else rest[1:]
    found = package_of(inner) if inner else PackageRef(ecosystem="unknown", name=server)
    return msgspec.structs.replace(found, gateway=server or "?")


# Programs that carry stdio to a server elsewhere: the server is the one behind the URL.
_BRIDGES = {"mcp-remote", "mcp-proxy", "supergateway", "mcp-remote-client", "fastmcp-remote", "mcp-http-bridge"}


def _bridged(found: PackageRef) -> PackageRef:
    if found.name.rsplit("/", 1)[-1] not in _BRIDGES:
        return found
    url = next((word for word in found.arguments if re.match(r"https?://", word)), "")
    return msgspec.structs.replace(found, url=url)


_Reader = Callable[[list[str], str], PackageRef | None]
_READERS: Mapping[str, _Reader] = {
    **dict.fromkeys(("npx", "npm", "pnpm", "pnpx", "yarn", "bunx", "bun"), _npm),
    **dict.fromkeys(("uvx", "uv"), _uv),
    "pipx": _pipx,
    **dict.fromkeys(("docker", "podman", "nerdctl"), _docker),
    **dict.fromkeys(("node", "nodejs", "deno", "tsx", "ts-node"), _node),
}
