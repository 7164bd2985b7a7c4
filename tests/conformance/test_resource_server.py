"""The gateway as the resource server: the official client is authorized at it, by a real authorization server."""

import asyncio
import json
import re
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from fixtures.needs import needs
from fixtures.running import ALLOW_ALL, fronting, serving
from fixtures.tap import tapped

pytestmark = [pytest.mark.slow, needs("node", "npm")]
PROVIDER = Path(__file__).parents[1] / "fixtures/oidc/people.mjs"
VERSION = "oidc-provider@9.13.3"
BACK = "http://127.0.0.1:1/callback"
METADATA = {
    "client_name": "peer", "redirect_uris": [BACK], "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"], "token_endpoint_auth_method": "none", "application_type": "native",
}  # fmt: skip


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("oidc")
    (folder / "package.json").write_text("{}")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), VERSION]
    if subprocess.run(command, capture_output=True, timeout=240, check=False).returncode:
        pytest.skip(f"needs {VERSION}, which cannot be installed here")
    provider = ["node", str(PROVIDER), str(folder)]
    with subprocess.Popen(provider, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


class Kept:
    """What the client keeps; and the person before it, who signs in and agrees."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None
        self.asked: dict[str, list[str]] = {}
        self.scopes: list[list[str]] = []
        self.came_back: dict[str, list[str]] = {}

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def sign_in(self, url: str) -> None:
        self.asked, self.came_back = parse_qs(urlsplit(url).query), {}
        self.scopes.append(self.asked["scope"][0].split())
        async with httpx2.AsyncClient() as browser:
            page = await browser.get(url)
            while not self.came_back:
                if page.is_redirect:
                    url = urljoin(str(page.url), page.headers["location"])
                    if url.startswith(BACK):
                        self.came_back = parse_qs(urlsplit(url).query)
                        return
                    page = await browser.get(url)
                else:
                    assert page.status_code == 200, page.text
                    action = re.search(r'action="([^"]+)"', page.text)
                    prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
                    assert action, page.text
                    assert prompt, page.text
                    form = {"prompt": prompt[1], "login": "alice", "password": "any"}
                    page = await browser.post(urljoin(str(page.url), action[1]), data=form)

    async def code(self) -> AuthorizationCodeResult:
        back = self.came_back
        return AuthorizationCodeResult(code=back["code"][0], state=back["state"][0], iss=back.get("iss", [None])[0])


async def authorized(url: str, kept: Kept, mode: str) -> str:
    """What a tool says to a client that had to be authorized first."""
    metadata = OAuthClientMetadata.model_validate(METADATA)
    provider = OAuthClientProvider(url, metadata, kept, kept.sign_in, kept.code)  # pyright: ignore[reportArgumentType]
    async with (
        httpx2.AsyncClient(auth=provider, timeout=20) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        result = await client.call_tool("test_simple_text", {})
        return result.content[0].text  # pyright: ignore[reportAttributeAccessIssue]


def policy(issuer: str, **grant) -> dict:
    return {
        "roles": {"alice": [{"principal": f"{issuer}|alice"}]},
        "allow": [{"role": "alice", "server": "*", **ALLOW_ALL, **grant}],
    }


def identity(issuer: str) -> dict:
    return {"issuers": [{"issuer": issuer}], "networks": ["127.0.0.1"], "scopes": ["mcp"]}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_official_client_is_authorized_at_the_gateway_and_its_token_stays_there(issuer, tmp_path, mode):
    kept = Kept()
    with (
        serving("conformance.py") as upstream,
        tapped(upstream) as tap,
        fronting(tmp_path, {"peer": tap.url}, policy(issuer), identity=identity(issuer)) as gateway,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        said = asyncio.run(authorized(gateway.url("peer"), kept, mode))
        resource = gateway.url("peer")
    assert said == "This is a simple text response for testing."
    assert kept.asked["resource"] == [resource]  # the gateway's own address, by the gateway's own metadata
    assert kept.asked["code_challenge_method"] == ["S256"]
    assert [set(one) - {"offline_access"} for one in kept.scopes] == [{"mcp"}]
    assert kept.tokens
    token = kept.tokens.access_token.encode()
    assert b"tools/call" in tap.asked
    assert token not in tap.asked
    assert b"authorization" not in bytes(tap.asked).lower()
    written = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    assert json.dumps("tools/call").encode() in written
    assert token not in written
    assert token.decode() not in gateway.said


def test_a_scope_that_a_tool_needs_is_asked_for_when_it_is_called(issuer, tmp_path):
    kept, grant = Kept(), {"scopes": ["mcp:write"]}
    # Registered before, for any scope: the SDK registers for those of its first request alone.
    kept.client = OAuthClientInformationFull.model_validate(httpx2.post(f"{issuer}/reg", json=METADATA).json())
    with (
        serving("conformance.py") as upstream,
        fronting(tmp_path, {"peer": upstream}, policy(issuer, **grant), identity=identity(issuer)) as gateway,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        said = asyncio.run(authorized(gateway.url("peer"), kept, "auto"))
    assert said == "This is a simple text response for testing."
    assert ["mcp:write" in one for one in kept.scopes] == [False, True]
