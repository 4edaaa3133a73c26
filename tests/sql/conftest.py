"""Fixtures of the SQL tests."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.databases import on_server, with_database
from tests.sql.newsroom import Newsroom


@pytest.fixture
def newsroom(connection: psycopg.Connection) -> Newsroom:
    """An empty newsroom over this test's own database."""
    return Newsroom(connection)


@pytest.fixture
def empty_database(server_url: str) -> Iterator[str]:
    """URL of a database without tables."""
    name = f"btl_empty_{uuid.uuid4().hex[:12]}"
    on_server(server_url, "create database {}", name)
    try:
        yield with_database(server_url, name)
    finally:
        on_server(server_url, "drop database {} with (force)", name)
