"""A file that is no YAML is a mistake with its place, wherever it is read, and never a traceback."""

from collections.abc import Callable

import pytest

from bartizan.app.config import parse_config
from bartizan.discover.catalogue import load_catalogue
from bartizan.model.errors import ContentError
from bartizan.rules.load import load

READERS: list[Callable[[str], object]] = [
    lambda text: parse_config(text, "file.yml"),
    lambda text: load({"file.yml": text}),
    lambda text: load_catalogue({"file.yml": text}),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "text", ["a: \x01", "a: !!int x", "[" * 3_000, "a: 'b", "? [a]\n: b", "a: !!timestamp 2024-99-99", "a: \ud800"]
)
def test_what_is_no_yaml_is_a_mistake_with_its_place(read: Callable[[str], object], text: str):
    with pytest.raises(ContentError) as caught:
        read(text)
    assert "file.yml" in str(caught.value)
