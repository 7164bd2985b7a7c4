"""Tokens of a real authorization server: oidc-provider, signed and opaque."""

import asyncio
import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from bartizan.app.identity import token_verifier
from bartizan.model.identity import IdentityConfig, Introspection, Issuer
from bartizan.model.secret import Secret
from fixtures.needs import needs

pytestmark = [pytest.mark.slow, needs("node", "npm")]
PROVIDER = Path(__file__).parents[3] / "fixtures" / "oidc" / "provider.mjs"
VERSION = "oidc-provider@9.13.3"
AGENT, GATEWAY = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
SERVER = "https://gw.example/servers/github/mcp"


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("oidc")
    (folder / "package.json").write_text("{}")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), VERSION]
    if subprocess.run(command, capture_output=True, timeout=240, check=False).returncode:
        pytest.skip(f"{VERSION} cannot be installed here")
    provider = ["node", str(PROVIDER), str(folder), AGENT, GATEWAY]
    with subprocess.Popen(provider, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


def token(issuer: str, resource: str) -> Secret:
    """What the agent gets for a resource, by its client credentials."""
    body = urlencode({"grant_type": "client_credentials", "scope": "mcp", "resource": resource}).encode()
    basic = base64.b64encode(f"agent:{AGENT}".encode()).decode()
    with urlopen(Request(f"{issuer}/token", body, {"authorization": f"Basic {basic}"}), timeout=10) as answer:
        return Secret(json.load(answer)["access_token"])


def verifier(issuer: str):
    asks = Introspection(endpoint=f"{issuer}/token/introspection", client_id="gateway", client_secret="env:GATEWAY")
    config = IdentityConfig(issuers=(Issuer(issuer=issuer, introspection=asks),), networks=("127.0.0.1",))
    return token_verifier(config, clock=Clock(), key=Secret("k"), read=lambda _: Secret(GATEWAY))


@pytest.mark.parametrize(("resource", "subject"), [(SERVER, "agent"), (SERVER + "/opaque", "client:agent")])
def test_a_token_is_good_for_the_resource_that_it_was_asked_for_and_for_no_other(issuer, resource, subject):
    one, shown = verifier(issuer), token(issuer, resource)
    found = asyncio.run(one.verify(shown, resource))
    assert found.principal
    assert found.principal.id == f"{issuer}|{subject}"
    assert found.principal.scopes == {"mcp"}
    other = asyncio.run(one.verify(shown, SERVER.replace("github", "other")))
    assert (other.principal, other.reason) == (None, "the token is for another resource")


def test_a_token_that_the_provider_does_not_know_lets_nobody_in(issuer):
    assert asyncio.run(verifier(issuer).verify(Secret(secrets.token_urlsafe(32)), SERVER)).principal is None
