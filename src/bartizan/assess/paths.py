"""Flows: where abilities of tools meet in one client, and where an open server leads to a database.

A way of a kind passes one tool of each of its stages, and every choice of such tools is a way: the client's model
carries what one tool said to the next. So a kind is ended by emptying any one of its stages, and by nothing less.
"""

from collections.abc import Iterable, Sequence
from itertools import product

import msgspec

from bartizan.assess.chains import attack_chains
from bartizan.assess.sessions import Session, Usable, sessions
from bartizan.model.asset import CONFIDENCE_ORDER, AssetId, Confidence
from bartizan.model.flow import Deed, Flow, FlowKind, Step
from bartizan.model.inventory import Inventory
from bartizan.model.label import Ability, sure
from bartizan.model.limits import DEFAULT, Limits

# The stages of each kind, in the order of the way.
STAGES: dict[FlowKind, tuple[Ability, ...]] = {
    FlowKind.UNTRUSTED_TO_EXECUTION: (Ability.READS_UNTRUSTED, Ability.EXECUTES),
    FlowKind.LETHAL_TRIFECTA: (Ability.READS_UNTRUSTED, Ability.READS_PRIVATE, Ability.SENDS_OUT),
    FlowKind.UNTRUSTED_TO_DESTRUCTION: (Ability.READS_UNTRUSTED, Ability.DESTROYS),
}


class _Way(msgspec.Struct, frozen=True, kw_only=True):
    tools: tuple[Usable, ...]
    abilities: tuple[Ability, ...]

    @property
    def confidence(self) -> Confidence:
        told = [tool.labels[ability].confidence for tool, ability in zip(self.tools, self.abilities, strict=True)]
        return min(told, key=CONFIDENCE_ORDER.__getitem__)

    @property
    def order(self) -> tuple[object, ...]:
        """The surest first, then the one that nobody is asked on, then the shortest, by tools and by servers."""
        tools, servers = {one.tool for one in self.tools}, {one.server for one in self.tools}
        asked = self.tools[-1].asks
        return -CONFIDENCE_ORDER[self.confidence], asked, len(tools), len(servers), [one.tool for one in self.tools]


def with_flows(inventory: Inventory, *, limits: Limits = DEFAULT) -> Inventory:
    """The inventory with its flows, which rest on the labels of its tools."""
    return msgspec.structs.replace(inventory, flows=tuple(flows(inventory, limits=limits)))


def flows(inventory: Inventory, *, limits: Limits = DEFAULT) -> list[Flow]:
    """At most one flow for each client and kind, and one for each open server: the worst kinds first."""
    by_client: dict[AssetId, list[Session]] = {}
    for session in sessions(inventory):
        by_client.setdefault(session.client, []).append(session)
    found = attack_chains(inventory)
    for client, those in sorted(by_client.items()):
        found += [flow for kind, stages in STAGES.items() if (flow := _flow(kind, client, stages, those, limits))]
        if one := _by_one_tool(client, those, limits):
            found.append(one)
    order = list(FlowKind)
    return sorted(found, key=lambda flow: (order.index(flow.kind), flow.client, flow.steps[0].asset))


def _flow(
    kind: FlowKind, client: AssetId, stages: Sequence[Ability], those: Sequence[Session], limits: Limits
) -> Flow | None:
    told = [(session, [_able(session, ability) for ability in stages]) for session in those]
    whole = [(session, able) for session, able in told if all(able)]
    if not whole:
        return None
    best = min((_best(able, stages, limits) for _, able in whole), key=lambda way: way.order)
    united = [_united(able[number] for _, able in whole) for number in range(len(stages))]
    return Flow(
        kind=kind,
        client=client,
        steps=tuple(_step(tool, ability) for tool, ability in zip(best.tools, best.abilities, strict=True)),
        cut=_cut(united, stages, limits),
        ways=max(_product(able) for _, able in whole),
        confidence=best.confidence,
        unasked=not best.tools[-1].asks,
    )


def _by_one_tool(client: AssetId, those: Sequence[Session], limits: Limits) -> Flow | None:
    """Tools that read what is private and send it on in one call: no second tool is needed."""
    both = (Ability.READS_PRIVATE, Ability.SENDS_OUT)
    able = _united(
        [tool for tool in session.tools if all(sure(tool.labels.get(one)) for one in both)] for session in those
    )
    if not able:
        return None
    ways = [_Way(tools=(tool, tool), abilities=both) for tool in able]
    best = min(ways, key=lambda way: way.order)
    return Flow(
        kind=FlowKind.PRIVATE_SENT_BY_ONE_TOOL,
        client=client,
        steps=tuple(_step(best.tools[0], ability) for ability in both),
        cut=tuple(_deeds(able, Ability.SENDS_OUT, limits)),
        ways=len(able),
        confidence=best.confidence,
        unasked=not best.tools[0].asks,
    )


def _able(session: Session, ability: Ability) -> list[Usable]:
    return [tool for tool in session.tools if sure(tool.labels.get(ability))]


def _best(able: Sequence[Sequence[Usable]], stages: Sequence[Ability], limits: Limits) -> _Way:
    """The way to show: of each stage the surest tools, and among them those that other stages have too."""
    counts: dict[AssetId, int] = {}
    for stage in able:
        for tool in stage:
            counts[tool.tool] = counts.get(tool.tool, 0) + 1
    few = [
        sorted(
            stage,
            key=lambda tool, ability=ability: (
                -CONFIDENCE_ORDER[tool.labels[ability].confidence],
                tool.asks,
                -counts[tool.tool],
                tool.tool,
            ),
        )[: limits.flow_candidates_max]
        for stage, ability in zip(able, stages, strict=True)
    ]
    ways = (_Way(tools=tools, abilities=tuple(stages)) for tools in product(*few))
    return min(ways, key=lambda way: way.order)


def _cut(stages: Sequence[Sequence[Usable]], abilities: Sequence[Ability], limits: Limits) -> tuple[Deed, ...]:
    """What empties the smallest stage: fewest servers, then fewest tools, then the last one, where one can ask."""
    sizes = [(len({tool.server for tool in stage}), len(stage), -number) for number, stage in enumerate(stages)]
    chosen = sizes.index(min(sizes))
    return tuple(_deeds(stages[chosen], abilities[chosen], limits))


def _deeds(tools: Sequence[Usable], ability: Ability, limits: Limits) -> list[Deed]:
    by_server: dict[AssetId, list[AssetId]] = {}
    for tool in tools:
        by_server.setdefault(tool.server, []).append(tool.tool)
    found: list[Deed] = []
    for server, those in sorted(by_server.items()):
        few = len(those) <= limits.flow_cut_tools_max
        words = f"its {len(those)} tools labelled “{ability.value.replace('_', ' ')}”"
        found.append(
            Deed(what="disable", assets=tuple(sorted(those)))
            if few
            else Deed(what=f"remove from the client, or disable {words}", assets=(server,))
        )
    return found


def _united(stages: Iterable[Iterable[Usable]]) -> list[Usable]:
    return list({tool.tool: tool for stage in stages for tool in stage}.values())


def _product(able: Sequence[Sequence[Usable]]) -> int:
    ways = 1
    for stage in able:
        ways *= len(stage)
    return ways


def _step(tool: Usable, ability: Ability) -> Step:
    return Step(asset=tool.tool, role=ability.value, evidence=tool.labels[ability].evidence)
