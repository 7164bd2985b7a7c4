"""PostgreSQL's server log, as `jsonlog` or `csvlog`, with pgaudit's entries where it is installed.

Source: PostgreSQL's documentation, "Error Reporting and Logging" (columns of csvlog and keys of jsonlog, version 18);
pgaudit's README, "Format".
"""

import csv
import re
from typing import Any

import msgspec

from bartizan.detect import ocsf, redaction
from bartizan.detect.framing import Framing
from bartizan.detect.native import port, rest, seen, text
from bartizan.detect.parsing import NOT_UTF8, MalformedError, Read, RecordParser, digest_of, read_json
from bartizan.model.json import JsonObject
from bartizan.model.secret import MARK

_COLUMNS = (
    "timestamp user dbname pid connection_from session_id line_num ps session_start vxid txid error_severity "
    "state_code message detail hint internal_query internal_position context statement cursor_position location "
    "application_name backend_type leader_pid query_id"
).split()
_COLUMNS_MIN = 22  # version 9.0; later ones added at the end
_ZONES = {
    **dict.fromkeys(("UTC", "GMT", "WET", "Z"), "+00:00"),
    **dict.fromkeys(("CET", "BST", "WEST"), "+01:00"),
    **dict.fromkeys(("CEST", "EET", "SAST"), "+02:00"),
    **dict.fromkeys(("EEST", "MSK"), "+03:00"),
    "IST": "+05:30",
    "JST": "+09:00",
    "KST": "+09:00",
    "AEST": "+10:00",
    "AEDT": "+11:00",
    "EDT": "-04:00",
    "EST": "-05:00",
    "CDT": "-05:00",
    "CST": "-06:00",
    "MDT": "-06:00",
    "MST": "-07:00",
    "PDT": "-07:00",
    "PST": "-08:00",
}
_PASSWORD = re.compile(r"(?i)(\bpassword\s+(?:e|u&)?')((?:[^']|'')*+)")
_AUDIT = "type statement_id substatement_id class command object_type object_name statement parameter".split()
_CLASSES = {"READ": 1, "WRITE": 5, "ROLE": 2, "DDL": 2}
_COMMANDS = {"CREATE": 6, "DROP": 7, "ALTER": 2, "UPDATE": 2, "DELETE": 7, "INSERT": 5, "SELECT": 1, "TRUNCATE": 7}
_SEVERITIES = {"WARNING": 2, "ERROR": 3, "FATAL": 4, "PANIC": 5}
_STATEMENT = re.compile(
    r"(?:statement|execute [^:]{1,128}|duration: [\d.]+ ms +(?:statement|execute [^:]{1,128})): (.*)", re.DOTALL
)


