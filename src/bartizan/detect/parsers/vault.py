"""HashiCorp Vault's and OpenBao's audit devices (file, socket, syslog, http), whose lines have one format.

Source: their documentation, "Audit devices", and OpenBao's `audit` package: AuditRequestEntry, AuditResponseEntry.
"""

from bartizan.detect import ocsf
from bartizan.detect.native import part, port, rest, seen, text
from bartizan.detect.pairs import Half, PairParser
from bartizan.detect.parsing import MalformedError
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_ACTIVITIES = {
    "create": ocsf.CREATE,
    "read": ocsf.READ,
    "list": ocsf.READ,
    "scan": ocsf.READ,
    "update": ocsf.UPDATE,
    "patch": ocsf.UPDATE,
    "delete": ocsf.DELETE,
    "revoke": ocsf.DELETE,
}


class Vault(PairParser):
    """API Activity. The credential is the token's accessor; tokens themselves are HMACs already, by the device."""

    kind = "vault"
    product = ("Vault", "HashiCorp")

    def half(self, native: JsonObject) -> Half | None:
        uid, told = as_text(as_object(native.get("request")).get("id")), seen(native, "type")
        if not uid or told not in {"request", "response"}:
            return None
        return Half(uid, f"{uid}/{told}", is_request=told == "request")

    def event(self, native: JsonObject) -> JsonObject:
        asked = part(native, "request")
        operation, path = text(asked, "operation"), text(asked, "path")
        if not operation and not path:
            raise MalformedError("no audit entry of Vault: no request with operation or path")
        when, original = ocsf.stamp(native, "time")
        error = text(native, "error")
        namespace, mount = part(asked, "namespace"), seen(asked, "mount_type")
        resource = ocsf.some(name=path, type=mount, namespace=text(namespace, "path"))
        rest(asked, "namespace")
        agent = as_array(as_object(asked.get("headers")).get("user-agent"))
        return ocsf.event(
            ocsf.API_ACTIVITY,
            _ACTIVITIES.get(operation or "", ocsf.OTHER),
            when,
            status=ocsf.FAILURE if error or _refused(native) else ocsf.SUCCESS,
            metadata=ocsf.metadata(text(asked, "id"), original),
            actor=ocsf.actor(_user(native, asked)),
            api=ocsf.some(
                operation=operation or ocsf.UNKNOWN,
                response=ocsf.some(error_message=error),
                service=ocsf.some(name=text(asked, "mount_point")),
            ),
            src_endpoint=ocsf.source(text(asked, "remote_address"), port(asked, "remote_port")),
            http_request=ocsf.some(user_agent=as_text(agent[0]) or None) if agent else None,
            resources=[{"name": ocsf.UNKNOWN, **resource}] if resource else None,
            unmapped=rest(native, "request", "auth"),
        )


def _refused(native: JsonObject) -> bool:
    """Denied by policy: `auth.policy_results.allowed`."""
    return as_object(as_object(native.get("auth")).get("policy_results")).get("allowed") is False


def _user(native: JsonObject, asked: JsonObject) -> JsonObject | None:
    auth = part(native, "auth")
    accessor = seen(auth, "accessor") or seen(asked, "client_token_accessor")
    policies = [{"name": one, "type": "policy"} for one in as_array(auth.get("policies")) if isinstance(one, str)]
    return ocsf.user(
        name=text(auth, "display_name"),
        uid=text(auth, "entity_id"),
        type=text(auth, "token_type"),
        groups=policies or None,
        programmatic_credentials=ocsf.credential(f"vault-accessor:{accessor}" if accessor else None, "Vault token"),
    )
