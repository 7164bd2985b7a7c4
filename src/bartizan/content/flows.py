"""A flow in words: the way, how many there are, and what ends them."""

from collections.abc import Iterable, Iterator, Sequence

from bartizan.model.asset import Asset, AssetId, Confidence
from bartizan.model.finding import Severity
from bartizan.model.flow import Deed, Flow, FlowKind
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_text
from bartizan.rules.check import Sight

_NAMES_SHOWN_MAX = 8


def of_client(client: AssetId, kind: FlowKind, inventory: Inventory) -> Iterable[Flow]:
    """The flows of a kind in a client."""
    return (flow for flow in inventory.flows if flow.client == client and flow.kind is kind)


def sight(flow: Flow, inventory: Inventory, *, severity: Severity, place: Asset | None = None) -> Sight:
    """The flow as a sight. Its id rests on the assets of the way: another way is another finding."""
    assets = inventory.by_id()
    told = f"{way(flow, inventory)}. {_more(flow)}To end it: {cut(flow.cut, assets)}."
    return Sight(
        message=told,
        detail=" ".join(step.asset for step in flow.steps),
        place=place.places[0] if place and place.places else None,
        evidence="; ".join(f"{step.role.replace('_', ' ')}: {step.evidence}" for step in flow.steps if step.evidence),
        severity=severity,
        confidence=flow.confidence,
    )


def graded(flow: Flow, sure: Severity, unsure: Severity, unasked: Severity) -> Severity:
    """How bad: worst where nobody is asked before the last tool runs, least where a label is not sure."""
    if flow.confidence is not Confidence.HIGH:
        return unsure
    return unasked if flow.unasked else sure


def way(flow: Flow, inventory: Inventory) -> str:
    """`fetch of web (reads untrusted) → read_file of files (reads private) → send of mail (sends out)`."""
    assets = inventory.by_id()
    return " → ".join(f"{named(step.asset, assets)} ({step.role.replace('_', ' ')})" for step in flow.steps)


def named(identity: AssetId, assets: dict[AssetId, Asset]) -> str:
    """A name, and of a tool its server's too."""
    asset = assets.get(identity)
    if asset is None:
        return identity
    server = assets.get(as_text(asset.attributes.get("server")))
    return f"{asset.label} of {server.name}" if server else asset.label


def cut(deeds: Sequence[Deed], assets: dict[AssetId, Asset]) -> str:
    """The deeds in words."""
    return "; ".join(f"{deed.what}: {', '.join(_names(deed, assets))}" for deed in deeds)


def _names(deed: Deed, assets: dict[AssetId, Asset]) -> Iterator[str]:
    yield from (named(one, assets) for one in deed.assets[:_NAMES_SHOWN_MAX])
    if len(deed.assets) > _NAMES_SHOWN_MAX:
        yield f"and {len(deed.assets) - _NAMES_SHOWN_MAX} more"


def _more(flow: Flow) -> str:
    asked = "The client runs the last step without asking. " if flow.unasked else ""
    return f"{asked}{flow.ways} such ways, of which this is the surest and shortest. " if flow.ways > 1 else asked
