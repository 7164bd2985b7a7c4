"""ClientSpec: one MCP client in the catalogue `content/clients.yml`. Roots: what its path patterns stand on."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

Role = Literal[
    "servers", "settings", "agent", "instruction", "skill", "hook", "script", "memory", "dotenv", "unknown", "named"
]
Format = Literal["json", "jsonc", "jsonl", "yaml", "toml", "markdown", "text", "dotenv"]
System = Literal["linux", "macos", "windows"]
Scope = Literal["user", "project", "managed", "plugin"]


class ConfigPath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One path pattern of a client, and what is read where.

    `path` starts with `~`, `{APP}` (the folder in which applications keep their settings), `{CONFIG}` (`~/.config`),
    `{DATA}`, `{LOCALAPPDATA}`, `{PROGRAMDATA}`, `{PROGRAMFILES}`, `{PROJECT}`, `{$VARIABLE}` or `/`; `*` stands for any
    part of one name and `**` for up to `search_depth_max` folders.

    The others are places in the document: names joined by `/`, `*` for any one name; a name may hold dots, and an
    empty text is the document itself. `keys`: maps or arrays of servers. `disabled`: arrays of names of servers that
    are off, beside such a map. `projects`: folders that the client works in (the names of a map, or texts).
    `models`: a model's name, or an object that names model, provider and address. `hooks`: commands that the client
    starts by itself. `agents`: maps of agent definitions. `approvals`: settings by which the client asks its user less.
    """

    path: str
    systems: tuple[System, ...] = ("linux", "macos", "windows")
    role: Role = "servers"
    format: Format = "jsonc"
    scope: Scope = "user"
    keys: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()


class LogPath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where logs or crash dumps lie: a pattern as at ConfigPath. They are searched for secrets only."""

    path: str
    systems: tuple[System, ...] = ("linux", "macos", "windows")
    role: Literal["log", "crash_dump"] = "log"


class ClientSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client: its files, where that is known from, and how sure it is.

    `fields` says under which keys (in order, parted by blanks) an entry holds command, args, env, url, url_sse,
    headers, directory, type, enabled, disabled and env_file, where these differ from the usual ones. `logs` are those
    that the client keeps of its servers; those of the unknown client are what runtimes and package managers leave.

    `reference` is how its files name a variable instead of a secret: a text with NAME in it, filled in by the client,
    or `inputs` (VS Code asks and keeps), `env_vars` (Codex) and `env_keys` (Goose), lists of variables that are passed
    on. Empty: no way is known. `reference_fields` says where it is filled in (`any`: in every text of the file),
    `reference_files` how the paths of the files end in which it is. `turns_off` is the line of an entry that turns a
    server off; empty where the client has none.
    """

    id: str
    name: str
    vendor: str = ""
    processes: tuple[str, ...] = ()
    paths: tuple[ConfigPath, ...]
    logs: tuple[LogPath, ...] = ()
    fields: dict[str, str] = {}
    reference: str = ""
    reference_fields: str = "command args env url headers"
    reference_files: str = ""
    turns_off: Literal["", "disabled: true", "enabled: false"] = ""
    source: str
    confidence: Literal["low", "medium", "high"]
    verified: str


class Roots(msgspec.Struct, frozen=True, kw_only=True):
    """What the beginnings of path patterns stand for: one user's home, the root of the machine, perhaps a project.

    `root` is empty for the machine itself, a folder for the image of another, and None where nothing outside of the
    home is to be read. `environment` holds the variables that move a client's folder.
    """

    system: System
    home: str = ""
    project: str = ""
    root: str | None = ""
    environment: Mapping[str, str] = {}

    def folders(self) -> dict[str, str]:
        """Folders by the names that patterns use; what does not exist on this system is missing."""
        home, root, found = self.home, self.root, dict[str, str]()
        if home:
            found = {"~": home, "{CONFIG}": f"{home}/.config", "{DATA}": f"{home}/.local/share"}
            found["{APP}"] = home + _APP[self.system]
            if self.system == "windows":
                found["{LOCALAPPDATA}"] = f"{home}/AppData/Local"
        if self.project:
            found["{PROJECT}"] = self.project
        if root is not None:
            found |= {"": root}
            if self.system == "windows":
                drive = root or "C:"
                found |= {"{PROGRAMDATA}": f"{drive}/ProgramData", "{PROGRAMFILES}": f"{drive}/Program Files"}
        return found | {f"{{${name}}}": value for name, value in self.environment.items() if value}


_APP: dict[System, str] = {
    "linux": "/.config",
    "macos": "/Library/Application Support",
    "windows": "/AppData/Roaming",
}
_HEAD = re.compile(r"(~|\{[A-Z]+\}|\{\$[A-Za-z_]\w*\}|)(/.*|)")


def head_of(pattern: str) -> str | None:
    """The beginning of a pattern: `~`, `{APP}`, an empty text for an absolute path; None where there is none."""
    match = _HEAD.fullmatch(pattern)
    return match[1] if match and (match[1] or match[2]) else None


def expand(pattern: str, roots: Roots) -> str | None:
    """A path pattern on these roots, with its wildcards; None where it has no place on this system."""
    head = head_of(pattern)
    if head is None:
        return None
    folder = roots.folders().get(head)
    return None if folder is None else folder.rstrip("/") + pattern[len(head) :]