class Postgres(RecordParser):
    """Statements are Datastore Activity, sign-ins Authentication. The credential is the role."""

    kind = "postgres"
    product = ("PostgreSQL", "PostgreSQL")
    framing = Framing.POSTGRES

    def read(self, raw: bytes) -> Read:
        """Passwords of statements are marks, also where the server itself did not leave them out."""
        shown = _PASSWORD.sub(rf"\g<1>{MARK}", raw.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        if raw.lstrip()[:1] == b"{":
            read = read_json(shown, self._settings.limits)
            return Read(read.native, read.text, digest_of(raw), read.labels)
        return _read_csv(shown, digest_of(raw))

    def event(self, native: JsonObject) -> JsonObject:
        message = text(native, "message")
        if not message or "error_severity" not in native:
            raise MalformedError("no record of PostgreSQL's log: no message or no error_severity")
        session, line = seen(native, "session_id"), native.get("line_num")
        when, original = _time(native)
        role = text(native, "user")
        user = ocsf.user(
            name=role,
            programmatic_credentials=ocsf.credential(f"postgres-role:{role}" if role else None, "database role"),
        )
        severity = seen(native, "error_severity") or ""
        failed = severity in {"ERROR", "FATAL", "PANIC"}
        shared: dict[str, Any] = {
            "severity": _SEVERITIES.get(severity, 1),
            "message": message,
            "status": ocsf.FAILURE if failed else ocsf.SUCCESS,
            "status_code": text(native, "state_code"),
            "metadata": ocsf.metadata(f"{session}/{line}" if session and isinstance(line, int) else None, original),
            "src_endpoint": ocsf.source(text(native, "remote_host"), port(native, "remote_port")),
            "actor": ocsf.actor(user, app_name=text(native, "application_name"), session=ocsf.some(uid=session)),
        }
        if activity := _connection(message, failed=failed, state=shared["status_code"]):
            shared["user"] = user or {"account": {"name": ocsf.UNKNOWN}}
            service = (
                {"name": "PostgreSQL", "labels": [native["dbname"]]}
                if seen(native, "dbname")
                else {"name": "PostgreSQL"}
            )
            return ocsf.event(ocsf.AUTHENTICATION, activity, when, service=service, unmapped=rest(native), **shared)
        return _statement(native, message, when, shared)


def _connection(message: str, *, failed: bool, state: str | None) -> int:
    """Logon or logoff, if the message is about one: class 28 of SQLSTATE is invalid authorisation."""
    if message.startswith("disconnection: "):
        return 2
    return 1 if message.startswith("connection authorized: ") or (failed and (state or "").startswith("28")) else 0


def _statement(native: JsonObject, message: str, when: int | None, shared: dict[str, Any]) -> JsonObject:
    audit = _audited(message)
    if audit:
        native["pgaudit"] = audit
    told = _STATEMENT.match(message)
    query = audit.get("statement") or (told[1] if told else None) or seen(native, "statement")
    command = audit.get("command") or seen(native, "ps") or "statement"
    verb = (audit.get("command") or query or command).lstrip()[:20].partition(" ")[0]
    activity = _COMMANDS.get(verb.strip().upper()) or _CLASSES.get(audit.get("class", "")) or (4 if query else 99)
    if message.startswith("connection received"):
        activity = 3
    return ocsf.event(
        ocsf.DATASTORE_ACTIVITY,
        activity,
        when,
        database={"name": text(native, "dbname") or ocsf.UNKNOWN, "type_id": 1},
        table=ocsf.some(name=audit.get("object_name") or None),
        query_info={"query_string": query, "name": command} if query else None,
        unmapped=rest(native),
        **shared,
    )


def _audited(message: str) -> dict[str, str]:
    """The fields of pgaudit's entry: CSV after the word AUDIT."""
    if not message.startswith("AUDIT: "):
        return {}
    try:
        (row,) = csv.reader([message.removeprefix("AUDIT: ")])
    except (csv.Error, ValueError):
        row = message.removeprefix("AUDIT: ").split(",", 8)
    return {name: value for name, value in zip(_AUDIT, row, strict=False) if value}


def _time(native: JsonObject) -> tuple[int | None, str | None]:
    """`2026-03-02 09:15:27.318 CET`: the zone is that of `log_timezone`, by its short name or as an offset."""
    told = seen(native, "timestamp") or ""
    clock, _, zone = told.rpartition(" ")
    offset = _ZONES.get(zone, zone if zone[:1] in {"+", "-"} else "")
    when = ocsf.milliseconds(f"{clock}{offset}" if offset else told)
    if when is not None:
        del native["timestamp"]
    return when, told if when is not None else None


def _read_csv(raw: bytes, sha256: str) -> Read:
    try:
        told, labels = raw.decode(), list[str]()
    except UnicodeDecodeError:
        told, labels = raw.decode(errors="replace"), [NOT_UTF8]
    try:
        rows = list(csv.reader(told.replace("\0", "\ufffd").splitlines(keepends=True), strict=True))
    except csv.Error as error:
        raise MalformedError(f"neither jsonlog nor csvlog: {error}") from None
    if len(rows) != 1 or len(rows[0]) < _COLUMNS_MIN:
        raise MalformedError("neither jsonlog nor csvlog: too few columns")
    native: JsonObject = {name: value for name, value in zip(_COLUMNS, rows[0], strict=False) if value}
    if len(rows[0]) > len(_COLUMNS):
        native["more"] = rows[0][len(_COLUMNS) :]
    _typed(native)
    shown = redaction.json(native, msgspec.json.encode(native).decode())
    whole = told if shown is native else msgspec.json.encode(shown).decode()
    return Read(shown, whole, sha256, labels)


def _typed(native: JsonObject) -> None:
    """The names and types that jsonlog has."""
    for name in ("pid", "line_num", "txid", "internal_position", "cursor_position", "leader_pid", "query_id"):
        value = native.get(name, "")
        if value.removeprefix("-").isascii() and value.removeprefix("-").isdecimal() and len(value) < 20:
            native[name] = int(value)
    host, colon, number = native.get("connection_from", "").rpartition(":")
    if colon and number.isascii() and number.isdecimal() and len(number) < 6:
        del native["connection_from"]
        native["remote_host"], native["remote_port"] = host, int(number)
    elif "connection_from" in native:
        native["remote_host"] = native.pop("connection_from")
