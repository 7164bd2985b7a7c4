"""The bus of this deployment: opened by the gateway, verified by `doctor`."""

from pathlib import Path

from bartizan.adapters import built_in as adapters
from bartizan.app.home import state_folder
from bartizan.model.limits import DEFAULT, Limits
from bartizan.ports import Bus, Verified

BUS_KEY = "local:bus-key"
_FILE = "events.db"


def open_bus(state: Path | None = None, *, power_safe: bool = False, limits: Limits = DEFAULT) -> Bus:
    """Open the journal in the state folder; the first call makes it and the key that signs it. Raises BusError.

    With `power_safe` what is accepted outlives a loss of power too, not a crash of a program alone.
    """
    state = state or state_folder()
    key = adapters.LocalVault(state / "vault").read_or_make(BUS_KEY)
    return adapters.Journal(state / _FILE, key, adapters.SystemClock().now, power_safe=power_safe, limits=limits)


def verified_bus(state: Path | None = None) -> Verified | None:
    """What a check of the journal finds; None where there is none yet. Raises BusError, UsageError."""
    state = state or state_folder()
    if not (state / _FILE).exists():
        return None
    bus = open_bus(state)
    try:
        return bus.verify()
    finally:
        bus.close()
