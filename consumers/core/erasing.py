"""Erasure of what is about to be merged: the rows of a batch become those of the erased events.

An erasure applies to the events of a person, or of a comment, up to its time. Which texts go
follows from the events' own ids, or, where they name no author (edits, decisions on reports), from
the comment or report that they are about: from what the batch has of it, and from what is stored.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from below_the_line.contracts.events import Event
from below_the_line.contracts.times import from_datetime, to_datetime
from below_the_line.erasing.erasures import ErasedPerson, Erasures
from below_the_line.erasing.keys import ErasureKey, PersonKind, keyed_version, time_of
from below_the_line.event_tables.description import (
    COMMENT_EDITS,
    COMMENTS,
    REACTION_ADDED,
    REACTION_REMOVED,
    REACTIONS,
    REPORT_DECISIONS,
    REPORTS,
    Table,
)
from consumers.core.fold import Fold, Row

CommentKey = tuple[str, str]
"""article_id, comment_id."""
ReportKey = tuple[str, str, str]
"""article_id, comment_id, report_id."""

BEFORE_ALL: Final = -(1 << 63)
"""A time before every event, in microseconds since 1970."""


class StoredComment(NamedTuple):
    """What the tables have of a comment."""

    user_id: str | None
    posted_version: bytes | None
    erased_at: datetime | None

    def erased_until(self, erasures: Erasures, comment: CommentKey) -> int:
        """Return up to when its texts are to be forgotten, also where nobody has wiped them yet."""
        found = BEFORE_ALL if self.erased_at is None else from_datetime(self.erased_at)
        if self.posted_version is None:
            return found
        posted = time_of(self.posted_version)
        person = self.user_id and erasures.person_erased_at("user", self.user_id)
        if person and posted <= person[1]:
            found = max(found, person[1])
        own = erasures.comment_erased_at(*comment)
        return found if own is None or posted > own else max(found, own)


class StoredReport(NamedTuple):
    """What the tables have of a report."""

    reporter_user_id: str | None
    reporter_anonymous_id: str | None
    reported_version: bytes | None
    erased_at: datetime | None

    def erased_until(self, erasures: Erasures) -> int:
        """Return up to when its texts are to be forgotten, also where nobody has wiped them yet."""
        found = BEFORE_ALL if self.erased_at is None else from_datetime(self.erased_at)
        if self.reported_version is None:
            return found
        reporter = _reporter(erasures, self.reporter_user_id, self.reporter_anonymous_id)
        if reporter is not None and time_of(self.reported_version) <= reporter.erased_at:
            found = max(found, reporter.erased_at)
        return found


class Stored(NamedTuple):
    """What the tables have of the comments and reports that a batch is about."""

    comments: Mapping[CommentKey, StoredComment]
    reports: Mapping[ReportKey, StoredReport]


NewlyErased = tuple[ErasedPerson | None, int]
"""A person whose erasure made a comment or report erased (None: the comment's own erasure), and up
to when, in microseconds since 1970.
"""


class Completions(NamedTuple):
    """Comments and reports that a batch makes erased: what the tables have of them already must be
    wiped in the same transaction.
    """

    comments: Mapping[NewlyErased, set[CommentKey]]
    reports: Mapping[NewlyErased, set[ReportKey]]


class ErasedRows:
    """The rows of one batch, erased in two steps, between which the caller reads what is stored."""

    def __init__(self, erasures: Erasures, fold: Fold) -> None:
        """``fold``: of a batch whose events went through ``erased_reaction``."""
        self._erasures = erasures
        self._fold = fold
        self._comments: dict[CommentKey, set[NewlyErased]] = {}
        """By comment, why it is erased."""
        self._reports: dict[ReportKey, set[NewlyErased]] = {}
        self._asked_comments: set[CommentKey] = set()
        self._asked_reports: set[ReportKey] = set()
        for row in self._rows(COMMENTS):
            self._look_at_comment(row)
        for row in self._rows(COMMENT_EDITS):
            self._look_at_edit(row)
        for row in self._rows(REPORTS):
            self._look_at_report(row)
        for row in self._rows(REPORT_DECISIONS):
            self._look_at_decision(row)

    @property
    def comments(self) -> list[CommentKey]:
        """The comments of which ``rows`` must know what is stored, in order."""
        return sorted(self._asked_comments | set(self._comments))

    @property
    def reports(self) -> list[ReportKey]:
        """The reports of which ``rows`` must know what is stored, in order."""
        return sorted(self._asked_reports | set(self._reports))

    @property
    def makes_erased(self) -> set[str]:
        """The articles of which a comment or report may become erased by this batch."""
        return {article for article, *_ in (*self._comments, *self._reports)}

    @property
    def depends_on_stored(self) -> set[str]:
        """The articles with texts that are erased if their comment or report is."""
        return {article for article, *_ in (*self._asked_comments, *self._asked_reports)}

    def rows(self, stored: Stored) -> Fold:
        """Return the erased rows."""
        comment_until = {
            comment: max(
                self._until(self._comments.get(comment)),
                self._stored_comment(stored, comment),
                _or_before_all(self._erasures.comment_erased_at(*comment)),
            )
            for comment in self.comments
        }
        report_until = {
            report: max(
                self._until(self._reports.get(report)),
                self._stored_report(stored, report),
                comment_until.get(report[:2], BEFORE_ALL),
            )
            for report in self.reports
        }
        erased = Fold()
        for folded in self._fold:
            table = folded.table
            to = erased.tables[table]
            rows, records = folded.staged()
            for row, of_row in zip(rows, records, strict=True):
                to.put(of_row, self._erased(table, row, comment_until, report_until))
        return erased

    def completions(self, stored: Stored) -> Completions:
        """Return the comments and reports that are not erased yet as far as this batch makes
        them.
        """
        comments: dict[NewlyErased, set[CommentKey]] = {}
        for comment, reasons in self._comments.items():
            for reason in reasons:
                if reason[1] > self._stored_comment(stored, comment):
                    comments.setdefault(reason, set()).add(comment)
        reports: dict[NewlyErased, set[ReportKey]] = {}
        for report, reasons in self._reports.items():
            for reason in reasons:
                if reason[1] > self._stored_report(stored, report):
                    reports.setdefault(reason, set()).add(report)
        return Completions(comments, reports)

    # The first step

    def _rows(self, table: Table) -> Iterable[Row]:
        return self._fold.tables[table].staged().rows if table in self._fold.tables else ()

    def _look_at_comment(self, row: Row) -> None:
        comment = _comment_of(COMMENTS, row)
        posted, edited = row[_POSTED_VERSION], row[_EDITED_VERSION]
        if posted is not None:
            person = _person(self._erasures, "user", row[_USER_ID])
            if person is not None and time_of(posted) <= person.erased_at:
                self._comments.setdefault(comment, set()).add((person, person.erased_at))
            self._look_at_own_erasure(comment, time_of(posted))
        if row[_COMMENT_ERASED_AT] is not None:
            # Erased before, as an archive has it.
            reason = (None, from_datetime(row[_COMMENT_ERASED_AT]))
            self._comments.setdefault(comment, set()).add(reason)
        if edited is not None and time_of(edited) <= self._erasures.latest:
            self._asked_comments.add(comment)

    def _look_at_edit(self, row: Row) -> None:
        comment, time = _comment_of(COMMENT_EDITS, row), time_of(row[_EDIT_VERSION])
        if time <= self._erasures.latest:
            self._asked_comments.add(comment)
            self._look_at_own_erasure(comment, time)

    def _look_at_own_erasure(self, comment: CommentKey, time: int) -> None:
        own = self._erasures.comment_erased_at(*comment)
        if own is not None and time <= own:
            self._comments.setdefault(comment, set()).add((None, own))

    def _look_at_report(self, row: Row) -> None:
        version = row[_REPORTED_VERSION]
        if version is None:
            return
        reporter = _reporter(self._erasures, row[_REPORTER_USER_ID], row[_REPORTER_ANONYMOUS_ID])
        if reporter is not None and time_of(version) <= reporter.erased_at:
            reason = (reporter, reporter.erased_at)
            self._reports.setdefault(row[:3], set()).add(reason)

    def _look_at_decision(self, row: Row) -> None:
        if (
            row[_EXPLANATION] is not None
            and time_of(row[_REPORT_DECISION_VERSION]) <= self._erasures.latest
        ):
            comment = _comment_of(REPORT_DECISIONS, row)
            self._asked_comments.add(comment)
            self._asked_reports.add((*comment, row[_REPORT_DECISION_REPORT_ID]))

    # The second step

    @staticmethod
    def _until(reasons: Iterable[NewlyErased] | None) -> int:
        return max((until for _, until in reasons or ()), default=BEFORE_ALL)

    def _stored_comment(self, stored: Stored, comment: CommentKey) -> int:
        found = stored.comments.get(comment)
        return BEFORE_ALL if found is None else found.erased_until(self._erasures, comment)

    def _stored_report(self, stored: Stored, report: ReportKey) -> int:
        found = stored.reports.get(report)
        return BEFORE_ALL if found is None else found.erased_until(self._erasures)

    def _erased(
        self,
        table: Table,
        row: Row,
        comment_until: Mapping[CommentKey, int],
        report_until: Mapping[ReportKey, int],
    ) -> Row:
        if table is COMMENTS:
            return self._erased_comment(row, comment_until.get(row[:2], BEFORE_ALL))
        if table is COMMENT_EDITS:
            until = comment_until.get(_comment_of(table, row), BEFORE_ALL)
            if row[_EDIT_BODY] and time_of(row[_EDIT_VERSION]) <= until:
                return _with(self._rekeyed_event(row), {_EDIT_BODY: ""})
        elif table is REPORTS:
            return self._erased_report(row)
        elif table is REPORT_DECISIONS:
            report = (*_comment_of(table, row), row[_REPORT_DECISION_REPORT_ID])
            until = report_until.get(report, BEFORE_ALL)
            if row[_EXPLANATION] is not None and time_of(row[_REPORT_DECISION_VERSION]) <= until:
                return _with(self._rekeyed_event(row), {_EXPLANATION: None})
        elif table is REACTIONS:
            return self._erased_reaction(row)
        return row

    def _erased_comment(self, row: Row, until: int) -> Row:
        changes: dict[int, Any] = {}
        reasons = self._comments.get(row[:2], ())
        if row[_POSTED_VERSION] is not None:
            for person, _ in reasons:
                if person is not None:
                    changes[_USER_ID] = person.pseudonym
            is_erased = time_of(row[_POSTED_VERSION]) <= until
            if is_erased and (row[_FIRST_BODY] or row[_DISPLAY_NAME]):
                changes |= {
                    _DISPLAY_NAME: "",
                    _FIRST_BODY: "",
                    _POSTED_VERSION: keyed_version(self._key, row[_POSTED_VERSION]),
                }
        if row[_EDITED_BODY] and time_of(row[_EDITED_VERSION]) <= until:
            changes |= {
                _EDITED_BODY: "",
                _EDITED_VERSION: keyed_version(self._key, row[_EDITED_VERSION]),
            }
        if reasons:
            changes[_COMMENT_ERASED_AT] = to_datetime(self._until(reasons))
        return _with(row, changes)

    def _erased_report(self, row: Row) -> Row:
        changes: dict[int, Any] = {}
        for person, until in self._reports.get(row[:3], ()):
            if person is None:
                continue
            place = (
                _REPORTER_USER_ID if row[_REPORTER_USER_ID] is not None else _REPORTER_ANONYMOUS_ID
            )
            if row[place] != person.pseudonym:
                changes = {
                    place: person.pseudonym,
                    _REPORTED_VERSION: keyed_version(self._key, row[_REPORTED_VERSION]),
                }
            erased_at = row[_REPORT_ERASED_AT]
            changes |= {
                _NOTE: None,
                _LAW: None,
                _REPORT_ERASED_AT: max(to_datetime(until), erased_at or to_datetime(until)),
            }
        return _with(row, changes)

    def _erased_reaction(self, row: Row) -> Row:
        """Erase a row that is not made of events, as an archive has it."""
        version = row[_STATE_VERSION]
        person = _person(self._erasures, "user", row[_REACTION_USER_ID])
        if (
            person is None
            or version is None
            or time_of(version) > person.erased_at
            or person.pseudonym == row[_REACTION_USER_ID]
        ):
            return row
        return _with(
            row,
            {
                _REACTION_USER_ID: person.pseudonym,
                _STATE_VERSION: keyed_version(self._key, version),
            },
        )

    def _rekeyed_event(self, row: Row) -> Row:
        """Return a row of an append-only set with the keyed digest."""
        return _with(
            row,
            {
                _EVENT_DIGEST: self._key.keyed(row[_EVENT_DIGEST]),
                _EVENT_VERSION: keyed_version(self._key, row[_EVENT_VERSION]),
            },
        )

    @property
    def _key(self) -> ErasureKey:
        return self._erasures.key


class AskedErasure(NamedTuple):
    """A person whom events of a batch ask to forget."""

    kind: PersonKind
    person_id: str
    erased: ErasedPerson
    source: str
    """The source of the event that counts: of one person the latest erasure does."""
    records: list[int]
    """The numbers of all records that ask for it."""
    is_news: bool
    """Whether the person is not known as erased up to this time."""


def asked_erasures(erasures: Erasures, events: Iterable[tuple[int, Event]]) -> list[AskedErasure]:
    """Return the erasures that these events ask for, one for each person.

    Each event comes with the number of its record. ``erasures``: those that are known; they have a
    key.
    """
    found: dict[str, AskedErasure] = {}
    for number, event in events:
        data = event.data
        kind: PersonKind = "reporter" if data.user_id is None else "user"
        person_id = data.anonymous_id if data.user_id is None else data.user_id
        pseudonym, erased_at = (
            erasures.key.pseudonym(kind, person_id),
            from_datetime(data.erased_at),
        )
        known = erasures.person_erased_at(kind, person_id)
        held = found.get(pseudonym)
        records = [number] if held is None else [*held.records, number]
        if held is not None and held.erased.erased_at >= erased_at:
            found[pseudonym] = held._replace(records=records)
        else:
            found[pseudonym] = AskedErasure(
                kind,
                person_id,
                ErasedPerson(pseudonym, erased_at),
                event.source,
                records,
                known is None or known[1] < erased_at,
            )
    return list(found.values())


def erased_reaction(erasures: Erasures, event: Event) -> Event:
    """Return a reaction of an erased person under the pseudonym; any other event as it is.

    Reactions are erased one by one, because the person stands in their key: the events before and
    after an erasure belong to two rows.
    """
    if event.type not in _REACTION_TYPES or event.occurred_at > erasures.latest:
        return event
    person = erasures.person_erased_at("user", event.data.user_id)
    if person is None or event.occurred_at > person[1] or event.data.user_id == person[0]:
        return event
    return event._replace(
        data=msgspec.structs.replace(event.data, user_id=person[0]),
        digest=erasures.key.keyed(event.digest),
        version=keyed_version(erasures.key, event.version),
    )


_REACTION_TYPES = frozenset({REACTION_ADDED, REACTION_REMOVED})


def _person(erasures: Erasures, kind: PersonKind, person_id: str) -> ErasedPerson | None:
    found = erasures.person_erased_at(kind, person_id)
    return None if found is None else ErasedPerson(*found)


def _reporter(
    erasures: Erasures, user_id: str | None, anonymous_id: str | None
) -> ErasedPerson | None:
    if user_id is not None:
        return _person(erasures, "user", user_id)
    return None if anonymous_id is None else _person(erasures, "reporter", anonymous_id)


def _or_before_all(time: int | None) -> int:
    return BEFORE_ALL if time is None else time


def _with(row: Row, changes: Mapping[int, Any]) -> Row:
    if not changes:
        return row
    changed = list(row)
    for place, value in changes.items():
        changed[place] = value
    return tuple(changed)


def _comment_of(table: Table, row: Row) -> CommentKey:
    return row[0], row[_COMMENT_ID_OF[table]]


def _places(table: Table, *names: str) -> list[int]:
    return [table.column_names.index(name) for name in names]


_COMMENT_ID_OF = {
    table: table.column_names.index("comment_id")
    for table in (COMMENTS, COMMENT_EDITS, REPORT_DECISIONS)
}
(
    _USER_ID,
    _DISPLAY_NAME,
    _FIRST_BODY,
    _POSTED_VERSION,
    _EDITED_BODY,
    _EDITED_VERSION,
    _COMMENT_ERASED_AT,
) = _places(
    COMMENTS,
    *("user_id", "display_name", "first_body", "posted_version"),
    *("edited_body", "edited_version", "erased_at"),
)
(_EVENT_DIGEST, _EVENT_VERSION) = _places(COMMENT_EDITS, "digest", "version")
_EDIT_BODY, _EDIT_VERSION = _places(COMMENT_EDITS, "body", "version")
(
    _REPORTER_USER_ID,
    _REPORTER_ANONYMOUS_ID,
    _NOTE,
    _LAW,
    _REPORTED_VERSION,
    _REPORT_ERASED_AT,
) = _places(
    REPORTS,
    *("reporter_user_id", "reporter_anonymous_id", "note", "law", "reported_version"),
    "erased_at",
)
_EXPLANATION, _REPORT_DECISION_VERSION, _REPORT_DECISION_REPORT_ID = _places(
    REPORT_DECISIONS, "explanation", "version", "report_id"
)
_REACTION_USER_ID, _STATE_VERSION = _places(REACTIONS, "user_id", "state_version")
