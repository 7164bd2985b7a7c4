"""Suppression: a finding that somebody accepts, with a reason and a last day. One entry holds wherever we judge."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.finding import Finding, Severity
from bartizan.model.limits import DEFAULT

_FINDING_ID = re.compile(r"F-[0-9a-f]{16}")


class Suppression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of the file. It holds through the day `until`, in UTC.

    Either it names one `finding`, whose id changes with the definition and the fact it rests on. Or it names a `rule`
    and where: a `server` by its id, a `tool` of it by name, or `everywhere`; such an entry outlasts changes, so it
    holds only findings that are no worse than `up_to`. `title` and `subject` are for reading and decide nothing.
    """

    finding: str = ""
    rule: str = ""
    server: AssetId = ""
    tool: str = ""
    everywhere: bool = False
    up_to: Severity | None = None
    title: str = ""
    subject: str = ""
    reason: str
    author: str
    created: date | None = None
    until: date

    @property
    def ended(self) -> date:
        """The first day on which it does not hold."""
        return self.until + timedelta(days=1)

    @property
    def called(self) -> str:
        """What it excepts, in short: an id, or a rule and its place."""
        if self.finding:
            return self.finding
        where = "everywhere" if self.everywhere else " ".join(filter(None, (self.server, self.tool)))
        return f"{self.rule} {where}"


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, and the entry that holds it."""

    finding: Finding
    suppression: Suppression


class Expired(msgspec.Struct, frozen=True, kw_only=True):
    """An entry past its last day, and the ids of the findings that count again because of it."""

    suppression: Suppression
    findings: tuple[str, ...] = ()


class Exceptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the suppressions did: whom they held, which are past their day, and which matched nothing."""

    suppressed: tuple[Suppressed, ...] = ()
    expired: tuple[Expired, ...] = ()
    unused: tuple[Suppression, ...] = ()


NO_EXCEPTIONS = Exceptions()
REQUIRED = ("reason", "author", "until")


def mistakes_of(one: Suppression, today: date) -> Iterator[tuple[str, str]]:
    """What is wrong with an entry beyond its types: the key that it stands at, and the words."""
    if bool(one.finding) == bool(one.rule):
        yield "finding" if one.finding else "", "an entry names either one finding, or a rule and where it is excepted"
    elif one.finding:
        yield from _narrow_mistakes(one)
    else:
        yield from _wide_mistakes(one)
    for key, text in (("reason", one.reason), ("author", one.author)):
        if not text.strip():
            yield key, f"the {key} is empty"
        elif len(text) > DEFAULT.suppression_text_characters_max:
            yield key, f"longer than {DEFAULT.suppression_text_characters_max} characters"
    if last := too_far(one.until, today):
        yield "until", f"no suppression lasts past {last}, {DEFAULT.suppression_days_max} days from now"


def too_far(until: date, today: date) -> date | None:
    """The last day that may be named today, where `until` is later."""
    last = today + timedelta(days=DEFAULT.suppression_days_max)
    return last if until > last else None


def _narrow_mistakes(one: Suppression) -> Iterator[tuple[str, str]]:
    if not _FINDING_ID.fullmatch(one.finding):
        yield "finding", "the id of a finding is F- and 16 hexadecimal digits"
    for key in ("server", "tool", "everywhere", "up_to"):
        if getattr(one, key):
            yield key, f"{key} belongs to an entry for a rule; the finding says it all"


def _wide_mistakes(one: Suppression) -> Iterator[tuple[str, str]]:
    if bool(one.server) == one.everywhere:
        yield "rule", "a rule is excepted for one server, by its id, or with `everywhere: true`"
    if one.tool and not one.server:
        yield "tool", "a tool is named together with its server"
    if one.up_to is None:
        yield "rule", "an entry for a rule says `up_to`, the worst severity that it holds"


def holds(one: Suppression, finding: Finding, servers: frozenset[AssetId], tool: str, today: date) -> bool:
    """Whether an entry excepts a finding on `tool` of `servers`, today.

    One that concerns several servers, as a shared credential does, is not excepted by an entry for one of them.
    """
    if today > one.until:
        return False
    return covers(one, finding, servers, tool)


def covers(one: Suppression, finding: Finding, servers: frozenset[AssetId], tool: str) -> bool:
    """Whether an entry is about a finding, on whatever day."""
    if one.finding:
        return one.finding == finding.id
    if one.rule != finding.rule or one.up_to is None or finding.severity.rank > one.up_to.rank:
        return False
    return one.everywhere or (servers == frozenset({one.server}) and one.tool in {"", tool})


def exception_line(finding: Finding, subject: str = "") -> str:
    """The line of the file that would except a finding. Reason, author and day are for a person to fill in.

    It is YAML on one line, and is refused as it stands. `subject` is for reading: what the finding is about.
    """
    told = f"title: {quoted(finding.title)}, subject: {quoted(subject)}"
    return f'- {{finding: {finding.id}, {told}, reason: "", author: "", until: }}'


def entry(one: Suppression) -> str:
    """An entry as the file has it: one key to a line, so that a review shows what was decided."""
    lines: list[str] = []
    for key in one.__struct_fields__:
        value = getattr(one, key)
        if value:
            plain = key in {"finding", "up_to"} or not isinstance(value, str)
            shown = "true" if value is True else str(value) if plain else quoted(value)
            lines.append(f"{'- ' if not lines else '  '}{key}: {shown}\n")
    return "".join(lines)


def quoted(text: str) -> str:
    """Any text as a double-quoted scalar of YAML on one line; what cannot be seen, or steers the eye, as an escape."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable() and unicodedata.category(character) != "Mn" and character not in _BLANK_LETTERS:
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0\u2800"
