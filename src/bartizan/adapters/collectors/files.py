"""Reading the files of clients: bounded, and careful with links, pipes and other people's files."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import msgspec

from bartizan.adapters.collectors.homes import Home, environment_of, homes_of_this_machine, this_system
from bartizan.adapters.collectors.installed import Installed
from bartizan.adapters.collectors.logs import FindSecrets, LogRun, of_one_owner
from bartizan.adapters.collectors.opening import Content, printable, read_file
from bartizan.adapters.collectors.paths import Budget, matches
from bartizan.model.client import ClientSpec, ConfigPath, Roots, expand
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.record import FileRecord, LogRecord, NamedFile, PackageRecord, WantedPackage
from bartizan.ports import Collected

UNKNOWN = "unknown"  # the catalogue's entry for files of clients that it does not list
NAMED = "named"  # the role of a file that our user names

FindProjects = Callable[[Sequence[FileRecord], Sequence[ClientSpec]], Sequence[tuple[FileRecord, str]]]


class FileCollector:
    """Collects the files that the catalogue names, in these homes and projects.

    `homes` are all that this user may look into where none are given. `find_projects` reads out of the first records
    which folders the clients work in; those are looked into besides `projects`. `root` is empty for this machine, a
    folder for the image of another, and None where nothing outside the homes is to be read.
    """

    def __init__(
        self,
        catalogue: Sequence[ClientSpec],
        *,
        homes: Sequence[Home] | None = None,
        projects: Sequence[str] = (),
        find_projects: FindProjects | None = None,
        root: str | None = "",
        limits: Limits = DEFAULT,
    ) -> None:
        self._catalogue = catalogue
        self._homes = list(homes_of_this_machine() if homes is None else homes)
        self._projects, self._find_projects = projects, find_projects
        self._root, self._limits = root, limits

    def collect(self) -> Collected[FileRecord]:
        """Read what is there. A file that cannot be read is a record with its problem, and a look."""
        run = _Run(self._catalogue, self._limits)
        for home in self._homes:
            run.home(home)
        if self._root is not None:
            system = self._homes[0].system if self._homes else this_system()
            run.machine(Roots(system=system, root=self._root))
        for project in self._projects:
            run.project(project, self._owner_of(project))
        if self._find_projects is not None:
            for record, project in self._find_projects(list(run.records.values()), self._catalogue):
                run.project(project, next((one for one in self._homes if one.path == record.home), None), named=True)
        return run.collected()

    def read_named(self, files: Iterable[NamedFile]) -> Collected[FileRecord]:
        """Read files that configurations name, such as dotenv files: below the home that names them, or its owner's."""
        run = _Run(self._catalogue, self._limits)
        for file in list(dict.fromkeys(files))[: self._limits.config_files_max]:
            run.named(file.path, next((home for home in self._homes if home.path == file.home), None))
        return run.collected()

    def read_configurations(self, paths: Iterable[str]) -> Collected[FileRecord]:
        """Read configurations that our user names: for the client whose file ends like that, else an unknown one."""
        run = _Run(self._catalogue, self._limits)
        for path in dict.fromkeys(paths):
            run.configuration(path)
        return run.collected()

    def read_logs(self, folders: Iterable[NamedFile], find: FindSecrets) -> Collected[LogRecord]:
        """Search logs and crash dumps of these homes, projects and `folders`, which configurations name, with `find`.

        A folder counts where it belongs to the owner of the home that names it. Nothing of a log is kept.
        """
        run = LogRun(self._catalogue, find, self._limits)
        for home in self._homes:
            run.sweep(Roots(system=home.system, home=home.path, root=None, environment=home.environment), home)
        if self._root is not None:
            run.sweep(Roots(system=self._homes[0].system if self._homes else this_system(), root=self._root), None)
        by_path = {home.path: home for home in self._homes}
        named = [(one.path, by_path.get(one.home)) for one in folders]
        projects = [(folder, self._owner_of(folder)) for folder in self._projects]
        for folder, home in [*projects, *of_one_owner(named)][: self._limits.projects_max]:
            run.sweep(Roots(system=home.system if home else this_system(), project=folder, root=None), home)
        return run.collected()

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """SHA-256 of local programs by path. What is no readable file within the size limit is left out."""
        found: dict[str, str] = {}
        for path in dict.fromkeys(paths):
            content = read_file(path, self._owner_of(path), self._limits.file_bytes_max)
            if content.body is not None:
                found[path] = hashlib.sha256(content.body).hexdigest()
        return found

    def installed(self, wanted: Iterable[WantedPackage]) -> Collected[PackageRecord]:
        """Copies of packages in these homes and projects and, for this machine, in the folders of its tools."""
        projects = [(project, self._owner_of(project)) for project in self._projects]
        search = Installed(self._homes, projects, self._root, self._body, self._limits)
        records = [record for one in dict.fromkeys(wanted) for record in search.copies(one)]
        shown = [msgspec.structs.replace(record, path=printable(record.path)) for record in records]
        return Collected(records=tuple(shown), looks=tuple(dict.fromkeys(search.looks)))

    def _body(self, path: str, home: Home | None) -> tuple[bytes | None, str]:
        content = read_file(path, home, self._limits.file_bytes_max)
        return content.body, "" if content.missing else content.problem

    def _owner_of(self, path: str) -> Home | None:
        """The home that a path lies in, or else the only one."""
        inside = [home for home in self._homes if path == home.path or path.startswith(home.path.rstrip("/") + "/")]
        return max(inside, key=lambda home: len(home.path)) if inside else (self._homes or [None])[0]


