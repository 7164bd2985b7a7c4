"""Restrictions for people."""

from collections.abc import Sequence

import msgspec

from bartizan.model.restriction import Restriction
from bartizan.text.normalise import show


def rendered(told: Sequence[Restriction], form: str) -> str:
    """A line for each, or JSON."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode({"restrictions": list(told)})).decode()
    if not told:
        return "Nothing is restricted."
    return "\n".join(
        f"{one.id}  {one.effect.value} of {show(one.scope)} since {one.since:%Y-%m-%d %H:%M:%S} UTC"
        + (f" until {one.until:%H:%M:%S}" if one.until else "")
        + f", by {show(one.by)}: {show(one.reason)}"
        for one in told
    )
