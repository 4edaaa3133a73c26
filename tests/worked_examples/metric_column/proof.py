"""Run in the copy of the repository that has the column quick_edits: it is computed, documented,
commented and checked for drift, and rows of replaced final figures have it.
"""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.metrics import statements
from below_the_line.metrics.definitions import page
from below_the_line.metrics.drift import drift
from tests.hypothesis_profiles import examples
from tests.properties import test_metrics as against_the_model
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack
newsroom = against_the_model.newsroom

# The property of tests/properties with fewer examples.
_NAME = "test_whatever_came_and_however_runs_were_split_the_tables_are_those_of_the_model"
test_the_model_agrees = examples(6)(
    given(history=against_the_model.parts, ends=st.just(against_the_model.LONG_AFTER))(
        getattr(against_the_model, _NAME).hypothesis.inner_test
    )
)


def test_the_column_is_computed_commented_documented_and_checked_for_drift(
    connection: psycopg.Connection,
) -> None:
    room = Newsroom(connection)
    room.comment("c1", "05-01 10:00")
    room.edit("c1", "05-01 10:01")
    room.compute()
    assert room.engagement()["quick_edits"] == 1
    assert drift(connection, None) == []
    connection.execute("update metrics.article_engagement set quick_edits = 7")
    assert [(each.column, each.stored, each.computed) for each in drift(connection, None)] == [
        ("quick_edits", 7, 1)
    ]
    comments = connection.execute("""
        select distinct col_description(attrelid, attnum)
        from pg_attribute
        where attname = 'quick_edits' and attrelid in (
            'metrics.article_engagement'::regclass, 'metrics.article_engagement_revisions'::regclass
        )
        """).fetchall()
    assert comments == [("Comments last edited within five minutes of their posting",)]
    assert "| `quick_edits` | Comments last edited within five minutes" in page()
    assert b"before.quick_edits" in statements.revising()
