"""What detection knows of people, credentials and servers beside the events: the file that `--context` names."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class KnownPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person, and what they are from `since` on; several entries of one id are their history. `also`: other names."""

    id: str
    status: str = "active"
    since: datetime | None = None
    also: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tenant: str = ""


class KnownCredential(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credential by its fingerprint. `secrets` are its names in secrets managers; `*` stands for anything."""

    fingerprint: str
    kind: str = ""
    owner: str = ""
    server: str = ""
    scopes: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()


class KnownServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An MCP server: where it may connect to, what it starts, where it writes. What is not said is not judged.

    `egress` are domains (`*.example.com`), addresses and CIDRs; `processes` programs by name or path; `write_paths`
    folders. `also` are names under which events know it: of containers, hosts, service accounts.
    """

    id: str
    egress: tuple[str, ...] | None = None
    processes: tuple[str, ...] | None = None
    write_paths: tuple[str, ...] | None = None
    owner: str = ""
    also: tuple[str, ...] = ()


class KnownHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When somebody works, in their own time zone."""

    timezone: str = "UTC"
    days: tuple[Day, ...] = DAYS[:5]
    hours: Clock = "08:00-18:00"
    holidays: tuple[date, ...] = ()


class BusinessHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of all, and of owners by name."""

    default: KnownHours | None = None
    owners: dict[str, KnownHours] = {}


class KnownSession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a person was signed in, from `start` to `end`; without an end, still."""

    person: str
    start: datetime
    end: datetime | None = None


class Estate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    people: tuple[KnownPerson, ...] = ()
    credentials: tuple[KnownCredential, ...] = ()
    servers: tuple[KnownServer, ...] = ()
    business_hours: BusinessHours | None = None
    sessions: tuple[KnownSession, ...] = ()
