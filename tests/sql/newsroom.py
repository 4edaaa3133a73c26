"""A newsroom to write tests with: rows of schema discussion as their events would have left them,
then closing and metrics.

Times are written as ``"05-01 10:00"`` (of 2026, UTC; seconds may follow).
"""

import itertools
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from below_the_line.closing.windows import ClosingSummary, apply_windows
from below_the_line.contracts.events import order_key
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.units import MetricsSummary

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGEST = b"1" * 32
TABLES = (
    "discussion.articles",
    "discussion.article_versions",
    "discussion.discussion_overrides",
    "discussion.comments",
    "discussion.comment_edits",
    "discussion.moderation_decisions",
    "discussion.reports",
    "discussion.report_decisions",
    "discussion.reactions",
    "discussion.windows",
    "discussion.window_intervals",
    "discussion.state_changes",
    "discussion.told_events",
    "ingest.dirty_discussions",
    "ingest.outbox",
    "ingest.dirty_windows",
    "ingest.dirty_articles",
    "metrics.article_engagement",
    "metrics.article_engagement_revisions",
    "metrics.article_abuse",
    "metrics.article_abuse_reasons",
    "metrics.article_hourly",
    "metrics.article_daily",
    "metrics.article_commenters",
    "metrics.daily_commenters",
    "metrics.article_reporters",
    "metrics.open_reports",
    "metrics.section_daily",
    "metrics.site_daily",
    "metrics.reporter_accuracy",
    "ingest.dirty_days",
    "ingest.dirty_reporters",
)


def t(text: str) -> datetime:
    """A time of 2026, if no other year is given."""
    year = "" if text[4:5] == "-" else "2026-"
    return datetime.fromisoformat(f"{year}{text}").replace(tzinfo=UTC)


