"""`bartizan replay` on recorded logs of several products: a compound rule over both, and what is promised of it."""

import base64
import hashlib
import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9" * 2
HASHED = base64.b64encode(hashlib.sha256(TOKEN.encode()).digest()).decode()
RULES = """
title: A secret was read
id: 11111111-1111-4111-8111-111111111111
name: secret_read
logsource: {product: aws, service: cloudtrail}
detection: {read: {eventName: GetSecretValue}, condition: read}
level: low
---
title: The API of GitHub was called
id: 22222222-2222-4222-8222-222222222222
name: github_call
logsource: {product: github, service: audit}
detection: {any: {action|exists: true}, condition: any}
level: informational
---
title: Many calls of the API
id: 33333333-3333-4333-8333-333333333333
name: many_calls
level: medium
correlation:
  type: event_count
  rules: [github_call]
  group-by: [mcp.credential]
  timespan: 1h
  condition: {gt: 20}
---
title: A token that was read makes many calls and its owner has left
id: 44444444-4444-4444-8444-444444444444
name: read_then_many_calls_of_a_leaver
level: critical
tags: [attack.t1078]
correlation:
  type: temporal
  rules: [secret_read, many_calls]
  group-by: [mcp.credential]
  timespan: 1h
bartizan:
  lookup: {table: credentials, field: mcp.credential, column: server, values: [mcp-github]}
"""
CONTEXT = f"""
people:
  - {{id: ben, status: active, since: 2020-01-01}}
  - {{id: ben, status: offboarded, since: 2026-06-01}}
credentials:
  - {{fingerprint: "github-sha256:{HASHED}", kind: github, owner: ben, server: mcp-github, secrets: ["prod/github*"]}}
servers:
  - {{id: mcp-github, egress: ["api.github.com"]}}
"""


def stamp(minutes: float) -> str:
    return (AT + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def read_of_secret(minutes: float, name: str = "prod/github-token") -> dict[str, Any]:
    return {
        "eventVersion": "1.09",
        "eventID": f"read-{minutes}-{name}",
        "eventTime": stamp(minutes),
        "eventName": "GetSecretValue",
        "eventSource": "secretsmanager.amazonaws.com",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "192.0.2.7",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/mcp/x", "accountId": "1"},
        "requestParameters": {"secretId": name},
    }


def call_of_github(minutes: float, number: int, hashed: str = HASHED) -> dict[str, Any]:
    return {
        "@timestamp": round((AT + timedelta(minutes=minutes)).timestamp() * 1000),
        "_document_id": f"call-{number}",
        "action": "repo.download_zip",
        "actor": "ben",
        "hashed_token": hashed,
        "org": "acme",
    }


class Told:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.err = code, err
        self.lines = [json.loads(line) for line in out.splitlines()]
        self.out = out

    @property
    def findings(self) -> list[tuple[str, dict[str, Any]]]:
        return [(one["rule"], one["group"]) for one in self.lines if one["type"] == "finding"]


def replay(folder: Path, logs: dict[str, list[Any]], *words: str) -> Told:
    (folder / "rules.yml").write_text(RULES)
    (folder / "context.yml").write_text(CONTEXT)
    sources: list[str] = []
    for kind, records in logs.items():
        (folder / kind).write_text("".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in records))
        sources += ["--source", f"{kind}={folder / kind}"]
    command = [sys.executable, "-m", "bartizan", "replay", *sources, "--rules", str(folder / "rules.yml")]
    done = subprocess.run(
        [*command, "--context", str(folder / "context.yml"), *words], capture_output=True, text=True, check=False
    )
    return Told(done.returncode, done.stdout, done.stderr)


def logs(hashed: str = HASHED, name: str = "prod/github-token") -> dict[str, list[Any]]:
    return {
        "cloudtrail": [read_of_secret(0, name), read_of_secret(90, "prod/other")],
        "github_audit": [call_of_github(1 + number, number, hashed) for number in range(30)],
    }


def test_a_token_that_was_read_and_makes_many_calls_is_found_across_two_products(tmp_path: Path):
    told = replay(tmp_path, logs())
    rules = [rule for rule, _ in told.findings]
    assert told.err == ""
    assert "read_then_many_calls_of_a_leaver" in rules
    found = next(one for one in told.lines if one["rule"] == "read_then_many_calls_of_a_leaver")
    assert found["severity"] == "critical"
    assert found["group"] == {"mcp.credential": f"github-sha256:{HASHED}"}
    assert told.code == 1
    assert told.lines[-1] == {
        "type": "summary",
        "events": 32,
        "unparsed": 0,
        "late": 0,
        "dropped": 0,
        "findings": len(rules),
    }


@pytest.mark.parametrize("near", [{"hashed": "b" * 43 + "="}, {"name": "prod/other"}])
def test_calls_of_another_token_or_the_reading_of_another_secret_are_not_it(tmp_path: Path, near: dict[str, str]):
    told = replay(tmp_path, logs(**near))
    assert "read_then_many_calls_of_a_leaver" not in [rule for rule, _ in told.findings]


def test_equal_input_gives_equal_output_whatever_the_order_within_the_lateness(tmp_path: Path):
    shuffled = logs()
    random.Random(7).shuffle(shuffled["github_audit"])
    first, second = (replay(tmp_path, one, "--lateness", "2h").out for one in (logs(), shuffled))
    assert first == second


def test_what_nobody_understands_is_counted_and_shown_and_the_run_goes_on(tmp_path: Path):
    broken = logs()
    broken["github_audit"].insert(3, "{not json\n")
    told = replay(tmp_path, broken)
    assert told.code == 3
    assert told.lines[-1]["unparsed"] == 1
    assert "record 4" in told.err
    assert "read_then_many_calls_of_a_leaver" in [rule for rule, _ in told.findings]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--source", "nothing=/x"], "is no KIND=PATH"),
        (["--source", "okta=/nowhere/at/all"], "no file at"),
        (["--lateness", "soon"], "is no duration"),
    ],
)
def test_wrong_use_is_told_with_its_remedy(tmp_path: Path, words: list[str], says: str):
    told = replay(tmp_path, logs(), *words)
    assert told.code == 2
    assert says in told.err
    assert "To mend it" in told.err
