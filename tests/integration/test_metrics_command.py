"""``btl metrics`` over a real database: what it finds, fixes, prints and rejects."""

import json

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from tests.commands import Btl
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack
ZONE = "Europe/Vienna"
NOTHING_DIFFERS = "Nothing differs.\nCompared: 2 articles.\n"
LEFT_OUT = "Not compared, because the next run of `article_metrics` has yet to compute them:"


@pytest.fixture
def room(connection: psycopg.Connection) -> Newsroom:
    """Articles of May and of June, each with a comment late on its first day in UTC; all
    computed.
    """
    newsroom = Newsroom(connection)
    for article, day in (("may", "05-01"), ("june", "06-01")):
        newsroom.publish(f"{day} 10:00", article=article)
        newsroom.comment("c1", f"{day} 22:30", article=article)
    newsroom.close("07-01 00:00")
    newsroom.compute(ZONE)
    return newsroom


@pytest.fixture
def btl(room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Btl:  # noqa: ARG001
    return Btl(
        Settings.model_validate({"database_url": database_url, "site_timezone": ZONE}), monkeypatch
    )


def spoil(room: Newsroom) -> None:
    room.connection.execute("update metrics.article_engagement set comments_visible = 7")


def test_nothing_differs_after_a_run(btl: Btl) -> None:
    for options in ((), ("--all",), ("--articles", "may, june")):
        assert btl("metrics", "drift", *options) == NOTHING_DIFFERS
    assert btl("metrics", "drift", "--sample", "1").startswith("Nothing differs.\nCompared: ")


def test_what_is_marked_is_counted_and_not_vouched_for(btl: Btl, room: Newsroom) -> None:
    spoil(room)
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('may')")
    found = btl("metrics", "drift", "--all")
    assert btl.exit_code == 1
    assert found.splitlines() == [
        "metrics.article_engagement (article_id 'june'): comments_visible is 7, computed 1",
        "1 difference: `btl metrics rebuild` repairs it. Find out what wrote the rows, or which"
        " mark was lost.",
        "Compared: 1 article.",
        f"{LEFT_OUT} 1 article.",
    ]
    room.connection.execute("update metrics.article_engagement set comments_visible = 1")
    found = btl("metrics", "drift", "--articles", "may,june")
    assert (btl.exit_code, found.splitlines()) == (
        0,
        [
            "Nothing differs.",
            "Compared: 1 article.",
            f"{LEFT_OUT} 1 article.",
            "Not compared: article 'may'.",
        ],
    )


def test_nothing_differs_is_not_said_where_all_articles_are_marked(
    btl: Btl, room: Newsroom
) -> None:
    spoil(room)
    room.connection.execute(
        "insert into ingest.dirty_articles (article_id) values ('may'), ('june')"
    )
    for options, names in (
        (("--article", "may"), ["Not compared: article 'may'."]),
        (("--all",), []),
        ((), []),
    ):
        said = btl("metrics", "drift", *options).splitlines()
        assert btl.exit_code == 1
        assert said[0] == "Compared: nothing."
        assert said[1] == f"{LEFT_OUT} {'1 article' if names else '2 articles'}."
        assert said[2:] == names
    btl("metrics", "drift", "--json")
    assert json.loads(btl.stdout) == []
    assert btl.exit_code == 1
    assert "Compared: nothing." in btl.stderr


def test_articles_that_do_not_exist_are_not_fine(btl: Btl) -> None:
    for options in (("--articles", "may,nosuch"), ("--article", "nosuch")):
        for command in ("drift", "rebuild"):
            with pytest.raises(BelowTheLineError, match="named this article: 'nosuch'"):
                btl("metrics", command, *options)


def test_differences_are_named_and_a_rebuild_of_these_articles_mends_them(
    btl: Btl, room: Newsroom
) -> None:
    spoil(room)
    found = btl("metrics", "drift", "--all")
    assert btl.exit_code == 1
    assert found.splitlines()[:2] == [
        "metrics.article_engagement (article_id 'june'): comments_visible is 7, computed 1",
        "metrics.article_engagement (article_id 'may'): comments_visible is 7, computed 1",
    ]
    assert "1 article, 0 days of sections, 0 reporters" in btl(
        "metrics", "rebuild", "--articles", "may"
    )
    assert btl("metrics", "drift", "--articles", "may").startswith("Nothing differs.\n")
    btl("metrics", "drift", "--all", "--json")
    [left] = json.loads(btl.stdout)
    assert left == {
        "table": "article_engagement",
        "key": {"article_id": "june"},
        "column": "comments_visible",
        "stored": 7,
        "computed": 1,
    }
    assert "2 articles" in btl("metrics", "rebuild")
    assert btl("metrics", "drift", "--all") == NOTHING_DIFFERS
    assert btl.exit_code == 0


def test_a_rebuild_of_a_range_takes_articles_by_their_publication(btl: Btl, room: Newsroom) -> None:
    spoil(room)
    bounds = (
        "--published-since",
        "2026-05-01T10:00:00Z",
        "--published-until",
        "2026-06-01T10:00:00Z",
    )
    assert json.loads(btl("metrics", "rebuild", *bounds, "--json"))["articles"] == 1
    assert (
        room.engagement("may")["comments_visible"],
        room.engagement("june")["comments_visible"],
    ) == (1, 7)


@pytest.mark.parametrize("option", ["--articles", "--ids"])
def test_an_article_that_nobody_knows_is_refused_before_anything_is_done(
    btl: Btl, room: Newsroom, option: str
) -> None:
    spoil(room)
    with pytest.raises(
        BelowTheLineError, match="No event has named this article: 'mai'"
    ) as refused:
        btl("metrics", "rebuild", option, "may,mai")
    assert "Nothing was done" in refused.value.hint
    assert room.engagement("may")["comments_visible"] == 7


@pytest.mark.parametrize("workers", [1, 2])
def test_figures_of_an_article_that_no_event_names_are_found_and_removed_by_its_id(
    btl: Btl, room: Newsroom, workers: int
) -> None:
    room.connection.execute(
        "create temporary table ghost as select * from metrics.article_abuse limit 1;update ghost"
        " set article_id = 'ghost'; insert into metrics.article_abuse select * from ghost"
    )
    assert "article_id 'ghost'): should not be there" in btl(
        "metrics", "drift", "--articles", "ghost"
    )
    btl("metrics", "rebuild", "--ids", "ghost", "--workers", str(workers))
    assert btl("metrics", "drift", "--all") == NOTHING_DIFFERS


def test_what_is_not_clear_is_refused(btl: Btl) -> None:
    for command in (("drift", "--articles", ""), ("rebuild", "--ids", " ,")):
        with pytest.raises(BelowTheLineError, match="names no article"):
            btl("metrics", *command)
    with pytest.raises(BelowTheLineError, match="--published-since must be before"):
        btl(
            "metrics",
            "rebuild",
            "--published-since",
            "2026-05-02T00:00:00Z",
            "--published-until",
            "2026-05-01T00:00:00Z",
        )
    with pytest.raises(BelowTheLineError, match="--all and --articles"):
        btl("metrics", "drift", "--all", "--articles", "may")


def test_ids_that_are_not_known_keep_their_order_and_one_with_commas_is_hinted_at(
    btl: Btl,
) -> None:
    with pytest.raises(BelowTheLineError) as error:
        btl("metrics", "rebuild", "--articles", "news,2026,11")
    assert "'news', '2026', '11'" in error.value.message
    assert "If an id has commas, give it by --article" in (error.value.hint or "")
