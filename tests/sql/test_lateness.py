"""Figures that do not follow events are noticed: by `btl status`, the audit and an alert."""

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest

from below_the_line.accounting.audit import run_audit
from below_the_line.metrics.lateness import LATE_HINT, late_figures
from below_the_line.settings import Settings
from btl.stack import checks
from btl.stack.checks import Notice, System
from btl_airflow.alerts import alert_if_late

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATE = "figures do not follow events: 2 marks of articles wait, the oldest for 14 minutes"
CONTEXT = {
    "task_instance": SimpleNamespace(dag_id="article_metrics", task_id="recompute", run_id="r")
}


@pytest.mark.parametrize(
    ("marks", "since", "says"),
    [
        (0, None, None),
        (2, NOW - timedelta(minutes=3), None),
        (
            1,
            NOW - timedelta(minutes=3, seconds=1),
            "figures do not follow events: 1 mark of articles waits, the oldest for 3 minutes",
        ),
        (2, NOW - timedelta(minutes=14, seconds=59), LATE),
    ],
)
def test_marks_that_wait_for_minutes_are_late(
    marks: int, since: datetime | None, says: str | None
) -> None:
    assert late_figures(marks, since, NOW) == says


@pytest.mark.stack
def test_late_figures_are_said_by_status_audit_and_alert_until_a_run_has_computed_them(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings()

    def said() -> tuple[list[Notice], list[str], list[str]]:
        system = System(settings, datetime.now(UTC))
        system.connection = connection
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            alert_if_late(connection, CONTEXT)
        return (
            list(checks.figures(system)),
            [str(each) for each in run_audit(connection, settings).findings if each.kind == "late"],
            [each.getMessage() for each in caplog.records],
        )

    mark = "insert into ingest.dirty_articles (article_id, marked_at) values (%s, now() - %s)"
    connection.execute(mark, ["fresh", timedelta(minutes=1)])
    assert said() == ([], [], [])

    connection.execute(mark, ["old", timedelta(minutes=14, seconds=5)])
    notices, findings, alerts = said()
    assert notices == [Notice("article_metrics", f"{LATE}: {LATE_HINT}", wrong=True)]
    assert findings == [f"{LATE}: {LATE_HINT}."]
    (alert,) = alerts
    assert f'"message": "{LATE[0].upper()}{LATE[1:]}: {LATE_HINT}."' in alert

    connection.execute("delete from ingest.dirty_articles where article_id = 'old'")
    assert said() == ([], [], [])
