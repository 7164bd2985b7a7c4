"""Okta's system log, by API, event hooks or log streams.

Source: Okta developer documentation, "System Log API": the LogEvent object.
"""

from typing import Any

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_LOGONS = {"user.session.start": 1, "user.session.end": 2, "user.authentication.sso": 1, "policy.evaluate_sign_on": 1}
_OUTCOMES = {"SUCCESS": ocsf.SUCCESS, "ALLOW": ocsf.SUCCESS, "FAILURE": ocsf.FAILURE, "DENY": ocsf.FAILURE}
_SEVERITIES = {"DEBUG": 1, "INFO": 1, "WARN": 3, "ERROR": 4}


class Okta(RecordParser):
    """Sessions and sign-ins are Authentication, all else is API Activity; the profile is `cloud`."""

    kind = "okta"
    product = ("Okta System Log", "Okta")

    def event(self, native: JsonObject) -> JsonObject:
        operation = text(native, "eventType") or text(native, "eventtype")
        if not operation:
            raise MalformedError("no Okta event: no eventType")
        when, original = ocsf.stamp(native, "published")
        client, outcome, who = part(native, "client"), part(native, "outcome"), _actor(native)
        agent, place = part(client, "userAgent"), part(client, "geographicalContext")
        shared: dict[str, Any] = {
            "status": _OUTCOMES.get(seen(outcome, "result") or ""),
            "severity": _SEVERITIES.get(seen(native, "severity") or "", 1),
            "metadata": ocsf.metadata(text(native, "uuid"), original, "cloud"),
            "message": text(native, "displayMessage"),
            "status_detail": text(outcome, "reason"),
            "actor": who,
            "api": ocsf.some(operation=operation, request=ocsf.some(uid=text(part(native, "transaction"), "id"))),
            "cloud": {"provider": "Okta"},
            "src_endpoint": ocsf.source(
                text(client, "ipAddress"),
                location=ocsf.some(country=text(place, "country"), city=text(place, "city")),
            ),
            "http_request": ocsf.some(user_agent=text(agent, "rawUserAgent")),
        }
        rest(client, "userAgent", "geographicalContext")
        if operation in _LOGONS or operation.startswith("user.authentication."):
            shared["user"] = who.get("user") or {"name": ocsf.UNKNOWN}
            shared["service"] = {"name": "Okta"}
            activity, of = _LOGONS.get(operation, 1), ocsf.AUTHENTICATION
        else:
            shared["resources"] = _targets(native)
            activity, of = ocsf.activity_of(operation.rpartition(".")[2]), ocsf.API_ACTIVITY
        return ocsf.event(
            of, activity, when, unmapped=rest(native, "client", "outcome", "actor", "transaction"), **shared
        )


def _actor(native: JsonObject) -> JsonObject:
    actor, detail = part(native, "actor"), as_object(part(native, "transaction").get("detail"))
    token, session = as_text(detail.get("requestApiTokenId")), part(native, "authenticationContext")
    return ocsf.actor(
        ocsf.user(
            uid=text(actor, "id"),
            name=text(actor, "alternateId"),
            full_name=text(actor, "displayName"),
            type=text(actor, "type"),
            programmatic_credentials=ocsf.credential(f"okta-token-id:{token}" if token else None, "API token"),
        ),
        session=ocsf.some(uid=text(session, "externalSessionId")),
    )


def _targets(native: JsonObject) -> list[JsonObject] | None:
    found = [
        ocsf.some(uid=seen(one, "id"), name=seen(one, "displayName"), type=seen(one, "type"))
        for one in map(as_object, as_array(native.get("target")))
        if seen(one, "id") or seen(one, "displayName")
    ]
    return [one for one in found if one] or None
