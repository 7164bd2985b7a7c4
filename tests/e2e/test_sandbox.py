"""Hostile programs in the sandbox, each beside the same program outside it, so that every check can fail."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from bartizan.adapters.sandbox import box
from bartizan.adapters.sandbox.bubblewrap import BubblewrapSandbox
from bartizan.model.launch import Launch
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.ports import Confined, SandboxError, Wanted
from fixtures import hostile_server
from fixtures.needs import needs

pytestmark = needs("bwrap")

HOSTILE = Path(hostile_server.__file__)


def launch_of(*words: str, directory: str | None = None, **environment: str) -> Launch:
    return Launch(
        transport=Transport.STDIO,
        command=tuple(Secret(word) for word in words),
        environment={name: Secret(value) for name, value in environment.items()},
        directory=directory,
        shown=" ".join(words),
    )


def confine(sandbox: BubblewrapSandbox, launch: Launch, wanted: Wanted) -> Confined:
    return asyncio.run(sandbox.confine(launch, wanted))


def started(confined: Confined, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        confined.command, env=dict(confined.environment), capture_output=True, timeout=60, check=False, **more
    )


@pytest.fixture
def sandbox(tmp_path):
    return BubblewrapSandbox(tmp_path / "cache")


@pytest.fixture
def place():
    """A folder that every user may enter, unlike pytest's own: an ordinary user's box is tried too."""
    folder = Path(tempfile.mkdtemp(prefix="bartizan-sandbox-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def estate(place):
    """What there is to steal and to break: a home, a process with a secret, sockets of three kinds."""
    canary, marker = "canary-" + secrets.token_hex(12), "marker-" + secrets.token_hex(12)
    for name in ("home", "project"):
        (place / name).mkdir()
    (place / "home" / "secret.txt").write_text(canary)
    shutil.copy(HOSTILE, place / "project" / "server.py")
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("0.0.0.0", 0), backlog=64))
        unix, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        unix.bind(str(place / "socket"))
        abstract.bind("\0" + marker)
        unix.listen()
        abstract.listen()
        victim = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()", marker],
            env={"API_KEY": canary},
            stdin=subprocess.PIPE,
        )
        yield {
            "canary": canary,
            "marker": marker,
            "home": str(place / "home"),
            "script": str(place / "project" / "server.py"),
            "port": tcp.getsockname()[1],
            "address": own_address(),
            "unix": str(place / "socket"),
            "abstract": marker,
            "victim": victim.pid,
            "forks": 200,
            "memory": 3 << 30,
            "file_mib": 100,
        }
        victim.kill()
        victim.wait()
        assert victim.stdin
        victim.stdin.close()
    for process in processes_with(marker):
        os.kill(process, signal.SIGKILL)


def own_address() -> str:
    """An address of this machine that is not loopback, where it has one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return probe.getsockname()[0]


def processes_with(marker: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"{marker}-outlives".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def wait_until(condition, seconds: float = 10) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def hostile_launch(estate, *more: str) -> tuple[Launch, Wanted]:
    words = (sys.executable, estate["script"], json.dumps(estate), *more)
    return launch_of(*words, API_KEY=estate["canary"]), Wanted(
        ecosystem="local", name="server.py", path=estate["script"]
    )


EVERYTHING = dict.fromkeys(hostile_server.ATTEMPTS, True)
# To leave a child behind is allowed: what matters is that it does not outlive the box.
NOTHING = {**dict.fromkeys(hostile_server.ATTEMPTS, False), "outlive": True}


def test_outside_the_sandbox_every_attempt_succeeds(estate):
    launch, _ = hostile_launch(estate)
    command = [word.reveal() for word in launch.command]
    done = subprocess.run(command, env={"API_KEY": estate["canary"]}, capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout) == EVERYTHING
    assert wait_until(lambda: processes_with(estate["marker"]))


@pytest.mark.mission("X5", "M3")
def test_in_the_sandbox_every_attempt_fails(sandbox, estate):
    done = started(confine(sandbox, *hostile_launch(estate)))
    assert json.loads(done.stdout) == NOTHING, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.mission("X5")
def test_in_the_sandbox_of_an_ordinary_user_every_attempt_fails(sandbox, estate, monkeypatch):
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    monkeypatch.setattr(box, "interpreter", lambda: "/usr/bin/python3")
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    confined = confine(sandbox, *hostile_launch(estate))
    assert "--cap-add" not in confined.command
    done = started(confined, user=65_534, group=65_534, extra_groups=[])
    assert json.loads(done.stdout) == NOTHING, done.stderr


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.mission("X5")
def test_nothing_in_the_box_outlives_it(sandbox, estate, end):
    confined = confine(sandbox, *hostile_launch(estate, "--stay"))
    process = subprocess.Popen(confined.command, env=dict(confined.environment), stdin=-1, stdout=-1, stderr=-1)
    assert process.stdout
    assert json.loads(process.stdout.readline())["outlive"]
    assert wait_until(lambda: processes_with(estate["marker"]))
    process.send_signal(end)
    process.communicate(timeout=10)
    assert wait_until(lambda: not processes_with(estate["marker"]))


def test_the_box_ends_with_the_program_that_started_it(sandbox, estate):
    confined = confine(sandbox, *hostile_launch(estate, "--stay"))
    code = "import json,subprocess,sys; c=json.loads(sys.argv[1]); subprocess.Popen(c, env={}); sys.stdin.read()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(confined.command)], stdin=-1, stdout=-1, stderr=subprocess.DEVNULL
    )
    assert parent.stdout
    assert json.loads(parent.stdout.readline())["outlive"]
    assert wait_until(lambda: processes_with(estate["marker"]))
    parent.kill()
    parent.communicate(timeout=10)
    assert wait_until(lambda: not processes_with(estate["marker"]))


