"""The adapters that ship, by name, for `app/bootstrap.py`."""

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
