"""Pages of docs/ whose ends are made from a migrated database. Their modules write them."""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from below_the_line.database.migrations import migrate
from tests.databases import on_server, with_database

_END = "<!-- Until here. -->\n"


@dataclass(frozen=True)
class DatabasePage:
    """A page, the command that writes its end, and what that end is."""

    path: Path
    command: str
    made: Callable[[psycopg.Connection], str]

    def text(self, connection: psycopg.Connection) -> str:
        """Return the whole page as it should be."""
        begin = f"<!-- From here on written by `{self.command}`. -->\n"
        before, mark, _ = self.path.read_text().partition(begin)
        assert mark, f"{self.path.name} lacks the line {begin}"
        return f"{before}{begin}\n{self.made(connection)}\n{_END}"

    def write(self) -> None:
        """Write the page; it needs the test stack."""
        server = os.environ["BTL_TEST_DATABASE_URL"]
        name = f"btl_page_{uuid.uuid4().hex[:12]}"
        on_server(server, "create database {}", name)
        try:
            migrate(with_database(server, name))
            with psycopg.connect(with_database(server, name)) as connection:
                self.path.write_text(self.text(connection))
        finally:
            on_server(server, "drop database {} with (force)", name)
