"""Fixtures of the integration tests."""

import pytest

from tests.commands import Btl
from tests.pipeline import Pipeline


@pytest.fixture
def btl(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Btl:
    """The command line with the settings of this test's pipeline."""
    return Btl(pipeline.settings(), monkeypatch)
