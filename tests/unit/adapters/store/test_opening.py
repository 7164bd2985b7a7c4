"""Opening: the file's mode, whose database it is, which schema, and what is refused."""

import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from bartizan.adapters.store import opening, schema
from bartizan.adapters.store.sql import SqlStore
from bartizan.model.asset import Asset, AssetKind
from bartizan.model.errors import UsageError
from bartizan.model.inventory import Inventory
from bartizan.model.secret import Secret

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from sqlalchemy import event
from bartizan.adapters.store.sql import SqlStore
from bartizan.model.asset import Asset, AssetKind, Edge, EdgeKind
from bartizan.model.inventory import Inventory

store, last, done = SqlStore(sys.argv[1]), int(sys.argv[2]), 0

def die(*_):
    global done
    done += 1
    if done == last:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(store._engine, "after_cursor_execute", die)
assets = tuple(Asset(id=f"tool:n{n}", kind=AssetKind.TOOL, name="new") for n in range(500))
edges = tuple(Edge(source="tool:n1", target=f"tool:n{n}", kind=EdgeKind.EXPOSES) for n in range(500))
store.save(Inventory(taken_at=datetime(2026, 2, 2, tzinfo=UTC), assets=assets, edges=edges), [])
"""


@pytest.mark.parametrize("statement", [1, 3, 4, 5, 6, 8])
def test_a_kill_in_the_middle_of_a_save_leaves_the_earlier_scan_whole(tmp_path: Path, statement: int) -> None:

    url = f"sqlite:///{tmp_path}/b.db"
    assets = tuple(Asset(id=f"tool:{n}", kind=AssetKind.TOOL, name="old") for n in range(300))
    taken_at = datetime.fromisoformat("2026-01-01T00:00:00Z")
    with SqlStore(url) as store:
        store.save(Inventory(taken_at=taken_at, assets=assets), [])
    child = subprocess.run([sys.executable, "-c", KILLED, url, str(statement)], capture_output=True, check=False)
    assert child.returncode == -9, child.stderr
    with SqlStore(url) as store:
        latest = store.latest()
        assert latest
        assert [asset.id for asset in latest.assets] == [asset.id for asset in assets]
        assert (latest.taken_at, latest.edges, store.changes()) == (taken_at, (), [])
        store.save(Inventory(taken_at=taken_at, assets=assets[1:]), [])
        assert len(store.changes()) == 1


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "b.db"
    with SqlStore(f"sqlite:///{path}") as store:
        assert store.events() == []
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert modes["b.db"] == 0o600
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    path.touch(mode=0o644)
    SqlStore(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="not a symbolic link"):
        SqlStore(f"sqlite:///{tmp_path}/b.db")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_everybody_writes_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    with pytest.raises(UsageError, match="everybody may write"):
        SqlStore(f"sqlite:///{tmp_path}/open/b.db")


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "b.db").write_text("no database, but long enough to look at" * 100)
    with pytest.raises(UsageError, match=r"b\.db: the store does not open: .*not a database"):
        SqlStore(f"sqlite:///{tmp_path}/b.db")


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "hunter2", "sqlite+aiosqlite:///hunter2", ""])
def test_a_url_of_another_kind_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        SqlStore(url)
    assert "hunter2" not in str(refused.value)
    assert "sqlite:///PATH" in str(refused.value)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(UsageError, match=re.escape("u:***@127.0.0.1:1")) as refused:
        SqlStore(Secret("postgresql://u:hunter2@127.0.0.1:1/d"))
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    with SqlStore(url) as store, store._writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match=r"(?s)schema 9999.*newer Bartizan") as refused:
        SqlStore(url)
    assert refused.value.remedy
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_of_the_schema(store: SqlStore) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_newest_migration_is_the_head_that_the_code_names() -> None:
    assert ScriptDirectory(str(Path(opening.__file__).parent / "migrations")).get_heads() == [schema.HEAD]


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/b.db") as store, store._writer.begin() as connection:
        connection.exec_driver_sql("DELETE FROM events")
        assert store.events() == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_store_in_memory_needs_no_file() -> None:
    with SqlStore("sqlite://") as store:
        store.remember_consent("d", "shown", datetime.fromisoformat("2026-01-01T00:00:00Z"))
        assert store.consented("d")


def test_opening_a_current_store_changes_nothing(tmp_path: Path) -> None:
    def version() -> int:
        with closing(sqlite3.connect(tmp_path / "b.db")) as connection:
            return connection.execute("PRAGMA schema_version").fetchone()[0]

    url = f"sqlite:///{tmp_path}/b.db"
    SqlStore(url).close()
    before = version()
    SqlStore(url).close()
    assert version() == before


def test_a_store_that_is_opened_twice_in_a_process_keeps_its_locks(tmp_path: Path):
    """POSIX drops a process's locks on a file when it closes any handle of it; then others take the log away."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    first, second = SqlStore(url), SqlStore(url)
    told = "import sys; from bartizan.adapters.store.sql import SqlStore; s = SqlStore(sys.argv[1]); "

    def elsewhere(then: str) -> str:
        done = subprocess.run([sys.executable, "-c", told + then, url], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    first.remember_consent("a" * 64, "x", datetime(2026, 1, 1, tzinfo=UTC))
    elsewhere("s.close()")
    first.remember_consent("b" * 64, "x", datetime(2026, 1, 1, tzinfo=UTC))
    assert elsewhere("print(s.consented('a' * 64), s.consented('b' * 64))") == "True True"
    first.close()
    second.close()
