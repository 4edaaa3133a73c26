"""Which articles have a row in the metric tables is said twice: by the view, and table by table
where a bucket is staged, because the view reads all rows of each table.
"""

import re

import pytest

from below_the_line.event_tables.description import TABLES
from below_the_line.resources import sql


@pytest.mark.parametrize(
    ("path", "condition"),
    [
        ("routines/discussion/known_articles.sql", r"from discussion\.(\w+) as"),
        ("metrics/stage/articles.sql", r"select from discussion\.(\w+) as named"),
    ],
)
def test_an_article_that_any_event_named_is_known(path: str, condition: str) -> None:
    asked = re.findall(condition, sql(path).decode())
    assert sorted(asked) == sorted(table.name for table in TABLES)
