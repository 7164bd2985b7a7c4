"""ClientSpec: one MCP client in the catalogue `content/clients.yml`."""

from typing import Literal

import msgspec

Role = Literal["servers", "settings", "agent", "instruction", "skill", "hook", "memory", "dotenv", "unknown"]
Format = Literal["json", "jsonc", "yaml", "toml", "text"]
System = Literal["linux", "macos", "windows"]


class ConfigPath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One path pattern of a client and how what lies there is read.

    `path` starts with `~`, `{CONFIG}`, `{DATA}`, `{APPDATA}`, `{LOCALAPPDATA}`, `{PROGRAMDATA}`, `{PROJECT}` or `/`;
    `*` stands for one name and `**` for up to `search_depth_max` folders. `keys` are the places of server maps or
    arrays: names joined by `/`, `*` for any one name; a name may hold dots. An empty `keys` means that the document
    itself is the map.
    """

    path: str
    systems: tuple[System, ...] = ("linux", "macos", "windows")
    role: Role = "servers"
    format: Format = "jsonc"
    keys: tuple[str, ...] = ("mcpServers",)
    scope: Literal["user", "project", "managed", "plugin"] = "user"
    environment: str = ""


class ClientSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client: its files, where that is known from, and how sure it is."""

    id: str
    name: str
    vendor: str = ""
    processes: tuple[str, ...] = ()
    paths: tuple[ConfigPath, ...]
    fields: dict[str, str] = {}
    source: str
    confidence: Literal["low", "medium", "high"]
    verified: str
