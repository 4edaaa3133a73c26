"""What records become, with every rule for what stands in for what an export does not say."""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.kafka.envelopes import rfc3339
from btl.archives.checking import Checker, Tally
from btl.archives.closing import Policy
from btl.archives.events import MAX_COUNTED, EventRules
from btl.archives.external_sort import Timed
from btl.archives.facts import temporary_facts
from btl.archives.records import (
    Act,
    ArchiveRecord,
    Article,
    Comment,
    Decision,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unpublication,
    Unreadable,
)
from btl.archives.spool import Rejected, Spool

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = datetime(2026, 5, 1, tzinfo=UTC)
PLACE = Place("export.json", "item 1")
_NAMESPACE = uuid.UUID("5f0c1a52-3c49-5c8e-9d0c-6a1f4b1f7a11")


def at(hour: int) -> datetime:
    return DAY + timedelta(hours=hour)


def stamp(hour: int, microseconds: int = 0) -> str:
    moment = at(hour) + timedelta(microseconds=microseconds)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def article(article_id: str = "a", **more: Any) -> Article:
    given = {"url": "https://example.org/a", "headline": "Ferries", "published_at": at(1)}
    return Article(PLACE, article_id, **{**given, **more})


def comment(comment_id: str = "c", **more: Any) -> Comment:
    given: dict[str, Any] = {
        "article_id": "a",
        "user_id": "u1",
        "display_name": "otter",
        "body": "First",
        "posted_at": at(2),
        "is_staff": None,
        "held": None,
    }
    given.update(more)
    return Comment(PLACE, comment_id=comment_id, **given)


class Outcome(NamedTuple):
    events: Sequence[dict[str, Any]]
    tally: Tally
    rejected: Sequence[Rejected]

    def of(self, event_type: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == f"{event_type}.v1"]

    def only(self, event_type: str) -> dict[str, Any]:
        (event,) = self.of(event_type)
        return event

    def left_out(self) -> dict[str, int]:
        return {what: counted.number for (what, _), counted in self.tally.left_out.items()}


def outcome(
    *records: ArchiveRecord | Unreadable, policy: Policy = "rules", site: str | None = None
) -> Outcome:
    rules = EventRules("isso", "archive:isso", policy, site)
    emitted: list[Timed] = []
    with temporary_facts() as facts:
        spool = Spool(facts)
        checker = Checker(rules, load_contracts(), NOW, facts, spool, emitted.append)
        checker.take(records)
        spool.flush()
        checker.finish(spool)
        rejected = list(spool.rejected())
    events = [orjson.loads(each.outgoing.value or b"") for each in emitted]
    return Outcome(events, checker.tally, rejected)


def test_every_event_says_of_which_import_it_is_and_none_stands_in_without_need() -> None:
    found = outcome(
        article(),
        comment(),
        Edit(PLACE, "a", "c", "Second", at(3)),
        Moderation(PLACE, "a", "c", "rejected", "spam", "mod", False, at(4)),
        Deletion(PLACE, "a", "c", at(5)),
        Reaction(PLACE, "a", "c", "u2", "like", at(3)),
        Report(PLACE, "a", "c", "r", "u3", "spam", reported_at=at(3)),
        ReportDecision(PLACE, "a", "c", "r", "upheld", "mod", at(4), "It was spam."),
        Unpublication(PLACE, "a", "Wrong", at(6)),
    )
    assert len(found.events) == 9
    assert {event["importof"] for event in found.events} == {"isso"}
    assert {event["source"] for event in found.events} == {"archive:isso"}
    assert not any("standin" in event for event in found.events)
    assert [event["time"] for event in found.events] == [
        stamp(hour) for hour in (1, 2, 3, 4, 5, 3, 3, 4, 6)
    ]
    about = {"article_id": "a", "comment_id": "c"}
    assert [event["data"] for event in found.events[2:]] == [
        {**about, "body": "Second", "edited_at": stamp(3)},
        {
            **about,
            "decision": "rejected",
            "reason": "spam",
            "decided_by": "mod",
            "automated": False,
            "decided_at": stamp(4),
        },
        {**about, "deleted_at": stamp(5)},
        {**about, "user_id": "u2", "reaction": "like", "reacted_at": stamp(3)},
        {
            **about,
            "report_id": "r",
            "reporter": {"user_id": "u3"},
            "reason": "spam",
            "reported_at": stamp(3),
        },
        {
            **about,
            "report_id": "r",
            "decision": "upheld",
            "decided_by": "mod",
            "decided_at": stamp(4),
            "explanation": "It was spam.",
        },
        {"article_id": "a", "reason": "Wrong", "unpublished_at": stamp(6)},
    ]


