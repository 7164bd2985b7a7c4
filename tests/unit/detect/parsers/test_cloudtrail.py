"""CloudTrail: who used which key on what, and with what outcome."""

import json
from typing import Any

from bartizan.model.secret import MARK
from bartizan.model.source_event import SourceEvent
from fixtures.parsing import events, sample

READ, REFUSED, LOGIN, ASSUMED, DECRYPTED = events("cloudtrail", sample("cloudtrail"))


def one(**native: Any) -> SourceEvent:
    (found,) = events("cloudtrail", json.dumps({"eventName": "ListUsers", **native}).encode())
    return found


def test_a_read_of_a_secret_names_the_key_and_the_secret():
    user = READ.record["actor"]["user"]
    assert user["programmatic_credentials"] == [{"uid": "aws-key-id:ASIAEXAMPLEKEYID0001", "type": "AWS access key"}]
    assert user["uid"] == "arn:aws:sts::111122223333:assumed-role/mcp-reader/agent"
    assert READ.record["resources"] == [
        {"uid": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/github-AbCdEf", "type": "secret"}
    ]
    assert (READ.record["activity_name"], READ.record["status"]) == ("Read", "Success")
    assert READ.uid == "5d2a7c0e-7a44-4f7e-8f55-0b2f7d1e9c01"
    assert READ.time == 1_772_442_927_000


def test_a_secret_that_was_asked_for_by_name_is_named_so():
    assert REFUSED.record["resources"] == [{"name": "prod/database", "type": "secret"}]
    assert REFUSED.record["status"] == "Failure"
    assert REFUSED.record["api"]["response"]["error"] == "AccessDenied"


def test_a_failed_sign_in_to_the_console_is_a_failed_authentication():
    assert (LOGIN.record["class_uid"], LOGIN.record["activity_name"]) == (3002, "Logon")
    assert LOGIN.record["status"] == "Failure"
    assert LOGIN.record["user"]["name"] == "ada"


def test_a_session_token_is_kept_nowhere():
    assert ASSUMED.record["unmapped"]["responseElements"]["credentials"]["sessionToken"] == MARK
    assert "@SESSION_TOKEN@" not in json.dumps(ASSUMED.record)
    assert ASSUMED.record["unmapped"]["responseElements"]["credentials"]["accessKeyId"] == "ASIAEXAMPLEKEYID0002"


def test_a_service_of_aws_is_no_address():
    assert ASSUMED.record["src_endpoint"] == {"hostname": "ec2.amazonaws.com"}
    assert DECRYPTED.record["src_endpoint"] == {"name": "AWS Internal", "uid": "vpce-0a1b2c3d"}


def test_a_record_without_time_says_so():
    found = one()
    assert found.time == 0
    assert found.record["metadata"]["labels"] == ["time unknown"]


def test_bytes_that_are_no_utf_8_hide_no_record():
    (found,) = events("cloudtrail", b'{"eventName":"ListUsers","userAgent":"\xff"}')
    assert found.record["http_request"] == {"user_agent": "\ufffd"}
    assert "not UTF-8" in found.record["metadata"]["labels"]
