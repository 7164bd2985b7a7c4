"""JSON records of products that have no parser here: everything is unmapped, and found by its native name."""

from typing import Any, cast

from bartizan.detect import ocsf
from bartizan.detect.native import nested
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject

_TIMES = (
    "time timestamp @timestamp ts eventTime event_time created_at createdAt createdDateTime published date datetime "
    "CreationTime creationTime eventTimestamp p_event_time start_time startTime when"
).split()


class JsonRecords(RecordParser):
    """Base Event. Names with dots become objects within objects, so that rules find them by either spelling."""

    kind = "json"
    product = ("JSON records", "unknown")
    wrappers = ("Records", "records", "value")

    def event(self, native: JsonObject) -> JsonObject:
        if not native:
            raise MalformedError("an empty object")
        when = next((found for name in _TIMES if (found := ocsf.milliseconds(native.get(name))) is not None), None)
        metadata = ocsf.metadata(None, None) | (ocsf.some(log_source=self._settings.log_source or None) or {})
        return ocsf.event(ocsf.BASE_EVENT, 99, when, metadata=metadata, unmapped=_nested(native))


def _nested(value: Any) -> Any:
    if isinstance(value, dict):
        return nested({name: _nested(inner) for name, inner in cast("JsonObject", value).items()})
    if isinstance(value, list):
        return [_nested(one) for one in cast("list[Any]", value)]
    return value
