"""Tetragon's events as JSON lines, from its export file or its gRPC stream.

Source: Tetragon's documentation, "gRPC API": GetEventsResponse in its JSON form.
"""

from typing import Any

from bartizan.detect import host, ocsf
from bartizan.detect.native import part, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_NETWORK = {"process_connect": 1, "process_accept": 1, "process_close": 2, "process_listen": 7, "process_sendmsg": 6}


class Tetragon(RecordParser):
    """Executions and exits are Process Activity; what a probe saw of files and connections is of their classes."""

    kind = "tetragon"
    product = ("Tetragon", "Cilium")

    def event(self, native: JsonObject) -> JsonObject:
        told = next((name for name in native if name.startswith("process_") and part(native, name)), "")
        if not told:
            raise MalformedError("no event of Tetragon: no process_exec, process_exit, process_kprobe or the like")
        inner = part(native, told)
        when, original = ocsf.stamp(native, "time")
        of, parent = _process(part(inner, "process")), _process(part(inner, "parent"))
        machine = text(native, "node_name")
        shared: dict[str, Any] = {
            "metadata": ocsf.metadata(None, original, *(["host"] if told in _NETWORK else [])),
            "device": host.device(machine),
            "unmapped": native,
        }
        if told in _NETWORK:
            return _network(told, inner, of, when, shared)
        if told == "process_dns":
            return _dns(inner, of, when, shared)
        if told in {"process_exec", "process_exit"} or not of:
            return _executed(told, of, parent, when, shared)
        return _probed(inner, of, parent, when, shared)


def _process(told: JsonObject) -> JsonObject | None:
    uid, binary = told.get("uid"), as_text(told.get("binary"))
    line = " ".join(one for one in (binary, as_text(told.get("arguments"))) if one)
    return host.process(
        host.whole(told.get("pid")),
        binary or None,
        uid=as_text(told.get("exec_id")) or None,
        cmd_line=line or None,
        working_directory=as_text(told.get("cwd")) or None,
        created_time=ocsf.milliseconds(told.get("start_time")),
        user=ocsf.user(uid=str(uid) if isinstance(uid, int) else None),
    )


def _executed(
    told: str, of: JsonObject | None, parent: JsonObject | None, when: int | None, shared: dict[str, Any]
) -> JsonObject:
    activity = {"process_exec": 1, "process_exit": 2}.get(told, 99)
    process = {**(of or {"uid": ocsf.UNKNOWN}), **(ocsf.some(parent_process=parent) or {})}
    whose = host.acting(parent, (of or {}).get("user"))
    return ocsf.event(ocsf.PROCESS_ACTIVITY, activity, when, process=process, actor=whose, **shared)


def _network(
    told: str, inner: JsonObject, of: JsonObject | None, when: int | None, shared: dict[str, Any]
) -> JsonObject:
    source = ocsf.endpoint(as_text(inner.get("source_ip") or inner.get("ip")) or None, _port(inner, "source_port"))
    target = ocsf.endpoint(as_text(inner.get("destination_ip")) or None, _port(inner, "destination_port"))
    if not (source or target):
        source = ocsf.source(None)
    names = [one for one in as_array(inner.get("destination_names")) if isinstance(one, str)]
    if target and names and "hostname" not in target:
        target["hostname"] = names[0]
    return ocsf.event(
        ocsf.NETWORK_ACTIVITY,
        _NETWORK[told],
        when,
        src_endpoint=source,
        dst_endpoint=target,
        actor=host.acting(of, (of or {}).get("user")),
        **shared,
    )


def _dns(inner: JsonObject, of: JsonObject | None, when: int | None, shared: dict[str, Any]) -> JsonObject:
    dns = part(inner, "dns")
    name = next((one for one in as_array(dns.get("names")) if isinstance(one, str)), None)
    shared["metadata"]["profiles"] = ["host"]
    return ocsf.event(
        ocsf.DNS_ACTIVITY,
        1,
        when,
        query=ocsf.some(hostname=name),
        src_endpoint=ocsf.source(None),
        actor=host.acting(of, (of or {}).get("user")),
        **shared,
    )


def _port(inner: JsonObject, name: str) -> int | None:
    found = host.whole(inner.get(name))
    return found if found is not None and 0 <= found <= 65535 else None


def _probed(
    inner: JsonObject, of: JsonObject, parent: JsonObject | None, when: int | None, shared: dict[str, Any]
) -> JsonObject:
    """What the arguments of a probed function are about: a file, a socket, or something else."""
    for argument in map(as_object, as_array(inner.get("args"))):
        about = as_object(argument.get("file_arg")) or as_object(argument.get("path_arg"))
        if path := as_text(about.get("path")):
            whose = host.acting(of, of.get("user"))
            return ocsf.event(ocsf.FILE_ACTIVITY, 14, when, file=host.file(path), actor=whose, **shared)
        socket = as_object(argument.get("sock_arg")) or as_object(argument.get("skb_arg"))
        if as_text(socket.get("daddr")):
            shared["metadata"]["profiles"] = ["host"]
            return ocsf.event(
                ocsf.NETWORK_ACTIVITY,
                1,
                when,
                src_endpoint=ocsf.endpoint(as_text(socket.get("saddr")) or None, _port(socket, "sport")),
                dst_endpoint=ocsf.endpoint(as_text(socket.get("daddr")), _port(socket, "dport")),
                actor=host.acting(of, of.get("user")),
                **shared,
            )
    return _executed("probed", of, parent, when, shared)
