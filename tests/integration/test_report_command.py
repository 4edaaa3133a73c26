"""``btl report`` as an editor uses it, who sees the metric tables alone."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.periods import Kind
from below_the_line.metrics.report import reports
from btl.cli import report as report_command
from tests.commands import Btl, as_role
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack
UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 5, 11, 12, tzinfo=UTC)
"""A Monday; the week before begins on 4 May."""


@pytest.fixture
def room(connection: psycopg.Connection) -> Newsroom:
    """Two sites: one with two sections and a busy week, one with a comment the week before."""
    newsroom = Newsroom(connection)
    for article, site, section in (
        ("a", "daily", "politics"),
        ("b", "daily", "sports"),
        ("w", "weekly", None),
    ):
        newsroom.publish("04-30 10:00", article=article, site=site, section=section)
        newsroom.article_as_published(article)
    newsroom.comment("c0", "05-01 12:00")
    for number, day in enumerate(("05-04", "05-05", "05-05", "05-10"), 1):
        newsroom.comment(f"c{number}", f"{day} 12:00", user=f"u{number}")
    newsroom.comment("b1", "05-06 12:00", article="b", parent="b0")
    newsroom.report("p1", "05-05 13:00", comment="c2")
    newsroom.comment("w1", "05-01 12:00", article="w")
    newsroom.close("05-12 00:00")
    newsroom.compute()
    return newsroom


def test_a_week_is_reported_per_site_beside_the_week_before(room: Newsroom) -> None:
    daily, weekly = reports(room.connection, NOW, UTC_ZONE)
    assert (daily.site, daily.period.name, daily.is_over) == ("daily", "2026-W19", True)
    assert (daily.figures["comments"], daily.before["comments"]) == (5, 1)
    assert (daily.figures["replies"], daily.figures["reports"]) == (1, 1)
    assert daily.figures["commenters_a_day"] == pytest.approx(5 / 7)
    assert [(each["section"], each["articles"], each["comments"]) for each in daily.sections] == [
        ("politics", 1, 4),
        ("sports", 1, 1),
    ]
    assert [(each["article_id"], each["comments"]) for each in daily.most_discussed] == [
        ("a", 4),
        ("b", 1),
    ]
    assert [(each["article_id"], each["reports"]) for each in daily.most_reported] == [("a", 1)]
    assert (weekly.site, weekly.figures["comments"], weekly.before["comments"]) == ("weekly", 0, 1)
    assert (weekly.sections, weekly.most_discussed) == ([], [])


def test_a_day_that_goes_on_is_said_to_go_on(room: Newsroom) -> None:
    now = datetime(2026, 5, 5, 20, tzinfo=UTC)
    (daily,) = reports(room.connection, now, UTC_ZONE, text="2026-05-05", kind=Kind.DAY)
    assert (daily.figures["comments"], daily.before["comments"], daily.is_over) == (2, 1, False)


def test_a_week_that_goes_on_has_means_over_its_days_so_far(room: Newsroom) -> None:
    now = datetime(2026, 5, 6, 20, tzinfo=UTC)
    daily, _ = reports(room.connection, now, UTC_ZONE, text="2026-W19")
    assert daily.figures["commenters_a_day"] == pytest.approx(5 / 3)
    assert daily.before["commenters_a_day"] == pytest.approx(1 / 7)


def test_only_periods_that_are_over_are_compared(
    room: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(now: datetime) -> list[list[str]]:
        (daily,) = reports(room.connection, now, UTC_ZONE, text="2026-05-05", kind=Kind.DAY)
        report_command._print(daily)
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    going_on = printed(datetime(2026, 5, 5, 20, tzinfo=UTC))
    assert " ".join(going_on[1]).endswith("this day is not over, so no change is shown")
    assert going_on[3] == ["day", "day", "before"]
    assert ["people", "2", "1"] in going_on
    over = printed(datetime(2026, 5, 6, 20, tzinfo=UTC))
    assert over[3] == ["day", "day", "before", "change"]
    assert ["people", "2", "1", "+100%"] in over


def test_it_reads_well_for_whoever_sees_metrics_alone(
    room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.abuse()["reports"] == 1
    btl = as_role("btl_reader", database_url, monkeypatch)
    lines = btl("report", "--week", "2026-W19", "--site", "daily").splitlines()
    assert lines[:2] == ["daily, week 2026-W19", "2026-05-04 to 2026-05-10, UTC"]
    assert any(line.split() == ["comments", "5", "1", "+400%"] for line in lines)
    assert "Most reported" in lines
    heads = [line for line in lines if line.startswith(("reactions", "section", "headline"))]
    assert len(heads) == 4
    assert all("reactions added" in line for line in heads)
    document = json.loads(btl("report", "2026-W19", "--json"))
    assert [each["site"] for each in document] == ["daily", "weekly"]
    assert btl("report", "2020-W01") == (
        "Nothing happened on any site in week 2020-W01 (2019-12-30 to 2020-01-05), or in the week"
        " before. Figures: 2026-05-01 to 2026-05-10.\n"
    )
    assert "site weekly in month 2020-01" in btl("report", "2020-01", "--site", "weekly")


def test_what_can_not_be_reported_is_said(
    room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.abuse()["reports"] == 1
    btl: Btl = as_role("btl_reader", database_url, monkeypatch)
    with pytest.raises(BelowTheLineError, match="no figures of site 'dailly'") as refused:
        btl("report", "2026-W19", "--site", "dailly")
    assert refused.value.hint == "Did you mean daily? These exist: daily, weekly."
    with pytest.raises(BelowTheLineError, match="--day and --week exclude each other"):
        btl("report", "--day", "--week")
