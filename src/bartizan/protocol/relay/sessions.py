"""Session ids of the legacy era: the server's own, bound to the server and the principal that it was given to.

No replica remembers them. Another principal's id, or another server's, opens as none at all.
"""

import base64
import binascii
import hashlib
import hmac

from bartizan.model.secret import Secret

_ID_CHARACTERS_MAX = 2_000


def seal(key: Secret, server: str, principal: str, session: str) -> str:
    """The id that a client gets, of visible ASCII (2025-11-25, "Session Management")."""
    inner = base64.urlsafe_b64encode(session.encode()).rstrip(b"=").decode()
    return f"{inner}.{_mark(key, server, principal, session)}"


def unseal(key: Secret, server: str, principal: str, sealed: str, *, most: int = _ID_CHARACTERS_MAX) -> str | None:
    """The server's own id, or None for an id that this principal was not given for this server."""
    inner, _, mark = sealed.partition(".")
    if len(sealed) > most or not sealed.isascii():
        return None
    try:
        session = base64.b64decode(inner + "=" * (-len(inner) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return session if hmac.compare_digest(mark, _mark(key, server, principal, session)) else None


def named(sealed: str) -> str:
    """What an Event may say of a session: enough to join on, too little to use."""
    return hashlib.sha256(sealed.encode("utf-8", "replace")).hexdigest()[:16] if sealed else ""


def _mark(key: Secret, server: str, principal: str, session: str) -> str:
    said = b"\0".join(f"{len(part.encode())}:{part}".encode() for part in ("session", server, principal, session))
    digest = hmac.new(key.reveal().encode(), said, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
