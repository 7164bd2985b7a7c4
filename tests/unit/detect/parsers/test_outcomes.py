"""What detection asks of each source: who, with which credential, did what to which thing, and with what outcome."""

from typing import Any

import pytest

from fixtures.parsing import events, sample


def record(kind: str, number: int) -> dict[str, Any]:
    return events(kind, sample(kind))[number].record


@pytest.mark.parametrize(
    ("kind", "number", "fingerprint"),
    [
        ("azure_keyvault", 0, "azure-app-id:00001111-aaaa-2222-bbbb-3333cccc4444"),
        ("doppler", 1, "doppler-id:sa-0001"),
        ("entra", 0, "azure-app-id:00001111-aaaa-2222-bbbb-3333cccc4444"),
        ("gcp_audit", 0, "gcp-key-id:0123456789abcdef0123456789abcdef01234567"),
        ("github_audit", 0, "github-sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="),
        ("infisical", 0, "infisical-identity:i-0001"),
        ("k8s_audit", 0, "k8s-credential:JTI=0f5e3c1a-0000-4000-8000-0000000000cc"),
        ("mcp", 0, "hmac-sha256:00112233445566778899aabbccddeeff"),
        ("okta", 2, "okta-token-id:00Texample"),
        ("onepassword", 3, "onepassword-jti:7db87cf9-0000-4000-8000-000000000001"),
        ("postgres", 0, "postgres-role:mcp_read"),
        ("vault", 0, "vault-accessor:hmac-sha256:" + "a1" * 32),
    ],
)
def test_the_credential_is_told_by_its_fingerprint(kind: str, number: int, fingerprint: str):
    (found,) = record(kind, number)["actor"]["user"]["programmatic_credentials"]
    assert found["uid"] == fingerprint


@pytest.mark.parametrize(
    ("kind", "number", "resource"),
    [
        ("azure_keyvault", 0, {"uid": "https://notes.vault.azure.net/secrets/github", "type": "secret"}),
        ("barbican", 0, {"uid": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "type": "secret"}),
        ("doppler", 0, {"name": "prd", "type": "config", "namespace": "notes"}),
        ("gcp_audit", 0, {"name": "projects/1234567890/secrets/github/versions/latest"}),
        ("github_audit", 0, {"name": "example-org/notes", "type": "repository"}),
        ("infisical", 0, {"name": "GITHUB_TOKEN", "type": "secret", "uid": "s1", "namespace": "prod"}),
        ("k8s_audit", 0, {"type": "secrets", "name": "github", "namespace": "prod"}),
        ("mcp", 0, {"name": "create_issue", "type": "call"}),
        (
            "onepassword",
            0,
            {"uid": "cl3x5qbvwdtjjmfzzgsupxgsca", "type": "item", "namespace": "jaqxqf5qylslqiitnduawrndc5"},
        ),
        ("vault", 0, {"name": "kv/data/github", "type": "kv"}),
    ],
)
def test_what_was_read_is_a_resource(kind: str, number: int, resource: dict[str, str]):
    assert resource in record(kind, number)["resources"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("auditd", ["Launch", "Open", "Open", "Logon", "Other", "Other"]),
        ("azure_activity", ["Read", "Update"]),
        ("azure_keyvault", ["Read", "Read"]),
        ("barbican", ["Read", "Create"]),
        ("doppler", ["Read", "Update"]),
        ("entra", ["Logon", "Logon", "Create", "Create"]),
        ("falco", ["Launch", "Open", "Open", "Create"]),
        ("gcp_audit", ["Read", "Read"]),
        ("github_audit", ["Read", "Read", "Update"]),
        ("infisical", ["Read", "Delete"]),
        ("k8s_audit", ["Read", "Create"]),
        ("laurel", ["Launch", "Open", "Logon"]),
        ("mcp", ["Other", "Other", "Other"]),
        ("okta", ["Logon", "Logon", "Update"]),
        ("onepassword", ["Read", "Logon", "Other", "Read"]),
        ("openldap_audit", ["Update", "Create", "Delete"]),
        ("postgres", ["Read", "Update", "Logon", "Read", "Update", "Logoff", "Logon", "Read", "Other"]),
        ("suricata", ["Create", "Query", "Response", "Traffic", "Create"]),
        ("tetragon", ["Launch", "Terminate", "Open", "Open"]),
        ("vault", ["Read", "Update"]),
        ("zeek", ["Traffic", "Response", "Traffic", "Create"]),
    ],
)
def test_what_was_done_is_told_in_the_words_of_ocsf(kind: str, told: list[str]):
    found = events(kind, sample(kind))
    order = sorted(found, key=lambda one: (one.time, one.uid)) if kind == "auditd" else found
    assert [one.record["activity_name"] for one in order] == told


