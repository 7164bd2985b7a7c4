"""Requests and their responses: two records of one happening become one event."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator

from bartizan.detect.framing import unparsed
from bartizan.detect.ocsf import UNKNOWN
from bartizan.detect.parsing import MalformedError, Read, RecordParser
from bartizan.model.json import JsonObject
from bartizan.model.source_event import SourceEvent, Unparsed
from bartizan.ports import ParserSettings


class Half:
    """One record of a pair: which pair it belongs to, its own uid, and whether it is the request."""

    __slots__ = ("is_request", "pair", "uid")

    def __init__(self, pair: str, uid: str, *, is_request: bool) -> None:
        self.pair, self.uid, self.is_request = pair, uid, is_request


class _Waiting:
    __slots__ = ("event", "read", "uid")

    def __init__(self, uid: str, event: JsonObject, read: Read) -> None:
        self.uid, self.event, self.read = uid, event, read


class PairParser(RecordParser):
    """Base of parsers whose sources tell of a request and of its response, in either order of arrival.

    The event is that of the response, begun when the request was; its uid is that of the pair, so that whichever record
    comes again is known. A request whose response does not come within `pair_seconds_max` of event time, or for which
    there is no room among `pairs_waiting_max`, is an event by itself, of unknown outcome.
    """

    def __init__(self, settings: ParserSettings) -> None:
        super().__init__(settings)
        self._waiting: dict[str, _Waiting] = {}
        self._latest = 0

    @abstractmethod
    def half(self, native: JsonObject) -> Half | None:
        """Which half of which pair a record is; None for what stands alone. Raises MalformedError."""

    def joined(self, request: JsonObject, response: JsonObject) -> JsonObject:
        """One event of both: that of the response, which tells all that the request did."""
        if request["time"]:
            response["start_time"] = request["time"]
        return response

    def feed(self, raw: bytes, at: int) -> Iterable[SourceEvent | Unparsed]:
        try:
            read = self.read(raw)
            half = self.half(read.native)
            event = self.event(read.native)
        except MalformedError as error:
            return (unparsed(raw, at, str(error)),)
        if half is None:
            return (self.finished(event, read),)
        event["metadata"]["uid"] = half.pair
        return list(self._of_half(half, event, read))

    def end(self) -> Iterable[SourceEvent | Unparsed]:
        return list(self._oldest(len(self._waiting)))

    def _of_half(self, half: Half, event: JsonObject, read: Read) -> Iterator[SourceEvent]:
        self._latest = max(self._latest, event["time"])
        if half.is_request:
            before = self._waiting.pop(half.pair, None)
            if before and before.read.sha256 != read.sha256:  # two requests under one id: neither hides the other
                yield self._alone(before)
            self._waiting[half.pair] = _Waiting(half.uid, event, read)
        else:
            request = self._waiting.pop(half.pair, None)
            if request:
                yield self.finished(self.joined(request.event, event), read, (request.uid, half.uid))
            else:
                yield self.finished(event, read, (half.uid,))
        yield from self._oldest(len(self._waiting) - self._settings.limits.pairs_waiting_max)
        yield from self._oldest(self._overdue())

    def _overdue(self) -> int:
        count, before = 0, self._latest - self._settings.limits.pair_seconds_max * 1000
        for one in self._waiting.values():
            if one.event["time"] >= before:
                break
            count += 1
        return count

    def _oldest(self, count: int) -> Iterator[SourceEvent]:
        for pair in list(self._waiting)[: max(0, count)] if count > 0 else ():
            yield self._alone(self._waiting.pop(pair))

    def _alone(self, one: _Waiting) -> SourceEvent:
        one.event["status_id"], one.event["status"] = 0, UNKNOWN.capitalize()
        return self.finished(one.event, one.read, (one.uid,))