class Newsroom:
    """Writes what happened. ``article`` is "a" where it is not said."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self._numbers = itertools.count(1)

    # What the newsroom does.

    def publish(
        self,
        at: str,
        *,
        article: str = "a",
        published_at: str | None = "same",
        corrected: bool | None = None,
        event_type: str = "published",
        site: str = "daily",
        section: str | None = "politics",
        enabled: bool | None = None,
        closes_at: str | None = None,
        window_hours: int | None = None,
    ) -> None:
        """A published or updated event at ``at``; published_at is the same unless given."""
        anchor = at if published_at == "same" else published_at
        self._event(
            "article_versions",
            at,
            article,
            event_type=event_type,
            published_at=anchor and t(anchor),
            # Tables of release 0.1.0 have no such column.
            **({} if corrected is None else {"published_at_corrected": corrected}),
            headline=f"Headline of {article}",
            site=site,
            section=section,
            discussion_enabled=enabled,
            discussion_closes_at=closes_at and t(closes_at),
            discussion_window_hours=window_hours,
        )

    def article_as_published_at(self, at: str, **settings: Any) -> None:
        """A published event, and the article's row with it."""
        self.publish(at, **settings)
        self.article_as_published(settings.get("article", "a"))

    def article_as_published(self, article: str = "a") -> None:
        """The article's row, as its last published event says."""
        self.connection.execute(
            "insert into discussion.articles (article_id, headline, site, section,"
            " discussion_enabled, discussion_closes_at, discussion_window_hours, content_version,"
            " status, status_changed_at, status_version) select article_id, headline, site,"
            " section, discussion_enabled, discussion_closes_at, discussion_window_hours, version,"
            " 'published', occurred_at, version from discussion.article_versions where article_id ="
            " %s and event_type = 'published' order by version desc limit 1",
            [article],
        )

    def update(self, at: str, **settings: Any) -> None:
        """An updated event."""
        self.publish(at, event_type="updated", **settings)

    def unpublish(self, at: str, *, effective: str | None = None, article: str = "a") -> None:
        """An unpublished event."""
        self._event(
            "article_versions",
            at,
            article,
            event_type="unpublished",
            unpublished_at=t(effective or at),
        )

    def override(
        self,
        action: str,
        at: str,
        closes_at: str | None = None,
        *,
        article: str = "a",
        occurred: str | None = None,
    ) -> None:
        """An editor's decision, taken at ``at``; its event occurred then, unless said otherwise."""
        self._event(
            "discussion_overrides",
            occurred or at,
            article,
            action=action,
            reason="other",
            decided_by="editor",
            decided_at=t(at),
            closes_at=closes_at and t(closes_at),
        )

    def rule(
        self,
        window_hours: int,
        *,
        site: str | None = None,
        section: str | None = None,
        valid_from: str | None = None,
        reactions_window_hours: int = 24,
    ) -> int:
        """A closing rule, valid from the beginning unless said otherwise; returns its id."""
        scope = "section" if section else "site" if site else "all"
        row = self.connection.execute(
            "insert into discussion.closing_rules (scope, site, section, window_hours,"
            " reactions_window_hours, valid_from, created_by, retroactive) values (%s, %s, %s, %s,"
            " %s, coalesce(%s, '-infinity'::timestamptz), 'test', true) returning rule_id",
            [
                scope,
                site,
                section,
                window_hours,
                reactions_window_hours,
                valid_from and t(valid_from),
            ],
        ).fetchone()
        assert row is not None
        return int(row[0])

    # What readers and moderators do.

    def comment(
        self,
        comment: str,
        at: str,
        *,
        article: str = "a",
        user: str = "u1",
        parent: str | None = None,
        role: str = "reader",
        held: bool = False,
    ) -> None:
        """A posting."""
        self._comment(
            comment,
            article,
            user_id=user,
            role=role,
            parent_comment_id=parent,
            posted_at=t(at),
            held=held,
            display_name=user.title(),
            first_body="text",
            posted_version=self._version(t(at)),
        )

    def edit(self, comment: str, at: str, *, body: str = "text", article: str = "a") -> None:
        """An edit."""
        version = self._event(
            "comment_edits", at, article, comment_id=comment, body=body, edited_at=t(at)
        )
        self._comment(comment, article, edited_body=body, edited_at=t(at), edited_version=version)

    def delete(self, comment: str, at: str, *, article: str = "a") -> None:
        """A deletion by the author."""
        self._comment(comment, article, deleted_at=t(at), deleted_version=self._version(t(at)))

    def moderate(
        self,
        comment: str,
        decision: str,
        at: str,
        *,
        automated: bool = False,
        article: str = "a",
        last: bool = True,
        occurred: str | None = None,
    ) -> None:
        """A moderator's decision, the last one unless said otherwise; its event occurred at the
        time of the decision, unless said otherwise.
        """
        version = self._event(
            "moderation_decisions",
            occurred or at,
            article,
            comment_id=comment,
            decision=decision,
            decided_by="moderator",
            automated=automated,
            decided_at=t(at),
        )
        if last:
            self._comment(
                comment, article, decision=decision, decided_at=t(at), decision_version=version
            )

    def report(
        self,
        report: str,
        at: str,
        *,
        comment: str = "c1",
        user: str | None = None,
        anonymous: str | None = None,
        reason: str = "spam",
        note: str | None = None,
        article: str = "a",
        occurred: str | None = None,
    ) -> None:
        """A report, by user "r1" unless said otherwise; its event occurred at the time of the
        report, unless said otherwise.
        """
        if user is None and anonymous is None:
            user = "r1"
        self._row(
            "reports",
            article,
            comment_id=comment,
            report_id=report,
            reporter_user_id=user,
            reporter_anonymous_id=anonymous,
            reason=reason,
            note=note,
            reported_at=t(at),
            reported_version=self._version(t(occurred or at)),
        )

    def withdraw(self, report: str, at: str, *, comment: str = "c1", article: str = "a") -> None:
        """The reporter takes a report back."""
        self.connection.execute(
            "update discussion.reports set withdrawn_at = %s, withdrawn_version = '1'"
            " where article_id = %s and comment_id = %s and report_id = %s",
            [t(at), article, comment, report],
        )

    def decide(
        self, report: str, decision: str, at: str, *, comment: str = "c1", article: str = "a"
    ) -> None:
        """A decision on a report."""
        self._event(
            "report_decisions",
            at,
            article,
            comment_id=comment,
            report_id=report,
            decision=decision,
            decided_by="moderator",
            decided_at=t(at),
        )

    def react(
        self, comment: str, at: str, *, user: str = "u9", is_on: bool = True, article: str = "a"
    ) -> None:
        """A reaction first added at ``at``."""
        self._row(
            "reactions",
            article,
            comment_id=comment,
            user_id=user,
            reaction="like",
            is_on=is_on,
            state_version=self._version(t(at)),
            first_added_at=t(at),
        )

    # What the DAGs do.

    def close(self, cut_off: str) -> ClosingSummary:
        """Marks every article and applies windows."""
        self.connection.execute(
            "insert into ingest.dirty_windows (article_id)"
            " select article_id from discussion.article_versions"
            " union select article_id from discussion.discussion_overrides"
        )
        return apply_windows(self.connection, t(cut_off))

    def changed(self, at: str, *, what: str = "comments", article: str = "a") -> None:
        """Marks that comments or reactions changed, as their merges do; ingested at ``at``."""
        self.connection.execute(
            "insert into ingest.dirty_discussions (article_id, what, marked_at) values (%s,"
            " %s, %s)",
            [article, what, t(at)],
        )

    def compute(self, time_zone: str = "UTC") -> MetricsSummary:
        """Marks every article and computes metrics, by days of this time zone."""
        self.connection.execute(
            "insert into ingest.dirty_articles (article_id) select article_id from"
            " discussion.known_articles"
        )
        return recompute_dirty(self.connection, time_zone=time_zone)

    def forget(self) -> None:
        """Empties all tables but the rules."""
        self.connection.execute(";".join(f"delete from {table}" for table in TABLES).encode())

    # What came out.

    def window(self, article: str = "a") -> dict[str, Any]:
        """The article's row of discussion.windows."""
        return self._one("select * from discussion.windows where article_id = %s", article)

    def intervals(self, article: str = "a") -> list[tuple[datetime | None, datetime | None]]:
        """When comments are in time."""
        return self.connection.execute(
            "select starts_at, ends_at from discussion.window_intervals where article_id = %s order"
            " by ordinal",
            [article],
        ).fetchall()

    def history(self, article: str = "a") -> list[tuple[datetime, str, str]]:
        """When what happened to its discussion and why, as it holds."""
        return self.connection.execute(
            "select effective_at, change, reason from discussion.discussion_history"
            " where article_id = %s and superseded_at is null order by effective_at, recorded_at",
            [article],
        ).fetchall()

    def announced(self, article: str = "a") -> list[tuple[str, str | None, datetime, str]]:
        """The events about it in the outbox, in order: type without version, comment, effective
        time and cause.
        """
        return [
            (event_type.removesuffix(".v1"), comment, effective_at, cause)
            for event_type, comment, effective_at, cause in self.connection.execute(
                "select event_type, comment_id, effective_at, cause from ingest.outbox"
                " where article_id = %s order by sequence",
                [article],
            )
        ]

    def engagement(self, article: str = "a") -> dict[str, Any]:
        """The article's row of metrics.article_engagement."""
        return self._one("select * from metrics.article_engagement where article_id = %s", article)

    def abuse(self, article: str = "a") -> dict[str, Any]:
        """The article's row of metrics.article_abuse."""
        return self._one("select * from metrics.article_abuse where article_id = %s", article)

    def _one(self, query: LiteralString, article: str) -> dict[str, Any]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(query, [article]).fetchone()
        assert row is not None, f"no row of {article}"
        return row

    def _event(self, table: str, at: str, article: str, **columns: Any) -> bytes:
        """The version of the event."""
        event_id = f"{next(self._numbers):08}"
        version = self._version(t(at), event_id)
        self._row(
            table,
            article,
            source="/test",
            event_id=event_id,
            digest=_DIGEST,
            occurred_at=t(at),
            version=version,
            **columns,
        )
        return version

    def _version(self, at: datetime, event_id: str | None = None) -> bytes:
        """Later rows of the same time are later versions."""
        microseconds = (at - _EPOCH) // (datetime.resolution)
        return order_key(microseconds, event_id or f"{next(self._numbers):08}", "/test", _DIGEST)

    def _row(self, table: str, article: str, **columns: Any) -> None:
        names = ["article_id", *columns]
        self.connection.execute(
            f"insert into discussion.{table} ({', '.join(names)}) values"
            f" ({', '.join(['%s'] * len(names))})".encode(),
            [article, *columns.values()],
        )

    def _comment(self, comment: str, article: str, **columns: Any) -> None:
        names = ["article_id", "comment_id", *columns]
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
        self.connection.execute(
            f"insert into discussion.comments ({', '.join(names)}) values"
            f" ({', '.join(['%s'] * len(names))}) on conflict (article_id, comment_id) do update"
            f" set {changes}".encode(),
            [article, comment, *columns.values()],
        )


def two_discussions(connection: psycopg.Connection) -> Newsroom:
    """Articles a and b with everything that the expectations of the quality gate look at, closed
    and computed: all is well.
    """
    newsroom = Newsroom(connection)
    for article in ("a", "b"):
        newsroom.publish("05-01 10:00", article=article)
        newsroom.article_as_published(article)
        newsroom.comment("c1", "05-01 12:00", article=article)
        newsroom.comment("c2", "05-01 13:00", article=article, parent="c1", user="u2")
        newsroom.report("p1", "05-02 10:00", article=article)
        newsroom.react("c1", "05-01 14:00", article=article)
    newsroom.close("06-01 00:00")
    newsroom.compute()
    return newsroom
