"""Secrets behind references."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from bartizan.adapters.vaults.local import LocalVault
from bartizan.adapters.vaults.references import References
from bartizan.model.errors import UsageError
from bartizan.model.secret import Secret

posix = pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")


def test_a_secret_is_made_once_and_is_the_same_afterwards(tmp_path: Path):
    vault = LocalVault(tmp_path / "vault")
    made = vault.read_or_make("local:fingerprint-key")
    assert len(made.reveal()) == 64
    assert (
        vault.read("local:fingerprint-key")
        == LocalVault(tmp_path / "vault").read_or_make("local:fingerprint-key")
        == made
    )
    assert [path.name for path in (tmp_path / "vault").iterdir()] == ["fingerprint-key"]


@posix
def test_it_is_for_its_owner_only_and_refused_where_others_could_have_read_it(tmp_path: Path):
    vault = LocalVault(tmp_path / "vault")
    vault.read_or_make("local:key")
    path = tmp_path / "vault" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(UsageError, match="can be read by other users"):
        vault.read("local:key")


def make(folder: str) -> str:
    return LocalVault(Path(folder)).read_or_make("local:key").reveal()


def test_two_processes_that_make_it_at_once_get_one_secret(tmp_path: Path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(make, [str(tmp_path / "vault")] * 8)
    assert len(set(made)) == 1


@pytest.mark.parametrize("reference", ["local:../key", "local:", "key", "local:a/b", "local:Key"])
def test_a_reference_cannot_leave_the_vault(tmp_path: Path, reference: str):
    with pytest.raises(UsageError, match="local:NAME"):
        LocalVault(tmp_path).read(reference)


def test_references_lead_to_variables_files_and_the_local_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    local = LocalVault(tmp_path / "vault")
    references = References(local)
    monkeypatch.setenv("STORE_URL", "postgresql://a:b@c/d")
    (tmp_path / "secret").write_text("from a file\n")
    assert references.read("env:STORE_URL") == Secret("postgresql://a:b@c/d")
    assert references.read(f"file:{tmp_path / 'secret'}") == Secret("from a file")
    assert references.read("local:key" if local.read_or_make("local:key") else "") == local.read("local:key")


@pytest.mark.parametrize("reference", ["env:NOT_SET_ANYWHERE", "file:/nowhere/at/all", "vault:kv/x#y", "hunter2"])
def test_what_leads_nowhere_says_how_to_mend_it(tmp_path: Path, reference: str):
    with pytest.raises(UsageError):
        References(LocalVault(tmp_path)).read(reference)
