"""When the discussions of an archive close: what an article's event says in ``discussion``."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from below_the_line.kafka.envelopes import rfc3339
from btl.archives.records import Article

Policy = Literal["never", "rules"]
"""When a discussion closes if the export does not say. ``never``: at the end of the contract's
time. ``rules``: the closing rules of the installation decide.
"""

NEVER = datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The last full second that the contract allows for ``closes_at``."""
AFTER_THE_LAST = timedelta(seconds=1)
"""How long after its last comment a discussion closed that takes no more comments."""


class Discussion(NamedTuple):
    """What an article's event says of its discussion."""

    settings: dict[str, Any]
    """The member ``discussion``. Empty: leave it out, the closing rules hold."""
    stands_in: bool
    """Whether it stands in for what the export does not say."""


def discussion_of(article: Article, last_comment_at: datetime | None, policy: Policy) -> Discussion:
    """Return the ``discussion`` of an article.

    What the export says of closing wins. An article that takes no more comments closed one second
    after its last comment, ``last_comment_at``; one without comments never took any. For all others
    the policy decides. The article's own ``enabled`` stands beside any of these.
    """
    settings, stands_in = _closing_of(article, last_comment_at, policy)
    own = {} if article.enabled is None else {"enabled": article.enabled}
    return Discussion({**own, **settings}, stands_in)


def _closing_of(article: Article, last_comment_at: datetime | None, policy: Policy) -> Discussion:
    if article.closes_at is not None:
        return Discussion({"closes_at": rfc3339(article.closes_at)}, False)
    if article.window_hours is not None:
        return Discussion({"window_hours": article.window_hours}, False)
    if article.accepts_comments is False:
        if last_comment_at is None:
            return Discussion({"enabled": False}, False)
        return Discussion({"closes_at": rfc3339(last_comment_at + AFTER_THE_LAST)}, True)
    if policy == "never":
        return Discussion({"closes_at": rfc3339(NEVER)}, True)
    return Discussion({}, False)
