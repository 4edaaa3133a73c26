"""All records of the hand-made tables of Discourse, cell by cell."""

import csv
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.records import (
    Article,
    Comment,
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
from tests.unit.archives.readers.exports import (
    EXPORTS,
    files_of_export,
    formats_that_recognise,
    records_of,
)

TABLES = EXPORTS / "discourse"
FORUM = ReadingOptions(base_url="https://talk.garden.example")

NEWT: dict[str, Any] = {"user_id": "1", "display_name": "Newt"}
MOLE: dict[str, Any] = {"user_id": "2", "display_name": "Mole", "is_staff": True}
SHREW: dict[str, Any] = {"user_id": "3", "display_name": "shrew"}
VOLE: dict[str, Any] = {"user_id": "4", "display_name": "vole"}
BY_MOLE: dict[str, Any] = {"decided_by": "2", "automated": False}
BY_DISCOURSE: dict[str, Any] = {"decided_by": "-1", "automated": True}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2023-04-{text}").replace(tzinfo=UTC)


def line(table: str, number: int) -> Place:
    return Place(f"{table}.csv", f"line {number}")


def post(number: int) -> Place:
    return line("posts", number)


def act(number: int) -> Place:
    return line("post_actions", number)


def about(records: list[Any], comment_id: str) -> list[Any]:
    return [found for found in records if getattr(found, "comment_id", None) == comment_id]


@pytest.fixture(scope="module")
def records() -> list[Any]:
    return records_of("discourse", *files_of_export("discourse"), options=FORUM)


def test_topics(records: list[Any]) -> None:
    assert [found for found in records if isinstance(found, Article | Unpublication)] == [
        # Another site's article; a small action says when the topic was closed.
        Article(
            line("topics", 3),
            "11",
            "https://garden.example/orchard",
            "The old orchard",
            published_at=at("02 08:00:00.250"),
            section="Garden",
            accepts_comments=False,
            closes_at=at("02 13:00"),
        ),
        # The address that it had was deleted.
        Article(
            line("topics", 4),
            "12",
            "https://talk.garden.example/t/a-pond-for-newts/12",
            "A pond for newts",
            published_at=at("03 08:00"),
            accepts_comments=True,
        ),
        Article(
            line("topics", 5),
            "13",
            "https://talk.garden.example/t/taken-down/13",
            "Taken down",
            published_at=at("04 08:00"),
            section="Garden",
            accepts_comments=True,
        ),
        Unpublication(line("topics", 5), "13", "deleted", at("05 08:00")),
        Article(
            line("topics", 7),
            "15",
            "https://talk.garden.example/t/not-listed/15",
            "Not listed",
            published_at=at("04 10:00"),
            section="Garden",
            accepts_comments=False,
        ),
    ]


def test_markdown_stays_and_likes_have_people(records: list[Any]) -> None:
    ids = ("11", "111")
    assert about(records, "111") == [
        Comment(
            post(4),
            *ids,
            **NEWT,
            body='Apples, **pears**\nand a "plum", too.',
            posted_at=at("02 09:00:00.123456"),
        ),
        Reaction(act(2), *ids, "3", "like", at("02 09:01")),
        Reaction(act(3), *ids, "4", "like", at("02 09:02")),
    ]


def test_a_post_that_flags_hid_and_that_discourse_deleted_later(records: list[Any]) -> None:
    ids = ("11", "112")
    assert about(records, "112") == [
        Comment(
            post(7),
            *ids,
            **SHREW,
            body="Buy my ladder.",
            posted_at=at("02 09:10"),
            parent_comment_id="111",
        ),
        Report(act(6), *ids, "5", "1", "spam", reported_at=at("02 09:20")),
        Moderation(post(7), *ids, "rejected", "spam", decided_at=at("02 09:30"), **BY_DISCOURSE),
        ReportDecision(act(6), *ids, "5", "upheld", "2", at("02 10:00")),
    ]


def test_a_post_that_its_author_deleted_has_its_first_text(records: list[Any]) -> None:
    ids = ("11", "115")
    assert about(records, "115") == [
        Comment(
            post(10),
            *ids,
            **VOLE,
            body="I never liked apples.",
            posted_at=at("02 11:00"),
            parent_comment_id="112",
        ),
        Edit(
            line("post_revisions", 18),
            *ids,
            "I never liked apples.\n\nSorry.",
            at("02 11:10"),
        ),
        Deletion(post(10), *ids, at("02 12:00")),
    ]


def test_a_post_that_a_moderator_deleted_for_a_flag(records: list[Any]) -> None:
    ids = ("11", "116")
    assert about(records, "116") == [
        Comment(post(11), *ids, **SHREW, body="Rude to everyone.", posted_at=at("02 11:30")),
        Report(act(8), *ids, "7", "1", "personal_abuse", reported_at=at("02 11:31")),
        # It went with the post: nobody took it back.
        Reaction(act(9), *ids, "4", "like", at("02 11:32")),
        Moderation(
            post(11), *ids, "rejected", "personal_abuse", decided_at=at("02 11:40"), **BY_MOLE
        ),
        ReportDecision(act(8), *ids, "7", "upheld", "2", at("02 11:40:00.500")),
    ]


def test_edits_in_their_order(records: list[Any]) -> None:
    ids = ("11", "117")
    assert about(records, "117") == [
        Comment(post(12), *ids, **NEWT, body="First text.", posted_at=at("02 11:35")),
        Edit(line("post_revisions", 10), *ids, "First text, corrected.", at("02 11:45")),
        Edit(line("post_revisions", 2), *ids, "Second text.", at("02 11:50")),
    ]


def test_a_parent_that_is_not_in_the_export_is_named_by_its_number(records: list[Any]) -> None:
    assert about(records, "119") == [
        Comment(
            post(14),
            "11",
            "119",
            **MOLE,
            body="Closed, but staff may write.",
            posted_at=at("02 14:00"),
            parent_comment_id="11/99",
        )
    ]


def test_deletions_by_the_author_and_by_nobody_known(records: list[Any]) -> None:
    assert about(records, "121") + about(records, "128") == [
        Comment(
            post(16),
            "12",
            "121",
            **VOLE,
            body="I took this back at once.",
            posted_at=at("03 08:05"),
        ),
        Deletion(post(16), "12", "121", at("03 08:06")),
        Comment(
            post(23),
            "12",
            "128",
            **NEWT,
            body="Nobody knows who removed this.",
            posted_at=at("03 14:00"),
        ),
        Deletion(post(23), "12", "128", at("03 15:00")),
    ]


def test_a_post_that_was_hidden_and_shown_again(records: list[Any]) -> None:
    ids = ("12", "122")
    assert about(records, "122") == [
        Comment(post(17), *ids, **SHREW, body="Was hidden for a day.", posted_at=at("03 08:10")),
        Report(act(10), *ids, "9", "1", "off_topic", reported_at=at("03 08:50")),
        Report(act(11), *ids, "10", "4", "other", reported_at=at("03 08:55")),
        Moderation(
            post(17), *ids, "rejected", "off_topic", decided_at=at("03 09:00"), **BY_DISCOURSE
        ),
        Moderation(post(17), *ids, "approved", decided_at=at("04 09:00"), **BY_MOLE),
        ReportDecision(act(10), *ids, "9", "dismissed", "2", at("04 09:00")),
        ReportDecision(act(11), *ids, "10", "ignored", "2", at("04 09:10")),
    ]


def test_reports_of_illegal_content_and_of_a_sites_own_type(records: list[Any]) -> None:
    ids = ("12", "123")
    assert about(records, "123") == [
        Comment(
            post(18),
            *ids,
            user_id=None,
            display_name=None,
            body="From an account that is gone.",
            posted_at=at("03 08:20"),
        ),
        Report(act(12), *ids, "11", "1", "illegal_content", reported_at=at("03 08:30")),
        Report(
            act(15), *ids, "14", "2", "other", note="flag of type 1001", reported_at=at("03 08:33")
        ),
    ]


def test_a_post_that_waited_was_written_when_it_came_into_the_queue(records: list[Any]) -> None:
    ids = ("12", "124")
    assert about(records, "124") == [
        Comment(
            post(19),
            *ids,
            **VOLE,
            body="This waited in the queue.",
            posted_at=at("03 09:40"),
            held=True,
        ),
        Moderation(post(19), *ids, "approved", decided_at=at("03 10:00")),
    ]


def test_posts_that_still_wait_or_that_nobody_ever_saw(records: list[Any]) -> None:
    waiting, rejected, deleted = (("12", f"reviewable-{number}") for number in (2, 3, 4))
    assert [found for found in records if found.place.file == "reviewables.csv"][1:-3] == [
        Comment(
            line("reviewables", 3),
            *waiting,
            **SHREW,
            body="Still waiting.",
            posted_at=at("03 16:00"),
            parent_comment_id="122",
            held=True,
        ),
        Comment(
            line("reviewables", 4),
            *rejected,
            **SHREW,
            body="Never shown.",
            posted_at=at("03 16:10"),
            held=True,
        ),
        Moderation(line("reviewables", 4), *rejected, "rejected", decided_at=at("03 17:00")),
        Comment(
            line("reviewables", 5),
            *deleted,
            **VOLE,
            body="Taken back in time.",
            posted_at=at("03 16:20"),
            held=True,
        ),
        Deletion(line("reviewables", 5), *deleted, at("03 16:25")),
    ]


def test_html_hidden_revisions_and_a_moderator_who_hides(records: list[Any]) -> None:
    ids = ("12", "126")
    assert about(records, "125") + about(records, "126") + about(records, "127") == [
        Comment(post(20), "12", "125", **NEWT, body="Imported & old.", posted_at=at("03 11:00")),
        Comment(post(21), *ids, **SHREW, body="Hidden by Mole.", posted_at=at("03 12:00")),
        Report(act(16), *ids, "15", "1", "personal_abuse", reported_at=at("03 12:10")),
        Moderation(
            post(21), *ids, "rejected", "personal_abuse", decided_at=at("03 12:30"), **BY_MOLE
        ),
        ReportDecision(act(16), *ids, "15", "upheld", "2", at("03 12:30:10")),
        Comment(
            post(22),
            "12",
            "127",
            **SHREW,
            body="Names that staff took out.",
            posted_at=at("03 13:00"),
        ),
    ]


def test_a_post_of_a_topic_that_is_not_there_is_left_to_the_survey(records: list[Any]) -> None:
    assert about(records, "151") == [
        Comment(post(27), "99", "151", **NEWT, body="Its answer.", posted_at=at("04 09:05"))
    ]


def test_what_is_left_out(records: list[Any]) -> None:
    assert [found for found in records if isinstance(found, LeftOut)] == [
        LeftOut(line("topics", 2), "topics that describe a category", "they are not articles"),
        LeftOut(line("topics", 6), "private messages", "they are private"),
        LeftOut(line("topics", 7), "marks of topics that are not listed", "they can be read"),
        LeftOut(line("users", 5), "suspensions and silences of people", "no event says it"),
        LeftOut(act(17), "flags of whole topics", "they are about no comment"),
        LeftOut(line("user_actions", 2), "user_actions", "post_actions says it", 3),
        LeftOut(
            line("post_revisions", 39),
            "edits that changed no text",
            "titles and tags have no history here",
        ),
        LeftOut(
            line("reviewables", 6), "topics that wait for approval", "they are not articles yet"
        ),
        LeftOut(line("reviewables", 7), "reviews of flagged posts", "post_actions says it"),
        LeftOut(line("reviewables", 8), "reviews of people and others", "no event says it"),
        LeftOut(line("post_custom_fields", 2), "custom fields of posts", "no event says them", 2),
        LeftOut(
            post(2), "posts in topics that describe a category", "such a topic is not an article"
        ),
        LeftOut(post(3), "first posts of topics", "they stand for the articles themselves", 3),
        LeftOut(post(3), "likes and flags of posts that are left out", "their posts are left out"),
        LeftOut(act(4), "likes and flags that were taken back", "they count no longer"),
        LeftOut(act(7), "flags of Discourse itself", "nobody reported the comment"),
        LeftOut(post(8), "posts about what moderators did", "they are not comments"),
        LeftOut(post(9), "whispers among staff", "they are not comments"),
        LeftOut(post(13), "small actions", "they are not comments"),
        LeftOut(act(13), "bookmarks", "no event says it"),
        LeftOut(act(14), "messages to the authors of posts", "nobody but the author reads them"),
        LeftOut(post(22), "edits whose texts staff hid", "staff hid them"),
        LeftOut(post(25), "posts in private messages", "they are private"),
        LeftOut(
            act(18),
            "likes and flags of posts that are not in the export",
            "there are no such posts",
        ),
        LeftOut(
            line("post_revisions", 47),
            "edits of posts that are not in the export",
            "there are no such posts",
        ),
    ]


def test_what_cannot_be_read_and_that_nothing_else_came(records: list[Any]) -> None:
    unreadable = [found for found in records if isinstance(found, Unreadable)]
    assert [(str(found.place), found.reason) for found in unreadable] == [
        ("topics.csv, line 8", "has no id"),
        ("post_actions.csv, line 19", "has no id"),
        (
            "post_revisions.csv, line 44",
            "has modifications that are not YAML: did not find expected ',' or ']'",
        ),
        ("reviewables.csv, line 9", "has a payload without a text"),
        ("posts.csv, line 24", "has a time that is not one: 2023-04-not a time"),
    ]
    assert '"raw":"When?"' in unreadable[4].content
    kinds = Counter(type(found).__name__ for found in records)
    assert kinds == {
        "Article": 4,
        "Unpublication": 1,
        "Comment": 18,
        "Reaction": 3,
        "Report": 7,
        "Edit": 3,
        "Moderation": 7,
        "ReportDecision": 5,
        "Deletion": 4,
        "LeftOut": 25,
        "Unreadable": 5,
    }


# Without some of the tables.


def _part(tmp_path: Path, *names: str) -> list[Path]:
    return [Path(shutil.copy(TABLES / f"{name}.csv", tmp_path)) for name in names]


def test_without_actions_the_columns_with_numbers_count(tmp_path: Path) -> None:
    found = records_of("discourse", *_part(tmp_path, "topics", "users", "posts"), options=FORUM)
    assert [each for each in found if isinstance(each, ReactionCount | ReportCount)] == [
        ReactionCount(post(4), "11", "111", "like", 2),
        ReportCount(post(7), "11", "112", "spam", 2),
        ReportCount(post(11), "11", "116", "personal_abuse", 1),
    ]
    assert not [each for each in found if isinstance(each, Reaction | Report)]
    hidden = [each for each in about(found, "112") if isinstance(each, Moderation)]
    assert hidden == [
        Moderation(
            post(7), "11", "112", "rejected", "spam", decided_at=at("02 09:30"), **BY_DISCOURSE
        )
    ]


def test_without_post_actions_likes_come_from_user_actions(tmp_path: Path) -> None:
    paths = _part(tmp_path, "topics", "users", "posts", "user_actions")
    found = records_of("discourse", *paths, options=FORUM)
    assert [each for each in found if isinstance(each, Reaction | ReactionCount)] == [
        Reaction(line("user_actions", 2), "11", "111", "3", "like", at("02 09:01"))
    ]
    left = {each.what: each.number for each in found if isinstance(each, LeftOut)}
    assert left["user_actions that are not likes"] == 2


def test_without_revisions_only_the_last_text_is_known(tmp_path: Path) -> None:
    found = records_of("discourse", *_part(tmp_path, "topics", "users", "posts"), options=FORUM)
    assert [each.body for each in about(found, "117")] == ["Second text."]
    # What stands there now is Discourse's note, not what its author wrote.
    comment, deletion = about(found, "115")
    assert (comment.body, deletion.deleted_at) == (None, at("02 12:00"))
    (edits,) = (each for each in found if isinstance(each, LeftOut) and each.what == "edits")
    assert (edits.number, edits.why) == (3, "the export has only the last text")


def test_a_text_that_no_revision_explains_is_the_last_one(tmp_path: Path) -> None:
    paths = _part(tmp_path, "topics", "users", "posts", "post_revisions")
    paths[2].write_text(paths[2].read_text().replace("Second text.", "Third text."))
    found = records_of("discourse", *paths, options=FORUM)
    assert [each.body for each in about(found, "117")] == [
        "First text.",
        "First text, corrected.",
        "Second text.",
        "Third text.",
    ]
    assert about(found, "117")[-1].edited_at is None


@pytest.mark.parametrize("missing", ["topics", "posts", "users"])
def test_a_missing_table_is_named(tmp_path: Path, missing: str) -> None:
    names = [name for name in ("topics", "posts", "users") if name != missing]
    with pytest.raises(BelowTheLineError, match=f"The table {missing} is missing"):
        records_of("discourse", *_part(tmp_path, *names), options=FORUM)


def test_paths_need_a_host_before_anything_is_read(tmp_path: Path) -> None:
    paths = _part(tmp_path, "topics", "users", "posts")
    with pytest.raises(BelowTheLineError, match="paths and no host") as error:
        records_of("discourse", *paths, options=ReadingOptions())
    assert "--base-url" in (error.value.hint or "")
    with pytest.raises(BelowTheLineError, match=r"topics\.csv has paths"):
        records_of("discourse", *paths, *_part(tmp_path, "topic_embeds"), options=ReadingOptions())


@pytest.mark.parametrize("name", sorted(path.stem for path in TABLES.glob("*.csv")))
def test_each_table_is_known_by_its_header(tmp_path: Path, name: str) -> None:
    copied = Path(shutil.copy(TABLES / f"{name}.csv", tmp_path / "a file"))
    assert formats_that_recognise(copied)[0] == "discourse"


@pytest.mark.parametrize(
    "header", ["id,username,email", "id,name,slug", "post_id,name", "", '{"id": 1}']
)
def test_other_tables_are_not_recognised(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a file"
    path.write_text(f"{header}\n1,2,3\n")
    assert "discourse" not in formats_that_recognise(path)


def test_a_row_with_too_few_cells_is_rejected_alone(tmp_path: Path) -> None:
    paths = _part(tmp_path, "topics", "users", "posts")
    with paths[0].open("a") as topics:
        topics.write("16,Cut\n")
    found = records_of("discourse", *paths, options=FORUM)
    cut = next(each for each in found if each.place == line("topics", 9))
    assert isinstance(cut, Unreadable)
    assert cut.content == "16,Cut"


def _tables(folder: Path, **tables: Sequence[Mapping[str, object]]) -> list[Path]:
    """Write tables; the columns are those of the first row."""
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), restval="")
            writer.writeheader()
            writer.writerows(rows)
    return [folder / f"{name}.csv" for name in tables]


