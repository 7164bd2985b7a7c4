"""`bartizan tls init`, then the gateway with its certificates: who it is, who its clients are."""

import json
import os
import ssl
import subprocess
import sys

import httpx2
import pytest
import yaml

from fixtures.gateway import Started, sdk_server

HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
PARAMS = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PARAMS}
PEER = '"serverInfo":{"name":"peer"'
POLICY = {
    "servers": {"notes": {"accepts": ["unauthenticated"]}},
    "roles": {"people": [{"principal": "cert:spiffe://bartizan.internal/client/alice"}]},
    "allow": [{"role": "people", "server": "notes", "tools": ["*"]}],
}


@pytest.fixture(scope="module")
def upstream():
    with sdk_server() as url:
        yield url


def made(folder, *arguments: str) -> dict:
    """What `tls init` prints for the configuration."""
    done = subprocess.run(
        [sys.executable, "-m", "bartizan", "tls", "init", *arguments],
        env={**os.environ, "BARTIZAN_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return yaml.safe_load(done.stdout)["gateway"]


def client(folder, shown: str = "") -> httpx2.Client:
    context = ssl.create_default_context(cafile=str(folder / "state/tls/gateway-ca.pem"))
    if shown:
        pair = folder / f"state/tls/clients/{shown}"
        context.load_cert_chain(f"{pair}.pem", f"{pair}.key")
    return httpx2.Client(verify=context, headers=HEADERS)


@pytest.mark.mission("M12")
def test_a_client_is_known_by_its_certificate_alone(tmp_path, upstream):
    gateway = made(tmp_path, "--client", "alice", "--client", "bob")
    started = Started(tmp_path, {"notes": {"url": upstream}}, POLICY, **gateway)
    try:
        assert started.url.startswith("https://127.0.0.1:")
        with client(tmp_path, "alice") as alice, client(tmp_path, "bob") as bob, client(tmp_path) as nobody:
            assert PEER in alice.post(started.url, json=INITIALIZE).text
            refused = bob.post(started.url, json=INITIALIZE)
            assert (PEER in refused.text, refused.json()["error"]["code"]) == (False, -32602)
            unknown = nobody.post(started.url, json=INITIALIZE)
            assert (unknown.status_code, "resource_metadata" in unknown.headers["www-authenticate"]) == (401, True)
    finally:
        code, _ = started.stop()
    assert code == 0


@pytest.mark.mission("M12")
def test_where_certificates_are_required_nobody_without_one_gets_a_word(tmp_path, upstream):
    gateway = made(tmp_path, "--client", "alice")
    gateway["tls"]["client"] = "required"
    started = Started(tmp_path, {"notes": {"url": upstream}}, POLICY, **gateway)
    try:
        with client(tmp_path, "alice") as alice, client(tmp_path) as nobody:
            assert alice.post(started.url, json=INITIALIZE).status_code == 200
            with pytest.raises(httpx2.TransportError):
                nobody.post(started.url, json=INITIALIZE)
    finally:
        started.stop()


def test_beyond_this_machine_a_policy_that_lets_anybody_in_is_refused_with_its_line(tmp_path, upstream):
    gateway = made(tmp_path)
    loose = {**POLICY, "servers": {"notes": {"anonymous": True, "dry_run": True}}}
    started = Started(tmp_path, {"notes": {"url": upstream}}, loose, **gateway, hosts=["gw.example:8700"])
    said = started.url + "\n" + started.rest()
    assert started.process.wait(20) == 2
    assert "policy.yml:1: `anonymous` holds on loopback only" in said
    assert "`dry_run` holds on loopback only" in said


def test_it_listens_beyond_loopback_with_tls(tmp_path, upstream):
    gateway = made(tmp_path, "--client", "alice")
    started = Started(
        tmp_path, {"notes": {"url": upstream}}, POLICY, **gateway, listen="0.0.0.0:0", hosts=["localhost"]
    )
    try:
        port = started.url.rpartition(":")[2].partition("/")[0]
        with client(tmp_path, "alice") as alice:
            url = f"https://localhost:{port}/servers/notes/mcp"
            assert alice.post(url, json=INITIALIZE).status_code == 403  # a Host that is not one of its names
            named = alice.post(url, content=json.dumps(INITIALIZE), headers={"host": "localhost"})
            assert PEER in named.text
    finally:
        started.stop()
