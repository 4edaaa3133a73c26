"""The depth of threads, in max_depth and in discussion_thread: hand-computed cases, random forests
against a plain model, and the time that deep threads take.
"""

import random
from collections.abc import Mapping

import psycopg
import pytest

from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack

Parents = Mapping[str, str | None]
"""Every posted comment and the parent that it names."""

CHAIN = 20_000
WALKED = 32
"""Levels that sql/metrics/stage/depths.sql walks before it leaves an article to the function."""


def chain(comments: int) -> dict[str, str | None]:
    return {f"c{each}": f"c{each - 1}" if each > 1 else None for each in range(1, comments + 1)}


@pytest.mark.parametrize(
    ("parents", "depth"),
    [
        pytest.param({"c1": None}, 1, id="top"),
        pytest.param({"c1": None, "c2": "c1", "c3": "c2"}, 3, id="thread"),
        pytest.param(chain(WALKED), WALKED, id="as deep as is walked"),
        pytest.param(chain(WALKED + 1), WALKED + 1, id="deeper than is walked"),
        pytest.param({"c2": "missing"}, 2, id="missing parent"),
        pytest.param({"c2": "missing", "c3": "c2", "c4": "c3"}, 4, id="below a missing parent"),
        pytest.param({"c1": "c1"}, 1, id="own parent"),
        pytest.param(
            {"c1": "c1", "c2": "c1", "c3": "c2", "c4": "c1"}, 3, id="below its own parent"
        ),
        pytest.param({"c1": "c2", "c2": "c1"}, 2, id="circle of two"),
        pytest.param(
            {"c1": "c2", "c2": "c1", "c3": "c1", "c4": "c3"}, 4, id="below a circle of two"
        ),
        pytest.param({"c1": "c2", "c2": "c3", "c3": "c1"}, 3, id="circle of three"),
        pytest.param(
            {"c1": "c2", "c2": "c3", "c3": "c1", "c4": "c1", "c5": "c4", "c6": "c2"},
            5,
            id="below a circle of three",
        ),
        pytest.param(
            {"a1": "a2", "a2": "a1", "b1": "b2", "b2": "b3", "b3": "b1", "a3": "a1", "c1": None},
            3,
            id="two circles",
        ),
        pytest.param(
            {"c1": "c1", "d1": None, "d2": "d1", "d3": "d2"}, 3, id="a thread beside a circle"
        ),
    ],
)
def test_depth_counts_the_comments_met_walking_up(
    newsroom: Newsroom, parents: Parents, depth: int
) -> None:
    for comment, parent in parents.items():
        newsroom.comment(comment, "05-01 10:00", parent=parent)
    newsroom.compute()
    assert newsroom.engagement()["max_depth"] == depth
    assert max(shown_depths(newsroom.connection)["a"].values()) == depth


def test_only_published_comments_have_a_depth_that_counts(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00", parent="c2")
    newsroom.comment("c2", "05-01 10:00", parent="c1", held=True)
    newsroom.comment("c3", "05-01 10:00", parent="c2", held=True)
    newsroom.compute()
    assert newsroom.engagement()["max_depth"] == 2


def shown_depths(connection: psycopg.Connection) -> dict[str, dict[str, int]]:
    """Return what discussion_thread says: the depth of each comment of each article."""
    shown: dict[str, dict[str, int]] = {}
    for article, comment, at in connection.execute(
        "select article_id, comment_id, depth from discussion.discussion_thread"
    ):
        shown.setdefault(article, {})[comment] = at
    return shown


def depth(parents: Parents, comment: str) -> int:
    """Walk up and count the comments met."""
    met: list[str] = []
    at: str | None = comment
    while at is not None and at in parents and at not in met:
        met.append(at)
        at = parents[at]
    return len(met) + (at is not None and at not in parents)


def random_parents(chance: random.Random) -> dict[str, str | None]:
    """Comments under one article: deep and shallow threads, missing parents, circles."""
    comments = [f"c{number}" for number in range(chance.choice([1, 2, 3, 5, 8, 20, 50]))]
    chance.shuffle(comments)
    roots, strays = chance.random() * 0.4, chance.random() * 0.5
    parents: dict[str, str | None] = {}
    for place, comment in enumerate(comments):
        kind = chance.random()
        if kind < roots:
            parents[comment] = None
        elif kind < roots + 0.05:
            parents[comment] = f"missing {chance.randrange(3)}"
        elif chance.random() < strays:
            parents[comment] = chance.choice(comments)
        else:
            # One of the last: a deep thread, sometimes below itself.
            parents[comment] = chance.choice(comments[max(0, place - 2) : place + 1])
    return parents


@pytest.mark.parametrize("seed", range(5))
def test_random_threads_with_circles_are_as_deep_as_walking_up_says(
    newsroom: Newsroom, connection: psycopg.Connection, seed: int
) -> None:
    chance = random.Random(seed)
    articles = {f"a{number}": random_parents(chance) for number in range(60)}
    held = {
        (article, comment)
        for article in articles
        for comment in articles[article]
        if chance.random() < 0.2
    }
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into discussion.comments (article_id, comment_id, parent_comment_id, held,"
            " user_id, role, posted_at, first_body, posted_version) values (%s, %s, %s, %s, 'u',"
            " 'reader', '2026-05-01', 'text', '1')",
            [
                (article, comment, parent, (article, comment) in held)
                for article, parents in articles.items()
                for comment, parent in parents.items()
            ],
        )
    newsroom.compute()
    depths = {
        article: {each: depth(parents, each) for each in parents}
        for article, parents in articles.items()
    }
    assert shown_depths(connection) == depths
    expected = {
        article: max(
            (at for each, at in depths[article].items() if (article, each) not in held),
            default=None,
        )
        for article in articles
    }
    rows = connection.execute(
        "select article_id, max_depth from metrics.article_engagement"
    ).fetchall()
    assert dict(rows) == expected


@pytest.mark.parametrize(
    ("parent_of_the_first", "expected"),
    [
        ("null", CHAIN),
        ("'1'", CHAIN),
        ("'2'", CHAIN),
        (f"'{CHAIN}'", CHAIN),
        ("'missing'", CHAIN + 1),
    ],
    ids=[
        "plain",
        "below its own parent",
        "below a circle of two",
        "one circle",
        "below a missing parent",
    ],
)
def test_a_chain_of_twenty_thousand_replies_is_measured_in_seconds(
    newsroom: Newsroom, connection: psycopg.Connection, parent_of_the_first: str, expected: int
) -> None:
    connection.execute(
        f"""
        insert into discussion.comments
            (article_id, comment_id, parent_comment_id, user_id, role, posted_at, held, first_body,
            posted_version)
        select
            'a', number::text,
            case number when 1 then {parent_of_the_first} else (number - 1)::text end,
            'u', 'reader', '2026-05-01', false, 'text', '1'
        from generate_series(1, {CHAIN}) as number
        """.encode()
    )
    # It takes half a second; one step per reply over all comments would take more than a minute.
    connection.execute("set statement_timeout = '20s'")
    newsroom.compute()
    assert newsroom.engagement()["max_depth"] == expected
