"""Certificates: what an erasure found and removed, for the person who asked. Numbers and places,
and nothing of what stood there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from below_the_line import __version__
from below_the_line.erasing.erasures import Origin, SubjectKind
from below_the_line.erasing.keys import PSEUDONYM_PREFIX
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql
from below_the_line.times import said

WHOM: Final[Mapping[SubjectKind, str]] = {
    "user": "a signed-in person",
    "reporter": "a person who reported without signing in",
    "comment": "one comment",
}
"""Whom an erasure is about, by kind."""
BY: Final[Mapping[Origin, str]] = {
    "command": "the command btl erase",
    "dag": "the DAG erase_commenter",
    "event": "an event commenter.erased",
    "import": "an import of erasures",
}
"""Who asked for an erasure, by origin."""
_CASE = re.compile(r"[0-9a-f]{12}|comment-([1-9][0-9]{0,17})")
_CASE_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known of one erasure."""

    erasure_id: int
    kind: SubjectKind
    pseudonym: str | None
    erased_at: datetime
    origin: Origin
    requested_at: datetime
    completed_at: datetime | None
    """None: it is still to be carried out."""
    found: Mapping[str, int]
    """Numbers of rows that were wiped, by place."""

    @property
    def case(self) -> str:
        """The case number: 12 digits of the pseudonym, or ``comment-`` and a number."""
        return (
            f"comment-{self.erasure_id}" if self.pseudonym is None else case_number(self.pseudonym)
        )

    def as_document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "case": self.case,
            "about": self.kind,
            "erased_up_to": self.erased_at,
            "asked_for_at": self.requested_at,
            "asked_for_by": self.origin,
            "completed_at": self.completed_at,
            "removed": dict(sorted(self.found.items())),
            "removed_in_all": sum(self.found.values()),
            "software": f"below-the-line {__version__}",
        }

    def as_text(self) -> str:
        """Return it for a person, with a line feed at the end."""
        done = "not completed yet" if self.completed_at is None else said(self.completed_at)
        lines = [
            "Certificate of erasure",
            "",
            *_labelled(
                {
                    "Case": self.case,
                    "About": WHOM[self.kind],
                    "Erased": f"what was written up to {said(self.erased_at)}",
                    "Asked for": f"{said(self.requested_at)}, by {BY[self.origin]}",
                    "Completed": done,
                    "Software": f"Below the Line {__version__}",
                }
            ),
            "",
            *self._places(),
        ]
        return "\n".join(lines) + "\n"

    def _places(self) -> list[str]:
        rows = {place: count for place, count in sorted(self.found.items()) if count}
        if not rows:
            return ["Nothing was found in the database."]
        width = max(len(f"{count:,}") for count in rows.values())
        return ["Found and removed:", ""] + [
            f"  {count:>{width},}  {place}" for place, count in rows.items()
        ]


def case_number(pseudonym: str) -> str:
    """Return the case number of a person, which is the same for ever."""
    return pseudonym.removeprefix(PSEUDONYM_PREFIX)[:_CASE_DIGITS]


def certificates(connection: psycopg.Connection, erasure_ids: Sequence[int]) -> list[Certificate]:
    """Return the certificates of erasures, by number."""
    return _read(connection, list(erasure_ids), None)


def of_case(connection: psycopg.Connection, case: str) -> Certificate:
    """Return the certificate of a case number. Raises BelowTheLineError if there is none."""
    match = _CASE.fullmatch(case)
    if match is None:
        raise BelowTheLineError(
            f"{case!r} is not a case number.",
            "It has 12 hexadecimal digits, or is comment- and a number; `btl erase` prints it.",
        )
    found = (
        _read(connection, None, f"{PSEUDONYM_PREFIX}{case}%")
        if match[1] is None
        else [each for each in _read(connection, [int(match[1])], None) if each.kind == "comment"]
    )
    if not found:
        raise BelowTheLineError(
            f"There is no erasure with the case number {case}.",
            "Was it done in another installation, or with another key?",
        )
    return found[0]


def earlier(connection: psycopg.Connection, pseudonym: str) -> Certificate | None:
    """Return the erasure of a person; None: this person was not erased."""
    return next(iter(_read(connection, None, pseudonym)), None)


def _read(
    connection: psycopg.Connection, erasure_ids: list[int] | None, like: str | None
) -> list[Certificate]:
    with connection.cursor(row_factory=class_row(Certificate)) as cursor:
        return cursor.execute(
            sql("erasing/certified.sql"), {"erasure_ids": erasure_ids, "pseudonyms_like": like}
        ).fetchall()


def _labelled(values: Mapping[str, str]) -> list[str]:
    width = max(map(len, values))
    return [f"{label + ':':<{width + 1}} {value}" for label, value in values.items()]
