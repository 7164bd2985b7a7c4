"""`bartizan normalize`: files and pipes to OCSF lines; what is not understood is counted, and the rest goes on."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bartizan.app.normalize import KINDS, normalize
from bartizan.model.errors import UsageError
from bartizan.model.source_event import SourceEvent, Unparsed

LINES = b'{"eventName":"ListUsers","eventTime":"2026-03-02T09:15:27Z"}\n' * 3


def told(data: bytes) -> list[SourceEvent | Unparsed]:
    return list(normalize(io.BytesIO(data), "cloudtrail"))


def test_a_compressed_file_is_read_like_a_plain_one():
    assert told(gzip.compress(LINES)) == told(LINES)
    assert told(gzip.compress(LINES) + gzip.compress(LINES)) == told(LINES + LINES)
    assert len(told(LINES)) == 3


@pytest.mark.parametrize("cut", [-1, -8, -9, 40, 12])
def test_a_compressed_file_that_breaks_off_is_told(cut: int):
    *_, last = told(gzip.compress(LINES)[:cut])
    assert isinstance(last, Unparsed)
    assert "gzip stream is broken" in last.reason


def test_a_broken_compressed_file_gives_what_it_holds_before():
    packed = gzip.compress(LINES) + gzip.compress(LINES)[:-4]
    assert sum(isinstance(one, SourceEvent) for one in told(packed)) >= 3


def test_an_unknown_kind_is_refused_with_the_kinds_there_are():
    with pytest.raises(UsageError, match="cloudtrail"):
        list(normalize(io.BytesIO(b""), "nonsense"))


def run(*arguments: str, data: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "bartizan", "normalize", *arguments]
    return subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)


def test_the_command_reads_standard_input_and_says_what_it_did_not_understand():
    ended = run("--source", "cloudtrail", data=LINES + b"{oh\x1b[31m\n" + LINES)
    assert ended.returncode == 3
    assert len([json.loads(line) for line in ended.stdout.splitlines()]) == 6
    shown, count = ended.stderr.decode().splitlines()
    assert shown.startswith("bartizan: line 4: not JSON")
    assert "\x1b" not in shown
    assert count == "bartizan: 1 record not understood"


def test_the_command_ends_with_0_where_everything_is_understood(tmp_path: Path):
    (tmp_path / "log.gz").write_bytes(gzip.compress(LINES))
    ended = run("--source", "cloudtrail", str(tmp_path / "log.gz"))
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_file_that_cannot_be_read_is_wrong_use(tmp_path: Path):
    assert run("--source", "cloudtrail", str(tmp_path / "none")).returncode == 2
    assert run("--source", "nonsense", data=LINES).returncode == 2


def test_the_kinds_are_on_the_page_of_sources():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "sources.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []
