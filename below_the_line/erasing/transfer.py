"""Erasures as a file of JSON lines: for another installation that reads the same topics.

The file names nobody: people stand in it by their pseudonyms. The first line has the proof of the
key that made them, so that it is imported only where the same key is used.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, get_args

import psycopg

from below_the_line.database.connections import require_idle
from below_the_line.erasing.erasures import SubjectKind
from below_the_line.erasing.keys import PSEUDONYM_PREFIX, ErasureKey, key_problem
from below_the_line.erasing.recording import Recorded, Wish, raised_version, stored
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql
from below_the_line.times import said

FORMAT: Final = "below-the-line erasures 1"
_HINT: Final = "Give a file that `btl erase --export` wrote."


def exported(connection: psycopg.Connection) -> Iterator[str]:
    """Yield all erasures as lines of JSON, those that are still to be carried out among them.

    Needs an idle connection, and leaves it idle.
    """
    require_idle(connection)
    with connection.transaction():
        row = connection.execute(sql("erasing/key_check.sql")).fetchone()
        yield json.dumps({"format": FORMAT, "key_check": None if row is None else row[0]})
        for kind, pseudonym, article_id, comment_id, erased_at in connection.execute(
            sql("erasing/exported.sql")
        ):
            document = {
                "kind": kind,
                "pseudonym": pseudonym,
                "article_id": article_id,
                "comment_id": comment_id,
                "erased_at": said(erased_at),
            }
            yield json.dumps({name: value for name, value in document.items() if value is not None})


def imported(
    connection: psycopg.Connection,
    key: ErasureKey,
    lines: Iterable[str],
    requested_by: str | None = None,
) -> Recorded:
    """Record the erasures of a file, all or none. Those that are new here are then to be carried
    out: the tables may have what they forget.

    Needs an idle connection, and commits on it. Safe to repeat. Raises BelowTheLineError for a file
    that was made with another key, and for a line that is not an erasure, by its number.
    """
    require_idle(connection)
    numbered = enumerate(lines, start=1)
    first = _document(*next(numbered, (1, "")))
    if first.get("format") != FORMAT:
        raise BelowTheLineError("The file does not hold erasures: its first line differs.", _HINT)
    if key_problem(key, first.get("key_check")) is not None:
        raise BelowTheLineError(
            "The erasures of the file were made with another key.",
            "Set BTL_ERASURE_KEY to the key of the installation that they come from. One that has"
            " erasures of its own keeps its key: erase the people by their ids instead.",
        )
    wishes: dict[Any, Wish] = {}
    for number, line in numbered:
        wish = _wish(number, _document(number, line))
        place = wish[:4]
        if place not in wishes or wishes[place].erased_at < wish.erased_at:
            wishes[place] = wish
    with connection.transaction():
        version, now = raised_version(connection, key)
        pending, unchanged = stored(
            connection, list(wishes.values()), version, "import", requested_by
        )
    latest = max((wish.erased_at for wish in wishes.values()), default=now)
    return Recorded(latest, pending, unchanged)


def _document(number: int, line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BelowTheLineError(f"Line {number} is not a JSON object.", _HINT)
    return document


def _wish(number: int, document: dict[str, Any]) -> Wish:
    kind: Any = document.get("kind")
    pseudonym = document.get("pseudonym")
    article_id, comment_id = document.get("article_id"), document.get("comment_id")
    try:
        erased_at = datetime.fromisoformat(document["erased_at"])
    except (KeyError, TypeError, ValueError):
        erased_at = None
    is_person = isinstance(pseudonym, str) and pseudonym.startswith(PSEUDONYM_PREFIX)
    is_comment = isinstance(article_id, str) and isinstance(comment_id, str)
    if (
        kind not in get_args(SubjectKind)
        or erased_at is None
        or erased_at.tzinfo is None
        or (kind == "comment") != is_comment
        or (kind != "comment") != is_person
    ):
        raise BelowTheLineError(f"Line {number} is not an erasure.", _HINT)
    return Wish(kind, pseudonym, article_id, comment_id, erased_at, None)
