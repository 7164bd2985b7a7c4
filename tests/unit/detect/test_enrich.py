"""What is known is joined to events as of their time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bartizan.app.estate import parse_estate
from bartizan.detect.enrich import Enricher, calendar_of, milliseconds, tables_of
from bartizan.model.errors import ContentError
from bartizan.model.source_event import SourceEvent

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
ESTATE = """
people:
  - {id: ben, also: [ben@example.org], since: 2020-01-01}
  - {id: ben, status: offboarded, since: 2026-06-01}
credentials:
  - {fingerprint: "aws-key-id:AKIAX", owner: ben, server: files, secrets: ["prod/files*"], identities: [svc-files]}
servers:
  - {id: files, also: [files-pod], egress: ["*.example.com", 10.0.0.0/8], processes: [git], write_paths: [/srv/files]}
sessions:
  - {person: ben@example.org, start: "2026-07-01T11:00:00Z", end: "2026-07-01T13:00:00Z"}
business_hours:
  default: {timezone: Europe/Berlin}
  owners: {ben: {timezone: America/New_York, hours: "09:00-17:00", holidays: [2026-07-03]}}
"""


@pytest.fixture(scope="module")
def enricher() -> Enricher:
    return Enricher(parse_estate(ESTATE, "context.yml"))


def told(enricher: Enricher, record: dict[str, Any], at: datetime = AT) -> dict[str, Any]:
    event = SourceEvent(uid="u", time=milliseconds(at), record=record, kind="json")
    return enricher.enriched(event).record.get("mcp", {})


def by(credential: str) -> dict[str, Any]:
    return {"actor": {"user": {"programmatic_credentials": [{"uid": credential}]}}}


def test_a_credential_leads_to_its_owner_as_they_were_then_and_to_its_server(enricher: Enricher):
    now = told(enricher, by("aws-key-id:AKIAX"))
    assert now == {
        "credential": "aws-key-id:AKIAX",
        "owner": "ben",
        "owner_status": "offboarded",
        "server": "files",
        "user_session": "active",
    }
    assert told(enricher, by("aws-key-id:AKIAX"), AT - timedelta(days=60))["owner_status"] == "active"


def test_a_secret_that_is_read_is_the_credential_in_it(enricher: Enricher):
    assert told(enricher, {"resources": [{"name": "prod/files-key"}]})["credential"] == "aws-key-id:AKIAX"
    assert told(enricher, {"resources": [{"name": "prod/other"}]}) == {}


def test_a_service_account_is_the_credential_that_it_stands_for(enricher: Enricher):
    assert told(enricher, {"actor": {"user": {"name": "SVC-files"}}})["credential"] == "aws-key-id:AKIAX"


def test_a_person_is_known_by_any_name_and_a_stranger_by_none(enricher: Enricher):
    assert told(enricher, {"actor": {"user": {"email_addr": "Ben@example.org"}}})["owner"] == "ben"
    assert told(enricher, {"actor": {"user": {"name": "ann"}}}) == {"actor": "unknown"}


def test_outside_of_any_session_there_is_none(enricher: Enricher):
    assert told(enricher, by("aws-key-id:AKIAX"), AT + timedelta(hours=2))["user_session"] == "none"


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ({"hostname": "API.example.com."}, "approved"),
        ({"hostname": "example.com"}, "unapproved"),
        ({"hostname": "evil-example.com"}, "unapproved"),
        ({"ip": "10.2.3.4"}, "approved"),
        ({"ip": "192.0.2.1"}, "unapproved"),
    ],
)
def test_a_connection_of_a_server_is_approved_or_not(enricher: Enricher, target: dict[str, str], word: str):
    record = {"class_uid": 4001, "dst_endpoint": target, "actor": {"process": {"cmd_line": "node /opt/files/main.js"}}}
    assert told(enricher, record)["egress"] == word


def test_what_a_server_starts_and_writes_is_approved_or_not(enricher: Enricher):
    parent = {"name": "files-pod"}
    started = {"class_uid": 1007, "activity_id": 1, "process": {"name": "git", "parent_process": parent}}
    assert told(enricher, started)["process"] == "approved"
    started["process"] = {"file": {"path": "/bin/sh"}, "parent_process": parent}
    assert told(enricher, started)["process"] == "unapproved"
    for path, word in (
        ("/srv/files/a", "approved"),
        ("/srv/filesystem", "unapproved"),
        ("/srv/files/../x", "unapproved"),
    ):
        written = {"class_uid": 1001, "activity_id": 3, "file": {"path": path}, "actor": {"process": parent}}
        assert told(enricher, written)["write"] == word


def test_what_the_gateway_itself_says_stays(enricher: Enricher):
    assert told(enricher, {"mcp": {"server": "other", "credential": "aws-key-id:AKIAX"}})["server"] == "other"


def test_without_a_context_an_event_is_the_same_object():
    event = SourceEvent(uid="u", time=0, record={}, kind="json")
    assert Enricher(parse_estate("", "context.yml")).enriched(event) is event


def test_hours_are_those_of_the_owner_in_their_zone():
    calendar = calendar_of(parse_estate(ESTATE, "context.yml"))
    noon = milliseconds(AT)  # 14:00 in Berlin, 08:00 in New York
    assert calendar.works("somebody", noon)
    assert not calendar.works("ben", noon)
    assert calendar.works("ben", milliseconds(AT + timedelta(hours=2)))
    assert not calendar.works("ben", milliseconds(AT + timedelta(days=2, hours=2)))


def test_tables_are_asked_as_of_a_time():
    people = tables_of(parse_estate(ESTATE, "context.yml"))["people"]
    row = people.as_of("ben@example.org", milliseconds(datetime(2026, 6, 2, tzinfo=UTC)))
    assert row is not None
    assert row.columns["status"] == ("offboarded",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("people: [{id: ben, stauts: x}]", "stauts"),
        ("business_hours: {default: {timezone: Mars/Base}}", "no time zone"),
        ("servers: [{egress: [x]}]", "id"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, says: str):
    with pytest.raises(ContentError) as error:
        parse_estate(text, "context.yml")
    ((place, what),) = error.value.mistakes
    assert place.line == 1
    assert says in what
