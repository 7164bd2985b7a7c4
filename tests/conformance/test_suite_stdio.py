"""The official suite against a server that is started by a command: over HTTP it passes what one over HTTP passes."""

import sys

import pytest

from fixtures.running import SERVERS, fronting
from fixtures.suite import Outcome

pytestmark = pytest.mark.slow
REQUIRED = {"2026-07-28": 37, "2025-11-25": 30}


@pytest.fixture(scope="module", params=REQUIRED)
def revision(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def through(suite, revision, tmp_path_factory) -> Outcome:
    folder = tmp_path_factory.mktemp("stdio")
    command = [sys.executable, str(SERVERS / "conformance.py"), "stdio"]
    with fronting(folder, {"peer": {"command": command}}) as gateway:
        url = gateway.url("peer")
        return suite.run("server", folder, "--url", url, "--requirements", revision, "--timeout", "30000")


@pytest.mark.mission("X6")
def test_a_server_on_standard_streams_passes_everything_that_the_revision_requires(suite, through, revision):
    required = suite.required(revision, "server")
    assert len(required) == REQUIRED[revision]
    assert through.passed(required) == required, [line for name in required for line in through.failures(name)]
