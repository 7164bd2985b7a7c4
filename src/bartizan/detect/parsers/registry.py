"""The kinds of sources, each with its parser: one line for each."""

from collections.abc import Mapping

from bartizan.detect.audit_groups import AuditGroups
from bartizan.detect.csv_records import CsvRecords
from bartizan.detect.framing import Blocks, Framer, Framing, Lines
from bartizan.detect.json_documents import JsonDocuments
from bartizan.detect.parsers.auditd import Auditd
from bartizan.detect.parsers.azure_activity import AzureActivity
from bartizan.detect.parsers.azure_keyvault import AzureKeyVault
from bartizan.detect.parsers.barbican import Barbican
from bartizan.detect.parsers.cloudtrail import CloudTrail
from bartizan.detect.parsers.doppler import Doppler
from bartizan.detect.parsers.entra import Entra
from bartizan.detect.parsers.falco import Falco
from bartizan.detect.parsers.gcp_audit import GcpAudit
from bartizan.detect.parsers.github_audit import GitHubAudit
from bartizan.detect.parsers.infisical import Infisical
from bartizan.detect.parsers.json_records import JsonRecords
from bartizan.detect.parsers.k8s_audit import K8sAudit
from bartizan.detect.parsers.laurel import Laurel
from bartizan.detect.parsers.mcp import Mcp
from bartizan.detect.parsers.okta import Okta
from bartizan.detect.parsers.onepassword import OnePassword
from bartizan.detect.parsers.openldap_audit import OpenLdapAudit
from bartizan.detect.parsers.postgres import Postgres
from bartizan.detect.parsers.suricata import Suricata
from bartizan.detect.parsers.tetragon import Tetragon
from bartizan.detect.parsers.vault import Vault
from bartizan.detect.parsers.zeek import Zeek
from bartizan.detect.parsing import RecordParser
from bartizan.model.limits import DEFAULT, Limits

PARSERS: Mapping[str, type[RecordParser]] = {
    parser.kind: parser
    for parser in (
        AzureActivity,
        AzureKeyVault,
        Barbican,
        CloudTrail,
        Doppler,
        Entra,
        GcpAudit,
        GitHubAudit,
        Infisical,
        JsonRecords,
        K8sAudit,
        Mcp,
        Okta,
        OnePassword,
        Auditd,
        Falco,
        Laurel,
        OpenLdapAudit,
        Postgres,
        Suricata,
        Tetragon,
        Zeek,
        Vault,
    )
}


def framer_of(kind: str, limits: Limits = DEFAULT, *, whole: bool = False) -> Framer:
    """What cuts a source of this kind into records. `whole`: it is read to its end, not followed."""
    parser = PARSERS[kind]
    if parser.framing is Framing.JSON:
        return JsonDocuments(parser.wrappers, limits, whole=whole)
    if parser.framing is Framing.LDIF:
        return Blocks(limits)
    if parser.framing is Framing.POSTGRES:
        return CsvRecords(limits)
    return AuditGroups(limits) if parser.framing is Framing.AUDITD else Lines(limits.raw_record_bytes_max)
