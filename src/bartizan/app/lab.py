"""The lab: a small estate of real servers, one poisoned and one that drifts, where there is none to look at."""

import secrets
from importlib.resources import files
from pathlib import Path

# Each template of content/lab/home, and where its client reads it (Linux places; the lab is always laid out so).
_PLACES = {
    "cursor.json": ".cursor/mcp.json",
    "claude_desktop.json": ".config/Claude/claude_desktop_config.json",
    "codex.toml": ".codex/config.toml",
    "goose.yaml": ".config/goose/config.yaml",
    "vscode.json": ".config/Code/User/mcp.json",
    "claude_code.json": ".claude.json",
    "project.json": "weather-app/.mcp.json",
}
_RELEASE_1, _RELEASE_2 = "\nRELEASE = 1\n", "\nRELEASE = 2\n"  # of the server that drifts
_MODE = 0o644  # readable by others, as such files usually are: one of the things to find


def build_lab(folder: Path) -> Path:
    """Lay the lab out below `folder` and give its home. Its credentials are random and unlock nothing.

    Where it was laid out before, the server that drifts comes in its next release.
    """
    content = files("bartizan.content").joinpath("lab")
    home = folder / "home"
    (folder / "notes").mkdir(parents=True, exist_ok=True)
    for name in ("poisoned_server.py", "drifting_server.py"):
        text = content.joinpath(name).read_text(encoding="utf-8")
        again = (folder / name).exists()  # its publisher has waited until somebody may have approved it
        (folder / name).write_text(text.replace(_RELEASE_1, _RELEASE_2) if again else text, encoding="utf-8")
    values = {
        "@@LAB@@": str(folder),
        "@@HOME@@": str(home),
        "@@TOKEN@@": "ghp_" + "".join(secrets.choice("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789") for _ in range(36)),
        "@@PASSWORD@@": secrets.token_urlsafe(12),
    }
    for name, place in _PLACES.items():
        text = content.joinpath("home").joinpath(name).read_text(encoding="utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(_MODE)
    return home
