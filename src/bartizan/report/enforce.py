"""Allow-lists in the forms of clients' vendors: they admit the entries that lead to the gateway, and no other server.

Entries are matched by address and by whole command, not by name, which anybody may give to anything. What each form
cannot say is in `note`: a list that looks tighter than it is would be worse than none.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that may be used: by its command, or by its address. `client` and `name` are where it stands."""

    client: str
    name: str
    command: tuple[str, ...] = ()
    url: str = ""


class Enforcement(msgspec.Struct, frozen=True, kw_only=True):
    """A file for an administrator. `place` is where its vendor reads it; `note` what it does not keep out."""

    text: str
    place: str
    note: str


def _by_address_and_command(admitted: Sequence[Admitted]) -> list[dict[str, Any]]:
    urls = [{"serverUrl": one.url} for one in admitted if one.url]
    commands = [{"serverCommand": list(one.command)} for one in admitted if one.command]
    return [one for number, one in enumerate([*urls, *commands]) if one not in [*urls, *commands][:number]]


def _claude_code(admitted: Sequence[Admitted]) -> Enforcement:
    settings = {"allowManagedMcpServersOnly": True, "allowedMcpServers": _by_address_and_command(admitted)}
    return Enforcement(
        text=_json(settings),
        place="/etc/claude-code/managed-settings.json (macOS: /Library/Application Support/ClaudeCode/)",
        note="merge it into managed settings that are there already; users can write to none of these places",
    )


def _copilot(admitted: Sequence[Admitted]) -> Enforcement:
    return Enforcement(
        text=_json({"allowedMcpServers": _by_address_and_command(admitted)}),
        place="managed-settings.json of the enterprise, in its .github-private repository or by device management",
        note="the servers that are built into Copilot stay admitted; a setting that admits registry servers only, "
        "which matches names, is to be turned off",
    )


def _codex(admitted: Sequence[Admitted]) -> Enforcement:
    lines: list[str] = []
    for one in {entry.name: entry for entry in admitted if entry.client == "codex"}.values():
        what = f"url = {json.dumps(one.url)}" if one.url else f"command = {json.dumps(one.command[0])}"
        lines += [f"[mcp_servers.{json.dumps(one.name)}]", f"identity = {{ {what} }}", ""]
    return Enforcement(
        text="\n".join(lines or ["mcp_servers = {}", ""]),
        place="/etc/codex/requirements.toml",
        note="Codex matches the name and the program, not its arguments: an entry of such a name may ask `connect` for "
        "another server of the gateway, or name another gateway",
    )


def _cline(admitted: Sequence[Admitted]) -> Enforcement:
    remote = {one.name: one.url for one in admitted if one.url}
    settings: dict[str, Any] = {
        "mcpMarketplaceEnabled": False,
        "allowedMCPServers": [],
        "blockPersonalRemoteMCPServers": True,
        "remoteMCPServers": [{"name": name, "url": url} for name, url in remote.items()],
    }
    return Enforcement(
        text=_json(settings),
        place="the remote configuration of the organisation",
        note="Cline admits local servers by a marketplace id only, so entries of `connect` are not admitted: reach "
        "those servers by the gateway's address",
    )


VENDORS: dict[str, Callable[[Sequence[Admitted]], Enforcement]] = {
    "claude-code": _claude_code,
    "copilot": _copilot,
    "codex": _codex,
    "cline": _cline,
}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
