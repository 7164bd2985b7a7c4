"""Approvals: calls wait on tickets, persons who prove themselves decide, and every decision is an Event."""

import asyncio
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from bartizan.adapters.approvers.codes import Codes
from bartizan.model.errors import UsageError
from bartizan.model.event import API_ACTIVITY, Event
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import AskPerson, Confirmed
from bartizan.model.secret import Secret
from bartizan.model.ticket import Enrolment, Ticket, TicketState
from bartizan.ports import Tickets

WAITING = (TicketState.PENDING,)
_NAME = re.compile(r"[a-z][a-z0-9\-]{0,40}")
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # none that looks like another
_WRONG = "the name or the code is wrong, or the code was used before"


class Approvals:
    """`secret` gives what is kept under a reference such as `local:NAME`, made at random by the first who asks."""

    def __init__(
        self,
        tickets: Tickets,
        *,
        secret: Callable[[str], Secret],
        now: Callable[[], datetime],
        record: Callable[[Event], object],
        limits: Limits = DEFAULT,
    ) -> None:
        self._tickets, self._secret, self._now = tickets, secret, now
        self._record, self._limits = record, limits

    # Of the gateway

    async def ask(self, question: AskPerson) -> Confirmed:
        """Wait on the ticket of this very call, as long as policy says. Raises LookupError where too many wait."""
        ticket = await asyncio.to_thread(self._open, question)
        loop = asyncio.get_running_loop()
        until = loop.time() + min(question.wait_seconds, self._limits.confirm_seconds_max)
        while ticket.state is TicketState.PENDING and loop.time() < until:
            await asyncio.sleep(self._limits.confirm_poll_seconds)
            ticket = await asyncio.to_thread(self._tickets.get, ticket.id) or ticket
        granted = ticket.state is TicketState.APPROVED and await asyncio.to_thread(self._use, ticket)
        return Confirmed(granted=granted, ticket=ticket.id, state=ticket.state, by=ticket.decided_by)

    def _open(self, question: AskPerson) -> Ticket:
        now = self._now()
        wanted = Ticket(
            id="T-" + "".join(secrets.choice(_LETTERS) for _ in range(12)),
            created=now,
            expires=now + timedelta(seconds=question.expires_seconds),
            server=question.server,
            method=question.method,
            target=question.target,
            principal=question.principal,
            client=question.client,
            digest=question.digest,
            policy=question.policy,
            arguments=question.arguments,
            reasons=question.reasons,
        )
        ticket = self._tickets.open(wanted)
        if ticket is None:
            raise LookupError("more calls wait for a person than may (tickets_waiting_max)")
        if ticket.id == wanted.id:
            self._record(ticket_event(ticket, now, "opened"))
        return ticket

    def _use(self, ticket: Ticket) -> bool:
        used = self._tickets.use(ticket.id, self._now())
        if used:
            self._record(ticket_event(msgspec.structs.replace(ticket, state=TicketState.USED), self._now(), "used"))
        return used

    # Of persons

    def waiting(self) -> list[Ticket]:
        """What waits for a decision."""
        return self._tickets.find(WAITING, self._now())

    def get(self, identity: str) -> Ticket:
        """One ticket. Raises UsageError."""
        ticket = self._tickets.get(identity.strip().upper())
        if ticket is None:
            raise UsageError(f"no ticket {identity[:40]!r}", remedy="`bartizan approvals list` shows what waits")
        return ticket

    def decide(self, identity: str, *, granted: bool, name: str, code: str) -> Ticket:
        """Decide, once who asks has proved to be an approver. Raises UsageError."""
        ticket = self.get(identity)
        enrolment = self.prove(name, code)
        decided = self._tickets.decide(
            ticket.id, granted=granted, by=enrolment.name, factor=enrolment.factor, at=self._now()
        )
        if decided is None:
            raise UsageError(
                f"{ticket.id} does not wait any more: it is {self.get(ticket.id).state.value}",
                remedy="make the call again, which opens a ticket",
            )
        self._record(ticket_event(decided, self._now(), decided.state.value))
        return decided

    def prove(self, name: str, code: str) -> Enrolment:
        """Who the code proves to be there. A code proves once; too many wrong ones lock. Raises UsageError."""
        now = self._now()
        steps: list[int | None] = []

        def judge(known: Enrolment) -> Enrolment:
            if known.locked_until is not None and known.locked_until > now:
                return known
            step = self._codes(name).step(code, now, known.spent)
            steps.append(step)
            if step is None:
                return self._failed(known, now)
            return msgspec.structs.replace(known, spent=step, failures=0, locked_until=None)

        # In one transaction: who guesses many codes at once is counted like who guesses them one by one.
        kept = self._tickets.amend(name, judge)
        if kept is None:
            raise UsageError(_WRONG, remedy="`bartizan approvals enroll NAME` enrols somebody")
        if not steps:
            raise UsageError(f"{name} is locked until {kept.locked_until:%H:%M:%S} UTC after wrong codes")
        if steps[0] is None:
            self._record(_approver_event(name, now, "wrong code", failed=True))
            raise UsageError(_WRONG, remedy="take the code that the authenticator shows now")
        return kept

    def enroll(self, name: str, *, by: str = "", code: str = "") -> Secret:
        """Make somebody an approver; the address for the authenticator. The first is believed, others are vouched for.

        Raises UsageError.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name[:50]!r} is no name", remedy="use a-z, 0-9 and -")
        known = {one.name for one in self._tickets.enrolments()}
        if name in known:
            raise UsageError(f"{name} is enrolled already", remedy="choose another name")
        if known:
            self.prove(by, code)
        self._tickets.keep_enrolment(Enrolment(name=name, factor="totp", enrolled=self._now()))
        self._record(_approver_event(name, self._now(), "enrolled"))
        return self._codes(name).address(name)

    def only_name(self) -> str:
        """The approver, where there is one alone. Raises UsageError."""
        names = [one.name for one in self._tickets.enrolments()]
        if len(names) == 1:
            return names[0]
        if not names:
            raise UsageError("nobody may decide yet", remedy="bartizan approvals enroll NAME")
        raise UsageError("several persons may decide", remedy=f"--approver, one of {', '.join(names)}")

    def enrolled(self) -> list[Enrolment]:
        """Everybody who may decide."""
        return self._tickets.enrolments()

    def _failed(self, known: Enrolment, now: datetime) -> Enrolment:
        failures = known.failures + 1
        if failures < self._limits.code_failures_max:
            return msgspec.structs.replace(known, failures=failures)
        until = now + timedelta(seconds=self._limits.code_lock_seconds)
        return msgspec.structs.replace(known, failures=0, locked_until=until)

    def _codes(self, name: str) -> Codes:
        return Codes(self._secret(f"local:approver-{name}"))


def ticket_event(ticket: Ticket, at: datetime, activity: str) -> Event:
    """What became of a ticket. Its arguments stay in the store."""
    return Event(
        uid=f"{ticket.id}.{activity}",
        time=at,
        class_uid=API_ACTIVITY,
        activity_name=f"ticket {activity}",
        status="Failure" if ticket.state in {TicketState.DENIED, TicketState.EXPIRED} else "Success",
        mcp={
            "server": ticket.server,
            "method": ticket.method,
            "target": ticket.target[: DEFAULT.shown_name_characters_max],
            "principal": ticket.principal,
        },
        unmapped={
            "ticket": ticket.id,
            "digest": ticket.digest,
            "policy": ticket.policy,
            "by": ticket.decided_by,
            "factor": ticket.factor,
        },
    )


def _approver_event(name: str, at: datetime, activity: str, *, failed: bool = False) -> Event:
    return Event(
        uid=secrets.token_hex(16),
        time=at,
        class_uid=API_ACTIVITY,
        activity_name=f"approver {activity}",
        status="Failure" if failed else "Success",
        unmapped={"approver": name},
    )
