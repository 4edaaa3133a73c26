"""``btl queue`` and ``thread``, and the other commands that a moderator needs, as btl_moderator."""

import io
import json
import re

import psycopg
import pytest
from rich.console import Console

from below_the_line.errors import BelowTheLineError
from btl.cli import output
from tests.commands import Btl, as_role
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack


@pytest.fixture
def room(connection: psycopg.Connection) -> Newsroom:
    """A discussion with a reply, a late comment, a rejected one, and reports of every kind."""
    newsroom = Newsroom(connection)
    newsroom.publish("05-01 10:00")
    newsroom.article_as_published()
    newsroom.comment("c1", "05-01 12:00")
    newsroom.edit("c1", "05-01 13:00", body="edited text")
    newsroom.comment("c2", "05-01 14:00", user="u2", parent="c1")
    newsroom.comment("c3", "05-02 12:00", user="u3")
    newsroom.moderate("c3", "rejected", "05-02 13:00")
    newsroom.comment("c4", "05-20 12:00", user="u4")
    newsroom.report("p1", "05-01 15:00", note="see the second line")
    newsroom.report("p2", "05-01 16:00", user="r2", reason="harassment")
    newsroom.decide("p2", "dismissed", "05-01 17:00")
    newsroom.report("p3", "05-02 12:30", comment="c3", user="r3")
    newsroom.report("p4", "05-02 12:40", comment="c2", anonymous="x1")
    newsroom.withdraw("p4", "05-02 12:50", comment="c2")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    return newsroom


