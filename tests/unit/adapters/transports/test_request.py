"""Requests are read in one way only, however they are cut; what two readers may read differently is refused."""

import contextlib
import itertools
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.adapters.transports.request import RefusedError, RequestReader
from bartizan.model.limits import Limits

LIMITS = Limits(message_bytes_max=100, header_bytes_max=600, headers_max=10)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\n"


def read(*pieces: bytes, limits: Limits = LIMITS) -> list[tuple[str, str, bytes]]:
    reader, found = RequestReader(limits), []
    for piece in pieces:
        reader.feed(piece)
        while reader.waiting or reader.in_body:
            taken = reader.take()
            if taken is None:
                break
            request, _ = taken
            found.append((request.method, request.target, request.body))
    return found


def refused(data: bytes, limits: Limits = LIMITS) -> int:
    with pytest.raises(RefusedError) as caught:
        read(data, limits=limits)
    return caught.value.status


def test_a_request_is_read_with_its_headers_in_order_and_in_lower_case():
    reader = RequestReader(LIMITS, peer="1.2.3.4:5")
    reader.feed(POST + b"B:  two \r\na:\tone\r\nContent-Length: 2\r\n\r\nhi")
    request, closes = reader.take() or pytest.fail("not whole")
    assert request.headers == (("host", "a"), ("b", "two"), ("a", "one"), ("content-length", "2"))
    assert (request.body, request.peer, closes) == (b"hi", "1.2.3.4:5", False)


def test_requests_sent_ahead_are_read_in_order():
    assert read(GET + b"\r\n" + POST + b"Content-Length: 1\r\n\r\nx" + GET + b"\r\n") == [
        ("GET", "/", b""),
        ("POST", "/x", b"x"),
        ("GET", "/", b""),
    ]


def test_a_connection_that_the_client_ends_is_told():
    for value in (b"close", b"Keep-Alive, Close"):
        reader = RequestReader(LIMITS)
        reader.feed(GET + b"Connection: " + value + b"\r\n\r\n")
        assert (reader.take() or pytest.fail("not whole"))[1]


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
TWO = (
    (POST + b"Content-Length: 12\r\n\r\nhello\r\n\r\nyou" + CHUNKED + b"5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n")
    + GET
    + b"\r\n"
)


