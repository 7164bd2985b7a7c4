"""Matching alone: normalised OCSF events in, names of detections out; events for each second of processor time.

    BARTIZAN_CORPORA=DIR python bench/detection/match.py [--rules DIR] [--events N]

`--rules` is a folder of Sigma rules, by default `sigma/rules` of the corpora; a checkout of SigmaHQ has more. The
events are made here: calls of AWS, audit of GitHub, processes and connections of Linux, and process creations of
Windows as records of kind `json`; many values occur once. Each lane is measured with the rules of the table.
"""

import argparse
import gc
import os
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from bartizan.app.rules import log_sources, rule_files
from bartizan.model.source_event import SourceEvent
from bartizan.rules.detection import Detection
from bartizan.rules.match import Matcher
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import read

LANES = ("cloudtrail", "github_audit", "auditd", "windows")
SMALL = {"aws": 43, "github": 15, "linux/process_creation": 52}
CALLS = (
    "GetObject ListBuckets DescribeInstances AssumeRole GetSecretValue PutObject Decrypt GetCallerIdentity ListUsers "
    "DescribeTags CreateUser StopLogging DeleteTrail ConsoleLogin UpdateLoginProfile AttachUserPolicy"
).split()
ACTIONS = "git.clone git.push repo.access pull_request.merge org.add_member workflows.completed_workflow_run".split()
COMMANDS = (
    "/usr/bin/node|node server.js --port {n}",
    "/usr/bin/bash|bash -c 'ls -la /srv/data/{n}'",
    "/usr/bin/python3|python3 -m worker --id {n} --queue main",
    "/usr/bin/curl|curl -s https://api.example/v1/items/{n}",
    "/usr/bin/git|git fetch origin refs/heads/{n}",
    "/usr/bin/cat|cat /etc/hostname",
    "/usr/bin/find|find /srv -name '*{n}*' -type f",
    "/usr/bin/base64|base64 -d /tmp/{n}",
)
WINDOWS = (
    r"C:\Windows\System32\svchost.exe|C:\Windows\System32\svchost.exe -k netsvcs -p -s {n}",
    r"C:\Program Files\App\app.exe|app.exe --session {n}",
    r"C:\Windows\System32\cmd.exe|cmd.exe /c dir C:\Users\u{n}",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe|powershell.exe -File C:\scripts\job{n}.ps1",
    r"C:\Windows\System32\reg.exe|reg query HKLM\Software\Vendor\{n}",
)


def cloudtrail(pick: random.Random, number: int) -> dict[str, Any]:
    return {
        "class_uid": 6003,
        "activity_id": 2,
        "api": {
            "operation": CALLS[int(pick.random() ** 3 * len(CALLS))],
            "service": {"name": pick.choice(["s3", "sts", "iam", "ec2", "kms"]) + ".amazonaws.com"},
            "response": {"error": "AccessDenied"} if pick.random() < 0.05 else {},
        },
        "actor": {
            "user": {
                "type": "AssumedRole",
                "name": f"role{number % 90}",
                "uid": f"arn:aws:sts::123456789012:role/{number % 900}",
            },
            "session": {"credential_uid": f"k{number % 5_000}"},
        },
        "src_endpoint": {"ip": f"10.{number % 250}.{number % 97}.{number % 199}"},
        "http_request": {"user_agent": f"aws-sdk-go/1.{number % 50} (linux)"},
        "unmapped": {"requestParameters": {"bucketName": f"b{number}"}, "readOnly": True},
    }


def github_audit(pick: random.Random, number: int) -> dict[str, Any]:
    return {
        "class_uid": 6003,
        "activity_id": 99,
        "api": {"operation": pick.choice(ACTIONS), "service": {"name": "github"}},
        "actor": {"user": {"name": f"dev{number % 300}"}},
        "unmapped": {"org": "example", "repo": f"example/r{number % 500}"},
    }


def auditd(pick: random.Random, number: int) -> dict[str, Any]:
    path, line = pick.choice(COMMANDS).split("|")
    return {
        "class_uid": 1007,
        "activity_id": 1,
        "process": {
            "pid": number % 60_000,
            "cmd_line": line.replace("{n}", str(number)),
            "file": {"path": path},
            "parent_process": {"cmd_line": "/sbin/init", "file": {"path": "/usr/sbin/init"}},
        },
        "actor": {"user": {"name": f"u{number % 40}"}},
    }


