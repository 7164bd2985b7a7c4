import contextlib
import os
import stat
import time

import pytest

from bartizan.adapters.sandbox.cache import Cache, Key, digest_of, seal
from bartizan.model.limits import DEFAULT, Limits
from bartizan.ports import SandboxError

KEY = Key(ecosystem="npm", name="@scope/x", version="1.0.0", runtime="node")


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", DEFAULT)


def fetch(cache, text="content", key=KEY):
    with cache.work() as work:
        (work / "tree" / "folder").mkdir(parents=True)
        (work / "tree" / "folder" / "file.js").write_text(text)
        return cache.keep(work, key, ("h:443",))


def test_a_kept_package_is_found_again_with_what_it_is(cache):
    kept = fetch(cache)
    found = cache.find(KEY)
    assert found == kept
    assert (found.manifest.files, found.manifest.bytes, found.manifest.hosts) == (1, 7, ("h:443",))


def test_the_cache_is_private_and_leaves_no_work_behind(cache, tmp_path):
    fetch(cache)
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [KEY.folder]


def test_a_fetch_that_fails_leaves_nothing_to_be_used(cache, tmp_path):
    with contextlib.suppress(OSError), cache.work() as work:
        (work / "tree").mkdir()
        raise OSError("broken off")
    assert cache.find(KEY) is None
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_killed_fetch_left_is_swept_the_next_day_and_one_at_work_is_not(cache, tmp_path):
    for name, age in (("old", 2 * 86_400), ("new", 60)):
        folder = tmp_path / "cache" / f".work-{name}"
        folder.mkdir(parents=True)
        at = time.time() - age
        os.utime(folder, (at, at))
    fetch(cache)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [".work-new", KEY.folder]


def test_a_package_that_was_changed_is_thrown_away(cache):
    kept = fetch(cache)
    (kept.tree / "folder" / "file.js").write_text("changed")
    assert cache.find(KEY) is None
    assert not kept.tree.exists()


def test_a_file_that_was_added_is_a_change_too(cache):
    (fetch(cache).tree / "more.js").write_text("")
    assert cache.find(KEY) is None


def test_the_first_of_two_scans_wins_and_both_can_go_on(cache):
    first = fetch(cache)
    assert fetch(cache, "content") == first


def test_versions_constraints_and_runtimes_are_kept_apart():
    keys = [
        KEY,
        Key(ecosystem="npm", name="@scope/x", version="1.0.1", runtime="node"),
        Key(ecosystem="pypi", name="@scope/x", version="1.0.0", runtime="node"),
        Key(ecosystem="npm", name="@scope/x", version="1.0.0", runtime="node", constraints=("a<2",)),
        Key(ecosystem="npm", name="@scope/x", version="1.0.0", runtime="other"),
        Key(ecosystem="npm", name="@scope%2Fx", version="1.0.0", runtime="node"),
    ]
    folders = {key.folder for key in keys}
    assert len(folders) == len(keys)
    assert all("/" not in folder and not folder.startswith(".") for folder in folders)


def test_a_link_out_of_the_package_is_refused(tmp_path):
    (tmp_path / "package.json").symlink_to("/etc/passwd")
    with pytest.raises(SandboxError, match="neither a file nor a folder of its own"):
        seal(tmp_path, DEFAULT)


def test_a_link_within_the_package_is_not(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    assert seal(tmp_path, DEFAULT)[1:] == (1, 1)


def test_a_pipe_in_the_package_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SandboxError, match="neither a file nor a folder of its own"):
        seal(tmp_path, DEFAULT)


def test_too_many_files_are_refused(tmp_path):
    for number in range(5):
        (tmp_path / str(number)).write_text("")
    with pytest.raises(SandboxError, match="fetch_files_max"):
        digest_of(tmp_path, Limits(fetch_files_max=4))
