"""Model servers and vector stores of this machine."""

from datetime import UTC, datetime

import pytest

from bartizan.discover.backends import read_backends
from bartizan.discover.merge import merge
from bartizan.model.asset import Asset, AssetKind, EdgeKind
from bartizan.model.inventory import Observation
from bartizan.model.record import Listening, ProcessRecord
from bartizan.model.secret import Secret

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def process(*command: str, port: int | None = 11434) -> ProcessRecord:
    return ProcessRecord(
        pid=7,
        parent_pid=1,
        started=1.0,
        uid=1000,
        command=tuple(Secret(word) for word in command),
        listening=(Listening(address="127.0.0.1", port=port),) if port else (),
    )


@pytest.mark.parametrize(
    ("command", "name", "role"),
    [
        (["/usr/local/bin/ollama", "serve"], "ollama", "model_server"),
        (["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "x"], "vllm", "model_server"),
        (["python3", "/opt/koboldcpp.py"], "koboldcpp", "model_server"),
        (["/opt/qdrant"], "qdrant", "vector_store"),
    ],
)
def test_a_known_program_that_listens_is_a_backend(command: list[str], name: str, role: str):
    observation = read_backends([process(*command)], at=NOON, host="host:x")
    (found,) = observation.assets
    assert (found.name, found.attributes["role"]) == (name, role)
    assert [edge.kind for edge in observation.edges] == [EdgeKind.RUNS]


@pytest.mark.parametrize("command", [["vim", "ollama"], ["python3", "-c", "ollama"], ["grep", "qdrant"], []])
def test_a_program_that_only_speaks_of_one_is_none(command: list[str]):
    assert read_backends([process(*command)], at=NOON).assets == ()


def test_one_that_does_not_listen_serves_nobody():
    assert read_backends([process("ollama", "run", "llama3", port=None)], at=NOON).assets == ()


def test_a_running_one_and_a_configured_one_are_one():
    configured = Asset(
        id="backend:configured",
        kind=AssetKind.BACKEND,
        name="ollama",
        keys=("backend:http://127.0.0.1:11434/v1",),
        attributes={"role": "model_server"},
    )
    running = read_backends([process("ollama", "serve")], at=NOON)
    merged = merge([Observation(seen_by="configurations", at=NOON, assets=(configured,)), running], at=NOON)
    (one,) = merged.inventory.assets
    assert one.seen_by == ("configurations", "processes")
