"""The chain over a journal: each event's hash covers the one before it, and now and then one of them is signed.

What it proves: whoever lacks the deployment's key cannot change, insert, reorder or take out an event up to the last
signature without `verify` naming the place. Behind the last signature a change still shows where it leaves later events
standing, the cutting off of the end does not; nor does the replacement of the whole journal by an older copy, unless
somebody noted a later signature elsewhere. The key lies in the local vault: a program of the same user can read it, and
so sign what it likes. Against that only a second machine helps that takes the events as they come.
"""

import hashlib
import hmac
from typing import Literal

import msgspec

from bartizan.model.secret import Secret

START = bytes(32)
_CONTEXT = b"bartizan-bus/1"

# `open` signs that the journal goes on from here, `cut` that what stood up to here was dropped because it was too old.
Kind = Literal["open", "cut"]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signature over the chain up to one event. `at` is when, in RFC 3339."""

    sequence: int
    kind: Kind
    hash: bytes
    at: str
    mac: bytes = b""


def linked(before: bytes, sequence: int, body: bytes) -> bytes:
    """The hash of an event after another one."""
    return hashlib.sha256(before + sequence.to_bytes(8, "big") + body).digest()


def signed(checkpoint: Checkpoint, key: Secret) -> Checkpoint:
    """The checkpoint with its signature."""
    return msgspec.structs.replace(checkpoint, mac=_mac(checkpoint, key))


def is_signed(checkpoint: Checkpoint, key: Secret) -> bool:
    """Whether the signature is ours."""
    return hmac.compare_digest(checkpoint.mac, _mac(checkpoint, key))


def _mac(checkpoint: Checkpoint, key: Secret) -> bytes:
    parts = (checkpoint.kind.encode(), str(checkpoint.sequence).encode(), checkpoint.hash.hex().encode())
    text = b"\n".join((_CONTEXT, *parts, checkpoint.at.encode()))
    return hmac.digest(key.reveal().encode(), text, "sha256")