def test_ids_of_articles_and_comments_are_those_of_the_first_release() -> None:
    found = outcome(article(), comment())
    assert found.only("article.published")["id"] == str(
        uuid.uuid5(_NAMESPACE, "article.published.v1\narchive:isso\na")
    )
    assert found.only("comment.posted")["id"] == str(
        uuid.uuid5(_NAMESPACE, "comment.posted.v1\narchive:isso\na\nc")
    )


def test_the_same_export_has_the_same_events_and_each_act_an_id_of_its_own() -> None:
    records: list[ArchiveRecord] = [
        article(published_at=None, accepts_comments=False),
        comment(user_id=None, display_name=None),
        ReactionCount(PLACE, "a", "c", "like", 3),
        ReportCount(PLACE, "a", "c", "spam", 2),
        Edit(PLACE, "a", "c", "Second", None),
        Edit(PLACE, "a", "c", "Third", None),
        Edit(PLACE, "a", "c", "Second", at(9)),
        Moderation(PLACE, "a", "c", "approved"),
        Moderation(PLACE, "a", "c", "rejected"),
        Deletion(PLACE, "a", "c"),
    ]
    first, again = outcome(*records), outcome(*records)
    assert first.events == again.events
    assert len({event["id"] for event in first.events}) == len(first.events) == 13


@pytest.mark.parametrize(
    ("given", "author", "stand_ins"),
    [
        ({}, {"user_id": "u1", "display_name": "otter"}, None),
        ({"is_staff": True}, {"user_id": "u1", "display_name": "otter", "role": "staff"}, None),
        (
            {"display_name": "  "},
            {"user_id": "u1", "display_name": "anonymous"},
            "author.display_name",
        ),
        (
            {"user_id": None},
            {"user_id": "name:otter", "display_name": "otter"},
            "author.user_id",
        ),
        (
            {"user_id": "", "display_name": "x" * 200},
            {
                "user_id": "name:"
                + str(uuid.uuid5(_NAMESPACE, f"name\narchive:isso\n{'x' * 200}")),
                "display_name": "x" * 200,
            },
            "author.user_id",
        ),
        (
            {"user_id": None, "email": " Otter@Example.ORG "},
            {
                "user_id": "guest:"
                + str(uuid.uuid5(_NAMESPACE, "guest\narchive:isso\notter@example.org")),
                "display_name": "otter",
            },
            "author.user_id",
        ),
        (
            {"user_id": None, "display_name": None},
            {
                "user_id": "unknown:"
                + str(uuid.uuid5(_NAMESPACE, "unknown\narchive:isso\na\nc\nauthor")),
                "display_name": "anonymous",
            },
            "author.user_id author.display_name",
        ),
    ],
)
def test_an_author_without_an_account_is_known_by_mail_or_name_or_by_nothing(
    given: dict[str, Any], author: dict[str, str], stand_ins: str | None
) -> None:
    event = outcome(comment(**given)).only("comment.posted")
    assert event["data"]["author"] == author
    assert event.get("standin") == stand_ins


def test_people_of_one_name_are_one_and_people_without_any_are_many() -> None:
    nameless = {"user_id": None, "display_name": None}
    found = outcome(
        comment("1", user_id=None),
        comment("2", user_id=None),
        comment("3", **nameless),
        comment("4", **nameless),
    )
    authors = [event["data"]["author"]["user_id"] for event in found.events]
    assert authors[0] == authors[1]
    assert len(set(authors)) == 3