TOPIC = {
    "id": 12,
    "title": "The pond",
    "slug": "pond",
    "archetype": "regular",
    "created_at": "2023-04-01 00:00:00",
    "category_id": 7,
}
USERS = [
    {"id": 2, "username": "Mole", "trust_level": 1, "moderator": "t"},
    {"id": 3, "username": "shrew", "trust_level": 1, "moderator": "f"},
]
POST = {
    "id": 122,
    "topic_id": 12,
    "post_number": 2,
    "raw": "Muddy.",
    "user_id": 3,
    "created_at": "2023-04-03 08:00:00",
    "hidden": "f",
    "hidden_at": "",
    "deleted_at": "",
    "deleted_by_id": "",
    "last_version_at": "2023-04-03 08:00:00",
}
SHOWN = {"hidden_at": "2023-04-03 09:00:00"}
REMOVED = {**SHOWN, "deleted_at": "2023-04-05 09:00:00", "deleted_by_id": 2}


def _revision(created_at: str) -> Mapping[str, object]:
    changed = "---\nraw:\n- Dirty.\n- Muddy.\n"
    cells = {"post_id": 122, "modifications": changed, "number": 2, "created_at": created_at}
    return {**cells, "hidden": "f"}


@pytest.mark.parametrize(
    ("post", "revised_at", "shown_at"),
    [
        (SHOWN, "2023-04-03 10:00:00", at("03 10:00")),
        (REMOVED, "2023-04-03 10:00:00", at("03 10:00")),
        # What was changed before or after it says nothing.
        (REMOVED, "2023-04-03 08:30:00", at("03 09:00:00.000001")),
        (REMOVED, "2023-04-06 10:00:00", at("03 09:00:00.000001")),
        ({**REMOVED, "last_version_at": "2023-04-03 11:00:00"}, None, at("03 11:00")),
        (REMOVED, None, at("03 09:00:00.000001")),
        ({**REMOVED, "deleted_at": "2023-04-03 09:00:00"}, None, None),
    ],
)
def test_what_was_shown_again_and_then_removed_stays_removed(
    tmp_path: Path, post: Mapping[str, object], revised_at: str | None, shown_at: datetime | None
) -> None:
    tables: dict[str, Sequence[Mapping[str, object]]] = {
        "topics": [TOPIC],
        "users": USERS,
        "posts": [{**POST, **post}],
    }
    if revised_at:
        tables["post_revisions"] = [_revision(revised_at)]
    found = records_of("discourse", *_tables(tmp_path, **tables), options=FORUM)
    decisions = [each for each in found if isinstance(each, Moderation) and each.decided_at]
    assert len(decisions) == sum(isinstance(each, Moderation) for each in found)
    assert [each.decided_at for each in decisions if each.decision == "approved"] == (
        [shown_at] if shown_at else []
    )
    _, last = max((each.decided_at, each.decision) for each in decisions if each.decided_at)
    assert last == ("rejected" if "deleted_at" in post else "approved")


