"""What a package would run when it is installed, read from its own files. They are hostile; nothing of them runs."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from bartizan.model.json import as_object

# What npm runs in a package that is installed from a registry; `prepare` runs for git dependencies and one's own only.
NPM_HOOKS = ("preinstall", "install", "postinstall")
_SCRIPT_CHARACTERS_MAX = 300
_PTH_CODE = re.compile(r"^import[ \t].*", re.MULTILINE)


def npm_manifest(body: bytes) -> dict[str, Any] | None:
    """A package.json; None for what is none."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return None


def npm_scripts(manifest: Mapping[str, Any], *, builds_addon: bool = False) -> dict[str, str]:
    """Hooks that npm runs at an installation. `builds_addon`: a binding.gyp, which npm builds unless told otherwise."""
    stated = as_object(manifest.get("scripts"))
    found = {hook: stated[hook] for hook in NPM_HOOKS if isinstance(stated.get(hook), str) and stated[hook].strip()}
    if builds_addon and not found.keys() & {"preinstall", "install"} and manifest.get("gypfile") is not False:
        found["install"] = "node-gyp rebuild"
    return {hook: str(command)[:_SCRIPT_CHARACTERS_MAX] for hook, command in found.items()}


def scripted_dependencies(lock: bytes, own: str, most: int) -> tuple[str, ...]:
    """Names of packages with install scripts in npm's `.package-lock.json`, without the package itself."""
    packages = as_object((npm_manifest(lock) or {}).get("packages"))
    names = {
        place.rpartition("node_modules/")[2]
        for place, entry in packages.items()
        if as_object(entry).get("hasInstallScript") is True
    }
    return tuple(sorted(names - {own}))[:most]


def pth_names(record: str) -> list[str]:
    """The `.pth` files that a wheel's RECORD lists beside the package; those of editable installations are not."""
    names = (line.partition(",")[0] for line in record.splitlines())
    return sorted({name for name in names if re.fullmatch(r"(?!__editable__)[\w.\-]{1,200}\.pth", name)})


def pth_code(text: str) -> str:
    """The first line of a `.pth` file that Python runs at every start; empty where it only names folders."""
    match = _PTH_CODE.search(text)
    return match[0][:_SCRIPT_CHARACTERS_MAX] if match else ""
