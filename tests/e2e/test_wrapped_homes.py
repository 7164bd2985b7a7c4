"""Homes with the files of every client: wrapped by the command line, and given back byte for byte."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.estate import build_estate
from fixtures.real.estate import build_real_home

BARTIZAN = Path(sys.executable).with_name("bartizan")
HOMES = {
    "every client": build_estate,
    "real servers": build_real_home,
}


def files(home: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a home: its bytes and its mode."""
    return {
        str(path.relative_to(home)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in home.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("name", HOMES)
def test_a_home_of_every_client_is_wrapped_and_comes_back_byte_for_byte(tmp_path: Path, name: str):
    estate = HOMES[name](tmp_path / "machine")
    environment = {**os.environ, "BARTIZAN_HOME": str(tmp_path / "state")}
    environment.pop("BARTIZAN_CONFIG", None)

    def run(*words: str) -> str:
        done = subprocess.run(
            [BARTIZAN, *words], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode in {0, 3}, done.stderr
        assert not estate.leaks((done.stdout + done.stderr).encode())
        return done.stdout

    before = files(estate.home)
    told = run("wrap", "--yes", "--projects", "--home", str(estate.home))
    after = files(estate.home)
    changed = {place for place in before if before[place] != after.get(place)}
    assert len(changed) >= 5
    assert f"{len(changed)} files changed" in told
    assert after.keys() == before.keys()
    assert {place: mode for place, (_, mode) in after.items()} == {place: mode for place, (_, mode) in before.items()}
    assert "0 files changed" in run("wrap", "--yes", "--projects", "--home", str(estate.home))
    run("unwrap")
    assert files(estate.home) == before