def test_a_comment_without_a_text_is_a_blank_and_one_without_a_time_is_rejected() -> None:
    found = outcome(comment("1", body=None), comment("2", posted_at=None, body="lost"))
    event = found.only("comment.posted")
    assert (event["data"]["body"], event["standin"]) == (" ", "body")
    (rejected,) = found.rejected
    assert rejected[:3] == ("export.json", "item 1", "has no time: no posted_at")
    assert orjson.loads(rejected.content)["body"] == "lost"
    assert found.tally.rejected == 1


def test_what_happened_to_a_rejected_comment_is_left_out() -> None:
    found = outcome(
        comment(posted_at=None),
        Edit(PLACE, "a", "c", "Second", at(3)),
        ReactionCount(PLACE, "a", "c", "like", 7),
    )
    assert not found.events
    assert found.left_out() == {"edits": 1, "reactions": 7}


def test_an_article_without_a_headline_or_a_time_takes_what_there_is() -> None:
    found = outcome(
        article(headline=" ", published_at=None),
        comment("2", posted_at=at(5)),
        comment("1", posted_at=at(3)),
        article("b", published_at=None),
        article("c", published_at=None, updated_at=at(4)),
    )
    events = {event["subject"]: event for event in found.of("article.published")}
    assert events["a"]["data"]["headline"] == "(no headline)"
    assert events["a"]["data"]["published_at"] == events["a"]["time"] == stamp(3)
    assert events["a"]["standin"] == "headline published_at"
    assert found.left_out() == {"articles without a time and without comments": 1}
    assert "published_at" not in events["c"]["data"]
    assert events["c"]["time"] == stamp(4)
    assert "standin" not in events["c"]


def test_an_announced_article_is_said_as_of_the_export() -> None:
    ahead = NOW + timedelta(days=30)
    event = outcome(article(published_at=ahead), comment()).only("article.published")
    assert event["time"] == stamp(2)
    assert event["data"]["published_at"] == "2026-12-30T12:00:00Z"
    assert event["standin"] == "time"


NEVER = {"closes_at": "2100-12-31T23:59:59Z"}


@pytest.mark.parametrize(
    ("given", "policy", "discussion", "stand_ins"),
    [
        ({}, "rules", None, None),
        ({}, "never", NEVER, "discussion.closes_at"),
        ({"accepts_comments": True}, "rules", None, None),
        ({"closes_at": at(9)}, "never", {"closes_at": stamp(9)}, None),
        ({"window_hours": 72, "accepts_comments": False}, "never", {"window_hours": 72}, None),
        (
            {"accepts_comments": False},
            "never",
            {"closes_at": "2026-05-01T04:00:01Z"},
            "discussion.closes_at",
        ),
        (
            {"accepts_comments": False},
            "rules",
            {"closes_at": "2026-05-01T04:00:01Z"},
            "discussion.closes_at",
        ),
    ],
)
def test_a_discussion_closes_as_the_export_says_or_else_by_the_policy(
    given: dict[str, Any], policy: Policy, discussion: object, stand_ins: str | None
) -> None:
    found = outcome(comment("2", posted_at=at(4)), article(**given), comment("1"), policy=policy)
    event = found.only("article.published")
    assert event["data"].get("discussion") == discussion
    assert event.get("standin") == stand_ins


def test_a_closed_discussion_without_comments_took_none() -> None:
    event = outcome(article(accepts_comments=False)).only("article.published")
    assert event["data"]["discussion"] == {"enabled": False}


def test_a_given_site_beats_that_of_the_export() -> None:
    assert outcome(article(site="north")).events[0]["data"]["site"] == "north"
    assert outcome(article(site="north"), site="south").events[0]["data"]["site"] == "south"


def test_acts_without_a_time_come_after_all_that_is_known_and_as_of_the_export() -> None:
    found = outcome(
        comment(),
        Report(PLACE, "a", "c", "r", None, "spam", reported_at=at(6)),
        Edit(PLACE, "a", "c", "Second", at(4)),
        Moderation(PLACE, "a", "c", "rejected", "spam"),
        Deletion(PLACE, "a", "c"),
        comment("later", posted_at=at(20)),
    )
    decision, deletion = found.only("comment.moderated"), found.only("comment.deleted")
    assert decision["data"]["decided_at"] == stamp(6, 1)
    assert deletion["data"]["deleted_at"] == stamp(6, 2)
    assert (decision["time"], deletion["time"]) == (stamp(20, 1), stamp(20, 2))
    assert decision["standin"] == "decided_by automated decided_at time"
    assert deletion["standin"] == "deleted_at time"
    assert decision["data"]["decided_by"] == "import:isso"
    assert decision["data"]["automated"] is False


