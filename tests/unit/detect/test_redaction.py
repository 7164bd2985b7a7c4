"""What is kept of a record holds no secret and no session token; what joins logs stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect import redaction
from bartizan.detect.parsers.registry import PARSERS
from bartizan.model.secret import MARK
from bartizan.ports import ParserSettings
from fixtures.parsing import parsed, sample

TOKEN = "gh" + "p_" + "9fKz2LqXw7RtYb3NcVm5HsJd8GpAe4Tu6Qi1"
PASSWORD = "tr0ub4dor" + "x9K"


def shown(value: Any) -> Any:
    return redaction.json(value, json.dumps(value))


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"b": [f"with {TOKEN}"]}},
        {"sessionToken": "anything at all"},
        {"headers": {"Set-Cookie": ["sid=1"]}},
        {"Authorization": "Basic x"},
        {"password": "short"},
        {"dsn": f"postgres://ada:{PASSWORD}@db.example/app"},
        {"command": f"mysql --password={PASSWORD} -h db"},
        {"args": ["mysql", "--password", "hunter"]},
        {TOKEN: 1},
    ],
)
def test_a_secret_becomes_a_mark(value: Any):
    told = json.dumps(shown(value), ensure_ascii=False)
    assert MARK in told
    for secret in (TOKEN, PASSWORD, "anything", "sid=1", "Basic", "short", "hunter"):
        assert secret not in told


@pytest.mark.parametrize(
    "value",
    [
        {"accessKeyId": "AKIA" + "QWERQWERQWERQWER"},
        {"hashed_token": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="},
        {"client_token": "hmac-sha256:" + "5f" * 32},
        {"secretId": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/github-4Rzn83"},
        {"message": "denied on arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/github-4Rzn83 for you"},
        {"nextToken": "AAEAAWTrG1XzfC+I+cBZdv2e1Y6JxbMPL7ueqKuv"},
        {"password": "<hidden>", "masterUserPassword": "****"},
        {"eventName": "GetSecretValue", "mfaAuthenticated": "false", "key": "Name"},
    ],
)
def test_what_is_no_secret_stays_the_same_object(value: Any):
    assert shown(value) is value


def test_two_names_that_are_secrets_hide_neither_value():
    assert sorted(shown({TOKEN: 1, TOKEN[:-1] + "2": 2}).values()) == [1, 2]


def test_a_secret_behind_escapes_is_found():
    raw = '{"a": "\\u0067' + TOKEN[1:] + '"}'
    assert redaction.json(json.loads(raw), raw) == {"a": MARK}


@given(
    st.dictionaries(st.text(max_size=12), st.recursive(st.text(), lambda one: st.lists(one, max_size=3), max_leaves=5))
)
def test_where_to_look_is_never_decided_wrongly(value: dict[str, Any]):
    assert redaction.json(value, json.dumps(value)) == redaction.json(value)


@pytest.mark.parametrize("kind", sorted(PARSERS))
def test_no_parser_keeps_a_password_of_its_samples(kind: str):
    told = repr(parsed(kind, sample(kind)))
    assert "@PASSWORD@" not in told
    assert "@SESSION_TOKEN@" not in told


def test_a_secret_that_is_written_in_digits_is_not_in_the_raw_record_either():
    secret = f"--password={PASSWORD}"
    raw = f'type=EXECVE msg=audit(1.2:3): argc=2 a0="mysql" a1={secret.encode().hex().upper()}'.encode()
    (one,) = PARSERS["auditd"](ParserSettings()).feed(raw, 1)
    assert PASSWORD not in repr(one)
    assert secret.encode().hex().upper() not in repr(one)
