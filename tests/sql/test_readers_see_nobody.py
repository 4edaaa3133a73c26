"""Whatever btl_reader can select holds no person: no id, name or text of a reader, and nothing that
is computed from one. The same history is written twice, about other people; a reader must see the
same. That holds for columns of the future, too: they are taken from the catalogue.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.quality.checks import checks
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

CLOCKS = {"computed_at", "replaced_at", "closes_in"}
"""Columns that the clock changes from one computation to the next."""
FILLED_ELSEWHERE = {
    # Written by the quality gate: see the last test.
    "metrics.quality_results",
    # Settings of the site, and who of its staff set them: nothing of readers.
    "below_the_line.settings",
}
PERSONAL = {
    *("user_id", "display_name", "first_body", "edited_body", "body", "note", "law"),
    *("explanation", "decided_by", "reporter_user_id", "reporter_anonymous_id"),
    *("signed_in_reporters", "people"),
}


def write(connection: psycopg.Connection, mark: str, now: datetime) -> None:
    """Rows for every relation that readers see, about people whose ids, names and texts begin with
    ``mark``.
    """
    room = Newsroom(connection)
    room.forget()
    for article in ("a", "b"):
        room.article_as_published_at("05-01 10:00", article=article)
    for number in range(6):
        comment, author = f"c{number}", f"{mark} author {number}"
        room.comment(comment, f"05-01 1{number}:00", user=author)
        room.edit(comment, f"05-01 1{number}:30")
        room.react(comment, "05-02 00:00", user=f"{mark} reacted")
        room.report(f"p{number}", "05-02 10:00", comment=comment, user=f"{mark} reporter")
        room.decide(f"p{number}", "upheld", "05-02 11:00", comment=comment)
        room.report(f"q{number}", "05-02 12:00", comment=comment, anonymous=f"{mark} anonymous")
    room.comment("alone", "05-01 12:00", user=f"{mark} author 1", article="b")
    room.moderate("c5", "rejected", "05-02 13:00")
    connection.execute(
        "update discussion.comments set display_name = %(mark)s, first_body = %(mark)s, edited_body"
        " = case when edited_version is not null then %(mark)s end, decided_by = %(mark)s",
        {"mark": mark},
    )
    connection.execute("update discussion.comment_edits set body = %s", [mark])
    connection.execute("update discussion.moderation_decisions set decided_by = %s", [mark])
    connection.execute(
        "update discussion.reports set note = %(mark)s, law = %(mark)s", {"mark": mark}
    )
    connection.execute(
        "update discussion.report_decisions set decided_by = %(mark)s, explanation = %(mark)s",
        {"mark": mark},
    )
    room.close("06-01 00:00")
    room.compute()
    # A final figure changes.
    room.comment("later", "05-01 16:00", user=f"{mark} author 1")
    rebuild_all(connection)
    # What is about the present: trending_articles and closing_soon.
    connection.execute(
        "update metrics.article_hourly set hour = date_trunc('hour', %s, 'UTC')"
        " where article_id = 'a' and hour = %s",
        [now, t("05-01 12:00")],
    )
    connection.execute(
        "update discussion.windows set state = 'open', closes_at = %s where article_id = 'a'",
        [now + timedelta(hours=1)],
    )


def readable(connection: psycopg.Connection) -> dict[str, list[str]]:
    """Return the relations that btl_reader can select from, with the columns that it can."""
    columns: dict[str, list[str]] = {}
    for relation, column in connection.execute(
        """
        select relation.oid::regclass::text, attribute.attname::text
        from pg_class as relation
        inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
        inner join pg_attribute as attribute
            on attribute.attrelid = relation.oid
            and attribute.attnum > 0
            and not attribute.attisdropped
        where relation.relkind in ('r', 'p', 'v', 'm', 'f')
            and relation.relpersistence != 't'
            and namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
            and has_schema_privilege('btl_reader', namespace.oid, 'usage')
            and has_column_privilege('btl_reader', relation.oid, attribute.attnum, 'select')
        order by 1, attribute.attnum
        """
    ):
        columns.setdefault(relation, []).append(column)
    return columns


def seen(connection: psycopg.Connection) -> Mapping[str, list[str]]:
    """Return all rows that a reader sees, as text, without what the clock changes."""
    found = {}
    for relation, columns in readable(connection).items():
        named = ", ".join(f'"{name}"' for name in columns if name not in CLOCKS)
        connection.execute("set role btl_reader")
        rows = connection.execute(
            f"select to_jsonb(row)::text from (select {named} from {relation}) as row".encode()
        ).fetchall()
        connection.execute("reset role")
        found[relation] = sorted(text for (text,) in rows)
    return found


def test_a_reader_sees_the_same_whoever_the_people_are(connection: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    write(connection, "Anna", now)
    before = seen(connection)
    assert len(before) > 12
    assert {relation for relation, rows in before.items() if not rows} <= FILLED_ELSEWHERE
    assert not [row for rows in before.values() for row in rows if "Anna" in row]
    write(connection, "Berta", now)
    after = seen(connection)
    assert {
        relation: (rows, after[relation])
        for relation, rows in before.items()
        if rows != after[relation]
    } == {}


def test_a_reader_can_still_select_all_of_the_days(connection: psycopg.Connection) -> None:
    write(connection, "Anna", datetime.now(UTC))
    connection.execute("set role btl_reader")
    assert connection.execute("select * from metrics.article_daily").fetchall()
    for table in ("reporter_accuracy", "article_commenters", "daily_commenters"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select from metrics.{table}".encode())
    assert connection.execute("select * from metrics.reporter_distribution").fetchall() == [
        (0.9, 1, 6, 6, 0)
    ]


def test_examples_of_the_quality_gate_hold_nobody(connection: psycopg.Connection) -> None:
    shown = {
        (check.name, column.name)
        for check in checks()
        if check.query is not None
        for column in connection.execute(check.query.encode()).description or ()
    }
    assert len(shown) > 30
    assert {(name, column) for name, column in shown if column in PERSONAL} == set()
    assert PERSONAL.isdisjoint(check.column for check in checks() if check.column is not None)
