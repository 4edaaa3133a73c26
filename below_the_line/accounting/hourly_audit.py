"""The hourly audit: stores its results in ``ingest.audit_results``; findings are an error."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from below_the_line.accounting.audit import Report, run_audit
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.drift import Difference, drift
from below_the_line.partitions import describe_transaction
from below_the_line.resources import sql
from below_the_line.settings import Settings

SAMPLE = 500
"""Articles whose metrics are compared with a fresh computation."""


class Line(NamedTuple):
    """One row of ``ingest.audit_results``."""

    what: str
    name: str
    value: float | None
    detail: str | None = None


class AuditFailedError(BelowTheLineError):
    """Something does not add up, waits for a decision or could not be checked, or figures drift."""

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__(
            f"{len(lines)} {'thing needs' if len(lines) == 1 else 'things need'} attention:\n"
            + "\n".join(f"- {line.detail}" for line in lines),
            _what_to_do({line.what for line in lines}),
        )


def _what_to_do(kinds: Set[str]) -> str:
    ways = []
    if "finding" in kinds:
        ways.append("`btl audit` looks at the account again")
    if "drift" in kinds:
        ways.append(
            "`btl metrics rebuild` (--articles ID for some) computes wrong figures again, `btl"
            " metrics drift` compares again; find out who changed rows by hand, or why no mark was"
            " set"
        )
    return "; ".join(ways) + ". All of it is in ingest.audit_results."


@dataclass(frozen=True, slots=True)
class Recorded:
    """The stored results of an audit."""

    audited_at: datetime
    lines: Sequence[Line] = field(default_factory=tuple)
    away: str | None = None
    """Why the brokers could not be asked, which is one of the findings; None if they answered."""

    @property
    def wrong(self) -> list[Line]:
        """What does not add up."""
        return [line for line in self.lines if line.what in ("finding", "drift")]

    @property
    def may_pass(self) -> bool:
        """Whether the only finding is that the brokers could not be asked: another try may help."""
        return self.away is not None and len(self.wrong) == 1

    def as_dict(self) -> dict[str, Any]:
        """Return the number of lines of each kind, for Airflow's XCom."""
        kinds = [line.what for line in self.lines]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def audit_and_record(
    connection: psycopg.Connection, settings: Settings, sample: int = SAMPLE
) -> Recorded:
    """Audit ingest and metrics, and store the results. Needs an idle connection in autocommit.

    Does not raise for what does not add up: see ``Recorded.wrong``.
    """
    audited_at, since = connection.execute(sql("ingest/audit/previous.sql")).fetchone() or (
        None,
        None,
    )
    if not isinstance(audited_at, datetime):
        raise TypeError(audited_at)
    report = run_audit(connection, settings)
    differences = drift(connection, sample, time_zone=settings.site_timezone)
    lately = connection.execute(sql("ingest/audit/lately.sql"), {"since": since}).fetchall()
    recorded = Recorded(audited_at, tuple(_lines(report, differences, lately)), report.away)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            sql("ingest/audit/record.sql"),
            [{"audited_at": audited_at, **line._asdict()} for line in recorded.lines],
        )
    return recorded


def _lines(
    report: Report, differences: Sequence[Difference], lately: Sequence[tuple[Any, ...]]
) -> Iterator[Line]:
    for account in report.partitions:
        offset = account.open_transaction
        detail = None if offset is None else describe_transaction(account, offset)
        yield Line("lag", str(account), account.lag, detail)
    for what, name, count in lately:
        yield Line(what, name, count)
    for number, finding in enumerate(report.findings, 1):
        yield Line("finding", f"{number} {finding.partition}".rstrip(), None, str(finding))
    for number, difference in enumerate(differences, 1):
        yield Line("drift", f"{number} {difference.table}", None, str(difference))
