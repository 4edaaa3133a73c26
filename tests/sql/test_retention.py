"""Retention: what goes, what stays, and that everything which reads the rest still adds up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from below_the_line.accounting.ledger import Account
from below_the_line.errors import BelowTheLineError
from below_the_line.retention import deletion
from below_the_line.retention.deletion import delete_old
from below_the_line.retention.rules import RULES, selected
from below_the_line.retention.survey import announcement, survey
from below_the_line.settings import Settings
from tests.simulated_year import TABLES, Site

pytestmark = pytest.mark.stack
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULTS = Settings.model_validate({})


@pytest.fixture
def site(connection: psycopg.Connection) -> Site:
    return Site(connection, BEGIN)


def summed(accounts: list[Account]) -> list[Account]:
    """Accounts without the number of lines without records, which are folded into others."""
    return [replace(each, batches=0, empties=0, deleted_dead_letters=0) for each in accounts]


def test_a_year_of_load_and_of_idle_days_has_an_end_and_adds_up_in_every_month(site: Site) -> None:
    rows, pages = [], []
    for month in range(12):
        site.live(25)
        site.live(5, idle=True)
        if month == 3:
            site.accept_gap(0)
        if month == 5:
            site.read_again(1)
        before = summed(site.accounts())
        assert site.audit().findings == ()
        deleted = site.retain()
        assert summed(site.accounts()) == before
        assert site.audit().findings == ()
        assert not any(site.retain().values())
        rows.append(site.rows())
        pages.append(site.pages())
        if month >= 3:
            assert all(each for name, each in deleted.items() if name != "revisions"), deleted
    for table in TABLES:
        in_half, in_year = rows[5][table], rows[11][table]
        more_pages = pages[11][table] - pages[5][table]
        if table == "ingest.batches":
            # A folded line for each day with records and partition, and one of redrives; and what
            # the gap and the reset, the borders of months and the last lines keep apart.
            assert in_year - in_half <= 6 * 25 * 3 + 20
            # What a folded line leaves of an index is a page at most.
            assert more_pages <= in_year - in_half
        else:
            assert in_year <= in_half * 1.02
            assert more_pages <= pages[5][table] * 0.1, table


def lines(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select kind, first_offset, next_offset, records, dead_lettered, batches from"
        " ingest.batches order by consumer_group, topic, partition, incarnation, kind ="
        " 'redrive', first_offset,"
        " batch_id"
    ).fetchall()


def write(
    connection: psycopg.Connection,
    kind: str,
    first: int,
    after: int,
    at: datetime,
    *,
    records: int = 0,
    dead: int = 0,
) -> None:
    connection.execute(
        "insert into ingest.batches (consumer_group, topic, partition, incarnation, kind,"
        " first_offset, next_offset, records, applied, unchanged, dead_lettered, committed_at)"
        " values ('group', 'events', 0, 1, %s, %s, %s, %s, %s, 0, %s, %s)",
        [kind, first, after, records, records - dead, dead, at],
    )


def fold(connection: psycopg.Connection, now: datetime, chunk_rows: int = 100) -> int:
    (done,) = delete_old(connection, DEFAULTS, now, selected(["ledger"]), chunk_rows=chunk_rows)
    return done.rows


@pytest.mark.parametrize("chunk_rows", [2, 3, 100])
def test_lines_of_a_day_become_one_and_holes_gaps_and_the_last_line_stay(
    connection: psycopg.Connection, chunk_rows: int
) -> None:
    day = datetime(2026, 5, 1, 12, tzinfo=UTC)
    write(connection, "batch", 0, 10, day, records=10, dead=1)
    write(connection, "empty", 10, 12, day)
    write(connection, "batch", 12, 20, day, records=8)
    write(connection, "gap", 20, 30, day)
    write(connection, "batch", 30, 31, day, records=1)
    write(connection, "batch", 31, 32, day, records=1)
    # A hole: offsets 32 and 33 are not accounted for.
    write(connection, "batch", 34, 35, day, records=1)
    write(connection, "batch", 35, 36, day, records=1)
    # Another day in UTC.
    write(connection, "empty", 36, 37, day + timedelta(hours=12))
    write(connection, "empty", 37, 38, day + timedelta(hours=12))
    write(connection, "batch", 38, 39, day + timedelta(hours=12), records=1)
    for _ in range(2):
        write(connection, "redrive", 0, 8, day, records=2, dead=1)
    write(connection, "redrive", 3, 9, day, records=1)
    assert fold(connection, day + timedelta(days=60), chunk_rows) == 7
    assert lines(connection) == [
        ("batch", 0, 20, 18, 1, 3),
        ("gap", 20, 30, 0, 0, 1),
        ("batch", 30, 32, 2, 0, 2),
        ("batch", 34, 36, 2, 0, 2),
        ("empty", 36, 38, 0, 0, 2),
        # A consumer may extend the last line.
        ("batch", 38, 39, 1, 0, 1),
        ("redrive", 0, 9, 5, 2, 3),
    ]
    assert fold(connection, day + timedelta(days=60), chunk_rows) == 0


def test_young_lines_are_not_folded(connection: psycopg.Connection) -> None:
    day = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for first in range(4):
        write(connection, "batch", first, first + 1, day + timedelta(hours=first), records=1)
    # 14 days after the first two.
    assert fold(connection, day + timedelta(days=14, hours=1, minutes=30)) == 1
    assert [line[1:3] for line in lines(connection)] == [(0, 2), (2, 3), (3, 4)]


def test_a_line_that_does_not_add_up_stays_to_be_found(connection: psycopg.Connection) -> None:
    connection.execute("alter table ingest.batches drop constraint batches_check")
    day = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for first in range(0, 50, 10):
        write(connection, "batch", first, first + 10, day, records=10)
    connection.execute("update ingest.batches set records = 9 where first_offset = 20")
    assert fold(connection, day + timedelta(days=60)) == 1
    assert [line[1:4] for line in lines(connection)] == [
        (0, 20, 20),
        (20, 30, 9),
        (30, 40, 10),
        (40, 50, 10),
    ]


def test_a_dead_letter_that_is_read_again_stays_until_that_line_is_old(site: Site) -> None:
    site.live(40)
    # The log is read again from its start: the first forty days in a day.
    site.read_again(0)
    site.lines = 24 * 40
    site.live(1)
    (kept,) = site.connection.execute(
        "select count(*) from ingest.dead_letters where partition = 0"
    ).fetchone() or (0,)
    site.retain()
    assert site.audit().findings == ()
    (still,) = site.connection.execute(
        "select count(*) from ingest.dead_letters where partition = 0"
    ).fetchone() or (0,)
    assert still == kept
    site.now += timedelta(days=31)
    site.retain()
    assert site.audit().findings == ()
    assert site.connection.execute(
        "select count(*) from ingest.dead_letters where partition = 0 and status != 'open'"
    ).fetchone() == (0,)


def test_a_dead_letter_that_somebody_deletes_by_hand_is_still_found(site: Site) -> None:
    site.live(60)
    site.retain()
    site.connection.execute(
        "delete from ingest.dead_letters where record_offset = (select max(record_offset) from"
        " ingest.dead_letters)"
    )
    assert "retention has deleted" in str(site.audit().findings[0])


def test_barriers_that_others_go_by_stay(site: Site, connection: psycopg.Connection) -> None:
    site.live(60, idle=True)
    # Nothing has passed for forty days; one attempt was taken with a later cut-off long ago.
    connection.execute(
        "update ingest.barriers set passed_at = null, applied_at = null where taken_at >"
        " '2026-01-21'; update ingest.barriers set cut_off = '2026-02-20' where barrier_id = 7"
    )
    asked = "select watermark from metrics.freshness"
    before = connection.execute(asked.encode()).fetchone()
    cut_off = "select max(cut_off) from ingest.barriers where passed_at is not null"
    greatest = connection.execute(cut_off.encode()).fetchone()
    assert site.retain()["barriers"] > 1_000
    assert connection.execute(asked.encode()).fetchone() == before
    assert connection.execute(cut_off.encode()).fetchone() == greatest
    assert connection.execute(
        "select count(*) from ingest.barriers where taken_at < %s", [site.now - timedelta(days=30)]
    ).fetchone() == (2,)
    assert connection.execute(
        "select count(*) from ingest.barrier_offsets as place where not exists (select from"
        " ingest.barriers as barrier where barrier.barrier_id = place.barrier_id)"
    ).fetchone() == (0,)


def test_pending_events_stay_however_old_they_are(site: Site) -> None:
    site.live(40)
    site.connection.execute(
        "update ingest.outbox set status = 'pending', sent_at = null where outbox_id = 3"
    )
    site.retain()
    assert site.connection.execute(
        "select outbox_id from ingest.outbox where created_at < %s", [site.now - timedelta(days=30)]
    ).fetchall() == [(3,)]


def test_closing_still_knows_which_rules_have_held(site: Site) -> None:
    site.live(90)
    held = (
        "select distinct article_id, rule_id from discussion.state_changes"
        " where superseded_at is not null order by 1, 2"
    )
    before = site.connection.execute(held.encode()).fetchall()
    assert site.retain()["superseded_states"] > 0
    assert site.connection.execute(held.encode()).fetchall() == before


def test_never_deletes_nothing(site: Site) -> None:
    site.live(60)
    before = site.rows()
    assert not any(site.retain(1_000, **{rule.setting: "never" for rule in RULES}).values())
    assert site.rows() == before


def test_what_is_due_is_what_goes(site: Site) -> None:
    site.live(100)
    site.accept_gap(0)
    found = survey(site.connection, site.settings, site.now)
    size = {each.rule.name: each.bytes for each in found}
    assert {each.rule.name: each.rows for each in found} == site.retain()
    assert all(size[each.rule.name] > 0 for each in found if each.rows)
    again = survey(site.connection, site.settings, site.now)
    assert not any(each.rows or each.bytes for each in again)
    for each in again:
        if each.rule.name == "revisions":
            assert (each.days, each.oldest_kept, each.next) == ("never", None, None)
        else:
            assert each.oldest_kept is not None
            assert each.next is not None
            assert site.now <= each.next <= site.now + timedelta(days=1)


def test_open_dead_letters_are_announced_before_they_go(site: Site) -> None:
    site.live(10)
    assert announcement(site.connection, DEFAULTS, site.now) is None
    later = BEGIN + timedelta(days=336)
    found = announcement(site.connection, DEFAULTS, later)
    assert found is not None
    assert found.first.date() == datetime(2027, 1, 1, tzinfo=UTC).date()
    assert "go within 30 days, the first on 2027-01-01" in str(found)
    assert announcement(site.connection, DEFAULTS, later, days=1) is None
    never = DEFAULTS.model_copy(update={"retention_open_dead_letters": "never"})
    assert announcement(site.connection, never, later) is None


def test_the_scheduler_deletes_only_as_the_role_of_retention(site: Site) -> None:
    site.live(60)
    site.connection.execute("set role btl_scheduler")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.connection.execute("delete from ingest.batches")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.connection.execute("delete from ingest.dead_letters")
    deleted = site.retain()
    assert deleted["ledger"] > 0
    assert deleted["settled_dead_letters"] > 0
    assert site.connection.execute("select current_user").fetchone() == ("btl_scheduler",)
    site.connection.execute("set role btl_retention")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.connection.execute("select record_value from ingest.dead_letters")


def test_a_run_that_is_killed_in_the_middle_goes_on_where_it_stopped(site: Site) -> None:
    site.live(60)
    before = summed(site.accounts())
    rules = selected(["ledger"])
    chunks = deletion._delete(
        site.connection, rules[0], site.now - timedelta(days=14), chunk_rows=50
    )
    for _ in range(3):
        next(chunks)
    assert summed(site.accounts()) == before
    assert site.audit().findings == ()
    site.retain()
    assert summed(site.accounts()) == before
    assert site.audit().findings == ()


def test_a_chunk_waits_only_a_moment_for_locks_of_others(
    site: Site, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_LOCK_SECONDS", 0.01)
    monkeypatch.setattr("time.sleep", lambda _: None)
    site.live(60)
    with psycopg.connect(database_url) as other:
        other.execute("lock table ingest.outbox in access exclusive mode")
        with pytest.raises(BelowTheLineError, match="outbox is held by others"):
            site.retain()
    assert site.retain()["outbox"] > 0
