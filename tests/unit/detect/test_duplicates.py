"""Which events have been seen, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.duplicates import Duplicates


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 5)), max_size=60))
def test_within_the_horizon_every_event_is_new_once(told: list[tuple[str, int]]):
    seen, known = Duplicates(1_000, 60), set[tuple[str, int]]()
    for one in told:
        assert seen.seen(*one) is (one in known)
        known.add(one)


def test_memory_is_bounded_and_what_is_forgotten_too_soon_is_counted():
    seen = Duplicates(100, 3_600)
    for number in range(1_000):
        assert not seen.seen(str(number), number)
    assert all(seen.seen(str(number), number) for number in range(950, 1_000))
    assert seen.forgotten >= 800
    assert sum(len(part) for part in seen.save()[:2]) <= 100


def test_events_are_forgotten_after_the_horizon_and_that_is_no_loss():
    seen = Duplicates(1_000, 10)
    for second in range(100):
        assert not seen.seen(str(second), second * 1_000)
    assert all(seen.seen(str(second), second * 1_000) for second in range(90, 100))
    assert not seen.seen("5", 5_000)
    assert seen.forgotten == 0


def test_what_is_saved_is_taken_up():
    seen = Duplicates(100, 10)
    seen.seen("a", 1)
    seen.seen("a", 2)
    other = Duplicates(100, 10)
    other.load(seen.save())
    assert (other.seen("a", 1), other.seen("a", 2), other.seen("a", 3), other.colliding) == (True, True, False, 2)
