"""Logs of the real programs, written while the test watches: what they tell becomes valid events."""

import asyncio
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from mcp import Client, MCPError
from tools.set_up import find_program

from bartizan.app.bus import open_bus
from fixtures.corpora import corpus
from fixtures.gateway import Started, permitting, sdk_server
from fixtures.needs import need_now
from fixtures.ocsf import OcsfSchema
from fixtures.parsing import events
from fixtures.postgres import cluster

AUDITED = (
    "-c logging_collector=on -c log_destination=jsonlog,csvlog -c log_filename=audit -c log_connections=on "
    "-c log_disconnections=on -c log_timezone=UTC -c shared_preload_libraries=pgaudit -c pgaudit.log=all "
    "-c pgaudit.log_relation=on"
)
PASSWORD = "tr0ub4dor" + "x9K"


@pytest.fixture(scope="module")
def schema() -> OcsfSchema:
    return OcsfSchema(corpus("schemas", "ocsf"))


@pytest.fixture(scope="module")
def postgres_logs() -> Iterator[tuple[bytes, bytes]]:
    """What PostgreSQL with pgaudit writes as jsonlog and as csvlog of the same statements."""
    need_now("postgres", "pgaudit")
    with cluster(AUDITED) as url:
        with psycopg.connect(url, autocommit=True, application_name="mcp") as session:
            session.execute("CREATE EXTENSION pgaudit")
            session.execute("CREATE TABLE customers (name text)")
            session.execute("SELECT name\nFROM customers")
            session.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
            with pytest.raises(psycopg.errors.UndefinedTable):
                session.execute("SELECT * FROM nothing_here")
            (data,) = session.execute("SHOW data_directory").fetchone() or ("",)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url.replace("tests@", "nobody_here@"))
        logs = [Path(data, "log", name) for name in ("audit.json", "audit.csv")]
        wait_for(lambda: all(b"nobody_here" in one.read_bytes() for one in logs))
        yield logs[0].read_bytes(), logs[1].read_bytes()


def wait_for(done: Callable[[], bool]) -> None:
    """What another process does takes a moment; ten seconds are too long."""
    for _ in range(200):
        if done():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within ten seconds")


@pytest.mark.parametrize("number", [0, 1], ids=["jsonlog", "csvlog"])
def test_postgresql_with_pgaudit_tells_who_read_which_table(postgres_logs, number: int, schema: OcsfSchema):
    found = events("postgres", postgres_logs[number])
    assert [one for one in found if schema.mistakes_of_any(one.record)] == []
    assert all(one.time > 1_600_000_000_000 for one in found)
    read = [one.record for one in found if one.record.get("table", {}).get("name") == "public.customers"]
    assert {"Read", "Create"} <= {one["activity_name"] for one in read}
    asked = next(one for one in read if one["activity_name"] == "Read")
    assert asked["query_info"]["query_string"] == "SELECT name\nFROM customers"
    assert asked["actor"]["user"]["programmatic_credentials"][0]["uid"] == "postgres-role:tests"
    assert asked["database"]["name"] == "postgres"
    assert len({one.uid for one in found}) == len(found)


def test_both_formats_of_postgresql_give_the_same_events(postgres_logs):
    as_json, as_csv = ({one.uid: one.record for one in events("postgres", log)} for log in postgres_logs)
    shared = as_json.keys() & as_csv.keys()
    assert len(shared) > 10
    for uid in shared:
        for name in ("class_uid", "activity_id", "time", "message", "actor", "src_endpoint", "status"):
            assert as_json[uid].get(name) == as_csv[uid].get(name), (uid, name)


@pytest.mark.parametrize("number", [0, 1], ids=["jsonlog", "csvlog"])
def test_sign_ins_to_postgresql_are_told_and_no_password_is(postgres_logs, number: int):
    found = events("postgres", postgres_logs[number])
    logons = [one.record for one in found if one.record["class_uid"] == 3002]
    assert {(one["activity_name"], one["status"]) for one in logons} >= {
        ("Logon", "Success"),
        ("Logon", "Failure"),
        ("Logoff", "Success"),
    }
    assert PASSWORD not in repr(found)


SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload auditlog
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw {password}
directory {folder}/data
overlay auditlog
auditlog {folder}/audit.ldif
"""
PEOPLE = """dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: uid=bob,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob Müller
sn: Müller
userPassword: {password}
"""
OFFBOARDED = """dn: uid=bob,dc=example,dc=org
changetype: modify
replace: employeeType
employeeType: offboarded

dn: uid=bob,dc=example,dc=org
changetype: delete
"""


@pytest.fixture(scope="module")
def directory_log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What slapd's auditlog writes of three changes."""
    need_now("slapd", "ldapmodify")
    folder = tmp_path_factory.mktemp("ldap")
    (folder / "data").mkdir()
    (folder / "slapd.conf").write_text(SLAPD.format(folder=folder, password=PASSWORD))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"ldap://127.0.0.1:{port}"
    server = subprocess.Popen(
        [find_program("slapd"), "-d", "0", "-f", str(folder / "slapd.conf"), "-h", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: listens(port))
        as_admin = [find_program("ldapmodify"), "-x", "-H", url, "-D", "cn=admin,dc=example,dc=org", "-w", PASSWORD]
        for more, changes in ((["-a"], PEOPLE.format(password=PASSWORD)), ([], OFFBOARDED)):
            subprocess.run([*as_admin, *more], input=changes.encode(), check=True, capture_output=True, timeout=30)
        return (folder / "audit.ldif").read_bytes()
    finally:
        server.terminate()
        server.wait(20)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_directory_tells_who_left(directory_log: bytes, schema: OcsfSchema):
    found = [one.record for one in events("openldap_audit", directory_log)]
    assert [one for one in found if schema.mistakes_of_any(one)] == []
    changes = [(one["activity_name"], one["entity"]["name"]) for one in found]
    assert changes == [
        ("Create", "dc=example,dc=org"),
        ("Create", "uid=bob,dc=example,dc=org"),
        ("Update", "uid=bob,dc=example,dc=org"),
        ("Delete", "uid=bob,dc=example,dc=org"),
    ]
    left = found[2]
    assert left["actor"]["user"]["name"] == "cn=admin,dc=example,dc=org"
    assert left["src_endpoint"]["ip"] == "127.0.0.1"
    step = {"operation": "replace", "attribute": "employeeType", "values": ["offboarded"]}
    assert step in left["unmapped"]["modifications"]
    assert found[1]["unmapped"]["attributes"]["cn"] == ["Bob Müller"]
    assert PASSWORD not in repr(found)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a gateway's journal holds of a session of the official SDK's client, as JSON lines."""
    folder = tmp_path_factory.mktemp("gateway")

    async def session(url: str) -> None:
        async with Client(url, mode="auto") as client:
            await client.list_tools()
            await client.call_tool("fetch", {"identity": "abc"})
            with pytest.raises(MCPError):
                await client.call_tool("search", {"query": {"text": "x"}})

    with sdk_server() as upstream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = Started(folder, {"notes": {"url": upstream}}, permitting(tools=["fetch"]))
        try:
            asyncio.run(session(started.url))
        finally:
            assert started.stop()[0] == 0
    bus = open_bus(started.state)
    try:
        return b"\n".join(msgspec.json.encode(one.event) for one in bus.read(0, 1000).events)
    finally:
        bus.close()


def test_the_gateways_journal_tells_each_call_once(journal: bytes, schema: OcsfSchema):
    found = events("mcp", journal)
    assert [one for one in found if schema.mistakes_of_any(one.record)] == []
    assert len({one.uid for one in found}) == len(found)
    calls = {
        one.record["mcp"]["target"]: one.record for one in found if one.record.get("mcp", {}).get("verb") == "call"
    }
    assert calls["fetch"]["unmapped"]["record_uids"][1].endswith(".end")
    assert calls["fetch"]["duration"] >= 0
    assert (calls["fetch"]["status"], calls["search"]["status"]) == ("Success", "Failure")
