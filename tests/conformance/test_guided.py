"""Coverage-guided fuzzing of what reads hostile bytes: no crash, no hang, no difference, in bounded memory."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ATHERIS = "atheris==3.0.0"
SCRIPT = Path(__file__).parents[1] / "fixtures/guided.py"
SECONDS = 20
SEEDS = {
    "reading": (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":[1,-2.5e3,true,null]}}}',
        b'[{"jsonrpc":"2.0","id":"\\u00e9\\ud83d\\ude00","result":{"":{}}}]',
    ),
    "requests": (
        b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}GET /b HTTP/1.1\r\nhost: b:1\r\n\r\n",
        b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    "streams": (b": a\n\nid: 1\r\nretry: 5\r\ndata: {}\r\n\r\nevent: message\rdata: a\rdata: b\r\r",),
}


@pytest.fixture(scope="module")
def atheris(request: pytest.FixtureRequest) -> Path:
    """A folder that has it; it is made for CPython on Linux alone."""
    assert request.config.cache
    folder = request.config.cache.mkdir("atheris") / f"{ATHERIS}-{sys.version_info.minor}"
    if not folder.exists():
        new = folder.with_name(f".{folder.name}.{os.getpid()}")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run([*command, "--target", str(new), ATHERIS], capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(new, ignore_errors=True)
            pytest.skip(f"{ATHERIS} cannot be installed for this Python: {done.stderr.strip()[-300:]}")
        new.rename(folder)
    return folder


@pytest.mark.parametrize("target", SEEDS)
def test_guided_by_coverage_nothing_is_found(atheris, tmp_path, target):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[target]):
        (corpus / str(number)).write_bytes(seed)
    command = [sys.executable, str(SCRIPT), target, str(SECONDS), str(corpus)]
    environment = {**os.environ, "PYTHONPATH": str(atheris)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS * 10, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr
    assert len(list(corpus.iterdir())) > len(SEEDS[target])  # it found its way further than the seeds lead
