"""What the guards of limits, identity, access and rate cost for one call of 1 KB whose token is known."""

import time
from datetime import UTC, datetime

from bartizan.app.identity import guards
from bartizan.app.policy import parse_policy
from bartizan.model.call import Call, Credentials, Verb
from bartizan.model.need import Verified
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport
from bartizan.prevent.guards.identity import Resource
from bartizan.prevent.policy import Rules

CALLS = 20_000
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICY = """\
servers: {github: {reads: ["get_*"]}}
roles: {developer: [{group: engineering}], maintainer: [{principal: "x"}]}
allow:
  - {role: developer, server: github, tools: ["*"], never: ["delete_*"]}
  - {role: maintainer, server: github, tools: ["*"], may: write}
  - {role: developer, server: github, tools: [put], may: write, when: 'inside(args.path, "/srv") && args.n <= 100'}
limits:
  - {per: [principal], calls: 100000000, at_once: 100}
  - {per: [principal, tool], calls: 100000000}
loops: {calls: 100000000}
"""


class Known:
    """A verifier that knows the one token."""

    found = Verified(principal=Principal(id="https://idp|a", proof=Proof.TOKEN, groups=frozenset({"engineering"})))

    async def verify(self, token: Secret, audience: str) -> Verified:
        raise LookupError

    def known(self, token: Secret, audience: str, at: datetime) -> Verified:
        return self.found

    def forget(self, principal: str = "") -> None:
        raise LookupError


def measure(tool: str) -> float:
    """Seconds of one core for one call."""
    chain = guards(
        Rules([parse_policy(POLICY, "")]), Resource(base="https://gw.example"), loopback=False, verifier=Known()
    )
    shown = Credentials(bearer=Secret("x" * 800))
    calls = [
        Call(uid=str(number), server="github", method="tools/call", verb=Verb.CALL, target=tool, era=Era.MODERN,
             arguments={"path": "/srv/a", "n": 3, "text": "x" * 900}, revision="2026-07-28", bytes=1_100, at=AT,
             transport=Transport.STREAMABLE_HTTP, credentials=shown)
        for number in range(CALLS)
    ]  # fmt: skip
    begun = time.process_time()
    for one in calls:
        call = one
        for guard in chain:
            judged = guard.judge(call, ())
            assert isinstance(judged, tuple)
            call = judged[0]
        chain[0].done(call)
        chain[3].done(call)
    return (time.process_time() - begun) / CALLS


if __name__ == "__main__":
    for tool, what in (("get_file", "lists"), ("put", "lists and a condition")):
        print(f"guards, {what}: {measure(tool) * 1e6:.0f} us of one core for a call")
