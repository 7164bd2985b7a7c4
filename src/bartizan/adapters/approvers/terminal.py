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
from bartizan.model.secret import Secret
from bartizan.ports import Consent
from bartizan.text.normalise import show

# Variables that change what a command runs, whatever the command says.
_STEERING = re.compile(
    r"PATH|SHELL|ENV|BASH_ENV|IFS|LD_.*|DYLD_.*|PYTHON.*|NODE_.*|npm_config_.*|PIP_.*|UV_.*|PERL5.*|RUBY.*|JAVA_TOOL_.*|"
    r"GIT_.*|(?:https?|all)_proxy",
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
        self._target.write(described(launch) + "\nStart it? [y]es once, yes and [r]emember, [N]o: ")
        self._target.flush()
        return answered(self._source.readline(1_000))


def described(launch: Launch) -> str:
    """The command as it would run. Secrets are marks; what no reader would see is a code point."""
    command = _whole(launch.shown)
    lines = [
        "",
        "This server is a program. It runs as you: it can read what you can read, and send it anywhere.",
        f"  command      {command}",
        f"  directory    {_whole(launch.directory) if launch.directory else '(where you are)'}",
        f"  environment  {', '.join(_name(name) for name in sorted(launch.environment)) or '(as yours)'}",
    ]
    if len(command) > 500:
        lines.append(f"  The command has {len(launch.shown)} characters, and begins with: {command[:120]}")
    return "\n".join(lines)


def answered(line: str) -> Consent:
    """Only a clear yes is one."""
    word = line.strip().lower()
    if word in {"r", "remember"}:
        return Consent.REMEMBERED
    return Consent.GIVEN if word in {"y", "yes"} else Consent.REFUSED


def consent_digest(launch: Launch, key: Secret, *, package: str = "") -> str:
    """Name a start, so that a remembered consent holds for exactly this one and no other.

    It covers every word and every variable with its value, so a changed secret or a changed `NODE_OPTIONS` is asked
    for again; the key of this deployment keeps it from telling anything of them. `package` is the resolved version or
    the digest of what would run, where it is known.
    """
    command = [word.reveal() for word in launch.command]
    environment = sorted((name, value.reveal()) for name, value in launch.environment.items())
    covered = json.dumps([command, environment, launch.directory, launch.shown, package])
    return "consent:" + hmac.new(key.reveal().encode(), covered.encode(), hashlib.sha256).hexdigest()


def _whole(text: str) -> str:
    return show(text, most=len(text))


def _name(name: str) -> str:
    return _whole(name) + (" (changes what runs)" if _STEERING.fullmatch(name) else "")
