"""A site that runs for a year in minutes: rows as its services write them, at times that SQL makes
up, and retention as its DAG runs it every day or month.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from below_the_line.accounting.audit import Report, examine
from below_the_line.accounting.ledger import Account, read_ledger
from below_the_line.partitions import Logs, PartitionLog
from below_the_line.retention.deletion import delete_old
from below_the_line.settings import Settings

GROUP = "below-the-line"
TOPIC = "comment-events"
TOPIC_ID = UUID(int=7)
RECORDS = 10
"""Records of a line of the ledger."""
TABLES = (
    *("ingest.batches", "ingest.dead_letters", "ingest.outbox", "ingest.barriers"),
    *("ingest.barrier_offsets", "ingest.audit_results", "metrics.quality_results"),
    *("discussion.state_changes",),
)

_LINES = """
with line as (
    select
        place.partition,
        place.incarnation,
        place.first_offset + (number - 1) * %(records)s as first_offset,
        number,
        number %% 7 != 0 and number %% %(bad_every)s = 0 as is_bad,
        %(start)s + (%(days)s * interval '1 day') * (number - 0.5) / %(lines)s as at
    from unnest(%(partitions)s::integer[], %(incarnations)s::integer[], %(offsets)s::bigint[])
        as place (partition, incarnation, first_offset)
    cross join generate_series(1, %(lines)s) as number
),

written as (
    insert into ingest.batches (
        consumer_group, topic, partition, incarnation, kind, first_offset, next_offset, records,
        applied, unchanged, dead_lettered, batches, first_committed_at, committed_at
    )
    select
        %(group)s, %(topic)s, partition, incarnation,
        case when number %% 7 = 0 then 'empty' else 'batch' end,
        first_offset, first_offset + %(records)s,
        case when number %% 7 = 0 then 0 else %(records)s end,
        case when number %% 7 = 0 then 0 else %(records)s - is_bad::integer end,
        0,
        is_bad::integer,
        3, at - interval '9 seconds', at
    from line
    order by at, partition
)

insert into ingest.dead_letters (
    topic, topic_id, partition, record_offset, record_value, record_headers, record_timestamp,
    stage, code, message, software_version, status, dead_lettered_at, status_changed_at, source,
    event_type, event_id
)
select
    %(topic)s, %(topic_id)s, partition, first_offset, %(value)s, '{}', at, 'contract',
    'schema_violation', 'It is missing.', '0.2.0',
    case number %% 10 when 0 then 'open' when 1 then 'redriven' else 'discarded' end, at,
    case when number %% 10 != 0 then at + interval '1 day' end,
    '/comments', 'comment.posted.v1', partition || '-' || incarnation || '-' || first_offset
from line
where is_bad
on conflict do nothing
"""
_REDRIVES = """
insert into ingest.batches (
    consumer_group, topic, partition, incarnation, kind, first_offset, next_offset, records,
    applied, unchanged, dead_lettered, committed_at
)
select %(group)s, %(topic)s, 0, 1, 'redrive', 0, 5, 2, 1, 0, 1, %(start)s + number * interval '5 h'
from generate_series(0, (%(days)s * 24 - 1) / 5) as number
"""
_CLOSING = """
with taken as (
    insert into ingest.barriers (
        attempt_id, run_id, consumer_group, taken_at, cut_off, passed_at, applied_at
    )
    select
        %(start)s::text || number, 'run', %(group)s, at, at - interval '2 min', at, at
    from generate_series(0, %(days)s * %(runs)s - 1) as number
    cross join lateral (select %(start)s + number * interval '1 day' / %(runs)s as at) as clock
    returning barrier_id
)

insert into ingest.barrier_offsets (
    barrier_id, topic, partition, topic_id, log_start_offset, end_offset
)
select taken.barrier_id, %(topic)s, place.partition, %(topic_id)s, 0, 1
from taken
cross join unnest(%(partitions)s::integer[]) as place (partition)
"""
_ANNOUNCED = """
with clock as (
    select number, %(start)s + number * interval '1 h' as at
    from generate_series(0, %(days)s * 24 - 1) as number
),

outbox as (
    insert into ingest.outbox (
        article_id, sequence, event_id, event_type, effective_at, cause, data, status, created_at,
        sent_at
    )
    select
        'a' || at::date, number, gen_random_uuid(), 'discussion.closed.v1', at, 'rule', '{}',
        'sent', at, at
    from clock
)

insert into discussion.state_changes (
    article_id, effective_at, change, reason, rule_id, recorded_at, superseded_at
)
select 'a' || number %% 50, at, 'closed', 'rule', number %% 3 + 1, at, at
from clock
"""
_CHECKED = """
with clock as (
    select number, %(start)s + number * interval '1 h' as at
    from generate_series(0, %(days)s * 24 - 1) as number
),

quality as (
    insert into metrics.quality_results
    select
        'run ' || at, at, 'base', 'expectation ' || check_number, 'discussion.comments', null,
        'warn', true, 'A message', 'A cure', 0, '[]'
    from clock
    cross join generate_series(1, %(checks)s) as check_number
)

