"""The audit: whether everything that was read from Kafka adds up, by the ledger and the logs.

A finding does not go away by waiting: a hole in the ledger, a wrong sum, a position that does not
fit, a partition that waits for a decision, figures that do not follow events. A lag is not a
finding.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, pairwise
from typing import Literal

import psycopg

from below_the_line.accounting.ledger import Account, Break, Ledger, Marks, read_ledger
from below_the_line.catalogue import topics
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import partition_logs
from below_the_line.kafka.topic_settings import COMMAND, drifted
from below_the_line.metrics.lateness import LATE_HINT, late_figures
from below_the_line.partitions import (
    Blocker,
    Logs,
    PartitionLog,
    PartitionStatus,
    partition_statuses,
)
from below_the_line.plurals import counted
from below_the_line.settings import Settings

FindingKind = Literal["wrong", "decision", "late", "unknown", "topic"]
"""``wrong`` does not add up; ``decision`` waits for a person, without damage; ``late``: figures do
not follow events; ``unknown`` could not be checked; ``topic``: a topic has other settings than
schemas/topics.yaml.
"""
_NO_DAMAGE = frozenset({Blocker.TRIPPED, Blocker.STOPPED})
"""Blockers after which no record is lost. After all others, records are lost or may be."""
_COUNTED: Mapping[FindingKind, tuple[str, str]] = {
    "wrong": ("thing does not add up", "things do not add up"),
    "decision": ("partition waits for a decision", "partitions wait for a decision"),
    "late": ("part of the system is late", "parts of the system are late"),
    "unknown": ("thing could not be checked", "things could not be checked"),
    "topic": ("setting of a topic is wrong", "settings of topics are wrong"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up or needs a person: a clause, and the command that helps, if
    there is one.
    """

    partition: str
    """As ``topic-number``, or the topic; empty if it concerns neither."""
    sentence: str
    command: str | None = None
    kind: FindingKind = "wrong"

    def __str__(self) -> str:
        words = f"{self.partition}: {self.sentence}." if self.partition else f"{self.sentence}."
        return f"{words} Decide: {self.command}" if self.command else words


