"""Tickets for people: every character of the arguments is shown, and what cannot be seen as its code point."""

from collections.abc import Sequence

import msgspec

from bartizan.model.limits import DEFAULT
from bartizan.model.ticket import Ticket
from bartizan.text.normalise import show


def rendered(tickets: Sequence[Ticket], form: str) -> str:
    """A line for each, or JSON."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode({"tickets": list(tickets)})).decode()
    if not tickets:
        return "Nothing waits."
    rows = [("TICKET", "UNTIL", "SERVER", "CALL", "PRINCIPAL", "WHY")]
    rows += [
        (
            one.id,
            f"{one.expires:%H:%M:%S}",
            show(one.server),
            show(one.target or one.method),
            show(one.principal),
            show("; ".join(one.reasons), most=DEFAULT.shown_name_characters_max),
        )
        for one in tickets
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    )


def shown(ticket: Ticket, form: str) -> str:
    """One ticket whole: nothing of the arguments is left out."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(ticket)).decode()
    arguments = msgspec.json.format(msgspec.json.encode(ticket.arguments, order="sorted"), indent=2).decode()
    lines = [
        f"{ticket.id}  {ticket.state.value}  until {ticket.expires:%Y-%m-%d %H:%M:%S} UTC",
        f"server     {show(ticket.server)}",
        f"call       {show(ticket.method)} {show(ticket.target)}",
        f"principal  {show(ticket.principal)}" + (f" with {show(ticket.client)}" if ticket.client else ""),
        *(f"why        {show(reason)}" for reason in ticket.reasons),
        "arguments",
        *(f"  {_whole(line)}" for line in arguments.splitlines()),
    ]
    if ticket.decided_by:
        lines.append(f"decided    by {show(ticket.decided_by)} ({ticket.factor}) at {ticket.decided_at:%H:%M:%S} UTC")
    return "\n".join(lines)


def _whole(line: str) -> str:
    """A line with its indentation; long ones stay long, because what is cut could be what matters."""
    body = line.lstrip(" ")
    return " " * (len(line) - len(body)) + show(body, most=len(body) * 12)
