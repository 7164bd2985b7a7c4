"""The adapters that ship, by name, for `app/bootstrap.py`. Each is loaded when it is first asked for.

What judges a few lines opens no store, and the library under the store alone takes longer to load than they to judge.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bartizan.adapters.approvers.terminal import TerminalApprover, consent_digest
    from bartizan.adapters.bus.batched import Batches
    from bartizan.adapters.bus.sqlite import Journal
    from bartizan.adapters.clock import SystemClock
    from bartizan.adapters.collectors.files import FileCollector
    from bartizan.adapters.collectors.homes import home_at, homes_of_this_machine
    from bartizan.adapters.collectors.host import this_host
    from bartizan.adapters.collectors.network import NetworkLadder
    from bartizan.adapters.collectors.processes import process_collector
    from bartizan.adapters.probers.mcp import McpProber
    from bartizan.adapters.sandbox.bubblewrap import BubblewrapSandbox
    from bartizan.adapters.store.sql import SqlStore
    from bartizan.adapters.vaults.local import LocalVault
    from bartizan.adapters.vaults.references import SCHEMES, References

__all__ = [
    "SCHEMES",
    "Batches",
    "BubblewrapSandbox",
    "FileCollector",
    "Journal",
    "LocalVault",
    "McpProber",
    "NetworkLadder",
    "References",
    "SqlStore",
    "SystemClock",
    "TerminalApprover",
    "consent_digest",
    "home_at",
    "homes_of_this_machine",
    "process_collector",
    "this_host",
]

_PLACES = {
    "Batches": "bartizan.adapters.bus.batched",
    "Journal": "bartizan.adapters.bus.sqlite",
    "BubblewrapSandbox": "bartizan.adapters.sandbox.bubblewrap",
    "FileCollector": "bartizan.adapters.collectors.files",
    "LocalVault": "bartizan.adapters.vaults.local",
    "McpProber": "bartizan.adapters.probers.mcp",
    "NetworkLadder": "bartizan.adapters.collectors.network",
    "References": "bartizan.adapters.vaults.references",
    "SCHEMES": "bartizan.adapters.vaults.references",
    "SqlStore": "bartizan.adapters.store.sql",
    "SystemClock": "bartizan.adapters.clock",
    "TerminalApprover": "bartizan.adapters.approvers.terminal",
    "consent_digest": "bartizan.adapters.approvers.terminal",
    "home_at": "bartizan.adapters.collectors.homes",
    "homes_of_this_machine": "bartizan.adapters.collectors.homes",
    "process_collector": "bartizan.adapters.collectors.processes",
    "this_host": "bartizan.adapters.collectors.host",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