@pytest.fixture
def btl(room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Btl:  # noqa: ARG001
    """The command line of a moderator."""
    return as_role("btl_moderator", database_url, monkeypatch)


def test_the_queue_lists_open_reports_and_how_to_see_what_was_written(btl: Btl) -> None:
    document = json.loads(btl("queue", "--json"))
    assert document["waiting"] == 1
    (row,) = document["comments"]
    assert (row["comment_id"], row["open_reports"], row["reasons"], row["body"]) == (
        "c1",
        1,
        ["spam"],
        "edited text",
    )
    assert (row["weight"], row["severity"]) == (1, 1)
    text = btl("queue")
    assert "edited text" in text
    assert re.search(r"spam +\d+ d( \d+ h)? ", text)
    assert text.splitlines()[-1] == "  btl thread a --comment c1"


def test_a_narrow_queue_keeps_reasons_and_the_command_whole(
    btl: Btl, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    article, comment = "world-2026-05-20-grain-treaty", "comment-1000000001-of-the-day"
    room.publish("05-01 10:00", article=article)
    room.comment(comment, "05-01 12:00", article=article)
    room.report("q1", "05-01 13:00", article=article, comment=comment, reason="threat_violence")
    room.compute()
    file = io.StringIO()
    narrow = Console(file=file, width=80, force_terminal=True, color_system=None, highlight=False)
    monkeypatch.setattr(output, "console", lambda: narrow)
    btl("queue")
    lines = file.getvalue().splitlines()
    assert any("threat_violence" in line for line in lines)
    assert lines[-1] == f"  btl thread {article} --comment {comment}"


def test_wrapped_heads_of_replies_keep_their_indent(
    btl: Btl, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.comment("a reply with a long id", "05-01 18:00", user="with a long name", parent="c2")
    file = io.StringIO()
    narrow = Console(file=file, width=40, force_terminal=True, color_system=None, highlight=False)
    monkeypatch.setattr(output, "console", lambda: narrow)
    btl("thread", "a")
    lines = file.getvalue().splitlines()
    start = next(number for number, line in enumerate(lines) if "with a long name" in line)
    assert "2026-05-01" in " ".join(lines[start : start + 2])
    assert all(line.startswith("    ") for line in lines[start : start + 3])


@pytest.mark.parametrize(
    ("options", "waiting"),
    [
        (("--site", "daily"), 1),
        (("--section", "politics"), 1),
        (("--reason", "spam"), 1),
        (("--reason", "harassment"), 0),
        (("--article", "a"), 1),
    ],
)
def test_the_queue_can_be_narrowed(btl: Btl, options: tuple[str, ...], waiting: int) -> None:
    assert json.loads(btl("queue", *options, "--json"))["waiting"] == waiting


def test_a_narrowed_queue_does_not_take_a_wrong_name_for_an_empty_queue(btl: Btl) -> None:
    with pytest.raises(BelowTheLineError, match="No event ever named article nosuch"):
        btl("queue", "--article", "nosuch")
    with pytest.raises(BelowTheLineError, match="'spamm' is not a reason") as refused:
        btl("queue", "--reason", "spamm")
    assert "spam" in refused.value.hint
    with pytest.raises(BelowTheLineError, match="named an article of site dailly") as refused:
        btl("queue", "--site", "dailly")
    assert refused.value.hint == "Did you mean daily? These exist: daily."
    with pytest.raises(BelowTheLineError, match="of section sports of daily") as refused:
        btl("queue", "--site", "daily", "--section", "sports")
    assert refused.value.hint == "These exist: politics."


def test_an_empty_queue_says_which_filters_made_it_empty(btl: Btl) -> None:
    assert btl("queue", "--site", "daily", "--reason", "harassment") == (
        "No reported comment waits for a decision with --site daily --reason harassment;"
        " 1 waits in all.\n"
    )


def test_a_thread_says_late_rejected_upheld_and_dismissed(btl: Btl) -> None:
    document = json.loads(btl("thread", "a", "--json"))
    assert [
        (row["comment_id"], row["depth"], row["status"], row["upheld"], row["dismissed"])
        for row in document["comments"]
    ] == [
        ("c1", 1, "visible", 0, 1),
        ("c2", 2, "visible", 0, 0),
        ("c3", 1, "rejected", 1, 0),
        ("c4", 1, "late", 0, 0),
    ]
    lines = btl("thread", "a").splitlines()
    assert lines[:2] == [
        "Headline of a",
        "4 comments: 2 visible, 1 rejected, 1 late; 1 comment with open reports.",
    ]
    heads = [line.strip() for line in lines if " · " in line]
    assert heads[0].endswith("c1 · edited · 2 reports: 1 open, 1 dismissed")
    assert heads[2].endswith("c3 · rejected · 1 report: 1 upheld")
    assert re.search(r"c4 · late by 5 days$", heads[3])


def test_a_thread_can_be_narrowed_and_says_what_it_leaves_out(btl: Btl) -> None:
    def ids(*options: str) -> list[str]:
        rows = json.loads(btl("thread", "a", *options, "--json"))["comments"]
        return [row["comment_id"] for row in rows]

    assert ids("--status", "late", "--status", "rejected") == ["c3", "c4"]
    assert ids("--status", "reported") == ["c1", "c3"]
    assert ids("--limit", "1") == ["c1"]
    assert "… and 3 more: --limit" in btl("thread", "a", "--limit", "1")
    assert btl("thread", "a", "--status", "held", "--status", "unpublished").endswith(
        "\nNo comment is held or unpublished.\n"
    )


def test_a_late_comment_that_is_deleted_or_rejected_is_said_to_be_both(
    btl: Btl, room: Newsroom
) -> None:
    room.comment("gone", "05-20 13:00", user="u5")
    room.delete("gone", "05-20 14:00")
    room.comment("abuse", "05-20 15:00", user="u6")
    room.moderate("abuse", "rejected", "05-20 16:00")
    room.compute()

    def ids(status: str) -> list[str]:
        rows = json.loads(btl("thread", "a", "--status", status, "--json"))["comments"]
        return [row["comment_id"] for row in rows]

    assert ids("late") == ["c4", "gone", "abuse"]
    assert ids("rejected") == ["c3", "abuse"]
    assert ids("deleted") == ["gone"]
    lines = btl("thread", "a").splitlines()
    assert lines[1].startswith("6 comments: 2 visible, 2 rejected, 1 deleted, 3 late;")
    heads = {line.split(" · ")[2]: line for line in lines if " · " in line}
    assert heads["gone"].endswith("gone · late by 5 days · deleted")
    assert heads["abuse"].endswith("abuse · rejected · late by 5 days")
    assert "6 comments, 3 of them late" in btl("discussion", "a")


def test_a_comment_is_shown_with_texts_notes_decisions_and_outcomes(btl: Btl) -> None:
    document = json.loads(btl("thread", "a", "--comment", "c1", "--json"))
    assert [(each["what"], each["who"], each["outcome"]) for each in document["entries"]] == [
        ("posted", "u1", None),
        ("edited", None, None),
        ("reported", "r1", "open"),
        ("reported", "r2", "dismissed"),
        ("report decided", "moderator", None),
    ]
    assert [each["text"] for each in document["entries"][:3]] == [
        "text",
        "edited text",
        "see the second line",
    ]
    text = btl("thread", "a", "--comment", "c2")
    assert text.index("c1") < text.index("c2")
    assert "reported: withdrawn" in text
    assert "anonymous x1" in text
    assert re.search(r"^at +what +by +details$", text, re.MULTILINE)
    assert "reported: upheld" in btl("thread", "a", "--comment", "c3")
    assert "… and 4 more: --limit" in btl("thread", "a", "--comment", "c1", "--limit", "1")


def test_unknown_articles_and_comments_are_said_to_be_unknown(btl: Btl) -> None:
    with pytest.raises(BelowTheLineError, match="No event ever named article nosuch"):
        btl("thread", "nosuch")
    with pytest.raises(BelowTheLineError, match="No comment c9 is known below article a"):
        btl("thread", "a", "--comment", "c9")


def test_who_may_not_read_dead_letters_is_neither_told_of_none_nor_sent_to_them(btl: Btl) -> None:
    with pytest.raises(BelowTheLineError, match=r"below article nope: no row\. ") as refused:
        btl("explain", "comment", "c1", "--article", "nope", "--no-log")
    assert "Dead letters were not searched" in refused.value.hint
    with pytest.raises(BelowTheLineError, match="'nope'") as refused:
        btl("discussion", "nope")
    assert refused.value.hint == "Check its id."


def test_a_moderator_can_ask_why_a_discussion_is_closed_and_what_made_a_comment(btl: Btl) -> None:
    drawn = btl("discussion", "a")
    assert "4 comments, 1 of them late" in drawn
    assert "Outcomes of the reports, repeated ones counted once: 1 open, 1 upheld, 1 dism" in drawn
    explained = btl("explain", "comment", "c1", "--article", "a", "--no-log")
    assert "edited text" in explained
    assert "Dead letters were not searched: this role may not read them." in explained
    assert "Readers see it: edited. 2 reports: 1 open, 1 dismissed." in explained
    assert "late by 5 days" in btl("explain", "comment", "c4", "--article", "a", "--no-log")
    assert "closed since 2026-05-15" in btl("rules", "explain", "a")


def test_an_analyst_sees_none_of_it(
    room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.abuse()["reports"] == 3
    btl = as_role("btl_reader", database_url, monkeypatch)
    for command in (("queue",), ("thread", "a"), ("discussion", "a")):
        with pytest.raises(BelowTheLineError, match=r"login btl_reader may .*denied") as refused:
            btl(*command)
        assert "BTL_DATABASE_URL=$BTL_MODERATOR_DATABASE_URL btl …" in refused.value.hint
