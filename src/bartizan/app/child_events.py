"""The servers that the gateway starts, as Events (OCSF Process Activity): for whom, how they ended, what they wrote."""

from datetime import datetime

from bartizan.adapters.transports.children import Child
from bartizan.adapters.transports.conversation import Conversation
from bartizan.model.event import API_ACTIVITY, PROCESS_ACTIVITY, Event
from bartizan.model.limits import DEFAULT
from bartizan.text.patterns import without_all_secrets

_SHOWN = DEFAULT.shown_characters_max


def started_event(child: Child, *, uid: str, at: datetime) -> Event:
    """A server was started for a principal."""
    return Event(
        uid=uid,
        time=at,
        class_uid=PROCESS_ACTIVITY,
        activity_name="launch",
        mcp={"server": child.server, "transport": "stdio", "principal": child.owner},
        unmapped={"pid": child.pid, "command": child.shown[:_SHOWN]},
    )


def ended_event(child: Child, *, uid: str, at: datetime, seconds: float) -> Event:
    """It has ended, with everything that it started. `stderr` is the end of what it wrote there, without secrets."""
    wrote = child.diagnostics()
    return Event(
        uid=uid,
        time=at,
        class_uid=PROCESS_ACTIVITY,
        activity_name="terminate",
        message=without_all_secrets(child.ended)[:_SHOWN],
        mcp={"server": child.server, "transport": "stdio", "principal": child.owner},
        unmapped={"pid": child.pid, "seconds": round(seconds, 3), "stderr": wrote[-_SHOWN:]},
    )


def unplaced_event(server: str, conversation: Conversation, *, uid: str, at: datetime) -> Event | None:
    """What a server said that went to nobody, once its conversation is over; None where there is nothing of it."""
    told = conversation.board.faults.summary()
    if not told:
        return None
    return Event(
        uid=uid,
        time=at,
        class_uid=API_ACTIVITY,
        activity_name="not passed on",
        message=told[:_SHOWN],
        status="Failure",
        mcp={"server": server},
    )
