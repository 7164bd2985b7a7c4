"""The log of the Linux audit daemon: `log_format` RAW or ENRICHED, as in /var/log/audit/audit.log."""

import re
from typing import Any, cast

import msgspec

from bartizan.detect import ocsf, redaction
from bartizan.detect.audit_events import audit_event
from bartizan.detect.audit_groups import HEAD
from bartizan.detect.framing import Framing
from bartizan.detect.parsing import NOT_UTF8, MalformedError, Read, RecordParser, digest_of
from bartizan.model.json import JsonObject, as_text

_PAIR = re.compile(r"""([\w\-\[\]]+)=("[^"]*"|'[^']*'|\{[^}]*\}|\S*)""", re.ASCII)
_AVC = re.compile(r"avc:\s+(\w+)\s+\{ ([^}]*?) \} for\s")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
# A program may choose what these hold, so the kernel writes them as hexadecimal digits unless they are harmless.
_ENCODED = frozenset("exe comm name cwd proctitle cmd acct key path dir data old-val new-val vm id_name ocomm".split())
_NUMBERED = re.compile(r"a\d+(?:\[\d+\])?", re.ASCII)


class Auditd(RecordParser):
    """Executions, files, connections and sign-ins; the records of one event are one record here, by their types."""

    kind = "auditd"
    product = ("Linux Audit", "Linux")
    framing = Framing.AUDITD

    def read(self, raw: bytes) -> Read:
        native = _native(raw)
        shown = _without_arguments(redaction.json(native, msgspec.json.encode(native).decode()))
        text = raw.decode(errors="replace")
        # Where a value held a secret, digits of the raw record may stand for it.
        whole = redaction.without_formats(text) if shown is native else msgspec.json.encode(shown).decode()
        return Read(shown, whole, digest_of(raw), [NOT_UTF8] if "\ufffd" in text else [])

    def event(self, native: JsonObject) -> JsonObject:
        stamp, machine = as_text(native.get("time")), as_text(native.get("node")) or None
        when = ocsf.milliseconds(float(stamp)) if stamp else None
        uid = "/".join(part for part in (machine, stamp, as_text(native.get("serial"))) if part)
        return audit_event(native, when, ocsf.metadata(uid, None), machine)


def _native(raw: bytes) -> JsonObject:
    """The records of one event by their types. Raises MalformedError."""
    native: JsonObject = {}
    for line in raw.split(b"\n"):
        head = HEAD.match(line)
        if head is None:
            raise MalformedError("no audit record: it does not begin with type= and msg=audit(")
        native = native or _head(head)
        told = head[2].decode(errors="replace")
        if told not in native["type"]:
            native["type"].append(told)
        _put(native, told, _record(told, line[head.end() :].decode(errors="replace")))
    return native


def _without_arguments(native: JsonObject) -> JsonObject:
    """What follows an option that names a credential is one, whatever it looks like."""
    executed = native.get("EXECVE")
    if not isinstance(executed, dict):
        return native
    fields = cast("JsonObject", executed)
    names = [name for name in fields if _NUMBERED.fullmatch(name)]
    given = [fields[name] for name in names]
    shown = redaction.arguments(given)
    if shown is given:
        return native
    return {**native, "EXECVE": {**fields, **dict(zip(names, shown, strict=True))}}


def _head(head: re.Match[bytes]) -> JsonObject:
    node = {"node": head[1].decode(errors="replace")} if head[1] else {}
    return {**node, "time": f"{head[3].decode()}.{head[4].decode()}", "serial": head[5].decode(), "type": list[str]()}


def _put(native: JsonObject, told: str, record: JsonObject) -> None:
    """Types that occur many times in one event are lists; a type can be called like a name of the head."""
    told = f"{told}_" if told in {"time", "serial", "type", "node"} else told
    if told not in native:
        native[told] = [record] if told == "PATH" else record
    elif isinstance(native[told], list):
        native[told].append(record)
    else:
        native[told] = [native[told], record]


def _record(told: str, text: str) -> JsonObject:
    fields: JsonObject = {}
    if avc := _AVC.search(text):
        fields["avc"], fields["perm"] = avc[1], avc[2]
    for name, value in _PAIR.findall(text.replace("\x1d", " ")):
        if name == "msg" and value.startswith("'"):
            fields |= _record(told, value[1:-1])
        else:
            _add(fields, name, _decoded(told, name, value))
    return fields


def _add(fields: JsonObject, name: str, value: str) -> None:
    before: Any = fields.get(name, value)
    fields[name] = value if before == value else [*(before if isinstance(before, list) else [before]), value]


def _decoded(told: str, name: str, value: str) -> str:
    if value[:1] in {'"', "'"}:
        return value[1:-1]
    encoded = name in _ENCODED or (told == "EXECVE" and _NUMBERED.fullmatch(name))
    if encoded and _HEX.fullmatch(value):
        return bytes.fromhex(value).decode(errors="replace").rstrip("\0").replace("\0", " ").replace("\x01", ",")
    return value