class _Run:
    """One collection."""

    def __init__(self, catalogue: Sequence[ClientSpec], limits: Limits) -> None:
        self._catalogue, self._limits = catalogue, limits
        self.records: dict[tuple[str, str], FileRecord] = {}
        self._looks: list[Look] = []
        self._contents: dict[str, Content] = {}
        self._claimed: set[str] = set()
        self._visited: set[str] = set()
        self._bytes = 0

    def collected(self) -> Collected[FileRecord]:
        return Collected(records=tuple(self.records.values()), looks=tuple(dict.fromkeys(self._looks)))

    def home(self, home: Home) -> None:
        """Everything that the catalogue names in one home."""
        try:
            next(Path(home.path).iterdir(), None)
        except OSError as error:
            self._look(home.path, Outcome.FAILED, f"the home cannot be read: {error.strerror}")
            return
        self._look(home.path, Outcome.LOOKED, "")
        # The environment moves folders of a client; what it names is read as the same user.
        self._sweep(Roots(system=home.system, home=home.path, root=None, environment=home.environment), home)

    def machine(self, roots: Roots) -> None:
        """The managed files of this machine."""
        self._sweep(roots, None)

    def project(self, folder: str, home: Home | None, *, named: bool = False) -> None:
        """One project. Where a file named it, it has to be of the same owner: a name is no permission."""
        folder = folder.rstrip("/") or "/"
        if folder in self._visited or len(self._visited) >= self._limits.projects_max:
            return
        self._visited.add(folder)
        try:
            status = Path(folder).stat()
        except OSError as error:
            outcome = Outcome.ABSENT if named or isinstance(error, FileNotFoundError) else Outcome.FAILED
            self._look(folder, outcome, f"the project cannot be read: {error.strerror}")
            return
        if named and home is not None and home.uid is not None and status.st_uid != home.uid:
            self._look(folder, Outcome.SKIPPED, "a project folder of another owner than the file that names it")
            return
        system = home.system if home else this_system()
        self._sweep(Roots(system=system, project=folder, root=None), home, workspace=folder)

    def named(self, path: str, home: Home | None) -> None:
        """One file that a configuration names."""
        if home is None:
            self._look(path, Outcome.SKIPPED, "a file that no home's configuration names")
            return
        content = read_file(path, home, self._limits.document_bytes_max)
        inside = path.startswith(home.path.rstrip("/") + "/") and ".." not in path.split("/")
        if content.missing:
            self._look(path, Outcome.ABSENT, "a configuration names this file, and it is not there")
        elif not inside and content.uid is not None and content.uid != home.uid:
            self._look(path, Outcome.SKIPPED, "a file of another owner than the configuration that names it")
        else:
            named = ConfigPath(path="", role="dotenv", format="dotenv")
            self._keep(path, "", named, content, home=home, workspace="")

    def configuration(self, path: str) -> None:
        """One configuration that our user names, whoever owns it."""
        content = read_file(path, None, self._limits.file_bytes_max)
        if content.missing:
            self._look(path, Outcome.FAILED, "this file is not there")
            return
        client, entry = _entry_for(path, self._catalogue)
        self._keep(path, client, msgspec.structs.replace(entry, role=NAMED), content, home=None, workspace="")

    def _sweep(self, roots: Roots, home: Home | None, *, workspace: str = "") -> None:
        for client in sorted(self._catalogue, key=lambda one: one.id == UNKNOWN):
            for entry in client.paths:
                pattern = expand(entry.path, roots) if roots.system in entry.systems else None
                if pattern is not None:
                    self._entry(client.id, entry, pattern, home, workspace=workspace)

    def _entry(self, client: str, entry: ConfigPath, pattern: str, home: Home | None, *, workspace: str) -> None:
        budget = Budget(self._limits.directory_entries_max, self._limits.search_depth_max)
        for path in matches(pattern, budget, uid=home.uid if home else None):
            if client == UNKNOWN and path in self._claimed:
                continue
            if len(self.records) >= self._limits.config_files_max:
                self._look(
                    path, Outcome.TRUNCATED, f"more files than config_files_max ({self._limits.config_files_max})"
                )
                return
            if path not in self._contents:
                self._contents[path] = self._content(path, entry, home)
            content = self._contents[path]
            if not content.missing:
                self._claimed.add(path)
                self._keep(path, client, entry, content, home=home, workspace=workspace)
        for folder, reason in budget.problems:
            self._look(folder, Outcome.TRUNCATED if "more" in reason else Outcome.FAILED, reason)

    def _content(self, path: str, entry: ConfigPath, home: Home | None) -> Content:
        """Read a file within its own limit, and all files together within theirs."""
        prose = entry.format not in {"json", "jsonc"}
        content = read_file(path, home, self._limits.document_bytes_max if prose else self._limits.file_bytes_max)
        self._bytes += len(content.body or b"")
        if content.body is not None and self._bytes > self._limits.config_bytes_max:
            problem = f"all files together are larger than config_bytes_max ({self._limits.config_bytes_max})"
            return msgspec.structs.replace(content, body=None, problem=problem)
        return content

    def _keep(
        self, path: str, client: str, entry: ConfigPath, content: Content, *, home: Home | None, workspace: str
    ) -> None:
        shown = printable(path)
        if (client, shown) in self.records:
            return
        text, problem = content.text()
        self.records[client, shown] = FileRecord(
            path=shown,
            client=client,
            role=entry.role,
            pattern=entry.path,
            user=home.user if home else "",
            home=printable(home.path) if home else "",
            workspace=printable(workspace),
            uid=content.uid,
            mode=content.mode,
            bytes=content.size,
            sha256=content.sha256,
            text=text,
            problem=problem,
        )
        if problem:
            self._look(path, Outcome.TRUNCATED if "larger than" in problem else Outcome.FAILED, problem)

    def _look(self, path: str, outcome: Outcome, reason: str) -> None:
        place = Place(path=printable(path))
        self._looks.append(Look(part="configuration", outcome=outcome, reason=reason, place=place))


def _entry_for(path: str, catalogue: Sequence[ClientSpec]) -> tuple[str, ConfigPath]:
    """The entry whose pattern ends like this path, the longest; else the unknown client's of the same format."""
    suffix = Path(path).suffix.lower()
    ends = [
        (tail, client.id, entry)
        for client in catalogue
        for entry in client.paths
        if entry.keys and (tail := _tail(entry.path)) and fnmatch(path.replace("\\", "/"), f"*/{tail}")
    ]
    if known := [one for one in ends if one[1] != UNKNOWN]:
        _, client, entry = max(known, key=lambda one: len(one[0]))
        return client, entry
    form = {".toml": "toml", ".yml": "yaml", ".yaml": "yaml"}.get(suffix, "jsonc")
    unknown = next(client for client in catalogue if client.id == UNKNOWN)
    return UNKNOWN, next(entry for entry in unknown.paths if entry.format == form)


def _tail(pattern: str) -> str:
    """What follows the head of a pattern, with at least one folder or a name that says whose it is."""
    tail = pattern.partition("/")[2].replace("**/", "*")
    return tail if "/" in tail or tail.startswith(".") else ""


__all__ = ["FileCollector", "Home", "environment_of", "homes_of_this_machine"]
