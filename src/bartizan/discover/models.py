"""Models, model servers and vector stores that configurations name."""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from bartizan.discover.credentials import redact_url
from bartizan.discover.formats import Document
from bartizan.discover.gather import Gathering
from bartizan.discover.identify import asset_id, normalise_url
from bartizan.discover.packages import PackageRef
from bartizan.discover.walk import Path, at
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.client import ConfigPath
from bartizan.model.errors import Place
from bartizan.model.json import as_object
from bartizan.model.record import FileRecord
from bartizan.model.secret import Secret
from bartizan.text.redaction import redact_text

_NAME_KEYS = ("model", "modelId", "modelName", "default_model", "name", "id", "title")
_PROVIDER_KEYS = ("provider", "model_provider", "providerId", "vendor")
_URL_KEYS = ("apiBase", "baseUrl", "baseURL", "base_url", "api_base", "api_url", "apiUrl", "url", "endpoint", "host")
# Ports by which a model server on this machine is known when nothing names it; its own documentation's default.
_PORTS = {11434: "ollama", 1234: "lmstudio", 8000: "vllm", 1337: "jan", 4891: "gpt4all"}
_FAMILIES = {
    **dict.fromkeys(("claude", "opus", "sonnet", "haiku"), "anthropic"),
    **dict.fromkeys(("gpt", "o1", "o3", "o4", "codex"), "openai"),
    "gemini": "google",
    **dict.fromkeys(("mistral", "codestral", "devstral"), "mistral"),
    "grok": "xai",
}
_PROVIDER_MAPS = ("providers/*", "provider/*", "language_models/*")
_LOCAL = frozenset({"ollama", "lmstudio", "lm_studio", "vllm", "llama.cpp", "llamacpp", "llamafile", "jan", "localai"})
_VECTOR_STORES = (
    "qdrant",
    "chroma",
    "pinecone",
    "weaviate",
    "milvus",
    "zilliz",
    "pgvector",
    "lancedb",
    "elasticsearch",
)


def read_models(
    gathering: Gathering, record: FileRecord, entry: ConfigPath, document: Document, *, client: AssetId, key: Secret
) -> None:
    """Put the models that a file names into the observation, and what serves them."""
    for place in entry.models:
        for path, value in at(document.value, place):
            if place.endswith(_PROVIDER_MAPS) and isinstance(value, dict):
                told = cast("dict[str, Any]", value)
                _take_provider(gathering, record, document, path, told, client=client, key=key)
            elif isinstance(value, str) and value:
                _take_model(gathering, record, document, path, {"model": value}, client=client, key=key)
            elif isinstance(value, dict):
                told = cast("dict[str, Any]", value)
                _take_model(gathering, record, document, path, told, client=client, key=key)


def _take_provider(
    gathering: Gathering,
    record: FileRecord,
    document: Document,
    path: Path,
    value: Mapping[str, Any],
    *,
    client: AssetId,
    key: Secret,
) -> None:
    """An entry of a map of providers: what serves models, under a name of the user's choice."""
    place = document.place(record.path, path)
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    url = _url(value)
    shown = redact_url(url, place, key).text if "://" in url else ""
    provider = _provider("", url) or redact_text(name, Place(), key).text
    gathering.edge(client, _backend(gathering, provider, shown, place), EdgeKind.USES)


def _url(value: Mapping[str, Any]) -> str:
    return _first(value, _URL_KEYS) or _first(as_object(value.get("options")), _URL_KEYS)


def _take_model(
    gathering: Gathering,
    record: FileRecord,
    document: Document,
    path: Path,
    value: Mapping[str, Any],
    *,
    client: AssetId,
    key: Secret,
) -> None:
    named = _first(value, _NAME_KEYS) or next((step for step in reversed(path) if isinstance(step, str)), "")
    model = redact_text(named, Place(), key).text
    url = _url(value)
    provider = redact_text(_first(value, _PROVIDER_KEYS) or _provider(model, url), Place(), key).text
    place = document.place(record.path, path)
    identity = gathering.asset(
        Asset(
            id=asset_id("model", provider, model),
            kind=AssetKind.MODEL,
            name=model,
            keys=(f"model:{provider}:{model}",),
            attributes={"provider": provider, "client": record.client},
            places=(place,),
        )
    )
    gathering.edge(client, identity, EdgeKind.USES)
    if provider or url:
        shown = redact_url(url, place, key).text if "://" in url else ""
        gathering.edge(identity, _backend(gathering, provider, shown, place), EdgeKind.USES)


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((found for name in names if isinstance(found := value.get(name), str) and found), "")


def _provider(model: str, url: str) -> str:
    """`anthropic/claude-x` names its provider; a local port gives it away."""
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    if port in _PORTS:
        return _PORTS[port]
    head, slash, _ = model.partition("/")
    if slash and re.fullmatch(r"[a-z0-9_\-.]{2,40}", head):
        return head
    return next((maker for family, maker in _FAMILIES.items() if model.lower().startswith(family)), "")


def _backend(gathering: Gathering, provider: str, url: str, place: Place) -> AssetId:
    subject = normalise_url(url) if url else provider.lower()
    local = provider.lower() in _LOCAL or provider in _PORTS.values()
    return gathering.asset(
        Asset(
            id=asset_id("backend", subject),
            kind=AssetKind.BACKEND,
            name=provider or (urlsplit(subject).hostname if "[" not in subject else "") or subject,
            keys=(f"backend:{subject}",),
            attributes={"role": "model_server" if local else "model_provider", **({"url": url} if url else {})},
            places=(place,),
        )
    )


def take_vector_store(
    gathering: Gathering, server: AssetId, package: PackageRef | None, environment: Mapping[str, str]
) -> None:
    """A vector store that a server uses, known by its package or by the names of its variables."""
    words = re.split(r"[^a-z0-9]+", f"{package.name if package else ''} {' '.join(environment)}".lower())
    for store in _VECTOR_STORES:
        if store not in words and not (store == "chroma" and "chromadb" in words):
            continue
        url = next((value for name, value in environment.items() if store in name.lower() and "://" in value), "")
        subject = normalise_url(url) if url else f"{store}:{server}"
        identity = gathering.asset(
            Asset(
                id=asset_id("backend", subject),
                kind=AssetKind.BACKEND,
                name=store,
                keys=(f"backend:{subject}",),
                attributes={"role": "vector_store", **({"url": url} if url else {})},
            )
        )
        gathering.edge(server, identity, EdgeKind.USES)
