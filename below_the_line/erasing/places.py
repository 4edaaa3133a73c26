"""The places that wiping changes: for each the statements that find, lock and wipe its rows, and
what is computed between them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from below_the_line.erasing.keys import ErasureKey, keyed_version

Row = tuple[Any, ...]
Columns = Mapping[str, Sequence[Any]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """A table whose rows are wiped in chunks of keys: one statement locks the rows that are due,
    another one wipes them.
    """

    table: str
    keys: tuple[str, ...]
    """The parameters for the keys of a chunk, each an array."""
    wiped: Callable[[ErasureKey, str | None, Sequence[Row]], Columns]
    """What the second statement is given for the rows of the first. The text is the pseudonym of
    the erasure; None: a comment's.
    """

    is_wiped: Callable[[Row, str | None], bool]
    """Whether a row of the first statement loses something, for the count. Of others only the time
    of the erasure rises.
    """

    @property
    def name(self) -> str:
        """The place, as the certificate has it."""
        return f"discussion.{self.table}"

    def statement(self, name: str) -> str:
        """Return the path of one of its statements below sql/: ``of_person``, ``due`` or
        ``wipe``.
        """
        return f"erasing/{self.table}/{name}.sql"


def until(erased_at: datetime) -> bytes:
    """Return what versions of events up to this time are less than, and all later ones not
    (``contracts.events.order_key``).
    """
    after = (erased_at - _EPOCH) // timedelta(microseconds=1) + 1
    return (after + (1 << 63)).to_bytes(8, "big")


def columns(names: Sequence[str], rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return rows as one array for each name."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _keyed(key: ErasureKey, versions: Sequence[bytes | None]) -> list[bytes | None]:
    return [None if version is None else keyed_version(key, version) for version in versions]


def _comments(key: ErasureKey, pseudonym: str | None, rows: Sequence[Row]) -> Columns:
    found = columns(
        ("article_ids", "comment_ids", "user_ids", "posted_versions", "edited_versions"), rows
    )
    if pseudonym is not None:
        found["user_ids"] = [pseudonym] * len(rows)
    return found | {
        name: _keyed(key, found[name]) for name in ("posted_versions", "edited_versions")
    }


def _events(key: ErasureKey, _pseudonym: str | None, rows: Sequence[Row]) -> Columns:
    found = columns(("article_ids", "sources", "event_ids", "digests", "versions"), rows)
    keyed_digests = [key.keyed(digest) for digest in found["digests"]]
    return found | {
        "keyed_digests": keyed_digests,
        "versions": _keyed(key, found["versions"]),
    }


def _reports(key: ErasureKey, _pseudonym: str | None, rows: Sequence[Row]) -> Columns:
    found = columns(("article_ids", "comment_ids", "report_ids", "reported_versions"), rows)
    return found | {"reported_versions": _keyed(key, found["reported_versions"])}


def _reactions(key: ErasureKey, _pseudonym: str | None, rows: Sequence[Row]) -> Columns:
    found = columns(("article_ids", "comment_ids", "reactions", "versions"), rows)
    return found | {"versions": _keyed(key, found["versions"])}


def _loses_something(row: Row, pseudonym: str | None) -> bool:
    _, _, user_id, posted_version, edited_version = row
    return (pseudonym is not None and user_id != pseudonym) or bool(
        posted_version or edited_version
    )


def _always(_row: Row, _pseudonym: str | None) -> bool:
    return True


def _has_version(row: Row, _pseudonym: str | None) -> bool:
    return row[-1] is not None


COMMENTS: Final = Place("comments", ("article_ids", "comment_ids"), _comments, _loses_something)
COMMENT_EDITS: Final = Place("comment_edits", ("article_ids", "comment_ids"), _events, _always)
REPORTS: Final = Place(
    "reports", ("article_ids", "comment_ids", "report_ids"), _reports, _has_version
)
REPORT_DECISIONS: Final = Place(
    "report_decisions", ("article_ids", "comment_ids", "report_ids"), _events, _always
)
REACTIONS: Final = Place(
    "reactions", ("article_ids", "comment_ids", "reactions"), _reactions, _always
)

METRICS: Final = ("article_reporters", "reporter_accuracy", "open_reports")
"""Tables of schema metrics in which a signed-in person stands by id, besides article_commenters,
each with one statement of its name. In this order: the second asks whether the first has the person
no more.
"""
