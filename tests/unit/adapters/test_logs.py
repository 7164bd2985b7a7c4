"""Searching logs and crash dumps: what is found on which line, what is refused, and what is cut short and told."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bartizan.adapters.collectors.files import FileCollector
from bartizan.adapters.collectors.homes import home_at
from bartizan.discover.logs import read_logs, secret_finder, working_folders
from bartizan.model.asset import AssetKind, EdgeKind
from bartizan.model.coverage import Outcome
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.record import LogRecord, NamedFile
from bartizan.model.secret import Secret, fingerprint
from bartizan.model.snapshot import Transport
from bartizan.ports import Collected

AT = datetime(2026, 11, 20, tzinfo=UTC)
KEY = Secret("key of this test")
TOKEN = "ghp_" + "A1b2" * 9
PASSWORD = "tr0ub" + "4dor"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user, which takes root")
Search = Callable[..., Collected[LogRecord]]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / ".config/Claude/logs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def search(catalogue, tmp_path: Path) -> Search:
    def run(folders: tuple[NamedFile, ...] = (), limits: Limits = DEFAULT) -> Collected[LogRecord]:
        collector = FileCollector(catalogue, homes=[home_at(str(tmp_path), "linux")], root=None, limits=limits)
        return collector.read_logs(folders, secret_finder(KEY))

    return run


def test_a_secret_in_a_clients_log_is_told_with_its_line_and_joins_by_its_fingerprint(logs: Path, search: Search):
    (logs / "mcp-server-github.log").write_text(f"starting\nenv GITHUB_TOKEN={TOKEN}\nand again {TOKEN}\n")
    (record,) = search().records
    assert [(one.kind, one.line, one.fingerprint) for one in record.secrets] == [
        ("github-token", 2, fingerprint(Secret(TOKEN), KEY))
    ]
    assert TOKEN not in repr(record)
    told = read_logs([record], at=AT)
    document, credential = told.assets
    assert (document.kind, document.attributes["role"]) == (AssetKind.DOCUMENT, "log")
    assert credential.id == f"credential:{fingerprint(Secret(TOKEN), KEY)}"
    assert [(edge.kind, edge.attributes) for edge in told.edges] == [(EdgeKind.STORES, {"line": 2})]


def test_a_password_that_a_log_names_is_found(logs: Path, search: Search):
    (logs / "mcp.log").write_text(f"connecting with password={PASSWORD}\n")
    (record,) = search().records
    assert [one.fingerprint for one in record.secrets] == [fingerprint(Secret(PASSWORD), KEY)]


def test_a_log_without_secrets_is_no_asset_and_no_gap(logs: Path, search: Search):
    (logs / "mcp.log").write_text("all is well\n")
    assert search() == Collected(records=(), looks=())


@pytest.mark.parametrize("before", [1024 * 1024 - 20, 1024 * 1024 - 8 * 1024 - 10, 1024 * 1024, 2 * 1024 * 1024 - 4])
def test_a_secret_where_two_blocks_meet_is_found_whole(logs: Path, search: Search, before: int):
    lines = ("x" * 79 + "\n") * (before // 80 + 1)
    (logs / "mcp.log").write_text(lines[: before - 9] + f"\npassword={PASSWORD}\n" + TOKEN + "\n" + lines)
    (record,) = search().records
    assert {one.fingerprint for one in record.secrets} == {
        fingerprint(Secret(PASSWORD), KEY),
        fingerprint(Secret(TOKEN), KEY),
    }


def test_of_a_huge_log_both_ends_are_read_and_the_rest_is_told(logs: Path, search: Search):
    (logs / "mcp.log").write_text("x\n" * 50_000 + TOKEN + "\n")
    collected = search(limits=Limits(log_bytes_max=10_000, log_end_bytes_max=4_000))
    assert [one.line for one in collected.records[0].secrets] == [None]
    (look,) = collected.looks
    assert look.outcome is Outcome.TRUNCATED
    assert "log_bytes_max" in look.reason


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (Limits(logs_max=1), "logs_max"),
        (Limits(logs_bytes_max=1), "logs_bytes_max"),
        (Limits(logs_seconds_max=-1), "logs_seconds_max"),
    ],
)
def test_logs_beyond_a_limit_are_told(logs: Path, search: Search, limits: Limits, named: str):
    for number in range(3):
        (logs / f"mcp{number}.log").write_text("x\n")
    (look,) = search(limits=limits).looks
    assert look.outcome is Outcome.TRUNCATED
    assert named in look.reason


def test_strings_of_a_core_dump_are_searched_in_one_and_two_bytes(tmp_path: Path, search: Search):
    folder = tmp_path / "work"
    folder.mkdir()
    other = "npm_" + "B2c3" * 9
    (folder / "core.4711").write_bytes(
        b"\x7fELF\x02\x00\xff"
        + f"\0API_TOKEN={TOKEN}\0HOME=/root\0".encode()
        + other.encode("utf-16-le")
        + b"\xff\x00\xfe"
    )
    (record,) = search((NamedFile(path=str(folder), home=str(tmp_path)),)).records
    assert (record.role, {one.kind for one in record.secrets}) == ("crash_dump", {"github-token", "npm-token"})


def test_a_diagnostic_report_of_node_is_a_crash_dump(tmp_path: Path, search: Search):
    report = {"environmentVariables": {"GITHUB_TOKEN": TOKEN, "LANG": "C"}}
    (tmp_path / "report.20261120.101500.77.0.001.json").write_text(json.dumps(report))
    assert [one.role for one in search().records] == ["crash_dump"]


def test_pipes_folders_and_links_to_nothing_are_left_alone(logs: Path, search: Search):
    os.mkfifo(logs / "mcp1.log")
    (logs / "mcp2.log").mkdir()
    (logs / "mcp3.log").symlink_to("nowhere")
    assert search() == Collected(records=(), looks=())


@as_root
def test_a_link_to_a_file_of_another_owner_is_refused_and_told(logs: Path, search: Search, tmp_path: Path):
    other = tmp_path / "other"
    other.write_text(TOKEN)
    os.chown(other, 4711, 4711)
    (logs / "mcp.log").symlink_to(other)
    collected = search()
    assert collected.records == ()
    assert [one.outcome for one in collected.looks] == [Outcome.FAILED]


@as_root
def test_a_folder_of_another_owner_is_not_entered_because_a_configuration_names_it(tmp_path: Path, search: Search):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "npm-debug.log").write_text(TOKEN)
    os.chown(folder, 4711, 4711)
    assert search((NamedFile(path=str(folder), home=str(tmp_path)),)).records == ()


def test_folders_in_which_servers_work_are_named_with_the_home_they_lie_in():
    launches = {
        "server:a": Launch(transport=Transport.STDIO, directory="/home/ada/project/"),
        "server:b": Launch(transport=Transport.STDIO, directory="relative"),
        "server:c": Launch(transport=Transport.STDIO),
    }
    assert working_folders(launches, ["/home/ada", "/home/bob"]) == [
        NamedFile(path="/home/ada/project", home="/home/ada")
    ]