def test_acts_without_a_time_find_their_comment_wherever_it_is() -> None:
    apart: list[Act] = [
        Moderation(PLACE, "a", "c", "rejected", "spam", "mod", True),
        Edit(PLACE, "a", "c", "Second", at(4)),
        Deletion(PLACE, "a", "c"),
        Reaction(PLACE, "a", "c", "u2", "like"),
        Report(PLACE, "a", "c", "r", "u3", "spam"),
        ReportDecision(PLACE, "a", "c", "r", "upheld"),
    ]
    found = outcome(*apart, comment(), comment("later", posted_at=at(20)))
    assert found.only("comment.moderated")["data"]["decided_at"] == stamp(4, 1)
    assert found.only("comment.deleted")["data"]["deleted_at"] == stamp(4, 2)
    assert found.only("report.decided")["data"]["decided_at"] == stamp(4, 3)
    assert found.only("comment.moderated")["time"] == stamp(20, 1)
    assert found.only("report.decided")["time"] == stamp(20, 3)
    assert found.only("reaction.added")["data"]["reacted_at"] == stamp(2)
    assert found.only("reaction.added")["time"] == stamp(2)
    assert found.only("comment.reported")["data"]["reported_at"] == stamp(2)


def test_an_act_apart_from_its_comment_comes_after_those_beside_it() -> None:
    found = outcome(
        comment(),
        Edit(PLACE, "a", "c", "Second", at(4)),
        Moderation(PLACE, "a", "c", "approved"),
        comment("later", posted_at=at(20)),
        Deletion(PLACE, "a", "c"),
    )
    assert found.only("comment.moderated")["data"]["decided_at"] == stamp(4, 1)
    assert found.only("comment.deleted")["data"]["deleted_at"] == stamp(4, 2)


def test_acts_without_a_time_whose_comment_is_missing_are_left_out() -> None:
    found = outcome(
        Deletion(PLACE, "a", "missing"),
        ReactionCount(PLACE, "a", "missing", "like", 5),
        Deletion(PLACE, "a", "elsewhere", at(3)),
        Unpublication(PLACE, "nothing", "Wrong"),
    )
    assert [event["subject"] for event in found.events] == ["elsewhere"]
    assert found.left_out() == {"deletions": 1, "reactions": 5, "unpublications": 1}


def test_an_article_taken_down_at_no_known_time_was_so_after_its_last_comment() -> None:
    found = outcome(Unpublication(PLACE, "a", "Wrong"), comment(), comment("2", posted_at=at(7)))
    event = found.only("article.unpublished")
    assert (event["data"]["unpublished_at"], event["time"]) == (stamp(7, 1), stamp(7, 1))
    assert event["standin"] == "unpublished_at time"


@pytest.mark.parametrize("published_at", [at(1), at(9)])
def test_an_article_taken_down_at_no_known_time_was_published_before(
    published_at: datetime,
) -> None:
    alone = outcome(Unpublication(PLACE, "a", "Wrong"), article(published_at=published_at))
    after = rfc3339(published_at + timedelta(microseconds=1))
    event = alone.only("article.unpublished")
    assert (event["data"]["unpublished_at"], event["time"]) == (after, after)
    commented = outcome(
        article(published_at=published_at), Unpublication(PLACE, "a", "Wrong"), comment()
    )
    last = rfc3339(max(published_at, at(2)) + timedelta(microseconds=1))
    assert commented.only("article.unpublished")["data"]["unpublished_at"] == last


def test_an_announced_article_that_was_taken_down_is_down() -> None:
    found = outcome(
        article(published_at=NOW + timedelta(days=2)),
        Unpublication(PLACE, "a", "Wrong"),
        comment(),
    )
    published, unpublished = found.only("article.published"), found.only("article.unpublished")
    assert (published["time"], unpublished["time"]) == (stamp(2), stamp(2, 1))


