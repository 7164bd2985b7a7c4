"""Fetching packages: only from the configured index, without running anything, whole or not at all."""

import asyncio
import base64
import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bartizan.adapters.sandbox import indexes
from bartizan.adapters.sandbox.bubblewrap import BubblewrapSandbox
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.record import PackageRecord
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.ports import Confined, SandboxError, Wanted
from fixtures.needs import needs
from fixtures.package_index import PackageIndex, tarball_of

pytestmark = needs("bwrap", "node", "npm")

SERVER_JS = "#!/usr/bin/env node\nconsole.log(JSON.stringify({argv: process.argv.slice(2), version: VERSION}))\n"
SERVER_PY = "import json, sys\ndef main():\n    print(json.dumps({'argv': sys.argv[1:]}))\n"
POSTINSTALL = "require('fs').writeFileSync('ran', 'x')\n"


@pytest.fixture
def index(monkeypatch):
    with PackageIndex() as served:
        monkeypatch.setenv("npm_config_registry", served.url)
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple")
        yield served


@pytest.fixture
def elsewhere():
    with PackageIndex() as served:
        yield served


@pytest.fixture
def sandbox(tmp_path):
    return BubblewrapSandbox(tmp_path / "cache")


def wanted_launch(*words: str) -> Launch:
    return Launch(transport=Transport.STDIO, command=tuple(Secret(word) for word in words), shown=" ".join(words))


def confine(sandbox, wanted: Wanted) -> Confined:
    return asyncio.run(sandbox.confine(wanted_launch("npx", wanted.name), wanted))


