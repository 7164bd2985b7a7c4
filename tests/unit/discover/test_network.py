"""What endpoints on a network are taken to be."""

from datetime import UTC, datetime

import msgspec
import pytest

from bartizan.discover.network import read_endpoints
from bartizan.model.asset import AssetKind, Confidence, EdgeKind
from bartizan.model.coverage import Outcome
from bartizan.model.record import EndpointRecord
from bartizan.model.secret import MARK

AT = datetime(2026, 11, 20, tzinfo=UTC)
OPEN = EndpointRecord(
    url="http://127.0.0.1:8000/mcp",
    status="open",
    transport="streamable_http",
    era="modern",
    protocol_version="2026-07-28",
    server_info={"name": "weather", "version": "1"},
    evidence=("id", "supportedVersions", "capabilities"),
    exposure=("plain_http", "accepts_foreign_origin"),
)


def read(*records: EndpointRecord):
    return read_endpoints(records, at=AT)


def test_an_open_endpoint_is_a_server_with_an_instance():
    observation = read(OPEN)
    server, instance = observation.assets
    assert (server.kind, instance.kind) == (AssetKind.SERVER, AssetKind.INSTANCE)
    assert server.keys == ("url:http://127.0.0.1:8000/mcp",)
    assert server.attributes["self_reported"] == {"name": "weather", "version": "1"}
    assert (server.attributes["era"], server.attributes["status"]) == ("modern", "open")
    assert server.attributes["exposure"] == ["plain_http", "accepts_foreign_origin"]
    assert (server.attributes["remote"], server.confidence) == (False, Confidence.HIGH)
    edge = observation.edges[0]
    assert (edge.kind, edge.source, edge.target) == (EdgeKind.INSTANCE_OF, server.id, instance.id)
    assert [(look.subject, look.outcome) for look in observation.looks] == [(server.id, Outcome.LOOKED)]


def test_the_name_a_server_gives_itself_is_no_part_of_its_identity():
    other = EndpointRecord(url=OPEN.url, status="open", server_info={"name": "github"}, evidence=OPEN.evidence)
    assert read(OPEN).assets[0].id == read(other).assets[0].id


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://127.0.0.1:8000/mcp", "listen:8000"),
        ("http://[::1]:8000/mcp", "listen:8000"),
        ("http://localhost:8000/mcp", "listen:8000"),
        ("http://10.0.0.5:8000/mcp", "listen:10.0.0.5:8000"),
        ("https://10.0.0.5/mcp", "listen:10.0.0.5:443"),
    ],
)
def test_an_instance_shares_the_key_of_its_port_with_the_process_that_listens(url: str, key: str):
    record = EndpointRecord(url=url, status="open", evidence=("id", "capabilities"))
    assert read(record).assets[1].keys == (key,)


def test_a_challenge_makes_a_server_only_with_a_sign_of_mcp_and_a_less_sure_one():
    def record(*evidence: str) -> EndpointRecord:
        return EndpointRecord(url="http://10.0.0.5/mcp", status="authentication_required", evidence=evidence)

    assert read(record("resource_metadata", "protected resource metadata")).assets[0].confidence is Confidence.MEDIUM
    assert read(record("resource_metadata")).assets[0].confidence is Confidence.LOW
    bare = read(record())
    assert bare.assets == ()
    assert bare.looks[0].outcome is Outcome.SKIPPED
    assert "authentication" in bare.looks[0].reason


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("forbidden", Outcome.SKIPPED),
        ("client_certificate", Outcome.SKIPPED),
        ("failed", Outcome.FAILED),
        ("closed", Outcome.ABSENT),
        ("not_mcp", Outcome.LOOKED),
    ],
)
def test_what_could_not_be_asked_is_never_clean(status: str, outcome: Outcome):
    observation = read(EndpointRecord(url="https://10.0.0.5/", status=status, problem="because"))
    assert observation.assets == ()
    assert observation.looks[0].outcome is outcome
    assert observation.looks[0].reason


def test_a_secret_that_a_server_says_of_itself_never_shows():
    secret = "ghp_" + "A1b2" * 9
    told = msgspec.structs.replace(
        OPEN, server_info={"name": secret}, resource_metadata=f"http://x/?t={secret}", problem=f"no {secret}"
    )
    observation = read(told)
    assert secret not in msgspec.json.encode(observation).decode()
    assert observation.assets[0].name == MARK
