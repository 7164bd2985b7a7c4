"""Each promise of the threat model names tests, and these tests exist."""

import ast
import re

import pytest

from fixtures.examples import ROOT

PAGE = ROOT / "docs" / "explanation" / "threat-model.md"


def promises(page: str) -> dict[str, list[str]]:
    """The tests of each promise, by its words."""
    table = page.partition("## Promises and their tests")[2]
    rows = re.findall(r"^\| ([^|`]+) \| (.*) \|$", table, re.MULTILINE)
    return {words: re.findall(r"`([^`]+)`", tests) for words, tests in rows if words not in {"promise", "---"}}


def missing(name: str) -> str:
    """What is wrong with the name of a test; empty where nothing is."""
    path, _, function = name.partition("::")
    if not (ROOT / path).is_file():
        return f"no file {path}"
    defined = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    names = {node.name for node in defined if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return "" if function.startswith("test_") and function in names else f"no test {name}"


def test_every_promise_has_tests_that_exist():
    kept = promises(PAGE.read_text(encoding="utf-8"))
    assert len(kept) >= 20
    assert [words for words, tests in kept.items() if not tests] == []
    assert [problem for tests in kept.values() for name in tests if (problem := missing(name))] == []


@pytest.mark.parametrize(
    "name", ["tests/docs/test_gone.py::test_x", "tests/docs/test_promises.py::test_gone", "tests/docs/test_promises.py"]
)
def test_a_test_that_is_not_there_is_noticed(name: str):
    assert missing(name)
