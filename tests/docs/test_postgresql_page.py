"""What the page on PostgreSQL says works on a real one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from fixtures.examples import ROOT
from fixtures.postgres import cluster

PAGE = (ROOT / "docs" / "how-to" / "keep-inventories-in-postgresql.md").read_text(encoding="utf-8")
HOME = ROOT / "docs" / "examples" / "home"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with cluster() as url:
        yield url


def scan(folder: Path, store: str) -> subprocess.CompletedProcess[str]:
    """A scan with the configuration of the page, and `store` where its reference leads."""
    (folder / "bartizan.yml").write_text(block("yaml"))
    environment = {"PATH": os.environ["PATH"], "BARTIZAN_HOME": str(folder / "state"), "BARTIZAN_STORE": store}
    command = [sys.executable, "-m", "bartizan", "scan", "--home", str(HOME), "--config", "bartizan.yml"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def block(language: str) -> str:
    return PAGE.partition(f"```{language}\n")[2].partition("```")[0].strip()


def test_the_configuration_of_the_page_keeps_a_scan_in_the_database(database: str, tmp_path: Path):
    done = scan(tmp_path, database)
    assert done.returncode == 3, done.stderr
    engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from scans")).scalar_one() == 1
        kept = [row.name for row in connection.execute(text("select name from assets where kind = 'server'"))]
    engine.dispose()
    assert sorted(kept) == ["files", "git", "orders", "wiki"]
    assert not (tmp_path / "state" / "bartizan.db").exists()


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path):
    done = scan(tmp_path, "postgresql://ada:" + "A1b2" * 5 + "@127.0.0.1:1/x")
    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr
    assert "A1b2" not in done.stdout + done.stderr
