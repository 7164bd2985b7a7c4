"""Kubernetes' audit events, from a log file or a web hook.

Source: Kubernetes documentation, "kube-apiserver Audit Configuration (v1)": Event.
"""

from bartizan.detect import ocsf
from bartizan.detect.native import number, part, rest, seen, text
from bartizan.detect.pairs import Half, PairParser
from bartizan.detect.parsing import MalformedError, Read, read_json
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_UPDATES = {"patch": ocsf.UPDATE, "watch": ocsf.READ, "deletecollection": ocsf.DELETE, "proxy": ocsf.OTHER}


class K8sAudit(PairParser):
    """API Activity. The stages of one request are one event: that of its response."""

    kind = "k8s_audit"
    product = ("Kubernetes", "Kubernetes")
    wrappers = ("items",)

    def read(self, raw: bytes) -> Read:
        """Azure Monitor puts the event as a text into a record of its own: what stands around it is kept beside it."""
        read = super().read(raw)
        inner = as_text(as_object(read.native.get("properties")).get("log"))
        if not inner.startswith("{"):
            return read
        told = read_json(inner.encode(errors="replace"), self._settings.limits).native
        around = {**read.native, "properties": {**read.native["properties"], "log": None}}
        return Read({**told, "azure": around}, read.text, read.sha256, read.labels)

    def half(self, native: JsonObject) -> Half | None:
        uid, stage = seen(native, "auditID"), seen(native, "stage")
        if not uid or not stage:
            return None
        return Half(uid, f"{uid}/{stage}", is_request=stage == "RequestReceived")

    def event(self, native: JsonObject) -> JsonObject:
        verb = text(native, "verb")
        if not verb and not native.keys() & {"auditID", "objectRef", "requestURI"}:
            raise MalformedError("no Kubernetes audit event: neither verb nor auditID")
        when, original = ocsf.stamp(native, "requestReceivedTimestamp", "stageTimestamp", "timestamp")
        status, thing = part(native, "responseStatus"), part(native, "objectRef")
        code = status.get("code")
        failed = isinstance(code, int) and code >= 400
        addresses = [one for one in as_array(native.get("sourceIPs")) if isinstance(one, str)]
        return ocsf.event(
            ocsf.API_ACTIVITY,
            _UPDATES.get(verb or "") or ocsf.activity_of(verb or ""),
            when,
            status=None if code is None else ocsf.FAILURE if failed else ocsf.SUCCESS,
            metadata=ocsf.metadata(text(native, "auditID"), original),
            actor=ocsf.actor(_user(native)),
            api=ocsf.some(
                operation=verb or ocsf.UNKNOWN,
                response=ocsf.some(
                    code=number(status, "code"), error=text(status, "reason"), message=text(status, "message")
                ),
            ),
            # A client can put any address before the last one, which the server itself saw (X-Forwarded-For).
            src_endpoint=ocsf.source(addresses[-1] if addresses else None),
            http_request=_request(native),
            resources=_resources(thing),
            unmapped=rest(native, "responseStatus", "objectRef", "user"),
        )


def _request(native: JsonObject) -> JsonObject | None:
    uri = text(native, "requestURI")
    return ocsf.some(user_agent=text(native, "userAgent"), url=ocsf.some(path=uri))


def _user(native: JsonObject) -> JsonObject | None:
    who = part(native, "user")
    groups = [{"name": one} for one in as_array(who.get("groups")) if isinstance(one, str)]
    # The token of a service account has an id since Kubernetes 1.32.
    token = as_array(as_object(who.get("extra")).get("authentication.kubernetes.io/credential-id"))
    return ocsf.user(
        name=text(who, "username"),
        uid=text(who, "uid"),
        groups=groups or None,
        programmatic_credentials=ocsf.credential(f"k8s-credential:{as_text(token[0])}" if token else None, "token"),
    )


def _resources(thing: JsonObject) -> list[JsonObject] | None:
    kind, name = text(thing, "resource"), text(thing, "name")
    found = ocsf.some(type=kind, name=name, namespace=text(thing, "namespace"), uid=text(thing, "uid"))
    if found and not name and "uid" not in found:
        found["name"] = ocsf.UNKNOWN
    return [found] if found else None
