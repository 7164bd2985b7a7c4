"""Vocabulary: the phrases that tell what a tool can do, as `labels.yml` of a content package holds them."""

from collections.abc import Mapping
from typing import Literal

import msgspec
import yaml

from bartizan.model.asset import Confidence
from bartizan.model.errors import ContentError, Place
from bartizan.model.label import Ability
from bartizan.model.yaml_mistakes import NOT_YAML, yaml_mistake
from bartizan.text import regex

Part = Literal["name", "lead", "parameters", "rest", "server"]
PARTS: tuple[Part, ...] = ("name", "lead", "parameters", "rest", "server")

_ANYWHERE = r"(?:^|[^a-z0-9])"
_AHEAD_IN_NAME = r"^(?:\S+ ){0,2}?"  # a client's or a product's name
_AHEAD_IN_LEAD = (  # `[Mail] `, `This tool allows you to `, `Create, update and `, `permanently `
    r"^(?:\[[^\]]*\] ?|[^a-z0-9]+)?"
    r"(?:(?:this|the|a|an|tool|use|used|function|method|to|for|that|which|will|can|you|lets?|allows?)"
    r"(?: |\w+, )|(?:and|or|\w+,|\w+ly) )*?"
)


class Phrase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"parts": "in"}):
    """Words to be met whole in one of `parts`, with `start` where the part begins."""

    parts: tuple[Part, ...]
    text: str
    start: bool = False

    @property
    def expression(self) -> str:
        """What is searched in the text of a part; the group is what is met."""
        ahead = _ANYWHERE if not self.start else _AHEAD_IN_LEAD if self.parts == ("lead",) else _AHEAD_IN_NAME
        return f"{ahead}({self.text.strip()})(?:[^a-z0-9]|$)"


class LabelRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"every": "all"}):
    """When a label holds: by phrases, by a claim in the annotations, by a kind of credential at hand."""

    confidence: Confidence
    every: frozenset[str] = frozenset()
    any: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    claim: str = ""
    credentials: str = ""


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Phrases by name, the rules of each label, and groups of kinds of credentials."""

    phrases: dict[str, Phrase] = {}
    labels: dict[Ability, tuple[LabelRule, ...]] = {}
    credentials: dict[str, frozenset[str]] = {}


def load_vocabulary(files: Mapping[str, str]) -> Vocabulary:
    """One vocabulary from the texts of several files, by name. Raises ContentError with every mistake."""
    mistakes: list[tuple[Place, str]] = []
    phrases: dict[str, Phrase] = {}
    labels: dict[Ability, tuple[LabelRule, ...]] = {}
    credentials: dict[str, frozenset[str]] = {}
    for path, text in sorted(files.items()):
        try:
            one = msgspec.convert(yaml.safe_load(text), Vocabulary)
        except msgspec.ValidationError as error:
            mistakes.append((Place(path=path), str(error)))
            continue
        except NOT_YAML as error:
            mistakes.append(yaml_mistake(path, error))
            continue
        phrases |= one.phrases
        credentials |= one.credentials
        labels |= {ability: labels.get(ability, ()) + rules for ability, rules in one.labels.items()}
        known = Vocabulary(phrases=phrases, credentials=credentials)
        mistakes += [(Place(path=path), what) for what in _mistakes(one, known)]
    if mistakes:
        raise ContentError(mistakes)
    return Vocabulary(phrases=phrases, labels=labels, credentials=credentials)


def _mistakes(one: Vocabulary, known: Vocabulary) -> list[str]:
    found: list[str] = []
    for name, phrase in one.phrases.items():
        try:
            regex.Pattern(phrase.expression)
        except ValueError as error:
            found.append(f"phrase {name}: {error}")
    for ability, rules in one.labels.items():
        for rule in rules:
            named = sorted(rule.every | rule.any | rule.unless)
            found += [f"{ability}: there is no phrase {name}" for name in named if name not in known.phrases]
            if rule.credentials and rule.credentials not in known.credentials:
                found.append(f"{ability}: there is no group of credentials {rule.credentials}")
            if not rule.every and not rule.any and not rule.claim:
                found.append(f"{ability}: a rule without a phrase or a claim holds for every tool")
    return found
