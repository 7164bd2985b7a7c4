"""Parameters that clients mirror into headers: read as the official SDK reads them, compared with the body."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import find_invalid_x_mcp_header, x_mcp_header_map

from bartizan.model.call import Call, Credentials, Verb
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport
from bartizan.protocol.relay.mirrored import InvalidMirrorError, Mirrored, as_headers, disagreement, mirrors

LEAF = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "boolean", "number", "object", ["string"], 1])},
    optional={"x-mcp-header": st.sampled_from(["A", "a", "Region", "", "no token", "ü", 1, None])},
)
SCHEMAS = st.recursive(
    LEAF,
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(st.sampled_from(["p", "q", "x-mcp-header"]), inner, max_size=3),
            "anyOf": st.lists(inner, max_size=2),
            "items": inner,
            "$defs": st.dictionaries(st.sampled_from(["p"]), inner, max_size=1),
        },
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_H5_a_schema_is_valid_where_the_official_client_takes_it_and_names_the_same_headers(schema):
    try:
        found = mirrors({"inputSchema": schema})
    except InvalidMirrorError:
        assert find_invalid_x_mcp_header(schema) is not None
        return
    assert find_invalid_x_mcp_header(schema) is None
    assert found == {f"mcp-param-{name.lower()}": path for path, name in x_mcp_header_map(schema).items()}


TOOL = {
    "name": "t",
    "inputSchema": {
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "where": {"type": "object", "properties": {"size": {"type": "integer", "x-mcp-header": "Size"}}},
            "dry": {"type": "boolean", "x-mcp-header": "Dry"},
        },
    },
}


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, {"mcp-param-region": "eu"}),
        ({"region": "größe"}, {"mcp-param-region": "=?base64?Z3LDtsOfZQ==?="}),
        ({"where": {"size": 42}}, {"mcp-param-size": "42.0"}),
        ({"where": {"size": 42.0}}, {"mcp-param-size": "42"}),
        ({"dry": True}, {"mcp-param-dry": "true"}),
        ({"region": None}, {}),
        ({}, {"mcp-param-other": "x"}),
    ],
)
def test_H2_what_says_the_same_agrees(arguments, headers):
    assert disagreement(mirrors(TOOL), arguments, headers) == ""


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, {}),
        ({"region": "eu"}, {"mcp-param-region": "us"}),
        ({"region": "eu"}, {"mcp-param-region": "EU"}),
        ({}, {"mcp-param-region": "eu"}),
        ({"region": None}, {"mcp-param-region": "null"}),
        ({"where": {"size": 42}}, {"mcp-param-size": "42x"}),
        ({"where": {"size": 42}}, {"mcp-param-size": "4.2e1"}),
        ({"where": "42"}, {"mcp-param-size": "42"}),
        ({"dry": True}, {"mcp-param-dry": "1"}),
        ({"region": ["eu"]}, {"mcp-param-region": "eu"}),
    ],
)
def test_H1_what_says_something_else_or_nothing_does_not(arguments, headers):
    assert disagreement(mirrors(TOOL), arguments, headers)


@given(st.text(max_size=30), st.integers(-(2**53) + 1, 2**53 - 1), st.booleans())
def test_the_headers_that_the_gateway_writes_agree_with_the_body(region, size, dry):
    arguments = {"region": region, "where": {"size": size}, "dry": dry}
    assert disagreement(mirrors(TOOL), arguments, dict(as_headers(mirrors(TOOL), arguments))) == ""


def call(method="tools/list", token="a", **more: Any) -> Call:
    return Call(
        uid="u", server="s", method=method, verb=Verb.CALL, era=Era.MODERN, revision="2026-07-28", target="t",
        transport=Transport.STREAMABLE_HTTP, at=datetime(2026, 11, 20, tzinfo=UTC),
        credentials=Credentials(bearer=Secret(token)), **more,
    )  # fmt: skip


def test_what_one_caller_was_told_of_a_tool_is_compared_with_what_that_one_sends():
    known = Mirrored()
    known.learn(call(), [TOOL, {"name": "u"}, "x"])
    asked = call("tools/call", arguments={"region": "eu"})
    assert known.wrong(asked, (("mcp-param-region", "us"),))
    assert known.wrong(asked, (("mcp-param-region", "=?base64?!?="),))
    assert not known.wrong(asked, (("mcp-param-region", "eu"),))
    assert not known.wrong(call("tools/call", token="b", arguments={"region": "eu"}), ())
    known.learn(call(), [{"name": "t"}])
    assert not known.wrong(asked, ())


def test_what_is_kept_of_lists_is_bounded():
    known = Mirrored(Limits(mirrored_lists_max=2, mirrored_tools_max=1))
    for token in ("a", "b", "c"):
        known.learn(call(token=token), [TOOL, {**TOOL, "name": "v"}])
    of = [known.of("s", Credentials(bearer=Secret(token)), "t") for token in ("a", "b", "c")]
    assert [bool(one) for one in of] == [False, True, True]
    assert not known.of("s", Credentials(bearer=Secret("c")), "v")
