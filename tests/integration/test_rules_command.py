"""``btl rules`` and ``btl discussion`` over a real database: what they print, write, count and
refuse.
"""

import getpass
import json
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from below_the_line.closing import rules
from below_the_line.closing.windows import apply_windows
from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from tests.commands import Btl
from tests.pipeline import Pipeline
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack
NOTE = ("--retroactive", "--note", "the desk is away")


@pytest.fixture
def newsroom(connection: psycopg.Connection) -> Newsroom:
    """Three articles of 05-01 10:00 with comments; a closing run went up to 05-05."""
    room = Newsroom(connection)
    for article, section in (("politics", "politics"), ("sports", "sports"), ("own", "sports")):
        room.publish(
            "05-01 10:00",
            article=article,
            section=section,
            window_hours=24 if article == "own" else None,
        )
        room.comment(f"{article}-1", "05-01 12:00", article=article)
        room.comment(f"{article}-2", "05-04 12:00", article=article)
    passed(connection, "2026-05-05T00:00:00Z")
    room.close("05-05 00:00")
    return room


@pytest.fixture
def btl(
    newsroom: Newsroom,  # noqa: ARG001
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Btl:
    return Btl(
        Settings.model_validate({"database_url": database_url, "site_timezone": "Europe/Vienna"}),
        monkeypatch,
    )


def passed(connection: psycopg.Connection, cut_off: str) -> None:
    connection.execute(
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off,"
        " passed_at) select %(at)s, 'r', 'g', passed.at, passed.at, passed.at from (select"
        " %(at)s::text::timestamptz as at) as passed",
        {"at": cut_off},
    )


def everything(connection: psycopg.Connection) -> list[Any]:
    """All that a dry run must leave alone."""
    return [
        connection.execute(f"select t::text from {table} as t order by 1".encode()).fetchall()
        for table in (
            "discussion.closing_rules",
            "discussion.windows",
            "discussion.window_intervals",
            "ingest.dirty_windows",
            "ingest.dirty_articles",
            "ingest.barriers",
            "ingest.outbox",
        )
    ]


def test_a_rule_is_added_with_who_and_why_and_holds_from_now_on(
    btl: Btl, connection: psycopg.Connection
) -> None:
    said = btl(
        "rules",
        "set",
        "48h",
        "--section",
        "sports",
        "--reactions",
        "3d",
        "--note",
        "short and sweet",
    )
    row = connection.execute(
        "select rule_id, scope, site, section, window_hours, reactions_window_hours, created_by,"
        " note, retroactive, valid_from = created_at from discussion.closing_rules order by rule_id"
        " desc"
    ).fetchone()
    assert row is not None
    assert row[1:] == (
        "section",
        None,
        "sports",
        48,
        72,
        getpass.getuser(),
        "short and sweet",
        False,
        True,
    )
    assert f"Rule {row[0]}, made by {getpass.getuser()}: section sports of every site" in said
    assert "close after 2 days, reactions count 3 days longer" in said
    # Published before: none of its business.
    assert connection.execute("select count(*) from ingest.dirty_windows").fetchone() == (0,)


def test_a_site_or_section_that_nobody_knows_is_noticed(btl: Btl, newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", article="one", site="daily", section="sports")
    for options in ((), ("--dry-run",)):
        said = btl("rules", "set", "2d", "--section", "sport", *options)
        assert "No article of section sport of every site is known yet" in said
        assert "is known yet" not in btl(
            "rules", "set", "2d", "--section", "sports", "--site", "daily", *options
        )
    assert "No article of site weekly is known yet" in btl("rules", "set", "2d", "--site", "weekly")
    assert "is known yet" not in btl("rules", "set", "2d")


def test_a_rule_for_the_past_must_be_meant(btl: Btl, connection: psycopg.Connection) -> None:
    before = everything(connection)
    with pytest.raises(
        BelowTheLineError,
        match=r"from 2026-04-30 22:00:00 UTC on .*published already.*--retroactive.*--note",
    ):
        btl("rules", "set", "48h", "--valid-from", "2026-05-01")
    # What it would change is asked before it is meant.
    rehearsed = btl("rules", "set", "48h", "--valid-from", "2026-05-01", "--dry-run")
    assert rehearsed.splitlines()[-1].endswith(
        "to add it, give --retroactive and the reason (--note)."
    )
    assert btl("rules", "set", "48h", "--valid-from", "2999-05-01", "--dry-run").endswith(
        "nothing was changed.\n"
    )
    with pytest.raises(BelowTheLineError, match="needs a reason"):
        btl("rules", "set", "48h", "--valid-from", "2026-05-01", "--retroactive")
    assert everything(connection) == before


def test_a_rule_for_the_past_says_so_and_is_applied_on_request(
    btl: Btl, newsroom: Newsroom, connection: psycopg.Connection, pipeline: Pipeline
) -> None:
    said = btl(
        "rules",
        "set",
        "2d",
        "--section",
        "sports",
        "--site",
        "daily",
        "--by",
        "chief",
        "--valid-from",
        "beginning",
        *NOTE,
    )
    assert "published at any time" in said
    assert "`btl rules apply` applies it now" in said
    assert connection.execute(
        "select created_by, note, retroactive, valid_from = '-infinity' from"
        " discussion.closing_rules order by rule_id desc limit 1"
    ).fetchone() == ("chief", "the desk is away", True, True)
    assert newsroom.window("sports")["state"] == "open"
    done = pipeline.btl("rules", "apply")
    assert done.returncode == 0, done.stderr
    assert "up to 2026-05-05 00:00:00 UTC, the last barrier" in done.stdout
    assert "2 computed, 2 changed, 1 now closed" in done.stdout
    assert done.stderr == ""
    window = newsroom.window("sports")
    assert (window["state"], window["closed_at"]) == ("closed", t("05-03 10:00"))


def test_applying_never_goes_beyond_the_last_barrier_that_passed(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    connection.execute(
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off)"
        " values ('waiting', 'r', 'g', '2026-06-01', '2026-06-01')"
    )
    newsroom.rule(48)
    assert rules.apply_now(connection).cut_off == t("05-05 00:00")
    assert newsroom.window("politics")["closed_at"] == t("05-03 10:00")
    connection.execute("delete from ingest.barriers where passed_at is not null")
    with pytest.raises(BelowTheLineError, match="No barrier has passed yet"):
        rules.apply_now(connection)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        # politics and sports close on 05-03 instead of 05-15, and each loses a comment; own goes by
        # its own setting, except for its reactions.
        (
            ["2d"],
            {
                "articles": 3,
                "moved": 3,
                "closed": 2,
                "reopened": 0,
                "become_late": 2,
                "become_in_time": 0,
            },
        ),
        (
            ["2d", "--reactions", "168h", "--section", "sports"],
            {"articles": 2, "moved": 1, "closed": 1, "become_late": 1},
        ),
        (["4d", "--section", "sports"], {"articles": 2, "moved": 1, "closed": 0, "become_late": 0}),
        (["14d"], {"articles": 3, "moved": 0, "closed": 0}),
        (["2d", "--site", "weekly"], {"articles": 0, "moved": 0}),
    ],
    ids=["all", "section", "still open", "as it was", "another site"],
)
@pytest.mark.parametrize("bucket", [1, 2_000])
def test_a_dry_run_counts_what_applying_would_change_and_leaves_nothing(
    btl: Btl,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: dict[str, int],
    bucket: int,
) -> None:
    monkeypatch.setattr(rules.dry_run, "__kwdefaults__", {"bucket": bucket})
    if arguments == ["2d"]:
        arguments = [*arguments, "--reactions", "24h"]
    before = everything(connection)
    options = ("--valid-from", "beginning", *NOTE)
    counted = json.loads(btl("rules", "set", *arguments, *options, "--dry-run", "--json"))
    assert everything(connection) == before
    assert {name: counted[name] for name in expected} == expected
    assert counted["cut_off"] == "2026-05-05T00:00:00+00:00"
    said = btl("rules", "set", *arguments, *options, "--dry-run")
    assert f"{expected['moved']:>10,} windows that move" in said
    assert "Dry run: nothing was changed." in said

    # Now in earnest: what is stored changes as was foretold.
    def late() -> int:
        row = connection.execute("select count(*) from discussion.late_comments").fetchone()
        assert row is not None
        return int(row[0])

    late_before = late()
    btl("rules", "set", *arguments, *options)
    summary = apply_windows(connection, t("05-05 00:00"))
    assert summary.now == ({"closed": counted["closed"]} if counted["closed"] else {})
    assert late() - late_before == counted["become_late"] - counted["become_in_time"]


