"""Totals: how much is reached, in numbers that can be compared."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from bartizan.model.asset import AssetKind, Basis

# What reaching one asset of a kind is worth to an attacker. Only the order matters.
WEIGHTS = {
    AssetKind.BACKEND: 8,
    AssetKind.CREDENTIAL: 5,
    AssetKind.PERMISSION: 4,
    AssetKind.RESOURCE: 3,
    AssetKind.INSTANCE: 2,
    AssetKind.SERVER: 2,
    AssetKind.DOMAIN: 1,
    AssetKind.TOOL: 1,
}


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Assets reached, split by how that is known, and the sums of their weights. Potential is without the observed."""

    observed: int = 0
    potential: int = 0
    observed_score: int = 0
    potential_score: int = 0
    by_kind: dict[str, int] = {}


def weight(kind: AssetKind) -> int:
    """What reaching one asset of this kind is worth."""
    return WEIGHTS.get(kind, 0)


def total(reached: Iterable[tuple[AssetKind, Basis]]) -> Totals:
    """Sum up."""
    counts = Counter(reached)
    kinds = Counter[AssetKind]()
    for (kind, _), count in counts.items():
        kinds[kind] += count
    return Totals(
        observed=sum(count for (_, basis), count in counts.items() if basis is Basis.OBSERVED),
        potential=sum(count for (_, basis), count in counts.items() if basis is not Basis.OBSERVED),
        observed_score=sum(count * weight(kind) for (kind, basis), count in counts.items() if basis is Basis.OBSERVED),
        potential_score=sum(
            count * weight(kind) for (kind, basis), count in counts.items() if basis is not Basis.OBSERVED
        ),
        by_kind={kind.value: kinds[kind] for kind in AssetKind if kind in kinds},
    )
