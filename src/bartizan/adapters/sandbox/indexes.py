"""Indexes: which package index this machine is set to use, and which hosts that index says it serves files from.

No address of an index is written here: npm and pip are asked for their own settings.
"""

import ast
import asyncio
import http.client
import itertools
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import datetime
from html.parser import HTMLParser
from importlib import util
from pathlib import Path
from typing import Any

import msgspec

from bartizan.adapters.sandbox.egress import Destination, destination_of
from bartizan.adapters.sandbox.signatures import NONE, PRESENT, Signature, read_keys
from bartizan.model.json import as_array, as_object, as_text
from bartizan.model.limits import Limits
from bartizan.ports import SandboxError

_SIGNATURES_MAX = 8  # of one version


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """Where packages of one ecosystem come from. URLs may hold credentials: they stay in memory and private files.

    `paths` are local folders and files that the settings name (indexes, find-links); `certificates` the bundle.
    """

    urls: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    certificates: str = ""
    settings: Mapping[str, str] = {}
    upstream: Destination | None = None

    @property
    def destinations(self) -> set[Destination]:
        """Hosts and ports of the indexes themselves."""
        return {found for url in self.urls if (found := destination_of(url)) is not None}


async def npm_index(npm: str, name: str) -> Index:
    """The registry that npm uses for this package, a scope's own where one is set. Raises SandboxError."""
    settings = await _npm_settings(npm)
    scope = name.partition("/")[0] if name.startswith("@") else ""
    scoped = settings.get(f"{scope}:registry") if scope else None
    registries = [str(url) for url in (scoped, settings.get("registry")) if url]
    bundle = str(settings.get("cafile") or os.environ.get("NODE_EXTRA_CA_CERTS", ""))
    kept = {f"{scope}:registry": str(scoped)} if scoped else {}
    kept |= {"registry": str(settings.get("registry", ""))}
    proxy = str(settings.get("https-proxy") or settings.get("proxy") or "")
    return Index(urls=tuple(registries), certificates=_existing(bundle), settings=kept, upstream=_proxy_of_host(proxy))


async def _npm_settings(npm: str) -> dict[str, Any]:
    output = await _ask(npm, "config", "list", "--json", where="npm config")
    try:
        settings = json.loads(output)
    except ValueError as error:
        raise SandboxError("npm config list printed no JSON: look at `npm config list --json`") from error
    return settings if isinstance(settings, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def pip_place() -> str:
    """A pip that our Python can run: the installed package, or the wheel beside Python. Raises SandboxError."""
    found = util.find_spec("pip")
    if found and found.origin:
        return str(Path(found.origin).parent)
    wheels = [Path(os.__file__).parent / "ensurepip" / "_bundled", Path("/usr/share/python-wheels")]
    for folder in wheels:
        for wheel in sorted(folder.glob("pip-*.whl")):
            return str(wheel)
    raise SandboxError("there is no pip: install it with `python -m ensurepip`")


async def pypi_index(limits: Limits) -> Index:
    """The index that pip (or uv, by its variables) uses, or pip's own default. Raises SandboxError."""
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from pip._internal.models.index import PyPI;"
        "print(PyPI.simple_url); from pip._internal.cli.main import main; sys.exit(main(['config', 'list']))"
    )
    place = pip_place()
    folder = place if place.endswith(".whl") else str(Path(place).parent)
    output = await _ask(sys.executable, "-c", script, folder, where="pip config list")
    default, _, listed = output.partition("\n")
    found = pip_settings(listed.splitlines())
    environment = os.environ
    main = found.get("index-url") or environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL") or default
    extra = found.get("extra-index-url", "").split() or environment.get("UV_EXTRA_INDEX_URL", "").split()
    links = found.get("find-links", "").split()
    sources = [] if found.get("no-index", "").lower() in {"1", "true", "yes"} else [main.rpartition("=")[2], *extra]
    kept = {name: found[name] for name in ("trusted-host", "timeout", "default-timeout", "no-index") if found.get(name)}
    kept |= {"index-url": sources[0], "extra-index-url": "\n".join(sources[1:])} if sources else {}
    kept |= {"find-links": "\n".join(links)} if links else {}
    paths = [path for place in [*sources, *links] if (path := _existing(_local(place)))]
    return Index(
        urls=tuple(url for url in [*sources, *links] if destination_of(url)),
        paths=tuple(dict.fromkeys([*paths, *(folder for path in paths for folder in files_of(Path(path), limits))])),
        certificates=_existing(found.get("cert", "") or environment.get("SSL_CERT_FILE", "")),
        settings=kept,
        upstream=_proxy_of_host(found.get("proxy", "")),
    )


