"""Paths of files as URIs (RFC 8089, RFC 3986): what readers of findings open."""

import re
from urllib.parse import quote

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_SHARE = "\\\\"


def file_uri(path: str) -> str:
    """A `file:` URI for an absolute path of any system, a relative reference for a relative one; empty for none.

    Bytes of a name that are no UTF-8 come back as they stand on the disk.
    """
    if _DRIVE.match(path):
        return f"file:///{path[:2]}{_quoted(path[2:].replace(_SHARE[0], '/'))}"
    if path.startswith(_SHARE):
        return f"file:{_quoted(path.replace(_SHARE[0], '/'))}"
    return ("file://" if path.startswith("/") else "") + _quoted(path)


def _quoted(path: str) -> str:
    try:
        return quote(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return quote(path.encode("utf-8", "replace"))
