"""The collections of Coral: by what a document is recognised, and version 4 in the form of later
ones.

Coral was called Talk until version 4. Then it had other names: asset for story, ACCEPTED for
APPROVED, ``author_id`` for ``authorID``; its texts were plain, and a comment kept the history of
its status itself. Seen in Coral's source (server/src/core/server/models, and models/schema of
version 4) and in its own importer.
"""

from collections.abc import Mapping
from typing import Any, Literal

Document = dict[str, Any]
Collection = Literal[
    "stories",
    "comments",
    "commentActions",
    "commentModerationActions",
    "dsaReports",
    "users",
    "sites",
    "tenants",
    "others",
]

_MEMBERS: tuple[tuple[Collection, frozenset[str]], ...] = (
    ("comments", frozenset(("storyID", "revisions", "status"))),
    ("comments", frozenset(("asset_id", "status", "author_id"))),
    ("dsaReports", frozenset(("commentID", "lawBrokenDescription"))),
    ("commentActions", frozenset(("commentID", "actionType"))),
    ("commentActions", frozenset(("item_id", "action_type"))),
    ("commentModerationActions", frozenset(("commentID", "moderatorID", "status"))),
    ("tenants", frozenset(("closeCommenting", "organization"))),
    ("sites", frozenset(("allowedOrigins", "name"))),
    ("stories", frozenset(("url", "commentCounts"))),
    ("stories", frozenset(("url", "tenantID", "siteID"))),
    ("stories", frozenset(("url", "scraped"))),
    ("stories", frozenset(("url", "publication_date"))),
    ("users", frozenset(("role", "profiles", "tenantID"))),
    ("users", frozenset(("role", "status", "tenantID"))),
    ("users", frozenset(("role", "lowercaseUsername"))),
    ("users", frozenset(("role", "profiles", "ignoresUsers"))),
    ("others", frozenset(("tenantID",))),
    ("others", frozenset(("wordlist", "moderation"))),
)
"""What the documents of a collection have; the first one that fits counts."""

FILE_NAMES: Mapping[str, Collection] = {
    "stories": "stories",
    "assets": "stories",
    "comments": "comments",
    "archivedComments": "comments",
    "commentActions": "commentActions",
    "actions": "commentActions",
    "archivedCommentActions": "commentActions",
    "commentModerationActions": "commentModerationActions",
    "archivedCommentModerationActions": "commentModerationActions",
    "dsaReports": "dsaReports",
    "users": "users",
}
"""Names of files without documents, which only their names can identify."""

_ACTION_TYPES = {"FLAG": "FLAG", "DONTAGREE": "DONT_AGREE"}
_FLAGS = {
    "COMMENT_OFFENSIVE": "COMMENT_REPORTED_OFFENSIVE",
    "COMMENT_SPAM": "COMMENT_REPORTED_SPAM",
    "COMMENT_OTHER": "COMMENT_REPORTED_OTHER",
    "BANNED_WORD": "COMMENT_DETECTED_BANNED_WORD",
    "SUSPECT_WORD": "COMMENT_DETECTED_SUSPECT_WORD",
    "LINKS": "COMMENT_DETECTED_LINKS",
    "SPAM_COMMENT": "COMMENT_DETECTED_SPAM",
    "TOXIC_COMMENT": "COMMENT_DETECTED_TOXIC",
    "TRUST": "COMMENT_DETECTED_RECENT_HISTORY",
}
"""The reasons of flags in version 4."""


def collection_of(document: Document) -> Collection | None:
    """Return the collection that a document is from; None: it is not Coral's."""
    names = document.keys()
    return next((found for found, members in _MEMBERS if members <= names), None)


def is_version_4(document: Document) -> bool:
    """Whether a document of a collection that is read is of Coral 4, when it was called Talk."""
    return "tenantID" not in document and "created_at" in document


def story(asset: Document) -> Document:
    """Return an asset of version 4 as a story."""
    return {
        "id": asset.get("id"),
        "url": asset.get("url"),
        "closedAt": asset.get("closedAt"),
        "settings": asset.get("settings"),
        "metadata": {
            "title": asset.get("title"),
            "author": asset.get("author"),
            "section": asset.get("section"),
            "publishedAt": asset.get("publication_date"),
            "modifiedAt": asset.get("modified_date"),
        },
    }


def comment(old: Document) -> Document:
    """Return a comment of version 4 in today's form.

    ``isPlain`` says that its texts are not HTML; ``decisions`` are the later items of its status
    history as moderation actions.
    """
    first, *later = old.get("status_history") or [{}]
    texts = old.get("body_history") or []
    if not texts and old.get("body"):
        texts = [{"body": old["body"], "created_at": old.get("created_at")}]
    return {
        "id": old.get("id"),
        "storyID": old.get("asset_id"),
        "authorID": old.get("author_id"),
        "parentID": old.get("parent_id"),
        "status": _status(old.get("status")),
        "initialStatus": _status(first.get("type")),
        "createdAt": old.get("created_at"),
        "deletedAt": old.get("deleted_at"),
        "childCount": old.get("reply_count"),
        "actionCounts": _counts(old.get("action_counts") or {}),
        "isPlain": True,
        "revisions": [
            {"body": text.get("body"), "createdAt": text.get("created_at")} for text in texts
        ],
        "tags": [{"type": (tag.get("tag") or {}).get("name")} for tag in old.get("tags") or []],
        "decisions": [
            {
                "status": _status(item.get("type")),
                "moderatorID": item.get("assigned_by"),
                "createdAt": item.get("created_at"),
            }
            for item in ([first, *later] if _is_decided_at_once(first) else later)
        ],
    }


def action(old: Document) -> Document:
    """Return an action of version 4 in today's form. ``reaction`` is the name of a reaction;
    ``itemType`` says what the action is about, COMMENTS or USERS.
    """
    kind = str(old.get("action_type"))
    group = old.get("group_id")
    return {
        "id": old.get("id"),
        "actionType": _ACTION_TYPES.get(kind, "REACTION"),
        "commentID": old.get("item_id"),
        "userID": old.get("user_id"),
        "createdAt": old.get("created_at"),
        "reason": _FLAGS.get(str(group)),
        "additionalDetails": (old.get("metadata") or {}).get("message"),
        "reaction": kind.lower(),
        "itemType": old.get("item_type"),
    }


def user(old: Document) -> Document:
    """Return a user of version 4 in today's form."""
    status = old.get("status") or {}
    return {
        "id": old.get("id"),
        "username": (old.get("metadata") or {}).get("displayName") or old.get("username"),
        "role": old.get("role"),
        "status": {
            "ban": {"history": (status.get("banned") or {}).get("history") or []},
            "suspension": {"history": (status.get("suspension") or {}).get("history") or []},
        },
    }


def _status(status: Any) -> Any:
    return "APPROVED" if status == "ACCEPTED" else status


def _is_decided_at_once(first: Document) -> bool:
    """Whether the first status is a decision: of a person, or a rejection."""
    return first.get("type") == "REJECTED" or bool(first.get("assigned_by"))


def _counts(counts: Document) -> Document:
    """Return the counts of version 4 under today's names; in it they have small letters."""
    found: Document = {}
    for name, count in counts.items():
        kind, _, group = name.upper().partition("_")
        if kind == "FLAG":
            key = f"FLAG__{_FLAGS.get(group, 'COMMENT_REPORTED_OTHER')}" if group else "FLAG"
        else:
            key = _ACTION_TYPES.get(kind, f"REACTION:{name.lower()}")
        found[key] = count
    return found
