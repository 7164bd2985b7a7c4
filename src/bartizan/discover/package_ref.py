"""PackageRef: what a command starts. Package specifications as npm, PyPI, OCI registries and others write them."""

import re
from typing import Literal
from urllib.parse import quote

import msgspec

Ecosystem = Literal["npm", "pypi", "oci", "golang", "nuget", "maven", "local", "unknown"]
# Longer ones are no names that a registry takes; they stay unknown.
SPEC_CHARACTERS_MAX = 512


class PackageRef(msgspec.Struct, frozen=True, kw_only=True):
    """What a command starts.

    `pinned`: an exact version or, for OCI, a digest; a tag or range is not. `arguments` are those of the server
    itself, after its runner's own. `path` is the local script or program, `url` the server behind a bridge such as
    `mcp-remote`. `gateway` is the server id where `bartizan connect` stands in front. `program` is the
    package's program or module where the command names it, `constraints` narrow its dependencies (`mcp<2`).
    """

    ecosystem: Ecosystem
    name: str
    version: str = ""
    pinned: bool = False
    runner: str = ""
    arguments: tuple[str, ...] = ()
    path: str = ""
    url: str = ""
    gateway: str = ""
    program: str = ""
    constraints: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """The package URL (purl-spec), or an empty text for what is no package. A range is no version of it."""
        if self.ecosystem in {"local", "unknown"} or not self.name:
            return ""
        if self.ecosystem == "oci":
            return _oci_purl(self.name, self.version)
        namespace, slash, name = self.name.rpartition("/")
        if self.ecosystem == "maven":
            namespace, slash, name = self.name.rpartition(":")[0], "/", self.name.rpartition(":")[2]
        name = name.lower() if self.ecosystem in {"npm", "pypi"} else name
        version = f"@{quote(self.version, safe=':')}" if self.pinned else ""
        shown = "/".join(quote(part, safe=":") for part in namespace.split("/"))
        return f"pkg:{self.ecosystem}/{shown}{slash and '/'}{quote(name, safe=':')}{version}"


def _oci_purl(name: str, version: str) -> str:
    digest, tag = (version, "") if version.startswith("sha256:") else ("", version)
    first, slash, _ = name.partition("/")
    if not slash:
        where = f"docker.io/library/{name}"
    else:
        where = name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"
    base = quote(name.rsplit("/", 1)[-1].lower(), safe=":")
    tail = f"?repository_url={quote(where.lower(), safe='/:')}" + (f"&tag={quote(tag, safe=':')}" if tag else "")
    return f"pkg:oci/{base}" + (f"@{quote(digest, safe=':')}" if digest else "") + tail


_EXACT_NPM = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.\-+]+)?")
# PEP 440, each part at most once, so that no text makes it slow.
_EXACT_PYPI = re.compile(
    r"v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:alpha|beta|preview|pre|rc|a|b|c)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"(?:https?|git(?:\+\w{1,8})?|ssh|github|gitlab|bitbucket|gist|file|link):|[./~\\]|[A-Za-z]:\\")
_NPM_NAME = re.compile(r"(?:@[A-Za-z0-9\-_.~]+/)?[A-Za-z0-9\-_.~]+")
_PYPI = re.compile(r"([A-Za-z0-9][A-Za-z0-9._\-]*)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)


def elsewhere(spec: str, arguments: tuple[str, ...], runner: str) -> PackageRef:
    """A specification that names no package of a registry: a repository, an archive, a folder."""
    return PackageRef(ecosystem="unknown", name=spec, runner=runner, arguments=arguments, path=spec)


def npm_package(spec: str, arguments: tuple[str, ...], runner: str) -> PackageRef:
    """`@scope/name@version`; behind an alias `x@npm:name@version` stands what is really fetched."""
    spec = re.sub(r"^npm:", "", spec.partition("@npm:")[2] or spec)
    if len(spec) > SPEC_CHARACTERS_MAX or _ELSEWHERE.match(spec):
        return elsewhere(spec, arguments, runner)
    at = spec.find("@", 1)
    name, version = (spec[:at], spec[at + 1 :]) if at > 0 else (spec, "")
    if not _NPM_NAME.fullmatch(name) or _ELSEWHERE.match(version):
        return elsewhere(spec, arguments, runner)
    pinned = bool(_EXACT_NPM.fullmatch(version))
    return PackageRef(ecosystem="npm", name=name, version=version, pinned=pinned, runner=runner, arguments=arguments)


def pypi_package(spec: str, arguments: tuple[str, ...], runner: str) -> PackageRef:
    """A requirement (PEP 508), or `name@version` as uvx takes it. `name @ URL` is what is at the URL."""
    requirement = spec.partition(";")[0].strip()
    match = _PYPI.fullmatch(requirement) if len(spec) <= SPEC_CHARACTERS_MAX else None
    if match is None or _ELSEWHERE.match(spec):
        return elsewhere(spec, arguments, runner)
    name, rest = pypi_name(match[1]), match[2].strip().removeprefix("(").removesuffix(")")
    if rest.startswith("@") and _ELSEWHERE.match(rest[1:].strip()):
        return elsewhere(rest[1:].strip(), arguments, runner)
    if rest and rest[0] not in "=@<>!~":
        return elsewhere(spec, arguments, runner)
    version = re.sub(r"^(?:===?|@)\s*", "", rest)
    pinned = version != rest and bool(_EXACT_PYPI.fullmatch(version))
    return PackageRef(ecosystem="pypi", name=name, version=version, pinned=pinned, runner=runner, arguments=arguments)


def pypi_name(name: str) -> str:
    """The normalised name of a project (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def oci_image(image: str, arguments: tuple[str, ...], runner: str) -> PackageRef:
    """`registry/name:tag@digest`; Docker's own registry is left out of the name."""
    name, at, digest = image.removeprefix("docker://").partition("@")
    tag = name.rsplit("/", 1)[-1].partition(":")[2]
    name = name[: len(name) - len(tag) - 1] if tag else name
    name = re.sub(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?", "", name.lower())
    return PackageRef(
        ecosystem="oci", name=name, version=digest or tag, pinned=bool(at), runner=runner, arguments=arguments
    )


def other_package(ecosystem: Ecosystem, spec: str, arguments: tuple[str, ...], runner: str) -> PackageRef:
    """`name@version` of Go modules and NuGet, `group:name:version` of Maven."""
    if len(spec) > SPEC_CHARACTERS_MAX or _ELSEWHERE.match(spec):
        return PackageRef(ecosystem="local", name=spec[-80:], runner=runner, arguments=arguments, path=spec)
    name, _, version = spec.rpartition(":") if ecosystem == "maven" else spec.partition("@")
    pinned = bool(re.fullmatch(r"v?\d+\.\d+(?:\.\d+)*(?:[-+.][0-9A-Za-z.\-+]+)?", version))
    return PackageRef(
        ecosystem=ecosystem, name=name, version=version, pinned=pinned, runner=runner, arguments=arguments
    )
