"""What the gateway does with answers under a policy that says nothing of contents: `python bench/accuracy/answers.py`.

Real outputs of tools and other benign texts as results of a call, and their injected twins: the same output with a text
of the corpora's injections at a third of it. `refused` answers do not reach a model, `told` ones come with a note that
they are data, `marked` ones without a secret. Corpora are found by BARTIZAN_CORPORA.
"""

import collections
import gzip
import itertools
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from bartizan.app.bootstrap import load_judge
from bartizan.app.judges import content_guards
from bartizan.app.policy import parse_policy
from bartizan.model.call import Call, Verb
from bartizan.model.decision import Effect
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport
from bartizan.prevent.gate import Gate
from bartizan.prevent.policy import Rules

CALL = Call(
    uid="u",
    server="any",
    method="tools/call",
    verb=Verb.CALL,
    target="any",
    era=Era.MODERN,
    revision="2026-07-28",
    transport=Transport.STREAMABLE_HTTP,
    at=datetime(2026, 11, 20, tzinfo=UTC),
)
WORDS = {Effect.DENY: "refused", Effect.ANNOTATE: "told", Effect.REDACT: "marked", Effect.ALLOW: "as it is"}


def rows(folder: Path) -> list[dict[str, str]]:
    with gzip.open(folder / "text" / "text.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def judged(gate: Gate, text: str) -> str:
    heard = gate.hear(CALL, {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}]}})
    return WORDS[heard.decision.effect] if heard else "as it is"


def twin(output: str, injection: str) -> str:
    at = output.find(" ", len(output) // 3) + 1
    return f"{output[:at]}\n{injection}\n{output[at:]}"


def main() -> None:
    folder = os.environ.get("BARTIZAN_CORPORA")
    if not folder:
        sys.exit("BARTIZAN_CORPORA is not set")
    policy = Rules([parse_policy("servers: {any: {}}", "policy.yml")])
    gate = Gate(content_guards(policy, load_judge(), Secret("k" * 32)))
    told = rows(Path(folder))
    counts: dict[str, collections.Counter[str]] = {}
    for row in told:
        if row["label"] in {"benign", "benign_quoting"}:
            name = f"{row['source']} {row['label']}"
            counts.setdefault(name, collections.Counter())[judged(gate, row["text"])] += 1
    outputs = [row["text"] for row in told if row["source"] == "livemcpbench-outputs"]
    for source in ("spikee", "agentdojo", "garak", "bipia"):
        injections = [row["text"] for row in told if row["source"] == source and row["label"] == "injection"]
        for output, injection in zip(outputs, itertools.cycle(injections), strict=False):
            name = f"twins with {source}"
            counts.setdefault(name, collections.Counter())[judged(gate, twin(output, injection))] += 1
    print("| answers | number | refused | told | marked | as it is |\n|---|---:|---:|---:|---:|---:|")
    for name, found in counts.items():
        print(f"| {name} | {found.total()} | " + " | ".join(str(found[word]) for word in WORDS.values()) + " |")


if __name__ == "__main__":
    main()
