"""All that can be extended, on one page. The built-ins are registered through the same hooks.

A distribution offers a plugin by an entry point of the group `bartizan`; `app/bootstrap.py` lists the built-ins in
their order.
"""

from collections.abc import Iterable
from typing import Any, Protocol

import pluggy

from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions

PROJECT = "bartizan"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Renderer(Protocol):
    """Writes a report: the inventory, the findings that count, and what the suppressions did with the others."""

    def __call__(self, inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
        """Give the report's text."""
        ...


class Hooks:
    """The hooks. Each may be implemented by any number of plugins."""

    @hookspec
    def bartizan_content(self) -> Iterable[str]:
        """Name packages that hold content: `checks/`, `clients.yml`, `labels.yml`, as `bartizan.content` does."""
        return ()

    @hookspec
    def bartizan_renderers(self) -> dict[str, Renderer]:
        """Give output formats by the name that `--format` takes."""
        return {}


def manager(builtins: Iterable[Any]) -> pluggy.PluginManager:
    """Register the built-ins, then every installed plugin."""
    plugins = pluggy.PluginManager(PROJECT)
    plugins.add_hookspecs(Hooks)
    for plugin in builtins:
        plugins.register(plugin)
    plugins.load_setuptools_entrypoints(PROJECT)
    return plugins
