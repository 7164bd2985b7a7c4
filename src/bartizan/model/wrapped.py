"""WrappedFile: what `wrap` changed in a client's configuration, and what stood there before."""

import msgspec

from bartizan.model.client import Format
from bartizan.model.json import JsonObject
from bartizan.model.mend import Step


class Hunk(msgspec.Struct, frozen=True, kw_only=True):
    """One replaced stretch of a text: at `at`, `length` characters stand now where `old` stood. It may hold secrets."""

    at: int
    length: int
    old: str


class WrappedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One server of a configuration that goes through the gateway as `id`.

    `path` is where the entry stands, `inner` where in it the changed keys do (empty but for an older form). `replaced`
    holds the old values of keys, which may be secrets; `added` are keys that were not there; `written` is what stands
    there now. `environment` names the variables that stood in the entry: their values stay there, and nowhere else.
    """

    id: str
    name: str
    client: str
    path: tuple[Step, ...]
    inner: tuple[Step, ...] = ()
    replaced: JsonObject = {}
    added: tuple[str, ...] = ()
    written: JsonObject = {}
    environment: tuple[str, ...] = ()


class WrappedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration. `hunks` were made in this order. `workspace` and `home` are what its paths count from."""

    format: str = "bartizan-wrap/1"
    path: str
    form: Format
    before_sha256: str
    after_sha256: str
    hunks: tuple[Hunk, ...]
    entries: tuple[WrappedEntry, ...]
    workspace: str = ""
    home: str = ""
    kept_in: str = ""
