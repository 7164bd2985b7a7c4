"""`bartizan scan`: discover, probe, check, report."""

import sys
from enum import StrEnum
from pathlib import Path

import msgspec
import typer

from bartizan.cli.session import (
    AdvisoriesOption,
    ConfigOption,
    HomeOption,
    OutputOption,
    ProcessesOption,
    ProjectOption,
    RegistryOption,
    emit,
    opened,
    progress,
)
from bartizan.model.asset import AssetKind
from bartizan.model.finding import Severity


class Launch(StrEnum):
    """Values of --launch."""

    NEVER = "never"
    ASK = "ask"
    SANDBOX = "sandbox"


def scan(
    targets: list[str] = typer.Argument(
        None,
        metavar="[TARGET]...",
        help="A client configuration, a project folder, a URL, an address or CIDR, or a package (npm:x@1, pypi:x==1). "
        "Without any: this machine.",
    ),
    home: Path | None = HomeOption,
    project: list[Path] = ProjectOption,
    launch: Launch | None = typer.Option(
        None, "--launch", help="Whether servers are started: never, ask (on a terminal the default), or in the sandbox."
    ),
    processes: bool = ProcessesOption,
    public: bool = typer.Option(False, "--public", help="Allow targets on the internet, not only private ones."),
    fail_on: Severity = typer.Option(Severity.HIGH, "--fail-on", help="Exit with 1 for findings this bad or worse."),
    baseline: Path | None = typer.Option(None, "--baseline", help="A JSON report whose findings do not fail the scan."),
    format: str = typer.Option("table", "--format", help="table, json, html, sarif, ocsf, cyclonedx or cyclonedx-1.6."),
    output: Path | None = OutputOption,
    snapshot: Path | None = typer.Option(None, "--snapshot", help="Save the inventory and snapshots to FILE."),
    from_snapshot: Path | None = typer.Option(None, "--from-snapshot", help="Judge a saved FILE again; look nowhere."),
    registry: list[Path] = RegistryOption,
    advisories: list[Path] = AdvisoriesOption,
    lab: bool = typer.Option(False, "--lab", help="Scan the lab: a small estate of real servers, one poisoned."),
    config: Path | None = ConfigOption,
) -> None:
    """Find every server, look at what it offers, judge it, and report. Incomplete results exit with 3."""
    import asyncio

    from bartizan.app import scan as app
    from bartizan.app.probing import Launching
    from bartizan.app.scope import Asked, scope_of
    from bartizan.app.suppress import excepted
    from bartizan.app.suppressions import read_suppressions
    from bartizan.cli.formats import check_format, render

    check_format(format)
    known = app.read_baseline(baseline) if baseline else frozenset[str]()
    with opened(config) as (settings, parts), progress() as tell:
        today = parts.clock.now().date()
        accepted = read_suppressions(settings, config, today)
        if from_snapshot:
            result = app.judge_again(app.read_inventory(from_snapshot), parts.checks, parts.judge)
        else:
            if lab:
                home = _lab()
            launching = launch or (Launch.SANDBOX if lab else Launch.ASK if _terminal() else Launch.NEVER)
            where = Asked(home=home, projects=project or [], targets=targets or [], only_targets=True)
            asked = msgspec.structs.replace(where, processes=processes, public=public)
            told = app.with_reference(settings, registry, advisories)
            result = asyncio.run(app.scan(scope_of(settings, asked), Launching(launching.value), told, parts, tell))
    result = excepted(result, accepted, today)
    if snapshot:
        emit(app.saved(result.inventory), snapshot)
    emit(render(format, result.inventory, result.findings, result.exceptions), output)
    if format == "table" and not (targets or home or from_snapshot or result.inventory.of_kind(AssetKind.SERVER)):
        sys.stderr.write("Nothing was found. To see Bartizan at work on real servers: bartizan scan --lab\n")
    raise typer.Exit(result.exit_code(fail_on, known))


def _lab() -> Path:
    """Lay out the lab, say that it is one, and give its home."""
    from bartizan.app.bootstrap import lab_folder
    from bartizan.app.lab import build_lab

    home = build_lab(lab_folder())
    sys.stderr.write(f"This is the lab, not your machine: its home is {home}\n")
    return home


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
