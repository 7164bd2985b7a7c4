"""Eviction: which groups of correlations give way when there is no room."""

from collections.abc import Iterable

from bartizan.rules.correlate.correlator import Correlator
from bartizan.rules.correlate.grouping import Key

_NEAR = 0.5
_AIM = 0.9


def evict(correlators: Iterable[Correlator], most: int) -> tuple[dict[str, int], set[str]]:
    """Make room until nine tenths of `most` matches are left: groups given up by tenant, and tenants that are full.

    Tenants share alike: only one that holds more than its share gives way. Its groups that are farthest from their
    threshold go first, of those the ones that were silent for the longest time; never one beyond half of its
    threshold. A tenant that is over its share all the same is full: it may begin no new group.
    """
    by_tenant: dict[str, list[tuple[Correlator, Key]]] = {}
    held: dict[str, int] = {}
    for correlator in correlators:
        for key, window in correlator.groups.items():
            by_tenant.setdefault(key[0], []).append((correlator, key))
            held[key[0]] = held.get(key[0], 0) + len(window.times)
    if sum(held.values()) <= most:
        return {}, set()
    share = int(most * _AIM) // len(held)
    gone: dict[str, int] = {}
    for tenant, groups in sorted(by_tenant.items()):
        over = held[tenant] - share
        gone[tenant], over = _give_way(groups, over)
        held[tenant] = share + over
    return gone, {tenant for tenant, count in held.items() if count > share}


def _give_way(groups: list[tuple[Correlator, Key]], over: int) -> tuple[int, int]:
    if over <= 0:
        return 0, over
    order = sorted(
        ((correlator.nearness(window), window.times[-1], key, number)
         for number, (correlator, key) in enumerate(groups) if (window := correlator.groups[key]).times),
    )  # fmt: skip
    gone = 0
    for near, _, key, number in order:
        if over <= 0 or near > _NEAR:
            break
        over -= groups[number][0].forget(key)
        gone += 1
    return gone, over