def test_a_flag_that_was_dismissed_after_the_removal_brings_nothing_back(tmp_path: Path) -> None:
    flag = {"id": 1, "post_id": 122, "user_id": 2, "post_action_type_id": 3}
    times = {"created_at": "2023-04-03 08:30:00", "disagreed_at": "2023-04-06 09:00:00"}
    found = records_of(
        "discourse",
        *_tables(
            tmp_path,
            topics=[TOPIC],
            users=USERS,
            posts=[{**POST, **REMOVED}],
            post_actions=[{**flag, **times, "disagreed_by_id": 2}],
        ),
        options=FORUM,
    )
    assert [(each.decision, each.decided_at) for each in found if isinstance(each, Moderation)] == [
        ("rejected", at("03 09:00")),
        ("approved", at("03 09:00:00.000001")),
        ("rejected", at("05 09:00")),
    ]


def test_topics_of_restricted_categories_are_left_out_with_all_that_is_in_them(
    tmp_path: Path,
) -> None:
    category = {"id": 7, "name": "Staff", "slug": "staff", "text_color": "FFFFFF", "topic_id": ""}
    waiting = {
        "id": 9,
        "type": "ReviewableQueuedPost",
        "status": 0,
        "target_id": "",
        "topic_id": 12,
        "payload": '{"raw": "Still waiting."}',
        "created_at": "2023-04-03 09:00:00",
    }
    tables: dict[str, Sequence[Mapping[str, object]]] = {
        "topics": [TOPIC],
        "users": USERS,
        "posts": [POST],
        "reviewables": [waiting],
    }
    categories = [{**category, "read_restricted": "t"}]
    found = records_of(
        "discourse", *_tables(tmp_path, categories=categories, **tables), options=FORUM
    )
    why = "not everybody may read them"
    assert found == [
        LeftOut(line("topics", 2), "topics of restricted categories", why),
        LeftOut(line("reviewables", 2), "posts in topics of restricted categories", why, 2),
    ]
    categories = [{**category, "read_restricted": "f"}]
    found = records_of(
        "discourse", *_tables(tmp_path, categories=categories, **tables), options=FORUM
    )
    assert [type(each) for each in found] == [Article, Comment, Comment]


