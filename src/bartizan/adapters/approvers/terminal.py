"""Consent on the terminal: the whole command is shown, nothing of it hidden or cut, and the usual answer is no.

Where agent and person are one user, an agent with a shell can type here too: consent is then advisory, and `doctor`
says so.
"""

import asyncio
import hashlib
import hmac
import json
import re
import sys
from typing import TextIO

from bartizan.model.launch import Launch
from bartizan.model.secret import MARK, Secret
from bartizan.ports import Consent
from bartizan.text.normalise import show
from bartizan.text.patterns import names_credential, without_secrets

# Variables that change what a command runs, whatever the command says.
_STEERING = re.compile(
    r"PATH|HOME|SHELL|ENV|BASH.*|SHELLOPTS|ZDOTDIR|PROMPT_COMMAND|PS4|IFS|TMPDIR|XDG_.*|LD_.*|DYLD_.*|GCONV_PATH|"
    r"GLIBC_.*|MALLOC_.*|PYTHON.*|VIRTUAL_ENV|CONDA_.*|PIP_.*|UV_.*|POETRY_.*|NODE_.*|npm_.*|YARN_.*|PNPM_.*|COREPACK_.*|"
    r"BUN_.*|DENO_.*|ELECTRON_.*|PERL.*|RUBY.*|GEM_.*|BUNDLE_.*|PHP.*|LUA_.*|_?JAVA_.*|JDK_.*|CLASSPATH|MAVEN_.*|"
    r"GRADLE_.*|DOTNET_.*|CORECLR_.*|COMPlus_.*|GO.*|CARGO_.*|RUST.*|DOCKER_.*|GIT_.*|SSH_ASKPASS|EDITOR|VISUAL|PAGER|"
    r"BROWSER|OPENSSL_.*|SSL_CERT_.*|(?:https?|all|no)_proxy",
    re.IGNORECASE,
)


class TerminalApprover:
    """Implements `ports.Approver`. Without a terminal on both streams the answer is no."""

    def __init__(self, *, source: TextIO | None = None, target: TextIO | None = None) -> None:
        self._source, self._target = source or sys.stdin, target or sys.stderr
        self._one = asyncio.Lock()

    async def consent(self, launch: Launch) -> Consent:
        """Ask one question at a time, however many servers wait."""
        if not (self._source.isatty() and self._target.isatty()):
            return Consent.REFUSED
        async with self._one:
            return await asyncio.to_thread(self._ask, launch)

    def _ask(self, launch: Launch) -> Consent:
        question = "Contact it?" if launch.url is not None else "Start it?"
        self._target.write(described(launch) + f"\n{question} [y]es once, yes and [r]emember, [N]o: ")
        self._target.flush()
        return answered(self._source.readline(1_000))


def described(launch: Launch) -> str:
    """The command as it would run. Secrets are marks; what no reader would see is a code point.

    Variables are named, and those that change what runs are shown with their values, for they are part of the command.
    """
    if launch.url is not None:
        return _address(launch)
    command = _whole(launch.shown)
    lines = [
        "",
        "This server is a program. It runs as you: it can read what you can read, and send it anywhere.",
        f"  command      {command}",
        f"  directory    {_whole(launch.directory) if launch.directory else '(where you are)'}",
        f"  environment  {_names(launch) or '(as yours)'}",
    ]
    if launch.opaque:
        words = ", ".join(str(number + 1) for number in launch.opaque)
        lines.append(
            f"  CAUTION      word {words}: what is hidden there as a secret holds characters that a shell acts on."
        )
        lines.append("               It may be a command. Read it in the configuration before you answer.")
    if len(command) > 500:
        lines.append(f"  The command has {len(launch.shown)} characters, and begins with: {command[:120]}")
    return "\n".join(lines)


def _address(launch: Launch) -> str:
    headers = ", ".join(_whole(without_secrets(name)) for name in sorted(launch.headers))
    return "\n".join(
        (
            "",
            "This server is at an address. A request goes there, with the headers of its configuration.",
            f"  address      {_whole(launch.shown)}",
            f"  headers      {headers or '(none)'}",
        )
    )


def answered(line: str) -> Consent:
    """Only a clear yes is one."""
    word = line.strip().lower()
    if word in {"r", "remember"}:
        return Consent.REMEMBERED
    return Consent.GIVEN if word in {"y", "yes"} else Consent.REFUSED


def consent_digest(launch: Launch, key: Secret, package: str = "") -> str:
    """Name a start, so that a remembered consent holds for exactly this one and no other.

    It covers every word, variable and header with its value, so a changed secret or a changed `NODE_OPTIONS` is asked
    for again; the key of this deployment keeps it from telling anything of them. `package` is the resolved version or
    the digest of what would run, where it is known.
    """
    command = [word.reveal() for word in launch.command]
    environment = sorted((name, value.reveal()) for name, value in launch.environment.items())
    headers = sorted((name, value.reveal()) for name, value in launch.headers.items())
    url = launch.url.reveal() if launch.url is not None else None
    covered = json.dumps([command, environment, launch.directory, launch.shown, package, url, headers])
    return "consent:" + hmac.new(key.reveal().encode(), covered.encode(), hashlib.sha256).hexdigest()


def _whole(text: str) -> str:
    return show(text, most=len(text))


def _names(launch: Launch) -> str:
    return ", ".join(_variable(name, launch.environment[name]) for name in sorted(launch.environment))


def _variable(name: str, value: Secret) -> str:
    shown = _whole(without_secrets(name))
    if not _STEERING.fullmatch(name):
        return shown
    told = MARK if names_credential(name) else _whole(without_secrets(value.reveal()))
    return f"{shown}={told!r} (changes what runs)"
