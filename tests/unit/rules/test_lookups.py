"""Tables as of a time."""

from hypothesis import given
from hypothesis import strategies as st

from bartizan.rules.lookups import Row, Table

ROWS = st.builds(
    Row,
    key=st.sampled_from(["ann", "Ann", "bob"]),
    since=st.integers(0, 9),
    columns=st.sampled_from([{"status": ("active",)}, {"status": ("left", "barred")}]),
    gone=st.booleans(),
    tenant=st.sampled_from(["", "north"]),
)


@given(st.lists(ROWS, max_size=8), st.sampled_from(["ANN", "bob"]), st.integers(-1, 12), st.sampled_from(["", "north"]))
def test_a_row_counts_from_its_time_until_the_next(rows: list[Row], key: str, time: int, tenant: str):
    named = [row for row in rows if row.key.lower() == key.lower()]
    own = [row for row in named if row.tenant == tenant] or [row for row in named if not row.tenant]
    then = [row for row in own if row.since <= time]
    last = max(reversed(list(enumerate(then))), key=lambda pair: (pair[1].since, pair[0]))[1] if then else None
    assert Table(rows).as_of(key, time, tenant) == (None if last is None or last.gone else last)
