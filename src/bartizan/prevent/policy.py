"""Policy files become what guards ask: dicts, sets and compiled conditions. Every mistake is told with its line."""

import re
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from hashlib import sha256

import msgspec

from bartizan.model.errors import ContentError, Place
from bartizan.model.json import as_array, as_text
from bartizan.model.limits import DEFAULT
from bartizan.model.policy import (
    Bound,
    Confirmation,
    ContentLine,
    Exposure,
    Grant,
    Loop,
    May,
    Member,
    Part,
    PolicyFile,
    Redaction,
    Then,
)
from bartizan.model.principal import ANONYMOUS, Principal
from bartizan.model.source_event import Trust
from bartizan.prevent.conditions import Condition
from bartizan.prevent.names import Names
from bartizan.text import regex

Mistakes = list[tuple[Place, str]]
_EVERY = "*"  # below `servers`: every one that has no entry of its own


class Kind(StrEnum):
    """What a call reaches."""

    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"


class Line:
    """One grant, ready to be asked."""

    __slots__ = ("_commands", "_names", "_never", "condition", "grant", "place", "servers")

    def __init__(self, grant: Grant, place: Place, condition: Condition | None) -> None:
        self.grant, self.place, self.condition = grant, place, condition
        self.servers = Names([grant.server])
        self._never = Names(grant.never)
        named = {Kind.TOOL: grant.tools, Kind.RESOURCE: grant.resources, Kind.PROMPT: grant.prompts}
        self._names = {kind: Names(patterns) for kind, patterns in named.items() if patterns}
        self._commands = {name: [tuple(one.split()) for one in entries] for name, entries in grant.commands.items()}

    def names(self, kind: Kind, target: str) -> bool:
        """Whether the line speaks of this tool, resource or prompt."""
        names = self._names.get(kind)
        if names is None:
            return False
        if kind is Kind.RESOURCE:
            return names.matches_uri(target) and not self._never.matches_reading(target)
        return names.matches(target) and not self._never.matches(target)

    def names_template(self, template: str) -> bool:
        """Whether some resource of a template may be permitted."""
        names = self._names.get(Kind.RESOURCE)
        return names is not None and names.could_match(template) and not self._never.matches(template)

    def commands(self, arguments: dict[str, object]) -> str:
        """Nothing where every bounded argument is a permitted command, else why it is not."""
        for name, permitted in self._commands.items():
            words = _words(arguments.get(name))
            if words is None:
                return f"the argument {name} is no plain command line"
            if not any(words[: len(one)] == one for one in permitted):
                return f"the command in {name} is not on the list"
        return ""


_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./ -]{1,4096}")


def _words(value: object) -> tuple[str, ...] | None:
    """The words of a command that no shell reads as more than one: no quotes, no expansions, no second command."""
    if isinstance(value, list):
        words = [as_text(word) for word in as_array(value)]  # pyright: ignore[reportUnknownArgumentType]
        # A server may join the words for a shell, so each of them is held to the same.
        return tuple(words) if words and all(_PLAIN.fullmatch(word) and " " not in word for word in words) else None
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return tuple(value.split()) or None
    return None


class PlacedBound(msgspec.Struct, frozen=True, kw_only=True):
    """A limit and its line."""

    bound: Bound
    place: Place
    servers: Names
    tools: Names