FAILED = {
    "azure_activity": 1,
    "azure_keyvault": 1,
    "barbican": 1,
    "entra": 0,
    "gcp_audit": 1,
    "k8s_audit": 1,
    "mcp": 1,
    "okta": 1,
    "onepassword": 1,
    "postgres": 6,
    "vault": 1,
}


@pytest.mark.parametrize(("kind", "number"), FAILED.items())
def test_what_failed_is_a_failure(kind: str, number: int):
    assert record(kind, number)["status"] == "Failure"


def test_a_client_cannot_choose_the_address_that_kubernetes_saw():
    assert record("k8s_audit", 0)["src_endpoint"] == {"ip": "10.0.0.12"}


def test_an_execution_is_told_with_its_arguments_its_parent_and_its_user():
    run = next(one.record for one in events("auditd", sample("auditd")) if one.record["class_uid"] == 1007)
    process = run["process"]
    assert process["cmd_line"] == "curl -o /tmp/a b"
    assert process["file"]["path"] == "/usr/bin/curl"
    assert (process["pid"], process["parent_process"]["pid"]) == (4101, 4100)
    assert process["user"] == {"uid": "1000", "name": "ada"}
    assert run["device"]["hostname"] == "web1"


def test_a_connection_of_the_audit_log_has_the_address_that_the_kernel_wrote_in_digits():
    (found,) = [one.record for one in events("auditd", sample("auditd")) if one.record["class_uid"] == 4001]
    assert found["dst_endpoint"] == {"ip": "203.0.113.24", "port": 443}
    assert found["actor"]["process"]["file"]["path"] == "/usr/bin/node"


def test_a_sign_in_with_a_name_in_digits_is_told_in_letters():
    (found,) = [one.record for one in events("auditd", sample("auditd")) if one.record["class_uid"] == 3002]
    assert found["user"]["name"] == "(invalid user)"
    assert found["src_endpoint"]["ip"] == "203.0.113.24"


def test_a_file_is_told_with_the_folder_in_which_it_was_named():
    (found,) = [one.record for one in events("auditd", sample("auditd")) if one.record["class_uid"] == 1001]
    assert found["file"]["path"] == "/srv/keys/id_ed25519"
    assert found["status"] == "Failure"


def test_an_ldap_change_names_the_entry_the_person_and_the_place():
    found = record("openldap_audit", 0)
    assert found["entity"]["name"] == "uid=bob,ou=people,dc=example,dc=org"
    assert found["actor"]["user"]["name"] == "cn=admin,dc=example,dc=org"
    assert found["src_endpoint"] == {"ip": "10.0.0.12", "port": 51234}
    assert record("openldap_audit", 1)["unmapped"]["attributes"]["cn"] == ["Eve Müller"]


def test_a_statement_over_several_lines_of_csvlog_is_one_record():
    assert record("postgres", 7)["query_info"] == {"query_string": "SELECT 1\nFROM orders", "name": "SELECT"}


def test_times_of_postgresql_are_those_of_their_zone():
    assert record("postgres", 6)["time"] - record("postgres", 0)["time"] == 12_682


def test_an_alert_has_both_ends_of_the_connection_as_evidence():
    (evidence,) = record("suricata", 0)["evidences"]
    assert evidence["src_endpoint"] == {"ip": "10.0.0.12", "port": 51234}
    assert evidence["dst_endpoint"] == {"ip": "203.0.113.24", "port": 443}
    assert record("suricata", 0)["severity"] == "High"
