"""G5 on the real database: whatever came when, and however runs were split, the metric tables are
those of the model.

From events through contracts, merges and marks to metric rows, while erasures, closing runs and
metric runs come in between; then again by a rebuild of everything, and compared by the audit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.rows import dict_row

from below_the_line.closing.windows import apply_windows
from below_the_line.erasing.erasures import Comment, Person, SubjectKind
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import record
from below_the_line.erasing.wiping import carry_out_all
from below_the_line.metrics.definitions import TABLES, definitions
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.drift import drift
from below_the_line.metrics.rebuild import Selection, rebuild, rebuild_all
from tests import erased_rows
from tests.hypothesis_profiles import examples
from tests.properties.histories import COMMENT, DATA, EVENT_IDS, SOURCES, USERS
from tests.properties.ingest import Database, Process
from tests.properties.metrics_model import Closing, Metrics, articles_of, metrics
from tests.properties.model import CloudEvent
from tests.sql.newsroom import TABLES as ALL_TABLES

pytestmark = pytest.mark.stack

ZONE = "Europe/Vienna"
START = datetime(2016, 12, 30, 21, 59, 59, 999_999, tzinfo=UTC)
"""A microsecond and an hour before a midnight in Vienna; clocks and years change there, too, but
not at once.
"""
PAST_TENSE = (
    "posted_at",
    "edited_at",
    "deleted_at",
    "reported_at",
    "withdrawn_at",
    "reacted_at",
    "unpublished_at",
)
LONG_AFTER = datetime(2017, 6, 1, tzinfo=UTC)


@dataclass
class Newsroom:
    """A consumer, and the runs behind it."""

    process: Process
    database: Database
    connection: psycopg.Connection[Any]

    def begin_empty(self) -> None:
        self.process.store.abandon()
        self.connection.execute(";".join(f"delete from {table}" for table in ALL_TABLES).encode())

    def figures(self) -> Metrics:
        """Return the metric tables without the columns about runs."""
        found: Metrics = {}
        with self.connection.cursor(row_factory=dict_row) as cursor:
            for table in TABLES:
                described = definitions(table)
                rows = cursor.execute(
                    f"select {', '.join(described.figures)} from metrics.{table}".encode()
                ).fetchall()
                found[table] = {tuple(row.pop(name) for name in described.key): row for row in rows}
        return found

    def closings(self) -> dict[str, Closing]:
        """What closing runs, and final figures that changed, have left."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            windows = cursor.execute("select * from discussion.windows").fetchall()
            revisions = cursor.execute(
                "select article_id, count(*) as count from metrics.article_engagement_revisions"
                " group by article_id"
            ).fetchall()
        intervals: dict[str, list[tuple[datetime | None, datetime | None]]] = {}
        for article, start, end in self.connection.execute(
            "select article_id, starts_at, ends_at from discussion.window_intervals"
        ):
            intervals.setdefault(article, []).append((start, end))
        counts = {row["article_id"]: row["count"] for row in revisions}
        return {
            row["article_id"]: Closing(
                row, intervals.get(row["article_id"], []), counts.get(row["article_id"], 0)
            )
            for row in windows
        }

    def shown(self) -> dict[tuple[str, str], tuple[int, str]]:
        """Return the depth and the status of each comment that moderators read."""
        return {
            (article, comment): (depth, status)
            for article, comment, depth, status in self.connection.execute(
                "select article_id, comment_id, depth, status from discussion.discussion_thread"
            )
        }

    def late(self) -> set[tuple[str, str]]:
        """Return the comments that are listed as late."""
        query = "select article_id, comment_id from discussion.late_comments"
        return set(self.connection.execute(query).fetchall())

    def model(self) -> Metrics:
        return metrics(self.database.tables(), self.closings(), ZONE)


@pytest.fixture(scope="module")
def newsroom(shared_database_url: str) -> Iterator[Newsroom]:
    # The session's time zone is not the site's.
    options = "-c timezone=America/New_York -c synchronous_commit=off"
    with psycopg.connect(shared_database_url, options=options, autocommit=True) as connection:
        process = Process(shared_database_url, [0])
        # So short that comments are late, and reactions later still.
        connection.execute(
            "insert into discussion.closing_rules"
            " (scope, window_hours, reactions_window_hours, valid_from, created_by, retroactive)"
            " values ('all', 24, 1, '-infinity', 'test', true)"
        )
        with closing(process.store):
            yield Newsroom(process, Database(connection), connection)


