"""Doppler's activity log, as its API and its logging services give it.

Source: Doppler documentation, "Activity Log Event Schema" and "API: Activity Logs". Reads of secrets are not in it
unless the plan records them.
"""

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject


class Doppler(RecordParser):
    """API Activity. The resource is the config that the entry is about."""

    kind = "doppler"
    product = ("Doppler activity log", "Doppler")
    wrappers = ("logs",)

    def event(self, native: JsonObject) -> JsonObject:
        told = seen(native, "text") or seen(native, "title")
        if not told or not native.keys() & {"id", "slug", "user", "created_at"}:
            raise MalformedError("no entry of Doppler's activity log: no text, or neither id nor slug")
        operation = text(native, "type")
        when, original = ocsf.stamp(native, "created_at", "createdAt", "timestamp")
        who = part(native, "user")
        uid = seen(who, "id") or seen(who, "slug")
        machine = uid if seen(who, "type") in {"service_token", "service_account"} else None
        return ocsf.event(
            ocsf.API_ACTIVITY,
            ocsf.activity_of(operation.rpartition(".")[2] if operation else told),
            when,
            status=ocsf.SUCCESS,
            message=text(native, "text"),
            metadata=ocsf.metadata(text(native, "id") or text(native, "slug"), original),
            actor=ocsf.actor(
                ocsf.user(
                    name=text(who, "email") or text(who, "username"),
                    full_name=text(who, "name"),
                    uid=uid,
                    programmatic_credentials=ocsf.credential(
                        f"doppler-id:{machine}" if machine else None, "service token"
                    ),
                )
            ),
            api={"operation": operation or ocsf.UNKNOWN},
            src_endpoint=ocsf.source(text(native, "ip")),
            resources=_resources(native),
            unmapped=rest(native, "user"),
        )


def _resources(native: JsonObject) -> list[JsonObject] | None:
    """Project and config; the API names them with the prefix `enclave_`."""
    project = text(native, "enclave_project") or text(native, "project")
    config = text(native, "enclave_config") or text(native, "config")
    name = config or project
    return [{"name": name, "type": "config", **({"namespace": project} if project else {})}] if name else None
