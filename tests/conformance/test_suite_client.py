"""The official conformance suite as the server: what a client passes direct, it passes with the gateway in between.

The scenarios of authorization are not among them. In each the suite's server is the protected resource and the
authorization server at once, and judges how a client reads the metadata of that very resource. With the gateway in
front, the gateway is the resource: it answers for its own metadata, and takes no token that is for another
(Authorization, "Token Passthrough"). That the official client is authorized at the gateway, by metadata of the
gateway's own, is shown in test_resource_server.py.
"""

import sys
from pathlib import Path

import pytest

from fixtures.suite import Outcome, Suite

pytestmark = pytest.mark.slow
CLIENT = Path(__file__).parents[1] / "fixtures/clients/conformance.py"
SCENARIOS = {
    "2026-07-28": {
        "tools_call", "request-metadata", "sep-2322-client-request-state", "http-standard-headers",
        "http-custom-headers", "http-invalid-tool-headers", "json-schema-ref-no-deref",
    },
    "2025-11-25": {"initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry"},
}  # fmt: skip
UNSCORED = ("json-schema-2020-12-preservation",)


@pytest.fixture(scope="module", params=SCENARIOS)
def revision(request: pytest.FixtureRequest) -> str:
    return request.param


def run(suite: Suite, folder: Path, revision: str, *words: str) -> Outcome:
    """Each scenario by itself: those of authorization would only wait. The checks count, not how the client ended: the
    SDK's raises where a result has no `resultType`, which the suite wants to be read as complete."""
    command = " ".join([sys.executable, str(CLIENT), *words])
    found: dict = {}
    for scenario in (*sorted(SCENARIOS[revision]), *UNSCORED):
        options = ("--command", command, "--scenario", scenario, "--spec-version", revision, "--timeout", "60000")
        found |= suite.run("client", folder, *options).checks
    return Outcome(code=0, said="", checks=found)


@pytest.fixture(scope="module")
def direct(suite, revision, tmp_path_factory, monkeypatch_module) -> Outcome:
    return run(suite, tmp_path_factory.mktemp("direct"), revision)


@pytest.fixture(scope="module")
def through(suite, revision, tmp_path_factory, monkeypatch_module) -> Outcome:
    return run(suite, tmp_path_factory.mktemp("through"), revision, "through")


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        yield patch


def test_every_required_scenario_is_run_but_those_of_authorization(suite, revision):
    required = suite.required(revision, "client")
    assert {name for name in required if not name.startswith("auth/")} == SCENARIOS[revision]


def test_the_client_of_the_fixtures_passes_them_direct(direct, revision):
    names = [*SCENARIOS[revision], *UNSCORED]
    assert direct.passed(names) == names, [line for name in names for line in direct.failures(name)]


def test_through_the_gateway_it_passes_them_too_and_no_check_is_worse(direct, through, revision):
    names = [*SCENARIOS[revision], *UNSCORED]
    assert through.passed(names) == names, [line for name in names for line in through.failures(name)]
    after = through.statuses()
    passed = {key for key, status in direct.statuses().items() if status == "SUCCESS"}
    assert {key: after.get(key) for key in passed if after.get(key) != "SUCCESS"} == {}