@dataclass(frozen=True, slots=True)
class PartitionAccount:
    """The account of one partition over all its incarnations in the ledger, beside its position and
    its log.
    """

    topic: str
    partition: int
    contiguous: bool
    incarnations: int
    batches: int
    empties: int
    gaps: int
    resets: int
    redrives: int
    gap_offsets: int
    """Offsets that expired unread, and that a person accepted as lost."""
    records: int
    applied: int
    unchanged: int
    dead_lettered: int
    first_at: datetime | None
    last_at: datetime | None
    ledger_end: int | None
    next_offset: int | None
    log_start: int | None
    log_end: int | None
    lag: int | None
    open_transaction: int | None
    """The offset of an open transaction that keeps the consumer from reading on; None: none."""

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an audit."""

    consumer_group: str
    partitions: tuple[PartitionAccount, ...]
    findings: tuple[Finding, ...]
    marks: Marks
    away: str | None = None
    """Why the brokers could not be asked, which is one of the findings; None if they answered."""

    @property
    def summary(self) -> str:
        """The result in one or two sentences."""
        records = sum(each.records for each in self.partitions)
        outcomes = ", ".join(
            f"{sum(getattr(each, outcome) for each in self.partitions):,} {words}"
            for outcome, words in (
                ("applied", "applied"),
                ("unchanged", "unchanged"),
                ("dead_lettered", "dead-lettered"),
            )
        )
        lags = [each.lag for each in self.partitions]
        lag = "" if None in lags else f", {sum(filter(None, lags)):,} still to be read"
        partitions = counted(len(self.partitions), "partition")
        account = f"{counted(records, 'record')} in {partitions}: {outcomes}{lag}"
        if not self.findings:
            return f"Everything adds up: {account}."
        counts = Counter(each.kind for each in self.findings)
        problems = ", ".join(
            f"{counts[kind]} {several if counts[kind] > 1 else one}"
            for kind, (one, several) in _COUNTED.items()
            if counts[kind]
        )
        rest = "" if counts["wrong"] else "; everything else adds up"
        return f"{problems}{rest}. {account}."


def run_audit(
    connection: psycopg.Connection, settings: Settings, since: datetime | None = None
) -> Report:
    """Audit what the consumer group has read: all, or what was written since a time.

    Brokers that cannot be asked are a finding. Raises ValueError on a connection that is in a
    transaction.
    """
    names = {topic.name for topic in topics() if topic.direction == "in"}
    away = None
    logs: Logs | None = None
    try:
        before = partition_logs(settings, names)
        ledger = read_ledger(connection, settings.consumer_group, since)
        names |= {position.topic for position in ledger.positions}
        logs = widest_logs(before, partition_logs(settings, names))
    except BelowTheLineError as error:
        away = error.message
        ledger = read_ledger(connection, settings.consumer_group, since)
    with connection.transaction():
        (now,) = connection.execute("select clock_timestamp()").fetchone() or (None,)
    report = examine(ledger, logs, settings.consumer_group, away, now)
    return replace(report, findings=(*report.findings, *(_drifts(settings) if logs else ())))


def _drifts(settings: Settings) -> Iterator[Finding]:
    """Yield the settings of topics that are not as wanted; none if this user may not see them."""
    try:
        drifts = drifted(settings)
    except BelowTheLineError:
        return
    for each in drifts:
        yield Finding(each.topic, str(each), COMMAND, "topic")


def widest_logs(before: Logs, after: Logs) -> Logs:
    """Return each log from its start in ``before`` to its end in ``after``.

    Logs move while the database is read. A position must not look expired because records were
    deleted in between, or beyond the end because records came in between.
    """
    return {
        place: PartitionLog(
            log.topic_id,
            (
                before[place].start
                if place in before and before[place].topic_id == log.topic_id
                else log.start
            ),
            log.end,
            log.open_transaction,
        )
        for place, log in after.items()
    }


def examine(
    ledger: Ledger,
    logs: Logs | None,
    consumer_group: str,
    away: str | None = None,
    now: datetime | None = None,
) -> Report:
    """Return what adds up and what does not.

    Pass None for ``logs`` while the brokers are away; ``away`` says why. ``now``: the time that
    waiting marks are compared with; None: they are not.
    """
    incarnations = {
        place: list(accounts)
        for place, accounts in groupby(
            ledger.accounts, key=lambda each: (each.topic, each.partition)
        )
    }
    breaks = {(each.topic, each.partition, each.incarnation): each for each in ledger.breaks}
    partitions, findings = [], []
    for status in _all_statuses(ledger, incarnations, logs, consumer_group):
        accounts = incarnations.get((status.topic, status.partition), [])
        # Redrives do not belong to the sequence: they may name an incarnation of which the ledger
        # has nothing else any more.
        sequence = [account for account in accounts if account.end is not None]
        holes = [
            *(_hole(found) for found in map(breaks.get, map(_key, sequence)) if found is not None),
            *_wrong_beginnings(sequence),
        ]
        others = [
            *_wrong_sums(accounts),
            *_wrong_end(status, sequence),
            *_wrong_dead_letters(status, sequence, ledger),
        ]
        findings += [Finding(str(status), sentence) for sentence in holes + others]
        required = status.required_decision
        if required is not None:
            kind: FindingKind = "decision" if required.blocker in _NO_DAMAGE else "wrong"
            findings.append(Finding(str(status), required.sentence, required.command, kind))
        partitions.append(_account(status, accounts, contiguous=not holes))
    late = now and late_figures(ledger.marks.articles, ledger.marks.articles_since, now)
    if late:
        findings.append(Finding("", f"{late}: {LATE_HINT}", kind="late"))
    why = None
    if logs is None:
        why = (away or "there are no brokers").rstrip(".")
        findings.append(
            Finding(
                "", f"Positions were not compared with the brokers' logs: {why}", kind="unknown"
            )
        )
    return Report(consumer_group, tuple(partitions), tuple(findings), ledger.marks, why)


def _key(account: Account) -> tuple[str, int, int]:
    return account.topic, account.partition, account.incarnation


def _all_statuses(
    ledger: Ledger, places: Iterable[tuple[str, int]], logs: Logs | None, consumer_group: str
) -> list[PartitionStatus]:
    """Return every partition that has a position, a log or an account."""
    found = partition_statuses(ledger.positions, logs, consumer_group)
    known = {(each.topic, each.partition) for each in found}
    lost = [
        PartitionStatus(consumer_group, topic, partition, None, None)
        for topic, partition in places
        if (topic, partition) not in known
    ]
    return sorted(found + lost, key=lambda each: (each.topic, each.partition))


def _hole(found: Break) -> str:
    where = f"in the ledger's line {found.batch_id} of {found.committed_at:%Y-%m-%d %H:%M:%S %Z}"
    again = f" (the first of {found.breaks} such places)" if found.breaks > 1 else ""
    if found.found > found.expected:
        what = f"offsets {found.expected} to {found.found - 1} are not accounted for"
    else:
        what = f"offsets {found.found} to {found.expected - 1} are accounted for twice"
    return f"{what}: offset {found.expected} was expected, {found.found} was found {where}{again}"


def _wrong_beginnings(accounts: Sequence[Account]) -> Iterator[str]:
    """Yield what is wrong with the beginnings of incarnations.

    Each but the oldest in the ledger begins with one line of kind reset, where its other lines
    begin.
    """
    for index, account in enumerate(accounts):
        needed = 1 if index else 0
        if not needed <= account.resets <= 1:
            yield (
                f"its incarnation {account.incarnation} begins with {account.resets} lines of kind"
                " reset in the ledger, not one"
            )
        if (
            None not in (account.reset_offset, account.first_offset)
            and account.reset_offset != account.first_offset
        ):
            yield (
                f"its incarnation {account.incarnation} should begin at offset"
                f" {account.reset_offset}, but the ledger goes on at {account.first_offset}"
            )
    for before, after in pairwise(accounts):
        if after.incarnation != before.incarnation + 1:
            yield (
                f"the ledger has its incarnations {before.incarnation} and {after.incarnation}, but"
                " not those in between"
            )


def _wrong_sums(accounts: Sequence[Account]) -> Iterator[str]:
    unbalanced = sum(account.unbalanced for account in accounts)
    if unbalanced:
        yield (
            f"in {unbalanced} lines of the ledger records are not what was applied, unchanged and"
            " dead-lettered together"
        )


def _wrong_end(status: PartitionStatus, accounts: Sequence[Account]) -> Iterator[str]:
    if not accounts:
        return
    position, last = status.position, accounts[-1]
    if position is None:
        yield (
            f"the ledger has {sum(account.records for account in accounts)} records, but no"
            " position is stored"
        )
    elif last.incarnation != position.incarnation:
        yield (
            f"its position is in incarnation {position.incarnation}, but the ledger ends in"
            f" incarnation {last.incarnation}"
        )
    elif last.end is not None and last.end != position.next_offset:
        yield f"its next offset is {position.next_offset}, but the ledger ends at {last.end}"


def _wrong_dead_letters(
    status: PartitionStatus, accounts: Sequence[Account], ledger: Ledger
) -> Iterator[str]:
    # There may be more than were counted: of another incarnation, in which the same records were
    # read, or of another group.
    alone = status.position is not None and status.position.incarnation == 1
    alone = alone and status.topic not in ledger.shared_topics
    for account in accounts:
        counted_dead = account.dead_lettered - account.deleted_dead_letters
        kept = ledger.kept.get(_key(account), 0)
        if kept < counted_dead or (alone and kept > counted_dead):
            yield (
                f"the ledger counts {counted_dead} dead letters{_besides(account)} from offset"
                f" {account.first_offset} to {account.next_offset}, but {kept} are kept"
            )


def _besides(account: Account) -> str:
    deleted = account.deleted_dead_letters
    return f" (besides {deleted} that retention has deleted)" if deleted else ""


def _account(
    status: PartitionStatus, accounts: Sequence[Account], *, contiguous: bool
) -> PartitionAccount:
    def total(column: str) -> int:
        return sum(getattr(account, column) for account in accounts)

    position, log = status.position, status.log
    return PartitionAccount(
        topic=status.topic,
        partition=status.partition,
        contiguous=contiguous,
        incarnations=len(accounts),
        batches=total("batches"),
        empties=total("empties"),
        gaps=total("gaps"),
        resets=total("resets"),
        redrives=total("redrives"),
        gap_offsets=total("gap_offsets"),
        records=total("records"),
        applied=total("applied"),
        unchanged=total("unchanged"),
        dead_lettered=total("dead_lettered"),
        first_at=accounts[0].first_at if accounts else None,
        last_at=accounts[-1].last_at if accounts else None,
        ledger_end=next(
            (account.end for account in reversed(accounts) if account.end is not None), None
        ),
        next_offset=None if position is None else position.next_offset,
        log_start=None if log is None else log.start,
        log_end=None if log is None else log.end,
        lag=status.lag,
        open_transaction=status.open_transaction,
    )