@pytest.mark.parametrize("payload", ['{"raw": "Muddy.", "created_post_id": 122}', "{}"])
def test_an_approved_post_is_never_one_that_waits(tmp_path: Path, payload: str) -> None:
    approved = {
        "id": 9,
        "type": "ReviewableQueuedPost",
        "status": 1,
        "target_id": "",
        "topic_id": 12,
        "payload": payload,
        "created_at": "2023-04-03 07:00:00",
    }
    tables: dict[str, Sequence[Mapping[str, object]]] = {
        "topics": [TOPIC],
        "users": USERS,
        "posts": [POST],
        "reviewables": [approved],
    }
    found = records_of("discourse", *_tables(tmp_path, **tables), options=FORUM)
    (comment,) = (each for each in found if isinstance(each, Comment))
    assert comment.comment_id == "122"
    if "created_post_id" in payload:
        assert (comment.held, comment.posted_at) == (True, at("03 07:00"))
    else:
        assert (comment.held, comment.posted_at) == (False, at("03 08:00"))
        assert [each.what for each in found if isinstance(each, LeftOut)] == [
            "approvals that do not say of which post"
        ]


def test_a_date_is_not_the_time_of_a_post(tmp_path: Path) -> None:
    posts = [{**POST, "created_at": "2023-04-03"}]
    topics = [{**TOPIC, "created_at": "2023-04-01"}]
    found = records_of(
        "discourse", *_tables(tmp_path, topics=topics, users=USERS, posts=posts), options=FORUM
    )
    article, comment = found
    assert isinstance(article, Article)
    assert article.published_at == at("01 00:00")
    assert isinstance(comment, Unreadable)
    assert comment.reason == "has a time that is a date without a time of day: 2023-04-03"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,username,admin", "has columns of the table users, but not moderator"),
        ("id,name,slug,text_color", "has columns of the table categories, but not topic_id"),
        ("colour,size", "is not a table of Discourse that is read"),
    ],
)
def test_a_column_that_a_table_lacks_is_named(tmp_path: Path, header: str, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\n")
    with pytest.raises(BelowTheLineError, match=rf"x\.csv {message}"):
        records_of("discourse", path)


def test_columns_that_are_not_read_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for header in ("id,username,moderator", "id,name,topic_id"):
        path.write_text(f"{header}\n")
        assert formats_that_recognise(path) == ["discourse"]
