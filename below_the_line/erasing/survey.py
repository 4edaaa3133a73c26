"""What an erasure would wipe: a look before it is recorded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import psycopg

from below_the_line.database.connections import require_idle
from below_the_line.erasing.erasures import Comment, Person, Subject
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.places import until
from below_the_line.resources import sql

MAX_EXAMPLES: Final = 3
"""Keys that are shown of each place."""


class Touched(NamedTuple):
    """Rows of one place that an erasure would wipe."""

    place: str
    """The table with its schema, as the certificate has it."""
    rows: int
    examples: Sequence[Mapping[str, Any]]
    """Keys of at most ``MAX_EXAMPLES`` of them, by name of the column. Never a text, nor the id of
    a person.
    """


def survey(
    connection: psycopg.Connection,
    key: ErasureKey,
    subject: Subject,
    erased_at: datetime | None = None,
) -> list[Touched]:
    """Return what would be wiped of a person or a comment up to ``erased_at`` (None: up to now), in
    the order of wiping; places without any are left out.

    Reads only. Needs an idle connection, and leaves it idle.
    """
    require_idle(connection)
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        (now,) = connection.execute("select clock_timestamp()").fetchone() or (None,)
        time = erased_at or now
        parameters = {"erased_at": time, "until": until(time), "examples": MAX_EXAMPLES}
        match subject:
            case Person(kind, person_id):
                statement = "erasing/survey_of_person.sql"
                pseudonym = key.pseudonym(kind, person_id)
                parameters |= {
                    "kind": kind,
                    "person": person_id,
                    "pseudonym": pseudonym,
                    "people": [person_id, pseudonym],
                }
            case Comment(article_id, comment_id):
                statement = "erasing/survey_of_comment.sql"
                parameters |= {"article_id": article_id, "comment_id": comment_id}
        return [Touched(*row) for row in connection.execute(sql(statement), parameters)]
