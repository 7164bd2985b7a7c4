"""What the journal holds of a call: no secret, wherever a client or a server wrote it."""

from datetime import UTC, datetime

import msgspec
import pytest

from bartizan.app.call_events import call_event, ended_event
from bartizan.model.call import Call, Verb
from bartizan.model.decision import Decision, Effect
from bartizan.model.snapshot import Era, Transport
from bartizan.prevent.gate import Decided

AT = datetime(2026, 11, 20, tzinfo=UTC)
TOKEN = "ghp_" + "A1b2" * 9
PASSWORD = "tr0ub4dor" + "x9K"


def call(*, target: str = "", client: str = "") -> Call:
    return Call(
        uid="1",
        server="notes",
        method="resources/read",
        verb=Verb.READ,
        era=Era.MODERN,
        revision="2026-07-28",
        transport=Transport.STREAMABLE_HTTP,
        at=AT,
        target=target,
        client=client,
    )


@pytest.mark.parametrize(
    "target",
    [f"postgres://ada:{PASSWORD}@db.example/app", f"notes://{TOKEN}", "n" * 150 + f" {TOKEN} and more of it"],
)
def test_a_secret_in_a_target_is_a_mark_even_where_the_event_is_cut(target: str):
    denied = Decision(effect=Effect.DENY, reason=f"no line permits {target}", exception=f"resources: [{target}]")
    event = msgspec.json.encode(call_event(Decided(call=call(target=target), decision=denied))).decode()
    assert PASSWORD not in event
    assert TOKEN[:12] not in event


def test_a_secret_in_what_a_client_calls_itself_or_a_server_says_is_a_mark():
    allowed = Decided(call=call(client=f"app {TOKEN}"), decision=Decision(effect=Effect.ALLOW))
    ended = ended_event(call(), AT, 3, f"it said {TOKEN}")
    assert TOKEN not in msgspec.json.encode([call_event(allowed), ended]).decode()


def test_a_plain_target_stays_as_it_is():
    event = call_event(Decided(call=call(target="notes://today"), decision=Decision(effect=Effect.ALLOW)))
    assert event.mcp["target"] == "notes://today"
