"""From records to valid events: what each becomes, what waits, what is rejected or left out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

import orjson

from below_the_line.contracts.contract import OWN_TIMESTAMP
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.times import from_datetime, to_datetime
from below_the_line.kafka.envelopes import Outgoing
from btl.archives.events import (
    ARTICLES,
    MAX_COUNTED,
    Draft,
    EventRules,
    NoTimeError,
    Surroundings,
    counted_kind,
    time_of_act,
)
from btl.archives.external_sort import Timed
from btl.archives.facts import ArticleFact, CommentFact, VersionFact, version_fact
from btl.archives.records import (
    MAX_CONTENT,
    Act,
    ArchiveRecord,
    Article,
    Comment,
    LeftOut,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    Unpublication,
    Unreadable,
    UnreadableRowError,
)
from btl.archives.spool import Rejected, Spool, SpoolRows
from btl.archives.times import microseconds

_EXAMPLES = 3
_MAX_KINDS = 100
"""The most kinds of things left out that are counted by themselves."""

_Number = ReactionCount | ReportCount
_MOMENT = datetime.resolution
_NOWHERE = Place("", "")

_PLURALS = {
    "Edit": "edits",
    "Deletion": "deletions",
    "Moderation": "decisions",
    "Reaction": "reactions",
    "ReactionCount": "reactions",
    "Report": "reports",
    "ReportCount": "reports",
    "ReportDecision": "decisions about reports",
    "Unpublication": "unpublications",
}


@dataclass
class LeftOutCount:
    """Things of one kind that become no event."""

    number: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)
    """The first of them: the bundle in which they were taken, and where they are."""

    @property
    def examples(self) -> list[str]:
        """Where the first of them are."""
        return [place for _, place in self.first]


@dataclass
class Tally:
    """Counts of what was read so far."""

    events: Counter[str] = field(default_factory=Counter)
    """Number of events by event type."""
    rejected: int = 0
    left_out: dict[tuple[str, str], LeftOutCount] = field(default_factory=dict)
    """By what it is and why it is left out."""
    stand_ins: Counter[str] = field(default_factory=Counter)
    """Number of events by member, such as ``article.published.v1 headline``, that has a stand-in.
    """
    newest: int | None = None
    """The newest time that an event has: microseconds since 1970."""
    bundle: int = 0
    """The number of the bundle that is counted."""

    def leave_out(self, place: Place, what: str, why: str, number: int = 1) -> None:
        """Count what becomes no event."""
        counted = self._left_out(what, why)
        counted.number += number
        if len(counted.first) < _EXAMPLES:
            counted.first.append((self.bundle, str(place)))

    def _left_out(self, what: str, why: str) -> LeftOutCount:
        """Return the count of a kind. Kinds are limited, whatever an export makes of them."""
        if (what, why) not in self.left_out and len(self.left_out) >= _MAX_KINDS:
            what, why = "other things", "for various reasons"
        return self.left_out.setdefault((what, why), LeftOutCount())

    def add(self, other: "Tally") -> None:
        """Add what was counted elsewhere."""
        self.events += other.events
        self.rejected += other.rejected
        self.stand_ins += other.stand_ins
        for (what, why), left_out in other.left_out.items():
            counted = self._left_out(what, why)
            counted.number += left_out.number
            # Those of one bundle stay in their order.
            together = sorted(counted.first + left_out.first, key=lambda each: each[0])
            counted.first = together[:_EXAMPLES]
        if other.newest is not None:
            self.newest = max(self.newest or other.newest, other.newest)


@dataclass
class _Current:
    """The comment that was read last: what follows may be about it."""

    article_id: str
    comment_id: str
    known: Surroundings | None
    """None: it was rejected."""
    given: Counter[str] = field(default_factory=Counter)
    """The reactions and reports of mere numbers, by kind."""


@dataclass
class _Waiting:
    """Of one comment or article: what waited, in the order of the export."""

    subject: tuple[str, str]
    known: Surroundings | None
    """None: nothing."""
    as_of: datetime
    """The ``time`` of the last act that has none of its own; before them, the newest time of the
    export.
    """
    given: Counter[str] = field(default_factory=Counter)
    """As in ``_Current``."""
    alike: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often an act without a time came: by event type and natural key."""
    last: dict[tuple[str, str], tuple[Act, Draft]] = field(default_factory=dict)
    """The last act without a time of each kind, and its event."""

    def follow(self, draft: Draft) -> Draft:
        """Return the event of an act without a time: each is later than the one before it, and
        has an id of its own.
        """
        if self.known is None:
            raise NoTimeError
        self.as_of += _MOMENT
        self.known = self.known._replace(last_at=self.known.last_at + _MOMENT)
        same = draft.event_type, draft.natural_key
        self.alike[same] += 1
        key = draft.natural_key if self.alike[same] == 1 else f"{same[1]}\n{self.alike[same]}"
        return draft._replace(occurred_at=self.as_of, natural_key=key)


