"""The journal in SQLite: private, chained, signed, whole after kill -9."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bartizan.adapters.bus.sqlite import Journal
from bartizan.model.event import Event
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.ports import BusError

MakeEvent = Callable[[int], Event]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Secret("key of a deployment")
LIMITS = Limits(bus_signed_events=10)


@pytest.fixture
def path(tmp_path: Path, event: MakeEvent) -> Path:
    """A journal of 25 events, closed: signatures at 10, 20 and 25."""
    path = tmp_path / "events.db"
    journal = Journal(path, KEY, lambda: NOON, limits=LIMITS)
    for number in range(1, 26):
        journal.accept(event(number))
    journal.close()
    return path


def tampered(path: Path, statement: str) -> str:
    """What the check says after somebody changed the file."""
    file = sqlite3.connect(path)
    file.execute(statement)
    file.commit()
    file.close()
    return broken(path)


def broken(path: Path, key: Secret = KEY) -> str:
    journal = Journal(path, key, lambda: NOON, limits=LIMITS)
    try:
        return journal.verify().broken
    finally:
        journal.close()


def test_an_untouched_journal_is_in_order(path: Path) -> None:
    assert broken(path) == ""


def test_a_changed_event_is_named(path: Path) -> None:
    told = tampered(path, "UPDATE events SET body = replace(body, 'call-7', 'call-8') WHERE sequence = 7")
    assert told == "event 7 is not as it was accepted"


def test_an_event_taken_out_is_named(path: Path) -> None:
    assert tampered(path, "DELETE FROM events WHERE sequence = 12") == "event 12 is missing"


def test_a_beginning_cut_off_without_a_signed_cut_is_named(path: Path) -> None:
    assert tampered(path, "DELETE FROM events WHERE sequence <= 10") == "event 1 is missing"


def test_a_signed_end_cut_off_is_named(path: Path) -> None:
    assert tampered(path, "DELETE FROM events WHERE sequence > 22") == "events 23 to 25 were signed and are gone"


def test_signatures_taken_out_are_noticed(path: Path) -> None:
    assert tampered(path, "DELETE FROM checkpoints WHERE sequence > 10") == "the signatures behind event 10 are gone"


def test_two_events_put_in_each_others_place_are_noticed(path: Path) -> None:
    swap = "UPDATE events SET body = (SELECT other.body FROM events other WHERE other.sequence = 17 - events.sequence)"
    assert tampered(path, f"{swap} WHERE sequence IN (8, 9)") == "event 8 is not as it was accepted"


def test_a_chain_made_anew_without_the_key_is_not_ours(path: Path, tmp_path: Path, event: MakeEvent) -> None:
    forged = tmp_path / "forged.db"
    journal = Journal(forged, Secret("another key"), lambda: NOON, limits=LIMITS)
    for number in range(2, 27):
        journal.accept(event(number))
    journal.close()
    assert broken(forged) == "the signature at event 10 is not ours"


def test_old_events_go_and_what_is_left_is_in_order(tmp_path: Path, event: Callable[..., Event]) -> None:
    path, late = tmp_path / "events.db", datetime(2027, 11, 20, tzinfo=UTC)
    times = [NOON]
    journal = Journal(path, KEY, lambda: times[-1], limits=LIMITS)
    for number in range(1, 31):
        journal.accept(event(number))
    times.append(late)
    for number in range(31, 51):
        journal.accept(event(number, late))
    verified = journal.verify()
    journal.close()
    assert (verified.first, verified.last, verified.broken) == (31, 50, "")
    # The cut is signed: moving it shows.
    assert tampered(path, "UPDATE checkpoints SET sequence = 40 WHERE kind = 'cut'").endswith("is not ours")


def test_the_files_are_for_their_owner_alone(tmp_path: Path, event: MakeEvent) -> None:
    before = os.umask(0o022)
    journal = Journal(tmp_path / "state" / "events.db", KEY, lambda: NOON)
    journal.accept(event(1))
    os.umask(before)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()}
    journal.close()
    assert modes == {0o600}


def test_a_journal_that_others_may_read_is_refused(path: Path) -> None:
    path.chmod(0o644)
    with pytest.raises(BusError, match="chmod 600"):
        Journal(path, KEY, lambda: NOON)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(path)
    with pytest.raises(BusError):
        Journal(tmp_path / "link.db", KEY, lambda: NOON)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"not a database " * 100)
    (tmp_path / "events.db").chmod(0o600)
    with pytest.raises(BusError, match=r"events\.db"):
        Journal(tmp_path / "events.db", KEY, lambda: NOON)


def test_a_locked_journal_accepts_nothing_and_says_so(path: Path, event: MakeEvent) -> None:
    journal = Journal(path, KEY, lambda: NOON, limits=Limits(bus_wait_seconds_max=0.05))
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusError, match="locked"):
        journal.accept(event(1))
    other.rollback()
    other.close()
    assert journal.accept(event(1)) == 26
    journal.close()


_WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bartizan.adapters.bus.sqlite import Journal
from bartizan.model.event import Event
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret

now = lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)
journal = Journal(Path(sys.argv[1]), Secret("key of a deployment"), now, limits=Limits(bus_signed_events=10))
number = 0
while True:
    number += 1
    journal.accept(Event(uid=f"call-{number}", time=now(), class_uid=6003, activity_name="tools/call"))
    print(number, flush=True)  # accepted: from here on it may not be lost
"""


@pytest.mark.parametrize("accepted", [1, 57, 333])
def test_nothing_accepted_is_lost_when_the_process_is_killed(tmp_path: Path, accepted: int) -> None:
    path = tmp_path / "events.db"
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        last = 0
        for line in writer.stdout:
            last = int(line)
            if last == accepted:
                break
        writer.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in writer.stdout.read().splitlines())])
    journal = Journal(path, KEY, lambda: NOON, limits=LIMITS)
    verified = journal.verify()
    journal.close()
    assert verified.broken == ""
    assert verified.last >= last >= accepted
