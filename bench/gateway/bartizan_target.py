"""Our own gateway as a target: an issuer, a token, a policy with every guard of this release, the journal on disk."""

import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey
from targets import NotMeasuredError, Place, Running, Target, end, spawn, write

ISSUER = "http://127.0.0.1:9/issuer"  # nobody asks there: its keys are at `jwks_uri`
AUDIENCE = "https://bench.example/mcp"
START_SECONDS = 20.0
PLENTY = 1_000_000_000
UNREAD: dict[str, object] = {"content": [{"then": "allow"}], "redact": {"arguments": "pass", "answers": "pass"}}
POLICY: dict[str, object] = {
    "servers": {"echo": {"reads": ["get_*"], "accepts": ["unauthenticated"]}},
    "roles": {"developer": [{"group": "engineering"}], "maintainer": [{"group": "maintainers"}]},
    "allow": [
        {"role": "maintainer", "server": "echo", "tools": ["*"], "may": "write"},
        {"role": "developer", "server": "echo", "tools": ["echo", "get_*"], "never": ["delete_*"], "may": "write"},
    ],
    "limits": [
        {"per": ["principal"], "calls": PLENTY, "at_once": 100},
        {"per": ["principal", "tool"], "calls": PLENTY},
    ],
}

ANYBODY: dict[str, object] = {
    **UNREAD,
    "servers": {"echo": {"anonymous": True}},
    "roles": {"anyone": [{"principal": "anonymous"}]},
    "allow": [{"role": "anyone", "server": "echo", "tools": ["*"], "may": "write"}],
}


def issuer_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "bench", "use": "sig", "alg": "ES256"})


def jwks(key: ECKey) -> dict[str, object]:
    return {"keys": [key.as_dict(private=False)]}


def token(key: ECKey) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": "ada", "aud": AUDIENCE, "iat": now, "exp": now + 3600, "groups": ["engineering"]}
    return jwt.encode({"alg": "ES256", "kid": "bench", "typ": "at+jwt"}, claims, key)


def ours(key: ECKey, interpreter: tuple[str, ...] = (), *, contents: bool = False) -> Target:
    """`interpreter` are options of Python before the module, such as those of a profiler. `contents` are judged too."""

    def start(place: Place) -> Running:
        running = gateway_at(place, POLICY if contents else {**POLICY, **UNREAD}, interpreter)
        return Running(process=running.process, url=running.url, headers=(f"Authorization: Bearer {token(key)}",))

    name = f"Bartizan {importlib.metadata.version('bartizan')}" + (", contents judged" if contents else "")
    guards = "limits, identity (signed token), access, rate; strict reading of both legs; each call on the journal"
    guards += "; and content, redact: every text both ways" if contents else ""
    return Target(name=name, guards=guards, start=start, eras=("legacy", "modern"))


def gateway_at(place: Place, policy: dict[str, object], interpreter: tuple[str, ...] = ()) -> Running:
    """A gateway before the upstream. Raises NotMeasuredError."""
    jwks_uri = place.upstream.removesuffix("/mcp") + "/jwks"
    identity = {
        "audience": AUDIENCE,
        "issuers": [{"issuer": ISSUER, "jwks_uri": jwks_uri}],
        "networks": ["127.0.0.0/8"],
    }
    servers = {"echo": {"url": place.upstream}}
    settings = {"gateway": {"listen": "127.0.0.1:0", "servers": servers, "identity": identity}}
    write(place.folder / "policy.yml", policy)
    config = write(place.folder / "bartizan.yml", {**settings, "policy": ["policy.yml"]})
    log = place.folder / "gateway.log"
    process = spawn(
        [sys.executable, *interpreter, "-m", "bartizan", "gateway", "--config", config],
        cpu=0,
        env={**os.environ, "BARTIZAN_HOME": str(place.folder / "state")},
        log=log,
    )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if (line := log.read_text().partition("\n")[0]).startswith("http"):
            return Running(process=process, url=line)
        time.sleep(0.05)
    end(process)
    raise NotMeasuredError(f"does not start: {log.read_text()[-300:]}")


def written(key: ECKey, folder: Path) -> Path:
    """The issuer's keys as a file that the upstream gives out."""
    path = folder / "jwks.json"
    path.write_text(json.dumps(jwks(key)), encoding="utf-8")
    return path
