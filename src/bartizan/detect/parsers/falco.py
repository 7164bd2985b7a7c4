"""Falco's alerts with `json_output`, from its file, its program or its HTTP output.

Source: Falco's documentation, "Outputs" and "Supported fields".
"""

from typing import Any

from bartizan.detect import host, ocsf
from bartizan.detect.native import nested, part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_object, as_text

_PRIORITIES = {
    "debug": 1,
    "informational": 1,
    "info": 1,
    "notice": 2,
    "warning": 3,
    "error": 4,
    "critical": 5,
    "alert": 5,
    "emergency": 6,
}
_EXECUTIONS = {"execve", "execveat", "spawned_process"}
_CONNECTIONS = {"connect", "sendto", "sendmsg", "accept", "accept4"}
_OPENINGS = {"open", "openat", "openat2", "creat"}
_CHANGES = {
    "unlink": 4,
    "unlinkat": 4,
    "rmdir": 4,
    "rename": 5,
    "renameat": 5,
    "renameat2": 5,
    "mkdir": 1,
    "mkdirat": 1,
}


class Falco(RecordParser):
    """What the system call is: Process, File System or Network Activity; any other alert is a Detection Finding."""

    kind = "falco"
    product = ("Falco", "The Falco Project")

    def event(self, native: JsonObject) -> JsonObject:
        if not native.keys() & {"rule", "output"} or "output_fields" not in native:
            raise MalformedError("no alert of Falco: no rule or no output_fields")
        when, original = ocsf.stamp(native, "time")
        if isinstance(native["output_fields"], dict):
            native["output_fields"] = nested(part(native, "output_fields"))
        told = part(native, "output_fields")
        call = as_text(part(told, "evt").get("type"))
        of = _process(told)
        shared: dict[str, Any] = {
            "severity": _PRIORITIES.get((seen(native, "priority") or "").lower(), 1),
            "message": text(native, "output"),
            "metadata": ocsf.metadata(text(native, "uuid"), original),
        }
        machine = host.device(seen(native, "hostname"))
        path = as_text(part(told, "fd").get("name"))
        if call in _EXECUTIONS and of:
            whose = host.acting(of.get("parent_process"), of.get("user"))
            return ocsf.event(
                ocsf.PROCESS_ACTIVITY, 1, when, process=of, actor=whose, device=machine, unmapped=rest(native), **shared
            )
        if call in {*_OPENINGS, *_CHANGES} and path and of:
            whose, activity = host.acting(of, of.get("user")), _CHANGES.get(call, 14)
            return ocsf.event(
                ocsf.FILE_ACTIVITY,
                activity,
                when,
                file=host.file(path),
                actor=whose,
                device=machine,
                unmapped=rest(native),
                **shared,
            )
        found = _connection(native, part(told, "fd"), of, when, shared) if call in _CONNECTIONS else None
        return found or _finding(native, of, when, shared)


def _process(told: JsonObject) -> JsonObject | None:
    proc, by = part(told, "proc"), part(told, "user")
    parent = host.process(
        host.whole(proc.get("ppid")),
        as_text(proc.get("pexepath")) or None,
        name=as_text(proc.get("pname")) or None,
        cmd_line=as_text(proc.get("pcmdline")) or None,
    )
    uid = by.get("uid")
    return host.process(
        host.whole(proc.get("pid")),
        as_text(proc.get("exepath")) or None,
        name=as_text(proc.get("name")) or None,
        cmd_line=as_text(proc.get("cmdline")) or None,
        working_directory=as_text(proc.get("cwd")) or None,
        user=ocsf.user(name=as_text(by.get("name")) or None, uid=str(uid) if isinstance(uid, int) else None),
        parent_process=parent,
    )


def _connection(
    native: JsonObject, fd: JsonObject, of: JsonObject | None, when: int | None, shared: dict[str, Any]
) -> JsonObject | None:
    source, target = (
        ocsf.endpoint(as_text(fd.get(f"{side}ip")) or None, _port(fd.get(f"{side}port"))) for side in "cs"
    )
    if not (source or target):
        return None
    shared["metadata"]["profiles"] = ["host"]
    return ocsf.event(
        ocsf.NETWORK_ACTIVITY,
        1,
        when,
        src_endpoint=source,
        dst_endpoint=target,
        actor=host.acting(of, (of or {}).get("user")),
        device=host.device(seen(native, "hostname")),
        unmapped=rest(native),
        **shared,
    )


def _port(value: Any) -> int | None:
    found = host.whole(value)
    return found if found is not None and 0 <= found <= 65535 else None


def _finding(native: JsonObject, of: JsonObject | None, when: int | None, shared: dict[str, Any]) -> JsonObject:
    title = seen(native, "rule") or ocsf.UNKNOWN
    evidence = ocsf.some(process=of, container=_container(as_object(native.get("output_fields"))))
    return ocsf.event(
        ocsf.DETECTION_FINDING,
        1,
        when,
        finding_info={"uid": shared["metadata"].get("uid") or title, "title": title},
        evidences=[evidence] if evidence else None,
        unmapped=rest(native),
        **shared,
    )


def _container(told: JsonObject) -> JsonObject | None:
    """A container of Falco is an id and a name; OCSF's evidence calls for one or the other."""
    about = as_object(told.get("container"))
    return ocsf.some(uid=as_text(about.get("id")) or None, name=as_text(about.get("name")) or None)
