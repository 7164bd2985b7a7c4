"""LAUREL: events of the Linux audit system as JSON lines, one for each event.

Source: LAUREL's documentation, `json-format.md`.
"""

from bartizan.detect import ocsf
from bartizan.detect.audit_events import audit_event
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_text


class Laurel(RecordParser):
    """As `auditd`: executions, files, connections and sign-ins."""

    kind = "laurel"
    product = ("LAUREL", "threathunters-io")

    def event(self, native: JsonObject) -> JsonObject:
        uid = as_text(native.get("ID"))
        if not uid:
            raise MalformedError("no event of LAUREL: no ID")
        machine = as_text(native.get("NODE")) or None
        seconds, _, _ = uid.partition(":")
        when = _seconds(seconds)
        return audit_event(native, when, ocsf.metadata(f"{machine}/{uid}" if machine else uid, None), machine)


def _seconds(told: str) -> int | None:
    try:
        return ocsf.milliseconds(float(told))
    except ValueError:
        return None
