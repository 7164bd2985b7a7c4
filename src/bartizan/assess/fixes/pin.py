"""Pin a launch: the word that names the package gets the version beside it."""

import re
from typing import Any

from bartizan.assess.fixes.ticket import Path, Ticket, by_file
from bartizan.model.asset import AssetKind, EdgeKind
from bartizan.model.json import as_array, as_object, as_text
from bartizan.model.mend import Edit, Mend, NoMendError

_NPM_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.\-+]+)?", re.ASCII)
_PYPI_VERSION = re.compile(r"(?:\d+!)?\d+(?:\.\d+)*(?:[._\-]?[A-Za-z]+[._\-]?\d*)*(?:\+[A-Za-z0-9.]+)?", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_LOOK_UP = {
    "npm": "`npm view {name} version` names the newest one",
    "pypi": "`pip index versions {name}` names the newest one",
    "oci": "`docker buildx imagetools inspect {name}` names the digest",
}
_FORMS = {"npm": (_NPM_VERSION, "1.2.3"), "pypi": (_PYPI_VERSION, "1.2.3"), "oci": (_DIGEST, "sha256:...")}


def pin(ticket: Ticket) -> Mend:
    """Write the version into every entry of the server. Raises NoMendError where it is not known, or has no place."""
    package = as_object(ticket.server.attributes.get("package")) if ticket.server else {}
    name, ecosystem = as_text(package.get("name")), as_text(package.get("ecosystem"))
    if ecosystem not in _FORMS:
        raise NoMendError(f"versions of {ecosystem or 'this'} packages are pinned by hand")
    version = ticket.version or _resolved(ticket)
    form, example = _FORMS[ecosystem]
    if not version:
        told = _LOOK_UP[ecosystem].format(name=name)
        lying = [f"{version} lies in {path}" for version, path in _copies(ticket) if path][:3]
        told = "; ".join([told, *lying])
        raise NoMendError(
            f"no scan has resolved a version of {name}: name the one that you reviewed with --version ({told})"
        )
    if not form.fullmatch(version):
        raise NoMendError(f"{version!r} is no exact version of {ecosystem}: write one such as {example}")
    edits: list[tuple[str, Edit]] = []
    for sight in ticket.sights:
        pinned = {
            (number, path): word
            for number, (before, path) in enumerate(sight.words)
            if number > 0 and (word := _pinned(before, ecosystem, name, version)) is not None
        }
        if len(pinned) != 1:
            raise NoMendError(f"the command of {sight.name} in {sight.file} names {name} in no one place: pin it there")
        ((number, path), word), *_ = pinned.items()
        edits.append((sight.file, _edit(sight.document, path, sight.words[number][0], word)))
    return Mend(
        title=f"Pin {name} to {version}",
        files=by_file(edits),
        besides=(
            *(
                [f"{version} is what the scan fetched and looked at; --version names another"]
                if not ticket.version
                else []
            ),
            "review this version before it is trusted: pinning keeps what is there, good or bad",
        ),
    )


def _copies(ticket: Ticket) -> list[tuple[str, str]]:
    """Version and path of the copies of the package that the scan knows; one without a path was fetched by it."""
    loaded = {
        edge.target
        for edge in ticket.inventory.edges
        if edge.kind is EdgeKind.LOADS and ticket.server is not None and edge.source == ticket.server.id
    }
    packages = [asset for asset in ticket.inventory.of_kind(AssetKind.PACKAGE) if asset.id in loaded]
    copies = [as_object(copy) for asset in packages for copy in as_array(asset.attributes.get("copies"))]
    return [(version, as_text(copy.get("path"))) for copy in copies if (version := as_text(copy.get("version")))]


def _resolved(ticket: Ticket) -> str:
    """The version that the scan fetched to look at it in the sandbox.

    What a server says of itself is no version, and a copy that lies in a project was put there by whoever wrote the
    project: those are told, not taken.
    """
    versions = {version for version, path in _copies(ticket) if not path}
    return versions.pop() if len(versions) == 1 else ""


def _edit(document: Any, path: Path, before: str, after: str) -> Edit:
    """Put the word where it stood: alone, or within a line of several words."""
    value = document
    for step in path:
        value = value[step]
    text = str(value)
    if text == before:
        return Edit(path=path, value=after)
    words = re.compile(rf"(?<!\S){re.escape(before)}(?!\S)")
    if len(words.findall(text)) != 1:
        raise NoMendError("the package stands in a line of a shell, where it is pinned by hand")
    return Edit(path=path, value=words.sub(lambda _match: after, text))


def _pinned(word: str, ecosystem: str, name: str, version: str) -> str | None:
    """The word with the version, if it is the one that names the package."""
    if ecosystem == "npm":
        match = re.fullmatch(rf"((?:(?:--package|-p)=)?(?:npm:)?{re.escape(name)})(?:@[^\s@:/]*)?", word)
        return f"{match[1]}@{version}" if match else None
    if ecosystem == "pypi":
        match = re.fullmatch(r"((?:--from=)?)([A-Za-z0-9._\-]+)(\[[^\]]*\])?(\s*[=<>!~@][^/:]*)?", word)
        if match is None or re.sub(r"[-_.]+", "-", match[2]).lower() != name:
            return None
        return f"{match[1]}{match[2]}{match[3] or ''}=={version}"
    bare = word.removeprefix("docker://").partition("@")[0]
    tag = bare.rsplit("/", 1)[-1].partition(":")[2]
    image = bare.removesuffix(f":{tag}") if tag else bare
    known = re.sub(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?", "", image.lower()) == name
    return f"{image}@{version}" if known else None
