"""Judge code that runs by itself by what it fetches and runs."""

from collections.abc import Iterator

from bartizan.content.hooks import lines_with, told
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight
from bartizan.text import regex

_FETCH = r"(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod)"
_INTERPRETER = r"(?:(?:ba|z|da|k|fi)?sh|python[\d.]{0,4}|node|deno|bun|perl|ruby|php|iex)\b"
_RUN = rf"(?:sudo\s+)?(?:/[\w/]{{0,40}}/)?(?:env\s+)?{_INTERPRETER}"
_PATTERN = regex.Pattern(
    r"(?i)("
    rf"\b{_FETCH}\b[^\n;]{{0,400}}\|\s*{_RUN}"
    rf"|(?:\beval|\bsource|\bexec|(?:^|[\s;&])\.|\b(?:ba|z|da)?sh(?:\s+-c)?)\s+[\"']?(?:\$\(|`|<\()\s*{_FETCH}\b"
    r"|\b(?:iex|invoke-expression)\b[\s(]{1,4}[^\n]{0,60}(?:irm|iwr|downloadstring|invoke-)"
    rf"|\bbase64\s+(?:-d|-D|--decode)\b[^\n;]{{0,80}}\|\s*{_RUN}"
    rf"|\b{_FETCH}\b[^\n]{{0,400}}(?:&&|;)\s*(?:chmod\s+[^\n;&]{{1,80}}(?:&&|;)\s*\./|(?:ba|z|da)?sh\s+[^-\s]|\./)"
    r"|\bexec\s*\([^\n]{0,80}(?:urlopen|requests\.get|httpx\.get)"
    r"|\beval\s*\([^\n]{0,40}await\s+\(?\s*(?:await\s+)?fetch"
    r")"
)


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each place."""
    for line in lines_with(_PATTERN, subject, inventory):
        yield Sight(
            message=f"{told(subject)} runs what it downloads",
            detail=line.matched,
            place=line.place,
            evidence=line.matched,
        )
