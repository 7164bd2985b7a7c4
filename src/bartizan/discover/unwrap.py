"""What a command line really runs: shells, `env`, version managers and secret injectors taken off."""

import re
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath, PureWindowsPath

import msgspec

LAYERS_MAX = 8
SCRIPT_CHARACTERS_MAX = 16_384
SHELLS = frozenset("sh bash zsh dash ash fish ksh".split())
_POWERSHELLS = {"powershell", "pwsh"}


class _Wrapper(msgspec.Struct, frozen=True):
    """How a wrapper's own words end: its verbs, options that take a value, assignments, and words of its own."""

    verbs: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    assignments: bool = False
    positional: str = ""
    until_dashes: bool = False


def _wrapper(
    verbs: str = "", values: str = "", *, assignments: bool = False, positional: str = "", until_dashes: bool = False
) -> _Wrapper:
    return _Wrapper(frozenset(verbs.split()), frozenset(values.split()), assignments, positional, until_dashes)


_VERSION = r"v?\d[\w.]*|lts(?:/\S*)?|node|latest|stable|\S+@\S*"
_CONDA = _wrapper("run", "-n --name -p --prefix --cwd")
_RUN = _wrapper("run", "-C --directory -P --project -p --python -e --env")
_WRAPPERS: dict[str, _Wrapper] = {
    "env": _wrapper(values="-u --unset -C --chdir", assignments=True),
    "cross-env": _wrapper(assignments=True),
    "sudo": _wrapper(
        values="-u --user -g --group -h --host -p --prompt -C -D --chdir -R -T -U -r -t", assignments=True
    ),
    "doas": _wrapper(values="-u -C"),
    "runuser": _wrapper(values="-u -g -G"),
    "nice": _wrapper(values="-n --adjustment"),
    "ionice": _wrapper(values="-c -n -p"),
    "timeout": _wrapper(values="-s --signal -k --kill-after", positional=r"[\d.]+[smhd]?"),
    "stdbuf": _wrapper(values="-i -o -e"),
    "exec": _wrapper(values="-a"),
    "xvfb-run": _wrapper(values="-s -n -e -f -p"),
    "wsl": _wrapper(values="-d --distribution -u --user --cd"),
    "dotenv": _wrapper(values="-f -e -v --env --file", positional="run"),
    "dotenv-cli": _wrapper(values="-f -e -v --env --file", positional="run"),
    "dotenvx": _wrapper("run", "-f --env-file -e --env -fk"),
    "direnv": _wrapper("exec", positional=r".*[./~].*"),
    "op": _wrapper("run", "--env-file --account"),
    "doppler": _wrapper("run", "-p --project -c --config -t --token --scope"),
    "infisical": _wrapper("run", "--env --projectId --path --token --domain"),
    "aws-vault": _wrapper("exec", "-d --duration", until_dashes=True),
    "chamber": _wrapper("exec", until_dashes=True),
    "volta": _wrapper("run", "--node --npm --yarn --pnpm"),
    "fnm": _wrapper("exec", "--using --log-level --fnm-dir"),
    "nvm": _wrapper("exec", positional=_VERSION),
    "asdf": _wrapper("exec"),
    "mise": _wrapper("exec x", "-C --cd -j --jobs", positional=r"\S+@\S*|node|python|uv|bun|deno"),
    "rtx": _wrapper("exec x", positional=r"\S+@\S*"),
    "poetry": _wrapper("run", "-C --directory -P --project"),
    "pdm": _RUN,
    "hatch": _RUN,
    "rye": _RUN,
    "pixi": _wrapper("run", "-e --environment --manifest-path"),
    "pipenv": _wrapper("run"),
    "conda": _CONDA,
    "mamba": _CONDA,
    "micromamba": _CONDA,
    "bundle": _wrapper("exec"),
    **dict.fromkeys(
        "nohup command setsid time corepack tini dumb-init caffeinate winpty proxychains4".split(), _wrapper()
    ),
}


def program_of(word: str) -> str:
    r"""The bare lower-case name of a program: `C:\x\npx.cmd` and `/usr/bin/npx` are both `npx`."""
    name = PureWindowsPath(word).name if "\\" in word else PurePosixPath(word).name
    return re.sub(r"\.(?:exe|cmd|bat|ps1)$", "", name.lower())


def unwrapped(words: Sequence[str]) -> list[str]:
    """Take off shells and wrappers, a few layers deep. A shell without a command line of its own stays."""
    words = list(words)
    for _ in range(LAYERS_MAX):
        if not words:
            break
        program, rest = program_of(words[0]), words[1:]
        if program == "cmd":
            inner = _after_cmd(rest)
        elif program in SHELLS or program in _POWERSHELLS:
            inner = _after_shell(program, rest)
        elif wrapper := _WRAPPERS.get(program):
            inner = _after_wrapper(wrapper, rest)
        else:
            break
        if not inner:
            break
        words = inner
    return words


def _after_cmd(rest: list[str]) -> list[str]:
    at = next((number for number, word in enumerate(rest[:6]) if word.lower() in {"/c", "/k", "/r"}), None)
    if at is None:
        return []
    inner = rest[at + 1 :]
    if len(inner) == 1 and " " in inner[0]:  # a backslash is part of a path here
        inner = [word.strip('"') for word in re.findall(r'"[^"]*"|[^\s"]+', inner[0][:SCRIPT_CHARACTERS_MAX])]
    return inner[len(inner) - inner[::-1].index("&&") :] if "&&" in inner else inner


