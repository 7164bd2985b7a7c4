"""All that can be extended, on one page. The built-ins are registered through the same hooks.

A distribution offers a plugin by an entry point of the group `bartizan`; `app/bootstrap.py` lists the built-ins in
their order.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pluggy

from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory

PROJECT = "bartizan"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Renderer = Callable[[Inventory, list[Finding]], str]


class Hooks:
    """The hooks. Each may be implemented by any number of plugins."""

    @hookspec
    def bartizan_content(self) -> Iterable[str]:
        """Give names of importable packages that hold content: `checks/`, `clients.yml`, as `bartizan.content` does."""
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
