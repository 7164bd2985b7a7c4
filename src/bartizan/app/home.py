"""Where the state lies: the platform's data folder, or `BARTIZAN_HOME`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path:
    """The folder of the store, the local vault and the caches. Not created here."""
    if named := environment.get("BARTIZAN_HOME"):
        return Path(named).expanduser()
    if system == "darwin":
        return Path.home() / "Library" / "Application Support" / "bartizan"
    if system == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "bartizan"
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "bartizan"
