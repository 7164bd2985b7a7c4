"""Replace a secret in a configuration by a reference, in the way that the client fills in."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from bartizan.assess.fixes.ticket import Spot, Ticket, by_file, one_reader
from bartizan.model.client import ClientSpec
from bartizan.model.json import as_array, as_object
from bartizan.model.mend import Edit, Mend, NoMendError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_BEARER = re.compile(r"bearer\s+", re.IGNORECASE)
_INSTEAD = (
    "instead: let a vault's or secret manager's program start the server with the variable set, or keep the "
    "credential in the server's own store; and rotate this one"
)


def refer(ticket: Ticket) -> Mend:
    """Put a reference in every place of the credential in the file. Raises NoMendError where the client has none."""
    if not ticket.spots:
        raise NoMendError("the secret was not found again where the scan saw it: run `bartizan scan` again")
    edits: list[tuple[str, Edit]] = []
    variables: dict[str, str] = {}
    for spot in ticket.spots:
        client = _client(spot)
        variable = ticket.variable or _variable(spot)
        if not _VARIABLE.fullmatch(variable):
            raise NoMendError(f"{variable!r} is no name of a variable: letters, digits and underscores")
        way = _WAYS.get(client.reference, _filled_in)
        found, told = way(spot, client, variable)
        edits += [(spot.file, edit) for edit in found]
        variables[told] = client.name
    return Mend(
        title=f"Replace the {ticket.spots[0].kind} credential by a reference",
        files=by_file(edits),
        besides=(
            *(told.replace("CLIENT", name) for told, name in variables.items()),
            *_elsewhere(ticket),
            "rotate the credential: it stood in clear text and has to be counted as read",
        ),
    )


def _elsewhere(ticket: Ticket) -> list[str]:
    """The other files in which the same credential stands: findings of their own."""
    credential = ticket.inventory.by_id().get(ticket.finding.subject)
    paths = {place.path for place in credential.places if place.path} if credential else set[str]()
    others = sorted(paths - {spot.file for spot in ticket.spots})
    return (
        [f"the same credential also stands in {', '.join(others[:5])}: each is a finding of its own"] if others else []
    )


def _client(spot: Spot) -> ClientSpec:
    client = one_reader(spot.readers, "refer to a variable")
    where = f"{client.name} is not known to fill in variables"
    if not client.reference or (client.reference_files and not spot.file.endswith(client.reference_files)):
        raise NoMendError(f"{where} in this file, so a reference would reach the server as it is written; {_INSTEAD}")
    fields = client.reference_fields.split()
    if "any" not in fields and spot.field not in fields:
        part = {"args": "arguments", "url": "addresses", "env": "environments"}.get(spot.field, spot.field)
        raise NoMendError(f"{where} in {part or 'this part of the file'}; {_INSTEAD}")
    return client


def _variable(spot: Spot) -> str:
    """A variable's own name where it has one, else one of the server and of what the credential is."""
    if spot.field == "env" and _VARIABLE.fullmatch(str(spot.path[-1])):
        return str(spot.path[-1])
    server = spot.sight.name if spot.sight else ""
    what = "PASSWORD" if spot.kind == "url-password" else spot.name
    what = "TOKEN" if what.lower() in {"authorization", "url", "", spot.kind.lower()} else what
    words = re.findall(r"[A-Za-z0-9]+", f"{server} {what}")[:8]
    name = "_".join(words).upper()[:80]
    return name if _VARIABLE.fullmatch(name) else f"MCP_{name}".rstrip("_")


def _set_it(variable: str, holds: str = "the credential") -> str:
    return (
        f"set {variable} to {holds} in the environment that starts CLIENT: from a vault, the keyring or a secret "
        "manager, not from a file that others read"
    )


