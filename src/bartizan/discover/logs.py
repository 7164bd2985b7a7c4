"""Secrets in logs and crash dumps: what to look for there, and what was found as assets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from bartizan.discover.gather import Gathering
from bartizan.discover.identify import asset_id
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.credential import FoundCredential
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.launch import Launch
from bartizan.model.record import LogRecord, LogSecret, NamedFile
from bartizan.model.secret import Secret, fingerprint
from bartizan.text.patterns import find_all_secrets

SEEN_BY = "logs"


def secret_finder(key: Secret) -> Callable[[str], list[LogSecret]]:
    """A search for secrets in a text that gives no secret away: kinds, fingerprints and places."""

    def find(text: str) -> list[LogSecret]:
        return [
            LogSecret(
                kind=span.kind,
                fingerprint=fingerprint(Secret(text[span.start : span.end]), key),
                start=span.start,
                end=span.end,
            )
            for span in find_all_secrets(text)
        ]

    return find


def working_folders(launches: Mapping[AssetId, Launch], homes: Iterable[str]) -> list[NamedFile]:
    """Folders in which configured servers work, each with the home that it lies in, or the only one."""
    known = sorted({home for home in homes if home}, key=len, reverse=True)
    found: dict[str, NamedFile] = {}
    for launch in launches.values():
        folder = (launch.directory or "").rstrip("/")
        home = next((one for one in known if folder == one or folder.startswith(one + "/")), known[0] if known else "")
        if folder.startswith("/") and folder != home and home:
            found.setdefault(folder, NamedFile(path=folder, home=home))
    return list(found.values())


def read_logs(records: Sequence[LogRecord], *, at: datetime) -> Observation:
    """Logs as documents, and the secrets that they store; `line` of an edge says where.

    A credential that a configuration holds too is the same asset: its fingerprint is its name.
    """
    gathering = Gathering()
    for record in records:
        stored = gathering.asset(_document(record))
        for one in record.secrets:
            credential = FoundCredential(kind=one.kind, fingerprint=one.fingerprint, name="", place=Place()).asset()
            # Without a place: those of a credential are configurations, and the document has its own.
            identity = gathering.asset(_without_place(credential))
            gathering.edge(stored, identity, EdgeKind.STORES, {"line": one.line} if one.line else {})
    return gathering.observation(SEEN_BY, at)


def _without_place(credential: Asset) -> Asset:
    return Asset(
        id=credential.id,
        kind=credential.kind,
        name=credential.name,
        keys=credential.keys,
        attributes=credential.attributes,
    )


def _document(record: LogRecord) -> Asset:
    told = {
        "role": record.role,
        "client": record.client,
        "bytes": record.bytes,
        "mode": f"{record.mode & 0o7777:04o}" if record.mode is not None else None,
        "uid": record.uid,
    }
    return Asset(
        id=asset_id("document", record.role, record.path),
        kind=AssetKind.DOCUMENT,
        name=record.path.rpartition("/")[2],
        keys=(f"document:{record.role}:{record.path}",),
        attributes={name: value for name, value in told.items() if value not in (None, "")},
        places=(Place(path=record.path),),
    )
