"""Codes of an authenticator (TOTP, RFC 6238): what a person has on another device, and an agent has not."""

import re
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from bartizan.model.secret import Secret

_STEP_SECONDS = 30
_DIGITS = 6
_CODE = re.compile(r"[0-9]{6}")


class Codes:
    """The codes of one person. `key` is 20 to 64 bytes as hexadecimal digits.

    SHA-1 is what authenticators know; RFC 6238 section 1.2 has why that is enough here.
    """

    def __init__(self, key: Secret) -> None:
        self._totp = TOTP(bytes.fromhex(key.reveal()), _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303 - as above

    def address(self, name: str) -> Secret:
        """The `otpauth:` address that an authenticator reads. It holds the key."""
        return Secret(self._totp.get_provisioning_uri(name, "Bartizan"))

    def step(self, code: str, at: datetime, spent: int) -> int | None:
        """The time step that the code is of: this one or a neighbour, and none that was spent (RFC 6238, 5.2)."""
        now = int(at.timestamp()) // _STEP_SECONDS
        if not _CODE.fullmatch(code):
            return None
        for step in (now, now - 1, now + 1):
            try:
                self._totp.verify(code.encode(), step * _STEP_SECONDS)
            except InvalidToken:
                continue
            return step if step > spent else None
        return None

    def now(self, at: datetime) -> Secret:
        """The code of a moment."""
        return Secret(self._totp.generate(int(at.timestamp())).decode())
