"""What every server of the combined endpoint is asked for one request: openings, lists, what goes to all of them."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from bartizan.adapters.transports.listener import Answer
from bartizan.app.legs import NO_METHOD, Asked, Failed, Legs, Said, Told, answered
from bartizan.model.decision import Refusal
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject, as_object
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import encode
from bartizan.protocol.relay.combined import lists, offers
from bartizan.protocol.relay.combined.lists import Missing
from bartizan.protocol.relay.combined.paths import changes
from bartizan.protocol.relay.combined.sessions import Session, fitting, sealed
from bartizan.protocol.relay.combined.translation import message_of
from bartizan.protocol.relay.refusals import Refused, Wrong
from bartizan.protocol.relay.rewriting import replaced

_JSON = (("content-type", "application/json"),)
_NOT_PASSED_ON = frozenset({"extensions", "experimental", "tasks"})  # capabilities without a way through
_CLIENT_BYTES_MAX = 2_048
_NO_ROOM = "the session's id has no room for it"

T = TypeVar("T")


class Combining:
    """Asks all servers, and makes one answer of theirs."""

    def __init__(self, legs: Legs, servers: Sequence[str], key: Secret) -> None:
        self._legs, self._servers, self._key, self._limits = legs, servers, key, legs.limits

    async def opened(self, asked: Asked, revision: str) -> Answer | Refused | Mapping[str, Failed]:
        """The answer to `initialize` or `server/discover`; the failures where no server answers."""
        if asked.era is Era.MODERN:
            found = await self._legs.each(self._servers, lambda server: self._legs.opened(asked, server))
            given, missing = _parted(found)
            body = offers.discovered(_id(asked), {server: one.result for server, one in given.items()}, missing)
            return Answer(status=200, headers=_JSON, body=body) if given else _failures(found)
        session = _session(asked, revision)
        if session is None:
            told = f"clientInfo and capabilities are more than {_CLIENT_BYTES_MAX} bytes"
            return Refused(wrong=Wrong.PARAMS, told=told, id=asked.message.id, era=Era.LEGACY)
        asked = msgspec.structs.replace(asked, session=session)
        found = await self._legs.each(self._servers, lambda server: self._legs.open(asked, server))
        given, missing = _parted(found)
        if not given:
            return _failures(found)
        session, too_long = fitting(session, {server: one.leg for server, one in given.items()}, self._limits)
        missing += [Missing(server=server, reason=_NO_ROOM) for server in too_long]
        results = {server: one.result for server, one in given.items() if server not in too_long}
        headers = (*_JSON, ("mcp-session-id", sealed(self._key, session)))
        body = offers.initialized(_id(asked), revision, results, missing)
        return Answer(status=200, headers=headers, body=body)

    async def listed(self, asked: Asked, key: str) -> Answer | Refused | Mapping[str, Failed]:
        """The answer to a list: one page of each server that has more."""
        method = asked.message.method
        pending: lists.Pending | None = dict.fromkeys(self._servers)
        if "cursor" in asked.message.params and asked.message.params["cursor"] is not None:
            cursor = asked.message.params["cursor"]
            pending = None
            if isinstance(cursor, str):
                pending = lists.opened_cursor(self._key, method, cursor, self._servers, self._limits)
        if pending is None:
            told = "the cursor is none of this list's"
            return Refused(wrong=Wrong.PARAMS, told=told, id=asked.message.id, era=asked.era)
        cursors = pending
        found = await self._legs.each(cursors, lambda server: self._page(asked, server, key, cursors[server]))
        given, missing = _parted(found)
        if not given and found:
            return _failures(found)
        missing += [one for page in given.values() for one in page.missing]
        pages, rest = lists.chosen(list(given.values()), cursors, self._limits)
        sealed_cursor, too_long = lists.sealed_cursor(self._key, method, rest, self._limits)
        reason = "its next page: the cursor to it is too long"
        missing += [Missing(server=server, reason=reason) for server in too_long]
        merged = lists.Merged(pages=pages, missing=missing, cursor=sealed_cursor)
        return Answer(status=200, headers=_JSON, body=lists.answer(_id(asked), key, asked.era, merged))

    async def _page(self, asked: Asked, server: str, key: str, cursor: str | None) -> lists.Page | Failed:
        told = await self._asked_of(asked, server, {"cursor": cursor} if cursor is not None else {})
        if isinstance(told, Failed):
            return lists.Page(server=server, definitions=()) if told.reason == NO_METHOD else told
        try:
            return lists.page(server, key, told.text)
        except RemoteProtocolError as error:
            return Failed(reason=str(error), answer=Answer(status=502))

    async def _asked_of(self, asked: Asked, server: str, params: JsonObject) -> Told | Failed:
        """The same request to one server, of the gateway's own making; once more where a held session is gone."""
        method = asked.message.method
        for again in (False, True):
            leg = await self._legs.leg(asked, server)
            if isinstance(leg, Failed):
                return leg
            body = message_of(method, params, leg.era, asked.client)
            said = Said(body=body, method=method, seconds=self._limits.combined_seconds_max)
            served = await self._legs.send(asked, server, leg, said)
            told = await answered(served, self._limits)
            if again or not isinstance(told, Failed) or told.answer.status != 404:
                return told
            if not self._legs.forget(asked, server):
                return told
        raise AssertionError

    async def told(self, asked: Asked) -> Answer | Mapping[str, Failed]:
        """What goes to every server of the session that has it: each finds out whether it is meant."""
        legs = {server: leg for server, leg in self._legs.open_for(asked).items() if leg.era is Era.LEGACY}

        async def send(server: str) -> Answer | Failed:
            said = Said(body=asked.request.body, method=asked.message.method, seconds=self._limits.combined_seconds_max)
            served = await self._legs.send(asked, server, legs[server], said)
            if asked.message.id is None:
                taken = served.answer.status < 300
                return served.answer if taken else Failed(reason="", answer=served.answer, denied=served.denied)
            found = await answered(served, self._limits)
            return served.answer if isinstance(found, Told) or found.reason == NO_METHOD else found

        found = await self._legs.each(legs, send)
        if found and not _parted(found)[0]:
            return _failures(found)
        if asked.message.id is None:
            return Answer(status=202)
        return Answer(status=200, headers=_JSON, body=encode({"jsonrpc": "2.0", "id": asked.message.id, "result": {}}))

    async def ended(self, asked: Asked) -> Answer | Mapping[str, Failed]:
        """The end of a session, at every server that has a part of it."""
        legs = {server: leg for server, leg in self._legs.open_for(asked).items() if leg.session}

        async def end(server: str) -> Answer | Failed:
            said = Said(http_method="DELETE", seconds=self._limits.combined_seconds_max)
            served = await self._legs.send(asked, server, legs[server], said)
            taken = served.answer.status < 300 or served.answer.status == 405
            return served.answer if taken else Failed(reason="", answer=served.answer, denied=served.denied)

        found = await self._legs.each(legs, end)
        for server in self._servers:
            self._legs.forget(asked, server)
        return _failures(found) if found and not _parted(found)[0] else Answer(status=200)