def test_a_longer_window_reopens_and_takes_lateness_back(
    btl: Btl, newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.rule(24)
    apply_windows(connection, t("05-05 00:00"))
    assert connection.execute("select count(*) from discussion.late_comments").fetchone() == (3,)
    counted = json.loads(
        btl(
            "rules",
            "set",
            "20d",
            "--section",
            "politics",
            "--valid-from",
            "2026-05-01",
            *NOTE,
            "--dry-run",
            "--json",
        )
    )
    assert {name: counted[name] for name in counted if name != "cut_off"} == {
        "articles": 1,
        "moved": 1,
        "closed": 0,
        "reopened": 1,
        "become_late": 0,
        "become_in_time": 1,
        "needs_retroactive": True,
    }


def test_a_dry_run_leaves_out_articles_that_a_narrower_rule_decides(
    btl: Btl, newsroom: Newsroom
) -> None:
    newsroom.rule(72, section="sports")
    counted = json.loads(
        btl("rules", "set", "2d", "--valid-from", "beginning", *NOTE, "--dry-run", "--json")
    )
    assert (counted["articles"], counted["moved"], counted["closed"]) == (1, 1, 1)


def test_the_list_says_which_rule_is_in_force_for_which_articles(btl: Btl) -> None:
    btl("rules", "set", "2d", "--valid-from", "beginning", *NOTE)
    btl("rules", "set", "3d", "--valid-from", "2026-01-01T00:00:00Z", *NOTE)
    btl("rules", "set", "4d", "--valid-from", "2100-01-01T00:00:00Z")
    btl("rules", "set", "5d", "--section", "sports")
    found = json.loads(btl("rules", "list", "--json"))
    assert [(rule["window_hours"], rule["standing"], rule["valid_until"]) for rule in found] == [
        (336, "superseded", None),
        (48, "superseded for later articles", "2026-01-01T00:00:00+00:00"),
        (72, "in force", "2100-01-01T00:00:00+00:00"),
        (96, "not yet in force", None),
        (120, "in force", None),
    ]
    said = btl("rules", "list")
    assert "from 2026-01-01 01:00:00 CET until 2100-01-01 01:00:00 CET" in said
    assert "section sports of every site" in said
    assert "the desk is away" in said


def test_explain_names_what_decides_and_when_it_closes_in_both_zones(
    btl: Btl, newsroom: Newsroom
) -> None:
    newsroom.override("hold", "05-02 00:00", article="politics")
    newsroom.override("release", "05-03 00:00", article="politics")
    newsroom.override("extend", "05-03 12:00", "06-01 00:00", article="politics")
    said = btl("rules", "explain", "politics")
    lines = said.splitlines()
    assert "closes      2026-06-01 02:00:00 CEST (2026-06-01 00:00:00 UTC)" in said
    assert "decided by  extend by editor (other)" in said
    assert "reactions   count until 2026-06-08 02:00:00 CEST (2026-06-08 00:00:00 UTC)" in said
    assert any(
        line.startswith(
            "2026-05-02 02:00:00 CEST  2026-05-02 00:00:00 UTC  not accepted  hold by editor"
        )
        for line in lines
    )
    assert any(
        "extend by editor (other), after release by editor (other)" in line for line in lines
    )
    assert "The tables say: open. The next run of close_discussions brings them up to date" in said
    document = json.loads(btl("rules", "explain", "politics", "--json"))
    assert [piece["cause"] for piece in document["timeline"]] == [
        "extend",
        "hold",
        "extend",
        "extend",
    ]
    assert [event["kind"] for event in document["events"]] == [
        "published",
        "hold",
        "release",
        "extend",
    ]
    assert (document["state"], document["closes_at"]) == ("open", "2026-06-01T00:00:00+00:00")

    newsroom.close("05-05 00:00")
    assert "The tables say" not in btl("rules", "explain", "politics")


def test_explain_names_the_articles_own_setting_and_its_event(btl: Btl) -> None:
    said = btl("rules", "explain", "own")
    assert "closed since 2026-05-02 12:00:00 CEST (2026-05-02 10:00:00 UTC)" in said
    assert "decided by  end of the article's own window of 1 day, published event" in said


def test_explain_names_the_versions_that_set_the_publication_time(
    btl: Btl, newsroom: Newsroom
) -> None:
    assert "first given" not in btl("rules", "explain", "own")
    newsroom.publish("05-03 09:00", article="wrong", published_at="2016-05-03 09:00")
    newsroom.update("05-03 09:01", article="wrong", published_at="05-03 09:00", corrected=True)
    newsroom.update("05-04 09:00", article="wrong", published_at="05-04 09:00")
    said = btl("rules", "explain", "wrong")
    assert "published   2026-05-03 11:00:00 CEST (2026-05-03 09:00:00 UTC)" in said
    changes = [line.strip() for line in said.splitlines() if " by " in line and ": " in line][:2]
    assert changes[0].startswith("2026-05-03 11:00:00 CEST: corrected by updated event ")
    assert changes[1].startswith("2016-05-03 11:00:00 CEST: first given by published event ")
    document = json.loads(btl("rules", "explain", "wrong", "--json"))
    assert document["published_at"] == "2026-05-03T09:00:00+00:00"
    assert [change["cause"] for change in document["published_at_changes"]] == [
        "first",
        "corrected",
    ]
    assert [event["published_at_corrected"] for event in document["events"]] == [None, True, None]


def test_explain_and_picture_agree_with_what_is_stored(btl: Btl, newsroom: Newsroom) -> None:
    newsroom.override("reopen", "05-20 00:00", article="sports")
    newsroom.publish("05-02 00:00", article="dateless", published_at=None)
    newsroom.close("05-05 00:00")
    for article in ("politics", "sports", "own", "dateless"):
        stored = newsroom.window(article)
        for command in (("rules", "explain"), ("discussion",)):
            told = json.loads(btl(*command, article, "--json"))
            assert told["state"] == stored["state"]
            for name in ("closes_at", "closed_at"):
                assert told[name] == (stored[name] and stored[name].isoformat())


def test_of_an_article_without_an_event_of_its_own_it_is_told_what_lies_below_it(
    btl: Btl, connection: psycopg.Connection
) -> None:
    connection.execute(
        "insert into discussion.comments (article_id, comment_id) values ('bare', '1'), ('bare',"
        " '2')"
    )
    connection.execute(
        "insert into discussion.reports (article_id, comment_id, report_id) values ('bare', '2',"
        " '1')"
    )
    for command in (["rules", "explain", "bare"], ["discussion", "bare"]):
        with pytest.raises(
            BelowTheLineError,
            match=r"'bare', only 2 comments and 1 report below it.*article\.published",
        ):
            btl(*command)


def test_an_unknown_article_is_no_traceback(btl: Btl) -> None:
    for command in (["rules", "explain", "nothing"], ["discussion", "nothing"]):
        with pytest.raises(BelowTheLineError, match="No event has named the article 'nothing'"):
            btl(*command)


def test_a_discussion_is_drawn_in_as_many_columns_as_the_terminal_has(
    btl: Btl, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        newsroom.comment(f"x{number}", f"05-01 {13 + number // 8}:{number % 8:02}", article="own")
    newsroom.report("p1", "05-01 14:00", comment="x1", article="own")
    newsroom.report("p2", "05-01 14:30", comment="x1", article="own", user="r2")
    newsroom.withdraw("p2", "05-01 15:00", comment="x1", article="own")
    for columns in (40, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        said = btl("discussion", "own")
        drawn = {
            line[:10].strip(): line[10:]
            for line in said.splitlines()
            if line[:10].strip() in ("comments", "open")
        }
        assert len(drawn["open"]) <= columns - 10
        assert len(drawn["open"]) > (columns - 10) // 4
        assert "█" in drawn["comments"]
        assert "42 comments, 1 of them late; 1 report." in said
        assert "2026-05-01 12:00:00 CEST (2026-05-01 10:00:00 UTC)  opened" in said
        assert "closed  end of the article's own window of 1 day" in said
    document = json.loads(btl("discussion", "own", "--json"))
    assert sum(step["comments"] for step in document["steps"]) == 42
    assert sum(step["late"] for step in document["steps"]) == 1
    assert [change["what"] for change in document["changes"]] == ["opened", "closed"]


def test_a_comment_before_the_opening_is_not_drawn_as_late(btl: Btl, newsroom: Newsroom) -> None:
    newsroom.publish("05-01 08:00", published_at="05-01 10:00", article="off", enabled=False)
    newsroom.comment("early", "05-01 09:00", article="off")
    newsroom.comment("late", "05-01 10:00", article="off")
    newsroom.close("05-05 00:00")
    document = json.loads(btl("discussion", "off", "--json"))
    assert sum(step["late"] for step in document["steps"]) == 1
    assert document["steps"][0]["late"] == 0


@pytest.mark.usefixtures("newsroom")
@pytest.mark.parametrize(
    ("role", "may_set"),
    [("btl_owner", True), ("btl_scheduler", True), ("btl_ingest", False), ("btl_reader", False)],
)
def test_the_scheduler_and_the_owner_may_make_rules_others_are_told_who_may(
    database_url: str, monkeypatch: pytest.MonkeyPatch, role: str, may_set: bool
) -> None:
    btl = Btl(
        Settings.model_validate(
            {"database_url": make_conninfo(database_url, options=f"-c role={role}")}
        ),
        monkeypatch,
    )
    monkeypatch.setattr("btl.cli.database.require_current", lambda _url: None)
    monkeypatch.setattr(
        "btl.cli.database.connect",
        lambda url, **_options: psycopg.connect(url, autocommit=True),
    )
    for command in (
        ["rules", "set", "2d", "--valid-from", "beginning", *NOTE, "--dry-run"],
        ["rules", "set", "2d"],
        ["rules", "list"],
        ["rules", "explain", "own"],
        ["discussion", "own"],
    ):
        if may_set:
            assert btl(*command)
        else:
            with pytest.raises(
                BelowTheLineError, match=r"permission denied .* btl_scheduler closes"
            ):
                btl(*command)