def said(confined: Confined) -> dict:
    done = subprocess.run(
        confined.command, env=dict(confined.environment), capture_output=True, timeout=60, check=False
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def publish(index: PackageIndex, name: str = "canary", version: str = "1.0.0", **document) -> None:
    files = {"server.js": SERVER_JS.replace("VERSION", json.dumps(version)), "post.js": POSTINSTALL}
    index.add_npm(name, version, {"bin": {"canary": "server.js"}, **document}, files)


def cached(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_package_is_fetched_at_its_newest_version_and_started_with_its_arguments(sandbox, index):
    publish(index, version="1.0.0")
    publish(index, version="1.1.0")
    confined = confine(sandbox, Wanted(ecosystem="npm", name="canary", arguments=("--x", "/data")))
    assert confined.version == "1.1.0"
    assert said(confined) == {"argv": ["--x", "/data"], "version": "1.1.0"}


@pytest.mark.parametrize(("asked", "got"), [("1.0.0", "1.0.0"), ("^1.0.0", "1.1.0"), ("latest", "2.0.0")])
def test_a_version_a_range_and_a_tag_resolve_as_npm_resolves_them(sandbox, index, asked, got):
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        publish(index, version=version)
    assert confine(sandbox, Wanted(ecosystem="npm", name="canary", version=asked)).version == got


@pytest.mark.mission("X5")
def test_an_installation_script_does_not_run(sandbox, index, tmp_path):
    publish(index, scripts={"preinstall": "node post.js", "postinstall": "node post.js", "prepare": "node post.js"})
    confine(sandbox, Wanted(ecosystem="npm", name="canary"))
    assert list(tmp_path.glob("cache/*/tree/node_modules/canary/server.js"))
    assert not list(tmp_path.glob("cache/**/ran"))
    outside = tmp_path / "outside"
    outside.mkdir()
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--prefix", ".", "--cache", "./c", "canary"],
        cwd=outside, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert (outside / "node_modules" / "canary" / "ran").exists()


@pytest.mark.mission("P4")
def test_what_an_installation_would_run_and_who_vouches_is_told_of_what_was_fetched(sandbox, index):
    index.add_npm("native", "1.0.0", {"scripts": {"install": "node post.js"}}, {"post.js": POSTINSTALL})
    publish(index, scripts={"postinstall": "node post.js"}, dependencies={"native": "1.0.0"})
    page = json.loads(index.answers["/canary"][1])
    page["versions"]["1.0.0"]["dist"]["signatures"] = [{"keyid": "SHA256:a", "sig": "b"}]
    page["versions"]["1.0.0"]["hasInstallScript"] = True
    index.answers["/canary"] = ("application/json", json.dumps(page).encode())
    found = confine(sandbox, Wanted(ecosystem="npm", name="canary")).package
    assert found == PackageRecord(
        ecosystem="npm",
        name="canary",
        version="1.0.0",
        install_scripts={"postinstall": "node post.js"},
        scripted_dependencies=("native",),
        provenance="none",
        signature="present",
    )
    again = confine(sandbox, Wanted(ecosystem="npm", name="canary", version="1.0.0")).package
    assert again == found


@pytest.mark.mission("M1", "P4")
@pytest.mark.parametrize(("of", "told"), [("canary@1.0.0", "verified"), ("calm@1.0.0", "mismatch")])
def test_a_signature_of_the_registry_is_verified_over_what_was_fetched(sandbox, index, of: str, told: str):
    publish(index)
    page = json.loads(index.answers["/canary"][1])
    dist = page["versions"]["1.0.0"]["dist"]
    sign, public = registry_key()
    dist["signatures"] = [{"keyid": "SHA256:a", "sig": sign(f"{of}:{dist['integrity']}")}]
    index.answers["/canary"] = ("application/json", json.dumps(page).encode())
    key = {"keyid": "SHA256:a", "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "expires": None}
    index.answers["/-/npm/v1/keys"] = ("application/json", json.dumps({"keys": [{**key, "key": public}]}).encode())
    found = confine(sandbox, Wanted(ecosystem="npm", name="canary")).package
    assert found is not None
    assert found.signature == told


def registry_key() -> tuple[Callable[[str], str], str]:
    """A registry's signing, with a key made for it, and the public half as it publishes it."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(message: str) -> str:
        return base64.b64encode(private.sign(message.encode(), ec.ECDSA(SHA256()))).decode()

    return sign, base64.b64encode(public).decode()


@pytest.mark.mission("P4")
def test_a_wheel_that_would_run_code_at_every_start_is_told(sandbox, index):
    index.add_wheel("calm", "1.0", {"calm.py": SERVER_PY})
    index.add_wheel("eager", "1.0", {"eager.py": SERVER_PY, "eager.pth": "import eager\n"}, requires=("calm",))
    for name, expected in (("calm", {}), ("eager", {"eager.pth": "import eager"})):
        confined = confine(sandbox, Wanted(ecosystem="pypi", name=name))
        assert confined.package is not None
        assert confined.package.install_scripts == expected


@pytest.mark.mission("X5")
def test_a_dependency_from_elsewhere_is_refused_and_named(sandbox, index, elsewhere, tmp_path):
    stray = elsewhere.add_npm("stray", "1.0.0", {}, {})
    publish(index, dependencies={"stray": stray})
    with pytest.raises(SandboxError, match=f"127.0.0.1:{elsewhere.port}: not a host of the configured index"):
        confine(sandbox, Wanted(ecosystem="npm", name="canary"))
    assert elsewhere.asked == []
    assert cached(tmp_path) == []
    outside = tmp_path / "outside"
    outside.mkdir()
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--prefix", ".", "--cache", "./c", "canary"]
    subprocess.run(command, cwd=outside, check=True, capture_output=True, timeout=120)
    assert elsewhere.asked


def test_the_second_scan_takes_the_package_from_the_cache(sandbox, index, tmp_path):
    publish(index)
    first = confine(sandbox, Wanted(ecosystem="npm", name="canary", version="1.0.0"))
    fetched = [path for path in index.asked if path.endswith(".tgz")]
    assert len(fetched) == 1
    again = confine(BubblewrapSandbox(tmp_path / "cache"), Wanted(ecosystem="npm", name="canary", version="1.0.0"))
    assert (again.version, again.sha256) == (first.version, first.sha256)
    assert [path for path in index.asked if path.endswith(".tgz")] == fetched
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_two_scans_at_once_end_with_one_package(index, tmp_path):
    publish(index)
    wanted = Wanted(ecosystem="npm", name="canary")

    async def both():
        scans = [BubblewrapSandbox(tmp_path / "cache") for _ in range(2)]
        return await asyncio.gather(*(scan.confine(wanted_launch("npx", "canary"), wanted) for scan in scans))

    one, other = asyncio.run(both())
    assert one.sha256 == other.sha256
    assert len(cached(tmp_path)) == 1
    assert said(one) == said(other)


def test_a_package_larger_than_allowed_is_stopped_and_not_kept(index, tmp_path):
    publish(index)
    index.add_npm("large", "1.0.0", {"bin": "x.js"}, {"x.js": os.urandom(3_000_000).hex()})
    sandbox = BubblewrapSandbox(tmp_path / "cache", Limits(fetch_bytes_max=1_000_000))
    with pytest.raises(SandboxError, match="fetch_bytes_max"):
        confine(sandbox, Wanted(ecosystem="npm", name="large"))
    assert cached(tmp_path) == []


def test_a_package_that_unpacks_without_end_is_stopped(index, tmp_path):
    publish(index)
    line = "".join(chr(33 + number % 90) for number in range(257))  # so dull that it packs well, not too well for npm
    files = {f"{number}.js": (line + os.urandom(2).hex()) * 100_000 for number in range(4)}
    index.add_npm("bomb", "1.0.0", {"bin": "x.js"}, files)
    sandbox = BubblewrapSandbox(tmp_path / "cache", Limits(fetch_bytes_max=50_000_000))
    with pytest.raises(SandboxError, match="fetch_bytes_max"):
        confine(sandbox, Wanted(ecosystem="npm", name="bomb"))
    assert cached(tmp_path) == []


def test_an_index_that_hangs_ends_at_the_deadline(index, tmp_path):
    publish(index)
    sandbox = BubblewrapSandbox(tmp_path / "cache", Limits(fetch_seconds_max=0.2))
    with pytest.raises(SandboxError, match="fetch_seconds_max"):
        confine(sandbox, Wanted(ecosystem="npm", name="canary"))
    assert cached(tmp_path) == []


def test_a_cache_in_a_deep_folder_works_and_one_that_cannot_be_written_says_so(index, tmp_path):
    publish(index)
    deep = tmp_path / ("x" * 120) / "cache"
    assert confine(BubblewrapSandbox(deep), Wanted(ecosystem="npm", name="canary")).version == "1.0.0"
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="Not a directory"):
        confine(BubblewrapSandbox(tmp_path / "file" / "cache"), Wanted(ecosystem="npm", name="canary"))


def test_what_the_index_does_not_have_is_said(sandbox, index):
    with pytest.raises(SandboxError, match="answered 404"):
        confine(sandbox, Wanted(ecosystem="npm", name="nothing-here"))


def test_a_wheel_is_fetched_with_its_dependencies_and_started(sandbox, index):
    index.add_wheel("canary", "1.0", {"canary.py": SERVER_PY}, requires=("helper<2",))
    index.add_wheel("helper", "1.5", {"helper.py": ""})
    index.add_wheel("helper", "2.0", {"helper.py": ""})
    confined = confine(sandbox, Wanted(ecosystem="pypi", name="canary", arguments=("--x",)))
    assert confined.version == "1.0"
    assert said(confined) == {"argv": ["--x"]}


def test_without_an_installed_pip_the_one_beside_python_does(sandbox, index, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    if not (Path(os.__file__).parent / "ensurepip" / "_bundled").is_dir():
        pytest.skip("this Python has no pip beside it")
    assert indexes.pip_place().endswith(".whl")
    index.add_wheel("canary", "1.0", {"canary.py": SERVER_PY})
    assert confine(sandbox, Wanted(ecosystem="pypi", name="canary")).version == "1.0"


def test_a_constraint_narrows_a_dependency(sandbox, index, tmp_path):
    index.add_wheel("canary", "1.0", {"canary.py": SERVER_PY}, requires=("helper",))
    for version in ("1.5", "2.0"):
        index.add_wheel("helper", version, {"helper.py": ""})
    confine(sandbox, Wanted(ecosystem="pypi", name="canary", version="1.0", constraints=("helper<2",)))
    assert [path.name for path in tmp_path.glob("cache/*/tree/helper-*")] == ["helper-1.5.dist-info"]


@pytest.mark.mission("X5")
def test_a_source_distribution_is_skipped_and_its_setup_never_runs(sandbox, index, tmp_path):
    body = tarball_of({"setup.py": f"open({str(tmp_path / 'ran')!r}, 'w')", "PKG-INFO": "Name: onlysource"})
    index.add_file("onlysource", "onlysource-1.0.tar.gz", body)
    for version in ("", "1.0"):
        with pytest.raises(SandboxError, match="no built wheel"):
            confine(sandbox, Wanted(ecosystem="pypi", name="onlysource", version=version))
    assert not (tmp_path / "ran").exists()


def test_a_wheel_from_elsewhere_is_refused_and_named(sandbox, index, elsewhere):
    elsewhere.add_wheel("stray", "1.0", {"stray.py": ""})
    address = f"{elsewhere.url}/files/stray-1.0-py3-none-any.whl"
    index.add_wheel("canary", "1.0", {"canary.py": SERVER_PY}, requires=(f"stray @ {address}",))
    with pytest.raises(SandboxError, match=f"127.0.0.1:{elsewhere.port}: not a host of the configured index"):
        confine(sandbox, Wanted(ecosystem="pypi", name="canary", version="1.0"))
    assert elsewhere.asked == []
