"""Google Cloud audit logs: admin activity, data access and system events, as LogEntry with an AuditLog.

Source: Google Cloud documentation, "LogEntry" and "AuditLog"; data access has to be enabled, Secret Manager's reads are
among it.
"""

from bartizan.detect import ocsf
from bartizan.detect.native import number, part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_object


class GcpAudit(RecordParser):
    """API Activity, with the profile `cloud`."""

    kind = "gcp_audit"
    product = ("Cloud Audit Logs", "Google Cloud")
    wrappers = ("entries",)

    def event(self, native: JsonObject) -> JsonObject:
        payload = part(native, "protoPayload")
        operation = text(payload, "methodName")
        if not operation and not native.keys() & {"protoPayload", "protopayload", "insertId", "logName"}:
            raise MalformedError("no Google Cloud audit entry: no protoPayload")
        asked, when = part(payload, "requestMetadata"), ocsf.stamp(native, "timestamp", "receiveTimestamp")
        status = part(payload, "status")
        failed = isinstance(status.get("code"), int) and status["code"] != 0
        name = text(payload, "resourceName")
        project = text(part(part(native, "resource"), "labels"), "project_id")
        user = _user(part(payload, "authenticationInfo"))
        return ocsf.event(
            ocsf.API_ACTIVITY,
            ocsf.activity_of((operation or "").rpartition(".")[2]),
            when[0],
            status=ocsf.FAILURE if failed else ocsf.SUCCESS,
            metadata=ocsf.metadata(text(native, "insertId"), when[1], "cloud"),
            actor=ocsf.actor(user),
            api={"operation": operation or ocsf.UNKNOWN, **_api(payload, status)},
            cloud=ocsf.some(provider="GCP", account=ocsf.some(uid=project)),
            src_endpoint=ocsf.source(text(asked, "callerIp")),
            http_request=ocsf.some(user_agent=text(asked, "callerSuppliedUserAgent")),
            resources=[{"name": name}] if name else None,
            unmapped=rest(native, "protoPayload"),
        )


def _api(payload: JsonObject, status: JsonObject) -> JsonObject:
    found = ocsf.some(
        service=ocsf.some(name=text(payload, "serviceName")),
        response=ocsf.some(code=number(status, "code"), message=text(status, "message")),
    )
    return found or {}


def _user(who: JsonObject) -> JsonObject | None:
    key = (seen(who, "serviceAccountKeyName") or "").rpartition("/")[2]
    subject = text(who, "principalSubject") or as_object(who.get("firstPartyPrincipal")).get("principalEmail")
    return ocsf.user(
        name=text(who, "principalEmail"),
        uid=subject if isinstance(subject, str) else None,
        programmatic_credentials=ocsf.credential(f"gcp-key-id:{key}" if key else None, "service account key"),
    )
