"""What lies in the repository: no secret, no machine's paths, no address of a package index."""

import re
import subprocess
from pathlib import Path

import pytest

from bartizan.text.patterns import find_secrets, is_placeholder
from fixtures.examples import ROOT

# Joined here, so that this file does not hold what it looks for.
FORBIDDEN = re.compile(
    "|".join(("/wo" + "rk/", "/tmp/bo" + "ot", "py" + r"pi\.org", "registry" + r"\.npm", "files" + r"\.pythonhosted"))
)

MADE_UP = {"url-password"}  # tests of URLs are full of them, and no scanner stops at `https://user:password@host`


def tracked() -> list[Path]:
    """Files that git knows and that are text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8000]]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in tracked()}


def test_no_file_holds_what_a_scanner_takes_for_a_secret(texts: dict[str, str]):
    found = [
        f"{name}: {span.kind} at {span.start}"
        for name, text in texts.items()
        if not name.endswith(".lock")
        for span in find_secrets(text)
        if span.kind not in MADE_UP and not is_placeholder(text[span.start : span.end])
    ]
    assert found == []


def test_no_file_names_a_machine_or_an_index(texts: dict[str, str]):
    found = {name: match[0] for name, text in texts.items() if (match := FORBIDDEN.search(text))}
    assert found == {}


def test_such_a_secret_would_be_found():
    assert list(find_secrets("token: ghp_" + "A1b2" * 9))
