"""Real servers and real other services on loopback addresses, found by a scan of their range."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bartizan.adapters.collectors.network import NetworkLadder
from bartizan.discover.network import read_endpoints
from bartizan.model.asset import AssetKind
from bartizan.model.coverage import Outcome

ESTATE = Path(__file__).resolve().parent.parent / "fixtures" / "network_estate.py"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory):
    """The records of a CIDR scan by the name of the service, the scan itself, and the methods that were sent."""
    folder = tmp_path_factory.mktemp("estate")
    command = [sys.executable, str(ESTATE), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            places: dict[str, list] = json.loads(process.stdout.readline())
            ports = sorted({port for _, port in places.values()})
            scan = asyncio.run(NetworkLadder(ports=ports).collect(["127.0.0.8/29", "127.0.0.16/29"]))
        finally:
            process.terminate()
            process.wait(20)
    at = {f"{address}:{port}": name for name, (address, port) in places.items()}
    records = {at[record.url.split("/")[2]]: record for record in scan.records if record.url.split("/")[2] in at}
    return records, scan, (folder / "methods").read_text().split()


@pytest.mark.mission("P1", "M10", "K4.assess")
def test_every_kind_of_door_is_told_apart(scanned):
    records, *_ = scanned
    assert {name: record.status for name, record in records.items()} == {
        "host_checking": "open",
        "authenticated": "authentication_required",
        "sse": "open",
        "mutual_tls": "client_certificate",
        "files": "not_mcp",
        "echo": "not_mcp",
        "language_server": "not_mcp",
        "tls": "open",
        "legacy": "open",
        "chain_node": "not_mcp",
        "page": "not_mcp",
        "locked": "authentication_required",
        "standard_library": "not_mcp",
    }


def test_an_open_server_is_known_by_several_signs_in_its_own_era(scanned):
    records, *_ = scanned
    eras = {
        "host_checking": ("streamable_http", "modern", "2026-07-28"),
        "tls": ("streamable_http", "modern", "2026-07-28"),
        "legacy": ("streamable_http", "legacy", "2025-11-25"),
        "sse": ("sse", "legacy", "2024-11-05"),
    }
    for name, era in eras.items():
        record = records[name]
        assert (record.transport, record.era, record.protocol_version) == era
        assert record.server_info == {"name": "weather", "version": "1.2.3"}
        assert {"id", "capabilities", "serverInfo"} <= set(record.evidence)


@pytest.mark.mission("M10", "K4.assess")
def test_what_protects_a_server_shows(scanned):
    records, *_ = scanned
    assert records["host_checking"].exposure == ("plain_http", "checks_host", "refuses_foreign_origin")
    assert records["legacy"].exposure == ("plain_http", "accepts_foreign_origin", "accepts_foreign_host")
    assert records["tls"].exposure == (
        "certificate_not_verified",
        "certificate_self_signed",
        "accepts_foreign_origin",
        "accepts_foreign_host",
    )
    assert records["sse"].exposure == (
        "plain_http",
        "session_in_address",
        "accepts_foreign_origin",
        "accepts_foreign_host",
    )


def test_an_authenticated_server_is_known_by_its_challenge_and_its_document(scanned):
    records, *_ = scanned
    assert records["authenticated"].evidence == ("resource_metadata", "protected resource metadata")
    assert records["authenticated"].resource_metadata.endswith("/.well-known/oauth-protected-resource/mcp")
    assert records["locked"].evidence == ()


def test_no_method_but_the_openings_is_ever_sent(scanned):
    methods = scanned[2]
    assert set(methods) == {"server/discover", "initialize", "notifications/initialized"}


@pytest.mark.mission("P1")
def test_the_range_becomes_servers_and_looks_and_nothing_else_is_taken_for_one(scanned):
    records, scan, _ = scanned
    observation = read_endpoints(scan.records, at=datetime(2026, 11, 20, tzinfo=UTC))
    servers = {asset.attributes["url"] for asset in observation.assets if asset.kind is AssetKind.SERVER}
    assert servers == {records[name].url for name in ("host_checking", "authenticated", "sse", "tls", "legacy")}
    skipped = {look.place.url for look in observation.looks if look.outcome is Outcome.SKIPPED and look.place}
    assert skipped == {records[name].url for name in ("locked", "mutual_tls")}


@pytest.mark.mission("X2")
def test_the_ranges_were_looked_at_whole(scanned):
    scan = scanned[1]
    assert [look.outcome for look in scan.looks] == [Outcome.LOOKED, Outcome.LOOKED]
    assert scan.looks[0].reason.startswith("8 addresses")
