"""Reports are written for their owner, whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from bartizan.app.files import is_stream, write_private


def test_a_report_is_readable_by_its_owner_only_and_replaces_the_last_one(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new\ud800")
    assert path.read_text() == "new\\ud800"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_leaves_the_last_one(tmp_path: Path):
    with pytest.raises(OSError, match="No such file"):
        write_private(tmp_path / "missing" / "report.json", "new")


@pytest.mark.skipif(os.name != "posix", reason="pipes have no names there")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_private(pipe, "told")
    assert os.read(reader, 10) == b"told"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="there is no /dev")
def test_standard_output_is_written_through_even_when_it_goes_to_a_file(tmp_path: Path):
    link, file = tmp_path / "link", tmp_path / "file"
    file.write_text("")
    link.symlink_to(file)
    assert is_stream(Path("/dev/stdout"))
    assert is_stream(Path(os.devnull))
    assert [is_stream(path) for path in (link, file, tmp_path / "new")] == [False] * 3
