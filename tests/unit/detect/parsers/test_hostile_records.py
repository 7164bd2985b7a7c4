"""Large and twisted records: every parser ends, in time that its limits bound, with an event or the reason for none."""

import json
import time

import pytest

from bartizan.detect.framing import Framed
from bartizan.detect.parsers.registry import PARSERS, framer_of
from bartizan.model.limits import DEFAULT
from bartizan.model.source_event import SourceEvent, Unparsed
from bartizan.ports import ParserSettings
from fixtures.parsing import records_of, sample

SECONDS_MAX = 10  # of processor time, on a machine that does other things too
BYTES = 256 * 1024
KINDS = sorted(PARSERS)
WORDS = ["password=", '"', "token: ", "\\", "((", "--auth ", "msg='", "\n "]


def told(kind: str, data: bytes) -> list[SourceEvent | Unparsed]:
    framer, parser = framer_of(kind, whole=True), PARSERS[kind](ParserSettings())
    found: list[SourceEvent | Unparsed] = []
    for one in [*framer.feed(data), *framer.end()]:
        found += parser.feed(one.raw, one.at) if isinstance(one, Framed) else [one]
    return [*found, *parser.end()]


def within_time(kind: str, data: bytes) -> list[SourceEvent | Unparsed]:
    begun = time.process_time()
    found = told(kind, data)
    assert time.process_time() - begun < SECONDS_MAX
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_text_in_a_value_is_read_in_bounded_time(kind: str):
    raw = next(one.raw for one in records_of(kind, sample(kind)) if isinstance(one, Framed))
    middle = raw.rfind(b'"')
    for word in WORDS:
        inner = word * (BYTES // len(word))
        quoted = json.dumps(inner)[1:-1] if raw.startswith(b"{") else inner
        assert within_time(kind, raw[:middle] + quoted.encode() + raw[middle:])


def test_what_may_name_secrets_and_is_too_long_to_be_judged_is_not_kept():
    (one,) = told("json", json.dumps({"text": "token: " * 10_000, "other": "fine"}).encode())
    assert isinstance(one, SourceEvent)
    assert one.record["unmapped"]["text"].startswith("‹70000 characters that may name secrets")
    assert one.record["unmapped"]["other"] == "fine"


@pytest.mark.parametrize("kind", KINDS)
def test_a_nested_bomb_is_told(kind: str):
    for bomb in (b"[" * BYTES, b'{"a":' * (BYTES // 5), b'{"a":[' * 500 + b"]}" * 500):
        assert all(isinstance(one, Unparsed) for one in within_time(kind, bomb))


@pytest.mark.parametrize("kind", ["auditd", "json", "openldap_audit", "postgres", "vault"])
def test_a_line_of_50_megabytes_is_told_and_what_follows_it_is_read(kind: str):
    data = sample(kind)
    framer = framer_of(kind)
    found = [one for chunk in (b"x" * 1_000_000,) * 50 for one in framer.feed(chunk)]
    found += [*framer.feed(b"\n\n" + data), *framer.end()]
    (long,) = [one for one in found if isinstance(one, Unparsed) and "50000000 bytes" in one.reason]
    assert long.begin.startswith("xxx")
    assert sum(isinstance(one, Framed) for one in found) >= 2


def test_a_hundred_thousand_names_are_one_record():
    pairs = ",".join(f'"k{number}":{number}' for number in range(100_000))
    (one,) = within_time("json", f"{{{pairs}}}".encode())
    assert isinstance(one, SourceEvent)
    assert len(one.record["unmapped"]) == 100_000


def test_no_record_is_longer_than_its_limit():
    raw = b'{"a":"' + b"x" * DEFAULT.raw_record_bytes_max + b'"}\n'
    (one,) = within_time("json", raw)
    assert isinstance(one, Unparsed)
    assert "raw_record_bytes_max" in one.reason
