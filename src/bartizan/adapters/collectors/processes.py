"""The door to the process table: the collector of this system, or one that says that there is none."""

import sys

from bartizan.model.coverage import Look, Outcome
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.record import ProcessRecord
from bartizan.ports import Collected, ProcessCollector


class UnsupportedProcesses:
    """Stands where the process table cannot be read, so that its absence shows in the coverage."""

    def __init__(self, system: str) -> None:
        self._system = system

    def collect(self) -> Collected[ProcessRecord]:
        """No records, and the look that says so."""
        reason = f"reading processes is not supported on {self._system}: running servers are not in this result"
        return Collected(looks=(Look(part="processes", outcome=Outcome.SKIPPED, reason=reason),))


def process_collector(limits: Limits = DEFAULT, *, system: str = sys.platform) -> ProcessCollector:
    """The collector for `system`, one of the values of `sys.platform`."""
    if system == "linux":
        from bartizan.adapters.collectors.processes_linux import LinuxProcesses  # noqa: PLC0415  Linux only

        return LinuxProcesses(limits)
    return UnsupportedProcesses(system)
