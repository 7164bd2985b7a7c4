"""Record what a real server says of itself, as a saved inventory that tests judge: `python -m tools.record_snapshot`.

    python -m tools.record_snapshot FILE uvx mcp-server-motherduck==1.1.0 --db-path :memory: --read-write

The command is written into the configuration of a home that is made for it, `bartizan scan --launch sandbox` starts it
there without network, and the saved inventory is written to FILE, indented, without standard error and with the home at
/home/alice, so that nothing of the recording machine is in it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main(output: Path, command: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        saved = _scan(Path(folder), command)
    if len(saved["snapshots"]) != 1:
        sys.stderr.write(f"no snapshot: {[look for look in saved['looks'] if look.get('reason')]}\n")
        return 1
    for snapshot in saved["snapshots"]:
        snapshot.pop("stderr", None)
    output.write_text(json.dumps(saved, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _scan(folder: Path, command: list[str]) -> dict[str, list[dict[str, str]]]:
    home = folder / "home" / "alice"
    (home / ".cursor").mkdir(parents=True)
    server = {"command": command[0], "args": command[1:]}
    configuration = home / ".cursor" / "mcp.json"
    configuration.write_text(json.dumps({"mcpServers": {"recorded": server}}, indent=2), encoding="utf-8")
    configuration.chmod(0o600)
    saved = folder / "saved.json"
    words = [
        "scan",
        "--home",
        str(home),
        "--launch",
        "sandbox",
        "--snapshot",
        str(saved),
        "--output",
        str(folder / "report.txt"),
    ]
    environment = {**os.environ, "BARTIZAN_HOME": os.environ.get("BARTIZAN_HOME", str(folder / "state"))}
    subprocess.run(
        [sys.executable, "-m", "bartizan", *words], env=environment, stdout=subprocess.DEVNULL, check=False, timeout=900
    )
    return json.loads(saved.read_text(encoding="utf-8").replace(f"{folder}/", "/"))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
