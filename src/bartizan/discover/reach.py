"""What follows from the merged facts: what a credential unlocks, and which servers are shadows."""

from collections.abc import Mapping, Sequence

import msgspec

from bartizan.discover.identify import asset_id
from bartizan.model.asset import Asset, AssetId, AssetKind, Basis, Confidence, Edge, EdgeKind
from bartizan.model.inventory import Inventory, Observation

# Credential kinds (those of text/patterns.py) to the service whose API they open.
BACKENDS: Mapping[str, str] = {
    "github-token": "GitHub",
    "gitlab-token": "GitLab",
    "aws-access-key-id": "AWS",
    "slack-token": "Slack",
    "slack-webhook": "Slack",
    "anthropic-key": "Anthropic API",
    "openai-key": "OpenAI API",
    "openrouter-key": "OpenRouter",
    "google-api-key": "Google APIs",
    "google-oauth-secret": "Google APIs",
    "google-oauth-token": "Google APIs",
    "stripe-key": "Stripe",
    "npm-token": "npm",
    "pypi-token": "PyPI",
    "huggingface-token": "Hugging Face",
    "notion-token": "Notion",
    "linear-key": "Linear",
    "atlassian-token": "Atlassian",
    "digitalocean-token": "DigitalOcean",
    "sendgrid-key": "SendGrid",
    "twilio-key": "Twilio",
    "vault-token": "Vault",
    "doppler-token": "Doppler",
    "onepassword-token": "1Password",
    "grafana-token": "Grafana",
    "databricks-token": "Databricks",
    "supabase-token": "Supabase",
    "tavily-key": "Tavily",
    "figma-token": "Figma",
    "postman-key": "Postman",
    "telegram-token": "Telegram",
}


def read_reach(inventory: Inventory) -> Observation:
    """Backends, and the edges from the credentials that unlock them: potential until a log shows the use."""
    assets: dict[AssetId, Asset] = {}
    edges: list[Edge] = []
    for credential in inventory.of_kind(AssetKind.CREDENTIAL):
        backend = _backend(credential)
        if backend is None:
            continue
        assets[backend.id] = backend
        edges.append(
            Edge(
                source=credential.id,
                target=backend.id,
                kind=EdgeKind.UNLOCKS,
                basis=Basis.POTENTIAL,
                confidence=Confidence.MEDIUM,
            )
        )
    return Observation(seen_by="reach", at=inventory.taken_at, assets=tuple(assets.values()), edges=tuple(edges))


def _backend(credential: Asset) -> Asset | None:
    if url := credential.attributes.get("backend", ""):
        return Asset(
            id=asset_id("backend", url),
            kind=AssetKind.BACKEND,
            name=url,
            keys=(f"backend:{url}",),
            attributes={"role": "database" if not url.startswith("http") else "service", "url": url},
        )
    service = BACKENDS.get(credential.attributes.get("kind", ""))
    if service is None:
        return None
    return Asset(
        id=asset_id("backend", service),
        kind=AssetKind.BACKEND,
        name=service,
        keys=(f"backend:{service}",),
        attributes={"role": "service"},
    )


NOT_CONFIGURED = "runs or answers here, but no client configuration names it"
NOT_OF_RECORD = "is not in the configuration of record"
NOT_BEHIND_GATEWAY = "is not behind the gateway"


def mark_shadows(inventory: Inventory, record: Sequence[AssetId] | None) -> Inventory:
    """Say of each server, in `attributes.shadow`, why it is a shadow: an empty list says that it is none.

    `record` holds the servers of the configuration of record (`gateway.servers` of `bartizan.yml`). Without one, a
    server is a shadow when it was seen running or answering and no configuration names it.
    """
    marked = [
        msgspec.structs.replace(asset, attributes={**asset.attributes, "shadow": _reasons(asset, record)})
        if asset.kind is AssetKind.SERVER
        else asset
        for asset in inventory.assets
    ]
    return msgspec.structs.replace(inventory, assets=tuple(marked))


def _reasons(server: Asset, record: Sequence[AssetId] | None) -> list[str]:
    reasons: list[str] = []
    if not server.attributes.get("configured"):
        reasons.append(NOT_CONFIGURED)
    if record is not None:
        if server.id not in record:
            reasons.append(NOT_OF_RECORD)
        if not server.attributes.get("behind_gateway"):
            reasons.append(NOT_BEHIND_GATEWAY)
    return reasons
