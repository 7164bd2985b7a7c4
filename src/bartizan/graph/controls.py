"""Controls: what a person can change about an asset or an edge, and what the deed is called."""

import msgspec

from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind

Link = tuple[AssetId, AssetId, EdgeKind]

# The deed for each kind that somebody can change. A person, a host or a backend is not switched off to close a way.
ASSET_DEEDS = {
    AssetKind.AGENT: "disable the agent",
    AssetKind.SERVER: "remove the server everywhere",
    AssetKind.INSTANCE: "stop the process",
    AssetKind.TOOL: "disable the tool",
    AssetKind.CREDENTIAL: "revoke the credential",
    AssetKind.PERMISSION: "withdraw the permission",
}
EDGE_DEEDS = {
    EdgeKind.CONFIGURES: "remove the server from the client",
    EdgeKind.EXPOSES: "hide it at the gateway",
    EdgeKind.HOLDS: "take the credential out of its environment",
    EdgeKind.STORES: "remove the credential from the file",
    EdgeKind.GRANTS: "narrow the credential",
    EdgeKind.ON: "narrow the permission",
    EdgeKind.EGRESS: "block the connection",
    EdgeKind.TRUSTS: "isolate the server from the client's other servers",
}


class Control(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One deed: on `asset`, or on the edge from `source` to `target` of kind `edge`."""

    deed: str
    asset: AssetId = ""
    source: AssetId = ""
    target: AssetId = ""
    edge: EdgeKind | None = None

    @property
    def link(self) -> Link | None:
        """The edge that is cut, if it is one."""
        return (self.source, self.target, self.edge) if self.edge else None


def control_of_asset(asset: Asset) -> Control | None:
    """What can be done about an asset."""
    deed = ASSET_DEEDS.get(asset.kind)
    return Control(deed=deed, asset=asset.id) if deed else None


def control_of_edge(link: Link) -> Control | None:
    """What can be done about an edge."""
    source, target, kind = link
    deed = EDGE_DEEDS.get(kind)
    return Control(deed=deed, source=source, target=target, edge=kind) if deed else None
