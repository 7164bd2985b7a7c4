"""The rules on events that ship: each has what a rule must have, and is judged by its samples."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bartizan.app.estate import parse_estate
from bartizan.app.replay import Recording, Replay
from bartizan.app.rule_samples import try_samples
from bartizan.app.rules import load_rules
from bartizan.detect.enrich import TABLES

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_every_rule_is_judged_by_its_samples_as_it_should():
    trial = try_samples(())
    assert [f"{one.place}: {one.says()}" for one in trial.samples if not one.passed] == []
    assert trial.untried == ()
    assert len(trial.samples) > 20


def test_every_rule_says_what_it_is_and_what_it_takes_for_it_wrongly():
    for rule in load_rules(()):
        header = rule.header
        assert header.description
        assert header.tags
        assert header.falsepositives
        assert Path(header.path).parent.name == header.name
        assert header.runbook == ""
    assert TABLES == ("people", "credentials", "servers")


def calls(number: int, minutes: float = 1) -> list[dict[str, Any]]:
    begin = round((AT + timedelta(minutes=minutes)).timestamp() * 1000)
    return [
        {
            "@timestamp": begin + count * 1000,
            "_document_id": f"call-{count}",
            "action": "repo.download_zip",
            "actor": "ben",
            "hashed_token": "b" * 43 + "=",
        }
        for count in range(number)
    ]


def read(name: str = "prod/github") -> dict[str, Any]:
    return {
        "eventVersion": "1.09",
        "eventID": f"read-{name}",
        "eventTime": AT.isoformat().replace("+00:00", "Z"),
        "eventName": "GetSecretValue",
        "eventSource": "secretsmanager.amazonaws.com",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "192.0.2.7",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/mcp/x", "accountId": "1"},
        "requestParameters": {"secretId": name},
    }


def found(folder: Path, logs: dict[str, list[dict[str, Any]]], status: str) -> set[str]:
    estate = parse_estate(
        f"""
        people: [{{id: ben, status: active, since: 2020-01-01}}, {{id: ben, status: {status}, since: 2026-06-01}}]
        credentials:
          - {{fingerprint: "github-sha256:{"b" * 43}=", owner: ben, server: mcp-github, secrets: [prod/github]}}
        """,
        "context.yml",
    )
    recordings: list[Recording] = []
    for kind, records in logs.items():
        (folder / kind).write_text("".join(json.dumps(one) + "\n" for one in records))
        recordings.append(Recording(kind=kind, path=folder / kind))
    return {one.rule for one in Replay(load_rules(()), estate).findings(recordings)}


@pytest.mark.mission("D6")
def test_the_token_is_read_and_makes_over_a_thousand_calls_in_an_hour_and_its_owner_has_left(tmp_path: Path):
    logs = {"cloudtrail": [read()], "github_audit": calls(1001)}
    assert "stolen_credential_of_a_leaver" in found(tmp_path, logs, "offboarded")


@pytest.mark.mission("D6")
@pytest.mark.parametrize(
    ("logs", "status"),
    [
        ({"cloudtrail": [read()], "github_audit": calls(1000)}, "offboarded"),
        ({"cloudtrail": [read()], "github_audit": calls(1001)}, "active"),
        ({"cloudtrail": [read("prod/other")], "github_audit": calls(1001)}, "offboarded"),
        ({"github_audit": calls(1001)}, "offboarded"),
        ({"cloudtrail": [read()], "github_audit": calls(1001, minutes=90)}, "offboarded"),
    ],
)
def test_with_one_of_the_three_missing_it_is_not_that(tmp_path: Path, logs: dict[str, Any], status: str):
    assert "stolen_credential_of_a_leaver" not in found(tmp_path, logs, status)
