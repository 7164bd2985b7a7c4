"""Zeek's logs in JSON: connections, DNS, SSH, TLS, HTTP, notices and all others.

Source: Zeek's documentation, "Log files"; its JSON writer (`LogAscii::use_json`), with or without `_path`.
"""

from typing import Any

from bartizan.detect import ocsf
from bartizan.detect.native import nested, part, port, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_array, as_object

_BY_FIELD = {"note": "notice", "query": "dns", "auth_success": "ssh", "conn_state": "conn", "server_name": "ssl"}


class Zeek(RecordParser):
    """DNS and SSH Activity, notices as Detection Finding, all others Network Activity."""

    kind = "zeek"
    product = ("Zeek", "Zeek")

    def event(self, native: JsonObject) -> JsonObject:
        if "ts" not in native and "_path" not in native:
            raise MalformedError("no record of Zeek: neither ts nor _path")
        when, original = ocsf.stamp(native, "ts")
        flat = nested(native)
        log = seen(flat, "_path") or next((told for name, told in _BY_FIELD.items() if name in flat), "")
        ends = part(flat, "id")
        uid = seen(flat, "uid")
        source = ocsf.endpoint(text(ends, "orig_h"), port(ends, "orig_p"))
        target = ocsf.endpoint(text(ends, "resp_h"), port(ends, "resp_p"))
        metadata = ocsf.metadata(None, original)
        if uid:
            metadata["correlation_uid"] = uid  # of the connection: many records may have it
        if not (source or target) or log == "notice":
            return _finding(flat, when, metadata, source, target)
        shared: dict[str, Any] = {"metadata": metadata, "src_endpoint": source, "dst_endpoint": target}
        if protocol := seen(flat, "proto"):
            shared["connection_info"] = {"protocol_name": protocol.lower(), "direction_id": 0}
        if log == "dns":
            return _dns(flat, when, shared)
        if log == "ssh":
            good = flat.get("auth_success")
            status = ocsf.SUCCESS if good is True else ocsf.FAILURE if good is False else None
            return ocsf.event(ocsf.SSH_ACTIVITY, 6, when, status=status, unmapped=rest(flat, "id"), **shared)
        name = seen(flat, "service") or (log if log not in {"", "conn"} else None)
        return ocsf.event(
            ocsf.NETWORK_ACTIVITY,
            6,
            when,
            app_protocol_name=name,
            traffic=_traffic(flat),
            unmapped=rest(flat, "id"),
            **shared,
        )


def _traffic(flat: JsonObject) -> JsonObject | None:
    found = {
        name: flat[told]
        for name, told in (("bytes_out", "orig_bytes"), ("bytes_in", "resp_bytes"))
        if isinstance(flat.get(told), int) and not isinstance(flat[told], bool)
    }
    return found or None


def _dns(flat: JsonObject, when: int | None, shared: dict[str, Any]) -> JsonObject:
    name, answers = text(flat, "query"), [one for one in as_array(flat.get("answers")) if isinstance(one, str)]
    query = (
        ocsf.some(hostname=name, type=text(flat, "qtype_name"), **{"class": text(flat, "qclass_name")})
        if name
        else None
    )
    return ocsf.event(
        ocsf.DNS_ACTIVITY,
        2 if answers or "rcode" in flat else 1,
        when,
        query=query,
        answers=[{"rdata": one} for one in answers] or None,
        rcode=seen(flat, "rcode_name"),
        unmapped=rest(flat, "id"),
        **shared,
    )


def _finding(
    flat: JsonObject, when: int | None, metadata: JsonObject, source: JsonObject | None, target: JsonObject | None
) -> JsonObject:
    title = seen(flat, "note") or seen(flat, "name") or seen(flat, "_path") or ocsf.UNKNOWN
    evidence = ocsf.some(src_endpoint=source, dst_endpoint=target)
    uid = seen(as_object(flat), "uid")
    return ocsf.event(
        ocsf.DETECTION_FINDING,
        1,
        when,
        message=text(flat, "msg"),
        finding_info={"uid": uid or title, "title": title},
        evidences=[evidence] if evidence else None,
        metadata=metadata,
        unmapped=rest(flat, "id"),
    )
