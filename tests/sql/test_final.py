"""When figures are final, and what happens to final figures that change. Articles are published on
05-01 10:00, for a day.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from below_the_line.closing.barrier import take_barrier
from below_the_line.closing.windows import apply_barrier, apply_windows
from below_the_line.metrics import statements
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.partitions import PartitionLog
from below_the_line.settings import Settings
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """Closes on 05-02 10:00, for reactions on 05-03 10:00; one comment in time, one late."""
    newsroom.rule(24)
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-01 12:00")
    newsroom.comment("late", "05-02 12:00")
    newsroom.react("c1", "05-01 13:00")
    newsroom.compute()
    return newsroom


def run(room: Newsroom, cut_off: str) -> dict[str, Any]:
    """What the DAGs do up to a cut-off, by marks and the clock alone; the article's row then."""
    apply_windows(room.connection, t(cut_off))
    recompute_dirty(room.connection)
    return room.engagement()


def revisions(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select revision, comments_published, reactions_net, final, reactions_final"
        " from metrics.article_engagement_revisions order by revision"
    ).fetchall()


@pytest.mark.parametrize(
    ("cut_off", "final", "reactions_final"),
    [
        ("05-02 09:59", False, False),
        ("05-02 10:59:59.999999", False, False),
        ("05-02 11:00", True, False),
        ("05-03 10:59:59.999999", True, False),
        ("05-03 11:00", True, True),
    ],
)
def test_figures_are_final_an_hour_after_closing_and_not_before(
    room: Newsroom, cut_off: str, final: bool, reactions_final: bool
) -> None:
    room.close(cut_off)
    assert (room.window()["final"], room.window()["reactions_final"]) == (final, reactions_final)
    row = run(room, cut_off)
    assert (row["final"], row["reactions_final"], row["revision"]) == (final, reactions_final, 0)


def test_runs_by_the_clock_alone_find_when_something_becomes_final(room: Newsroom) -> None:
    room.close("05-01 11:00")
    found = []
    for hour in range(11, 24 * 3):
        cut_off = t("05-01 00:00") + timedelta(hours=hour)
        if apply_windows(room.connection, cut_off).examined:
            window = room.window()
            found.append((cut_off, window["state"], window["final"], window["reactions_final"]))
    assert found == [
        (t("05-02 10:00"), "closed", False, False),
        (t("05-02 11:00"), "closed", True, False),
        (t("05-03 11:00"), "closed", True, True),
    ]
    assert room.window()["due_at"] is None


def test_the_grace_is_a_setting(room: Newsroom) -> None:
    room.close("05-02 10:00")
    apply_windows(room.connection, t("05-02 10:00"), grace=timedelta(0))
    assert not room.window()["final"]
    room.connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
    apply_windows(room.connection, t("05-02 10:00"), grace=timedelta(0))
    assert room.window()["final"]


def test_behind_a_barrier_it_is_what_was_set_when_the_barrier_was_taken(
    room: Newsroom, connection: psycopg.Connection
) -> None:
    barrier_id = take_barrier(
        connection,
        Settings.model_validate({"BTL_GRACE": 7}),
        attempt_id="1",
        run_id="r",
        read_logs=lambda _settings: {("articles", 0): PartitionLog(UUID(int=1), 0, 0)},
    )
    for second, final in (("06.999999", False), ("07", True)):
        connection.execute(
            "update ingest.barriers set passed_at = taken_at, cut_off = %s",
            [t(f"05-02 10:00:{second}")],
        )
        connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
        apply_barrier(connection, barrier_id)
        assert room.window()["final"] is final


def test_a_comment_that_is_ingested_later_puts_it_off(room: Newsroom) -> None:
    room.close("05-02 10:30")
    room.changed("05-02 10:45")
    assert not run(room, "05-02 11:00")["final"]
    assert not run(room, "05-02 11:44:59")["final"]
    assert run(room, "05-02 11:45")["final"]


def test_reactions_put_off_only_what_counts_reactions(room: Newsroom) -> None:
    room.close("05-03 10:30")
    room.changed("05-03 10:45", what="reactions")
    row = run(room, "05-03 11:00")
    assert (row["final"], row["reactions_final"]) == (True, False)
    assert run(room, "05-03 11:45")["reactions_final"]


