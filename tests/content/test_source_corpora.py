"""Every log of the evaluation corpora becomes valid events, and nothing of it is lost."""

import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bartizan.app.rules import load_rules
from bartizan.detect.framing import Framed
from bartizan.detect.parsers.registry import PARSERS
from bartizan.model.source_event import SourceEvent
from bartizan.ports import ParserSettings
from bartizan.rules.detection import Detection
from bartizan.rules.match import Matcher
from fixtures.corpora import corpus
from fixtures.ocsf import OcsfSchema
from fixtures.parsing import lost, parsed, records_of

KINDS = {
    "AWS.CloudTrail": "cloudtrail",
    "Azure.MonitorActivity": "azure_activity",
    "Azure.Audit": "entra",
    "GCP.AuditLog": "gcp_audit",
    "GitHub.Audit": "github_audit",
    "Okta.SystemLog": "okta",
    "OnePassword.ItemUsage": "onepassword",
    "aws_cloudtrail": "cloudtrail",
    "suricata_eve": "suricata",
    "tetragon_json": "tetragon",
    "zeek_json": "zeek",
}
FILES = (
    "cloudtrail_stratus panther_rule_tests safe_mcp_tool_logs suricata_first-org-conf-2015 suricata_wrccdc-2017 "
    "tetragon zeek_dns zeek_ftp zeek_notice zeek_smtp zeek_ssh zeek_ssl"
).split()
AUDIT = (
    "auparse_testdata_audit-rhel6 auparse_testdata_audit-ubuntu14 auparse_testdata_audit-ubuntu16 "
    "auparse_testdata_audit-ubuntu17 auparse_testdata_test2 testdata_lost_messages testdata_normal "
    "testdata_out_of_order testdata_rollover"
).split()
STUB = {"methodName"}  # an event of Panther's tests that is nothing but a method's name


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(corpus("logs", f"{name}.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def kind_of(row: dict[str, Any]) -> str:
    """By the format that the corpus names. Its Kubernetes events come from three clouds, each in its own wrapper."""
    event = row["event"]
    if row["format"] == "Amazon.EKS.Audit":
        other = (
            "gcp_audit" if "protoPayload" in event else "azure_activity" if "Administrative" in event.values() else ""
        )
        return other or "k8s_audit"
    if event.keys() == STUB:
        return "json"
    return KINDS.get(row["format"], "json")


@pytest.fixture(scope="module")
def schema() -> OcsfSchema:
    return OcsfSchema(corpus("schemas", "ocsf"))


def hold(kind: str, raw: bytes, schema: OcsfSchema) -> None:
    """The record is one valid event, in which every native value is found."""
    parser = PARSERS[kind](ParserSettings())
    native = parser.read(raw).native
    assert lost(kind, native, parser.event(copy.deepcopy(native))) == [], raw
    (event,) = [*parser.feed(raw, 1), *parser.end()]
    assert isinstance(event, SourceEvent)
    assert schema.mistakes_of_any(event.record) == [], raw


@pytest.mark.parametrize("name", FILES)
def test_records_of_the_corpora_are_valid_events_and_lose_nothing(name: str, schema: OcsfSchema):
    for number, row in enumerate(rows(name)):
        if number < 100 or name in {"panther_rule_tests", "cloudtrail_stratus"}:
            hold(kind_of(row), json.dumps(row["event"]).encode(), schema)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("zeek_")])
def test_all_records_of_the_large_corpora_lose_nothing(name: str, schema: OcsfSchema):
    for row in rows(name):
        hold("zeek", json.dumps(row["event"]).encode(), schema)


def test_the_number_of_panthers_test_events_is_the_whole_of_them():
    assert sum(1 for _ in rows("panther_rule_tests")) == 1177


@pytest.mark.parametrize("name", AUDIT)
def test_recorded_audit_logs_are_valid_events_and_lose_nothing(name: str, schema: OcsfSchema):
    hold_audit(corpus("logs", "auditd_raw", f"{name}.log").read_bytes(), schema)


@pytest.mark.parametrize("name", ["otrf_sh_arp_cache", "otrf_sh_binary_padding_dd"])
def test_recorded_attacks_on_linux_are_valid_events_and_lose_nothing(name: str, schema: OcsfSchema):
    hold_audit("\n".join(row["event"] for row in rows(name)).encode(), schema)


def hold_audit(data: bytes, schema: OcsfSchema) -> None:
    found = parsed("auditd", data)
    assert found
    assert [one for one in found if not isinstance(one, SourceEvent)] == []
    assert [one for one in found if isinstance(one, SourceEvent) and schema.mistakes_of_any(one.record)] == []
    for one in records_of("auditd", data):
        assert isinstance(one, Framed)
        parser = PARSERS["auditd"](ParserSettings())
        native = parser.read(one.raw).native
        assert lost("auditd", native, parser.event(copy.deepcopy(native))) == []


def test_records_of_one_audit_event_that_lie_apart_come_together():
    data = corpus("logs", "auditd_raw", "testdata_out_of_order.log").read_bytes()
    found = [one for one in parsed("auditd", data) if isinstance(one, SourceEvent)]
    assert len({one.uid for one in found}) == len(found)


PUBLISHED = {
    "cloud/aws/cloudtrail/aws_cloudtrail_disable_logging.yml": ("cloudtrail", "cloudtrail_stratus", 2),
    "linux/auditd/execve/lnx_auditd_binary_padding.yml": ("auditd", "otrf_sh_binary_padding_dd", 1),
    "linux/process_creation/proc_creation_lnx_remote_system_discovery.yml": ("auditd", "otrf_sh_arp_cache", 1),
    "linux/process_creation/proc_creation_lnx_curl_usage.yml": ("tetragon", "tetragon", 1),
    "application/github/audit/github_repository_archive_status_changed.yml": ("github_audit", "panther_rule_tests", 2),
    "application/kubernetes/audit/kubernetes_audit_unauthorized_unauthenticated_actions.yml": (
        "k8s_audit",
        "panther_rule_tests",
        17,
    ),
    "identity/okta/okta_user_session_start_via_anonymised_proxy.yml": ("okta", "panther_rule_tests", 2),
}


@pytest.mark.parametrize("rule", PUBLISHED)
def test_a_published_rule_finds_in_the_records_what_it_is_written_for(rule: str):
    kind, name, hits = PUBLISHED[rule]
    (detection,) = load_rules([corpus("sigma", "rules", *rule.split("/"))])
    assert isinstance(detection, Detection)
    matcher = Matcher([detection])
    if kind == "auditd":
        data = "\n".join(row["event"] for row in rows(name))
    else:
        data = "\n".join(json.dumps(row["event"]) for row in rows(name) if kind_of(row) == kind)
    found = [one for one in parsed(kind, data.encode()) if isinstance(one, SourceEvent)]
    assert sum(len(matcher.match(one)) for one in found) == hits
