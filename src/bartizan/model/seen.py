"""Seen: what the judges saw in a text or a definition, as guards need it."""

from typing import Literal

import msgspec

Verdict = Literal["clean", "suspicious", "malicious"]


class SeenSign(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that tells: its rule, and where it stands in code points of the text at `pointer`."""

    rule: str
    pointer: str = ""
    start: int
    end: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and what it rests on. `malicious` may be refused without asking, `suspicious` is for a person."""

    verdict: Verdict
    signs: tuple[SeenSign, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that saw something, each once, the weightiest first."""
        return tuple(dict.fromkeys(sign.rule for sign in self.signs))


NOTHING_SEEN = Seen(verdict="clean")
