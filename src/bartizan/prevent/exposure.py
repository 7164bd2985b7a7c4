"""Whether a server may be fronted although others go around the gateway: only where policy names it."""

from collections.abc import Iterable

from bartizan.model.decision import Decision, Effect, Refusal
from bartizan.model.need import Reached
from bartizan.model.policy import Exposure
from bartizan.prevent.policy import Rules


def accepted(rules: Rules, server: str) -> bool:
    """Whether policy accepts whatever may be wrong with how this server is reached: then nobody need look."""
    return all(rules.accepts(server, one) for one in Exposure)


def refusal(rules: Rules, server: str, reached: Reached) -> Decision | None:
    """Why this server is not fronted, with the line that would permit it; None where it may be."""
    wrong = [one for one in reached.found if not rules.accepts(server, one)]
    if not wrong:
        return None
    return Decision(
        effect=Effect.DENY,
        guard="access",
        reason=f"{server} is reached around the gateway: {'; '.join(reached.found[one] for one in wrong)}",
        refusal=Refusal.UNAVAILABLE,
        exception=_line(rules, server, wrong),
    )


def _line(rules: Rules, server: str, wrong: Iterable[Exposure]) -> str:
    """Where policy speaks of the server, and what it must say there."""
    already = [one for one in Exposure if rules.accepts(server, one)]
    told = f"accepts: [{', '.join([*already, *wrong])}]"
    for file in rules.files:
        if server in file.policy.servers:
            return f"{file.place('servers', server)}: `{told}`"
    return f"add under `servers`: {server}: {{{told}}}"
