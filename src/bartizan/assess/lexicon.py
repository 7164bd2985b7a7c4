"""Lexicon: the patterns of many rules, searched in folded text in one pass."""

from collections.abc import Sequence

import msgspec

from bartizan.model.errors import ContentError, Place
from bartizan.rules.load import Rule, WeightedPattern
from bartizan.text import regex

# The library's own search of all candidates is quick to call and slow on long texts.
_SHORT_CHARACTERS_MAX = 8_000


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
        mistakes: list[tuple[Place, str]] = []
        self._patterns: list[tuple[Rule, WeightedPattern, regex.Finder, regex.Finder | None]] = []
        expressions: list[str] = []
        for rule in rules:
            for pattern in rule.check.patterns:
                expression = pattern.text
                try:
                    unless = regex.Finder(pattern.unless) if pattern.unless else None
                    self._patterns.append((rule, pattern, regex.Finder(expression), unless))
                except ValueError as error:
                    mistakes.append((Place(path=rule.name), str(error)))
                else:
                    expressions.append(expression)
        if mistakes:
            raise ContentError(mistakes)
        self._any = regex.PatternSet(expressions)

    def any_in(self, folded: str) -> bool:
        """Whether anything at all is found: the quick question that nearly every text answers with no."""
        if len(folded) <= _SHORT_CHARACTERS_MAX:
            return bool(self._any.matching(folded))
        return any(self._patterns[number][2].first(folded) for number in self._any.possible(folded))

    def hits(self, folded: str) -> list[Hit]:
        """The first place of every pattern that is found, in the order of the rules."""
        found: list[Hit] = []
        short = len(folded) <= _SHORT_CHARACTERS_MAX
        for number in self._any.matching(folded) if short else self._any.possible(folded):
            rule, weighted, pattern, unless = self._patterns[number]
            if place := pattern.first(folded):
                found.append(
                    Hit(
                        rule=rule,
                        number=number,
                        weight=weighted.weight,
                        start=place[0],
                        end=place[1],
                        only_in_parameters=weighted.where == "parameter",
                        unless=unless,
                    )
                )
        return found
