"""Asset: what exists. Edge: how one asset can use or reach another."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bartizan.model.errors import Place
from bartizan.model.json import JsonObject

AssetId = str


class AssetKind(StrEnum):
    """The kinds of asset, and the order in which a report lists them."""

    PERSON = "person"
    HOST = "host"
    CLIENT = "client"
    AGENT = "agent"
    DOCUMENT = "document"
    SERVER = "server"
    INSTANCE = "instance"
    TOOL = "tool"
    PROMPT = "prompt"
    RESOURCE = "resource"
    PACKAGE = "package"
    CREDENTIAL = "credential"
    PERMISSION = "permission"
    BACKEND = "backend"
    MODEL = "model"
    DOMAIN = "domain"


class EdgeKind(StrEnum):
    """Directed: the source can use or reach the target, so the blast radius of an asset is what lies forward of it."""

    OPERATES = "operates"  # person -> client
    RUNS = "runs"  # host -> instance, client
    CONFIGURES = "configures"  # client -> server
    DEFINES = "defines"  # client -> agent
    READS = "reads"  # client, agent -> document
    INSTANCE_OF = "instance_of"  # server -> instance: who can use the server reaches its process or endpoint
    EXPOSES = "exposes"  # server -> tool, prompt, resource
    LOADS = "loads"  # server -> package
    HOLDS = "holds"  # server, instance, client -> credential
    STORES = "stores"  # document, backend -> credential: it lies there to be read
    GRANTS = "grants"  # credential -> permission
    ON = "on"  # permission -> resource, backend
    OWNS = "owns"  # person -> credential
    UNLOCKS = "unlocks"  # credential -> backend
    EGRESS = "egress"  # server -> domain
    USES = "uses"  # client, agent -> model; model -> backend
    TRUSTS = "trusts"  # server -> client: what a server says is read by the client's model


class Basis(StrEnum):
    """How an edge is known: `observed` in use, or only `potential` because it is granted or configured."""

    OBSERVED = "observed"
    POTENTIAL = "potential"


class Confidence(StrEnum):
    """How sure we are. Severity says how bad."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


CONFIDENCE_ORDER = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}


class Asset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that exists.

    `id` is stable over runs. `keys` are what it is recognised by: two observations of one kind that share a key are
    one asset. `name` is what people call it and is hostile text. `attributes` are plain JSON, without secrets; the
    names that each kind uses are listed in `docs/reference/inventory.md`, and a test holds the list against the code.
    """

    id: AssetId
    kind: AssetKind
    name: str
    keys: tuple[str, ...] = ()
    attributes: JsonObject = {}
    places: tuple[Place, ...] = ()
    seen_by: tuple[str, ...] = ()
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    confidence: Confidence = Confidence.HIGH

    @property
    def label(self) -> str:
        """The name as a list of many kinds shows it: a credential's name is only where it stands, so its kind first."""
        kind = self.attributes.get("kind") if self.kind is AssetKind.CREDENTIAL else None
        told = isinstance(kind, str) and kind not in {"generic", self.name}
        return f"{kind} {self.name}" if told else self.name


class Edge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That `source` can use or reach `target`. `attributes` are plain JSON, such as the name that a client uses."""

    source: AssetId
    target: AssetId
    kind: EdgeKind
    attributes: JsonObject = {}
    basis: Basis = Basis.POTENTIAL
    seen_by: tuple[str, ...] = ()
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    confidence: Confidence = Confidence.HIGH