def _id(asked: Asked) -> str | int:
    return asked.message.id if asked.message.id is not None else ""


def _session(asked: Asked, revision: str) -> Session | None:
    """What a session holds of its client; None where that is too much."""
    params = asked.message.params
    kept = {key: value for key, value in as_object(params.get("capabilities")).items() if key not in _NOT_PASSED_ON}
    session = Session(revision=revision, client=as_object(params.get("clientInfo")), capabilities=kept)
    return session if len(msgspec.json.encode(session)) <= _CLIENT_BYTES_MAX else None


def _parted(found: Mapping[str, T | Failed]) -> tuple[dict[str, T], list[Missing]]:
    """What was given, and what is missing. What policy hides is not missing: it is not there for this principal."""
    given = {server: one for server, one in found.items() if not isinstance(one, Failed)}
    failed = {server: one for server, one in found.items() if isinstance(one, Failed)}
    return given, [
        Missing(server=server, reason=one.reason)
        for server, one in failed.items()
        if one.denied is None or one.denied.refusal in {Refusal.TOO_MANY, Refusal.UNAVAILABLE}
    ]


def _failures(found: Mapping[str, object]) -> dict[str, Failed]:
    return {server: one for server, one in found.items() if isinstance(one, Failed)}


def refused_by_all(asked: Asked, found: Mapping[str, Failed]) -> Answer | Refused:
    """The answer where no server gave anything: who must prove who they are is told so before anything else."""
    ranked = sorted(found.values(), key=_rank)
    if not ranked:
        return Refused(wrong=Wrong.UPSTREAM, told="no server to ask", id=asked.message.id, era=asked.era)
    first = ranked[0]
    if first.denied is not None:
        body = first.answer.body
        text = body.decode() if isinstance(body, bytes) else ""
        if not text:
            return Answer(status=first.answer.status, headers=first.answer.headers)
        body = replaced(text, changes(text, ("id",), lambda _: asked.message.id)).encode()
        return msgspec.structs.replace(first.answer, body=body)
    gone = all(one.answer.status == 404 for one in ranked) and asked.session is not None
    wrong = Wrong.SESSION if gone else Wrong.UPSTREAM
    told = "" if gone else f"no server answered: {', '.join(sorted(found))[:500]}"
    return Refused(wrong=wrong, told=told, id=asked.message.id, era=asked.era)


def _rank(one: Failed) -> int:
    if one.denied is None:
        return 1
    return 0 if one.denied.refusal is Refusal.UNAUTHENTICATED else 2
