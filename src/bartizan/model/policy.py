"""Policy: what is permitted, as a person writes it. What no line permits is denied.

One file is one `Policy`; several files add up. Permits only add, never take away, so the order of lines and files means
nothing. Unknown keys are mistakes.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from bartizan.model.errors import Place
from bartizan.model.principal import Proof
from bartizan.model.source_event import Trust

Duration = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,6}[smhd]$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Names = tuple[Name, ...]
Positive = Annotated[int, msgspec.Meta(ge=1)]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: Duration) -> float:
    """`90s`, `15m`, `8h` or `30d` in seconds."""
    return float(duration[:-1]) * _UNITS[duration[-1]]


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who has a role: principals of whom everything holds that is said here. `principal: "*"` is everybody known.

    `issuer` is who vouches for the group or claim: with several issuers, one could name a group of another.
    """

    principal: Name | None = None
    group: Name | None = None
    issuer: Name | None = None
    proof: Proof | None = None
    claims: dict[str, str | int | bool] = {}


class May(StrEnum):
    """What a line permits of tools: those that policy says only read, or all that it names."""

    READ = "read"
    WRITE = "write"


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line that permits. Names may hold `*`. Tools that change something need `may: write`.

    `when` is a condition in CEL on the arguments. `commands` bounds an argument that is a command line to those that
    begin with these words. `scopes`, `acr`, `amr` and `max_age` are what the token must show; one without it is told
    how to get it.
    """

    role: Name
    server: Name
    tools: Names = ()
    resources: Names = ()
    prompts: Names = ()
    never: Names = ()
    may: May = May.READ
    when: str = ""
    commands: dict[str, Names] = {}
    scopes: Names = ()
    acr: Names = ()
    amr: Names = ()
    max_age: Duration | None = None


class Exposure(StrEnum):
    """What the gateway refuses to front unless policy accepts it of a server by name."""

    UNAUTHENTICATED = "unauthenticated"
    EXPOSED = "exposed"


class Part(StrEnum):
    """What of the traffic is judged: what a client sends, and what a server says."""

    ARGUMENT = "argument"
    RESULT = "result"
    RESOURCE = "resource"
    PROMPT = "prompt"
    DEFINITION = "definition"
    REQUEST = "request"  # of the server: elicitation, sampling


class Then(StrEnum):
    """What becomes of what a rule sees."""

    ALLOW = "allow"
    ANNOTATE = "annotate"
    REDACT = "redact"
    HOLD = "hold"
    DENY = "deny"


class ContentLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of what the rules see in texts. The first line that fits decides; those of the program come last.

    `seen` is the mildest verdict that it is about. `rules` are names of rules, any of which must have seen something.
    """

    then: Then
    seen: Literal["suspicious", "malicious"] = "suspicious"
    rules: Names = ("*",)
    server: Name = "*"
    tools: Names = ("*",)
    of: tuple[Part, ...] = tuple(Part)
    trust: Trust | None = None


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Calls that a person confirms. `why` is shown to that person.

    `only: writes` leaves out the tools that policy says only read. `when` is a condition in CEL on the arguments. The
    call waits for `wait`; an approval holds for `expires`, for the same call, once.
    """

    server: Name = "*"
    tools: Names = ("*",)
    only: Literal["all", "writes"] = "all"
    when: str = ""
    why: str = ""
    wait: Duration = "20s"
    expires: Duration = "15m"


class Secrets(StrEnum):
    """What becomes of secrets in the traffic."""

    PASS = "pass"  # noqa: S105 - no password
    REDACT = "redact"
    DENY = "deny"


class Redaction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is replaced by marks, towards servers (`arguments`) and towards clients (`answers`).

    `personal` are expressions (RE2) by name; what they match becomes a mark that is the same for the same value.
    `servers` are those that it holds for; a server whose purpose is secrets can be left out.
    """

    arguments: Secrets = Secrets.DENY
    answers: Secrets = Secrets.REDACT
    personal: dict[str, str] = {}
    servers: Names = ("*",)
    never: Names = ()


class ServerPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds of one server. `reads` are the tools that change nothing: its own annotations do not count.

    `anonymous` lets callers in whom nobody vouches for, on loopback only. `dry_run` notes what would have been denied.
    `trust` is how far what the server says may be believed.
    """

    reads: Names = ()
    anonymous: bool = False
    accepts: tuple[Exposure, ...] = ()
    dry_run: bool = False
    trust: Trust = Trust.LOW


Per = Literal["principal", "credential", "server", "tool"]


class Bound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much within a window, and how much at once, for each of what `per` names. `bytes` counts answers too."""

    per: tuple[Per, ...]
    server: Name = "*"
    tools: Names = ("*",)
    calls: Positive | None = None
    bytes: Positive | None = None
    window: Duration = "1m"
    at_once: Positive | None = None


class Loop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often the same principal may make the same call with the same arguments."""

    calls: Positive
    window: Duration = "1m"


class ExamplePrincipal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who asks in an example. `age` is how long ago the person signed in."""

    id: Name
    proof: Proof = Proof.TOKEN
    groups: Names = ()
    scopes: Names = ()
    issuer: str = ""
    claims: dict[str, Any] = {}
    acr: str = ""
    amr: Names = ()
    age: Duration | None = None


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A call and what becomes of it: what `policy test` tries."""

    principal: ExamplePrincipal
    server: Name
    tool: str = ""
    resource: str = ""
    prompt: str = ""
    arguments: dict[str, Any] = {}
    expect: Literal["allow", "deny"]


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One file."""

    servers: dict[str, ServerPolicy] = {}
    roles: dict[str, tuple[Member, ...]] = {}
    allow: tuple[Grant, ...] = ()
    limits: tuple[Bound, ...] = ()
    loops: Loop | None = None
    content: tuple[ContentLine, ...] = ()
    redact: Redaction | None = None
    confirm: tuple[Confirmation, ...] = ()
    examples: tuple[Example, ...] = ()


class PolicyFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as read: its content, and the line of each value by JSON Pointer, such as `/allow/3/when`."""

    path: str
    policy: Policy
    lines: dict[str, int] = {}

    def place(self, *names: str | int) -> Place:
        """Where a value stands; the nearest above it where it has no line of its own."""
        for end in range(len(names), 0, -1):
            if line := self.lines.get("/" + "/".join(map(str, names[:end]))):
                return Place(path=self.path, line=line)
        return Place(path=self.path)
