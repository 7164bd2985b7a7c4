"""Events of the Linux audit system, from its own log or from LAUREL's, to OCSF.

Source: the kernel's documentation of the audit system, audit-documentation's field dictionary, LAUREL's json-format.md.
"""

import re
from ipaddress import ip_address
from typing import Any

from bartizan.detect import host, ocsf
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_EXECUTIONS = {"59", "322", "execve", "execveat"}
_CONNECTIONS = {"42", "connect"}
_SIGN_INS = {
    "USER_LOGIN": 1,
    "USER_AUTH": 1,
    "USER_START": 1,
    "USER_ACCT": 1,
    "CRED_ACQ": 1,
    "USER_END": 2,
    "USER_LOGOUT": 2,
    "CRED_DISP": 2,
}
_FILES = {"CREATE": 1, "DELETE": 4}


def audit_event(native: JsonObject, when: int | None, metadata: JsonObject, machine: str | None) -> JsonObject:
    """The event of the records of one audit event: objects, or lists of objects, by the type of the record."""
    call = _first(native, "SYSCALL")
    name = as_text(call.get("SYSCALL")) or str(call.get("syscall", ""))
    of = _process(native, call)
    shared: dict[str, Any] = {
        "metadata": metadata,
        "device": host.device(machine),
        "status": _status(call.get("success")),
        "unmapped": native,
    }
    if "EXECVE" in native or name in _EXECUTIONS:
        parent = host.process(host.whole(call.get("ppid")), _parent(native))
        launched = of or {"uid": ocsf.UNKNOWN}
        whose = host.acting(parent, (of or {}).get("user"))
        return ocsf.event(
            ocsf.PROCESS_ACTIVITY, 1, when, process=_with(launched, parent_process=parent), actor=whose, **shared
        )
    for told, activity in _SIGN_INS.items():
        if told in native:
            return _logon(_first(native, told), activity, when, shared)
    if target := _connected(native) if name in _CONNECTIONS else None:
        metadata["profiles"] = ["host"]
        return ocsf.event(ocsf.NETWORK_ACTIVITY, 1, when, dst_endpoint=target, actor=host.acting(of), **shared)
    return _on_files(native, when, of, shared) or ocsf.event(
        ocsf.PROCESS_ACTIVITY,
        99,
        when,
        process=of or _of_program(native) or {"uid": ocsf.UNKNOWN},
        actor=host.acting(of),
        **shared,
    )


def _with(fields: JsonObject, **more: Any) -> JsonObject:
    return {**fields, **(ocsf.some(**more) or {})}


def _first(native: JsonObject, name: str) -> JsonObject:
    found = native.get(name)
    return as_object(as_array(found)[0]) if isinstance(found, list) and found else as_object(found)


def _status(value: Any) -> tuple[int, str] | None:
    return {"yes": ocsf.SUCCESS, "success": ocsf.SUCCESS, "no": ocsf.FAILURE, "failed": ocsf.FAILURE}.get(
        as_text(value)
    )


def _parent(native: JsonObject) -> str | None:
    return as_text(_first(native, "PARENT_INFO").get("exe")) or None


def arguments(native: JsonObject) -> list[str]:
    """The arguments of an execution, in order."""
    executed, title = _first(native, "EXECVE"), _first(native, "PROCTITLE")
    listed = as_array(executed.get("ARGV")) or as_array(title.get("ARGV"))
    if listed:
        return [one for one in listed if isinstance(one, str)]
    if "ARGV_STR" in executed:
        return [as_text(executed["ARGV_STR"])]
    numbered = sorted((int(name[1:]), value) for name, value in executed.items() if _ARGUMENT.fullmatch(name))
    return [as_text(value) for _, value in numbered] or [one for one in (as_text(title.get("proctitle")),) if one]


_ARGUMENT = re.compile(r"a\d{1,6}", re.ASCII)


def _process(native: JsonObject, call: JsonObject) -> JsonObject | None:
    return host.process(
        host.whole(call.get("pid")),
        as_text(call.get("exe")) or None,
        name=as_text(call.get("comm")) or None,
        cmd_line=" ".join(arguments(native)) or None,
        working_directory=as_text(_first(native, "CWD").get("cwd")) or None,
        user=_user(call),
        session=_session(call),
    )


