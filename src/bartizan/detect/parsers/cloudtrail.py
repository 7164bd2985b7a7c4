"""AWS CloudTrail: management, data and insight events, as files, event streams and `lookup-events` give them.

Source: AWS CloudTrail User Guide, "CloudTrail record contents" and "userIdentity element", event version 1.11.
"""

from typing import Any

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_LOGONS = {"ConsoleLogin": 1, "SwitchRole": 7, "ExitRole": 7, "RenewRole": 7}


class CloudTrail(RecordParser):
    """Sign-ins to the console are Authentication, all else is API Activity; the profile is `cloud`."""

    kind = "cloudtrail"
    product = ("CloudTrail", "AWS")
    wrappers = ("Records",)

    def event(self, native: JsonObject) -> JsonObject:
        operation = text(native, "eventName")
        if not operation and not native.keys() & {"eventSource", "userIdentity", "eventVersion"}:
            raise MalformedError("no CloudTrail event: neither eventName nor eventSource nor userIdentity")
        operation = operation or ocsf.UNKNOWN
        resources = _resources(native)
        account = text(native, "recipientAccountId")
        who, (at, original) = _actor(part(native, "userIdentity")), ocsf.stamp(native, "eventTime")
        failed = native.get("errorCode") or _refused(native)
        shared: dict[str, Any] = {
            "status": ocsf.FAILURE if failed else ocsf.SUCCESS,
            "actor": who,
            "src_endpoint": ocsf.source(text(native, "sourceIPAddress"), uid=text(native, "vpcEndpointId")),
            "http_request": ocsf.some(user_agent=text(native, "userAgent")),
            "cloud": ocsf.some(
                provider="AWS",
                region=text(native, "awsRegion"),
                account=ocsf.some(uid=account),
            ),
            "api": _api(native, operation),
            "metadata": ocsf.metadata(text(native, "eventID"), original, "cloud"),
        }
        if operation in _LOGONS:
            shared["user"] = who.get("user") or {"name": ocsf.UNKNOWN}
            shared["service"] = {"name": "AWS Management Console"}
            return ocsf.event(ocsf.AUTHENTICATION, _LOGONS[operation], at, unmapped=_rest(native), **shared)
        activity = ocsf.activity_of(operation)
        return ocsf.event(ocsf.API_ACTIVITY, activity, at, resources=resources, unmapped=_rest(native), **shared)


def _rest(native: JsonObject) -> JsonObject | None:
    return rest(native, "userIdentity")


def _refused(native: JsonObject) -> bool:
    """A sign-in that failed has no error code; its response says so."""
    return "Failure" in as_object(native.get("responseElements")).values()


def _api(native: JsonObject, operation: str) -> JsonObject | None:
    request, service = text(native, "requestID"), text(native, "eventSource")
    return ocsf.some(
        operation=operation,
        version=text(native, "apiVersion"),
        service=ocsf.some(name=service),
        request=ocsf.some(uid=request),
        response=ocsf.some(error=text(native, "errorCode"), error_message=text(native, "errorMessage")),
    )


def _actor(identity: JsonObject) -> JsonObject:
    key = seen(identity, "accessKeyId")
    session = part(identity, "sessionContext")
    mfa = as_object(session.get("attributes")).get("mfaAuthenticated")
    return ocsf.actor(
        ocsf.user(
            type=text(identity, "type"),
            uid=text(identity, "arn"),
            uid_alt=text(identity, "principalId"),
            name=text(identity, "userName"),
            account=ocsf.some(uid=text(identity, "accountId")),
            programmatic_credentials=ocsf.credential(f"aws-key-id:{key}" if key else None, "AWS access key"),
        ),
        app_name=text(identity, "invokedBy"),
        session=ocsf.some(
            issuer=seen(part(session, "sessionIssuer"), "arn"), is_mfa=mfa == "true" if isinstance(mfa, str) else None
        ),
    )


def _resources(native: JsonObject) -> list[JsonObject] | None:
    """What was touched, by ARN, and the secret that was read, by the name or ARN by which it was asked for."""
    named = [as_object(one) for one in as_array(native.get("resources"))]
    found: list[JsonObject] = [
        {"uid": one["ARN"], "type": as_text(one.get("type")) or ocsf.UNKNOWN}
        for one in named
        if as_text(one.get("ARN"))
    ]
    asked = as_object(native.get("requestParameters"))
    secret = as_text(asked.get("secretId"))
    if secret and all(one["uid"] != secret for one in found):
        found.append({"uid" if secret.startswith("arn:") else "name": secret, "type": "secret"})
    return found or None