class Rules:
    """All files together. What they do not permit is denied."""

    def __init__(self, files: Sequence[PolicyFile], *, servers: Collection[str] | None = None) -> None:
        """Compile. `servers` are those of the configuration. Raises ContentError with every mistake and its line."""
        self.files = tuple(files)
        mistakes: Mistakes = []
        self._roles = _joined_roles(self.files, mistakes)
        self.lines = tuple(_lines(self.files, self._roles, mistakes))
        self._servers = _joined_servers(self.files, servers, mistakes)
        self.bounds = tuple(_bounds(self.files, mistakes))
        loops = [(file.policy.loops, file.place("loops")) for file in self.files if file.policy.loops]
        mistakes += [(place, "`loops` is set in another file already") for _, place in loops[1:]]
        self.loop = loops[0][0] if loops else Loop(calls=DEFAULT.same_calls_max, window="1m")
        self.loop_place = loops[0][1] if loops else None
        self.content = tuple(_content(self.files))
        redactions = [(file.policy.redact, file.place("redact")) for file in self.files if file.policy.redact]
        mistakes += [(place, "`redact` is set in another file already") for _, place in redactions[1:]]
        self.redaction = redactions[0][0] if redactions else Redaction()
        self.confirmations = tuple(_confirmations(self.files, mistakes))
        self.personal = dict(_personal(self.redaction, redactions[0][1] if redactions else Place(), mistakes))
        if mistakes:
            raise ContentError(sorted(mistakes, key=lambda one: (one[0].path, one[0].line or 0)))
        told = sorted(msgspec.json.encode(file.policy, order="deterministic") for file in self.files)
        self.version = sha256(b"\n".join(told)).hexdigest()[:16]  # of what is permitted: comments and order are not
        self._by_server: dict[str, tuple[Line, ...]] = {}
        self._members: dict[str, tuple[Principal, frozenset[str]]] = {}

    def roles(self, principal: Principal) -> frozenset[str]:
        """The roles that a principal has."""
        known = self._members.get(principal.id)
        if known is not None and known[0] is principal:
            return known[1]
        found = frozenset(
            role for role, members in self._roles.items() if any(belongs(principal, member) for member in members)
        )
        if len(self._members) >= DEFAULT.verified_tokens_max:
            self._members.clear()
        self._members[principal.id] = principal, found
        return found

    def of_server(self, server: str) -> tuple[Line, ...]:
        """The lines that speak of a server."""
        known = self._by_server.get(server)
        if known is None:
            known = tuple(line for line in self.lines if line.servers.matches(server))
            if server in self._servers or len(self._by_server) < DEFAULT.config_servers_max:
                self._by_server[server] = known
        return known

    def reads(self, server: str, tool: str) -> bool:
        """Whether policy says that a tool changes nothing. What the tool says of itself does not count."""
        said = self._said(server)
        return said is not None and said.reads.matches(tool)

    def dry(self, server: str) -> bool:
        """Whether a denial on this server is only noted."""
        said = self._said(server)
        return said is not None and said.dry_run

    def anonymous(self, server: str) -> bool:
        """Whether callers that nobody vouches for are let in, on loopback."""
        said = self._said(server)
        return said is not None and said.anonymous

    def _said(self, server: str) -> "_Server | None":
        """What policy says of a server: by its name, else of every one that it does not name."""
        return self._servers.get(server) or self._servers.get(_EVERY)

    def accepts(self, server: str, exposure: Exposure) -> bool:
        """Whether policy names this server as one to be fronted in spite of what is wrong with it."""
        return server in self._servers and exposure in self._servers[server].accepts

    def trust(self, server: str) -> Trust:
        """How far what a server says may be believed."""
        return self._servers[server].trust if server in self._servers else Trust.LOW

    def loosened(self) -> Mistakes:
        """What may not be beyond loopback: there identity and access are never off."""
        return [
            (file.place("servers", name, key), f"`{key}` holds on loopback only, and this gateway listens beyond it")
            for file in self.files
            for name, one in file.policy.servers.items()
            for key, on in (("anonymous", one.anonymous), ("dry_run", one.dry_run))
            if on
        ]


def belongs(principal: Principal, member: Member) -> bool:
    """Whether everything holds that an entry of a role says. The anonymous one is meant only by its own name."""
    if member.principal is not None and not Names([member.principal]).matches(principal.id):
        return False
    if principal.id == ANONYMOUS.id and member.principal != ANONYMOUS.id:
        return False
    return (
        (member.group is None or member.group in principal.groups)
        and (member.issuer is None or member.issuer == principal.claims.get("iss"))
        and (member.proof is None or member.proof == principal.proof)
        and all(_claims(principal.claims.get(name), value) for name, value in member.claims.items())
    )


def _claims(claim: object, value: str | int | bool) -> bool:  # noqa: FBT001 - a value of a claim, no flag
    if isinstance(claim, list):
        return any(_claims(one, value) for one in as_array(claim))  # pyright: ignore[reportUnknownArgumentType]
    return type(claim) is type(value) and claim == value  # True is not 1


class _Server(msgspec.Struct, frozen=True, kw_only=True):
    reads: Names
    anonymous: bool
    accepts: tuple[Exposure, ...]
    dry_run: bool
    trust: Trust


class PlacedContent(msgspec.Struct, frozen=True, kw_only=True):
    """A line about contents, ready to be asked, and where it stands; None for those of the program."""

    line: ContentLine
    place: Place | None
    rules: Names
    servers: Names
    tools: Names


# What a person should look at is told to the model as data that is not to be followed; what may be refused is refused.
_USUAL = (
    ContentLine(then=Then.DENY, seen="malicious"),
    ContentLine(then=Then.ALLOW, of=(Part.ARGUMENT,)),
    ContentLine(then=Then.ANNOTATE),
)


class PlacedConfirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A line about calls that a person confirms, ready to be asked."""

    line: Confirmation
    place: Place
    servers: Names
    tools: Names
    condition: Condition | None


def _confirmations(files: Sequence[PolicyFile], mistakes: Mistakes) -> Iterator[PlacedConfirmation]:
    for file in files:
        for index, line in enumerate(file.policy.confirm):
            condition = None
            try:
                condition = Condition(line.when) if line.when else None
            except ValueError as error:
                mistakes.append((file.place("confirm", index, "when"), f"when: {error}"))
            yield PlacedConfirmation(
                line=line,
                place=file.place("confirm", index),
                servers=Names([line.server]),
                tools=Names(line.tools),
                condition=condition,
            )


def _content(files: Sequence[PolicyFile]) -> Iterator[PlacedContent]:
    said = [(line, file.place("content", n)) for file in files for n, line in enumerate(file.policy.content)]
    for line, place in (*said, *((line, None) for line in _USUAL)):
        yield PlacedContent(
            line=line, place=place, rules=Names(line.rules), servers=Names([line.server]), tools=Names(line.tools)
        )


def _personal(redaction: Redaction, place: Place, mistakes: Mistakes) -> Iterator[tuple[str, regex.Pattern]]:
    for name, expression in redaction.personal.items():
        try:
            yield name, regex.Pattern(f"({expression})")
        except ValueError as error:
            mistakes.append((place, f"redact.personal.{name}: {error}"))


def _joined_roles(files: Sequence[PolicyFile], mistakes: Mistakes) -> dict[str, tuple[Member, ...]]:
    roles: dict[str, tuple[Member, ...]] = {}
    for file in files:
        for name, members in file.policy.roles.items():
            if name in roles:
                mistakes.append((file.place("roles", name), f"the role `{name}` is defined in another file already"))
            roles[name] = members
            for index, member in enumerate(members):
                if member == Member():
                    what = 'an entry of a role says who has it; `principal: "*"` is everybody who is known'
                    mistakes.append((file.place("roles", name, index), what))
    return roles


def _lines(files: Sequence[PolicyFile], roles: Collection[str], mistakes: Mistakes) -> Iterator[Line]:
    for file in files:
        for index, grant in enumerate(file.policy.allow):
            mistakes += [(file.place("allow", index, key), what) for key, what in _wrong(grant, roles)]
            condition = None
            try:
                condition = Condition(grant.when) if grant.when else None
            except ValueError as error:
                mistakes.append((file.place("allow", index, "when"), f"when: {error}"))
            yield Line(grant, file.place("allow", index), condition)
        if len(file.policy.allow) > DEFAULT.policy_entries_max:
            mistakes.append((file.place("allow"), f"more than {DEFAULT.policy_entries_max} lines (policy_entries_max)"))


def _wrong(grant: Grant, roles: Collection[str]) -> Iterator[tuple[str, str]]:
    if grant.role not in roles:
        yield "role", f"no role `{grant.role}`; there are {', '.join(sorted(roles)) or 'none'}"
    if not (grant.tools or grant.resources or grant.prompts):
        yield "", "permits nothing: name `tools`, `resources` or `prompts`"
    if grant.may is May.WRITE and not grant.tools:
        yield "may", "`may` is about tools, and the line names none"
    if grant.commands and not grant.tools:
        yield "commands", "`commands` is about tools, and the line names none"
    for name, entries in grant.commands.items():
        if not entries or not all(_PLAIN.fullmatch(one) and one.split() for one in entries):
            yield "commands", f"`{name}` is bounded by plain words such as `git status`, without signs of a shell"


def _joined_servers(
    files: Sequence[PolicyFile], known: Collection[str] | None, mistakes: Mistakes
) -> dict[str, _Server]:
    servers: dict[str, _Server] = {}
    for file in files:
        for name, one in file.policy.servers.items():
            if name in servers:
                mistakes.append((file.place("servers", name), f"`{name}` is described in another file already"))
            if one.accepts and name == _EVERY:
                mistakes.append((file.place("servers", name, "accepts"), "names each server that it accepts"))
            if known is not None and name not in known and name != _EVERY:
                what = f"no server `{name}` in the configuration; there are {', '.join(sorted(known)) or 'none'}"
                mistakes.append((file.place("servers", name), what))
            servers[name] = _Server(
                reads=Names(one.reads),
                anonymous=one.anonymous,
                accepts=one.accepts,
                dry_run=one.dry_run,
                trust=one.trust,
            )
    return servers


def _bounds(files: Sequence[PolicyFile], mistakes: Mistakes) -> Iterator[PlacedBound]:
    for file in files:
        for index, bound in enumerate(file.policy.limits):
            place = file.place("limits", index)
            if bound.calls is None and bound.bytes is None and bound.at_once is None:
                mistakes.append((place, "limits nothing: name `calls`, `bytes` or `at_once`"))
            if not bound.per:
                mistakes.append((place, "`per` names at least one of principal, credential, server, tool"))
            yield PlacedBound(bound=bound, place=place, servers=Names([bound.server]), tools=Names(bound.tools))
