"""Findings of rules on events: their ids, their subject, what they say."""

from collections.abc import Sequence

import msgspec

from bartizan.model.asset import Confidence
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Occurrence, finding_id
from bartizan.model.json import JsonObject
from bartizan.rules.correlate.grouping import Key, encoded
from bartizan.rules.detection import Header

_MARK = "\x1f"
_CONFIDENCE = {"stable": Confidence.HIGH, "test": Confidence.MEDIUM}


def identity(uid: str, origin: str) -> str:
    """What tells an event from all others: two sources may use one uid. `origin` names the tenant and the source."""
    return f"{uid}{_MARK}{origin}"


def origin_of(identity: str) -> str:
    """The source's own uid of an event."""
    return identity.rpartition(_MARK)[0] or identity


def subject_of(group: JsonObject) -> str:
    """What a finding is about, as a line: the values of its group with their names."""
    return ", ".join(f"{name}={value}" for name, value in group.items())


class Conclusion:
    """Makes the findings of one rule. `names` are those of the values of its groups, in their order."""

    def __init__(self, header: Header, names: Sequence[str]) -> None:
        self._header, self._names = header, tuple(names)

    def identity(self, key: Key, detail: str) -> str:
        """The id of the finding on a group; `detail` tells apart those of different times."""
        return finding_id(self._header.name, encoded(key), detail)

    def group(self, key: Key) -> JsonObject:
        """The values of a group by their names."""
        return dict(zip(self._names, key[1:], strict=True))

    def finding(self, key: Key, detail: str, occurrence: Occurrence, about: Key | None = None) -> Finding:
        """The finding on a group. Its id rests on `about`, where that is not all of the group."""
        header, shown = self._header, self.group(key)
        subject = subject_of(shown)
        return Finding(
            id=self.identity(key if about is None else about, detail),
            rule=header.name,
            title=header.title,
            subject=subject,
            severity=header.level,
            confidence=_CONFIDENCE.get(header.status, Confidence.LOW),
            message=f"{header.title}: {subject}" if subject else header.title,
            place=Place(path=header.path, line=header.line or None) if header.path else None,
            tags=header.tags,
            occurrence=msgspec.structs.replace(occurrence, group=shown, tenant=key[0]),
        )

    def withdrawn(self, time: int, identity: str, _silenced: Key, key: Key) -> Finding:
        """What takes back a provisional finding, under its id."""
        made = self.finding(key, "", Occurrence(time=time, withdrawn=True))
        return msgspec.structs.replace(made, id=identity)
