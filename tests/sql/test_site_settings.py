"""The settings that all processes must agree on: who sets them, who is rejected, and what a change
marks. Europe/Vienna is two hours ahead of UTC in May.
"""

import psycopg
import pytest

from below_the_line import site_settings
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.drift import drift
from below_the_line.metrics.rebuild import Selection, rebuild
from below_the_line.metrics.units import METRICS_LOCK
from below_the_line.settings import Settings
from below_the_line.site_settings import Change, agreed, change, current, establish, given_in
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack
VIENNA = "Europe/Vienna"
DEFAULTS = {
    "site_timezone": "UTC",
    "close_delay": "120",
    "grace": "3600",
    "consumer_group": "below-the-line",
    "retention_settled_dead_letters": "30",
    "retention_open_dead_letters": "365",
    "retention_ledger": "14",
    "retention_outbox": "30",
    "retention_barriers": "30",
    "retention_quality_results": "90",
    "retention_audit_results": "90",
    "retention_superseded_states": "365",
    "retention_revisions": "never",
    "retention_airflow": "30",
}


def values(connection: psycopg.Connection) -> dict[str, str]:
    return {name: each.value for name, each in current(connection).items()}


def set_to(
    connection: psycopg.Connection, name: str, value: str, *, dry_run: bool = False
) -> Change:
    return change(connection, name, value, by="chief", note="we moved", dry_run=dry_run)


def settings(**given: object) -> Settings:
    return Settings.model_validate(given)


def test_the_first_migration_takes_what_the_environment_says_and_else_the_defaults(
    connection: psycopg.Connection,
) -> None:
    given = given_in({"BTL_SITE_TIMEZONE": VIENNA, "BTL_GRACE": "60", "BTL_CLOSE_DELAY": ""})
    made = establish(connection, given)
    assert {each.name: each.value for each in made} == {
        **DEFAULTS,
        "site_timezone": VIENNA,
        "grace": "60",
    }
    assert {each.name: each.note for each in made if each.name != "grace"} == {
        **{name: "default" for name in DEFAULTS if name != "grace"},
        "site_timezone": "BTL_SITE_TIMEZONE in the environment",
    }
    assert establish(connection, {}) == []
    with pytest.raises(BelowTheLineError, match=r"BTL_SITE_TIMEZONE is UTC .* but Europe/Vienna"):
        establish(connection, {"site_timezone": "UTC"})


