"""Files of suppressions: what is wrong is told with its line, what is added is read back as it was meant."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.app.config import Config
from bartizan.app.suppressions import add_suppression, parse_suppressions, read_suppressions, suppression_files
from bartizan.model.asset import Confidence
from bartizan.model.errors import ContentError, UsageError
from bartizan.model.finding import Finding, Severity
from bartizan.model.suppression import Suppression, entry, exception_line

TODAY = date(2026, 11, 20)
ONE = Suppression(finding="F-0123456789abcdef", reason="a test server", author="ada", until=date(2026, 12, 31))
TWO = Suppression(
    rule="unpinned_launch",
    server="server:1a2b",
    up_to=Severity.MEDIUM,
    reason="it is ours",
    author="ada",
    until=date(2027, 1, 1),
)

WRONG = """\
# accepted
- finding: F-0123456789abcdef
  reason: "  "
  author: ada
  until: 2026-12-31
  because: it is fine
- finding: F-12
  rule: unpinned_launch
  reason: x
- finding: F-12
  server: server:a
  reason: x
  author: ada
  until: 2026-12-31
- rule: unpinned_launch
  reason: x
  author: 7
  until: next year
- rule: unpinned_launch
  reason: x
  author: ada
  until: 2027-11-22
  tool: add
- fine
"""


def mistakes(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(ContentError) as caught:
        parse_suppressions(text, "suppressions.yml", TODAY)
    return [(place.line, what) for place, what in caught.value.mistakes]


@pytest.mark.mission("X4")
def test_every_mistake_of_every_entry_is_told_with_its_line():
    told = mistakes(WRONG)
    assert [(line, what.split(",")[0]) for line, what in told] == [
        (3, "the reason is empty"),
        (6, "unknown key `because`; there are finding"),
        (7, "an entry says `author`"),
        (7, "an entry says `until`"),
        (7, "an entry names either one finding"),
        (10, "the id of a finding is F- and 16 hexadecimal digits"),
        (11, "server belongs to an entry for a rule; the finding says it all"),
        (15, "a rule is excepted for one server"),
        (15, "an entry for a rule says `up_to`"),
        (17, "author: Expected `str`"),
        (18, "until: Invalid RFC3339 encoded date"),
        (19, "a rule is excepted for one server"),
        (19, "an entry for a rule says `up_to`"),
        (22, "no suppression lasts past 2027-11-21"),
        (23, "a tool is named together with its server"),
        (24, "an entry is a mapping of keys to values"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("finding: F-0123456789abcdef\n", 1),
        ("- finding: F-0123456789abcdef\n  until: 2026-12-31\n  until: 2027-06-30\n  reason: x\n  author: y\n", 3),
        ("- [", 1),
        ("\n- {finding: F-0123456789abcdef, reason: '', author: a, until: 2026-12-31}\n", 2),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_line(text: str, line: int):
    assert mistakes(text)[0][0] == line


def test_a_rule_everywhere_has_to_be_spelled():
    told = "- {rule: unpinned_launch, up_to: low, reason: x, author: y, until: 2026-12-31%s}"
    assert mistakes(told % "")
    assert parse_suppressions(told % ", everywhere: true", "", TODAY)[0].everywhere


def test_the_last_day_that_can_be_named_is_a_year_away():
    told = "- {finding: F-0123456789abcdef, reason: x, author: y, until: %s}"
    assert parse_suppressions(told % (TODAY + timedelta(days=366)), "", TODAY)
    assert mistakes(told % (TODAY + timedelta(days=367)))


def test_a_day_that_is_over_is_no_mistake_of_the_file():
    assert parse_suppressions("- {finding: F-0123456789abcdef, reason: x, author: y, until: 2020-01-01}", "", TODAY)


def test_the_line_that_a_block_tells_is_refused_until_a_person_filled_it_in():
    finding = Finding(
        id="F-0123456789abcdef",
        rule="r",
        title='Says "no"\n- x',
        subject="",
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        message="",
    )
    line = exception_line(finding, "tool a\u202eb of c: #")
    assert "\n" not in line
    assert len(mistakes(line)) >= 2
    filled = line.replace('reason: "", author: ""', "reason: x, author: y").replace("until: }", "until: 2026-12-31}")
    (one,) = parse_suppressions(filled, "", TODAY)
    assert (one.finding, one.title, one.subject) == (finding.id, finding.title, "tool a\u202eb of c: #")


TEXTS = st.text(min_size=1, max_size=30).filter(str.strip)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_any_text_in_an_entry_comes_back_and_stays_one_entry(reason: str, author: str, title: str, tool: str):
    one = Suppression(
        rule="r",
        server="server:a",
        tool=tool,
        up_to=Severity.LOW,
        title=title,
        reason=reason,
        author=author,
        created=TODAY,
        until=TODAY,
    )
    text = entry(one)
    assert parse_suppressions(text, "", TODAY) == [one]
    assert text.count("\n") == len(text.splitlines()) == 9


def test_an_added_entry_keeps_the_comments_the_order_and_the_mode_of_the_file(tmp_path: Path):
    file = tmp_path / "suppressions.yml"
    before = f"# ours\n{entry(ONE)}  # until the next release"
    file.write_text(before)
    file.chmod(0o640)
    text, line = add_suppression(file, TWO, TODAY)
    assert file.read_text() == f"{before}\n{text}"
    assert file.read_text().splitlines()[line - 1].startswith("- rule:")
    assert parse_suppressions(file.read_text(), "", TODAY) == [ONE, TWO]
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["suppressions.yml"]


def test_a_new_file_is_for_its_owner_and_says_what_it_is(tmp_path: Path):
    file = tmp_path / "state" / "suppressions.yml"
    add_suppression(file, ONE, TODAY)
    assert file.read_text().startswith("# Findings that are accepted.")
    assert file.stat().st_mode & 0o777 == 0o600
    assert parse_suppressions(file.read_text(), "", TODAY) == [ONE]


@pytest.mark.parametrize("text", ["[]\n", f"  {entry(ONE)}".replace("\n", "\n  "), "- {\n"])
def test_a_file_that_cannot_take_an_entry_stays_as_it_was(tmp_path: Path, text: str):
    file = tmp_path / "suppressions.yml"
    file.write_text(text)
    with pytest.raises((UsageError, ContentError)):
        add_suppression(file, TWO, TODAY)
    assert file.read_text() == text


def test_entries_that_are_added_at_the_same_time_are_all_kept(tmp_path: Path):
    file = tmp_path / "suppressions.yml"
    many = [Suppression(finding=f"F-{n:016x}", reason="x", author="y", until=TODAY) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: add_suppression(file, one, TODAY), many))
    found = parse_suppressions(file.read_text(), "", TODAY)
    assert sorted(one.finding for one in found) == [one.finding for one in many]


def test_a_file_that_somebody_else_may_have_written_is_refused(tmp_path: Path):
    file = tmp_path / "suppressions.yml"
    file.write_text(entry(ONE))
    config = tmp_path / "bartizan.yml"
    assert read_suppressions(Config(), config, TODAY) == [ONE]
    file.chmod(0o666)
    with pytest.raises(UsageError, match=r"everybody may write to it\n.*chmod o-w"):
        read_suppressions(Config(), config, TODAY)
    file.chmod(0o644)
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match="everybody may write to its folder"):
        read_suppressions(Config(), config, TODAY)
    tmp_path.chmod(0o700)
    file.rename(tmp_path / "other")
    file.symlink_to("other")
    with pytest.raises(UsageError, match="not a symbolic link"):
        read_suppressions(Config(), config, TODAY)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused(tmp_path: Path):
    file = tmp_path / "suppressions.yml"
    file.write_text(entry(ONE))
    os.chown(file, 12345, 12345)
    with pytest.raises(UsageError, match="somebody else decides"):
        read_suppressions(Config(), tmp_path / "bartizan.yml", TODAY)


def test_the_files_are_those_of_the_configuration_else_the_one_beside_it_else_that_of_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BARTIZAN_HOME", str(tmp_path / "state"))
    config = tmp_path / "bartizan.yml"
    assert suppression_files(Config(), None) == [tmp_path / "state" / "suppressions.yml"]
    assert suppression_files(Config(), config) == [tmp_path / "suppressions.yml"]
    named = Config(suppressions=("team.yml", "/etc/bartizan/all.yml"))
    assert suppression_files(named, config) == [tmp_path / "team.yml", Path("/etc/bartizan/all.yml")]
    assert read_suppressions(Config(), config, TODAY) == []
    with pytest.raises(UsageError, match="is not there"):
        read_suppressions(named, config, TODAY)
