"""Completing erased comments and reports: wiping what the tables have of them, in one transaction.

A comment becomes erased by its posting or by an erasure, which may come after its edits and after
decisions on reports about it. The same act wipes these then: part of the batch that brought the
posting, and of carrying an erasure out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.places import (
    COMMENT_EDITS,
    COMMENTS,
    REPORT_DECISIONS,
    Place,
    Row,
    columns,
    until,
)
from below_the_line.resources import sql


def wipe_due(
    connection: psycopg.Connection[Any],
    key: ErasureKey,
    place: Place,
    parameters: Mapping[str, Any],
) -> Sequence[Row]:
    """Lock and wipe the rows of a place that are due; return them, at most ``limit`` of the
    parameters. Runs in the transaction of the caller.
    """
    rows = connection.execute(sql(place.statement("due")), parameters).fetchall()
    if rows:
        wiped = place.wiped(key, parameters["pseudonym"], rows)
        connection.execute(sql(place.statement("wipe")), {**parameters, **wiped})
    return rows


def complete(
    connection: psycopg.Connection[Any],
    key: ErasureKey,
    pseudonym: str | None,
    erased_at: datetime,
    comments: Sequence[tuple[str, str]],
    reports: Sequence[tuple[str, str, str]],
) -> None:
    """Wipe what the tables have of comments and reports that just became erased: texts of the
    comments, their edits, the explanations of decisions.

    Comments are (article_id, comment_id), reports have the report_id, too. ``pseudonym``: of the
    person whose comments and reports they are; None: the comments were erased by themselves. Runs
    in the transaction of the caller. Safe to repeat: what is wiped is not found again.
    """
    of = {
        "person": None,
        "pseudonym": pseudonym,
        "erased_at": erased_at,
        "until": until(erased_at),
        "limit": None,
    }
    for place, keys in (
        (COMMENTS, comments),
        (COMMENT_EDITS, comments),
        (REPORT_DECISIONS, [*((*comment, None) for comment in comments), *reports]),
    ):
        if keys:
            wipe_due(connection, key, place, {**of, **columns(place.keys, keys)})
