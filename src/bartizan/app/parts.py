"""The parts that a use case works with: ports, catalogue and checks, real or fake."""

from collections.abc import Callable
from typing import Any

import msgspec

from bartizan.assess.judge import Judge
from bartizan.assess.labels import Labeller
from bartizan.model.client import ClientSpec
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.ports import (
    Approver,
    Clock,
    FileCollector,
    Host,
    NetworkCollector,
    Prober,
    ProcessCollector,
    Sandbox,
    Store,
)
from bartizan.rules.check import Check


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `bootstrap` chooses. `key` is the deployment's key for fingerprints, `machine` this host's name:
    scans of it are kept under it, so that several hosts may share a store.

    `files` gives the collector for a scope (`app.gather.Scope`), `network` the one that may, or may not, look at public
    addresses. `consent_digest` names a start by its launch, the deployment's key, and the digest of the program.
    """

    machine: str
    clock: Clock
    store: Store
    key: Secret
    host: Callable[[], Host]
    files: Callable[[Any], FileCollector]
    processes: ProcessCollector
    network: Callable[[bool], NetworkCollector]
    prober: Prober
    sandbox: Sandbox
    approver: Approver
    consent_digest: Callable[[Launch, Secret, str], str]
    catalogue: tuple[ClientSpec, ...]
    checks: tuple[Check, ...]
    judge: Judge
    labeller: Labeller
    limits: Limits = DEFAULT
