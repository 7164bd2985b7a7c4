"""Set up this checkout: `.venv` from a hashed lock, and the system packages that tests talk to.

    python3 tools/set_up.py run     what the program needs
    python3 tools/set_up.py dev     what the program, its checks and its tests need
    python3 tools/set_up.py system  Debian packages for tests, where this user may install them

Only the standard library, because it runs before anything is installed. Does nothing where nothing changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOG = VENV / "set-up.log"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)

# Program that a test talks to -> the Debian package that brings it. tests/fixtures/needs.py skips without them.
SYSTEM = {
    "bwrap": "bubblewrap",
    "postgres": "postgresql",
    "pgaudit": "postgresql-15-pgaudit",
    "slapd": "slapd",
    "ldapmodify": "ldap-utils",
    "node": "nodejs",
    "npm": "npm",
}


_POSTGRESQL = Path("/usr/lib/postgresql")


def main() -> int:
    """Do what the first argument names."""
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if sys.version_info < OLDEST:
        return _refuse(
            f"Python {OLDEST[0]}.{OLDEST[1]} or later is needed; {sys.executable} is {sys.version.split()[0]}"
        )
    if what == "system":
        return system_packages()
    if what in ("run", "dev"):
        return environment(what)
    return _refuse(__doc__ or "")


def environment(which: str) -> int:
    """Bring `.venv` to the state of `requirements/WHICH.lock`."""
    lock = ROOT / "requirements" / f"{which}.lock"
    state = _state(lock)
    stamp = VENV / f".set-up-{which}"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == state:
        return 0
    packages = sum("==" in line for line in lock.read_text().splitlines())
    _say(f"Setting up .venv, once (a minute or two; the details go to {LOG.relative_to(ROOT)})")
    if not _has_environment():
        _say("1/3 a virtual environment")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return _refuse(f"{made.stdout}{made.stderr}\nOn Debian and Ubuntu: apt-get install python3-venv")
    _say(f"2/3 up to {packages} packages, each checked against its hash")
    if not _pip("install", "--require-hashes", "-r", str(lock)):
        return _refuse(f"pip could not install {lock.relative_to(ROOT)}; the end of {LOG} is above")
    _say("3/3 Bartizan itself, from this folder")
    if not _pip("install", "--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)):
        return _refuse(f"pip could not install this folder; the end of {LOG} is above")
    for made_too in ("run", which):  # dev.lock holds all of run.lock, at the same versions
        (VENV / f".set-up-{made_too}").write_text(_state(ROOT / "requirements" / f"{made_too}.lock"))
    return 0


def system_packages() -> int:
    """Install what is missing with apt-get where this user may; say what stays missing. Never a failure here."""
    missing = {program: package for program, package in SYSTEM.items() if not find_program(program)}
    if not missing:
        return 0
    packages = sorted(missing.values())
    may = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if not may:
        _say(f"Tests that talk to {', '.join(sorted(missing))} will be skipped.")
        _say(f"To run them: apt-get install {' '.join(packages)}")
        return 0
    _say(f"Installing Debian packages that tests talk to: {' '.join(packages)}")
    quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], check=False, **quiet).returncode:
            _say(f"apt-get {command[0]} failed; tests that need those packages say so")
            break
    return 0


def find_program(name: str) -> str:
    """Path of a program, or an empty text; Debian keeps PostgreSQL's servers off the path, its modules beside them."""
    beside = sorted(one for kind in ("bin/{}", "lib/{}.so") for one in _POSTGRESQL.glob("*/" + kind.format(name)))
    return shutil.which(name) or (str(beside[-1]) if beside else "")


def _state(lock: Path) -> str:
    """What an environment was made from: a change of it means work. A moved checkout counts as a change."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (lock, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _has_environment() -> bool:
    """Whether `.venv` has a Python that is new enough, works, and was made in this place."""
    if not PYTHON.exists():
        return False
    program = f"import sys, pip; assert sys.version_info >= {OLDEST}; print(sys.prefix)"
    asked = subprocess.run([str(PYTHON), "-c", program], capture_output=True, text=True, check=False)
    shebang = VENV / "bin" / "pip"
    here = os.name == "nt" or (shebang.exists() and str(VENV) in shebang.read_text(errors="replace")[:300])
    return asked.returncode == 0 and here


def _pip(*arguments: str) -> bool:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        print("\n".join(LOG.read_text(errors="replace").splitlines()[-25:]), file=sys.stderr)
    return done.returncode == 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _refuse(line: str) -> int:
    _say(line)
    return 2


if __name__ == "__main__":
    sys.exit(main())
