"""Fixtures of the SQL tests."""

import psycopg
import pytest

from tests.sql.newsroom import Newsroom


@pytest.fixture
def newsroom(connection: psycopg.Connection) -> Newsroom:
    """An empty newsroom over this test's own database."""
    return Newsroom(connection)
