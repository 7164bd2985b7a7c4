"""The official conformance suite as the client: what a server passes direct, it passes through the gateway."""

import pytest

from fixtures.running import fronting, serving
from fixtures.suite import Outcome, Suite

pytestmark = pytest.mark.slow
REQUIRED = {"2026-07-28": 37, "2025-11-25": 30}
REBINDING = "dns-rebinding-protection"


@pytest.fixture(scope="module", params=REQUIRED)
def revision(request: pytest.FixtureRequest) -> str:
    return request.param


def run(suite: Suite, folder, url: str, revision: str) -> Outcome:
    return suite.run("server", folder, "--url", url, "--requirements", revision, "--timeout", "30000")


@pytest.fixture(scope="module")
def direct(suite, revision, tmp_path_factory) -> Outcome:
    with serving("conformance.py") as url:
        return run(suite, tmp_path_factory.mktemp("direct"), url, revision)


@pytest.fixture(scope="module")
def unprotected(suite, revision, tmp_path_factory) -> Outcome:
    """A server that takes any Host and Origin, direct."""
    with serving("conformance.py", "bare") as url:
        return run(suite, tmp_path_factory.mktemp("unprotected"), url, revision)


@pytest.fixture(scope="module")
def through(suite, revision, tmp_path_factory) -> Outcome:
    """That server through the gateway, with a policy that allows everything."""
    folder = tmp_path_factory.mktemp("through")
    with serving("conformance.py", "bare") as url, fronting(folder, {"peer": url}) as gateway:
        return run(suite, folder, gateway.url("peer"), revision)


def test_the_server_of_the_fixtures_passes_everything_that_the_revision_requires(suite, direct, revision):
    required = suite.required(revision, "server")
    assert len(required) == REQUIRED[revision]
    assert direct.passed(required) == required, [line for name in required for line in direct.failures(name)]


@pytest.mark.mission("X6")
def test_through_the_gateway_it_passes_everything_too(suite, through, revision):
    required = suite.required(revision, "server")
    assert through.passed(required) == required, [line for name in required for line in through.failures(name)]
    assert through.code == 0, through.said[-2000:]


def test_no_check_of_any_scenario_scored_or_not_is_worse_through_the_gateway(direct, through):
    """A check that passed direct passes, by the same id; nothing that was checked goes unchecked."""
    after = through.statuses()
    passed = {key for key, status in direct.statuses().items() if status == "SUCCESS"}
    assert {key: after.get(key) for key in passed if after.get(key) != "SUCCESS"} == {}


def test_the_gateway_protects_from_dns_rebinding_where_the_server_does_not(unprotected, through):
    assert unprotected.failures(REBINDING)
    assert through.passed([REBINDING]) == [REBINDING]
