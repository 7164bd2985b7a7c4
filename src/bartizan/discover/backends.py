"""Model servers and vector stores that run on this machine: known by their program and that they listen."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from bartizan.discover.identify import asset_id, normalise_url
from bartizan.discover.packages import program_of
from bartizan.model.asset import Asset, AssetId, AssetKind, Basis, Confidence, Edge, EdgeKind
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.record import ProcessRecord

SEEN_BY = "processes"
# Program, Python module or script, as each project documents its server: what it is called and what it does.
_PROGRAMS = {
    **dict.fromkeys(("ollama",), ("ollama", "model_server")),
    **dict.fromkeys(("llama-server", "llamafile", "llama_cpp.server"), ("llama.cpp", "model_server")),
    **dict.fromkeys(("vllm", "vllm.entrypoints.openai.api_server"), ("vllm", "model_server")),
    **dict.fromkeys(("lms", "lm-studio", "lm studio"), ("lmstudio", "model_server")),
    **dict.fromkeys(("local-ai", "localai"), ("localai", "model_server")),
    **dict.fromkeys(("koboldcpp", "koboldcpp.py"), ("koboldcpp", "model_server")),
    **dict.fromkeys(("text-generation-launcher",), ("text-generation-inference", "model_server")),
    **dict.fromkeys(("qdrant",), ("qdrant", "vector_store")),
    **dict.fromkeys(("chroma", "chromadb.app"), ("chroma", "vector_store")),
    **dict.fromkeys(("weaviate",), ("weaviate", "vector_store")),
    **dict.fromkeys(("milvus",), ("milvus", "vector_store")),
}
_API_PATHS = ("", "/v1", "/api")


def read_backends(records: Sequence[ProcessRecord], *, at: datetime, host: AssetId = "") -> Observation:
    """One backend for each known program that listens, by the address at which clients configure it."""
    assets: list[Asset] = []
    for record in records:
        known = _known(record)
        if known is None or not record.listening:
            continue
        name, role = known
        port = min(listening.port for listening in record.listening)
        urls = [normalise_url(f"http://127.0.0.1:{port}{path}") for path in _API_PATHS]
        assets.append(
            Asset(
                id=asset_id("backend", urls[0]),
                kind=AssetKind.BACKEND,
                name=name,
                keys=tuple(f"backend:{url}" for url in urls),
                attributes={"role": role, "url": urls[0], "running": True},
                places=(Place(pid=record.pid),),
                confidence=Confidence.MEDIUM,
            )
        )
    edges = [Edge(source=host, target=one.id, kind=EdgeKind.RUNS, basis=Basis.OBSERVED) for one in assets if host]
    return Observation(seen_by=SEEN_BY, at=at, assets=tuple(assets), edges=tuple(edges))


def _known(record: ProcessRecord) -> tuple[str, str] | None:
    """By the program, or by the script or module that an interpreter runs."""
    words = [word.reveal() for word in record.command[:4]]
    if not words:
        return None
    names = [program_of(words[0]), program_of(record.executable)]
    if re.fullmatch(r"(?:python|pypy)[\d.]*", names[0]):
        names += [program_of(word) for word in words[1:2]]
        names += [after for before, after in pairwise(words) if before == "-m"]
    return next((_PROGRAMS[name] for name in names if name in _PROGRAMS), None)
