"""Infisical's audit logs, by export, API or audit log stream.

Source: Infisical documentation, "Audit Logs" and "Audit Log Streams".
"""

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_text


class Infisical(RecordParser):
    """API Activity. What was read is the secret by its key, with its path and environment."""

    kind = "infisical"
    product = ("Infisical", "Infisical")
    wrappers = ("auditLogs",)

    def event(self, native: JsonObject) -> JsonObject:
        told = part(native, "event")
        operation = text(told, "type") or text(native, "eventType")
        if not operation:
            raise MalformedError("no audit log of Infisical: no event.type")
        when, original = ocsf.stamp(native, "createdAt", "timestamp")
        about = part(told, "metadata") if "metadata" in told else part(native, "eventMetadata")
        return ocsf.event(
            ocsf.API_ACTIVITY,
            ocsf.activity_of(operation),
            when,
            status=ocsf.SUCCESS,
            metadata=ocsf.metadata(text(native, "id") or text(native, "_id"), original),
            actor=ocsf.actor(_user(native)),
            api={"operation": operation},
            src_endpoint=ocsf.source(text(native, "ipAddress")),
            http_request=ocsf.some(user_agent=text(native, "userAgent")),
            resources=_resources(about, operation),
            unmapped=rest(native, "event", "actor"),
        )


def _user(native: JsonObject) -> JsonObject | None:
    acting = part(native, "actor")
    about = part(acting, "metadata") if "metadata" in acting else part(native, "actorMetadata")
    kind = text(acting, "type") or (text(native, "actor") if isinstance(native.get("actor"), str) else None)
    uid = seen(about, "userId") or seen(about, "identityId") or seen(about, "serviceId")
    machine = uid if uid and kind in {"identity", "service", "service-v3"} else None
    return ocsf.user(
        uid=uid,
        name=seen(about, "email") or seen(about, "username") or seen(about, "name"),
        type=kind,
        programmatic_credentials=ocsf.credential(f"infisical-{kind}:{machine}" if machine else None, kind or ""),
    )


def _resources(about: JsonObject, operation: str) -> list[JsonObject] | None:
    key, uid, path = seen(about, "secretKey"), seen(about, "secretId"), seen(about, "secretPath")
    if not (key or uid or path or "secret" in operation):
        return None
    named = {"name": key or path or ocsf.UNKNOWN, "type": "secret" if key or uid else "secrets"}
    return [{**named, **(ocsf.some(uid=uid, namespace=as_text(about.get("environment")) or None) or {})}]