def pip_settings(lines: Iterable[str]) -> dict[str, str]:
    """Settings from the lines of `pip config list`: of the section `global`, then `install`, then the environment."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in lines:
        match = re.fullmatch(r"(global|install|:env:)\.([a-z\-]+)=(.*)", line.strip())
        if match:
            sections[match[1]][match[2]] = _literal(match[3])
    return {**sections["global"], **sections["install"], **sections[":env:"]}


def _literal(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def _local(place: str) -> str:
    parts = urllib.parse.urlsplit(place)
    return urllib.parse.unquote(parts.path) if parts.scheme == "file" else ("" if parts.scheme else place)


def files_of(index: Path, limits: Limits) -> set[str]:
    """Folders in which the pages of a local index say that its wheels lie."""
    found: set[str] = set()
    for page in itertools.islice(index.glob("*/index.html"), limits.directory_entries_max):
        reader = _Links()
        reader.feed(page.read_bytes()[: limits.document_bytes_max].decode("utf-8", "replace"))
        for link in reader.found:
            path = Path(_local(_joined(page.as_uri(), link.partition("#")[0])))
            if path.suffix == ".whl" and path.is_file():
                found.add(str(path.parent))
    return found


def _existing(path: str) -> str:
    return path if path and Path(path).exists() else ""


def _proxy_of_host(setting: str) -> Destination | None:
    """The proxy that this host must use itself, from the tool's settings or the usual variables."""
    return destination_of(setting or os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY") or "")


async def _ask(*command: str, where: str, seconds: float = 60.0) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=Path.home(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise SandboxError(f"{where} gave no answer in {seconds:g} seconds") from error
    if process.returncode:
        raise SandboxError(f"{where} ended with exit code {process.returncode}: run it to see why")
    return output.decode("utf-8", "replace")


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """What an index says for one version: `provenance` is `attested` or `none`, `signature` is `present` or `none`.

    Empty where the index keeps none for any version: mirrors leave them out. It is what the index says; nothing is
    verified here. `signatures` are those of an npm registry.
    """

    provenance: str = ""
    signature: str = ""
    signatures: tuple[Signature, ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What an index says of one package: where its files are, its versions, its tags (npm), and who vouches for it."""

    destinations: frozenset[Destination] = frozenset()
    versions: tuple[str, ...] = ()
    tags: Mapping[str, str] = {}
    vouched: Mapping[str, Vouched] = {}


async def read_npm_page(index: Index, name: str, limits: Limits) -> Page:
    """Ask the registry about a package. Raises SandboxError."""
    url = index.urls[0].rstrip("/") + "/" + urllib.parse.quote(name, safe="@")
    accept = "application/vnd.npm.install-v1+json, application/json;q=0.8"
    body, _ = await asyncio.to_thread(_get, url, accept, index, limits)
    return npm_page(body, name)


def npm_page(body: bytes, name: str) -> Page:
    """Read a registry's answer. Raises SandboxError for what is none."""
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        versions: dict[str, Any] = document["versions"]
        hosts = {destination_of(str(entry["dist"]["tarball"])) for entry in versions.values()}
        tags = {str(tag): str(version) for tag, version in document.get("dist-tags", {}).items()}
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SandboxError(f"the index has no readable entry for {name}") from error
    return Page(
        destinations=frozenset(host for host in hosts if host),
        versions=tuple(versions),
        tags=tags,
        vouched=npm_vouched(versions),
    )


def npm_vouched(versions: Mapping[str, Any]) -> dict[str, Vouched]:
    """Signatures and attestations of each version, where the registry keeps them at all.

    A registry that signs, signs every version; so one without any signature is a mirror that leaves them out, and
    what it does not say means nothing.
    """
    dists = {version: as_object(as_object(entry).get("dist")) for version, entry in versions.items()}
    if not any(dist.get("signatures") or dist.get("attestations") for dist in dists.values()):
        return {}
    return {
        version: Vouched(
            provenance="attested" if as_object(dist.get("attestations")).get("provenance") else "none",
            signature=PRESENT if dist.get("signatures") else NONE,
            signatures=tuple(
                Signature(as_text(one.get("keyid")), as_text(one.get("sig")))
                for one in map(as_object, as_array(dist.get("signatures"))[:_SIGNATURES_MAX])
            ),
        )
        for version, dist in dists.items()
    }


async def read_npm_keys(index: Index, now: datetime, limits: Limits) -> dict[str, str]:
    """The registry's keys in force; none where it publishes none, as mirrors do."""
    url = index.urls[0].rstrip("/") + "/-/npm/v1/keys"
    try:
        body, _ = await asyncio.to_thread(_get, url, "application/json", index, limits)
    except SandboxError:
        return {}
    return read_keys(body, now)


async def read_pypi_pages(index: Index, name: str, limits: Limits) -> Page:
    """Ask every index with an address for a project; one of them must have it. Raises SandboxError."""
    destinations: set[Destination] = set()
    vouched: dict[str, Vouched] = {}
    failures: list[str] = []
    for url in index.urls:
        page = url.rstrip("/") + f"/{name}/"
        try:
            body, kind = await asyncio.to_thread(_get, page, _SIMPLE, index, limits)
        except SandboxError as error:
            failures.append(str(error))
            continue
        destinations |= pypi_files(body, kind, page)
        vouched = {**pypi_vouched(body, kind, name), **vouched}
    if index.urls and len(failures) == len(index.urls) and not index.paths:
        raise SandboxError("; ".join(failures))
    return Page(destinations=frozenset(destinations), vouched=vouched)


def pypi_vouched(body: bytes, kind: str, name: str) -> dict[str, Vouched]:
    """Attestations (PEP 740) by version, of an index that says for each wheel whether there are any."""
    if not kind.endswith("json"):
        return {}
    found: dict[str, Vouched] = {}
    try:
        files = msgspec.json.decode(body, type=dict[str, Any]).get("files")
    except (msgspec.DecodeError, RecursionError):
        return {}
    for entry in map(as_object, as_array(files)):
        file = str(entry.get("filename", ""))
        parts = file.split("-")
        if "provenance" not in entry or not file.endswith(".whl") or len(parts) < 3:
            continue
        if re.sub(r"[-_.]+", "-", parts[0]).lower() == re.sub(r"[-_.]+", "-", name).lower():
            attested = bool(entry["provenance"]) and found.get(parts[1], Vouched()).provenance != "none"
            found[parts[1]] = Vouched(provenance="attested" if attested else "none")
    return found


_SIMPLE = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


def pypi_files(body: bytes, kind: str, page: str) -> set[Destination]:
    """Hosts of a project page's files: JSON (PEP 691) or HTML (PEP 503)."""
    if kind.endswith("json"):
        try:
            entries: Any = msgspec.json.decode(body, type=dict[str, Any]).get("files")
            links = [str(entry["url"]) for entry in entries]
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SandboxError("the index answered with JSON that is no project page (PEP 691)") from error
    else:
        reader = _Links()
        reader.feed(body.decode("utf-8", "replace"))
        links = reader.found
    joined = (_joined(page, link) for link in links)
    return {found for url in joined if (found := destination_of(url)) is not None}


def _joined(page: str, link: str) -> str:
    try:
        return urllib.parse.urljoin(page, link)
    except ValueError:
        return ""


class _Links(HTMLParser):
    """The addresses of a page's anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep anchors only."""
        self.found += [value for key, value in attrs if tag == "a" and key == "href" and value]


def _get(url: str, accept: str, index: Index, limits: Limits) -> tuple[bytes, str]:
    """Body and content type, bounded."""
    shown = _without_user(url)
    request = urllib.request.Request(shown, headers={"Accept": accept, "User-Agent": "bartizan"})  # noqa: S310  set by the user
    if "@" in urllib.parse.urlsplit(url).netloc:
        raise SandboxError("the index needs credentials, which the sandbox does not get")
    try:
        context = ssl.create_default_context(cafile=index.certificates or None)
        with urllib.request.urlopen(request, timeout=limits.index_seconds_max, context=context) as answer:  # noqa: S310
            body = answer.read(limits.index_bytes_max + 1)
            kind = answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        error.close()
        raise SandboxError(f"the index answered {error.code} for {shown}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SandboxError(f"the index could not be asked for {shown} ({type(error).__name__})") from error
    if len(body) > limits.index_bytes_max:
        raise SandboxError(f"the answer for {shown} is larger than index_bytes_max ({limits.index_bytes_max})")
    return body, kind


def _without_user(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
