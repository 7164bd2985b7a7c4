"""Flow: a way in one client along which text of a stranger, or a stranger, reaches what it should not."""

from enum import StrEnum

import msgspec

from bartizan.model.asset import AssetId, Confidence


class FlowKind(StrEnum):
    """The kinds of flow, worst first."""

    ATTACK_CHAIN = "attack_chain"  # open server -> request to any address -> cloud credentials -> database
    UNTRUSTED_TO_EXECUTION = "untrusted_to_execution"
    LETHAL_TRIFECTA = "lethal_trifecta"  # reads untrusted -> reads private -> sends out
    UNTRUSTED_TO_DESTRUCTION = "untrusted_to_destruction"
    PRIVATE_SENT_BY_ONE_TOOL = "private_sent_by_one_tool"


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One asset on the way. `role` is what it does there: a label of a tool, or words for another asset."""

    asset: AssetId
    role: str
    evidence: str = ""


class Deed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a person does to some assets; all deeds of a cut together end every flow of the kind."""

    what: str
    assets: tuple[AssetId, ...] = ()


class Flow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The shortest way of its kind in one client, how many there are, and the fewest deeds that end them all.

    `client` is empty for an attack chain, which needs no client. `ways` counts the combinations of assets along which
    the same happens. `unasked` says that the client runs the last tool without asking a person.
    """

    kind: FlowKind
    client: AssetId = ""
    steps: tuple[Step, ...]
    cut: tuple[Deed, ...] = ()
    ways: int = 1
    confidence: Confidence
    unasked: bool = False
