"""The locks fit what the project asks for and name no index."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from fixtures.examples import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
RUN = [*PROJECT["project"]["dependencies"], *GROUPS["build"]]
DEV = [*RUN, *GROUPS["dev"], *PROJECT["project"]["optional-dependencies"]["postgres"]]


def locked(name: str) -> dict[str, set[str]]:
    """Versions by package; a package may stand twice, for different Pythons."""
    versions: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9.-]+)==([^\s;\\]+)", line):
            versions.setdefault(match[1], set()).add(match[2])
    return versions


@pytest.mark.parametrize(("lock", "wanted"), [("run", RUN), ("dev", DEV)])
def test_a_lock_satisfies_the_project(lock: str, wanted: list[str]):
    versions = locked(lock)
    for requirement in map(Requirement, wanted):
        assert versions.get(requirement.name), f"{requirement} is not locked: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions[requirement.name]), requirement


def test_what_runs_is_what_is_tested():
    assert {name: versions for name, versions in locked("run").items() if locked("dev").get(name) != versions} == {}


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_every_locked_package_has_hashes_and_no_address(lock: str):
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry[:80]
    assert not re.search(r"https?://|file:|--(?:extra-)?index|--find-links", text)


def test_every_dependency_has_its_reason_and_every_reason_its_dependency():
    page = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8").partition("## Not taken")[0]
    cells = re.findall(r"^\| (?:`postgres` \| )?((?:`[a-z0-9-]+`(?:, )?)+) \|", page, re.MULTILINE)
    reasoned = {name for cell in cells for name in re.findall(r"`([a-z0-9-]+)`", cell)}
    assert reasoned == {Requirement(each).name for each in DEV}
