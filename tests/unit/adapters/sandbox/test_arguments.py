import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.adapters.sandbox.arguments import DUMMY, DUMMY_URL, expanded, folders_of, stand_ins, without_secrets
from bartizan.model.limits import DEFAULT, Limits

TOKEN = "ghp_" + "A1b2" * 9


def test_variables_come_in_by_name_with_values_that_mean_nothing():
    assert stand_ins(["API_KEY", "SERVICE_URL", "BASE_URI"]) == {
        "API_KEY": DUMMY,
        "SERVICE_URL": DUMMY_URL,
        "BASE_URI": DUMMY_URL,
    }


@pytest.mark.parametrize("name", "PATH HOME LD_PRELOAD NODE_OPTIONS PYTHONPATH npm_config_x https_proxy A=B 1A".split())
def test_variables_that_steer_the_start_do_not_come_in(name):
    assert stand_ins([name]) == {}


def test_secrets_in_arguments_become_dummies_and_the_rest_stays():
    words = ["--root", "/data", f"--token={TOKEN}", "--api-key", "plainvalue1", TOKEN, f"x{TOKEN}", "--verbose"]
    kept = without_secrets(words)
    assert kept[:2] == ("--root", "/data")
    assert kept[-1] == "--verbose"
    assert kept[2] == f"--token={DUMMY}"
    assert kept[4] == DUMMY
    assert TOKEN not in " ".join(kept[:6])


@given(st.lists(st.text(max_size=20), max_size=8), st.integers(0, 8))
def test_no_token_enters_wherever_it_stands(words, at):
    assert TOKEN not in " ".join(without_secrets([*words[:at], TOKEN, *words[at:]]))


@pytest.mark.parametrize(
    ("words", "folders"),
    [
        (["/data"], ("/data",)),
        (["/srv/notes/", "/srv/notes"], ("/srv/notes",)),
        (["--db-path", "/data/x.db"], ("/data",)),
        (["--db-path=/data/x.db"], ("/data",)),
        (["--root=/a/b"], ("/a/b",)),
        (["~/docs"], ()),
        (["/tmp/work"], ("/tmp/work",)),
        (["relative/path", "--flag", "https://host/path", "//host/x"], ()),
        (["/", "/usr", "/usr/share", "/etc/passwd.d", "/home", "/proc/1", "/data/../etc", "/run", "/tmp", "/dev"], ()),
    ],
)
def test_folders_that_the_command_names_are_made_unless_they_would_hide_the_system(words, folders):
    assert folders_of(words, None, DEFAULT) == folders


def test_the_working_directory_is_made_too():
    assert folders_of([], "/home/alice/project", DEFAULT) == ("/home/alice/project",)


def test_a_command_with_a_thousand_folders_gets_no_more_than_the_limit():
    assert len(folders_of([f"/f{number}" for number in range(1_000)], None, Limits(sandbox_folders_max=5))) == 5


def test_a_tilde_is_the_home_inside():
    assert expanded(["~/x", "--db=~/y", "a~b", "~"]) == (
        "/home/nobody/x",
        "--db=/home/nobody/y",
        "a~b",
        "/home/nobody",
    )