insert into ingest.audit_results (audited_at, what, name, value)
select at, 'lag', %(topic)s || '-' || check_number, 0
from clock
cross join generate_series(1, %(checks)s) as check_number
"""


@dataclass
class Site:
    """A site with some partitions. ``lines``: lines of the ledger a day and partition; 0: idle."""

    connection: psycopg.Connection
    now: datetime
    partitions: int = 2
    lines: int = 24
    closing_runs: int = 24
    """A day."""
    checks: int = 3
    """Results of each hourly check."""
    bad_every: int = 1
    """Lines with records of which the last one has a dead letter."""
    settings: Settings = field(
        default_factory=lambda: Settings.model_validate(
            # Within a year they must come to an end, too.
            {"retention_open_dead_letters": 60, "retention_superseded_states": 60}
        )
    )
    _next: dict[int, int] = field(default_factory=dict)
    _incarnations: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in range(self.partitions):
            self._next[number], self._incarnations[number] = 0, 1
            self.connection.execute(
                "insert into ingest.partition_offsets (consumer_group, topic, partition, topic_id,"
                " next_offset, epoch) values (%s, %s, %s, %s, 0, 1)",
                [GROUP, TOPIC, number, TOPIC_ID],
            )

    def live(self, days: int, *, idle: bool = False) -> None:
        """Let days pass."""
        parameters = {
            "group": GROUP,
            "topic": TOPIC,
            "topic_id": TOPIC_ID,
            "start": self.now,
            "days": days,
            "lines": days * self.lines,
            "records": RECORDS,
            "partitions": list(self._next),
            "incarnations": list(self._incarnations.values()),
            "offsets": list(self._next.values()),
            "value": b"x" * 200,
            "runs": self.closing_runs,
            "checks": self.checks,
            "bad_every": self.bad_every,
        }
        for statement in (_CLOSING, _CHECKED):
            self.connection.execute(statement.encode(), parameters)
        if not idle:
            for statement in (_LINES, _REDRIVES, _ANNOUNCED):
                self.connection.execute(statement.encode(), parameters)
            for number in self._next:
                self._next[number] += days * self.lines * RECORDS
        self.now += timedelta(days=days)
        self._store_positions()

    def accept_gap(self, number: int) -> None:
        """Accept five offsets of a partition as lost."""
        self._decide(number, "gap", self._next[number], self._next[number] + 5)

    def read_again(self, number: int) -> None:
        """Begin another incarnation of a partition at the start: the same topic is read again."""
        self._incarnations[number] += 1
        self._decide(number, "reset", 0, 0)

    def _decide(self, number: int, kind: str, first: int, after: int) -> None:
        self.connection.execute(
            "insert into ingest.batches (consumer_group, topic, partition, incarnation, kind,"
            " first_offset, next_offset, records, applied, unchanged, dead_lettered, committed_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0, %s)",
            [GROUP, TOPIC, number, self._incarnations[number], kind, first, after, self.now],
        )
        self._next[number] = after
        self._store_positions()

    @property
    def records(self) -> int:
        """Number of records that were read so far."""
        (found,) = self.connection.execute(
            "select sum(records)::bigint from ingest.batches where kind != 'redrive'"
        ).fetchone() or (0,)
        return int(found)

    def _store_positions(self) -> None:
        for number, next_offset in self._next.items():
            self.connection.execute(
                "update ingest.partition_offsets set next_offset = %s, incarnation = %s where"
                " partition = %s",
                [next_offset, self._incarnations[number], number],
            )

    def retain(self, chunk_rows: int = 1_000, /, **changes: object) -> dict[str, int]:
        """Run retention, with other settings if given. Return how many rows each rule has
        deleted.
        """
        settings = self.settings.model_copy(update=changes)
        found = delete_old(self.connection, settings, self.now, chunk_rows=chunk_rows)
        return {each.rule.name: each.rows for each in found}

    def audit(self) -> Report:
        """Return the audit beside logs that end where the positions stand."""
        ledger = read_ledger(self.connection, GROUP)
        logs: Logs = {(TOPIC, number): PartitionLog(TOPIC_ID, 0, 10**9) for number in self._next}
        return examine(ledger, logs, GROUP)

    def accounts(self) -> list[Account]:
        """Return the account of each incarnation by the ledger."""
        return list(read_ledger(self.connection, GROUP).accounts)

    def rows(self) -> Mapping[str, int]:
        """Return the number of rows of each table that grows."""
        counted = {}
        for table in TABLES:
            (counted[table],) = self.connection.execute(
                f"select count(*) from {table}".encode()
            ).fetchone() or (0,)
        return counted

    def pages(self) -> Mapping[str, int]:
        """Vacuum, and return the pages of each table with its indexes."""
        found = {}
        for table in TABLES:
            self.connection.execute(f"vacuum {table}".encode())
            (found[table],) = self.connection.execute(
                "select pg_total_relation_size(%s::regclass) / 8192", [table]
            ).fetchone() or (0,)
        return found
