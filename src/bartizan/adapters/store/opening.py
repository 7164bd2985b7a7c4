"""Opening a database: the file's mode, the driver's settings, the schema's version."""

import os
import sqlite3
import stat
import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from bartizan.adapters.store.schema import HEAD
from bartizan.model.errors import Place, UsageError

BUSY_SECONDS_MAX = 30.0
_LOCK = 0x62617274  # the advisory lock under which PostgreSQL's schema is changed: "bart"


def open_engine(url: str) -> Engine:
    """An engine on a database whose schema is ours and current. Raises UsageError that never shows a password."""
    parsed = _parse(url)
    where = Place(url=parsed.render_as_string(hide_password=True))
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        _guard_file(Path(parsed.database))
    try:
        engine = _engine(parsed)
    except ModuleNotFoundError as error:
        raise UsageError(f"the driver {error.name} is missing", where=where, remedy=_DRIVER) from None
    try:
        _migrate(engine, where)
    except (SQLAlchemyError, sqlite3.Error) as error:
        engine.dispose()
        reason = str(getattr(error, "orig", None) or error).strip()
        raise UsageError(f"the store does not open: {reason}", where=where, remedy=_OPENS) from None
    except UsageError:
        engine.dispose()
        raise
    return engine


_DRIVER = "pip install 'bartizan[postgres]'"
_OPENS = "check that the file or server is there, that it is a store of Bartizan, and that this user may write to it"
_URLS = "use sqlite:///PATH or postgresql://USER@HOST/DATABASE"


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UsageError("the store's URL is malformed", remedy=_URLS) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise UsageError(f"no store is kept in {parsed.drivername!r}", remedy=_URLS)
    return parsed


def _engine(url: URL) -> Engine:
    """Statements never show their parameters in an error: those are what the scan found."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    arguments = {"timeout": BUSY_SECONDS_MAX, "check_same_thread": False}
    if url.database:
        engine = create_engine(url, hide_parameters=True, connect_args=arguments)
    else:
        engine = create_engine(url, hide_parameters=True, connect_args=arguments, poolclass=StaticPool)
    event.listen(engine, "connect", _settings)
    event.listen(engine, "begin", _begin)
    return engine


def _settings(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    del entry
    connection.isolation_level = None  # the driver would begin and commit at moments of its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA trusted_schema=OFF")
    _write_ahead(connection)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _write_ahead(connection: DBAPIConnection) -> None:
    """Readers then never wait. Changing to it does not honour the busy time-out, so the wait is here."""
    deadline = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once: one that reads first and then asks could be refused half way."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _guard_file(path: Path) -> None:
    """Make the file for its owner alone; refuse one that somebody else could have planted."""
    where = Place(path=str(path))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix" and path.parent.stat().st_mode & stat.S_IWOTH:
        raise UsageError(
            "everybody may write to the store's folder",
            where=where,
            remedy=f"chmod o-w {path.parent}, or move the store",
        )
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600))
    except FileExistsError:
        pass  # and it is not opened here: closing it would drop the locks of a database that is open in this process
    except OSError as error:
        reason = error.strerror or "refused"
        raise UsageError(f"the store cannot be opened: {reason}", where=where, remedy=_FILE) from None
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or (hasattr(os, "geteuid") and found.st_uid != os.geteuid()):
        raise UsageError("the store is not a file of this user", where=where, remedy=_FILE)
    if os.name == "posix" and found.st_mode & 0o077:
        path.chmod(0o600)


_FILE = "name a regular file of this user's own, not a symbolic link"


def _migrate(engine: Engine, where: Place) -> None:
    """Bring the schema to `HEAD`. Whoever comes second waits for the lock and finds the work done."""
    with engine.connect() as connection, connection.begin():
        if _revision(connection) == HEAD:
            return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        revision = _revision(connection)
        if revision == HEAD:
            return
        from alembic import command  # noqa: PLC0415 - 9 MB that a store which is current never needs
        from alembic.config import Config  # noqa: PLC0415
        from alembic.script import ScriptDirectory  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise UsageError(
                f"the store has schema {revision}, this Bartizan knows none after {HEAD}",
                where=where,
                remedy="use the newer Bartizan that wrote it, or name another store",
            )
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