def _after_shell(program: str, rest: list[str]) -> list[str]:
    option = r"-c(?:ommand)?" if program in _POWERSHELLS else r"-[a-z]*c|--command"
    for number, word in enumerate(rest[:8]):
        if re.fullmatch(option, word, re.IGNORECASE):
            inner = rest[number + 1 :]
            return inner if program in _POWERSHELLS and len(inner) > 1 else script_command(inner[0] if inner else "")
        if not word.startswith("-") and program not in _POWERSHELLS:
            break  # a script's own arguments follow
    return []


def _after_wrapper(wrapper: _Wrapper, rest: list[str]) -> list[str]:
    """The command after a wrapper's own words; empty where the wrapper is told to do something else."""
    at, verb, own = 0, not wrapper.verbs, bool(wrapper.positional)
    if wrapper.until_dashes and "--" in rest:
        return rest[rest.index("--") + 1 :]
    while at < len(rest):
        word = rest[at]
        if word == "--" and verb:
            return rest[at + 1 :]
        if word in {"-S", "--split-string"} and wrapper.assignments and at + 1 < len(rest):
            return [*script_command(rest[at + 1]), *rest[at + 2 :]]
        if word in wrapper.values:
            at += 2
        elif word.startswith("-") or (wrapper.assignments and re.match(r"[A-Za-z_]\w*=", word)):
            at += 1
        elif not verb and word in wrapper.verbs:
            at, verb = at + 1, True
        elif not verb:
            return []
        elif own and re.fullmatch(wrapper.positional, word[:200]):
            at, own = at + 1, False
        else:
            return rest[at:]
    return []


# What a shell line does beside starting a server.
_PREPARATIONS = frozenset(
    "cd pushd export source . set unset echo printf true false : exit sleep mkdir test [ umask wait ulimit eval".split()
)
_ENDS = re.compile(r"[;&\n]+|\|\|")
_REDIRECTION = re.compile(r"\d*(?:>>?|<)&?(.*)", re.DOTALL)
_MARK = re.compile(r"‹[^‹›]{0,200}›")


def script_command(script: str) -> list[str]:
    """The command of a shell line such as `cd /x && KEY=1 exec server --flag 2>/dev/null | tee log`."""
    commands: list[list[str]] = [[]]
    skipping = False
    for word in _tokens(script):
        if _ENDS.fullmatch(word):
            commands.append([])
            skipping = False
        elif word == "|":
            skipping = True
        elif not skipping:
            commands[-1].append(word)
    plain = [found for words in commands if (found := _without_redirections(words))]
    started = [words for words in plain if program_of(words[0]) not in _PREPARATIONS]
    return (started or plain or [[]])[-1]


def _tokens(script: str) -> list[str]:
    """Words and separators. The marks that stand for secrets hold a space and stay whole."""
    script = _MARK.sub(lambda mark: mark[0].replace(" ", "\x1f"), script[:SCRIPT_CHARACTERS_MAX])
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        words = list(lexer)
    except ValueError:
        words = script.split()
    return [word.replace("\x1f", " ") for word in words]


def _without_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    target = False
    for word in words:
        match = _REDIRECTION.fullmatch(word)
        if target:
            target = False
        elif match:
            target = not match[1]
        elif kept or not re.match(r"[A-Za-z_]\w*=", word):
            kept.append(word)
    return kept


# Beside the server these do nothing to it.
_HARMLESS = frozenset("cd pushd exec true : echo printf sleep umask wait exit ulimit mkdir test [ tee cat".split())
_STEERS = re.compile(r"(?:LD_|DYLD_|NODE_|PYTHON|npm_config_|BASH_ENV|PATH)\w*=.*", re.IGNORECASE | re.DOTALL)
_RUNS = re.compile(r"\$\(|`")


def run_beside(words: Sequence[str]) -> tuple[str, ...]:
    """What a command line runs or steers beside its server, taken off by `unwrapped`: a part of what the server is.

    `sh -c 'evil; npx good'` and `env LD_PRELOAD=evil npx good` are not `npx good`.
    """
    steering = [word for word in words[1:LAYERS_MAX] if program_of(words[0]) in _ASSIGNING and _STEERS.fullmatch(word)]
    return (*steering, *(command for script in _scripts(words) for command in _others(script)))


_ASSIGNING = frozenset({"env", "cross-env"})


def _scripts(words: Sequence[str]) -> list[str]:
    """The texts that a shell is given to run."""
    shell, found = False, list[str]()
    for word, following in pairwise(words[: LAYERS_MAX * 4]):
        shell = shell or program_of(word) in SHELLS | _POWERSHELLS
        if shell and re.fullmatch(r"-[a-z]*c(?:ommand)?|--command", word, re.IGNORECASE):
            found.append(following)
    return found


def _others(script: str) -> list[str]:
    commands: list[list[str]] = [[]]
    for word in _tokens(script):
        if word == "|" or _ENDS.fullmatch(word):
            commands.append([])
        else:
            commands[-1].append(word)
    server = script_command(script)
    plain = [(words, _without_redirections(words)) for words in commands if words]
    return [
        " ".join(words)
        for words, command in plain
        if (command != server and (not command or program_of(command[0]) not in _HARMLESS))
        or (_RUNS.search(" ".join(words)) and (command != server or words != command))
    ]
