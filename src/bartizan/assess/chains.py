"""Attack chains: an open server, a request to any address, cloud credentials, a database."""

from collections.abc import Iterable, Sequence

from bartizan.model.asset import Asset, AssetId, AssetKind, Confidence, Edge, EdgeKind
from bartizan.model.flow import Deed, Flow, FlowKind, Step
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object
from bartizan.model.label import Ability, labels_of, sure
from bartizan.text.patterns import words_of

_CLOUD_KINDS = frozenset({"aws-access-key-id", "google-oauth-token", "google-oauth-secret", "digitalocean-token"})
_CLOUD_WORDS = frozenset({"aws", "azure", "gcp", "gcloud", "google", "arm"})
_EVERYWHERE = frozenset({"0.0.0.0", "::", "*", "::ffff:0.0.0.0"})  # noqa: S104 - what is looked for, not bound
_ONWARD = frozenset({EdgeKind.UNLOCKS, EdgeKind.GRANTS, EdgeKind.ON, EdgeKind.STORES})
_WAYS_MAX = 10_000


class _Links:
    """Edges by source and kind."""

    def __init__(self, inventory: Inventory) -> None:
        self.assets = inventory.by_id()
        self._edges: dict[AssetId, list[Edge]] = {}
        for edge in inventory.edges:
            self._edges.setdefault(edge.source, []).append(edge)

    def over(self, source: AssetId, kinds: Iterable[EdgeKind]) -> list[Asset]:
        wanted = set(kinds)
        ends = (edge.target for edge in self._edges.get(source, ()) if edge.kind in wanted)
        return [self.assets[end] for end in dict.fromkeys(ends) if end in self.assets]


def attack_chains(inventory: Inventory) -> list[Flow]:
    """One for each server that anybody can call, that fetches any address, and that has cloud credentials at hand."""
    links = _Links(inventory)
    chains = (_chain(server, links) for server in inventory.of_kind(AssetKind.SERVER))
    return [chain for chain in chains if chain]


def _chain(server: Asset, links: _Links) -> Flow | None:
    instances = links.over(server.id, [EdgeKind.INSTANCE_OF])
    why = _open(server, instances)
    tools = [
        (tool, labels[Ability.FETCHES_URL])
        for tool in links.over(server.id, [EdgeKind.EXPOSES])
        if tool.kind is AssetKind.TOOL and sure((labels := labels_of(tool)).get(Ability.FETCHES_URL))
    ]
    cloud = _cloud(server, instances, links)
    if not why or not tools or not cloud:
        return None
    tool, label = min(tools, key=lambda pair: (pair[1].confidence is not Confidence.HIGH, pair[0].id))
    onward, confidence = _onward(cloud, server, instances, links)
    return Flow(
        kind=FlowKind.ATTACK_CHAIN,
        steps=(
            Step(asset=server.id, role="open to anybody", evidence=why),
            Step(asset=tool.id, role=Ability.FETCHES_URL.value, evidence=label.evidence),
            *cloud,
            *onward,
        ),
        cut=(Deed(what="require authentication, or bind it to 127.0.0.1", assets=(server.id,)),),
        ways=len(tools),
        confidence=confidence,
    )


def _open(server: Asset, instances: Sequence[Asset]) -> str:
    """Why anybody on its network can call it; nothing where that is not seen."""
    if any(one.attributes.get("status") == "open" for one in (server, *instances)):
        return "it answers without authentication"
    asks = {"authentication_required", "forbidden", "client_certificate"}
    if any(one.attributes.get("status") in asks for one in (server, *instances)):
        return ""
    sockets = (as_object(item) for one in instances for item in as_array(one.attributes.get("listening")))
    return "it listens on all interfaces" if any(one.get("address") in _EVERYWHERE for one in sockets) else ""


def _cloud(server: Asset, instances: Sequence[Asset], links: _Links) -> tuple[Step, ...]:
    """The first cloud credential that the server or its process has at hand."""
    for holder in (server, *instances):
        for credential in links.over(holder.id, [EdgeKind.HOLDS]):
            kind = str(credential.attributes.get("kind"))
            if kind in _CLOUD_KINDS or (kind == "generic" and _CLOUD_WORDS & set(words_of(credential.name))):
                return (Step(asset=credential.id, role="cloud credential", evidence=f"held by {holder.name}"),)
    for instance in instances:
        for name in as_array(instance.attributes.get("environment_names")):
            if isinstance(name, str) and _CLOUD_WORDS & set(words_of(name)):
                return (Step(asset=instance.id, role="cloud credential", evidence=f"variable {name[:100]}"),)
    return ()


def _onward(
    cloud: tuple[Step, ...], server: Asset, instances: Sequence[Asset], links: _Links
) -> tuple[tuple[Step, ...], Confidence]:
    """The database that the credential opens, else one that the same process can open, else the cloud account."""
    start = cloud[0].asset
    backends = _reached([start], links) if start.startswith("credential:") else []
    at_hand = [one.id for holder in (server, *instances) for one in links.over(holder.id, [EdgeKind.HOLDS])]
    for found, confidence in ((backends, Confidence.HIGH), (_reached(at_hand, links), Confidence.MEDIUM)):
        for one in found:
            if one.attributes.get("role") in {"database", "vector_store"}:
                return (Step(asset=one.id, role="database"),), confidence
    return tuple(Step(asset=one.id, role="cloud account") for one in backends[:1]), Confidence.MEDIUM


def _reached(starts: Sequence[AssetId], links: _Links) -> list[Asset]:
    """Backends that lie forward of credentials."""
    seen, ahead, found = set(starts), list(starts), list[Asset]()
    while ahead and len(seen) < _WAYS_MAX:
        for one in links.over(ahead.pop(0), _ONWARD):
            if one.id not in seen:
                seen.add(one.id)
                ahead.append(one.id)
                found += [one] if one.kind is AssetKind.BACKEND else []
    return found
