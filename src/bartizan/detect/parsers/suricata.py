"""Suricata's EVE JSON: alerts, flows and protocol records.

Source: Suricata's documentation, "EVE JSON Format".
"""

from typing import Any

from bartizan.detect import ocsf
from bartizan.detect.native import part, port, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_SEVERITIES = {1: 4, 2: 3, 3: 2, 4: 1}  # Suricata counts from the worst


class Suricata(RecordParser):
    """Alerts and anomalies are Detection Finding, DNS is DNS Activity, all others Network Activity."""

    kind = "suricata"
    product = ("Suricata", "OISF")

    def event(self, native: JsonObject) -> JsonObject:
        told = seen(native, "event_type")
        if not told:
            raise MalformedError("no EVE record: no event_type")
        when, original = ocsf.stamp(native, "timestamp")
        source = ocsf.endpoint(text(native, "src_ip"), port(native, "src_port"))
        target = ocsf.endpoint(text(native, "dest_ip"), port(native, "dest_port"))
        protocol, flow = seen(native, "proto"), native.get("flow_id")
        metadata = ocsf.metadata(None, original)
        if isinstance(flow, int):
            metadata["correlation_uid"] = str(flow)
        shared: dict[str, Any] = {"metadata": metadata}
        info = {"protocol_name": protocol.lower(), "direction_id": 0} if protocol else None
        if told in {"alert", "anomaly"} or not (source or target):
            evidence = ocsf.some(src_endpoint=source, dst_endpoint=target, connection_info=info)
            return _finding(native, told, when, evidence, shared)
        shared |= ocsf.some(src_endpoint=source, dst_endpoint=target, connection_info=info) or {}
        if told == "dns":
            return _dns(native, when, shared)
        return ocsf.event(
            ocsf.NETWORK_ACTIVITY,
            6,
            when,
            app_protocol_name=text(native, "app_proto") or (told if told not in {"flow", "netflow"} else None),
            unmapped=rest(native),
            **shared,
        )


def _finding(
    native: JsonObject, told: str, when: int | None, evidence: JsonObject | None, shared: dict[str, Any]
) -> JsonObject:
    alert = part(native, "alert")
    number, severity = alert.get("signature_id"), alert.get("severity")
    title = text(alert, "signature") or as_text(as_object(native.get("anomaly")).get("event")) or told
    uid = f"{alert.get('gid', 1)}:{number}:{alert.get('rev', 0)}" if isinstance(number, int) else title
    return ocsf.event(
        ocsf.DETECTION_FINDING,
        1,
        when,
        severity=_SEVERITIES.get(severity, 1) if isinstance(severity, int) else 1,
        finding_info={"uid": uid, "title": title},
        evidences=[evidence] if evidence else None,
        unmapped=rest(native),
        **shared,
    )


def _dns(native: JsonObject, when: int | None, shared: dict[str, Any]) -> JsonObject:
    """Version 2 tells one query at the top, version 3 lists them."""
    dns = part(native, "dns")
    asked = dns if seen(dns, "rrname") else as_object((as_array(dns.get("queries")) or [None])[0])
    answers = [as_object(one) for one in as_array(dns.get("answers"))]
    name = seen(asked, "rrname")
    return ocsf.event(
        ocsf.DNS_ACTIVITY,
        2 if seen(dns, "type") in {"answer", "response"} else 1,
        when,
        query=ocsf.some(hostname=name, type=seen(asked, "rrtype")) if name else None,
        answers=[{"rdata": one["rdata"]} for one in answers if as_text(one.get("rdata"))] or None,
        rcode=seen(dns, "rcode"),
        unmapped=rest(native),
        **shared,
    )
