"""What the planner keeps of people: nothing of names and texts, and no id after an erasure."""

import psycopg
import pytest

from below_the_line.erasing import statistics
from below_the_line.personal_data import columns
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack

NOT_KEPT = {"name", "text", "explanation", "digest", "record", "subject"}


def kept(connection: psycopg.Connection, text: str) -> set[str]:
    """The columns of which the planner keeps a text."""
    return {
        f"{table}.{column}"
        for table, column in connection.execute(
            "select format('%%I.%%I', schemaname, tablename), attname from pg_stats where strpos("
            "concat_ws(' ', most_common_vals, histogram_bounds, most_common_elems), %s) > 0",
            [text],
        )
    }


def test_no_values_are_kept_of_what_people_wrote(connection: psycopg.Connection) -> None:
    of_classes = {
        f"{table}.{column}"
        for table, of_table in columns().items()
        for column, of_class in of_table.items()
        if of_class.name in NOT_KEPT
    }
    found = connection.execute(
        "select format('%I.%I', attrelid::regclass, attname) from pg_attribute"
        " where attstattarget = 0 and attnum > 0"
    )
    assert of_classes - {name.replace('"', "") for (name,) in found} == set()


def test_an_erasure_renews_what_is_kept_of_the_id(newsroom: Newsroom) -> None:
    connection = newsroom.connection
    newsroom.publish("05-01 10:00")
    for number in range(5):
        newsroom.comment(f"c{number}", "05-02 10:00", user="reader-7")
        newsroom.report(f"p{number}", "05-02 11:00", comment=f"c{number}", user="reader-8")
    newsroom.compute()
    connection.execute("analyze")
    assert kept(connection, "reader-7") == {
        "discussion.comments.user_id",
        "metrics.article_commenters.people",
    }
    others = kept(connection, "reader-8")
    assert others
    connection.execute("update discussion.comments set user_id = 'erased:1'")
    connection.execute("update metrics.article_commenters set people = array['erased:1']")
    connection.execute("set role btl_erase")
    assert statistics.renew(connection, ["reader-7"]) == [
        "discussion.comments.user_id",
        "metrics.article_commenters.people",
    ]
    connection.execute("reset role")
    assert kept(connection, "reader-7") == set()
    assert kept(connection, "reader-8") == others
