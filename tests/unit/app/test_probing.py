"""What may be started or contacted, and what becomes of a probe that fails."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from bartizan.app.probing import Candidate, Launching, probe_all
from bartizan.model.coverage import Outcome
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.ports import Consent, Probed

AT = datetime(2026, 1, 2, tzinfo=UTC)


class World:
    """Every part that a probe asks, with a record of what was asked."""

    def __init__(self, *, answer: Consent = Consent.GIVEN, consented: frozenset[str] = frozenset()) -> None:
        self.answer, self.remembered = answer, set(consented)
        self.probed: list[str] = []
        self.limits, self.key = DEFAULT, Secret("k")
        self.clock = SimpleNamespace(now=lambda: AT)
        self.store: Any = self
        self.prober: Any = self
        self.approver: Any = self
        self.sandbox: Any = SimpleNamespace(available=lambda: "")

    def consent_digest(self, launch: Launch, _key: Secret, package: str = "") -> str:
        return f"{launch.shown}|{package}"

    def consented(self, digest: str) -> bool:
        return digest in self.remembered

    def remember_consent(self, digest: str, _shown: str, _at: datetime) -> None:
        self.remembered.add(digest)

    def record(self, _event: Any) -> None:
        pass

    async def consent(self, _launch: Launch) -> Consent:
        return self.answer

    async def probe(self, server: str, launch: Launch, _confined: Any = None) -> Probed:
        if launch.shown == "broken":
            raise LookupError("ghp_ of a message")
        self.probed.append(server)
        return Probed()


def candidate(name: str, sha256: str = "") -> Candidate:
    launch = Launch(transport=Transport.STDIO, command=(Secret(name),), shown=name)
    return Candidate(server=f"server:{name}", name=name, launch=launch, sha256=sha256)


def go(world: World, *candidates: Candidate, launching: Launching = Launching.ASK):
    parts: Any = world
    return asyncio.run(probe_all(list(candidates), launching, parts, lambda _: None))


def test_a_probe_that_breaks_is_a_look_of_its_server_and_ends_no_other():
    world = World()
    told = go(world, candidate("broken"), candidate("whole"))
    (look,) = told["server:broken"].looks
    assert (look.outcome, look.reason) == (Outcome.FAILED, "the probe itself failed (LookupError)")
    assert world.probed == ["server:whole"]


def test_a_remembered_consent_does_not_hold_for_a_program_that_has_changed():
    world = World(answer=Consent.REMEMBERED)
    go(world, candidate("node server.js", sha256="aa"))
    world.answer = Consent.REFUSED
    go(world, candidate("node server.js", sha256="aa"))
    told = go(world, candidate("node server.js", sha256="bb"))
    assert world.probed == ["server:node server.js"] * 2
    assert told["server:node server.js"].looks[0].outcome is Outcome.SKIPPED


def test_nothing_is_started_when_nothing_may_be():
    world = World()
    go(world, candidate("x"), launching=Launching.NEVER)
    assert world.probed == []


def remote(name: str, *, url: str, shown: str = "", named: bool = False) -> Candidate:
    launch = Launch(
        transport=Transport.STREAMABLE_HTTP,
        url=Secret(url),
        headers={"Authorization": Secret("Bearer of this test")},
        shown=shown or url,
    )
    return Candidate(server=f"server:{name}", name=name, launch=launch, named=named)


class Wire(World):
    """A world that remembers with what each server was reached."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.headers: dict[str, list[str]] = {}

    async def probe(self, server: str, launch: Launch, _confined: Any = None) -> Probed:
        self.headers[server] = sorted(launch.headers)
        return await super().probe(server, launch)


def reason(told: Any, server: str) -> str:
    return told[server].looks[0].reason


def test_nothing_is_asked_or_reached_with_never():
    world = Wire()
    told = go(world, candidate("a"), remote("b", url="http://x/mcp"), launching=Launching.NEVER)
    assert world.probed == []
    assert [look.outcome for one in told.values() for look in one.looks] == [Outcome.SKIPPED, Outcome.SKIPPED]


def test_the_headers_of_a_configuration_go_along_with_consent_only():
    world = Wire()
    go(world, remote("a", url="http://x/mcp"))
    go(world, remote("b", url="http://x/mcp"), launching=Launching.SANDBOX)
    go(world, remote("c", url="http://x/mcp", named=True), launching=Launching.NEVER)
    assert world.headers == {"server:a": ["Authorization"], "server:b": [], "server:c": []}


def test_a_configured_address_that_holds_a_credential_is_reached_with_consent_only():
    world = Wire()
    one = remote("a", url="http://x/mcp?key=hunter2", shown="http://x/mcp?key=‹mark›")
    told = go(world, one, launching=Launching.SANDBOX)
    assert world.probed == []
    assert "holds a credential" in reason(told, "server:a")
    go(world, one)
    assert world.probed == ["server:a"]


def test_an_address_that_our_user_names_is_reached_as_it_is():
    world = Wire()
    go(world, remote("a", url="http://x/s/hunter2", shown="http://x/s/‹mark›", named=True), launching=Launching.NEVER)
    assert world.probed == ["server:a"]


def test_the_progress_line_is_gone_before_anybody_is_asked():
    order: list[str] = []

    class Asking(World):
        async def consent(self, _launch: Launch) -> Consent:
            order.append("asked")
            return Consent.REFUSED

    parts: Any = Asking()
    asyncio.run(probe_all([candidate("a")], Launching.ASK, parts, order.append))
    assert order[:2] == ["", "asked"]
