"""Runs a peer's own command many times in one process: `python drive.py MODULE:FUNCTION JOBS RESULTS`.

JOBS is a JSON list of argument lists; RESULTS becomes a JSON list of {"out", "error"} in their order. One process for
all spares the peer the start-up that a user pays once. The peer's interpreter runs it: it imports nothing else.
"""

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path


def run(entry: str, arguments: list[str]) -> dict[str, str]:
    out, error = io.StringIO(), ""
    module, _, function = entry.partition(":")
    sys.argv = [module, *arguments]
    try:
        with contextlib.redirect_stdout(out):
            getattr(importlib.import_module(module), function)()
    except SystemExit:  # its exit code says that there were findings
        pass
    except Exception as raised:  # a peer that crashes on one job is told, and goes on with the next
        error = f"{type(raised).__name__}: {raised}"
    return {"out": out.getvalue(), "error": error}


if __name__ == "__main__":
    entry, given, results = sys.argv[1:]  # the peer is given an argument list of its own
    jobs = json.loads(Path(given).read_text(encoding="utf-8"))
    Path(results).write_text(json.dumps([run(entry, job) for job in jobs]), encoding="utf-8")
