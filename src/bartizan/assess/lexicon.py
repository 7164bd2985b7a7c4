"""Lexicon: the patterns of many rules, searched in folded text in one pass."""

from collections.abc import Sequence

import msgspec

from bartizan.model.errors import ContentError, Place
from bartizan.rules.load import Rule, WeightedPattern
from bartizan.text import regex


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One pattern in a text: its rule, its number, how much it weighs, and where it stands in the folded text.

    `only_in_parameters` and `unless` say where it tells nothing (`WeightedPattern`).
    """

    rule: Rule
    number: int
    weight: float
    start: int
    end: int
    only_in_parameters: bool = False
    unless: regex.Finder | None = None


class Lexicon:
    """Compiled once. Raises ContentError with every malformed pattern and the rule that holds it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._patterns: list[tuple[Rule, WeightedPattern, regex.Finder | None]] = []
        try:
            for rule in rules:
                for pattern in rule.check.patterns:
                    unless = regex.Finder(pattern.unless) if pattern.unless else None
                    self._patterns.append((rule, pattern, unless))
            self._any = regex.PatternSet(pattern.text for _, pattern, _ in self._patterns)
        except ValueError:
            raise ContentError(_mistakes(rules)) from None

    def any_in(self, folded: str) -> bool:
        """Whether anything at all is found: the quick question that nearly every text answers with no."""
        return self._any.any_in(folded)

    def hits(self, folded: str) -> list[Hit]:
        """The first place of every pattern that is found, in the order of the rules."""
        return [self._hit(number, start, end) for number, (start, end) in self._any.places(folded)]

    def _hit(self, number: int, start: int, end: int) -> Hit:
        rule, weighted, unless = self._patterns[number]
        return Hit(
            rule=rule,
            number=number,
            weight=weighted.weight,
            start=start,
            end=end,
            only_in_parameters=weighted.where == "parameter",
            unless=unless,
        )


def _mistakes(rules: Sequence[Rule]) -> list[tuple[Place, str]]:
    mistakes: list[tuple[Place, str]] = []
    for rule in rules:
        for pattern in rule.check.patterns:
            for expression in filter(None, (pattern.text, pattern.unless)):
                try:
                    regex.Finder(expression)
                except ValueError as error:
                    mistakes.append((Place(path=rule.name), str(error)))
    return mistakes