def test_of_acts_without_a_time_the_last_one_in_the_export_is_in_force() -> None:
    decisions: list[Decision] = ["approved", "rejected", "approved"]
    found = outcome(
        *(
            record
            for comment_id in "cd"
            for decision in decisions
            for record in (
                comment(comment_id, posted_at=at(2)),
                Moderation(PLACE, "a", comment_id, decision),
            )
        ),
        Moderation(PLACE, "a", "c", "rejected"),
        Moderation(PLACE, "a", "c", "approved", decided_at=at(20)),
    )
    states = ["approved", "approved", "rejected", "approved", "rejected"]
    ends = {"c": states, "d": states[1:4]}
    for comment_id, said in ends.items():
        events = sorted(
            (event for event in found.of("comment.moderated") if event["subject"] == comment_id),
            key=lambda event: datetime.fromisoformat(event["time"]),
        )
        assert [event["data"]["decision"] for event in events] == said
        untimed = [event for event in events if "time" in event.get("standin", "").split()]
        assert [event["time"] for event in untimed] == [
            stamp(20, number) for number in range(1, len(untimed) + 1)
        ]
        last = 20 if comment_id == "c" else 2
        assert [event["data"]["decided_at"] for event in untimed] == [
            stamp(last, number) for number in range(1, len(untimed) + 1)
        ]
        assert len({event["id"] for event in events}) == len(events)
        key = f"comment.moderated.v1\narchive:isso\na\n{comment_id}\n\napproved\n"
        assert untimed[0]["id"] == str(uuid.uuid5(_NAMESPACE, key))


def test_an_edit_without_a_time_may_bring_an_earlier_text_back() -> None:
    found = outcome(
        comment(),
        *(Edit(PLACE, "a", "c", body, None) for body in ("Second", "Third", "Second")),
        Deletion(PLACE, "a", "c"),
    )
    edits = found.of("comment.edited")
    assert [(edit["data"]["body"], edit["data"]["edited_at"], edit["time"]) for edit in edits] == [
        (body, stamp(2, number), stamp(2, number))
        for number, body in enumerate(("Second", "Third", "Second"), 1)
    ]
    assert len({edit["id"] for edit in edits}) == 3
    assert found.only("comment.deleted")["data"]["deleted_at"] == stamp(2, 4)


def test_what_overlapping_files_say_of_a_comment_twice_happened_once() -> None:
    said: list[Comment | Act] = [
        comment(),
        ReactionCount(PLACE, "a", "c", "like", 3),
        Edit(PLACE, "a", "c", "Second", None),
        Moderation(PLACE, "a", "c", "rejected", "spam"),
        ReportDecision(PLACE, "a", "c", "r1", "upheld"),
        ReportDecision(PLACE, "a", "c", "r2", "upheld"),
        Unpublication(PLACE, "a", "Wrong"),
    ]
    again = [record._replace(place=Place("second.json", "item 1")) for record in said]
    once, twice = outcome(article(), *said), outcome(article(), *said, *again)
    unique = {event["id"]: event for event in once.events}
    assert all(unique[event["id"]] == event for event in twice.events)


def test_numbers_become_that_many_events_of_people_of_their_own() -> None:
    found = outcome(
        comment(),
        ReactionCount(PLACE, "a", "c", "like", 3),
        ReactionCount(PLACE, "a", "c", "dislike", 2),
        ReportCount(PLACE, "a", "c", "other", 2),
    )
    reactions, reports = found.of("reaction.added"), found.of("comment.reported")
    people = {event["data"]["user_id"] for event in reactions}
    assert len(people) == 5
    assert all(person.startswith("unknown:") for person in people)
    assert {event["data"]["reacted_at"] for event in reactions} == {stamp(2)}
    assert {event["standin"] for event in reactions} == {"user_id reacted_at time"}
    assert len({event["data"]["reporter"]["anonymous_id"] for event in reports}) == 2
    assert len({event["data"]["report_id"] for event in reports}) == 2
    assert {event["data"]["note"] for event in reports} == {"(none given)"}


