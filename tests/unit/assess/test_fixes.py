"""Mends as data: where a server is bound, and what is refused because several clients read one file."""

from datetime import UTC, datetime

import msgspec
import pytest

from bartizan.assess.fixes.ticket import Sight, Ticket
from bartizan.assess.mend import mend_of
from bartizan.model.asset import Asset, AssetKind, Confidence, Edge, EdgeKind
from bartizan.model.client import ClientSpec, ConfigPath
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.model.mend import Mend, NoMendError

NOWHERE = "0.0." + "0.0"


def client(name: str, **told: str) -> ClientSpec:
    paths = (ConfigPath(path="~/x", keys=("s",)),)
    return ClientSpec(id=name, name=name, source="s", confidence="high", verified="2026-11-20", paths=paths, **told)  # type: ignore[arg-type]


def ticket(rule: str, args: list[str], *, runner: str = "uvx", environment: dict[str, str] | None = None) -> Ticket:
    entry = {"command": runner, "args": args, "env": environment or {}}
    words = [(runner, ("s", "a", "command")), *((word, ("s", "a", "args", at)) for at, word in enumerate(args))]
    package = {"runner": runner, "name": "a", "ecosystem": "npm"}
    return Ticket(
        finding=Finding(
            id="F-1",
            rule=rule,
            title="t",
            subject="server:a",
            severity=Severity.HIGH,
            confidence=Confidence.HIGH,
            message="m",
            remedy="do it",
        ),
        inventory=Inventory(taken_at=datetime(2026, 7, 1, tzinfo=UTC)),
        server=Asset(
            id="server:a",
            kind=AssetKind.SERVER,
            name="a",
            attributes={"package": package},
        ),
        sights=(
            Sight(
                file="/f.json",
                readers=(client("one"),),
                document={"s": {"a": entry}},
                name="a",
                path=("s", "a"),
                words=words,
                environment=environment or {},
                environment_path=("s", "a", "env"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("copies", "pinned"),
    [
        ([{"version": "1.2.3"}], {1: "a@1.2.3"}),
        ([{"version": "1.2.3"}, {"version": "1.0.0", "path": "/p/node_modules/a"}], {1: "a@1.2.3"}),
        ([{"version": "1.0.0", "path": "/p/node_modules/a"}], None),  # whoever wrote the project put it there
        ([{"version": "1.2.3"}, {"version": "1.2.4"}], None),
        ([{"version": "latest"}], None),
    ],
)
def test_the_version_that_the_scan_fetched_is_taken_and_one_that_lies_about_is_told(copies: object, pinned: object):
    asked = ticket("unpinned_launch", ["-y", "a"], runner="npx")
    package = Asset(id="package:a", kind=AssetKind.PACKAGE, name="a", attributes={"copies": copies})
    edge = Edge(source="server:a", target="package:a", kind=EdgeKind.LOADS)
    asked = msgspec.structs.replace(
        asked, inventory=msgspec.structs.replace(asked.inventory, assets=(package,), edges=(edge,))
    )
    if pinned is None:
        with pytest.raises(NoMendError, match=r"--version|exact version"):
            mend_of(asked)
    else:
        assert told(mend_of(asked)) == pinned


def told(mend: Mend) -> dict[str | int, object]:
    return {edit.path[-1]: edit.value for file in mend.files for edit in file.edits}


@pytest.mark.parametrize(
    ("word", "bound"),
    [
        (NOWHERE, "127.0.0.1"),
        (f"--host={NOWHERE}", "--host=127.0.0.1"),
        (f"{NOWHERE}:8000", "127.0.0.1:8000"),
        (f"http://{NOWHERE}:8000/mcp", "http://127.0.0.1:8000/mcp"),
        ("[::]:8000", "[::1]:8000"),
        ("::", "::1"),
        ("--bind=::", "--bind=::1"),
    ],
)
def test_an_argument_is_bound_to_loopback(word: str, bound: str):
    assert told(mend_of(ticket("listens_on_all_interfaces", ["srv", word]))) == {1: bound}


@pytest.mark.parametrize("word", [f"1{NOWHERE}", f"{NOWHERE}.1", "std::vector", "::1", "127.0.0.1", f"x{NOWHERE}"])
def test_what_is_no_address_of_every_interface_stays(word: str):
    with pytest.raises(NoMendError, match="no entry of a client says"):
        mend_of(ticket("listens_on_all_interfaces", ["srv", word]))


def test_a_variable_of_a_hosts_name_is_bound_and_another_one_stays():
    asked = ticket("listens_on_all_interfaces", ["srv"], environment={"MCP_HOST": NOWHERE, "MOTTO": f"not {NOWHERE}"})
    assert told(mend_of(asked)) == {"MCP_HOST": "127.0.0.1"}


@pytest.mark.parametrize(
    ("args", "change"),
    [
        (["run", "-p", "8000:8000", "img", "--host", NOWHERE], {2: "127.0.0.1:8000:8000"}),
        (["run", f"--publish={NOWHERE}:80:80/tcp", "img"], {1: "--publish=127.0.0.1:80:80/tcp"}),
    ],
)
def test_a_container_keeps_its_own_interfaces_and_publishes_to_this_machine(args: list[str], change: dict[int, str]):
    assert told(mend_of(ticket("listens_on_all_interfaces", args, runner="docker"))) == change


def test_clients_of_one_file_with_different_rules_leave_it_to_a_person():
    asked = ticket("plain_http_endpoint", [])
    (sight,) = asked.sights
    both = (client("one", turns_off="disabled: true"), client("two"))
    shared = Sight(file="/f", readers=both, document=sight.document, name="a", path=sight.path)
    with pytest.raises(NoMendError, match="one, two read this file"):
        mend_of(
            Ticket(finding=asked.finding, inventory=asked.inventory, server=asked.server, sights=(shared,)),
            turn_off=True,
        )


def test_a_rule_without_a_mend_tells_its_remedy():
    with pytest.raises(NoMendError, match=r"do it; --disable turns its server off"):
        mend_of(ticket("plain_http_endpoint", []))
