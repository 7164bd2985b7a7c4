"""Tickets in both databases: one call, one ticket, one use."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bartizan.adapters.store.tickets import SqlTickets
from bartizan.model.limits import Limits
from bartizan.model.ticket import NEXT, Enrolment, Ticket, TicketState

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = AT + timedelta(minutes=20)


def a_ticket(identity: str = "T-1", **facts: object) -> Ticket:
    given: dict[str, object] = {
        "id": identity,
        "created": AT,
        "expires": AT + timedelta(minutes=15),
        "server": "github",
        "method": "tools/call",
        "target": "delete_repo",
        "principal": "alice\0",
        "digest": "d" * 64,
        "policy": "p1",
        "arguments": {"name": "x\0\ud800"},
        "reasons": ("it destroys",),
    }
    return Ticket(**(given | facts))  # pyright: ignore[reportArgumentType]


@pytest.fixture
def tickets(url: str):
    opened = SqlTickets(url, limits=Limits(tickets_waiting_max=3))
    yield opened
    opened.close()


def approve(tickets: SqlTickets, identity: str = "T-1") -> Ticket | None:
    return tickets.decide(identity, granted=True, by="maya", factor="totp", at=AT)


def test_a_ticket_is_read_as_it_was_written(tickets: SqlTickets):
    assert tickets.open(a_ticket()) == a_ticket()
    assert tickets.get("T-1") == a_ticket()
    assert tickets.get("T-2") is None


@pytest.mark.parametrize("other", [{"digest": "e" * 64}, {"principal": "bob"}, {"policy": "p2"}])
def test_the_same_call_has_one_ticket_and_any_other_its_own(tickets: SqlTickets, other: dict[str, str]):
    tickets.open(a_ticket())
    again = tickets.open(a_ticket("T-2"))
    assert again is not None
    assert again.id == "T-1"
    another = tickets.open(a_ticket("T-3", **other))
    assert another is not None
    assert another.id == "T-3"


def test_an_approval_is_used_once_however_many_ask_at_once(tickets: SqlTickets):
    tickets.open(a_ticket())
    assert approve(tickets) is not None
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(lambda _: tickets.use("T-1", AT), range(16)))
    assert sum(used) == 1
    fresh = tickets.open(a_ticket("T-2"))
    assert fresh is not None
    assert fresh.id == "T-2"


def test_expiry_means_no(tickets: SqlTickets):
    tickets.open(a_ticket())
    assert tickets.decide("T-1", granted=True, by="maya", factor="totp", at=LATER) is None
    tickets.open(a_ticket("T-2", created=LATER, expires=LATER + timedelta(minutes=1)))
    approved = tickets.decide("T-2", granted=True, by="maya", factor="totp", at=LATER)
    assert approved is not None
    assert not tickets.use("T-2", LATER + timedelta(minutes=2))
    assert tickets.get("T-2").state is TicketState.EXPIRED  # pyright: ignore[reportOptionalMemberAccess]


def test_what_was_denied_or_used_stays_so(tickets: SqlTickets):
    tickets.open(a_ticket())
    assert tickets.decide("T-1", granted=False, by="maya", factor="totp", at=AT) is not None
    assert approve(tickets) is None
    assert not tickets.use("T-1", AT)


def test_an_approval_can_be_taken_back_before_it_is_used(tickets: SqlTickets):
    tickets.open(a_ticket())
    approve(tickets)
    assert tickets.decide("T-1", granted=False, by="maya", factor="totp", at=AT) is not None
    assert not tickets.use("T-1", AT)


def test_more_than_may_wait_open_no_further_ticket(tickets: SqlTickets):
    opened = [tickets.open(a_ticket(f"T-{n}", digest=str(n) * 64)) for n in range(5)]
    assert [one is not None for one in opened] == [True, True, True, False, False]


def test_approvers_are_kept(tickets: SqlTickets):
    maya = Enrolment(name="maya", factor="totp", enrolled=AT, spent=7)
    tickets.keep_enrolment(Enrolment(name="maya", factor="totp", enrolled=AT))
    tickets.keep_enrolment(maya)
    assert tickets.enrolments() == [maya]


def test_no_state_comes_back_from_an_end():
    ends = [state for state, following in NEXT.items() if not following]
    assert set(ends) == {TicketState.DENIED, TicketState.USED, TicketState.EXPIRED}
    assert all(set(NEXT) >= following for following in NEXT.values())


def test_who_changes_an_approver_at_once_with_others_sees_what_they_kept(tickets: SqlTickets):
    tickets.keep_enrolment(Enrolment(name="maya", factor="totp", enrolled=AT))

    def one_more(_: int) -> Enrolment | None:
        return tickets.amend("maya", lambda known: msgspec.structs.replace(known, failures=known.failures + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one_more, range(32)))
    assert [one.failures for one in tickets.enrolments()] == [32]
    assert tickets.amend("eve", lambda known: known) is None