SHOW = """
import json, os
from pathlib import Path
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
print(json.dumps({
    "environment": dict(os.environ), "user": os.getuid(), "directory": os.getcwd(), "roots": sorted(os.listdir("/")),
    "capabilities": status["CapEff"].strip() + status["CapPrm"].strip(), "no_new": status["NoNewPrivs"].strip(),
    "etc": sorted(os.listdir("/etc")), "data": os.listdir("/data") if os.path.isdir("/data") else None,
    "dotenv": Path(__file__).with_name(".env").read_text(), "interfaces": os.listdir("/sys/class/net")
    if os.path.isdir("/sys/class/net") else [], "processes": len([p for p in os.listdir("/proc") if p.isdigit()]),
}))
"""


def test_a_server_sees_a_small_fixed_world(sandbox, place):
    (place / "project").mkdir()
    (place / "project" / ".env").write_text("KEY=secret")
    (place / "project" / "show.py").write_text(SHOW)
    script = str(place / "project" / "show.py")
    launch = launch_of(sys.executable, script, "/data", directory="/home/alice/work", API_KEY="real", PATH="/evil")
    done = started(confine(sandbox, launch, Wanted(ecosystem="local", name="show.py", path=script)))
    seen = json.loads(done.stdout)
    assert seen["environment"].keys() - {"LC_CTYPE", "PWD"} == {"PATH", "HOME", "USER", "LANG", "API_KEY"}
    assert seen["environment"]["API_KEY"] == "bartizan-dummy"
    assert "/evil" not in seen["environment"]["PATH"]
    assert (seen["user"], seen["directory"]) == (65_534, "/home/alice/work")
    assert set(seen["capabilities"]) == {"0"}
    assert seen["no_new"] == "1"
    assert seen["data"] == []
    assert seen["dotenv"] == ""
    assert not {"shadow", "ssh", "hostname", "machine-id"} & set(seen["etc"])
    assert not {"var", "opt", "srv", "mnt", "sys", "boot"} & set(seen["roots"])
    assert seen["processes"] < 5


def test_no_value_of_the_launch_stands_in_the_confined_command(sandbox, place):
    (place / "x.py").write_text("")
    secret = "sk-" + "ant-" + "a1B2" * 10
    words = (sys.executable, str(place / "x.py"), "--api-key", "aPlainSecret99", f"--u={secret}")
    launch = launch_of(*words, TOKEN="anotherSecret77")
    confined = confine(sandbox, launch, Wanted(ecosystem="local", name="x.py", path=str(place / "x.py")))
    written = " ".join([*confined.command, *confined.environment, *confined.environment.values()])
    assert "x.py" in written
    assert not [value for value in (secret, "aPlainSecret99", "anotherSecret77") if value in written]


@pytest.mark.parametrize(
    ("wanted", "command", "reason"),
    [
        (Wanted(ecosystem="oci", name="mcp/git"), ("docker", "run", "mcp/git"), "container images"),
        (Wanted(ecosystem="unknown", name="git+ssh"), ("uvx", "git+https://x.example/y"), "not a package index"),
        (Wanted(ecosystem="local", name="x", path="/no/such/x.py"), (sys.executable, "/no/such/x.py"), "not there"),
        (Wanted(ecosystem="local", name="x", path="/no/such"), ("/no/such",), "not on this host"),
        (Wanted(ecosystem="unknown", name=""), (), "no command"),
    ],
)
def test_what_cannot_be_started_is_skipped_with_a_reason(sandbox, wanted, command, reason):
    with pytest.raises(SandboxError, match=reason):
        confine(sandbox, launch_of(*command), wanted)


@pytest.mark.mission("X5")
def test_without_bubblewrap_the_reason_says_what_to_install(sandbox, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "install" in sandbox.available()
    with pytest.raises(SandboxError, match="bubblewrap is not installed"):
        confine(sandbox, launch_of("x"), Wanted(ecosystem="local", name="x"))


def test_a_bubblewrap_that_cannot_make_namespaces_is_no_sandbox(tmp_path, monkeypatch):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(broken))
    assert "refuses user namespaces" in BubblewrapSandbox(tmp_path / "cache").available()
