"""`tls init`: what its certificates are good for, for how long, and for nothing else."""

import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest

from bartizan.adapters.authority import Authority, Issued, Purpose
from bartizan.app.tls import Wanted, authority_file, init, soonest
from bartizan.model.errors import UsageError
from bartizan.model.secret import Secret

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> dict:
    """A whole handshake in memory, and what the server knows of the client. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return there.getpeercert() or {}


def contexts(state, client: str = "", *, pair: str = "gateway", trusted: Purpose = Purpose.GATEWAY):
    folder = state / "tls"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    server.load_cert_chain(folder / f"{pair}.pem", folder / f"{pair}.key")
    server.load_verify_locations(authority_file(state, Purpose.CLIENT))
    server.verify_mode = ssl.CERT_OPTIONAL
    ours = ssl.create_default_context(cafile=str(authority_file(state, trusted)))
    ours.verify_flags |= ssl.VERIFY_X509_STRICT
    if client:
        ours.load_cert_chain(folder / f"{client}.pem", folder / f"{client}.key")
    return server, ours


def test_a_client_reaches_the_gateway_by_its_names_and_is_known_by_its_spiffe_id(tmp_path):
    init(tmp_path, Wanted(names=("gw.example",), clients=("alice",)), NOW)
    for name in ("gw.example", "localhost", "127.0.0.1"):
        known = shake(*contexts(tmp_path, "clients/alice"), name)
        assert known["subjectAltName"] == (("URI", "spiffe://bartizan.internal/client/alice"),)
    with pytest.raises(ssl.SSLError, match=r"mismatch|not valid for"):
        shake(*contexts(tmp_path), "other.example")


def test_files_are_for_their_owner_alone(tmp_path):
    init(tmp_path, Wanted(clients=("alice",)), NOW)
    files = [path for path in (tmp_path / "tls").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {
        *("gateway-ca.pem", "gateway-ca.key", "client-ca.pem", "client-ca.key"),
        *("gateway.pem", "gateway.key", "alice.pem", "alice.key"),
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_a_client_cannot_pass_as_the_gateway_nor_the_gateway_as_a_client(tmp_path):
    init(tmp_path, Wanted(clients=("alice",)), NOW)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        shake(*contexts(tmp_path, pair="clients/alice"), "localhost")
    with pytest.raises(ssl.SSLError):
        shake(*contexts(tmp_path, "gateway"), "localhost")


@pytest.mark.parametrize(("purpose", "names"), [(Purpose.GATEWAY, ["evil.example"]), (Purpose.CLIENT, ["localhost"])])
def test_who_has_an_authoritys_key_can_vouch_for_nothing_else(tmp_path, purpose, names):
    init(tmp_path, Wanted(), NOW)
    path = authority_file(tmp_path, purpose)
    stolen = Authority(purpose, Issued(certificate=path.read_text(), key=Secret(path.with_suffix(".key").read_text())))
    forged = stolen.issue("gateway", names, NOW, 1)
    (tmp_path / "tls/gateway.pem").write_text(forged.certificate)
    (tmp_path / "tls/gateway.key").write_text(forged.key.reveal())
    with pytest.raises(ssl.SSLError, match=r"permitted subtree|excluded subtree|unsuitable|purpose"):
        shake(*contexts(tmp_path, trusted=purpose), names[0])


def test_what_is_good_is_kept_and_what_is_worn_is_renewed_with_the_names_it_had(tmp_path):
    first = init(tmp_path, Wanted(names=("gw.example",), clients=("alice",), days=30), NOW)
    assert [one.new for one in first] == [True, True]
    assert [one.new for one in init(tmp_path, Wanted(), NOW + 19 * DAY)] == [False, False]
    renewed = init(tmp_path, Wanted(), NOW + 21 * DAY)
    assert [(one.new, one.name) for one in renewed] == [(True, one.name) for one in first]
    assert soonest(tmp_path) == (tmp_path / "tls/gateway.pem", NOW + 51 * DAY)


def test_a_further_client_gets_a_certificate_and_the_others_keep_theirs(tmp_path):
    init(tmp_path, Wanted(clients=("alice",), domain="acme.example"), NOW)
    made = init(tmp_path, Wanted(clients=("bob",)), NOW)
    assert [(one.name, one.new) for one in made[1:]] == [
        ("spiffe://acme.example/client/alice", False),
        ("spiffe://acme.example/client/bob", True),
    ]


def test_a_name_that_the_authority_may_not_vouch_for_is_refused_with_the_remedy(tmp_path):
    init(tmp_path, Wanted(), NOW)
    with pytest.raises(UsageError, match=r"gateway-ca\.pem: it may not vouch for gw\.example\n.*--replace"):
        init(tmp_path, Wanted(names=("gw.example",)), NOW)
    with pytest.raises(UsageError, match=r"client-ca\.pem: it may not vouch for other\.example"):
        init(tmp_path, Wanted(domain="other.example"), NOW)
    assert init(tmp_path, Wanted(names=("gw.example",), replace=True), NOW)[0].new


def test_no_certificate_outlives_its_authority_and_an_expired_one_is_told(tmp_path):
    init(tmp_path, Wanted(), NOW)
    late = init(tmp_path, Wanted(), NOW + 725 * DAY)
    assert late[0].until == NOW + 730 * DAY
    with pytest.raises(UsageError, match="this authority has expired"):
        init(tmp_path, Wanted(), NOW + 731 * DAY)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(names=("a b",)),
        Wanted(names=("*.example",)),
        Wanted(clients=("../alice",)),
        Wanted(clients=("",)),
        Wanted(domain="x/y"),
        Wanted(days=0),
        Wanted(days=91),
    ],
    ids=repr,
)
def test_what_no_certificate_may_say_is_refused_before_anything_is_made(tmp_path, wanted):
    with pytest.raises(UsageError):
        init(tmp_path / "state", wanted, NOW)
    assert not list(tmp_path.rglob("*.pem"))
