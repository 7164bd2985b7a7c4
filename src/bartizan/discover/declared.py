"""Which servers can be reached from beyond the networks that they are declared for."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

from bartizan.discover.identify import host_of, is_loopback, port_of
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text

_Network = IPv4Network | IPv6Network
_Door = tuple[str, int]
_EVERYWHERE = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104 - what is looked for, not bound
_SHOWN_MAX = 16


def mark_beyond(inventory: Inventory, declared: Sequence[str], own: frozenset[str]) -> Inventory:
    """Say of each server, in `attributes.beyond_network`, at which addresses it can be reached from elsewhere.

    `declared` are the CIDRs from which servers are meant to be reached; loopback always is one. An address outside of
    them is reached from a network that nobody declared. Without any, only servers that their clients start, or reach
    over loopback, are judged: for those, everything but loopback is beyond. `own` are this machine's addresses, which
    a socket that is bound to all of them serves.
    """
    networks = [ip_network(one, strict=False) for one in declared]
    doors = _doors(inventory)
    return msgspec.structs.replace(
        inventory,
        assets=tuple(
            _marked(asset, doors.get(asset.id, []), networks, own) if asset.kind is AssetKind.SERVER else asset
            for asset in inventory.assets
        ),
    )


def _marked(server: Asset, doors: Sequence[_Door], networks: Sequence[_Network], own: frozenset[str]) -> Asset:
    if not networks and not _meant_for_this_machine(server):
        return server
    reached = dict.fromkeys(door for door in [*doors, *_answering(server)] if _beyond(door[0], networks, own))
    if not reached:
        return server
    shown = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in sorted(reached)[:_SHOWN_MAX]]
    told = {"addresses": shown, "declared": [str(network) for network in networks]}
    return msgspec.structs.replace(server, attributes={**server.attributes, "beyond_network": told})


def _doors(inventory: Inventory) -> dict[AssetId, list[_Door]]:
    """Addresses and ports at which the processes of each server listen."""
    assets = inventory.by_id()
    found: defaultdict[AssetId, list[_Door]] = defaultdict(list)
    for edge in inventory.edges:
        if edge.kind is EdgeKind.INSTANCE_OF and edge.target in assets:
            for item in as_array(assets[edge.target].attributes.get("listening")):
                socket = as_object(item)
                port = socket.get("port")
                found[edge.source].append((as_text(socket.get("address")), port if isinstance(port, int) else 0))
    return found


def _answering(server: Asset) -> Iterator[_Door]:
    """The address in the URL of an endpoint that was seen on the network. A name is not looked up."""
    host, port = port_of(as_text(server.attributes.get("url")))
    if server.attributes.get("status") and _address(host):
        yield host_of(host), port


def _meant_for_this_machine(server: Asset) -> bool:
    if not server.attributes.get("configured"):
        return False
    host, _ = port_of(as_text(server.attributes.get("url")))
    return is_loopback(host) if host else bool(server.attributes.get("command"))


def _beyond(host: str, networks: Sequence[_Network], own: frozenset[str]) -> bool:
    if host in _EVERYWHERE:
        served = [address for one in own if (address := _address(one)) and not address.is_link_local]
        return not networks or not served or any(_outside(address, networks) for address in served)
    address = _address(host_of(host))
    return address is not None and _outside(address, networks)


def _outside(address: IPv4Address | IPv6Address, networks: Sequence[_Network]) -> bool:
    return not address.is_loopback and not any(address in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