class FactsKeeper(Protocol):
    """Takes facts: ``Facts``, or what collects them for it."""

    def add_article(self, article: ArticleFact) -> None:
        """Add an article."""

    def add_version(self, version: VersionFact) -> None:
        """Add an event about an article."""

    def add_comment(self, comment: CommentFact) -> None:
        """Add a comment."""


class Checker:
    """Takes the records of an export, in the order in which a reader yields them."""

    def __init__(
        self,
        rules: EventRules,
        contracts: Contracts,
        now: datetime,
        facts: FactsKeeper,
        spool: SpoolRows,
        emit: Callable[[Timed], None],
    ) -> None:
        """``emit`` is called with every valid event. Facts, and what waits, go to the other two.

        ``now`` stands for the time at which a broker would take the events: none may lie after it.
        """
        self.tally = Tally()
        self._rules = rules
        self._decode = contracts.decode
        self._now = now
        self._timestamp = int(now.timestamp() * 1000)
        self._facts = facts
        self._spool = spool
        self._emit = emit
        self._current = _Current("", "", None)

    def take(self, records: Iterable[ArchiveRecord | Unreadable], bundle: int = 0) -> None:
        """Turn records into events, facts, rejected items and counts.

        What happened to the last comment of an earlier call is taken as an act apart from it.
        ``bundle``: the number of these records among the bundles of the export.
        """
        self.tally.bundle = bundle
        for record in records:
            if type(record) is Comment:
                self._comment(record)
            elif type(record) is Article:
                self._article(record)
            elif type(record) is LeftOut:
                self.tally.leave_out(*record)
            elif type(record) is Unreadable:
                self._reject(record.place, record.reason, record.content)
            else:
                self._act(record)  # type: ignore[arg-type]
        self._begin("", "")

    def _comment(self, record: Comment) -> None:
        self._begin(record.article_id, record.comment_id)
        try:
            draft, named_by = self._rules.comment(record)
            self._take_draft(draft, self._now)
        except UnreadableRowError as error:
            self._reject_record(record, error)
            return
        posted_at: datetime = record.posted_at  # type: ignore[assignment]
        self._current.known = Surroundings(posted_at, posted_at)
        data = draft.data
        self._facts.add_comment(
            CommentFact(
                record.article_id,
                record.comment_id,
                data.get("parent_comment_id"),
                from_datetime(posted_at),
                data["author"]["user_id"],
                named_by,
                _digest(data["body"]),
                *record.place,
            )
        )

    def _begin(self, article_id: str, comment_id: str) -> None:
        """Begin with another comment; of the one before, the last known time may be asked for."""
        current = self._current
        known = current.known
        if known is not None and known.last_at > known.posted_at:
            last_at = from_datetime(known.last_at)
            self._spool.add_known(current.article_id, current.comment_id, last_at)
        for kind, number in current.given.items():
            self._spool.add_given(current.article_id, current.comment_id, kind, number)
        self._current = _Current(article_id, comment_id, None)

    def _article(self, record: Article) -> None:
        waits = self._rules.waits_for_comments(record, self._now)
        try:
            # What waits is looked at now: by then nothing but its times is new.
            trial = self._rules.article(record, self._now, self._now, self._now)
            occurred_at = None
            if waits:
                self._outgoing(trial, self._now)
                self._spool.add_waiting_article(record)
            else:
                occurred_at = from_datetime(self._take_draft(trial, self._now))
        except UnreadableRowError as error:
            self._reject_record(record, error)
            return
        self._facts.add_article(
            ArticleFact(
                record.article_id,
                record.url,
                record.headline,
                trial.data.get("site"),
                record.section,
                microseconds(record.published_at),
                occurred_at,
                microseconds(record.closes_at),
                record.window_hours,
                record.accepts_comments,
                *record.place,
            )
        )

    def _act(self, act: Act) -> None:
        current = self._current
        article_id, comment_id = act.article_id, getattr(act, "comment_id", None)
        is_about_current = comment_id == current.comment_id and article_id == current.article_id
        if is_about_current and current.known is None:
            self._leave_out_act(act, "the comment itself is rejected")
            return
        known = current.known if is_about_current else None
        at = time_of_act(act)
        waits = at is None and (known is None or not isinstance(act, Reaction | Report | _Number))
        try:
            if waits:
                # What waits is looked at now: by then nothing but its times is new.
                for draft in self._rules.act(act, Surroundings(self._now, self._now)):
                    self._outgoing(draft, self._now)
                    break
                self._spool.add_act(act)
            else:
                for draft in self._drafts(act, known, current.given):
                    self._take_draft(draft, self._now)
        except UnreadableRowError as error:
            self._reject_record(act, error)
            return
        if at is None:
            return
        if known is not None:
            current.known = known._replace(last_at=max(at, known.last_at))
        elif comment_id is not None:
            self._spool.add_known(article_id, comment_id, from_datetime(at))

    def _drafts(self, act: Act, known: Surroundings | None, given: Counter[str]) -> Iterator[Draft]:
        """Yield the events of an act; a number adds to what its comment was given."""
        if not isinstance(act, _Number):
            yield from self._rules.act(act, known)
            return
        kind = counted_kind(act)
        yield from self._rules.act(act, known, given[kind])
        beyond = min(act.number, given[kind] + act.number - MAX_COUNTED)
        given[kind] += act.number
        if beyond > 0:
            self.tally.leave_out(
                act.place,
                f"{_PLURALS[type(act).__name__]} beyond {MAX_COUNTED:,} of a comment",
                "the export has only their number",
                beyond,
            )

    def _take_draft(self, draft: Draft, as_of: datetime) -> datetime:
        """Emit an event, and return its time. Raises UnreadableRowError."""
        outgoing, event = self._outgoing(draft, as_of)
        if draft.topic == ARTICLES:
            self._facts.add_version(version_fact(event))
        occurred_at = draft.occurred_at or as_of
        since_1970 = from_datetime(occurred_at)
        tally = self.tally
        tally.events[draft.event_type] += 1
        for member in draft.stand_ins:
            tally.stand_ins[f"{draft.event_type} {member}"] += 1
        if tally.newest is None or since_1970 > tally.newest:
            tally.newest = since_1970
        self._emit(Timed(since_1970, outgoing))
        return occurred_at

    def _outgoing(self, draft: Draft, as_of: datetime) -> tuple[Outgoing, Event]:
        """Return a valid event, as it is sent and as it will be read. Raises UnreadableRowError."""
        outgoing = self._rules.encoded(draft, as_of)
        topic, key, value, headers = outgoing
        result = self._decode(Record(topic, 0, 0, self._timestamp, key, value, headers))
        if isinstance(result, Rejection):
            # The timestamp of a record that is not sent yet is now.
            said = result.message.partition(f" {OWN_TIMESTAMP.capitalize()} is")[0]
            said = said.replace(OWN_TIMESTAMP, "now")
            raise UnreadableRowError(f"{result.code} at {result.pointer}: {said}")
        return outgoing, result

    def finish(self, spool: Spool) -> None:
        """Turn what waited into events. Call it once, when everything is read and flushed."""
        as_of = self._now if self.tally.newest is None else to_datetime(self.tally.newest)
        self._finish_articles(spool, as_of)
        self._finish_acts(spool, as_of)

    def _finish_articles(self, spool: Spool, as_of: datetime) -> None:
        for record, first_at, last_at in spool.articles():
            try:
                draft = self._rules.article(record, self._now, first_at, last_at)
            except NoTimeError:
                self.tally.leave_out(
                    record.place,
                    "articles without a time and without comments",
                    "nothing says when they were published",
                )
            else:
                self._take_draft(draft, as_of)

    def _finish_acts(self, spool: Spool, as_of: datetime) -> None:
        waiting = _Waiting(("", ""), None, as_of)
        for act, known in spool.acts():
            subject = act.article_id, getattr(act, "comment_id", "")
            if waiting.subject != subject:
                waiting = _Waiting(subject, known, as_of)
            if isinstance(act, _Number) and (kind := counted_kind(act)) not in waiting.given:
                waiting.given[kind] = spool.given(*subject, kind)
            try:
                self._finish_act(act, waiting)
            except NoTimeError:
                why = "their comments are not in the export"
                if isinstance(act, Unpublication):
                    why = "the export does not say when"
                self._leave_out_act(act, why)

    def _finish_act(self, act: Act, waiting: _Waiting) -> None:
        kind = type(act).__name__, getattr(act, "report_id", "")
        said = act._replace(place=_NOWHERE)
        last = waiting.last.get(kind)
        if last is not None and last[0] == said:
            # Exports overlap: what is said again, with nothing of its kind in between, is one act.
            self._take_draft(last[1], waiting.as_of)
            return
        for draft in self._drafts(act, waiting.known, waiting.given):
            if draft.occurred_at is None:
                draft = waiting.follow(draft)
                waiting.last[kind] = said, draft
            self._take_draft(draft, waiting.as_of)

    def _leave_out_act(self, act: Act, why: str) -> None:
        number = act.number if isinstance(act, _Number) else 1
        self.tally.leave_out(act.place, _PLURALS[type(act).__name__], why, number)

    def _reject_record(self, record: Article | Comment | Act, error: Exception) -> None:
        members = {
            name: value
            for name, value in record._asdict().items()
            if name != "place" and value is not None
        }
        try:
            content = orjson.dumps(members).decode()
        except orjson.JSONEncodeError:
            content = repr(members)
        self._reject(record.place, str(error), content)

    def _reject(self, place: Place, reason: str, content: str) -> None:
        self.tally.rejected += 1
        texts = (place.file, place.within, reason, content[:MAX_CONTENT])
        self._spool.add_rejected(
            Rejected(*(text.encode(errors="backslashreplace").decode() for text in texts))
        )


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
