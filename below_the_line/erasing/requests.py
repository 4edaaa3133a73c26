"""Requests for erasures that a second person approves.

The DAG ``erase_commenter`` is given a request's number. Whom it is about stands in the database
alone, and only until the request is declined or done: Airflow keeps parameters of runs for long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from below_the_line.erasing.erasures import Comment, Person, Subject, SubjectKind
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql


@dataclass(frozen=True, slots=True)
class Request:
    """A row of ``ingest.erasure_requests``."""

    request_id: int
    kind: SubjectKind
    subject: str | None
    """The person's id; None: a comment, or the request is declined or done."""
    article_id: str | None
    comment_id: str | None
    erased_at: datetime | None
    """Events up to this time are forgotten; None: up to the approval."""
    state: str
    """open, approved, declined or done."""
    requested_at: datetime
    requested_by: str | None
    decided_at: datetime | None
    decided_by: str | None

    @property
    def whom(self) -> Subject:
        """What is to be erased. Raises BelowTheLineError if the request is declined or done."""
        if self.state not in ("open", "approved"):
            raise BelowTheLineError(
                f"The request {self.request_id} is {self.state}, since"
                f" {self.decided_at:%Y-%m-%d %H:%M} UTC.",
                "`btl erase --requests` lists those that are open.",
            )
        # The table sees to it that what a kind needs is there.
        if self.kind == "comment":
            return Comment(str(self.article_id), str(self.comment_id))
        return Person(self.kind, str(self.subject))


def add(
    connection: psycopg.Connection,
    subjects: Sequence[Subject],
    erased_at: datetime | None,
    requested_by: str | None,
) -> list[int]:
    """Ask for erasures; return the numbers of the requests, in the order of the subjects. A subject
    with a pending request gets the number of that one.
    """
    rows = connection.execute(
        sql("erasing/requests/add.sql"),
        {**_columns(subjects), "erased_at": erased_at, "requested_by": requested_by},
    ).fetchall()
    return [number for (number,) in rows]


def pending(connection: psycopg.Connection) -> list[Request]:
    """Return the requests that are open, or approved and not carried out yet, by number."""
    return _find(connection, None)


def the_request(connection: psycopg.Connection, request_id: int) -> Request:
    """Return a request. Raises BelowTheLineError if there is none with this number."""
    found = _find(connection, request_id)
    if not found:
        raise BelowTheLineError(
            f"There is no request {request_id}.",
            "`btl erase --requests` lists those that are open.",
        )
    return found[0]


def decide(
    connection: psycopg.Connection, request_id: int, *, approved: bool, decided_by: str | None
) -> Request:
    """Approve or decline a request, and return it. A request that was approved before stays so.

    Raises BelowTheLineError if it was declined, or is done.
    """
    connection.execute(
        sql("erasing/requests/decide.sql"),
        {"request_id": request_id, "approved": approved, "decided_by": decided_by},
    )
    found = the_request(connection, request_id)
    if approved:
        _ = found.whom  # raises for one that was declined
    return found


def close(
    connection: psycopg.Connection, subjects: Sequence[Subject], decided_by: str | None
) -> int:
    """End the requests for what is erased now. Return their number."""
    return len(
        connection.execute(
            sql("erasing/requests/close.sql"), {**_columns(subjects), "decided_by": decided_by}
        ).fetchall()
    )


def _find(connection: psycopg.Connection, request_id: int | None) -> list[Request]:
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        return cursor.execute(
            sql("erasing/requests/find.sql"), {"request_id": request_id}
        ).fetchall()


def _columns(subjects: Sequence[Subject]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: [] for name in ("kinds", "subjects", "article_ids", "comment_ids")
    }
    row: tuple[str, str | None, str | None, str | None]
    for each in subjects:
        match each:
            case Person(kind, person_id):
                row = (kind, person_id, None, None)
            case Comment(article_id, comment_id):
                row = ("comment", None, article_id, comment_id)
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return columns
