"""Budgets that gateways share, on both databases: never more than there is, however many take at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bartizan.adapters.store.counting import SqlCounters
from bartizan.model.need import Take

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_take(key="a", most=3, **more) -> Take:
    return Take(key=key, window_seconds=3600.0, most=most, **more)


@pytest.fixture
def replicas(url):
    opened = [SqlCounters(url) for _ in range(2)]
    yield opened
    for one in opened:
        one.close()


def test_replicas_share_a_budget(replicas):
    granted = [replicas[number % 2].take([a_take()], AT).granted for number in range(5)]
    assert granted == [True, True, True, False, False]
    refused = replicas[0].take([a_take()], AT)
    assert refused.key == "a"
    assert 3600 < refused.retry_after_seconds <= 3600 * 13 / 12
    assert replicas[0].take([a_take("b")], AT).granted


def test_of_several_budgets_all_are_taken_from_or_none(replicas):
    both = [a_take("a", 5), a_take("b", 1)]
    assert replicas[0].take(both, AT).granted
    assert replicas[0].take(both, AT).key == "b"
    assert [replicas[1].take([a_take("a", 5)], AT).granted for _ in range(5)] == [True] * 4 + [False]


def test_what_answers_took_counts_whatever_is_left(replicas):
    assert replicas[0].take([a_take(most=100, amount=10)], AT).granted
    replicas[1].add([a_take(most=100, amount=500)], AT)
    assert not replicas[0].take([a_take(most=100)], AT).granted


def test_however_many_take_at_once_no_more_is_given_than_there_is(replicas):
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: replicas[number % 2].take([a_take(most=20)], AT), range(48)))
    assert sum(one.granted for one in found) == 20


def test_a_budget_comes_back_with_its_window(tmp_path):
    counters = SqlCounters(f"sqlite:///{tmp_path}/s/b.db")  # PostgreSQL has a clock of its own
    assert counters.take([a_take(most=1)], AT).granted
    wait = counters.take([a_take(most=1)], AT).retry_after_seconds
    assert not counters.take([a_take(most=1)], AT + timedelta(seconds=wait - 1)).granted
    assert counters.take([a_take(most=1)], AT + timedelta(seconds=wait + 1)).granted
    counters.close()