def windows(pick: random.Random, number: int) -> dict[str, Any]:
    path, line = pick.choice(WINDOWS).split("|")
    return {
        "class_uid": 0,
        "activity_id": 99,
        "metadata": {"log_source": "windows/process_creation/"},
        "unmapped": {
            "Image": path,
            "CommandLine": line.replace("{n}", str(number)),
            "ParentImage": r"C:\Windows\explorer.exe",
            "ParentCommandLine": r"C:\Windows\explorer.exe",
            "User": f"CORP\\u{number % 200}",
            "OriginalFileName": path.rsplit("\\", 1)[-1],
            "IntegrityLevel": "Medium",
            "CurrentDirectory": "C:\\Users\\",
            "Hashes": f"MD5={number:032x}",
            "Company": "Microsoft Corporation",
            "Product": "Windows",
        },
    }


MAKERS = {"cloudtrail": cloudtrail, "github_audit": github_audit, "auditd": auditd, "windows": windows}
KINDS = {"windows": "json"}


def made(lane: str, count: int) -> list[bytes]:
    pick = random.Random(7)
    records: list[bytes] = []
    for number in range(count):
        record = MAKERS[lane](pick, number)
        record["metadata"] = {"uid": f"{lane}-{number}", "log_name": lane, **record.get("metadata", {})}
        records.append(msgspec.json.encode(record))
    return records


def mixed(count: int) -> list[tuple[str, bytes]]:
    """Three of ten calls of AWS, one of GitHub, six processes."""
    lanes = {lane: iter(made(lane, count)) for lane in LANES[:3]}
    order = ["cloudtrail"] * 3 + ["github_audit"] + ["auditd"] * 6
    return [(order[number % 10], next(lanes[order[number % 10]])) for number in range(count)]


def measured(matcher: Matcher, events: Iterable[tuple[str, bytes]]) -> tuple[float, float, int]:
    """Events for each second of processor time: decoding and matching, matching alone; and how many matched."""
    raw = list(events)
    gc.freeze()  # what is held for the measurement is no garbage of what is measured
    decode = msgspec.json.Decoder().decode
    for kind, line in raw[:2_000]:
        matcher.match(SourceEvent(uid="", time=0, record=decode(line), kind=KINDS.get(kind, kind)))
    start = time.process_time()
    hits = 0
    for kind, line in raw:
        hits += len(matcher.match(SourceEvent(uid="", time=0, record=decode(line), kind=KINDS.get(kind, kind))))
    whole = time.process_time() - start
    ready = [SourceEvent(uid="", time=0, record=decode(line), kind=KINDS.get(kind, kind)) for kind, line in raw]
    start = time.process_time()
    for event in ready:
        matcher.match(event)
    return len(raw) / whole, len(raw) / (time.process_time() - start), hits


def chosen(rules: list[Detection]) -> list[Detection]:
    """110 rules of the three log sources, by name."""
    taken: list[Detection] = []
    for source, count in SMALL.items():
        product, _, category = source.partition("/")
        of = [
            one
            for one in rules
            if one.selector.log and one.selector.log[0] == product and one.selector.log[1] == category
        ]
        taken += of[:count]
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, default=Path(os.environ.get("BARTIZAN_CORPORA", "."), "sigma", "rules"))
    parser.add_argument("--events", type=int, default=100_000)
    told = parser.parse_args()
    start = time.process_time()
    loaded = read(rule_files([told.rules]), Context(log_sources=log_sources()))
    rules = [rule for rule in loaded.rules if isinstance(rule, Detection)]
    print(f"{len(rules)} rules loaded in {time.process_time() - start:.1f} s")
    rows = [
        ("110: AWS, GitHub, processes", chosen(rules), mixed(told.events)),
        ("all, the same events", rules, mixed(told.events)),
        *((f"all, {lane} alone", rules, [(lane, line) for line in made(lane, told.events)]) for lane in LANES),
    ]
    print("| rules and events | rules | decoded and matched | matched alone | us | findings |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, some, events in rows:
        matcher = Matcher(some)
        whole, alone, hits = measured(matcher, events)
        print(f"| {name} | {len(some):,} | {whole:,.0f} | {alone:,.0f} | {1e6 / alone:.2f} | {hits:,} |", flush=True)


if __name__ == "__main__":
    main()
