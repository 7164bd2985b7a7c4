"""Where the gateway listens: nothing in the clear beyond this machine, and certificates on both legs."""

import asyncio
import ssl
from datetime import UTC, datetime

import msgspec
import pytest

from bartizan.adapters.authority import Purpose
from bartizan.adapters.transports.listener import Answer, Listener
from bartizan.adapters.transports.pool import Upstream
from bartizan.adapters.transports.tls_server import server_context
from bartizan.adapters.vaults.local import LocalVault
from bartizan.adapters.vaults.references import References
from bartizan.app.config import Gateway
from bartizan.app.listening import Certificates, certificate_files, ear
from bartizan.app.tls import Wanted, authority_file, init
from bartizan.model.errors import UsageError
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret

TLS = {"certificate": "c.pem", "key": "file:k.pem"}
LIMITS = Limits(stop_seconds_max=1)


def configured(**keys) -> Gateway:
    return msgspec.convert(keys, Gateway)


def test_beyond_this_machine_nothing_goes_in_the_clear():
    for host in ("0.0.0.0", "10.1.2.3", "[::]", "gateway.example"):
        with pytest.raises(UsageError, match="in the clear"):
            ear(configured(listen=f"{host}:8700", identity={"resource": "https://gw.example"}))


def test_every_address_is_none_that_a_request_may_be_for():
    with pytest.raises(UsageError, match="for none of them"):
        ear(configured(listen="0.0.0.0:8700", tls=TLS))


@pytest.mark.parametrize(
    ("keys", "beyond", "base"),
    [
        ({}, False, "http://127.0.0.1:8700"),
        ({"tls": TLS}, False, "https://127.0.0.1:8700"),
        ({"listen": "[::1]:9"}, False, "http://[::1]:9"),
        ({"hosts": ["localhost:1", "[::1]:1"]}, False, "http://127.0.0.1:8700"),
        ({"listen": "10.1.2.3:8700", "tls": TLS}, True, "https://10.1.2.3:8700"),
        ({"identity": {"resource": "https://gw.example"}}, True, "http://127.0.0.1:8700"),
        ({"hosts": ["gw.example"]}, True, "http://127.0.0.1:8700"),
        ({"hosts": ["localhost.evil.example:8700"]}, True, "http://127.0.0.1:8700"),
    ],
    ids=repr,
)
def test_who_is_named_for_others_is_reached_by_others(keys, beyond, base):
    found = ear(configured(**keys))
    assert (found.beyond, found.base(found.port)) == (beyond, base)


def test_the_name_of_the_resource_is_one_by_which_it_may_be_called():
    assert ear(configured(identity={"resource": "https://gw.example:8443/x"})).hosts == ("gw.example:8443",)


@pytest.fixture
def state(tmp_path):
    init(tmp_path, Wanted(clients=("bartizan",)), datetime.now(UTC))
    return tmp_path


def certificates(state, **tls) -> Certificates:
    servers = {"files": {"url": "https://localhost/mcp", "tls": tls}}
    return Certificates(configured(servers=servers), state / "tls", References(LocalVault(state)).read)


def ask(state, **tls) -> str:
    """What a server that wants a certificate hears, and by whom it is asked."""
    folder = state / "tls"

    async def told(request) -> Answer:
        return Answer(status=200, body=str(request.certificate.get("subjectAltName")).encode())

    def server() -> ssl.SSLContext:
        key = Secret((folder / "gateway.key").read_text())
        trusted = str(authority_file(state, Purpose.CLIENT))
        return server_context(str(folder / "gateway.pem"), key, client_ca_file=trusted, clients="required")

    async def run() -> str:
        listener = Listener("127.0.0.1", 0, told, LIMITS, server)
        await listener.start()
        found = certificates(state, **tls).upstream("files")
        upstream = Upstream(f"https://localhost:{listener.port}/mcp", LIMITS, tls=found)
        try:
            async with asyncio.timeout(20):
                return (await (await upstream.send("POST", (), b"{}")).read(1000)).decode()
        finally:
            upstream.close()
            await listener.stop(0)

    return asyncio.run(run())


@pytest.mark.mission("M12")
def test_a_server_is_known_by_its_own_root_and_shown_our_certificate(state):
    ours = {"certificate": "clients/bartizan.pem", "key": f"file:{state}/tls/clients/bartizan.key"}
    assert ask(state, ca="gateway-ca.pem", **ours) == "(('URI', 'spiffe://bartizan.internal/client/bartizan'),)"
    with pytest.raises((ssl.SSLError, ConnectionError, Exception), match="CERTIFICATE_VERIFY_FAILED"):
        ask(state, ca="client-ca.pem", **ours)


def test_a_server_that_wants_a_certificate_answers_nobody_without(state):
    with pytest.raises(Exception, match=r"CERTIFICATE_REQUIRED|closed|ended|reset"):
        ask(state, ca="gateway-ca.pem")


def test_what_cannot_be_used_is_told_with_its_file_and_the_old_ones_stay(state):
    ours = {"certificate": "clients/bartizan.pem", "key": f"file:{state}/tls/clients/bartizan.key"}
    held = certificates(state, ca="gateway-ca.pem", **ours)
    factory = held.upstream("files")
    assert factory is not None
    before = factory()
    (state / "tls/gateway-ca.pem").write_text("nothing")
    with pytest.raises(UsageError, match=r"gateway-ca\.pem"):
        held.read()
    assert factory() is before
    watched = certificate_files(configured(servers={"files": {"url": "https://x/", "tls": {"ca": "a", **ours}}}), state)
    assert {path.name for path in watched} == {"a", "bartizan.pem", "bartizan.key"}


def test_tls_is_for_servers_that_have_an_https_address():
    for server in ({"url": "http://127.0.0.1/mcp", "tls": {"ca": "x"}}, {"command": ["x"], "tls": {"ca": "x"}}):
        with pytest.raises(msgspec.ValidationError, match="https"):
            configured(servers={"files": server})
