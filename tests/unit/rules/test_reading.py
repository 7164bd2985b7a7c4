"""Fields of OCSF objects, and conditions as they are read plainly."""

from ipaddress import ip_network
from typing import Any

import pytest

from bartizan.rules.detection import All, AnyOf, Condition, Field, Not, Operator, Test, TimePart
from bartizan.rules.interpret import holds
from bartizan.rules.reading import lies_within, number_of, part_of, text_of, texts, words

RECORD: dict[str, Any] = {
    "time": 1_767_261_600_000,
    "metadata": {"log_name": "vault"},
    "severity": "High",
    "actor": {"user": {"name": "Ann"}, "groups": [{"name": "Admins"}, {"name": "dev"}, {"uid": 3}]},
    "unmapped": {"OperationName": "Add", "id.orig_h": "10.1.2.3", "flag": True, "nested": {"a": [1, [2.0, None]]}},
}


def field(*paths: str, any_case: bool = False) -> Field:
    return Field(name=paths[0], paths=tuple(tuple(path.split("/")) for path in paths), any_case=any_case)


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (field("actor/user/name"), ["Ann"]),
        (field("actor/groups/name"), ["Admins", "dev"]),
        (field("actor/nobody", "actor/user/name"), ["Ann"]),
        (field("unmapped/operationname"), []),
        (field("unmapped/operationname", any_case=True), ["Add"]),
        (field("unmapped/id.orig_h"), ["10.1.2.3"]),
        (field("unmapped/nested/a"), ["1", "2"]),
        (field("unmapped/nested"), ['{"a":[1,[2.0,null]]}']),
        (field("actor/user/name/more"), []),
    ],
)
def test_a_field_is_read_where_its_first_path_leads(read: Field, told: list[str]):
    assert texts(RECORD, read) == told


def test_keywords_see_what_the_source_said_and_not_what_we_added():
    assert set(words(RECORD).split("\n")) == {"1767261600000", "Ann", "Admins", "dev", "3", "Add", "10.1.2.3", "true",
                                              "1", "2"}  # fmt: skip


def test_numbers_and_times_are_read_from_numbers_and_texts():
    assert [number_of(value) for value in (1, "1", "1.5", "0x1", True, None, "1e400")] == [
        1,
        1,
        1.5,
        None,
        None,
        None,
        None,
    ]
    assert part_of(1_767_261_600_000, TimePart.HOUR) == part_of(1_767_261_600, TimePart.HOUR) == 10
    assert part_of("2026-01-01T10:00:00+02:00", TimePart.HOUR) == 8
    assert part_of(10**30, TimePart.HOUR) is None
    assert text_of(10**5_000).startswith("0x")


def test_an_address_is_told_by_its_value():
    assert lies_within("::ffff:10.0.0.1", ip_network("10.0.0.0/8"))
    assert not lies_within("10.0.0.1.example", ip_network("10.0.0.0/8"))
    assert not lies_within("fe80::1", ip_network("10.0.0.0/8"))


def one(operator: Operator, value: Any = None, path: str = "actor/user/name", **more: Any) -> Test:
    return Test(operator=operator, field=field(path), value=value, **more)


ABSENT = "actor/absent"


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (one(Operator.EQUALS, "ann"), True),
        (one(Operator.EQUALS, "ann", cased=True), False),
        (one(Operator.CONTAINS, "dmin", "actor/groups/name"), True),
        (one(Operator.STARTSWITH, "d", "actor/groups/name"), True),
        (one(Operator.ENDSWITH, "v", "actor/groups/name"), True),
        (one(Operator.REGEX, "^A", cased=True), True),
        (one(Operator.REGEX, "^A"), False),
        (one(Operator.CIDR, "10.0.0.0/8", "unmapped/id.orig_h"), True),
        (one(Operator.GTE, 2, "unmapped/nested/a"), True),
        (one(Operator.LT, 1, "unmapped/nested/a"), False),
        (one(Operator.EXISTS, path=ABSENT), False),
        (one(Operator.NULL, path=ABSENT), True),
        (one(Operator.NULL), False),
        (Not(part=one(Operator.EQUALS, "x", ABSENT)), True),
        (one(Operator.EQUALS, "", ABSENT), False),
        (one(Operator.EQUALS, other=field("actor/user/name")), True),
        (one(Operator.EQUALS, other=field(ABSENT)), False),
        (one(Operator.EQUALS, 10, "time", part=TimePart.HOUR), True),
        (Test(operator=Operator.CONTAINS, value="admin"), True),
        (Test(operator=Operator.CONTAINS, value="vault"), False),
        (All(parts=()), True),
        (AnyOf(parts=()), False),
    ],
)
def test_a_condition_is_read_plainly(condition: Condition, told: bool):
    assert holds(condition, RECORD) is told
