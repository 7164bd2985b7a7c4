"""Lexicon: the patterns of many rules, searched in folded text in one pass."""

from collections.abc import Sequence

import msgspec

from bartizan.model.errors import ContentError, Place
from bartizan.rules.load import Rule
from bartizan.text import regex


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One pattern in a text: its rule, its number, how much it weighs, and where it stands in the folded text."""

    rule: Rule
    number: int
    weight: float
    start: int
    end: int


class Lexicon:
    """Compiled once. Raises ContentError with every malformed pattern and the rule that holds it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        mistakes: list[tuple[Place, str]] = []
        self._patterns: list[tuple[Rule, float, regex.Pattern]] = []
        expressions: list[str] = []
        for rule in rules:
            for pattern in rule.check.patterns:
                expression = f"({pattern.text})"
                try:
                    self._patterns.append((rule, pattern.weight, regex.Pattern(expression)))
                except ValueError as error:
                    mistakes.append((Place(path=rule.name), str(error)))
                else:
                    expressions.append(expression)
        if mistakes:
            raise ContentError(mistakes)
        self._any = regex.PatternSet(expressions)

    def any_in(self, folded: str) -> bool:
        """Whether anything at all is found: the quick question that nearly every text answers with no."""
        return bool(self._any.matching(folded))

    def hits(self, folded: str) -> list[Hit]:
        """The first place of every pattern that is found, in the order of the rules."""
        found: list[Hit] = []
        for number in self._any.matching(folded):
            rule, weight, pattern = self._patterns[number]
            if place := pattern.first(folded):
                found.append(Hit(rule=rule, number=number, weight=weight, start=place[0], end=place[1]))
        return found
