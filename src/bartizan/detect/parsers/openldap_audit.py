"""OpenLDAP's `auditlog` overlay: changes as LDIF, each with a comment that says when, by whom and from where.

Source: slapo-auditlog(5) and RFC 2849.
"""

import base64
import binascii
import re

from bartizan.detect import ocsf, redaction
from bartizan.detect.framing import Framing
from bartizan.detect.native import rest, seen, text
from bartizan.detect.parsing import NOT_UTF8, MalformedError, Read, RecordParser, digest_of
from bartizan.model.json import JsonObject, as_text

_COMMENT = re.compile(
    r"# (add|delete|modify|modrdn|unknown) (\d{1,12})(?: (.*?))?(?: IP=(\S+))?(?: conn=(-?\d{1,18}))?\Z", re.ASCII
)
_ACTIVITIES = {"add": 1, "delete": 4, "modify": 3, "modrdn": 5, "moddn": 5}
_OPERATIONS = {"add", "delete", "replace", "increment"}


class OpenLdapAudit(RecordParser):
    """Entity Management: which entry was added, changed, renamed or deleted, and what of it."""

    kind = "openldap_audit"
    product = ("OpenLDAP auditlog", "OpenLDAP")
    framing = Framing.LDIF

    def read(self, raw: bytes) -> Read:
        try:
            told, labels = raw.decode(), list[str]()
        except UnicodeDecodeError:
            told, labels = raw.decode(errors="replace"), [NOT_UTF8]
        lines = [_shown(line) for line in told.replace("\r", "").replace("\n ", "").split("\n")]
        return Read(_native(lines), "\n".join(lines), digest_of(raw), labels)

    def event(self, native: JsonObject) -> JsonObject:
        name = text(native, "dn")
        if name is None:
            raise MalformedError("no LDIF record: no dn")
        change = seen(native, "changetype") or as_text(native.get("change"))
        when = ocsf.milliseconds(native["time"]) if "time" in native else None
        by = text(native, "modifier")
        address, _, number = as_text(native.get("IP")).rpartition(":")
        return ocsf.event(
            ocsf.ENTITY_MANAGEMENT,
            _ACTIVITIES.get(change, 99),
            when,
            status=ocsf.SUCCESS,  # the overlay tells only of what was done
            metadata=ocsf.metadata(None, None),
            entity={"name": name, "type": "LDAP entry"},
            actor=ocsf.some(user=ocsf.user(name=by)),
            src_endpoint=ocsf.endpoint(
                address.strip("[]") or None,
                int(number) if number.isascii() and number.isdecimal() and int(number) < 65536 else None,
            ),
            message=f"{change or 'change'} of {name}"[:400],
            unmapped=rest(native),
        )


def _shown(line: str) -> str:
    """A line without a password or a secret; of a value in base64 what it stands for is judged."""
    if line.startswith("#"):
        return redaction.text(line)
    name, colon, value = line.partition(":")
    if not colon:
        return redaction.text(line)
    plain = _value(value)
    marked = redaction.json({name: plain}, plain).get(name, plain)
    return f"{name}: {marked}" if marked != plain else line


def _value(told: str) -> str:
    """What follows the name: after one colon a text, after two base64."""
    if told.startswith(":"):
        try:
            return base64.b64decode(told[1:].strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return told[1:].strip()
    return told.removeprefix(" ")


def _native(lines: list[str]) -> JsonObject:
    """The record by its names. Of a modification each step is an object of its own."""
    native: JsonObject = {}
    steps: list[JsonObject] = []
    for line in lines:
        if line.startswith("#"):
            _comment(native, line)
            continue
        name, colon, told = line.partition(":")
        if line == "-" or not colon:
            steps.append({})
        elif name in {"dn", "changetype"} and name not in native:
            native[name] = _value(told)
        elif native.get("changetype") == "modify":
            steps = steps or [{}]
            _step(steps[-1], name, _value(told))
        else:
            native.setdefault("attributes", {}).setdefault(name, []).append(_value(told))
    if steps := [one for one in steps if one]:
        native["modifications"] = steps
    return native


def _step(step: JsonObject, name: str, value: str) -> None:
    if not step and name in _OPERATIONS:
        step["operation"], step["attribute"] = name, value
    else:
        step.setdefault("values", []).append(value if name == step.get("attribute") else f"{name}: {value}")


def _comment(native: JsonObject, line: str) -> None:
    found = _COMMENT.match(line)
    if not found:
        if not line.startswith("# end "):
            native.setdefault("comments", []).append(line)
        return
    who = (found[3] or "").split(" ")
    told = {"change": found[1], "time": found[2], "IP": found[4], "conn": found[5]}
    native |= {name: value for name, value in told.items() if value}
    if who and who[-1]:
        native["modifier"] = " ".join(who[1:]) or who[0]
        if len(who) > 1:
            native["suffix"] = who[0]
