"""What was found out of tokens, for as long as it holds. Keys are SHA-256; no token is kept."""

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta

from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Verified
from bartizan.model.secret import Secret


class KnownTokens:
    """A cache bounded in number and by time: never beyond `exp`, never longer than `verified_seconds_max`.

    What is refused is not kept: a token that is not yet good may be in a minute.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._known: OrderedDict[bytes, tuple[Verified, datetime]] = OrderedDict()
        self.generation = 0

    def get(self, token: Secret, audience: str, at: datetime) -> Verified | None:
        """What holds at this moment."""
        key = _key(token, audience)
        found = self._known.get(key)
        if found is None:
            return None
        if found[1] <= at:
            del self._known[key]
            return None
        self._known.move_to_end(key)
        return found[0]

    def put(self, token: Secret, audience: str, verified: Verified, at: datetime, generation: int) -> None:
        """Keep it, unless something was revoked since `generation`, when the question was asked."""
        if verified.principal is None or generation != self.generation:
            return
        ends = at + timedelta(seconds=self._limits.verified_seconds_max)
        if verified.principal.expires is not None:
            ends = min(ends, verified.principal.expires)
        self._known[_key(token, audience)] = verified, ends
        while len(self._known) > self._limits.verified_tokens_max:
            self._known.popitem(last=False)

    def forget(self, principal: str = "") -> None:
        """Everything, or what is known of one principal. Answers that are under way are not kept either."""
        self.generation += 1
        if not principal:
            self._known.clear()
            return
        for key in [key for key, (one, _) in self._known.items() if one.principal and one.principal.id == principal]:
            del self._known[key]


def _key(token: Secret, audience: str) -> bytes:
    return hashlib.sha256(f"{audience}\n{token.reveal()}".encode("utf-8", "surrogatepass")).digest()
