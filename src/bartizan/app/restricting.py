"""Restrictions opened for a command: the store, the journal, and the approvers who may lift."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from bartizan.adapters.store.restrictions import SqlRestrictions
from bartizan.app.approvals import Approvals
from bartizan.app.approving import approvals_of
from bartizan.app.bus import open_bus
from bartizan.app.config import Config
from bartizan.app.restrictions import restrictions_of
from bartizan.app.wrapped import wrapped_ids
from bartizan.model.errors import UsageError
from bartizan.model.event import Event
from bartizan.text.normalise import show


def check_server(config: Config, server: str) -> None:
    """A server that is to be stopped is one that is fronted: a slip would stop nothing. Raises UsageError."""
    known = {*(config.gateway.servers if config.gateway else ())}
    known |= wrapped_ids()
    if server and server not in known:
        raise UsageError(
            f"no server {show(server)} is fronted; there are {', '.join(sorted(known)) or 'none'}",
            remedy="name one of them, or nothing to stop everything; --config names the gateway's configuration",
        )


@contextmanager
def opened_restrictions(
    config: Config,
) -> Generator[tuple[SqlRestrictions, Callable[[Event], object], Approvals]]:
    """All of it, closed afterwards. Raises UsageError, BusError."""
    bus = open_bus()
    approvals, tickets = approvals_of(config, bus.accept)
    kept = restrictions_of(config)
    try:
        yield kept, bus.accept, approvals
    finally:
        kept.close()
        tickets.close()
        bus.close()
