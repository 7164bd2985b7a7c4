"""How many raw records become events in a second of processor time: decoded, without secrets, mapped.

python bench/detection/parse.py [--profile]

CloudTrail and GitHub are records of the evaluation corpora where BARTIZAN_CORPORA names them (detonated techniques of
Stratus Red Team; Panther's test events), and those of the test fixtures otherwise; so are all other kinds.
"""

import cProfile
import gzip
import json
import os
import pstats
import sys
import time
from pathlib import Path

import msgspec

from bartizan.detect.framing import Framed
from bartizan.detect.parsers.registry import PARSERS, framer_of
from bartizan.ports import ParserSettings

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "sources"
CORPORA = {
    "cloudtrail": ("cloudtrail_stratus", "aws_cloudtrail"),
    "github_audit": ("panther_rule_tests", "GitHub.Audit"),
    "zeek": ("zeek_dns", "zeek_json"),
    "suricata": ("suricata_wrccdc-2017", "suricata_eve"),
}
RECORDS_MIN = 3_000
ROUNDS = 7


def records(kind: str) -> tuple[list[bytes], str]:
    """Raw records of a kind, and where they are from."""
    root = os.environ.get("BARTIZAN_CORPORA", "")
    if root and kind in CORPORA:
        name, told = CORPORA[kind]
        with gzip.open(Path(root, "logs", f"{name}.jsonl.gz")) as lines:
            rows = [json.loads(line) for line in lines]
        return [msgspec.json.encode(row["event"]) for row in rows if row["format"] == told], "corpus"
    (path,) = FIXTURES.glob(f"{kind}.*")
    framer = framer_of(kind, whole=True)
    found = [*framer.feed(path.read_bytes()), *framer.end()]
    return [one.raw for one in found if isinstance(one, Framed)], "fixture"


def parse(kind: str, raws: list[bytes]) -> int:
    """Feed all records; the number of events."""
    parser = PARSERS[kind](ParserSettings())
    count = sum(len(list(parser.feed(raw, 1))) for raw in raws)
    return count + len(list(parser.end()))


def measure(kind: str) -> None:
    """The best round: on a shared machine all others measure the others."""
    some, where = records(kind)
    raws = some * (RECORDS_MIN // len(some) + 1)
    best = min(_seconds(kind, raws) for _ in range(ROUNDS))
    size = sum(map(len, some)) / len(some)
    rate = len(raws) / best
    print(f"{kind:<16} {where:<8} {size:>7.0f} bytes {rate:>9,.0f} records/CPU-s {1e6 / rate:>7.1f} us each")


def _seconds(kind: str, raws: list[bytes]) -> float:
    begun = time.process_time()
    parse(kind, raws)
    return time.process_time() - begun


def main() -> None:
    for kind in sorted(PARSERS):
        measure(kind)
    if "--profile" in sys.argv:
        for kind in ("cloudtrail", "github_audit"):
            profile = cProfile.Profile()
            raws = records(kind)[0] * 10
            profile.runcall(parse, kind, raws)
            pstats.Stats(profile).sort_stats("tottime").print_stats(12)


if __name__ == "__main__":
    main()
