"""A request and its response are one event, whatever is lost, late or doubled."""

import json
from typing import Any

import pytest

from bartizan.detect.pairs import PairParser
from bartizan.detect.parsers.barbican import Barbican
from bartizan.detect.parsers.k8s_audit import K8sAudit
from bartizan.detect.parsers.mcp import Mcp
from bartizan.detect.parsers.vault import Vault
from bartizan.model.limits import Limits
from bartizan.model.source_event import SourceEvent
from bartizan.ports import ParserSettings
from fixtures.parsing import events, sample

LIMITS = Limits(pairs_waiting_max=3, pair_seconds_max=60)


def vault(told: str, number: int, second: int = 0, **more: Any) -> bytes:
    time = f"2026-03-02T09:{second // 60:02}:{second % 60:02}Z"
    request = {"id": f"r{number}", "operation": "read", "path": "kv/data/github"}
    return json.dumps({"time": time, "type": told, "request": request, **more}).encode()


def fed(*raws: bytes, parser: PairParser | None = None) -> list[SourceEvent]:
    parser = parser or Vault(ParserSettings(limits=LIMITS))
    found = [one for raw in raws for one in parser.feed(raw, 1)]
    return [one for one in found if isinstance(one, SourceEvent)]


@pytest.mark.parametrize("parser", [Barbican, K8sAudit, Mcp, Vault])
def test_a_pair_of_the_samples_is_counted_once(parser: type[PairParser]):
    first = events(parser.kind, sample(parser.kind))[0]
    assert len(first.record["unmapped"]["record_uids"]) == 2
    assert first.uid in first.record["unmapped"]["record_uids"][0]


def test_a_pair_is_the_response_begun_when_the_request_was():
    (found,) = fed(vault("request", 1, 1), vault("response", 1, 3))
    assert found.record["start_time"] == found.time - 2000
    assert found.record["unmapped"]["record_uids"] == ["r1/request", "r1/response"]


def test_a_response_without_request_is_an_event_at_once():
    (found,) = fed(vault("response", 1))
    assert found.record["unmapped"]["record_uids"] == ["r1/response"]


def test_a_request_whose_response_never_comes_is_told_when_it_is_overdue():
    found = fed(vault("request", 1, 0), vault("response", 2, 59), vault("response", 3, 61))
    assert [(one.uid, one.record["status"]) for one in found[2:]] == [("r1", "Unknown")]


def test_a_request_whose_response_never_comes_is_told_at_the_end():
    parser = Vault(ParserSettings())
    assert fed(vault("request", 1), parser=parser) == []
    (found,) = parser.end()
    assert isinstance(found, SourceEvent)
    assert found.record["status_id"] == 0


def test_the_oldest_request_is_told_when_there_is_no_room_for_more():
    found = fed(*[vault("request", number) for number in range(5)])
    assert [one.uid for one in found] == ["r0", "r1"]


def test_two_different_requests_under_one_id_hide_neither():
    found = fed(vault("request", 1), vault("request", 1, error="other"), vault("response", 1))
    assert len(found) == 2


def test_a_request_that_is_delivered_twice_is_counted_once():
    assert len(fed(vault("request", 1), vault("request", 1), vault("response", 1))) == 1


def test_a_denied_call_does_not_wait_for_an_answer():
    raws = sample("mcp").splitlines()
    (denied,) = fed(raws[2], parser=Mcp(ParserSettings()))
    assert denied.record["mcp"]["target"] == "create_issue"
    assert denied.record["status"] == "Failure"


def test_a_call_has_its_subject_and_how_its_answer_ended():
    call = events("mcp", sample("mcp"))[0]
    assert call.record["mcp"]["credential"] == "hmac-sha256:00112233445566778899aabbccddeeff"
    assert call.record["actor"]["user"]["programmatic_credentials"][0]["uid"] == call.record["mcp"]["credential"]
    assert (call.record["duration"], call.record["status"]) == (700, "Failure")
    assert call.record["status_detail"] == "the server ended the stream early"
    assert call.record["unmapped"]["answer"] == {"bytes": 991, "seconds": 0.7}
