"""When the discussions of an archive close."""

from datetime import UTC, datetime
from typing import Any

import pytest

from btl.archives.closing import Discussion, Policy, discussion_of
from btl.archives.records import Article, Place

LAST = datetime(2019, 5, 1, 10, tzinfo=UTC)
CLOSES = datetime(2019, 4, 1, 8, 30, tzinfo=UTC)


def article(**members: Any) -> Article:
    return Article(Place("a", "1"), "one", "https://example.org/1", "One", **members)


@pytest.mark.parametrize("policy", ["never", "rules"])
@pytest.mark.parametrize("accepts", [None, True, False])
def test_what_the_export_says_of_closing_wins(policy: Policy, accepts: bool | None) -> None:
    closes = article(closes_at=CLOSES, accepts_comments=accepts)
    assert discussion_of(closes, LAST, policy) == Discussion(
        {"closes_at": "2019-04-01T08:30:00Z"}, False
    )
    window = article(window_hours=48, accepts_comments=accepts)
    assert discussion_of(window, LAST, policy) == Discussion({"window_hours": 48}, False)


@pytest.mark.parametrize("policy", ["never", "rules"])
def test_an_article_that_takes_no_more_comments_closed_after_its_last_one(policy: Policy) -> None:
    closed = article(accepts_comments=False)
    assert discussion_of(closed, LAST, policy) == Discussion(
        {"closes_at": "2019-05-01T10:00:01Z"}, True
    )
    assert discussion_of(closed, None, policy) == Discussion({"enabled": False}, False)


@pytest.mark.parametrize("accepts", [None, True])
@pytest.mark.parametrize("last", [None, LAST])
def test_else_the_policy_decides(accepts: bool | None, last: datetime | None) -> None:
    open_one = article(accepts_comments=accepts)
    assert discussion_of(open_one, last, "never") == Discussion(
        {"closes_at": "2100-12-31T23:59:59Z"}, True
    )
    assert discussion_of(open_one, last, "rules") == Discussion({}, False)
