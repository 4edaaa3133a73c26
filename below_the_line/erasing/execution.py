"""Carrying erasures out to their end: rows, requests, certificate."""

from collections.abc import Sequence

import psycopg

from below_the_line.erasing import requests, statistics
from below_the_line.erasing.certificate import Certificate, certificates
from below_the_line.erasing.erasures import Comment, Person, Subject
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import Pending
from below_the_line.erasing.wiping import Progress, carry_out_all


def execute(
    connection: psycopg.Connection,
    key: ErasureKey,
    erasures: Sequence[Pending],
    decided_by: str | None,
    progress: Progress | None = None,
) -> list[Certificate]:
    """Carry erasures out, end the requests for them, and return their certificates, by number. What
    the planner keeps of the ids goes, too.

    Needs an idle connection, and commits on it. Safe to repeat, to kill, and to run twice at once.
    ``decided_by``: who erases, for requests that nobody decided on. Raises BelowTheLineError if
    rows stay locked by another session.
    """
    done = carry_out_all(connection, key, erasures, progress)
    subjects = [subject for each in done if (subject := subject_of(each.erasure)) is not None]
    statistics.renew(connection, {each.person_id for each in subjects if isinstance(each, Person)})
    with connection.transaction():
        requests.close(connection, subjects, decided_by)
    with connection.transaction():
        return certificates(connection, [each.erasure.erasure_id for each in done])


def subject_of(erasure: Pending) -> Subject | None:
    """Return whom an erasure is about; None: a person whose id nothing here has."""
    if erasure.kind == "comment":
        return Comment(str(erasure.article_id), str(erasure.comment_id))
    return None if erasure.subject is None else Person(erasure.kind, erasure.subject)
