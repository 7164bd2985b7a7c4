"""1Password: item usage, sign-in attempts and audit events of its Events API, and requests of a Connect server.

Source: 1Password developer documentation, "Events API reference" (version 2) and "Connect server API: activity".
"""

from typing import Any

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_text

_READS = {"fill", "copy", "secure-copy", "reveal", "sso-fill", "other", "share", "export"}


class OnePassword(RecordParser):
    """Sign-in attempts are Authentication, all else is API Activity; what was read is the item."""

    kind = "onepassword"
    product = ("1Password Events", "1Password")
    wrappers = ("items", "audit_events")

    def event(self, native: JsonObject) -> JsonObject:
        if not native.keys() & {"item_uuid", "target_user", "actor_uuid", "object_uuid", "requestId", "category"}:
            raise MalformedError("no event of 1Password: no item, no target user, no actor, no request")
        when, original = ocsf.stamp(native, "timestamp")
        client, location = part(native, "client"), part(native, "location")
        place = ocsf.some(country=text(location, "country") or text(native, "country"), city=text(location, "city"))
        shared: dict[str, Any] = {
            "metadata": ocsf.metadata(text(native, "uuid"), original, "cloud"),
            "cloud": ocsf.some(provider="1Password", account=ocsf.some(uid=text(native, "account_uuid"))),
            "src_endpoint": ocsf.source(
                text(client, "ip_address") or text(part(native, "session"), "ip"), location=place
            ),
        }
        rest(native, "client", "location", "session")
        if "target_user" in native:
            return _sign_in(native, client, when, shared)
        return _usage(native, client, when, shared)


def _who(native: JsonObject, name: str) -> JsonObject | None:
    who = part(native, name)
    found = ocsf.user(uid=text(who, "uuid"), name=text(who, "email"), full_name=text(who, "name"))
    rest(native, name)
    return found


def _sign_in(native: JsonObject, client: JsonObject, when: int | None, shared: dict[str, Any]) -> JsonObject:
    user = _who(native, "target_user") or {"name": ocsf.UNKNOWN}
    good = seen(native, "category") in {"success", "firewall_reported_success"}
    return ocsf.event(
        ocsf.AUTHENTICATION,
        1,
        when,
        status=ocsf.SUCCESS if good else ocsf.FAILURE,
        user=user,
        actor=ocsf.actor(user, app_name=text(client, "app_name"), session=ocsf.some(uid=text(native, "session_uuid"))),
        service={"name": "1Password"},
        status_detail=text(native, "type"),
        unmapped=rest(native, "client"),
        **shared,
    )


def _usage(native: JsonObject, client: JsonObject, when: int | None, shared: dict[str, Any]) -> JsonObject:
    action, item = text(native, "action"), text(native, "item_uuid")
    token = as_text(part(native, "actor").get("jti"))
    who = _who(native, "user") or _who(native, "actor_details")
    acting = None if who and "uid" in who else text(native, "actor_uuid")
    user = {**(who or {}), **(ocsf.some(uid=acting) or {})}
    if token:
        user = {"account": {"name": ocsf.UNKNOWN}, **user, "programmatic_credentials": _token(token)}
    thing = item or text(native, "object_uuid")
    return ocsf.event(
        ocsf.API_ACTIVITY,
        ocsf.READ if action in _READS or (item and not action) else ocsf.activity_of(action or ""),
        when,
        status=ocsf.SUCCESS,
        actor=ocsf.actor(user or None, app_name=text(client, "app_name")),
        api=ocsf.some(operation=action or ("use" if item else ocsf.UNKNOWN), request=_request(native)),
        resources=_resources(native, thing, "item" if item else None),
        unmapped=rest(native, "client"),
        **shared,
    )


def _resources(native: JsonObject, thing: str | None, kind: str | None) -> list[JsonObject] | None:
    if not thing:
        return None
    named = ocsf.some(type=text(native, "object_type") or kind, namespace=text(native, "vault_uuid"))
    return [{"uid": thing, **(named or {})}]


def _token(token: str) -> list[JsonObject] | None:
    return ocsf.credential(f"onepassword-jti:{token}", "Connect token")


def _request(native: JsonObject) -> JsonObject | None:
    return ocsf.some(uid=text(native, "requestId"))
