"""From where an address is reached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.content.address import Reach, host_of, reach_of


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("http://localhost:3000/mcp", Reach.MACHINE),
        ("http://a.localhost/mcp", Reach.MACHINE),
        ("http://127.0.0.1/mcp", Reach.MACHINE),
        ("http://127.9.9.9/mcp", Reach.MACHINE),
        ("http://[::1]:8000/mcp", Reach.MACHINE),
        ("http://[::ffff:127.0.0.1]/mcp", Reach.MACHINE),
        ("http://10.0.0.7/mcp", Reach.NETWORK),
        ("http://169.254.1.1/mcp", Reach.NETWORK),
        ("http://nas/mcp", Reach.NETWORK),
        ("http://nas.local/mcp", Reach.NETWORK),
        ("https://mcp.example.com/mcp", Reach.ANYWHERE),
        ("http://127.0.0.1.example.net/mcp", Reach.ANYWHERE),
        ("http://localhost.example.net/mcp", Reach.ANYWHERE),
        ("http://ada:x@8.8.8.8/mcp", Reach.ANYWHERE),
    ],
)
def test_reach_follows_the_host_alone(url, reach):
    assert reach_of(url) is reach


def test_what_is_no_address_has_no_host():
    assert host_of("http://[bad/mcp") == ""


@given(url=st.text(max_size=200))
def test_any_text_can_be_asked(url):
    assert isinstance(reach_of("http://" + url), Reach)
