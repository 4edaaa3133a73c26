"""The search for what is left of a person leaves nothing of the person in Postgres' log."""

import os
import uuid
from pathlib import Path

import psycopg
import pytest

from below_the_line.database.connections import connect
from below_the_line.erasing.search_terms import id_term, text_terms
from below_the_line.erasing.verification import Verification, search_database
from tests.pipeline import wait_until

pytestmark = pytest.mark.stack


def test_statements_of_the_search_are_logged_without_what_is_looked_for(
    database_url: str, connection: psycopg.Connection
) -> None:
    connection.execute(
        "create table discussion.drafts (body text, names text[], raw bytea, j jsonb)"
    )
    connection.execute("""insert into discussion.drafts values
        ('by reader-of-the-log', array['reader-of-the-log'], 'reader-of-the-log',
        '{"a": "reader-of-the-log"}')""")
    terms = [id_term("id", "reader-of-the-log"), *text_terms(["written once"])]
    found, name = Verification(), f"search {uuid.uuid4().hex[:8]}"
    with connect(database_url, application_name=name, autocommit=True) as searching:
        searching.execute("set log_min_duration_statement = 0")
        search_database(searching, terms, found)
        searching.execute("select 'the search has ended'")
    assert {each.where.rpartition(".")[2] for each in found.remains} == {
        "body",
        "names",
        "raw",
        "j",
    }
    log = Path(os.environ["BTL_TEST_HOME"]) / "logs" / "postgres.log"

    def logged() -> str:
        return "".join(
            line for line in log.read_text(encoding="utf-8").splitlines() if name in line
        )

    # The supervisor writes what the server says a moment later.
    wait_until(lambda: "the search has ended" in logged(), 30)
    assert "from only" in logged()
    assert "reader-of-the-log" not in logged()
    assert "written once" not in logged()
