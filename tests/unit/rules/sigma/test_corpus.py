"""SigmaHQ's rules load unchanged. They are read where they lie; none of them is part of this repository."""

from bartizan.app.rules import log_sources
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import read
from fixtures.corpora import corpus


def test_sigmahq_rules_load_unchanged():
    root = corpus("sigma", "rules")
    files = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.yml"))}
    loaded = read(files, Context(log_sources=log_sources()))
    assert len(files) >= 656
    assert len(loaded.rules) >= len(files) - 16, [f"{place}: {what}" for place, what in loaded.mistakes]