def test_numbers_of_one_kind_add_up_wherever_they_are() -> None:
    found = outcome(
        ReactionCount(PLACE, "a", "c", "like", 4),
        ReactionCount(PLACE, "a", "d", "like", 1),
        comment(),
        ReactionCount(PLACE, "a", "c", "like", 1),
        ReactionCount(PLACE, "a", "c", "like", 2),
        ReportCount(PLACE, "a", "c", "spam", 1),
        comment("d"),
        ReportCount(PLACE, "a", "c", "spam", 2),
        ReactionCount(PLACE, "a", "c", "dislike", 2),
        ReactionCount(PLACE, "a", "c", "like", 5),
    )
    people = Counter(
        (event["subject"], event["data"]["reaction"])
        for event in {event["id"]: event for event in found.of("reaction.added")}.values()
    )
    assert people == {("c", "like"): 12, ("c", "dislike"): 2, ("d", "like"): 1}
    reports = {event["data"]["report_id"] for event in found.of("comment.reported")}
    assert reports == {"count:spam:1", "count:spam:2", "count:spam:3"}


def test_a_number_beyond_the_most_is_left_out_and_counted() -> None:
    found = outcome(comment(), ReactionCount(PLACE, "a", "c", "like", MAX_COUNTED + 17))
    assert len(found.of("reaction.added")) == MAX_COUNTED
    assert found.left_out() == {"reactions beyond 10,000 of a comment": 17}


def test_the_most_is_of_all_numbers_of_a_comment() -> None:
    found = outcome(
        comment(),
        ReactionCount(PLACE, "a", "c", "like", MAX_COUNTED - 1),
        ReactionCount(PLACE, "a", "c", "like", 3),
        comment("d"),
        ReactionCount(PLACE, "a", "c", "like", 4),
        ReactionCount(PLACE, "a", "missing", "like", MAX_COUNTED + 1),
    )
    assert len({event["id"] for event in found.of("reaction.added")}) == MAX_COUNTED
    assert found.left_out() == {
        "reactions beyond 10,000 of a comment": 6,
        "reactions": MAX_COUNTED + 1,
    }


def test_reports_say_what_the_contract_needs() -> None:
    found = outcome(
        comment(),
        Report(PLACE, "a", "c", "1", None, "other"),
        Report(PLACE, "a", "c", "2", "u2", "illegal_content", reported_at=at(3)),
    )
    other, illegal = found.of("comment.reported")
    assert other["data"]["note"] == "(none given)"
    assert other["data"]["reporter"]["anonymous_id"].startswith("unknown:")
    assert other["standin"] == "reporter.anonymous_id reported_at time note"
    assert illegal["data"]["law"] == "(not said)"
    assert illegal["standin"] == "law"


def test_nothing_is_lost_in_silence() -> None:
    found = outcome(
        LeftOut(PLACE, "pingbacks", "they are not comments", 3),
        LeftOut(Place("export.json", "item 9"), "pingbacks", "they are not comments"),
        Unreadable(PLACE, "has no id", "{}"),
        article(url=None),
        comment(body="cut\0here"),
        comment("", body="x"),
    )
    counted = found.tally.left_out["pingbacks", "they are not comments"]
    assert (counted.number, counted.examples) == (
        4,
        ["export.json, item 1", "export.json, item 9"],
    )
    assert [rejected.reason.split(":")[0] for rejected in found.rejected] == [
        "has no id",
        "schema_violation at /data/url",
        "nul_character at None",
        "has no comment_id",
    ]


def test_kinds_of_what_is_left_out_are_limited() -> None:
    found = outcome(*(LeftOut(PLACE, "votes", f"no comment {n}", 2) for n in range(1_000)))
    assert len(found.tally.left_out) == 101
    assert sum(counted.number for counted in found.tally.left_out.values()) == 2_000
    assert found.tally.left_out["other things", "for various reasons"].number == 1_800
    everything = Tally()
    everything.add(found.tally)
    everything.add(found.tally)
    assert sum(counted.number for counted in everything.left_out.values()) == 4_000


def test_stand_ins_are_counted_by_member() -> None:
    found = outcome(comment("1", body=None), comment("2", body=None), comment("3"))
    assert found.tally.stand_ins == {"comment.posted.v1 body": 2}
