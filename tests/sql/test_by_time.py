"""The figures by hour, by day, of sections and of sites, hand-computed."""

from datetime import date
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.metrics import statements
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.drift import drift
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.metrics.units import compute_articles
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

FIGURES = ("comments", "replies", "unique_commenters", "reactions", "reports", "rejected", "late")


def rows(room: Newsroom, query: LiteralString) -> list[dict[str, Any]]:
    with room.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def figures(row: dict[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in FIGURES if row[name]}


def compute(room: Newsroom, time_zone: str = "UTC") -> None:
    room.connection.execute(
        "insert into ingest.dirty_articles (article_id) select article_id from"
        " discussion.known_articles"
    )
    recompute_dirty(room.connection, time_zone=time_zone)


def place(room: Newsroom, article: str, section: str | None, site: str = "daily") -> None:
    """The article as its content says."""
    room.connection.execute(
        "insert into discussion.articles (article_id, site, section) values (%s, %s, %s)"
        " on conflict (article_id) do update set site = excluded.site, section = excluded.section",
        [article, site, section],
    )


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """Two articles of one section; comments around midnight in Vienna, which is 22:00 UTC in
    May.
    """
    for article in ("a", "b"):
        newsroom.publish("05-01 10:00", article=article, window_hours=240)
        place(newsroom, article, "politics")
    newsroom.comment("c1", "05-01 21:30", user="u1")
    newsroom.comment("c2", "05-01 22:30", user="u1", parent="c1")
    newsroom.comment("c3", "05-01 22:45", user="u2")
    newsroom.comment("late", "05-20 12:00", user="u3")
    newsroom.comment("c1", "05-01 22:50", user="u1", article="b")
    newsroom.report("p1", "05-01 23:10", user="r1")
    newsroom.report("p2", "05-02 09:00", user="r1")
    newsroom.moderate("c3", "rejected", "05-03 08:00")
    newsroom.react("c1", "05-02 07:59")
    newsroom.close("06-01 00:00")
    return newsroom


def test_everything_counts_in_the_hour_in_which_it_happened(room: Newsroom) -> None:
    compute(room)
    of_a = rows(room, "select * from metrics.article_hourly where article_id = 'a'")
    found = {row["hour"]: figures(row) for row in of_a}
    assert found == {
        t("05-01 21:00"): {"comments": 1, "unique_commenters": 1},
        t("05-01 22:00"): {"comments": 2, "replies": 1, "unique_commenters": 2},
        t("05-01 23:00"): {"reports": 1},
        t("05-02 07:00"): {"reactions": 1},
        t("05-03 08:00"): {"rejected": 1},
        t("05-20 12:00"): {"late": 1},
    }


def test_days_begin_at_the_sites_midnight(room: Newsroom) -> None:
    compute(room, "Europe/Vienna")
    found = rows(room, "select * from metrics.article_daily where article_id = 'a' order by day")
    assert [(row["day"], figures(row)) for row in found] == [
        (date(2026, 5, 1), {"comments": 1, "unique_commenters": 1}),
        (
            date(2026, 5, 2),
            {"comments": 2, "replies": 1, "unique_commenters": 2, "reactions": 1, "reports": 1},
        ),
        (date(2026, 5, 3), {"rejected": 1}),
        (date(2026, 5, 20), {"late": 1}),
    ]
    assert {(row["site"], row["section"], row["time_zone"]) for row in found} == {
        ("daily", "politics", "Europe/Vienna")
    }


@pytest.mark.parametrize("table", ["section_daily", "site_daily"])
def test_a_reader_who_writes_under_two_articles_is_one_commenter_of_their_section(
    room: Newsroom, table: str
) -> None:
    compute(room, "Europe/Vienna")
    found = {row["day"]: row for row in rows(room, f"select * from metrics.{table}")}
    second = found[date(2026, 5, 2)]
    assert second["articles"] == 2
    assert figures(second) == {
        "comments": 3,
        "replies": 1,
        "unique_commenters": 2,
        "reactions": 1,
        "reports": 1,
    }
    assert {*found} == {date(2026, 5, day) for day in (1, 2, 3, 20)}


def test_an_article_that_moves_takes_its_days_along(room: Newsroom) -> None:
    compute(room)
    place(room, "b", None)
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('b')")
    summary = recompute_dirty(room.connection)
    assert summary.section_days == 2
    found = rows(
        room,
        "select section, day, comments from metrics.section_daily where comments > 0 order by"
        " section, day",
    )
    assert found == [
        {"section": "politics", "day": date(2026, 5, 1), "comments": 3},
        {"section": None, "day": date(2026, 5, 1), "comments": 1},
    ]
    assert rows(room, "select comments, articles from metrics.site_daily where comments > 0") == [
        {"comments": 4, "articles": 2}
    ]


def test_another_reader_on_the_same_day_changes_the_section_though_no_figure_of_the_article(
    room: Newsroom,
) -> None:
    compute(room)
    query = "select unique_commenters from metrics.section_daily where day = '2026-05-01'"
    assert rows(room, query) == [{"unique_commenters": 2}]
    room.connection.execute(
        "update discussion.comments set user_id = 'u9' where article_id = 'b' and comment_id = 'c1'"
    )
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('b')")
    assert recompute_dirty(room.connection).section_days == 1
    assert rows(room, query) == [{"unique_commenters": 3}]


def people_of_days(room: Newsroom) -> dict[tuple[str | None, date], int]:
    """Return the people of each section's day; section "site": of the whole site."""
    return {
        (row["section"], row["day"]): row["unique_commenters"]
        for row in rows(
            room,
            "select section, day, unique_commenters from metrics.section_daily union all"
            " select 'site', day, unique_commenters from metrics.site_daily",
        )
    }


def marked_parts(connection: psycopg.Connection, article: str) -> list[tuple[date, int]]:
    """Compute the article; return each marked day, and how many parts of its people are marked."""
    connection.execute("insert into ingest.dirty_articles (article_id) values (%s)", [article])
    statements.prepare(connection)
    with connection.transaction():
        compute_articles(connection, [article], "UTC")
    return connection.execute(
        "select day, length(replace(bit_or(parts)::text, '0', '')) from ingest.dirty_days"
        " group by day"
    ).fetchall()


def test_one_who_is_gone_from_one_of_two_articles_still_counts(room: Newsroom) -> None:
    first = date(2026, 5, 1)
    compute(room)
    for article, left in (("b", 2), ("a", 1)):
        room.connection.execute(
            "delete from discussion.comments where article_id = %s and user_id = 'u1'", [article]
        )
        room.connection.execute(
            "insert into ingest.dirty_articles (article_id) values (%s)", [article]
        )
        recompute_dirty(room.connection)
        found = people_of_days(room)
        assert (found["politics", first], found["site", first]) == (left, left)
        assert drift(room.connection, None, time_zone="UTC") == []


def test_of_two_sections_with_the_same_reader_one_may_lose_them(room: Newsroom) -> None:
    place(room, "b", "sport")
    compute(room)
    first = date(2026, 5, 1)
    found = people_of_days(room)
    assert [found[section, first] for section in ("politics", "sport", "site")] == [2, 1, 2]
    room.comment("c4", "05-01 20:00", user="u4", article="b")
    room.connection.execute(
        "delete from discussion.comments where article_id = 'b' and user_id = 'u1'"
    )
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('b')")
    recompute_dirty(room.connection)
    found = people_of_days(room)
    assert [found[section, first] for section in ("politics", "sport", "site")] == [2, 1, 3]
    place(room, "b", "politics")
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('b')")
    recompute_dirty(room.connection)
    found = people_of_days(room)
    assert ("sport", first) not in found
    assert [found[section, first] for section in ("politics", "site")] == [3, 3]
    assert drift(room.connection, None, time_zone="UTC") == []


@pytest.mark.parametrize(
    ("user", "parts"),
    [("u1", 0), ("u9", 1)],
    ids=["one who is counted already", "one more person"],
)
def test_one_more_comment_counts_the_part_of_its_author_again_and_nobody_else(
    room: Newsroom, user: str, parts: int
) -> None:
    compute(room)
    before = people_of_days(room)["site", date(2026, 5, 1)]
    room.comment("one more", "05-01 21:40", user=user)
    connection = room.connection
    assert marked_parts(connection, "a") == [(date(2026, 5, 1), parts)]
    # Figures of other parts are kept as they are: nobody looks at them.
    connection.execute(
        "update metrics.daily_commenters set people = (select array_agg(case when number - 1 ="
        " metrics.people_part('u9') then 0 else 1 end order by number) from generate_series(1, 64)"
        " as number) where day = '2026-05-01'"
    )
    recompute_dirty(connection)
    after = people_of_days(room)
    assert after["politics", date(2026, 5, 1)] == after["site", date(2026, 5, 1)] == 63 + parts
    rebuild_all(connection)
    assert people_of_days(room)["site", date(2026, 5, 1)] == before + parts


def test_ten_thousand_new_people_mark_all_parts_and_are_counted(room: Newsroom) -> None:
    compute(room)
    room.connection.execute(
        "insert into discussion.comments (article_id, comment_id, user_id, display_name, role,"
        " posted_at, held, first_body, posted_version) select 'a', 'many ' || number, 'many ' ||"
        " number, 'A', 'reader', '2026-05-01 12:00Z', false, '', '1' from generate_series(1, 10000)"
        " as number"
    )
    assert marked_parts(room.connection, "a") == [(date(2026, 5, 1), 64)]
    recompute_dirty(room.connection)
    found = people_of_days(room)
    assert [found[section, date(2026, 5, 1)] for section in ("politics", "site")] == [10_002] * 2
    assert drift(room.connection, None, time_zone="UTC") == []


def test_an_article_whose_publication_is_not_known_is_of_no_site(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 12:00")
    compute(newsroom)
    assert rows(newsroom, "select site, section, comments from metrics.article_daily") == [
        {"site": None, "section": None, "comments": 1}
    ]
    assert rows(newsroom, "select * from metrics.site_daily") == []


def test_a_run_that_changes_no_figure_computes_no_section(room: Newsroom) -> None:
    compute(room)
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('a'), ('b')")
    summary = recompute_dirty(room.connection)
    assert (summary.articles, summary.section_days, summary.reporters) == (2, 0, 0)


def test_what_is_gone_from_an_article_is_gone_from_its_section(room: Newsroom) -> None:
    compute(room)
    room.connection.execute(
        "delete from discussion.comments where article_id = 'a' and comment_id = 'late'"
    )
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    recompute_dirty(room.connection)
    for table in ("article_hourly", "article_daily", "section_daily", "site_daily"):
        assert rows(room, f"select * from metrics.{table} where late > 0") == []


SUMS = {
    "comments": "comments_published",
    "replies": "replies",
    "reactions": "reactions_added",
    "late": "late_comments",
    "reports": "reports",
    "rejected": "rejected",
}


@pytest.mark.parametrize("table", ["article_hourly", "article_daily"])
def test_each_column_sums_to_the_figure_of_the_article(room: Newsroom, table: str) -> None:
    compute(room)
    for article in ("a", "b"):
        whole = room.engagement(article) | room.abuse(article)
        of_article = [
            row
            for row in rows(room, f"select * from metrics.{table}")
            if row["article_id"] == article
        ]
        for column, figure in SUMS.items():
            assert sum(row[column] for row in of_article) == whole[figure], (article, column)
    assert room.abuse()["reports"] == 1


def test_a_round_counts_when_the_report_that_counts_was_made_not_when_its_earliest_was(
    newsroom: Newsroom,
) -> None:
    newsroom.comment("c1", "05-01 12:00")
    newsroom.report("told first", "05-02 14:00")
    newsroom.report("made first", "05-02 10:00")
    newsroom.connection.execute(
        "update discussion.reports set reported_version = '\\x00' where report_id = 'told first'"
    )
    newsroom.compute()
    found = newsroom.connection.execute(
        "select hour from metrics.article_hourly where article_id = 'a' and reports = 1"
    ).fetchall()
    assert found == [(t("05-02 14:00"),)]
