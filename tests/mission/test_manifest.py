"""Every sentence of the mission has a test or an open gap, and every test that claims one has a row."""

import ast
from collections.abc import Iterator

import pytest
from tools.mission_page import GROUPS, MANIFEST, PAGE, ROOT, Row, read_manifest, render

# Never shortened: a row that is given up stays, with a gap that says so.
IDS = (
    [f"D{n}" for n in range(1, 14)]
    + [f"M{n}" for n in range(1, 18)]
    + [f"R{n}" for n in range(1, 6)]
    + [f"K{n}.{side}" for n in range(1, 9) for side in ("assess", "prevent", "detect")]
    + [f"C{n}" for n in range(1, 8)]
    + [f"P{n}" for n in range(1, 10)]
    + [f"X{n}" for n in range(1, 11)]
)
ROWS = read_manifest(MANIFEST.read_text(encoding="utf-8"))


def read_tests(text: str, path: str) -> dict[str, set[str]]:
    """Test names of a file, each with the mission rows that its markers claim. Read, not run."""
    tree = ast.parse(text)
    module = {row for node in tree.body if assigns_marks(node) for row in claims(node)}
    found: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            outer = module | {row for mark in node.decorator_list for row in claims(mark)}
            found |= {f"{path}::{node.name}::{name}": outer | own for name, own in functions(node.body)}
    return found | {f"{path}::{name}": module | own for name, own in functions(tree.body)}


def functions(body: list[ast.stmt]) -> Iterator[tuple[str, set[str]]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield node.name, {row for mark in node.decorator_list for row in claims(mark)}


def assigns_marks(node: ast.stmt) -> bool:
    names = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(name, ast.Name) and name.id == "pytestmark" for name in names)


def claims(node: ast.AST) -> Iterator[str]:
    """The arguments of `pytest.mark.mission(...)` in this expression."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.mission"):
            yield from (str(word.value) for word in call.args if isinstance(word, ast.Constant))


def proves(prefix: str, test: str) -> bool:
    return test == prefix or test.startswith((prefix.rstrip("/") + "/", prefix + "::"))


def mistakes(rows: dict[str, Row], tests: dict[str, set[str]]) -> list[str]:
    """All that is wrong between these rows and these tests."""
    found = [f"{name} has neither test nor gap" for name, row in rows.items() if not row.tests and not row.gap]
    for name, row in rows.items():
        unknown = [prefix for prefix in row.tests if not any(proves(prefix, test) for test in tests)]
        found += [f"{name} names {prefix}, and there is no such test" for prefix in unknown]
        silent = [prefix for prefix in row.tests if name not in tests.get(prefix, {name})]
        found += [f"{name} names {prefix}, which does not claim it" for prefix in silent]
    for test, claimed in tests.items():
        found += [f"{test} claims {name}, which is no row" for name in sorted(claimed - rows.keys())]
        for name in sorted(claimed & rows.keys()):
            if not any(proves(prefix, test) for prefix in rows[name].tests):
                found.append(f"{test} claims {name}, whose row does not name it")
        if test.startswith("tests/mission/") and not claimed and "test_manifest.py" not in test:
            found.append(f"{test} lies in tests/mission and claims no row")
    return found


@pytest.fixture(scope="module")
def tests() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        found |= read_tests(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())
    return found


def test_every_row_has_a_test_or_a_gap_and_every_claim_a_row(tests: dict[str, set[str]]):
    assert mistakes(ROWS, tests) == []


def test_no_row_is_dropped_and_none_is_invented():
    assert list(ROWS) == IDS


def test_every_row_belongs_to_a_group_of_the_page():
    assert {name[0] for name in ROWS} == set(GROUPS)


def test_the_page_shows_the_manifest_as_it_is():
    assert PAGE.read_text(encoding="utf-8") == render(ROWS), "run `make docs`"


THERE: dict[str, set[str]] = {"tests/e2e/test_scan.py::test_one": set()}


@pytest.mark.parametrize(
    ("row", "tests", "mistake"),
    [
        (Row(what="w"), THERE, "neither test nor gap"),
        (Row(what="w", tests=("tests/e2e/test_scan.py::test_gone",)), THERE, "no such test"),
        (Row(what="w", tests=("tests/e2e/test_sc",)), THERE, "no such test"),
        (Row(what="w", gap="g"), {"tests/e2e/test_scan.py::test_one": {"P99"}}, "no row"),
        (Row(what="w", gap="g"), {"tests/e2e/test_scan.py::test_one": {"P1"}}, "does not name it"),
        (Row(what="w", tests=("tests/e2e/test_scan.py::test_one",)), THERE, "does not claim it"),
        (Row(what="w", gap="g"), {"tests/mission/test_x.py::test_one": set[str]()}, "claims no row"),
    ],
)
def test_each_mistake_is_seen(row: Row, tests: dict[str, set[str]], mistake: str):
    (found,) = mistakes({"P1": row}, tests)
    assert mistake in found


@pytest.mark.parametrize(
    "prefix", ["tests/e2e", "tests/e2e/", *("tests/e2e/test_scan.py" + end for end in ("", "::test_one"))]
)
def test_a_row_may_name_a_folder_a_file_or_a_test(prefix: str):
    claimed = {"tests/e2e/test_scan.py::test_one": {"P1"}}
    assert mistakes({"P1": Row(what="w", tests=(prefix,))}, claimed) == []


def test_markers_are_read_from_module_class_and_function():
    text = (
        "import pytest\npytestmark = [pytest.mark.mission('P1')]\n"
        "@pytest.mark.mission('P7', 'X2')\nclass TestA:\n    @pytest.mark.mission('P9')\n    def test_b(self): ...\n"
        "async def test_c(): ...\ndef helper(): ...\n"
    )
    assert read_tests(text, "t.py") == {"t.py::TestA::test_b": {"P1", "P7", "X2", "P9"}, "t.py::test_c": {"P1"}}


def test_a_row_that_stands_twice_is_refused():
    with pytest.raises(ValueError, match="stand twice"):
        read_manifest("P1: {what: a, gap: b}\nP1: {what: a, gap: b}\n")
