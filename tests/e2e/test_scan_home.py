"""`bartizan` as a user runs it, on a home with a dozen clients: what it prints, how it exits, what it never tells."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from estate import Estate  # pyright: ignore[reportMissingImports]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`bartizan ARGS` with a state folder of its own."""

    def run_it(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "BARTIZAN_HOME": str(tmp_path / "state"), "NO_COLOR": "1", **more}
        environment.pop("BARTIZAN_CONFIG", None)
        return subprocess.run(
            [sys.executable, "-m", "bartizan", *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run_it


def scan_json(run: Run, estate: Estate) -> dict:  # pyright: ignore[reportMissingTypeArgument]
    done = run("scan", "--home", estate.home, "--format", "json")
    assert done.returncode == 3, done.stderr
    return json.loads(done.stdout)


@pytest.mark.mission("P1")
@pytest.mark.mission("P7")
def test_one_inventory_holds_the_servers_of_every_client(run: Run, estate: Estate):
    report = scan_json(run, estate)
    kinds = {asset["kind"] for asset in report["inventory"]["assets"]}
    assert {"client", "server", "package", "credential", "document", "person"} <= kinds
    clients = {asset["attributes"]["client"] for asset in report["inventory"]["assets"] if asset["kind"] == "client"}
    assert len(clients) >= 10


@pytest.mark.mission("X2")
def test_nothing_that_was_not_looked_at_reads_as_clean(run: Run, estate: Estate):
    report = scan_json(run, estate)
    assert report["summary"]["complete"] is False
    started = {look["subject"] for look in report["inventory"]["looks"] if look["part"] == "start"}
    servers = {asset["id"] for asset in report["inventory"]["assets"] if asset["kind"] == "server"}
    assert servers <= started
    for format_ in ("table", "html"):
        assert "not looked at" in run("scan", "--home", estate.home, "--format", format_).stdout.lower()
    bom = json.loads(run("scan", "--home", estate.home, "--format", "cyclonedx").stdout)
    assert any(part["aggregate"] == "incomplete" for part in bom["compositions"])


def test_a_broken_configuration_is_a_finding_with_its_line_and_the_rest_goes_on(run: Run, estate: Estate):
    report = scan_json(run, estate)
    broken = [finding for finding in report["findings"] if finding["rule"] == "broken_configuration"]
    assert broken
    assert any(finding["place"].get("line") for finding in broken)
    assert any(finding["rule"] == "unpinned_launch" for finding in report["findings"])


@pytest.mark.mission("K5.assess")
@pytest.mark.mission("M13")
def test_secrets_are_findings_and_no_output_holds_one(run: Run, estate: Estate, tmp_path: Path):
    told: list[str] = []
    for arguments in (
        ("discover",),
        ("scan",),
        ("scan", "--format", "json"),
        ("scan", "--format", "html"),
        ("scan", "--format", "cyclonedx"),
        ("scan", "--snapshot", tmp_path / "saved.json"),
        ("scan", "--format", "nonsense"),
    ):
        done = run(*arguments, "--home", estate.home, PYTHONFAULTHANDLER="1", PYTHONDEVMODE="1")
        told += [done.stdout, done.stderr]
    kept = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert kept
    assert estate.leaks("\n".join(told)) == []
    assert [name for content in [*kept, (tmp_path / "saved.json").read_bytes()] for name in estate.leaks(content)] == []
    report = scan_json(run, estate)
    found = [finding for finding in report["findings"] if finding["rule"] == "secret_in_configuration"]
    assert len({finding["subject"] for finding in found}) >= len(estate.canaries) - 2


@pytest.mark.mission("M13")
def test_a_failure_in_the_middle_tells_no_secret(estate: Estate, tmp_path: Path):
    script = tmp_path / "fail.py"
    script.write_text(
        "import sys, bartizan.app.scan as scan\n"
        "def fail(*a, **k): raise RuntimeError('in the middle')\n"
        "scan.run = fail\n"
        "from bartizan.cli.main import main\n"
        f"sys.argv = ['bartizan', 'scan', '--home', {str(estate.home)!r}]\n"
        "main()\n"
    )
    environment = {**os.environ, "BARTIZAN_HOME": str(tmp_path / "state"), "PYTHONDEVMODE": "1"}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 70
    assert "in the middle" in done.stderr
    assert estate.leaks(done.stdout + done.stderr) == []


@pytest.mark.skipif(sys.platform != "linux", reason="core dumps are arranged differently elsewhere")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.mission("M17")
def test_a_crash_leaves_no_core_dump_of_a_process_that_read_secrets(tmp_path: Path, private: bool):
    if Path("/proc/sys/kernel/core_pattern").read_text().startswith(("|", "/")):
        pytest.skip("this machine sends core dumps elsewhere, where a test cannot look")
    program = "import os, resource\n"
    program += "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
    program += "from bartizan.app.private import keep_memory_private\nkeep_memory_private()\n" if private else ""
    program += "os.abort()\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == -6
    cores = [path for path in tmp_path.iterdir() if path.name.startswith("core")]
    assert bool(cores) is not private


@pytest.mark.mission("X5")
def test_nothing_that_a_configuration_names_is_started_or_contacted_unasked(run: Run, tmp_path: Path):
    home = tmp_path / "home"
    (home / ".cursor").mkdir(parents=True)
    witness = tmp_path / "started"
    server = {"command": "touch", "args": [str(witness)]}
    remote = {"url": "http://169.254.169.254/latest/meta-data/"}
    (home / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": {"x": server, "y": remote}}))
    assert run("scan", "--home", home).returncode == 3
    assert run("scan", "--home", home, "--launch", "ask").returncode == 3
    assert not witness.exists()


@pytest.mark.mission("X7")
def test_a_saved_snapshot_is_judged_again_to_the_same_findings(run: Run, estate: Estate, tmp_path: Path):
    saved = tmp_path / "saved.json"
    first = run("scan", "--home", estate.home, "--format", "json", "--snapshot", saved)
    again = run("scan", "--from-snapshot", saved, "--format", "json")
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert json.loads(first.stdout)["findings"] == json.loads(again.stdout)["findings"]
    assert again.returncode == 3


def test_findings_of_a_baseline_do_not_fail_a_complete_scan(run: Run, tmp_path: Path):
    inventory = {
        "taken_at": "2026-11-20T12:00:00Z",
        "looks": [{"part": "network", "outcome": "looked"}],
        "assets": [
            {
                "id": "instance:a",
                "kind": "instance",
                "name": "x",
                "attributes": {"url": "http://10.0.0.7:8000/mcp", "status": "open"},
            }
        ],
    }
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(inventory))
    report = tmp_path / "report.json"
    assert run("scan", "--from-snapshot", saved, "--format", "json", "--output", report).returncode == 1
    assert run("scan", "--from-snapshot", saved, "--fail-on", "critical").returncode == 0
    assert run("scan", "--from-snapshot", saved, "--baseline", report).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["scan", "--from-snapshot", "nowhere.json"], "No such file"),
        (["scan", "no-such-thing"], "is no target"),
        (["scan", "--home", "nowhere"], "does not exist"),
        (["discover", "--target", "8.8.8.8"], "public"),
        (["discover", "--format", "xml"], "use one of"),
        (["map"], "no scan of this machine is kept"),
        (["discover", "--config", "nowhere.yml"], "BARTIZAN_CONFIG"),
    ],
)
def test_wrong_use_says_what_where_and_how_to_mend_it(run: Run, arguments: list[str], told: str):
    done = run(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.mission("R4")
@pytest.mark.mission("R3")
def test_the_map_shows_what_a_credential_unlocks_and_who_could_have_leaked_it(run: Run, estate: Estate):
    run("scan", "--home", estate.home)
    assert run("discover", "--home", estate.home).returncode in {0, 3}
    report = scan_json(run, estate)
    tokens = [
        asset
        for asset in report["inventory"]["assets"]
        if asset["kind"] == "credential" and asset["attributes"]["kind"] == "github-token"
    ]
    saved = estate.root / "saved.json"
    run("scan", "--home", estate.home, "--snapshot", saved)
    forward = run("map", "--from", tokens[0]["attributes"]["fingerprint"], "--format", "json", "--from-snapshot", saved)
    assert "GitHub" in forward.stdout
    backward = run("map", "--to", tokens[0]["id"], "--from-snapshot", saved)
    assert backward.returncode == 3  # over an inventory that is not whole
    kept = run("map", "--home", estate.home, "--to", tokens[0]["id"]).stdout
    assert kept.splitlines()[1:] == backward.stdout.splitlines()[1:]
    assert "server" in backward.stdout


def test_an_address_that_holds_a_secret_is_asked_and_nowhere_shown(run: Run, tmp_path: Path):
    secret = "ghp_" + "A1b2C3d4" * 5
    told: list[str] = []
    for command in (("discover", "--home", tmp_path / "empty", "--target"), ("scan",)):
        (tmp_path / "empty").mkdir(exist_ok=True)
        for form in (f"http://127.0.0.1:9/s/{secret}/mcp", f"http://127.0.0.1:9/mcp?api_key={secret}"):
            done = run(*command, form, "--format", "json")
            assert done.returncode in {0, 3}, done.stderr
            told += [done.stdout, done.stderr]
    assert secret not in "".join(told)
    assert "127.0.0.1:9" in "".join(told)
    assert all(secret.encode() not in path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
