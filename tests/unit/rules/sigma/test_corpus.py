"""SigmaHQ's rules load unchanged. They are read where they lie; none of them is part of this repository."""

import gzip
from collections import Counter
from collections.abc import Iterator

import msgspec

from bartizan.app.rules import log_sources, rule_files
from bartizan.detect.parsers.registry import PARSERS
from bartizan.detect.parsing import RecordParser
from bartizan.model.source_event import SourceEvent
from bartizan.ports import ParserSettings
from bartizan.rules.detection import Detection
from bartizan.rules.fields import LogSource
from bartizan.rules.interpret import holds
from bartizan.rules.match import Matcher
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import read
from fixtures.corpora import corpus


def test_sigmahq_rules_load_unchanged():
    files = _sigmahq()
    loaded = read(files, Context(log_sources=log_sources()))
    assert len(files) >= 656
    assert len(loaded.rules) >= len(files) - 16, [f"{place}: {what}" for place, what in loaded.mistakes]


def test_every_log_source_of_sigmahq_has_an_entry():
    known = log_sources()
    rules = read(_sigmahq(), Context(log_sources=known)).rules
    logs = {rule.selector.log for rule in rules if isinstance(rule, Detection) and rule.selector.log}
    sources = [known.source(LogSource(product=one[0], category=one[1], service=one[2])) for one in sorted(logs)]
    assert [str(source.log) for source in sources if not source.known] == []


def test_rules_of_sigmahq_match_recorded_attacks_as_plain_reading_does():
    loaded = read(_sigmahq(), Context(log_sources=log_sources()))
    rules = [rule for rule in loaded.rules if isinstance(rule, Detection)]
    of_aws = {rule.header.name: rule for rule in rules if "cloudtrail" in rule.selector.kinds}
    matcher = Matcher(rules)
    parser = PARSERS["cloudtrail"](ParserSettings(source="stratus"))
    found: Counter[str] = Counter()
    for event in _events(parser):
        names = list(matcher.match(event))
        assert names == [name for name in sorted(of_aws) if holds(of_aws[name].condition, event.record)]
        found.update(names)
    assert len(found) >= 8, found


def _sigmahq() -> dict[str, str]:
    return rule_files([corpus("sigma", "rules")])


def _events(parser: RecordParser) -> Iterator[SourceEvent]:
    with gzip.open(corpus("logs", "cloudtrail_stratus.jsonl.gz")) as lines:
        for number, line in enumerate(lines, 1):
            for event in parser.feed(msgspec.json.encode(msgspec.json.decode(line)["event"]), number):
                assert isinstance(event, SourceEvent)
                yield event
