"""Approvals: who proves what, what a code is worth, what becomes of a call that waits."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from bartizan.adapters.approvers.codes import Codes
from bartizan.adapters.store.tickets import SqlTickets
from bartizan.adapters.transports.listener import Request
from bartizan.adapters.vaults.local import LocalVault
from bartizan.app.approvals import Approvals
from bartizan.app.approving import handle
from bartizan.model.errors import UsageError
from bartizan.model.event import Event
from bartizan.model.limits import Limits
from bartizan.model.need import AskPerson
from bartizan.model.ticket import TicketState

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Here:
    """Approvals with a clock that the test turns, and what was recorded."""

    def __init__(self, folder: Path) -> None:
        self.now = AT
        self.loop: asyncio.AbstractEventLoop | None = None
        self.events: list[Event] = []
        self.opened: asyncio.Queue[str] = asyncio.Queue()
        self.vault = LocalVault(folder / "vault")
        self.tickets = SqlTickets(f"sqlite:///{folder / 'store.db'}")
        self.approvals = Approvals(
            self.tickets,
            secret=self.vault.read_or_make,
            now=lambda: self.now,
            record=self.record,
            limits=Limits(confirm_poll_seconds=0.01),
        )

    def record(self, event: Event) -> None:
        self.events.append(event)
        if event.activity_name == "ticket opened" and self.loop:
            self.loop.call_soon_threadsafe(self.opened.put_nowait, event.unmapped["ticket"])

    def code(self, name: str = "maya") -> str:
        return Codes(self.vault.read_or_make(f"local:approver-{name}")).now(self.now).reveal()

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def ask(self, **facts: Any) -> Any:
        return self.approvals.ask(question(**facts))


def question(**facts: Any) -> AskPerson:
    given: dict[str, Any] = {
        "server": "github",
        "method": "tools/call",
        "target": "delete_repo",
        "principal": "alice",
        "client": "",
        "digest": "d" * 64,
        "policy": "p1",
        "arguments": {"name": "x"},
        "reasons": ("it destroys",),
        "at": AT,
        "wait_seconds": 0.0,
        "expires_seconds": 900.0,
    }
    return AskPerson(**(given | facts))


@pytest.fixture
def here(tmp_path: Path):
    opened = Here(tmp_path)
    opened.approvals.enroll("maya")
    yield opened
    opened.tickets.close()


def test_the_address_for_the_authenticator_gives_the_codes(here: Here):
    address = here.approvals.enroll("ben", by="maya", code=here.code())
    parts = urlsplit(address.reveal())
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query)["issuer"] == ["Bartizan"]


def test_a_call_waits_until_a_person_says_yes_and_the_approval_is_used(here: Here):
    async def both():
        here.loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(here.ask(wait_seconds=5.0))
        ticket = await asyncio.wait_for(here.opened.get(), 10)
        here.approvals.decide(ticket, granted=True, name="maya", code=here.code())
        return await waiting

    confirmed = asyncio.run(both())
    assert (confirmed.granted, confirmed.by) == (True, "maya")
    assert here.approvals.get(confirmed.ticket).state is TicketState.USED
    assert [event.activity_name for event in here.events][1:] == ["ticket opened", "ticket approved", "ticket used"]


def test_a_call_that_nobody_answers_comes_back_with_its_ticket_and_the_next_one_uses_the_approval(here: Here):
    first = asyncio.run(here.ask())
    assert (first.granted, first.state) == (False, TicketState.PENDING)
    here.approvals.decide(first.ticket.lower(), granted=True, name="maya", code=here.code())
    assert asyncio.run(here.ask()).granted
    third = asyncio.run(here.ask())
    assert (third.granted, third.ticket == first.ticket) == (False, False)


def test_a_code_proves_once(here: Here):
    first, second = (asyncio.run(here.ask(digest=one * 64)).ticket for one in "ab")
    code = here.code()
    here.approvals.decide(first, granted=True, name="maya", code=code)
    with pytest.raises(UsageError, match="used before"):
        here.approvals.decide(second, granted=True, name="maya", code=code)
    here.wait(30)
    here.approvals.decide(second, granted=True, name="maya", code=here.code())


@pytest.mark.parametrize("wrong", ["000000", "", "abcdef", "0000000", "١٢٣٤٥٦"])
def test_a_wrong_code_decides_nothing_and_is_recorded(here: Here, wrong: str):
    ticket = asyncio.run(here.ask()).ticket
    with pytest.raises(UsageError, match="wrong"):
        here.approvals.decide(ticket, granted=True, name="maya", code=wrong)
    assert here.approvals.get(ticket).state is TicketState.PENDING
    assert here.events[-1].activity_name == "approver wrong code"


def test_who_guesses_is_locked_out_and_the_right_code_does_not_help_then(here: Here):
    ticket = asyncio.run(here.ask()).ticket
    for _ in range(Limits().code_failures_max):
        with pytest.raises(UsageError, match="wrong"):
            here.approvals.decide(ticket, granted=True, name="maya", code="000000")
    with pytest.raises(UsageError, match="locked until"):
        here.approvals.decide(ticket, granted=True, name="maya", code=here.code())
    here.wait(Limits().code_lock_seconds + 1)
    here.approvals.decide(ticket, granted=True, name="maya", code=here.code())


def test_guesses_at_once_are_counted_like_guesses_one_by_one(here: Here):
    def guess(number: int) -> str:
        try:
            here.approvals.prove("maya", f"{number:06}")
        except UsageError as error:
            return str(error).split()[0]
        return "right"

    with ThreadPoolExecutor(16) as pool:
        told = Counter(pool.map(guess, range(64)))
    assert told["the"] <= Limits().code_failures_max  # the name or the code is wrong
    assert told["maya"] >= 64 - Limits().code_failures_max - 1  # maya is locked


def test_one_code_that_is_shown_many_times_at_once_proves_once(here: Here):
    code = here.code()

    def prove(_: int) -> bool:
        try:
            here.approvals.prove("maya", code)
        except UsageError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(prove, range(16))) == 1


def test_nobody_enrols_themselves_once_somebody_is(here: Here):
    for by, code in (("", ""), ("maya", "000000"), ("mallory", here.code())):
        with pytest.raises(UsageError, match="wrong"):
            here.approvals.enroll("mallory", by=by, code=code)
    assert [one.name for one in here.approvals.enrolled()] == ["maya"]


def test_a_gateway_tells_nothing_to_who_does_not_prove_to_be_an_approver(here: Here):
    ticket = asyncio.run(here.ask()).ticket

    def asked(**facts: Any) -> tuple[int, bytes]:
        body = msgspec.json.encode({"approver": "maya", **facts})
        answer = handle(here.approvals, Request(method="POST", target="/approvals", headers=(), body=body, peer=""))
        assert isinstance(answer.body, bytes)
        return answer.status, answer.body

    for action in ("list", "show", "allow", "deny"):
        status, told = asked(action=action, ticket=ticket, code="000000")
        assert status == 403
        assert ticket.encode() not in told
    here.wait(Limits().code_lock_seconds + 1)
    status, told = asked(action="allow", ticket=ticket, code=here.code())
    assert status == 200
    assert b'"approved"' in told
    assert asked(action="rm", ticket=ticket, code=here.code())[0] == 400
