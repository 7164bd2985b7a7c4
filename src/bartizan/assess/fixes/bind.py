"""Bind a server to this machine instead of every interface, where its launch says the address."""

import re
from collections.abc import Iterator

from bartizan.assess.fixes.ticket import Sight, Ticket, by_file
from bartizan.model.json import as_object, as_text
from bartizan.model.mend import Edit, Mend, NoMendError

_CONTAINERS = frozenset({"docker", "podman", "nerdctl"})
_EVERYWHERE = re.compile(r"(?<![\w.:\[])(?:0\.0\.0\.0|\[::\]|::(?=$))(?![\w.])")
_BARE_PORT = re.compile(r"((?:(?:-p|--publish)=)?)(?:0\.0\.0\.0:|\[::\]:)?(\d{1,5}:\d{1,5}(?:/(?:tcp|udp))?)")
_HOST_NAMES = re.compile(r"(?:\w+_)?(?:HOST|BIND|ADDRESS|ADDR|LISTEN)(?:_(?:ADDRESS|ADDR|HOST))?", re.IGNORECASE)

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "::1"}  # noqa: S104 - what is replaced, not bound


def tighten_bind(ticket: Ticket) -> Mend:
    """Loopback instead of every interface, in arguments and variables. Raises NoMendError where neither says it."""
    package = as_object(ticket.server.attributes.get("package")) if ticket.server else {}
    container = as_text(package.get("runner")) in _CONTAINERS
    edits = [
        (sight.file, edit)
        for sight in ticket.sights
        for edit in (_published(sight) if container else [*_arguments(sight), *_variables(sight)])
    ]
    if not edits:
        raise NoMendError(
            "no entry of a client says the address it binds to: look in the server's own configuration or its start "
            "script, and write 127.0.0.1 there"
        )
    return Mend(
        title=f"Bind {ticket.server.name if ticket.server else 'the server'} to this machine alone",
        files=by_file(edits),
        besides=("restart the server: the process that runs keeps its address",),
    )


def _arguments(sight: Sight) -> Iterator[Edit]:
    for word, path in sight.words[1:]:
        told = _loopback(word)
        if told != word and _stands_alone(sight, word, path):
            yield Edit(path=path, value=told)


def _variables(sight: Sight) -> Iterator[Edit]:
    for name, value in sight.environment.items():
        told = _loopback(value)
        if told != value and _HOST_NAMES.fullmatch(name):
            yield Edit(path=(*sight.environment_path, name), value=told)


def _published(sight: Sight) -> Iterator[Edit]:
    """Ports that a container publishes. Inside it, every interface is its own and stays."""
    before = ""
    for word, path in sight.words[1:]:
        match = _BARE_PORT.fullmatch(word)
        if match and (match[1] or before in {"-p", "--publish"}) and _stands_alone(sight, word, path):
            yield Edit(path=path, value=f"{match[1]}127.0.0.1:{match[2]}")
        before = word


def _stands_alone(sight: Sight, word: str, path: tuple[str | int, ...]) -> bool:
    return sum(other == path for _, other in sight.words) == 1


def _loopback(text: str) -> str:
    return _EVERYWHERE.sub(lambda match: _LOOPBACK[match[0]], text)