def test_final_figures_that_change_are_kept_and_the_new_ones_are_final_after_a_grace_of_their_own(
    room: Newsroom, connection: psycopg.Connection
) -> None:
    room.close("05-03 12:00")
    assert run(room, "05-03 12:00")["reactions_final"]
    # In time, but ingested when all was final; the metrics are quicker than the next closing run.
    room.comment("c2", "05-01 20:00")
    room.changed("05-03 13:00")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    recompute_dirty(connection)
    row = room.engagement()
    assert (row["comments_published"], row["revision"], row["final"], row["reactions_final"]) == (
        2,
        1,
        False,
        False,
    )
    assert revisions(connection) == [(0, 1, 1, True, True)]
    assert not run(room, "05-03 13:30")["final"]
    row = run(room, "05-03 14:00")
    assert (row["final"], row["reactions_final"], row["revision"], room.window()["revision"]) == (
        True,
        True,
        1,
        1,
    )
    assert revisions(connection) == [(0, 1, 1, True, True)]


def test_a_change_that_a_closing_run_takes_while_figures_are_computed_is_not_final(
    room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.close("05-03 12:00")
    assert run(room, "05-03 12:00")["final"]
    stage = statements._stage

    def something_happens_first(
        connection: psycopg.Connection, name: str, parameters: Mapping[str, Any]
    ) -> None:
        if name == "comments":
            room.comment("c2", "05-01 20:00")
            room.changed("05-03 13:00")
            apply_windows(room.connection, t("05-03 13:30"))
        stage(connection, name, parameters)

    monkeypatch.setattr(statements, "_stage", something_happens_first)
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    with psycopg.connect(database_url, autocommit=True) as runner:
        recompute_dirty(runner)
    row = room.engagement()
    assert (row["comments_published"], row["final"], row["reactions_final"]) == (2, False, False)


def test_late_comments_that_an_extend_covers_enter_the_metrics_and_closing_again_gives_a_revision(
    room: Newsroom, connection: psycopg.Connection
) -> None:
    room.close("05-02 12:00")
    row = run(room, "05-02 12:00")
    assert (row["comments_published"], row["late_comments"], row["final"], row["revision"]) == (
        1,
        1,
        True,
        0,
    )
    room.override("extend", "05-02 13:00", "05-04 10:00")
    connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
    row = run(room, "05-02 14:00")
    assert (row["comments_published"], row["late_comments"], row["state"]) == (2, 0, "open")
    assert (row["final"], row["revision"]) == (False, 1)
    assert not run(room, "05-04 10:59")["final"]
    row = run(room, "05-04 11:00")
    assert (row["state"], row["final"], row["revision"]) == ("closed", True, 1)
    assert [each[:2] for each in revisions(connection)] == [(0, 1)]


def test_a_change_of_no_figure_is_no_revision(
    room: Newsroom, connection: psycopg.Connection
) -> None:
    room.close("05-02 12:00")
    run(room, "05-02 12:00")
    room.changed("05-02 11:00")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    recompute_dirty(connection)
    # Until a closing run has seen the change, nobody knows that its grace has ended.
    assert not room.engagement()["final"]
    row = run(room, "05-02 12:00")
    assert (row["final"], row["revision"], revisions(connection)) == (True, 0, [])


def test_a_reaction_to_a_final_article_is_a_revision_of_its_own(
    room: Newsroom, connection: psycopg.Connection
) -> None:
    room.close("05-03 12:00")
    run(room, "05-03 12:00")
    room.react("c1", "05-02 00:00", user="u2")
    room.changed("05-03 13:00", what="reactions")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    row = run(room, "05-03 13:30")
    assert (row["reactions_net"], row["final"], row["reactions_final"], row["revision"]) == (
        2,
        True,
        False,
        1,
    )


def test_a_full_rebuild_changes_no_revision(room: Newsroom, connection: psycopg.Connection) -> None:
    test_final_figures_that_change_are_kept_and_the_new_ones_are_final_after_a_grace_of_their_own(
        room, connection
    )
    before = room.engagement()
    rebuild_all(connection)
    connection.execute("truncate metrics.article_engagement")
    rebuild_all(connection)
    assert {**room.engagement(), "computed_at": None} == {**before, "computed_at": None}
    assert len(revisions(connection)) == 1
