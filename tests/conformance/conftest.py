"""What the conformance tests share."""

import pytest

from fixtures.suite import Suite, installed_suite


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest) -> Suite:
    """The official suite. Its first use installs it."""
    assert request.config.cache
    return installed_suite(request.config.cache.mkdir("conformance-suite"))
