"""Every row of the checklist has a test or a gap with its reason; no test is named after a row that is not there."""

import ast
import re

from tools.conformance_page import GROUPS, MANIFEST, PAGE, Requirement, read_manifest, render
from tools.mission_page import ROOT

# Never shortened: what is not done stays, with a gap that says why.
LENGTHS = {"A": 7, "B": 9, "C": 4, "D": 5, "E": 4, "F": 8, "G": 3, "H": 6, "I": 6, "J": 11}
IDS = [f"{letter}{number}" for letter, last in LENGTHS.items() for number in range(1, last + 1)]
ROWS = read_manifest(MANIFEST.read_text(encoding="utf-8"))
NAMED = re.compile(r"test_((?:[A-J]\d+_)+)")


def all_tests() -> set[str]:
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        path = file.relative_to(ROOT).as_posix()
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
        found |= {f"{path}::{one.name}" for one in functions if one.name.startswith("test_")}
    return found


def proves(named: str, test: str) -> bool:
    return test == named or test.startswith((f"{named}::", f"{named}/"))


def mistakes(rows: dict[str, Requirement], tests: set[str]) -> list[str]:
    found = [f"{name} has neither test nor gap" for name, row in rows.items() if not row.tests and not row.gap]
    for name, row in rows.items():
        gone = [one for one in row.tests if not any(proves(one, test) for test in tests)]
        found += [f"{name} names {one}, and there is no such test" for one in gone]
    for test in sorted(tests):
        match = NAMED.match(test.rpartition("::")[2])
        for name in match[1].rstrip("_").split("_") if match else ():
            if name not in rows:
                found.append(f"{test} is named after {name}, which is no row")
    return found


def test_every_row_has_a_test_or_a_gap_and_every_test_of_a_row_names_one_that_there_is():
    assert mistakes(ROWS, all_tests()) == []


def test_no_row_is_dropped_and_none_is_invented():
    assert list(ROWS) == IDS
    assert list(GROUPS) == list(LENGTHS)


def test_each_mistake_is_seen():
    there = {"tests/a/test_x.py::test_A1_one"}
    row = Requirement(what="w", section="s")
    assert mistakes({"A2": row}, set()) == ["A2 has neither test nor gap"]
    assert "no such test" in mistakes({"A2": Requirement(what="w", section="s", tests=("tests/b",))}, set())[0]
    assert "which is no row" in mistakes({"A2": Requirement(what="w", section="s", gap="g")}, there)[0]
    assert mistakes({"A1": Requirement(what="w", section="s", tests=("tests/a/test_x.py",))}, there) == []


def test_the_page_shows_the_manifest_as_it_is():
    assert PAGE.read_text(encoding="utf-8") == render(ROWS), "run `make docs`"
