"""A verdict needs no key, no network and no language model."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.examples import ROOT
from fixtures.needs import needs

HOME = ROOT / "docs" / "examples" / "home"
NO_NETWORK = ("bwrap", "--dev-bind", "/", "/", "--unshare-net")
Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [needs("bwrap"), pytest.mark.mission("X1")]


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_without_a_network_and_a_key_the_findings_are_the_same(run: Run, tmp_path: Path):
    home = Path(shutil.copytree(HOME, tmp_path / "home"))
    arguments = ("scan", "--home", home, "--launch", "never", "--format", "json")
    online, offline = run(*arguments), run(*arguments, within=NO_NETWORK)
    assert (online.returncode, offline.returncode) == (3, 3), offline.stderr
    findings = json.loads(offline.stdout)["findings"]
    assert {"secret_in_configuration", "plain_http_endpoint"} <= {finding["rule"] for finding in findings}
    assert findings == json.loads(online.stdout)["findings"]


def test_where_it_ran_there_was_no_network(listener: int):
    connect = [sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {listener}), 5).close()"]
    assert subprocess.run(connect, capture_output=True, timeout=60, check=False).returncode == 0
    assert subprocess.run([*NO_NETWORK, *connect], capture_output=True, timeout=60, check=False).returncode != 0
