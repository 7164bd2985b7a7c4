"""Both databases, empty for each test."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bartizan.adapters.store.sql import SqlStore
from fixtures.postgres import cluster

EPOCH = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with cluster() as url:
        yield url


@pytest.fixture(scope="session")
def new_database(postgres: str) -> Callable[[], str]:
    """Make an empty database of the cluster and give its URL."""
    numbers = itertools.count()

    def make() -> str:
        name = f"empty{next(numbers)}"
        engine = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return postgres.removesuffix("/postgres") + f"/{name}"

    return make


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/bartizan.db"
    return request.getfixturevalue("new_database")()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    with SqlStore(url) as opened:
        yield opened


@pytest.fixture
def at() -> Callable[[int], datetime]:
    """The time so many days after the first scan."""
    return lambda days: EPOCH + timedelta(days=days)