@given(st.lists(st.integers(0, len(TWO)), max_size=8))
def test_how_the_bytes_are_cut_changes_nothing(cuts: list[int]):
    ends = sorted({0, len(TWO), *cuts})
    assert read(*[TWO[one:other] for one, other in itertools.pairwise(ends)]) == [
        ("POST", "/x", b"hello\r\n\r\nyou"),
        ("POST", "/x", b"hello0123456789"),
        ("GET", "/", b""),
    ]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(GET + b"Host: b\r\n\r\n", 400, id="two hosts"),
        pytest.param(GET + b"Host: a\r\n\r\n", 400, id="the same host twice"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, id="a host that is none"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, id="two hosts in one line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, id="a user in the host"),
        pytest.param(POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, id="two lengths"),
        pytest.param(POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, id="one length twice"),
        pytest.param(POST + b"Content-Length: 1, 1\r\n\r\na", 400, id="a list of lengths"),
        pytest.param(POST + b"Content-Length: +1\r\n\r\na", 400, id="a sign"),
        pytest.param(POST + b"Content-Length: -1\r\n\r\na", 400, id="a negative length"),
        pytest.param(POST + b"Content-Length: 0x1\r\n\r\na", 400, id="hexadecimal"),
        pytest.param(POST + b"Content-Length: \r\n\r\na", 400, id="an empty length"),
        pytest.param(POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="CL.TE"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400, id="TE.CL"),
        pytest.param(CHUNKED.replace(b"chunked", b"chunked\r\ntransfer-encoding: x"), 400, id="TE.TE"),
        pytest.param(CHUNKED.replace(b"chunked", b"xchunked"), 501, id="an unknown coding"),
        pytest.param(CHUNKED.replace(b"chunked", b"gzip, chunked"), 501, id="two codings"),
        pytest.param(CHUNKED.replace(b"chunked", b"identity"), 501, id="identity"),
        pytest.param(CHUNKED.replace(b"chunked", b"\x0bchunked"), 400, id="a vertical tab"),
        pytest.param(CHUNKED.replace(b"Encoding:", b"Encoding :"), 400, id="a space before the colon"),
        pytest.param(POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n", 400, id="a folded value"),
        pytest.param(GET + b"X: a\r\n\tb\r\n\r\n", 400, id="a folded line"),
        pytest.param(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, id="a folded first line"),
        pytest.param(GET + b"Mcp-Session-Id: a\r\nmcp-session-id: b\r\n\r\n", 400, id="two sessions"),
        pytest.param(GET + b"Mcp-Name: a\r\nMcp-Name: a\r\n\r\n", 400, id="one name twice"),
        pytest.param(GET + b"Authorization: a\r\nAUTHORIZATION: b\r\n\r\n", 400, id="two credentials"),
        pytest.param(GET + b"Cookie: a\r\nCookie: b\r\n\r\n", 400, id="two cookies"),
        pytest.param(GET + b"Origin: http://a\r\nOrigin: http://b\r\n\r\n", 400, id="two origins"),
        pytest.param(GET + b"X: a\nY: b\r\n\r\n", 400, id="a bare line feed"),
        pytest.param(GET + b"X: a\rY: b\r\n\r\n", 400, id="a bare carriage return"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", 400, id="line feeds alone"),
        pytest.param(GET + b"X: a\0b\r\n\r\n", 400, id="a zero byte"),
        pytest.param(GET + b"X\xe9: a\r\n\r\n", 400, id="a name that is not ASCII"),
        pytest.param(GET + b"X: \xc3\xa9\r\n\r\n", 400, id="a value that is not ASCII"),
        pytest.param(GET + b": a\r\n\r\n", 400, id="no name"),
        pytest.param(GET + b"X\r\n\r\n", 400, id="no colon"),
        pytest.param(GET + b"X Y: a\r\n\r\n", 400, id="a space in a name"),
        pytest.param(b"\r\n" + GET + b"\r\n", 400, id="an empty line first"),
        pytest.param(b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="two spaces"),
        pytest.param(b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a tab"),
        pytest.param(b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a method in lower case"),
        pytest.param(b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="absolute form"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="authority form"),
        pytest.param(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="an asterisk"),
        pytest.param(b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a fragment"),
        pytest.param(b"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a backslash"),
        pytest.param(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505, id="version 1.0"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, id="version 2.0"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="the preface of HTTP/2"),
        pytest.param(b"GET /\r\n\r\n", 400, id="version 0.9"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\n", 400, id="TLS on a plain port"),
        pytest.param(GET + b"X: " + b"a" * 700, 431, id="an endless head"),
        pytest.param(GET + b"X: " + b"a" * 700 + b"\r\n\r\n", 431, id="a long head"),
        pytest.param(GET + b"".join(b"X%d: a\r\n" % n for n in range(10)) + b"\r\n", 431, id="too many headers"),
        pytest.param(POST + b"Content-Length: 101\r\n\r\n", 413, id="a body announced too long"),
        pytest.param(POST + b"Content-Length: 9999999999999999999\r\n\r\n", 400, id="a length beyond any machine"),
        pytest.param(POST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417, id="an unknown expectation"),
        pytest.param(CHUNKED + b"65\r\n", 413, id="a chunk too long"),
        pytest.param(CHUNKED + b"32\r\n" + b"a" * 50 + b"\r\n33\r\n", 413, id="chunks too long"),
        pytest.param(CHUNKED + b"5;a=b\r\nhello\r\n", 400, id="an extension"),
        pytest.param(CHUNKED + b"5 \r\nhello\r\n", 400, id="a space after the size"),
        pytest.param(CHUNKED + b"0x5\r\nhello\r\n", 400, id="a prefixed size"),
        pytest.param(CHUNKED + b"-5\r\nhello\r\n", 400, id="a negative size"),
        pytest.param(CHUNKED + b"\r\nhello\r\n", 400, id="no size"),
        pytest.param(CHUNKED + b"000000005\r\nhello\r\n", 400, id="a padded size"),
        pytest.param(CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400, id="a size ended by a line feed"),
        pytest.param(CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", 400, id="a chunk longer than its size"),
        pytest.param(CHUNKED + b"5\r\nhello\n0\r\n\r\n", 400, id="a chunk ended by a line feed"),
        pytest.param(CHUNKED + b"0\r\nX: a\r\n\r\n", 400, id="a trailer"),
    ],
)
def test_what_two_readers_may_read_differently_is_refused(data: bytes, status: int):
    assert refused(data) == status


def test_what_is_not_whole_is_not_handed_on():
    for data in (GET, POST + b"Content-Length: 2\r\n\r\na", CHUNKED, CHUNKED + b"5\r\nhello", CHUNKED + b"0\r\n"):
        assert read(data) == []


def test_lists_may_come_twice():
    assert read(GET + b"Accept: a\r\nAccept: b\r\n\r\n") == [("GET", "/", b"")]


class Peer:
    """The same bytes as httptools reads them."""

    def __init__(self, data: bytes) -> None:
        self.found, self._url, self._body, self._named = list[tuple[str, str, bytes]](), b"", b"", list[bytes]()
        self.parser = httptools.HttpRequestParser(self)
        with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.found.append((self.parser.get_method().decode(), self._url.decode(), self._body))
        self._url, self._body = b"", b""


LINES = st.sampled_from(
    [
        *(b"Host: a", b"Content-Length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked", b"X: y", b" folded"),
        *(b"Content-Length : 5", b"Transfer-Encoding: ,chunked", b"X:", b"\tX: y", b"Connection: keep-alive"),
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
BODIES = st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"5\nhello\n0\n\n", b"0\r\n"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    start = draw(st.sampled_from([b"POST /x HTTP/1.1", b"GET / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"POST  / HTTP/1.1"]))
    lines = [start, *draw(st.lists(LINES, min_size=1, max_size=4))]
    return b"".join(line + draw(ENDS) for line in lines) + draw(ENDS) + draw(BODIES)


@given(st.lists(messages(), min_size=1, max_size=3).map(b"".join))
def test_whatever_this_reader_takes_another_one_reads_the_same(data: bytes):
    """Of a stream that is refused at some point, what came before that point is as the other one reads it."""
    try:
        ours = read(data)
    except RefusedError:
        return
    assert Peer(data).found[: len(ours)] == ours


@given(st.binary(max_size=300), st.integers(0, 40))
def test_noise_is_refused_or_waited_for_and_nothing_else(noise: bytes, at: int):
    whole = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    for data in (noise, whole[:at] + noise + whole[at:]):
        with contextlib.suppress(RefusedError):
            read(data)


def taken(reader: RequestReader, data: bytes) -> Any:
    reader.feed(data)
    return (reader.take() or pytest.fail("not whole"))[0]


def test_a_head_that_differs_in_the_length_alone_is_known_again():
    reader = RequestReader(LIMITS)
    first, second, other = (
        taken(reader, POST + b"%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body))
        for more, body in ((b"", b"hi"), (b"", b"hello, you"), (b"A: 1\r\n", b"hi"))
    )
    assert first.headers.memo is second.headers.memo
    assert first.headers.memo is not other.headers.memo
    assert [dict(one.headers)["content-length"] for one in (first, second, other)] == ["2", "10", "2"]
    assert (second.body, other.headers[1]) == (b"hello, you", ("a", "1"))


@pytest.mark.parametrize("length", [b"101", b"999999999999999999", b"1" * 19, b"2, 2", b"", b"2\r\nContent-Length: 2"])
def test_a_length_is_judged_as_strictly_behind_a_head_that_is_known(length):
    reader = RequestReader(LIMITS)
    taken(reader, POST + b"Content-Length: 2\r\n\r\nhi")
    with pytest.raises(RefusedError):
        taken(reader, POST + b"Content-Length: %b\r\n\r\nhi" % length)


def test_what_looks_like_a_length_within_another_header_is_none():
    reader = RequestReader(LIMITS)
    head = POST + b"A: content-length: %d\r\nContent-Length: 2\r\n\r\nhi"
    first, second = taken(reader, head % 1), taken(reader, head % 2)
    assert (first.headers[1][1], second.headers[1][1]) == ("content-length: 1", "content-length: 2")
    assert first.headers.memo is not second.headers.memo
