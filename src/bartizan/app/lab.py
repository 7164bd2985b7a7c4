"""The lab: a small estate of real servers, and one poisoned, for a machine that has none to look at."""

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
_MODE = 0o644  # readable by others, as such files usually are: one of the things to find


def build_lab(folder: Path) -> Path:
    """Lay the lab out below `folder` and give its home. Its credentials are random and unlock nothing."""
    content = files("bartizan.content").joinpath("lab")
    home = folder / "home"
    (folder / "notes").mkdir(parents=True, exist_ok=True)
    server = folder / "poisoned_server.py"
    server.write_text(content.joinpath("poisoned_server.py").read_text(encoding="utf-8"), encoding="utf-8")
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
