"""A year of load with retention on every day: the tables stop growing, and the audit adds up in
every month. Small in `make test`: one line of the ledger an hour; in `make prove` one a minute.
"""

import os
from datetime import UTC, datetime

import psycopg
import pytest

from below_the_line.settings import Settings
from tests.simulated_year import TABLES, Site

pytestmark = pytest.mark.stack

PROVING = os.environ.get("BTL_PROVE") == "1"
MONTHS, WARMED_UP = (14, 13) if PROVING else (3, 2)
"""Months that pass, and those after which nothing grows: open dead letters stay for a year."""

_RULES = (
    *("retention_settled_dead_letters", "retention_open_dead_letters", "retention_outbox"),
    *("retention_barriers", "retention_quality_results", "retention_audit_results"),
    *("retention_superseded_states",),
)


def test_in_a_year_of_days_nothing_grows_but_a_line_a_day(connection: psycopg.Connection) -> None:
    connection.execute("set synchronous_commit = off")
    site = Site(
        connection,
        datetime(2026, 1, 1, tzinfo=UTC),
        partitions=12 if PROVING else 3,
        lines=1_440 if PROVING else 24,
        closing_runs=288 if PROVING else 24,
        checks=33 if PROVING else 3,
        bad_every=100,
        settings=Settings.model_validate({} if PROVING else dict.fromkeys(_RULES, 15)),
    )
    rows = {}
    for month in range(MONTHS):
        for day in range(30):
            site.live(1, idle=day % 7 == 6)
            site.retain(5_000)
        report = site.audit()
        assert report.findings == (), f"in month {month}"
        assert sum(each.records for each in report.partitions) == site.records
        rows[month] = site.rows()
    then, now = rows[WARMED_UP - 1], rows[MONTHS - 1]
    growing = {name for name in TABLES if now[name] > then[name] * 1.05}
    assert growing <= {"ingest.batches"}
    assert now["ingest.batches"] - then["ingest.batches"] <= 31 * (site.partitions + 1)
