"""What tests of several rooms share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fixtures"))

from estate import Estate, build_estate  # pyright: ignore[reportMissingImports]


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """A home on Linux with a dozen clients in every format, and canary secrets made for this test."""
    return build_estate(tmp_path / "estate")
