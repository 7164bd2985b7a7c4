"""Wiring: the one place where real parts are chosen. Tests build `Parts` of their own."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import pluggy

from bartizan.adapters import built_in as adapters
from bartizan.app.config import Config
from bartizan.app.content import load_content
from bartizan.app.gather import Scope
from bartizan.app.home import state_folder
from bartizan.app.parts import Parts
from bartizan.assess.judge import Judge
from bartizan.assess.labels import Labeller
from bartizan.assess.vocabulary import load_vocabulary
from bartizan.content import built_in as content
from bartizan.discover.catalogue import load_catalogue
from bartizan.discover.clients import projects_named
from bartizan.model.client import ClientSpec
from bartizan.model.errors import UsageError
from bartizan.model.secret import Secret
from bartizan.plugins import Renderer, manager
from bartizan.ports import FileCollector
from bartizan.report import formats

FINGERPRINT_KEY = "local:fingerprint-key"


@cache
def plugins() -> pluggy.PluginManager:
    """The built-ins in their order, then the installed plugins."""
    return manager((content, formats))


def renderers() -> dict[str, Renderer]:
    """Output formats by name."""
    offers: list[dict[str, Renderer]] = plugins().hook.bartizan_renderers()
    return {name: render for offered in reversed(offers) for name, render in offered.items()}


def content_packages() -> list[str]:
    """Names of the packages that hold content."""
    offers: list[list[str]] = plugins().hook.bartizan_content()
    return [package for offered in reversed(offers) for package in offered]


def load_clients() -> tuple[ClientSpec, ...]:
    """The catalogue of clients of every content package."""
    return load_catalogue(_texts("clients.yml"))


def load_labeller() -> Labeller:
    """What tells the abilities of tools, with the vocabulary of every content package."""
    return Labeller(load_vocabulary(_texts("labels.yml")))


def _texts(name: str) -> dict[str, str]:
    """The files of this name of the content packages, by their place."""
    return {
        f"{package}/{name}": entry.read_text(encoding="utf-8")
        for package in content_packages()
        if (entry := files(package).joinpath(name)).is_file()
    }


def load_judge() -> Judge:
    """The judge of definitions and texts, with the rules of every content package."""
    return Judge(load_content(content_packages())[1])


def lab_folder() -> Path:
    """Where the lab lies."""
    return state_folder() / "lab"


def real_parts(config: Config) -> Parts:
    """Parts that touch the world. Opens the store. Raises UsageError, ContentError."""
    state = state_folder()
    vault = adapters.LocalVault(state / "vault")
    references = adapters.References(vault)
    clock = adapters.SystemClock()
    key = vault.read_or_make(FINGERPRINT_KEY)
    catalogue = load_clients()
    checks, lexicon = load_content(content_packages())
    return Parts(
        machine=f"machine:{adapters.this_host().name}",
        clock=clock,
        store=adapters.SqlStore(store_url(config.store, state, references.read)),
        key=key,
        host=adapters.this_host,
        files=lambda scope: _file_collector(catalogue, scope),
        processes=adapters.process_collector(),
        network=lambda public: adapters.NetworkLadder(public=public),
        prober=adapters.McpProber(clock=clock, key=key),
        sandbox=adapters.BubblewrapSandbox(state / "packages"),
        approver=adapters.TerminalApprover(),
        consent_digest=adapters.consent_digest,
        catalogue=catalogue,
        checks=tuple(checks),
        judge=Judge(lexicon),
        labeller=load_labeller(),
    )


def _file_collector(catalogue: tuple[ClientSpec, ...], scope: Scope) -> FileCollector:
    """The homes that are named; for this machine also its own, and its managed files."""
    homes = [adapters.home_at(home) for home in scope.homes]
    if scope.machine:
        homes = [*adapters.homes_of_this_machine(), *homes]
    return adapters.FileCollector(
        catalogue,
        homes=homes,
        projects=scope.projects,
        find_projects=projects_named,
        root="" if scope.machine else None,
    )


def store_url(store: str, state: Path, read: Callable[[str], Secret]) -> str | Secret:
    if store == "sqlite":
        return f"sqlite:///{state / 'bartizan.db'}"
    if store.startswith(adapters.SCHEMES):
        return read(store)
    if store.startswith("postgresql://") and "@" not in store:
        return store
    raise UsageError(
        "store is neither `sqlite` nor a reference to a postgresql:// URL",
        remedy="write a reference such as env:BARTIZAN_STORE; a URL with a password is a secret and stands in no file",
    )
