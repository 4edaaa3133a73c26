"""What an erasure leaves in the tables that events fill, written from the design: names, bodies and
notes are gone, ids are pseudonyms, facts stay.

With a stand-in for the key: no test that uses it asks what a pseudonym or a digest looks like.
"""

from datetime import datetime
from typing import Any

import psycopg

_DIGEST = "substr({0}, 1, length({0}) - 32) || decode(md5({0}) || md5({0}), 'hex')"
"""A version with another digest, of the same order."""


def pseudonym(kind: str, person: str) -> str:
    """One for each person, and for nobody else."""
    return f"erased:{kind} {person}"


def erase_user(connection: psycopg.Connection[Any], user: str, at: datetime) -> None:
    """Erase what a signed-in person did up to ``at``."""
    given = {"person": user, "pseudonym": pseudonym("user", user), "at": at}
    _run(
        connection,
        given,
        "update discussion.comments set user_id = %(pseudonym)s, display_name = '', first_body ="
        f" '', erased_at = greatest(erased_at, %(at)s), posted_version ="
        f" {_DIGEST.format('posted_version')} where user_id = %(person)s and"
        " ingest.occurred_at(posted_version) <= %(at)s",
    )
    _erase_texts(connection, given, "user_id = %(pseudonym)s")
    _erase_reports(connection, given, "reporter_user_id")
    _run(
        connection,
        given,
        """
        with erased as (
            delete from discussion.reactions
            where user_id = %(person)s and ingest.occurred_at(state_version) <= %(at)s
            returning *
        )

        insert into discussion.reactions as kept (
            article_id, comment_id, user_id, reaction, is_on, state_version, first_added_at
        )
        select
            article_id, comment_id, %(pseudonym)s, reaction, is_on, state_version, first_added_at
        from erased
        on conflict (article_id, comment_id, user_id, reaction) do update
            set
                is_on = case
                    when excluded.state_version > kept.state_version
                        then excluded.is_on
                    else kept.is_on
                end,
                state_version = greatest(excluded.state_version, kept.state_version),
                first_added_at = least(excluded.first_added_at, kept.first_added_at)
        """,
    )
    _mark(connection)


def erase_reporter(connection: psycopg.Connection[Any], anonymous: str, at: datetime) -> None:
    """Erase what somebody reported up to ``at`` without signing in."""
    given = {"person": anonymous, "pseudonym": pseudonym("reporter", anonymous), "at": at}
    _erase_reports(connection, given, "reporter_anonymous_id")
    _mark(connection)


def erase_comment(
    connection: psycopg.Connection[Any], article: str, comment: str, at: datetime
) -> None:
    """Erase name and texts of one comment up to ``at``; its author stays."""
    given = {"article": article, "comment": comment, "at": at}
    _run(
        connection,
        given,
        "update discussion.comments set erased_at = greatest(erased_at, %(at)s) where article_id ="
        " %(article)s and comment_id = %(comment)s",
        "update discussion.comments set display_name = '', first_body = '', posted_version ="
        f" {_DIGEST.format('posted_version')} where article_id = %(article)s and comment_id ="
        " %(comment)s and ingest.occurred_at(posted_version) <= erased_at",
    )
    _erase_texts(connection, given, "article_id = %(article)s and comment_id = %(comment)s")
    _mark(connection)


def _erase_texts(connection: psycopg.Connection[Any], given: dict[str, Any], which: str) -> None:
    """Erase the edits of comments that are erased."""
    _run(
        connection,
        given,
        "update discussion.comments set edited_body = '', edited_version ="
        f" {_DIGEST.format('edited_version')} where {which} and edited_body is not null and"
        " ingest.occurred_at(edited_version) <= erased_at",
        "update discussion.comment_edits as edit set body = '', digest = substr("
        f"{_DIGEST.format('version')}, length(version) - 31), version ="
        f" {_DIGEST.format('version')} where (article_id, comment_id) in (select article_id,"
        f" comment_id from discussion.comments where {which}) and occurred_at <= (select"
        " erased_at from discussion.comments where article_id = edit.article_id and comment_id ="
        " edit.comment_id)",
    )


def _erase_reports(connection: psycopg.Connection[Any], given: dict[str, Any], column: str) -> None:
    _run(
        connection,
        given,
        f"update discussion.reports set {column} = %(pseudonym)s, note = null, law = null,"
        f" erased_at = %(at)s, reported_version = {_DIGEST.format('reported_version')} where"
        f" {column} = %(person)s and ingest.occurred_at(reported_version) <= %(at)s",
    )


def _mark(connection: psycopg.Connection[Any]) -> None:
    """Mark every article in which anything is erased; to mark more than that does no harm."""
    connection.execute(
        "insert into ingest.dirty_articles (article_id) select article_id from discussion.comments"
        " union select article_id from discussion.reports union select article_id from"
        " discussion.reactions"
    )


def _run(connection: psycopg.Connection[Any], given: dict[str, Any], *statements: str) -> None:
    for statement in statements:
        connection.execute(statement.encode(), given)