def _of_program(native: JsonObject) -> JsonObject | None:
    """The process of a record that a program told."""
    for value in native.values():
        record = as_object(as_array(value)[0] if isinstance(value, list) and value else value)
        if found := host.process(host.whole(record.get("pid")), as_text(record.get("exe")) or None, user=_user(record)):
            return found
    return None


def _user(record: JsonObject) -> JsonObject | None:
    uid = record.get("uid")
    named = as_text(record.get("UID")) or as_text(record.get("acct")) or None
    told = str(uid) if isinstance(uid, int | str) and not isinstance(uid, bool) and uid != "" else None
    return ocsf.user(uid=told, name=named)


def _session(record: JsonObject) -> JsonObject | None:
    ses, tty = host.whole(record.get("ses")), as_text(record.get("tty"))
    return ocsf.some(uid=str(ses) if ses is not None else None, terminal=tty if tty not in {"", "(none)"} else None)


def _logon(record: JsonObject, activity: int, when: int | None, shared: dict[str, Any]) -> JsonObject:
    shared["metadata"]["profiles"] = ["host"]
    name = as_text(record.get("acct")) or as_text(record.get("ID")) or as_text(record.get("AUID")) or None
    address = next(
        (one for one in map(as_text, (record.get("addr"), record.get("hostname"))) if one not in {"", "?"}), None
    )
    user = ocsf.user(name=name, uid=str(record["id"]) if "id" in record and "acct" not in record else None)
    program = as_text(record.get("exe")) or as_text(record.get("terminal")) or ocsf.UNKNOWN
    shared["status"] = _status(record.get("res")) or shared["status"]
    return ocsf.event(
        ocsf.AUTHENTICATION,
        activity,
        when,
        user=user or {"account": {"name": ocsf.UNKNOWN}},
        service={"name": program},
        src_endpoint=ocsf.endpoint(address),
        actor=host.acting(host.process(host.whole(record.get("pid")), as_text(record.get("exe")) or None)),
        **shared,
    )


def _connected(native: JsonObject) -> JsonObject | None:
    """The other end of a connection: LAUREL tells it in words, the kernel as bytes of a `sockaddr`."""
    record = _first(native, "SOCKADDR")
    told = as_object(record.get("SADDR"))
    address, port = (
        as_text(told.get("addr")) or as_text(record.get("laddr")),
        host.whole(told.get("port") or record.get("lport")),
    )
    if not address:
        address, port = decoded_address(as_text(record.get("saddr")))
    if not address:
        return None
    return ocsf.endpoint(address, port if port is not None and 0 <= port <= 65535 else None)


def decoded_address(saddr: str) -> tuple[str, int | None]:
    """Address and port of a `sockaddr` in hexadecimal digits (IPv4 and IPv6); empty for others."""
    try:
        raw = bytes.fromhex(saddr[:64])
    except ValueError:
        return "", None
    if raw[:2] == b"\x02\x00" and len(raw) >= 8:
        return str(ip_address(raw[4:8])), int.from_bytes(raw[2:4], "big")
    if raw[:2] == b"\x0a\x00" and len(raw) >= 24:
        return str(ip_address(raw[8:24])), int.from_bytes(raw[2:4], "big")
    return "", None


def _on_files(native: JsonObject, when: int | None, of: JsonObject | None, shared: dict[str, Any]) -> JsonObject | None:
    """The last path of a call is what it is about; those before it are the folders that it lies in."""
    paths = [as_object(one) for one in as_array(native.get("PATH"))] or [as_object(native.get("PATH"))]
    named = [one for one in paths if as_text(one.get("name")) not in {"", "(null)"}]
    if not named or not of:
        return None
    about = next((one for one in named if one.get("nametype") in _FILES), named[-1])
    activity = _FILES.get(as_text(about.get("nametype")), 14)
    path, folder = as_text(about["name"]), as_text(_first(native, "CWD").get("cwd"))
    whole = path if path.startswith("/") or not folder.startswith("/") else f"{folder.rstrip('/')}/{path}"
    return ocsf.event(
        ocsf.FILE_ACTIVITY, activity, when, file=host.file(whole), actor=host.acting(of, of.get("user")), **shared
    )
