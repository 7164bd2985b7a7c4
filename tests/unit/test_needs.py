"""A test that cannot run says why, and fails where nobody would read that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures import needs as subject
from fixtures.needs import missing, need_now, needs

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "")


def test_what_is_there_is_not_missing():
    assert missing("sh") == ""
    assert needs("sh").args == (False,)


def test_a_missing_program_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subject, "find_program", lambda name: "")
    assert missing("bwrap", "node") == "bwrap, node missing: apt-get install bubblewrap nodejs"


def test_a_missing_program_skips_at_home():
    with pytest.raises(pytest.skip.Exception, match="no-such-program missing"):
        need_now("no-such-program")
    assert needs("no-such-program").args == (True,)


def test_a_missing_program_fails_in_continuous_integration(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program missing"):
        need_now("no-such-program")
    with pytest.raises(pytest.fail.Exception, match="no-such-program missing"):
        needs("no-such-program")


def test_a_kernel_that_forbids_namespaces_skips_everywhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(subject, "find_program", lambda name: "/usr/bin/" + name)
    monkeypatch.setattr(subject, "_bwrap_problem", lambda: "bwrap cannot make namespaces here")
    with pytest.raises(pytest.skip.Exception, match="namespaces"):
        need_now("bwrap")


@pytest.mark.parametrize(
    ("ci", "reason", "outcome"),
    [
        ("", "needs a database", "1 skipped"),
        ("true", "needs a database", "1 failed"),
        ("true", "another system", "1 skipped"),
    ],
)
def test_a_test_that_skips_itself_for_what_it_needs_fails_in_continuous_integration(
    tmp_path: Path, ci: str, reason: str, outcome: str
):
    (tmp_path / "conftest.py").write_text("from fixtures.needs import pytest_runtest_makereport\n")
    (tmp_path / "test_it.py").write_text(f"import pytest\n\ndef test_it():\n    pytest.skip({reason!r})\n")
    paths = os.pathsep.join(str(ROOT / part) for part in ("tests", "."))
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"CI": ci, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome in told.stdout
