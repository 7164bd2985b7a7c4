"""What tests of several rooms share."""

import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from bartizan.discover.catalogue import load_catalogue
from bartizan.model.client import ClientSpec
from bartizan.model.record import FileRecord
from bartizan.model.secret import Secret
from fixtures.needs import pytest_runtest_makereport  # noqa: F401 - pytest finds the hook here

sys.path.insert(0, str(Path(__file__).parent / "fixtures"))

from estate import Estate, build_estate  # pyright: ignore[reportMissingImports]


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """A home on Linux with a dozen clients in every format, and canary secrets made for this test."""
    return build_estate(tmp_path / "estate")


@pytest.fixture
def make_estate(tmp_path: Path) -> Callable[[str], Estate]:
    """Write the image of a machine with another system: `linux`, `macos` or `windows`."""
    return lambda system: build_estate(tmp_path / "estate", system)


@pytest.fixture(scope="session")
def catalogue() -> tuple[ClientSpec, ...]:
    """The built-in catalogue of clients."""
    text = files("bartizan.content").joinpath("clients.yml").read_text(encoding="utf-8")
    return _Catalogue(load_catalogue({"clients.yml": text}))


class _Catalogue(tuple[ClientSpec, ...]):
    """Hypothesis shows the arguments of what failed; all of the catalogue would be too much of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<catalogue of {len(self)} clients>"


@pytest.fixture(scope="session")
def configuration(catalogue: tuple[ClientSpec, ...]) -> Callable[..., FileRecord]:
    """A file of a client in the home of Alice, as the collector would bring it."""

    def make(client: str, pattern: str, text: str | None, **more: object) -> FileRecord:
        (spec,) = (one for one in catalogue if one.id == client)
        (entry,) = (one for one in spec.paths if one.path == pattern)
        path = pattern.replace("~", "/home/alice").replace("{APP}", "/home/alice/.config")
        told = {
            "path": path.replace("{PROJECT}", "/home/alice/shop").replace("*", "x"),
            "client": client,
            "role": entry.role,
            "pattern": pattern,
            "user": "alice",
            "home": "/home/alice",
            "workspace": "/home/alice/shop" if entry.scope == "project" else "",
            "sha256": "0" * 64,
            "text": Secret(text) if text is not None else None,
        }
        return FileRecord(**told | more)  # pyright: ignore[reportArgumentType]

    return make
