"""What parsers share: reading a record, redaction, the raw text, and the event around what a parser mapped."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, cast

import msgspec

from bartizan.detect import redaction
from bartizan.detect.framing import Framing, unparsed
from bartizan.detect.ocsf import VERSION
from bartizan.model.json import JsonObject
from bartizan.model.limits import Limits
from bartizan.model.source_event import SourceEvent, Unparsed
from bartizan.ports import ParserSettings

NOT_UTF8 = "not UTF-8"  # a label in `metadata`: the bytes that are no UTF-8 are replacement characters


class MalformedError(Exception):
    """A record that the parser of this kind does not understand, with what is wrong with it."""


class Read:
    """A record as it was read: its text and its value, both without secrets, and its digest."""

    __slots__ = ("labels", "native", "sha256", "text")

    def __init__(self, native: JsonObject, text: str, sha256: str, labels: list[str]) -> None:
        self.native, self.text, self.sha256, self.labels = native, text, sha256, labels


def digest_of(raw: bytes) -> str:
    """SHA-256 of a raw record."""
    return hashlib.sha256(raw).hexdigest()


def read_json(raw: bytes, limits: Limits) -> Read:
    """A record that is a JSON object. Bytes that are no UTF-8 are replaced, so that they hide no record.

    Raises MalformedError.
    """
    labels: list[str] = []
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text, labels = raw.decode(errors="replace"), [NOT_UTF8]
    try:
        native = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise MalformedError(f"not JSON: {error}") from None
    if not isinstance(native, dict):
        raise MalformedError("no JSON object")
    if text.count("{") + text.count("[") > limits.raw_record_depth_max and _deeper(native, limits.raw_record_depth_max):
        raise MalformedError(f"nested deeper than raw_record_depth_max ({limits.raw_record_depth_max})")
    shown = redaction.json(native, text)
    if shown is not native:
        text = msgspec.json.encode(shown).decode()
    return Read(cast("JsonObject", shown), text, digest_of(raw), labels)


def _deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in cast("list[Any]", one.values() if isinstance(one, dict) else one)  # pyright: ignore[reportUnknownMemberType]
        ]
        if not level:
            return False
    return True


def _product(name: str, vendor: str) -> JsonObject:
    return {"name": name, "vendor_name": vendor}


class RecordParser:
    """Base of parsers whose records are one event each. A kind has its names, and `event`."""

    kind: ClassVar[str]
    product: ClassVar[tuple[str, str]]  # its name, and who makes it
    framing: ClassVar[Framing] = Framing.JSON
    wrappers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: ParserSettings) -> None:
        self._settings = settings

    def feed(self, raw: bytes, at: int) -> Iterable[SourceEvent | Unparsed]:
        """The event of one raw record, which is the `at`-th of its source."""
        try:
            read = self.read(raw)
            return (self.finished(self.event(read.native), read),)
        except MalformedError as error:
            return (unparsed(raw, at, str(error)),)

    def end(self) -> Iterable[SourceEvent | Unparsed]:
        """Nothing waits for anything."""
        return ()

    def read(self, raw: bytes) -> Read:
        """The record of a raw one. Raises MalformedError."""
        return read_json(raw, self._settings.limits)

    @abstractmethod
    def event(self, native: JsonObject) -> JsonObject:
        """The OCSF event of a record, out of which what is mapped is taken. Raises MalformedError."""

    def finished(self, record: JsonObject, read: Read, uids: tuple[str, ...] = ()) -> SourceEvent:
        """An event with what they all have in common. `uids` are those of the records that it is made of."""
        metadata = record["metadata"]
        uid = metadata.setdefault("uid", read.sha256)
        metadata["version"], metadata["log_name"], metadata["product"] = VERSION, self.kind, _product(*self.product)
        if read.labels:
            metadata["labels"] = [*metadata.get("labels", ()), *read.labels]
        if uids:
            record.setdefault("unmapped", {})["record_uids"] = list(uids)
        record["raw_data"] = read.text
        settings = self._settings
        return SourceEvent(
            uid=uid,
            time=record["time"],
            record=record,
            kind=self.kind,
            source=settings.source,
            tenant=settings.tenant,
            trust=settings.trust,
        )