def shown(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


INSTANTS = st.builds(
    lambda hours, beside: shown(START + timedelta(hours=hours, microseconds=beside)),
    st.sampled_from([0, 0, 1, 2, 13, 24, 25, 26, 49]),
    st.sampled_from([0, 0, 1, 1_800_000_000]),
)


POSTING = ("article.published.v1", "comment.posted.v1")
REPORTING = ("comment.reported.v1",) * 3
THEMES = (
    tuple(DATA),
    (
        *POSTING,
        *REPORTING,
        "comment.posted.v1",
        "report.decided.v1",
        "comment.moderated.v1",
        "comment.edited.v1",
    ),
    (*POSTING, *REPORTING, "report.withdrawn.v1", "comment.deleted.v1"),
    (
        *POSTING,
        *REPORTING,
        "article.unpublished.v1",
        "comment.moderated.v1",
        "comment.moderated.v1",
    ),
    (
        *POSTING,
        "comment.posted.v1",
        "reaction.added.v1",
        "reaction.added.v1",
        "reaction.removed.v1",
    ),
    (
        *POSTING,
        "comment.posted.v1",
        "comment.moderated.v1",
        "comment.deleted.v1",
        "discussion.overridden.v1",
    ),
)
"""A history is mostly about something: types at random seldom meet."""


@st.composite
def events(draw: st.DrawFn, theme: tuple[str, ...]) -> CloudEvent:
    """A valid event, at an instant of its own: in another hour, or on another day of Vienna, than
    its neighbours.
    """
    kind = draw(st.sampled_from(theme))
    event = CloudEvent(kind, draw(EVENT_IDS), draw(SOURCES), "", draw(DATA[kind]))
    at = draw(INSTANTS)
    # Mostly an event reports what was just done; a backfill does not.
    done = at if draw(st.booleans()) else draw(INSTANTS)
    data = {name: done if name in PAST_TENSE else value for name, value in event.data.items()}
    if "decided_at" in data and event.type != "discussion.overridden.v1":
        data["decided_at"] = done
    if draw(st.booleans()):
        # Two sections of one site, more often than sites of their own.
        data.pop("site", None)
    return event._replace(time=at, data=data)


RUNS = ("nothing", "close", "compute", "compute one bucket of one", "close and compute")


Erasure = tuple[SubjectKind, str, str, datetime]
"""The kind of its subject, article (of a comment), id, and up to when."""
Part = tuple[Sequence[CloudEvent], Erasure | None, str]
"""What is sent, what is then erased, and the runs after it."""


def erasures(at: st.SearchStrategy[datetime]) -> st.SearchStrategy[Erasure]:
    people: st.SearchStrategy[SubjectKind] = st.sampled_from(["user", "user", "reporter"])
    comment: st.SearchStrategy[SubjectKind] = st.just("comment")
    return st.tuples(people, st.just(""), USERS, at) | st.tuples(
        comment, COMMENT["article_id"], COMMENT["comment_id"], at
    )


def parts_of(theme: tuple[str, ...]) -> st.SearchStrategy[list[Part]]:
    """Events, each part followed by runs or by none, some by an erasure."""
    erased = st.none() | st.none() | erasures(INSTANTS.map(datetime.fromisoformat))
    sent = st.lists(events(theme), min_size=1, max_size=14)
    return st.lists(
        st.tuples(sent, erased, st.sampled_from(RUNS)),
        min_size=1,
        max_size=6,
    )


parts = st.sampled_from(THEMES).flatmap(parts_of)


def compare(found: Metrics, expected: Metrics) -> None:
    """Table by table, column by column, so that what is wrong is named.

    Parts of people are by Postgres' own hash: their sums are compared.
    """
    found = found | {
        "daily_commenters": {
            key: row | {"people": sum(row["people"])}
            for key, row in found["daily_commenters"].items()
        }
    }
    wrong = []
    for table in TABLES:
        assert found[table].keys() == expected[table].keys(), table
        for key, row in expected[table].items():
            wrong += [
                (table, key, name, found[table][key][name], value)
                for name, value in row.items()
                if found[table][key][name] != same_as(value)
            ]
            assert found[table][key].keys() == row.keys(), table
    assert wrong == [], "table, row, column, found, expected"


def same_as(value: Any) -> Any:
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


KEY = ErasureKey("a key of tests, long enough")


def carry_out(room: Newsroom, erased: Sequence[Erasure]) -> None:
    """Record erasures and wipe everything, as `btl erase` does; then forget that they were."""
    for kind, article, who, at in erased:
        subject = Comment(article, who) if kind == "comment" else Person(kind, who)
        recorded = record(room.connection, KEY, [subject], at, "command", None)
        carry_out_all(room.connection, KEY, recorded.pending)
    # Or the next history's merges would apply them.
    room.connection.execute("delete from ingest.erasures")


def erase(room: Newsroom, erasure: Erasure) -> None:
    """Leave in the tables what an erasure leaves."""
    kind, article, who, at = erasure
    if kind == "comment":
        erased_rows.erase_comment(room.connection, article, who, at)
    elif kind == "user":
        erased_rows.erase_user(room.connection, who, at)
    else:
        erased_rows.erase_reporter(room.connection, who, at)


def happen(room: Newsroom, history: Sequence[Part]) -> None:
    for number, (sent, erasure, run) in enumerate(history):
        room.process.write((each, 0) for each in sent)
        if erasure is not None:
            erase(room, erasure)
        if "close" in run:
            apply_windows(room.connection, START + timedelta(hours=10 * (number + 1)))
        if "compute" in run:
            one = 1 if "one bucket" in run else None
            recompute_dirty(room.connection, bucket=one or 1000, max_buckets=one, time_zone=ZONE)
        assert drift(room.connection, None, time_zone=ZONE) == []


@examples(25, in_prove=2_000)
@given(history=parts, ends=st.sampled_from([START + timedelta(hours=30), LONG_AFTER]))
def test_whatever_came_and_however_runs_were_split_the_tables_are_those_of_the_model(
    newsroom: Newsroom, history: list[Part], ends: datetime
) -> None:
    newsroom.begin_empty()
    happen(newsroom, history)
    apply_windows(newsroom.connection, ends)
    recompute_dirty(newsroom.connection, time_zone=ZONE)
    incremental = newsroom.figures()
    compare(incremental, newsroom.model())
    articles = articles_of(newsroom.database.tables(), newsroom.closings())
    assert newsroom.shown() == {
        (name, comment): (article.depth(comment), article.status(comment))
        for name, article in articles.items()
        for comment in article.posted
    }
    assert newsroom.late() == {
        (name, comment) for name, article in articles.items() for comment in article.late
    }
    assert drift(newsroom.connection, None, time_zone=ZONE) == []

    newsroom.connection.execute(
        ";".join(f"delete from metrics.{table}" for table in TABLES).encode()
    )
    rebuild_all(newsroom.connection, bucket=1, time_zone=ZONE)
    assert newsroom.figures() == incremental


@examples(12)
@given(history=parts, spoiled=st.sampled_from(TABLES), some=st.booleans())
def test_a_rebuild_mends_whatever_rows_were_wrong(
    newsroom: Newsroom, history: list[Part], spoiled: str, some: bool
) -> None:
    newsroom.begin_empty()
    happen(newsroom, history)
    recompute_dirty(newsroom.connection, time_zone=ZONE)
    expected = newsroom.figures()
    newsroom.connection.execute(f"delete from metrics.{spoiled}".encode())
    ids = tuple(name for (name,) in expected["article_engagement"]) if some else ()
    rebuild(newsroom.connection, Selection(ids), time_zone=ZONE)
    assert newsroom.figures() == expected


def by_their_pseudonyms(found: Metrics, pseudonyms: Mapping[str, str]) -> Metrics:
    """The figures with pseudonyms in place of the ids of these people."""

    def with_pseudonyms(value: Any) -> Any:
        if isinstance(value, list):
            return sorted(with_pseudonyms(each) for each in value)
        return pseudonyms.get(value, value) if isinstance(value, str) else value

    renamed = {"article_commenters": ("people",), "open_reports": ("signed_in_reporters",)}
    by_person = ("article_reporters", "reporter_accuracy")
    return {
        table: {
            (*key[:-1], pseudonyms.get(key[-1], key[-1])) if table in by_person else key: {
                name: with_pseudonyms(value) if name in renamed.get(table, ()) else value
                for name, value in row.items()
            }
            for key, row in rows.items()
        }
        for table, rows in found.items()
    }


@examples(8, in_prove=1_000)
@given(history=parts, erased=st.lists(erasures(st.just(LONG_AFTER)), min_size=1, max_size=4))
def test_an_erasure_changes_what_readers_see_and_no_other_figure(
    newsroom: Newsroom, history: list[Part], erased: list[Erasure]
) -> None:
    newsroom.begin_empty()
    happen(newsroom, [(sent, None, run) for sent, _, run in history])
    apply_windows(newsroom.connection, LONG_AFTER)
    newsroom.connection.execute(
        "update discussion.windows set final = true, reactions_final = true where state = 'closed'"
    )
    newsroom.connection.execute(
        "delete from ingest.dirty_discussions; insert into ingest.dirty_articles (article_id)"
        " select article_id from discussion.windows"
    )
    recompute_dirty(newsroom.connection, time_zone=ZONE)
    before = newsroom.figures()
    carry_out(newsroom, erased)
    recompute_dirty(newsroom.connection, time_zone=ZONE)
    after = newsroom.figures()
    assert drift(newsroom.connection, None, time_zone=ZONE) == []

    seen = {
        "article_engagement": ("comments_visible", "revision"),
        "open_reports": ("visible_since", "urgency_key"),
    }
    users = {who for kind, _, who, _ in erased if kind == "user"}
    renamed = {who: KEY.pseudonym("user", who) for who in users}

    def but_for_what_readers_see(found: Metrics) -> Metrics:
        return {
            table: {
                key: {name: row[name] for name in row if name not in seen.get(table, ())}
                for key, row in rows.items()
            }
            for table, rows in found.items()
        }

    expected = but_for_what_readers_see(by_their_pseudonyms(before, renamed))
    for row in expected["daily_commenters"].values():
        row["people"] = sum(row["people"])
    compare(but_for_what_readers_see(after), expected)
    for key, row in before["article_engagement"].items():
        gone = row["comments_visible"] - after["article_engagement"][key]["comments_visible"]
        assert gone >= 0
        revised = after["article_engagement"][key]["revision"] - row["revision"]
        assert revised == (gone > 0 and row["final"])


@examples(8)
@given(
    history=parts,
    erased=st.lists(erasures(INSTANTS.map(datetime.fromisoformat)), min_size=1, max_size=4),
)
def test_after_erasures_of_a_part_of_what_people_did_the_tables_are_those_of_the_model(
    newsroom: Newsroom, history: list[Part], erased: list[Erasure]
) -> None:
    newsroom.begin_empty()
    happen(newsroom, [(sent, None, run) for sent, _, run in history])
    recompute_dirty(newsroom.connection, time_zone=ZONE)
    carry_out(newsroom, erased)
    recompute_dirty(newsroom.connection, time_zone=ZONE)
    compare(newsroom.figures(), newsroom.model())
    assert drift(newsroom.connection, None, time_zone=ZONE) == []


def sums(rows: Mapping[tuple[Any, ...], Mapping[str, Any]], article: str, column: str) -> int:
    return sum(row[column] for (name, _), row in rows.items() if name == article)


@examples(12)
@given(history=parts)
def test_hours_and_days_sum_to_the_figures_of_the_article_and_reasons_to_its_reports(
    newsroom: Newsroom, history: list[Part]
) -> None:
    newsroom.begin_empty()
    happen(newsroom, history)
    recompute_dirty(newsroom.connection, time_zone=ZONE)
    found = newsroom.figures()
    for (article,), engaged in found["article_engagement"].items():
        abused = found["article_abuse"][article,]
        for table in ("article_hourly", "article_daily"):
            assert {
                column: sums(found[table], article, column)
                for column in ("comments", "replies", "reactions", "reports", "rejected", "late")
            } == {
                "comments": engaged["comments_published"],
                "replies": engaged["replies"],
                "reactions": engaged["reactions_added"],
                "reports": abused["reports"],
                "rejected": abused["rejected"],
                "late": engaged["late_comments"],
            }
        for column in (
            "reports",
            "upheld",
            "dismissed",
            "ignored",
            "duplicates",
            "void",
            "open_reports",
        ):
            assert sums(found["article_abuse_reasons"], article, column) == abused[column]
        assert sums(found["open_reports"], article, "open_reports") == abused["open_reports"]
