"""Rows of an archive are what the contracts allow, and as they were."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from below_the_line.contracts.events import order_key
from below_the_line.contracts.times import from_datetime
from btl.archives.archived_rows import ArchivedRowReader
from btl.archives.layout import ARCHIVED, ArchivedTable
from btl.archives.records import UnreadableRowError

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AT = datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)
DIGEST = bytes(range(32))


def version(
    at: datetime = AT, event_id: str = "e1", source: str = "/a", digest: bytes = DIGEST
) -> bytes:
    return order_key(from_datetime(at), event_id, source, digest)


def table(name: str) -> ArchivedTable:
    (found,) = (each for each in ARCHIVED if each.name == name)
    return found


POSTED = {
    "user_id": "otter",
    "display_name": "Otter",
    "role": "reader",
    "parent_comment_id": None,
    "posted_at": AT.isoformat(),
    "held": False,
    "first_body": "Rain\n\U0001f600",
    "posted_version": version().hex(),
}
EVENT = {
    "source": "/a",
    "event_id": "e1",
    "digest": DIGEST.hex(),
    "occurred_at": AT.isoformat(),
    "version": version().hex(),
}
SETTINGS = {
    **dict.fromkeys(
        ("section", "topics", "bylines", "language", "updated_at", "discussion_enabled")
    ),
    "discussion_closes_at": None,
    "discussion_window_hours": None,
}
CONTENT = {"url": "https://example.org/1", "headline": "Rain", "site": "north", **SETTINGS}
VALID: dict[str, dict[str, Any]] = {
    "articles": {
        **CONTENT,
        "topics": ["weather", ""],
        "discussion_closes_at": "2100-12-31T23:59:59+00:00",
        "content_version": version().hex(),
        "status": "published",
        "status_changed_at": AT.isoformat(),
        "status_version": version().hex(),
    },
    "article_versions": {
        **EVENT,
        **CONTENT,
        "event_type": "published",
        "published_at": (NOW + timedelta(days=300)).isoformat(),
        "published_at_corrected": None,
        "unpublished_at": None,
        "unpublished_reason": None,
    },
    "discussion_overrides": {
        **EVENT,
        "action": "close",
        "closes_at": None,
        "reason": "legal",
        "decided_by": "desk",
        "decided_at": AT.isoformat(),
    },
    "comments": {"comment_id": "c1", **POSTED},
    "comment_edits": {**EVENT, "comment_id": "c1", "body": "Sun", "edited_at": AT.isoformat()},
    "moderation_decisions": {
        **EVENT,
        "comment_id": "c1",
        "decision": "rejected",
        "reason": "spam",
        "decided_by": "desk",
        "automated": True,
        "decided_at": AT.isoformat(),
    },
    "reports": {
        "comment_id": "c1",
        "report_id": "r1",
        "reporter_user_id": "heron",
        "reporter_anonymous_id": None,
        "reason": "spam",
        "note": None,
        "law": None,
        "reported_at": AT.isoformat(),
        "reported_version": version().hex(),
        "withdrawn_at": None,
        "withdrawn_version": None,
    },
    "report_decisions": {
        **EVENT,
        "comment_id": "c1",
        "report_id": "r1",
        "decision": "upheld",
        "decided_by": "desk",
        "decided_at": AT.isoformat(),
        "explanation": None,
    },
    "reactions": {
        "comment_id": "c1",
        "user_id": "heron",
        "reaction": "like",
        "is_on": False,
        "state_version": version().hex(),
        "first_added_at": None,
    },
    "closing_rules": {
        "rule_id": 1,
        "scope": "all",
        "site": None,
        "section": None,
        "window_hours": 336,
        "reactions_window_hours": 0,
        "valid_from": "-infinity",
        "created_at": "1990-01-01T00:00:00+00:00",
        "created_by": "desk",
        "note": None,
        "retroactive": True,
    },
}
"""One row of each table, without what later releases may add."""


def read(name: str, **changes: Any) -> dict[str, Any]:
    row = {"article_id": "a1"} if name != "closing_rules" else {}
    line = json.dumps(row | VALID[name] | changes).encode()
    values = ArchivedRowReader(table(name), NOW).from_json(line)
    return dict(zip((column for column, _ in table(name).columns), values, strict=True))


@pytest.mark.parametrize("name", [each.name for each in ARCHIVED])
def test_a_row_comes_back_with_its_values(name: str) -> None:
    found = read(name)
    for column, value in VALID[name].items():
        match found[column]:
            case bytes() as digits:
                assert digits.hex() == value
            case datetime() as moment:
                assert moment == datetime.fromisoformat(value)
            case other:
                assert other == value, column


def test_a_row_made_by_a_later_event_alone_is_fine() -> None:
    stub = {
        **dict.fromkeys(POSTED),
        "deleted_at": AT.isoformat(),
        "deleted_version": version().hex(),
    }
    assert read("comments", **stub)["deleted_at"] == AT


def test_an_unpublished_version_has_no_content() -> None:
    changes = dict.fromkeys(CONTENT) | {
        "event_type": "unpublished",
        "published_at": None,
        "unpublished_at": AT.isoformat(),
    }
    assert read("article_versions", **changes)["unpublished_at"] == AT
    with pytest.raises(UnreadableRowError, match="headline is set, although it is unpublished"):
        read("article_versions", **{**changes, "headline": "Rain"})
    with pytest.raises(UnreadableRowError, match="unpublished_at is null"):
        read("article_versions", **{**changes, "unpublished_at": None})


def test_members_that_depend_on_each_other_are_accepted_as_events_have_them() -> None:
    later = "2026-05-02T10:00:00+00:00"
    for action, closes_at in [("extend", later), ("reopen", None), ("close", AT.isoformat())]:
        assert read("discussion_overrides", action=action, closes_at=closes_at)["action"] == action
    assert read("reports", reason="other", note="x")["note"] == "x"
    assert read("reports", reason="illegal_content", law="x")["law"] == "x"
    anonymous = {"reporter_user_id": None, "reporter_anonymous_id": "cookie"}
    assert read("reports", **anonymous)["reporter_anonymous_id"] == "cookie"
    withdrawn = dict.fromkeys(VALID["reports"].keys() - {"comment_id", "report_id"}) | {
        "withdrawn_at": AT.isoformat(),
        "withdrawn_version": version().hex(),
    }
    assert read("reports", **withdrawn)["withdrawn_at"] == AT


def test_columns_that_an_older_archive_does_not_have_are_null() -> None:
    line = json.loads(json.dumps({"article_id": "a1"} | VALID["articles"]))
    del line["language"], line["bylines"]
    reader = ArchivedRowReader(table("articles"), NOW)
    for row in (reader.from_json(json.dumps(line).encode()), reader.from_values(line)):
        values = dict(zip((name for name, _ in table("articles").columns), row, strict=True))
        assert (values["language"], values["bylines"]) == (None, None)
        assert values["headline"] == "Rain"


def test_a_rule_that_never_holds_is_accepted() -> None:
    assert read("closing_rules", valid_from="infinity", retroactive=False)["valid_from"] == (
        "infinity"
    )


def test_what_is_wrong_with_a_line_is_said_in_proper_words() -> None:
    with pytest.raises(UnreadableRowError, match=r"^JSON is malformed"):
        ArchivedRowReader(table("comments"), NOW).from_json(b"{x")


BOTH_ENDS = {
    "discussion_closes_at": "2100-12-31T23:59:59+00:00",
    "discussion_window_hours": 24,
}
LONG, WIDE = "x" * 201, "é" * 101
FUTURE = (NOW + timedelta(minutes=6)).isoformat()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        # Types and members.
        ("comments", {"held": 1}, "held: expected bool | null, got int"),
        ("comments", {"held": None}, "held is null"),
        ("comments", {"colour": "red"}, "object contains unknown field colour"),
        ("articles", {"topics": [1]}, "topics"),
        ("articles", {"discussion_window_hours": 0}, "discussion_window_hours"),
        ("closing_rules", {"rule_id": "1"}, "rule_id"),
        # Lengths.
        ("comments", {"article_id": ""}, "article_id"),
        ("comments", {"comment_id": None}, "comment_id is null"),
        ("comments", {"comment_id": LONG}, "comment_id"),
        ("comments", {"comment_id": WIDE}, "comment_id has more than 200 bytes"),
        ("comments", {"user_id": WIDE}, "user_id has more than 200 bytes"),
        ("comments", {"first_body": ""}, "first_body"),
        ("comments", {"first_body": "a\0b"}, "first_body has the character U+0000"),
        ("articles", {"bylines": ["a\0"]}, "U+0000"),
        ("reactions", {"reaction": "thumbs up"}, "reaction"),
        ("reactions", {"reaction": "é" * 33}, "reaction has more than 64 bytes"),
        ("articles", {"url": "ftp://example.org"}, "url"),
        # Enumerations.
        ("comments", {"role": "editor"}, "role: invalid enum value 'editor'"),
        ("articles", {"status": "gone"}, "status: invalid enum value 'gone'"),
        ("reports", {"reason": "boring"}, "reason: invalid enum value 'boring'"),
        ("report_decisions", {"decision": "maybe"}, "decision"),
        ("discussion_overrides", {"action": "pause"}, "action"),
        ("closing_rules", {"scope": "site"}, "scope is site, which does not fit"),
        # Times.
        ("comments", {"posted_at": FUTURE}, "posted_at is out of bounds"),
        ("comments", {"posted_at": "1989-12-31T23:59:59+00:00"}, "posted_at is out of bounds"),
        ("comments", {"posted_at": "2026-05-01"}, "posted_at"),
        ("comments", {"posted_at": "2026-05-01T10:00:00"}, "posted_at has no offset from UTC"),
        (
            "article_versions",
            {"published_at": (NOW + timedelta(days=401)).isoformat()},
            "published_at is out of bounds",
        ),
        ("articles", {"discussion_closes_at": "2101-01-01T00:00:00Z"}, "out of bounds"),
        ("closing_rules", {"valid_from": "soon"}, "valid_from is neither a time nor -infinity"),
        ("closing_rules", {"retroactive": False}, "it is not retroactive"),
        # Members that depend on each other.
        (
            "discussion_overrides",
            {"action": "extend"},
            "its action and closes_at do not fit together",
        ),
        (
            "discussion_overrides",
            {"action": "reopen", "closes_at": AT.isoformat()},
            "to reopen, closes_at must lie after decided_at",
        ),
        ("reports", {"reason": "other"}, "its reason, note and law do not fit together"),
        ("reports", {"reason": "other", "note": ""}, "do not fit together"),
        ("reports", {"reason": "illegal_content", "note": "x"}, "do not fit together"),
        (
            "reports",
            {"reporter_anonymous_id": "cookie"},
            "its reporter_user_id and reporter_anonymous_id do not fit together",
        ),
        ("reports", {"reporter_user_id": None}, "do not fit together"),
        ("articles", BOTH_ENDS, "discussion_closes_at and discussion_window_hours do not fit"),
        ("article_versions", BOTH_ENDS, "do not fit together"),
        # Registers.
        ("comments", {"posted_at": None}, "posted_at is null"),
        ("comments", {"posted_version": None}, "user_id is set, but posted_version is null"),
        ("comments", {"edited_body": "x"}, "edited_body is set, but edited_version is null"),
        ("comments", dict.fromkeys(POSTED), "it has no version: no event can have made it"),
        ("reactions", {"state_version": None}, "state_version is null"),
        ("reactions", {"is_on": None}, "is_on is null"),
        # Versions.
        ("comments", {"posted_version": "xyz"}, "lower-case hexadecimal digits"),
        ("comments", {"posted_version": version().hex().upper()}, "lower-case hexadecimal digits"),
        ("comments", {"posted_version": version()[:40].hex()}, "is not the version of an event"),
        ("comments", {"posted_version": version(event_id="").hex()}, "wrong length"),
        ("comments", {"posted_version": version(source=LONG).hex()}, "wrong length"),
        (
            "comments",
            {"posted_version": version(at=NOW + timedelta(hours=1)).hex()},
            "posted_version has a time that is out of bounds",
        ),
        ("comment_edits", {"digest": "00"}, "digest is not a SHA-256"),
        ("comment_edits", {"digest": "00" * 32}, "version is not made of the row's"),
        ("comment_edits", {"event_id": "e2"}, "version is not made of the row's"),
        ("comment_edits", {"source": "/b"}, "version is not made of the row's"),
        ("comment_edits", {"version": version(event_id="e2").hex()}, "version is not made of"),
        ("comment_edits", {"occurred_at": "2026-05-01T10:00:00Z"}, "version is not made of"),
    ],
)
def test_a_row_that_no_event_makes_is_refused(
    name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnreadableRowError) as caught:
        read(name, **changes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"null", b'{"article_id": "\xff"}', b"{}", b'{"a": NaN}']
)
def test_a_line_that_is_not_a_row_is_refused(line: bytes) -> None:
    for each in ARCHIVED:
        with pytest.raises(UnreadableRowError):
            ArchivedRowReader(each, NOW).from_json(line)


ERASED_COMMENT = {
    "user_id": "erased:0123456789abcdef0123456789abcdef",
    "display_name": "",
    "first_body": "",
    "edited_body": "",
    "edited_at": AT.isoformat(),
    "edited_version": version().hex(),
    "erased_at": AT.isoformat(),
}
ERASED_REPORT = {"reason": "illegal_content", "erased_at": AT.isoformat()}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("comments", ERASED_COMMENT),
        ("comments", {"erased_at": AT.isoformat()}),
        ("comment_edits", {"body": ""}),
        ("reports", ERASED_REPORT),
    ],
)
def test_what_an_erasure_left_can_be_read(name: str, changes: dict[str, Any]) -> None:
    assert read(name, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("comments", ERASED_COMMENT | {"erased_at": None}, "display_name is empty, but not erased"),
        (
            "comments",
            ERASED_COMMENT | {"edited_version": version(AT + timedelta(seconds=1)).hex()},
            "edited_body is empty, but not erased",
        ),
        ("comments", ERASED_COMMENT | {"erased_at": "2027-01-01T00:00:00+00:00"}, "out of bounds"),
        ("reports", ERASED_REPORT | {"erased_at": None}, "do not fit together"),
        (
            "reports",
            ERASED_REPORT | {"reported_version": version(AT + timedelta(seconds=1)).hex()},
            "do not fit together",
        ),
        ("report_decisions", {"explanation": ""}, "explanation"),
    ],
)
def test_a_text_is_empty_only_where_it_is_erased(
    name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnreadableRowError, match=message):
        read(name, **changes)
