"""Microsoft Entra ID: sign-ins, audit events and risk detections, from diagnostic settings and from Microsoft Graph.

Source: Microsoft documentation, "Sign-in logs", "Audit logs" and, for Microsoft Graph, the resource types `signIn`,
`directoryAudit` and `riskDetection`.
"""

from typing import Any

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.parsers.azure_activity import status_of
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_KNOWN = (
    "properties",
    "userPrincipalName",
    "activityDisplayName",
    "riskEventType",
    "appId",
    "operationName",
    "category",
)
_LEVELS = {"low": 2, "medium": 3, "high": 4}


class Entra(RecordParser):
    """Sign-ins are Authentication, risk detections Detection Finding, all else is API Activity."""

    kind = "entra"
    product = ("Microsoft Entra ID", "Microsoft")
    wrappers = ("records", "value")

    def event(self, native: JsonObject) -> JsonObject:
        if not any(name in native for name in _KNOWN):
            raise MalformedError(
                "no event of Entra ID: neither properties nor userPrincipalName nor activityDisplayName"
            )
        inner = part(native, "properties") if "properties" in native else native
        when, original = _when(native, inner)
        shared: dict[str, Any] = {
            "metadata": ocsf.metadata(text(inner, "id"), original, "cloud"),
            "cloud": ocsf.some(provider="Azure", account=ocsf.some(uid=text(native, "tenantId"))),
        }
        if "riskEventType" in inner:
            return _risk(native, inner, when, shared)
        if "SignIn" in (seen(native, "category") or "") or "appDisplayName" in inner or "isInteractive" in inner:
            return _sign_in(native, inner, when, shared)
        return _audit(native, inner, when, shared)


def _when(native: JsonObject, inner: JsonObject) -> tuple[int | None, str | None]:
    """Microsoft Graph has other names for a time than the diagnostic settings, which come first."""
    names = ("createdDateTime", "activityDateTime", "detectedDateTime")
    found = ocsf.stamp(native, "time", *names)
    return found if found[0] is not None else ocsf.stamp(inner, *names)


def _place(inner: JsonObject, native: JsonObject) -> JsonObject:
    place = part(inner, "location")
    location = ocsf.some(city=text(place, "city"), country=text(place, "countryOrRegion"))
    rest(inner, "location")
    return ocsf.source(text(native, "callerIpAddress") or text(inner, "ipAddress"), location=location)


def _sign_in(native: JsonObject, inner: JsonObject, when: int | None, shared: dict[str, Any]) -> JsonObject:
    status = as_object(inner.get("status"))
    code = native.get("resultType", native.get("resulttype", status.get("errorCode")))
    application = seen(inner, "appId") or seen(inner, "servicePrincipalId")
    user = ocsf.user(
        name=text(inner, "userPrincipalName") or text(inner, "servicePrincipalName"),
        uid=text(inner, "userId"),
        full_name=text(inner, "userDisplayName"),
        programmatic_credentials=ocsf.credential(f"azure-app-id:{application}" if application else None, "application"),
    ) or {"account": {"name": ocsf.UNKNOWN}}
    service = text(inner, "resourceDisplayName") or ocsf.UNKNOWN
    return ocsf.event(
        ocsf.AUTHENTICATION,
        1,
        when,
        status=ocsf.SUCCESS if str(code) in {"0", "Success"} else ocsf.FAILURE if code is not None else None,
        user=user,
        actor=ocsf.actor(user, app_name=text(inner, "appDisplayName")),
        service={"name": service},
        api=ocsf.some(operation=text(native, "operationName") or "Sign-in activity", request=_request(native, inner)),
        src_endpoint=_place(inner, native),
        http_request=ocsf.some(user_agent=text(inner, "userAgent")),
        unmapped=rest(native, "properties"),
        **shared,
    )


def _request(native: JsonObject, inner: JsonObject) -> JsonObject | None:
    return ocsf.some(uid=text(native, "correlationId") or text(inner, "correlationId"))


def _audit(native: JsonObject, inner: JsonObject, when: int | None, shared: dict[str, Any]) -> JsonObject:
    operation = text(native, "operationName") or text(inner, "activityDisplayName") or ocsf.UNKNOWN
    by = part(inner, "initiatedBy")
    who, application = part(by, "user"), part(by, "app")
    targets = [as_object(one) for one in as_array(inner.get("targetResources"))]
    resources = [
        ocsf.some(
            uid=seen(one, "id"), name=seen(one, "displayName") or seen(one, "userPrincipalName"), type=seen(one, "type")
        )
        for one in targets
        if seen(one, "id") or seen(one, "displayName")
    ]
    return ocsf.event(
        ocsf.API_ACTIVITY,
        ocsf.activity_of(operation),
        when,
        status=status_of(inner, "result") or status_of(native, "resultSignature", "resultType"),
        actor=ocsf.actor(
            ocsf.user(name=seen(who, "userPrincipalName") or seen(application, "displayName"), uid=seen(who, "id")),
            app_name=seen(application, "displayName"),
        ),
        api=ocsf.some(operation=operation, request=_request(native, inner)),
        src_endpoint=ocsf.source(text(native, "callerIpAddress") or as_text(who.get("ipAddress"))),
        resources=resources or None,
        unmapped=rest(native, "properties"),
        **shared,
    )


def _risk(native: JsonObject, inner: JsonObject, when: int | None, shared: dict[str, Any]) -> JsonObject:
    title, uid = seen(inner, "riskEventType") or ocsf.UNKNOWN, shared["metadata"].get("uid")
    return ocsf.event(
        ocsf.DETECTION_FINDING,
        1,
        when,
        severity=_LEVELS.get(seen(inner, "riskLevel") or "", 1),
        finding_info={"uid": uid or ocsf.UNKNOWN, "title": title},
        evidences=[
            {
                "actor": {"user": {"name": seen(inner, "userPrincipalName") or ocsf.UNKNOWN}},
                "src_endpoint": ocsf.source(seen(inner, "ipAddress")),
            }
        ],
        unmapped=rest(native, "properties"),
        **shared,
    )