def _filled_in(spot: Spot, client: ClientSpec, variable: str) -> tuple[list[Edit], str]:
    """A text that the client fills in where it stands, such as `${env:NAME}`."""
    reference = client.reference.replace("NAME", variable)
    value = spot.value[: spot.start] + reference + spot.value[spot.end :]
    told = _set_it(variable)
    if client.reference == "${{ secrets.NAME }}":
        told = f"set {variable} among the secrets of CLIENT (its own settings, or a .env file that only you can read)"
    return [Edit(path=spot.path, value=value)], told


def _inputs(spot: Spot, client: ClientSpec, variable: str) -> tuple[list[Edit], str]:
    """VS Code asks once and keeps the answer encrypted: `${input:ID}`, declared beside the servers."""
    if spot.sight is None or spot.sight.path[:-1] not in {("servers",), ("mcp", "servers")}:
        raise NoMendError(
            f"{client.name} declares inputs beside `servers` only, and this server stands elsewhere; {_INSTEAD}"
        )
    inputs = (*spot.sight.path[:-2], "inputs")
    root = spot.sight.document
    declared = as_array(as_object(root.get("mcp")).get("inputs") if len(inputs) == 2 else root.get("inputs"))
    taken = {as_object(one).get("id") for one in declared}
    identity = next(one for one in _numbered(variable.lower().replace("_", "-")) if one not in taken)
    question: dict[str, Any] = {"type": "promptString", "id": identity, "description": variable, "password": True}
    value = f"{spot.value[: spot.start]}${{input:{identity}}}{spot.value[spot.end :]}"
    edits = [Edit(action="prepend", path=inputs, value=question), Edit(path=spot.path, value=value)]
    return edits, "CLIENT asks for the credential when the server starts, and keeps it in its own encrypted store"


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in range(2, 1_000_000))


def _whole(spot: Spot) -> bool:
    return spot.start == 0 and spot.end == len(spot.value)


def _env_vars(spot: Spot, client: ClientSpec, variable: str) -> tuple[list[Edit], str]:
    """Codex passes variables on by their names, and takes headers from variables."""
    if spot.sight is None:
        raise NoMendError(f"{client.name} takes variables for its servers only; {_INSTEAD}")
    entry, name = spot.sight.path, str(spot.path[-1])
    taken_out = Edit(action="remove", path=spot.path)
    if spot.field == "env":
        return [taken_out, *_listed(spot, "env_vars")], _set_it(name, _holds(spot))
    bearer = _BEARER.fullmatch(spot.value[: spot.start])
    if name.lower() == "authorization" and bearer and spot.end == len(spot.value):
        return [taken_out, Edit(path=(*entry, "bearer_token_env_var"), value=variable)], _set_it(variable)
    edits = [taken_out, Edit(path=(*entry, "env_http_headers", name), value=variable)]
    return edits, _set_it(variable, "the whole value of the header")


def _env_keys(spot: Spot, client: ClientSpec, _variable: str) -> tuple[list[Edit], str]:
    """Goose takes the variables that `env_keys` lists from its environment or the system's keyring."""
    if spot.sight is None:
        raise NoMendError(f"{client.name} takes variables for its extensions only; {_INSTEAD}")
    name, holds = str(spot.path[-1]), _holds(spot)
    told = f"keep {holds} as {name} in CLIENT's keyring (`goose configure`), or in the environment that starts it"
    return [Edit(action="remove", path=spot.path), *_listed(spot, "env_keys")], told


def _holds(spot: Spot) -> str:
    return "the credential" if _whole(spot) else "the whole value that stood there"


def _listed(spot: Spot, key: str) -> list[Edit]:
    """The variable's name in a list of the entry, once."""
    value: Any = spot.sight.document if spot.sight else {}
    path = spot.sight.path if spot.sight else ()
    for step in path:
        value = value[step]
    name = str(spot.path[-1])
    return [] if name in as_array(value.get(key)) else [Edit(action="prepend", path=(*path, key), value=name)]


_WAYS: dict[str, Callable[[Spot, ClientSpec, str], tuple[list[Edit], str]]] = {
    "inputs": _inputs,
    "env_vars": _env_vars,
    "env_keys": _env_keys,
}
