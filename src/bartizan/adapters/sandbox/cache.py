"""Cache: fetched packages, private to the user, whole or absent, checked before each use."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from bartizan.model.limits import Limits
from bartizan.ports import SandboxError


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What makes two fetches the same. `runtime` because wheels differ between versions of Python."""

    ecosystem: str
    name: str
    version: str
    runtime: str
    constraints: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """A readable name that no two keys share."""
        digest = hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]
        return f"{self.ecosystem}-{quote(self.name, safe='')[:100]}-{quote(self.version, safe='')[:60]}-{digest}"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was fetched. `sha256` covers path, kind and content of every file; `hosts` is what could be reached."""

    key: Key
    sha256: str
    files: int
    bytes: int
    hosts: tuple[str, ...] = ()


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A fetched package: its files below `tree`, what they are, and who vouches for it by the index of this time."""

    tree: Path
    manifest: Manifest
    provenance: str = ""
    signature: str = ""


class Cache:
    """A folder of packages. Several processes may use it at once: a package appears by one rename."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits

    def find(self, key: Key) -> Package | None:
        """The package, if it is here and unchanged; a changed one is thrown away."""
        place = self._folder / key.folder
        try:
            manifest = msgspec.json.decode((place / "manifest.json").read_bytes(), type=Manifest)
            if manifest.key == key and digest_of(place / "tree", self._limits)[0] == manifest.sha256:
                return Package(tree=place / "tree", manifest=manifest)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, SandboxError):
            pass
        discard(place)
        return None

    @contextlib.contextmanager
    def work(self) -> Generator[Path, None, None]:
        """A private folder for one fetch; gone afterwards, whatever happened."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self._sweep()
        folder = Path(tempfile.mkdtemp(prefix=".work-", dir=self._folder))
        try:
            yield folder
        finally:
            discard(folder)

    def _sweep(self) -> None:
        """Remove what fetches left that were killed."""
        for folder in self._folder.glob(".work-*"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > self._limits.fetch_left_seconds_max:
                    discard(folder)

    def keep(self, work: Path, key: Key, hosts: tuple[str, ...]) -> Package:
        """Take `work/tree` into the cache. Where another scan was faster, its package is used."""
        sha256, files, size = seal(work / "tree", self._limits)
        manifest = Manifest(key=key, sha256=sha256, files=files, bytes=size, hosts=hosts)
        done = work / "done"
        done.mkdir()
        (work / "tree").rename(done / "tree")
        (done / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        place = self._folder / key.folder
        with contextlib.suppress(OSError):
            done.rename(place)
        found = self.find(key)
        if found is None:
            raise SandboxError("the fetched package changed while it was kept: another program writes to the cache")
        return found


def discard(folder: Path) -> None:
    """Remove a folder, as far as it can be removed."""
    shutil.rmtree(folder, ignore_errors=True)


def seal(tree: Path, limits: Limits) -> tuple[str, int, int]:
    """Make everything readable and nothing special, then digest it. Raises SandboxError."""
    for entry in _entries(tree, limits):
        mode = entry.lstat().st_mode
        if stat.S_ISDIR(mode):
            entry.chmod(0o755)
        elif stat.S_ISREG(mode):
            entry.chmod(0o755 if mode & 0o100 else 0o644)
        elif not (stat.S_ISLNK(mode) and entry.resolve().is_relative_to(tree.resolve())):
            raise SandboxError("the package holds something that is neither a file nor a folder of its own")
    tree.chmod(0o755)
    return digest_of(tree, limits)


def digest_of(tree: Path, limits: Limits) -> tuple[str, int, int]:
    """SHA-256 over the files in the order of their paths, their number, and their size in bytes."""
    whole, files, size = hashlib.sha256(), 0, 0
    for entry in sorted(_entries(tree, limits)):
        if entry.is_symlink():
            kind, content = b"l", hashlib.sha256(os.fsencode(entry.readlink()))
        elif entry.is_dir():
            continue
        else:
            with entry.open("rb") as stream:
                kind, content = b"f", hashlib.file_digest(stream, "sha256")
            files, size = files + 1, size + entry.stat().st_size
        whole.update(os.fsencode(entry.relative_to(tree)) + b"\0" + kind + content.digest())
    return whole.hexdigest(), files, size


def size_of(tree: Path) -> int:
    """Bytes of a folder that is being written to."""
    total = 0
    for folder, _, names in os.walk(tree):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(folder) / name).lstat().st_size
    return total


def _entries(tree: Path, limits: Limits) -> Iterator[Path]:
    count = 0
    for folder, folders, names in os.walk(tree):
        for name in (*folders, *names):
            count += 1
            if count > limits.fetch_files_max:
                raise SandboxError(f"the package has more than fetch_files_max ({limits.fetch_files_max}) files")
            yield Path(folder) / name
