"""Azure's activity log, as Event Hubs and storage accounts get it, and as its REST API gives it.

Source: Azure Monitor documentation, "Azure activity log event schema".
"""

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_object, as_text

_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_OBJECT = "http://schemas.microsoft.com/identity/claims/objectidentifier"


def claims_user(claims: JsonObject, name: str | None = None) -> JsonObject | None:
    """The user or application that the claims of a token name."""
    application = as_text(claims.get("appid"))
    return ocsf.user(
        name=name
        or as_text(claims.get(_UPN))
        or as_text(claims.get("upn"))
        or as_text(claims.get("unique_name"))
        or None,
        uid=as_text(claims.get(_OBJECT)) or as_text(claims.get("oid")) or None,
        programmatic_credentials=ocsf.credential(f"azure-app-id:{application}" if application else None, "application"),
    )


def status_of(native: JsonObject, *names: str) -> tuple[int, str] | None:
    """What the words for an outcome say; nothing where they say neither."""
    for name in names:
        value = native.get(name)
        told = (as_text(value) or as_text(as_object(value).get("value"))).lower()
        if told in {"success", "succeeded", "ok", "accept", "accepted", "start", "started", "created"}:
            return ocsf.SUCCESS
        if told in {"failure", "failed", "forbidden", "unauthorized", "notfound", "error"}:
            return ocsf.FAILURE
    return None


class AzureActivity(RecordParser):
    """API Activity, with the profile `cloud`."""

    kind = "azure_activity"
    product = ("Azure activity log", "Microsoft")
    wrappers = ("records", "value")

    def event(self, native: JsonObject) -> JsonObject:
        operation = text(native, "operationName") or text(part(native, "operationName"), "value")
        if not operation and not native.keys() & {"resourceId", "operationName", "eventDataId", "category"}:
            raise MalformedError("no event of Azure's activity log: neither operationName nor resourceId")
        operation = operation or ocsf.UNKNOWN
        when, original = ocsf.stamp(native, "time", "eventTimestamp", "submissionTimestamp")
        claims = as_object(as_object(native.get("identity")).get("claims")) or as_object(native.get("claims"))
        resource, asked = text(native, "resourceId"), part(native, "httpRequest")
        return ocsf.event(
            ocsf.API_ACTIVITY,
            _activity(operation),
            when,
            status=status_of(native, "resultType", "status", "resultSignature"),
            metadata=ocsf.metadata(text(native, "eventDataId"), original, "cloud"),
            actor=ocsf.actor(claims_user(claims, text(native, "caller"))),
            api=ocsf.some(operation=operation, request=ocsf.some(uid=text(native, "correlationId"))),
            cloud=ocsf.some(provider="Azure", region=text(native, "location"), account=_account(native)),
            src_endpoint=ocsf.source(text(native, "callerIpAddress") or text(asked, "clientIpAddress")),
            resources=[{"uid": resource}] if resource else None,
            unmapped=rest(native, "operationName", "httpRequest"),
        )


def _account(native: JsonObject) -> JsonObject | None:
    return ocsf.some(uid=text(native, "subscriptionId") or text(native, "tenantId"))


_PREFIXES = {
    "list": ocsf.READ,
    "get": ocsf.READ,
    "read": ocsf.READ,
    "write": ocsf.UPDATE,
    "delete": ocsf.DELETE,
    "create": ocsf.CREATE,
    "regenerate": ocsf.UPDATE,
    "restart": ocsf.UPDATE,
    "start": ocsf.UPDATE,
    "stop": ocsf.UPDATE,
}


def _activity(operation: str) -> int:
    """`MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE`, `.../listKeys/action`: the last word but `action`, in any case."""
    words = [word for word in operation.lower().split("/") if word != "action"] or [""]
    found = (activity for prefix, activity in _PREFIXES.items() if words[-1].startswith(prefix))
    return next(found, None) or ocsf.activity_of(words[-1])
