"""OpenStack Barbican: CADF events of keystonemiddleware's audit filter, as notifications or in a service's log.

Source: DMTF DSP0262 (CADF) and the documentation of keystonemiddleware, "Audit middleware".
"""

import re

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.pairs import Half, PairParser
from bartizan.detect.parsing import MalformedError, Read
from bartizan.model.json import JsonObject, as_object, as_text

_SECRET = re.compile(r"/v\d+(?:\.\d+)?/secrets/([0-9A-Fa-f\-]{36})(/payload)?/?(?:\?.*)?\Z")
_ACTIVITIES = {"create": ocsf.CREATE, "read": ocsf.READ, "update": ocsf.UPDATE, "delete": ocsf.DELETE}


class Barbican(PairParser):
    """API Activity. Reading a secret's payload is reading the secret; reading its metadata is not."""

    kind = "barbican"
    product = ("Barbican", "OpenStack")

    def read(self, raw: bytes) -> Read:
        """In a service's log the JSON follows the words of the logger."""
        begin = raw.find(b"{")
        return super().read(raw[begin:] if begin > 0 and b"oslo.messaging.notification" in raw[:begin] else raw)

    def half(self, native: JsonObject) -> Half | None:
        payload = as_object(native.get("payload")) or native
        uid, told = as_text(payload.get("id")), as_text(native.get("event_type"))
        if not uid or told not in {"audit.http.request", "audit.http.response"}:
            return None
        return Half(uid, f"{uid}/{told.rpartition('.')[2]}", is_request=told.endswith("request"))

    def event(self, native: JsonObject) -> JsonObject:
        payload = part(native, "payload") if "payload" in native else native
        operation = text(payload, "action")
        if not operation:
            raise MalformedError("no CADF event: no action")
        when, original = ocsf.stamp(payload, "eventTime")
        outcome, path = seen(payload, "outcome"), seen(payload, "requestPath") or ""
        by = part(payload, "initiator")
        host, secret = part(by, "host"), _SECRET.search(path)
        reason = part(payload, "reason")
        code = as_text(reason.get("reasonCode"))
        return ocsf.event(
            ocsf.API_ACTIVITY,
            _ACTIVITIES.get(operation.partition("/")[0], ocsf.OTHER),
            when,
            status={"success": ocsf.SUCCESS, "failure": ocsf.FAILURE}.get(outcome or ""),
            metadata=ocsf.metadata(text(payload, "id"), original),
            actor=ocsf.actor(
                ocsf.user(
                    uid=text(by, "id"),
                    name=text(by, "name"),
                    account=ocsf.some(uid=text(by, "project_id")),
                    type=seen(by, "typeURI"),
                )
            ),
            api=ocsf.some(
                operation=operation,
                service=ocsf.some(name=text(part(payload, "target"), "name")),
                response=ocsf.some(code=int(code)) if code.isascii() and code.isdecimal() and len(code) < 6 else None,
            ),
            src_endpoint=ocsf.source(text(host, "address")),
            http_request=ocsf.some(user_agent=text(host, "agent"), url=ocsf.some(path=text(payload, "requestPath"))),
            resources=[{"uid": secret[1], "type": "secret" if secret[2] else "secret metadata"}] if secret else None,
            unmapped=rest(native, "payload"),
        )
