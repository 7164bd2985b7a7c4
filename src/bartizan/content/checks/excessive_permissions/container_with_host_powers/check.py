"""Judge a server in a container by what its launch gives it of the host."""

import re
from collections.abc import Iterator

from bartizan.content.command import command_of, program_of
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight

_ENGINES = frozenset({"docker", "podman", "nerdctl"})
_POWERS = (
    (re.compile(r"--privileged(=true)?"), "all privileges"),
    (re.compile(r"\S*(docker|podman|containerd)\.sock\b\S*"), "the socket of the container engine"),
    (re.compile(r"(--volume=|-v=?)?/:/\S*|\S*\b(source|src)=/,\S*"), "the root folder of the host"),
    (re.compile(r"--(pid|ipc|uts|userns)[= ]host"), "the processes of the host"),
    (
        re.compile(r"--cap-add[= ](ALL|(CAP_)?SYS_(ADMIN|PTRACE|MODULE))", re.IGNORECASE),
        "the powers of its administrator",
    ),
    (re.compile(r"--security-opt[= ](seccomp|apparmor)[=:]unconfined"), "every system call"),
)
_TAKES_VALUE = frozenset(
    {"-v", "--volume", "--mount", "--pid", "--ipc", "--uts", "--userns", "--cap-add", "--security-opt"}
)


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each power."""
    command = command_of(subject)
    engine = next((at for at, word in enumerate(command) if program_of(word) in _ENGINES), None)
    if engine is None:
        return
    words = command[engine + 1 :]
    pairs = [
        f"{word} {words[at + 1]}" if word in _TAKES_VALUE and at + 1 < len(words) else word
        for at, word in enumerate(words)
    ]
    told: dict[str, str] = {}
    for word in [*words, *pairs]:
        for pattern, power in _POWERS:
            if pattern.fullmatch(word):
                told.setdefault(power, word)
    for power, word in sorted(told.items()):
        yield Sight(
            message=f"the container of {subject.name} has {power}",
            detail=power,
            place=subject.places[0] if subject.places else None,
            evidence=word,
        )
