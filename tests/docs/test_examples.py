"""What the documentation shows is what the program does."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.examples import ROOT, Example, examples, matches, pages

WITH_EXAMPLES = [page for page in pages() if list(examples(page.read_text(encoding="utf-8")))]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place like this repository: the program, and copies of the examples; its path is short, for reports wrap."""
    with tempfile.TemporaryDirectory(prefix="b") as name:
        place = Path(name)
        shutil.copytree(ROOT / "docs" / "examples", place / "docs" / "examples")
        shutil.copytree(ROOT / "docs" / "examples", place / "e")
        (place / ".venv").symlink_to(sys.prefix)
        (place / "user").mkdir()
        yield place


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run_and_show_what_they_show(page: Path, folder: Path):
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / "user"),
        "BARTIZAN_HOME": str(folder / "state"),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
    }
    # The front page speaks of the repository's folder, the documentation of that of the examples.
    where_it_runs = folder if page.parent == ROOT else folder / "e"
    for example in examples(page.read_text(encoding="utf-8")):
        run = subprocess.run(
            example.command,
            cwd=where_it_runs,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        where = f"{page.name}:{example.line}: {' '.join(example.command)}"
        assert run.returncode == example.exit_code, f"{where} ended with {run.returncode}\n{run.stdout}{run.stderr}"
        assert matches(example.output, run.stdout), f"{where} printed\n{run.stdout}"


def test_at_least_one_page_has_examples():
    assert WITH_EXAMPLES


def test_an_example_is_read_with_its_output_exit_code_and_line():
    page = "Text.\n\n```console run exit=3\n$ a 'b c'\none\ntwo\n$ d\n```\n\n```console\n$ not run\n```\n"
    assert list(examples(page)) == [
        Example(line=4, command=("a", "b c"), output="one\ntwo\n", exit_code=0),
        Example(line=7, command=("d",), output="", exit_code=3),
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a\nb", "a  \nb\n", True),
        ("a\n...\nz", "a\nb\nc\nz", True),
        ("seen ... of 3", "seen 2 of 3", True),
        ("a", "b", False),
        ("a\n...\nz", "a\nb", False),
        ("", "anything", False),
    ],
)
def test_outputs_are_compared_as_a_reader_would(expected: str, actual: str, *, same: bool):
    assert matches(expected, actual) is same