def test_a_database_of_before_keeps_what_it_was_used_with(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.article_as_published_at("05-01 10:00")
    newsroom.comment("c", "05-01 23:00")
    newsroom.close("05-02 00:00")
    newsroom.compute(VIENNA)
    connection.execute(
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off,"
        " grace_seconds) values ('1', 'r', 'theirs', '2026-05-02 00:01', '2026-05-02', 5)"
    )
    establish(connection, {})
    assert values(connection) == {
        **DEFAULTS,
        "site_timezone": VIENNA,
        "close_delay": "60",
        "grace": "5",
        "consumer_group": "theirs",
    }


def test_every_process_takes_what_the_database_says(connection: psycopg.Connection) -> None:
    without = agreed(settings(consumer_group="mine"), connection)
    assert (without.consumer_group, without.site_timezone) == ("mine", "UTC")
    establish(connection, {"site_timezone": VIENNA, "close_delay": "30"})
    found = agreed(settings(BTL_CLOSE_DELAY=30), connection)
    assert (found.site_timezone, found.close_delay_seconds) == (VIENNA, 30)


def test_a_process_whose_environment_says_something_else_is_rejected(
    connection: psycopg.Connection,
) -> None:
    establish(connection, {"site_timezone": VIENNA})
    with pytest.raises(BelowTheLineError) as rejected:
        agreed(settings(site_timezone="UTC", BTL_GRACE=5), connection)
    assert rejected.value.message.startswith(
        "BTL_SITE_TIMEZONE is UTC in the environment, but Europe/Vienna in the database (set by btl"
        " migrate, "
    )
    assert "BTL_GRACE is 5 in the environment, but 3600 in the database" in rejected.value.message
    assert "Unset BTL_SITE_TIMEZONE and BTL_GRACE:" in rejected.value.hint
    assert "`btl settings set site_timezone UTC`, `btl settings set grace 5`" in rejected.value.hint


def zones(connection: psycopg.Connection) -> set[str]:
    rows = connection.execute(
        "select time_zone from metrics.article_daily union select time_zone from"
        " metrics.section_daily union select time_zone from metrics.site_daily"
    )
    return {zone for (zone,) in rows}


def days(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute("select day::text from metrics.site_daily order by day")
    return [day for (day,) in rows]


@pytest.fixture
def two_articles(newsroom: Newsroom) -> Newsroom:
    """Each with a comment that is of another day in Vienna, computed for UTC."""
    for article in ("a", "b"):
        newsroom.article_as_published_at("05-01 10:00", article=article)
        newsroom.comment(f"of {article}", "05-01 23:00", article=article)
    newsroom.close("05-02 00:00")
    establish(newsroom.connection, {})
    newsroom.compute()
    return newsroom


def test_after_a_change_of_the_time_zone_no_table_mixes_two(
    two_articles: Newsroom, connection: psycopg.Connection
) -> None:
    assert (zones(connection), days(connection)) == ({"UTC"}, ["2026-05-01"])
    done = set_to(connection, "site_timezone", VIENNA)
    assert (done.before, done.after, done.articles, done.days) == ("UTC", VIENNA, 2, 2)
    assert "2 articles and 2 days of sections and sites" in done.effects[0]
    # The run's own environment does not count.
    two_articles.compute("UTC")
    assert (zones(connection), days(connection)) == ({VIENNA}, ["2026-05-02"])
    rebuild(connection, Selection(("a",)), time_zone="UTC")
    assert zones(connection) == {VIENNA}
    assert drift(connection, None, time_zone="UTC") == []
    assert set_to(connection, "site_timezone", VIENNA).articles == 0


@pytest.mark.usefixtures("two_articles")
def test_a_dry_run_says_what_would_be_computed_and_changes_nothing(
    connection: psycopg.Connection,
) -> None:
    done = set_to(connection, "site_timezone", VIENNA, dry_run=True)
    assert (done.articles, done.days) == (2, 2)
    assert values(connection) == DEFAULTS
    assert connection.execute(
        "select (select count(*) from ingest.dirty_articles), (select count(*) from"
        " ingest.dirty_days)"
    ).fetchone() == (0, 0)


def test_a_change_waits_for_the_bucket_that_is_computed(
    two_articles: Newsroom, database_url: str
) -> None:
    with psycopg.connect(database_url) as running:
        running.execute(METRICS_LOCK.encode())
        two_articles.connection.execute("set lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            set_to(two_articles.connection, "site_timezone", VIENNA)
    assert set_to(two_articles.connection, "site_timezone", VIENNA).articles == 2


def test_another_grace_is_looked_at_by_the_next_closing_run(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    establish(connection, {})
    newsroom.publish("05-01 10:00")
    newsroom.publish("05-01 10:00", article="open", window_hours=10_000)
    newsroom.close("05-15 10:30")
    assert newsroom.window()["state"] == "closed"
    assert set_to(connection, "grace", "60").windows == 1
    marked = connection.execute("select article_id from ingest.dirty_windows").fetchall()
    assert marked == [("a",)]
    assert set_to(connection, "grace", "60").windows == 0


def test_a_rule_of_retention_takes_days_or_never(connection: psycopg.Connection) -> None:
    establish(connection, {"retention_ledger": "never"})
    assert agreed(settings(), connection).retention_ledger == "never"
    done = set_to(connection, "retention_ledger", "20")
    assert (done.before, done.after) == ("never", "20")
    assert "next run of the DAG retention" in done.effects[0]
    assert agreed(settings(), connection).retention_ledger == 20


def test_another_group_says_where_it_begins(connection: psycopg.Connection) -> None:
    establish(connection, {})
    said = set_to(connection, "consumer_group", "new").effects
    assert said[0].startswith("It has no positions: consumers read all topics from their start.")
    assert "Restart the consumers" in said[1]
    connection.execute(
        "insert into ingest.partition_offsets (consumer_group, topic, partition, topic_id,"
        " next_offset, epoch) values ('known', 'articles', 0, gen_random_uuid(), 5, 1)"
    )
    assert set_to(connection, "consumer_group", "known").effects[0].startswith("It has positions")


def test_who_changed_what_and_why_is_kept(connection: psycopg.Connection) -> None:
    establish(connection, {})
    before = current(connection)["grace"]
    set_to(connection, "grace", "60")
    first, second = (each for each in site_settings.history(connection) if each.name == "grace")
    assert first == before
    assert (second.value, second.set_by, second.note) == ("60", "chief", "we moved")
    assert second.set_at >= first.set_at


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("alert_url", "x", "There is no setting 'alert_url' in the database"),
        ("site_timezone", "Mars/Olympus", "BTL_SITE_TIMEZONE can't be 'Mars/Olympus': .*IANA"),
        ("grace", "-1", "BTL_GRACE can't be '-1'"),
        ("close_delay", "soon", "BTL_CLOSE_DELAY can't be 'soon'"),
        ("consumer_group", "", "BTL_CONSUMER_GROUP can't be ''"),
        ("retention_ledger", "0", "can't be '0': .* of days from 1 on, or never"),
        ("retention_outbox", "soon", "can't be 'soon'"),
        # The quality gate goes by the results of a week.
        ("retention_quality_results", "7", "of days from 8 on, or never"),
    ],
)
def test_what_is_no_setting_or_no_value_is_rejected(
    connection: psycopg.Connection, name: str, value: str, words: str
) -> None:
    with pytest.raises(BelowTheLineError, match=words):
        set_to(connection, name, value)


@pytest.mark.parametrize("role", ["btl_ingest", "btl_scheduler", "btl_reader", "btl_moderator"])
def test_every_role_reads_them_and_none_but_the_owner_writes_them(
    newsroom: Newsroom, role: str
) -> None:
    establish(newsroom.connection, {"site_timezone": VIENNA})
    newsroom.connection.execute(f"set role {role}".encode())
    assert agreed(settings(), newsroom.connection).site_timezone == VIENNA
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        newsroom.connection.execute(
            "insert into below_the_line.settings (name, value, set_by, note) values ('grace', '1',"
            " 'me', '')"
        )


def test_before_a_migration_has_set_them_windows_are_as_the_process_says(
    newsroom: Newsroom,
) -> None:
    newsroom.article_as_published_at("05-01 10:00")
    newsroom.comment("c", "05-01 23:00")
    newsroom.close("05-02 00:00")
    newsroom.compute(VIENNA)
    assert (zones(newsroom.connection), newsroom.window()["opens_at"]) == (
        {VIENNA},
        t("05-01 10:00"),
    )
