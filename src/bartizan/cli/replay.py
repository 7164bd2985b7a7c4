"""`bartizan replay`: detection over recorded logs."""

import re
import sys
from pathlib import Path

import typer

from bartizan.cli.progress import Progress
from bartizan.model.errors import UsageError
from bartizan.model.finding import Severity
from bartizan.model.json import JsonObject, as_object
from bartizan.model.limits import DEFAULT

_INCOMPLETE = 3
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def replay(
    source: list[str] = typer.Option(..., "--source", metavar="KIND=PATH", help="A log; may be repeated."),
    rules: list[Path] = typer.Option(
        [], "--rules", exists=True, metavar="PATH", help="Sigma rules: a file or folder; without it those that ship."
    ),
    context: Path | None = typer.Option(None, "--context", dir_okay=False, help="People, credentials, servers (YAML)."),
    lateness: str = typer.Option("60s", "--lateness", help="How far records may stand behind later ones: 60s, 15m."),
    fail_on: Severity = typer.Option(Severity.HIGH, "--fail-on", help="Exit with 1 for a finding this bad or worse."),
    format: str = typer.Option("jsonl", "--format", help="jsonl or table."),
) -> None:
    """Judge recorded logs by rules, in event time, as they would have been judged live.

    PATH is a file, plain or .gz, a folder or a pattern. Findings come in the order of their time, as JSON lines; the
    last line is a summary. Equal input gives equal output, whatever the order of records within the lateness. Records
    that no parser understands are counted and shown on standard error; the exit code is then 3.
    """
    from bartizan.app import replay as app
    from bartizan.app.estate import read_estate
    from bartizan.app.rules import load_rules
    from bartizan.report import detections
    from bartizan.text.normalise import show

    if format not in {"jsonl", "table"}:
        raise UsageError(f"--format: {format[:40]!r} is none", remedy="jsonl or table")
    logs = app.recordings(source)
    estate = read_estate(context)
    loaded = load_rules(rules)
    if not loaded:
        raise UsageError("no rules", remedy="name a file or a folder of Sigma rules with --rules")
    progress, shown = Progress("events judged"), 0

    def note(one: app.Recording, what: object) -> None:
        nonlocal shown
        shown += 1
        if shown <= DEFAULT.unparsed_shown_max:
            at, reason = getattr(what, "at", 0), getattr(what, "reason", "")
            progress.note(f"{show(str(one.path))}, record {at}: {show(reason, most=300)}")

    run = app.Replay(loaded, estate, lateness_seconds=_seconds(lateness), note=note, step=progress.step)
    bad = False
    for finding in run.findings(logs):
        bad = bad or finding.severity.rank >= fail_on.rank
        line = detections.finding_line(finding)
        sys.stdout.write(detections.encoded(line) if format == "jsonl" else _row(line))
    progress.clear()
    told = run.counted
    summary = detections.summary_line(
        events=told.events, unparsed=told.unparsed, late=told.late, dropped=told.dropped, findings=told.findings
    )
    sys.stdout.write(detections.encoded(summary) if format == "jsonl" else _summary(summary))
    sys.stdout.flush()
    if told.unparsed or told.dropped:
        raise typer.Exit(_INCOMPLETE)
    raise typer.Exit(1 if bad else 0)


def _seconds(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,7})([smhd]?)", text)
    if match is None:
        raise UsageError(f"--lateness: {text[:40]!r} is no duration", remedy="write 60s, 15m, 2h or 1d")
    return int(match[1]) * _UNITS[match[2]]


def _row(line: JsonObject) -> str:
    from bartizan.text.normalise import show

    about = " ".join(f"{name}={value}" for name, value in as_object(line["group"]).items())
    return f"{line['time']}  {line['severity']:<13} {show(line['rule']):<40} {show(about)}\n"


def _summary(line: JsonObject) -> str:
    return ", ".join(f"{value} {name}" for name, value in line.items() if name != "type") + "\n"
