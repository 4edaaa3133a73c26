"""Faults in the tables: a DAG that runs by itself finds each, and says how to fix it."""

from dataclasses import dataclass

import psycopg
import pytest

from below_the_line.metrics.rebuild import Selection, rebuild
from tests.dags.conftest import Dags
from tests.sql.newsroom import Newsroom, two_discussions

pytestmark = [pytest.mark.stack, pytest.mark.airflow]


@dataclass(frozen=True)
class Fault:
    """What causes it, which DAG finds it, all that the DAG's error must say, and the fix."""

    seeded: str
    dag: str
    says: tuple[str, ...]
    fix: str | None
    """A statement; None: only a rebuild of the figures, which follows all fixes."""


FAULTS = {
    "a base row changed by hand": Fault(
        "update discussion.comments set decision = 'rejected', decided_at = '2026-05-03',"
        " decision_version = '\\x01' where article_id = 'a' and comment_id = 'c1'",
        "data_quality",
        (
            "the decision on a comment is not that of its last event: the row was changed by hand",
            '"article_id": "a", "comment_id": "c1", "decision": "rejected"',
            "btl explain comment ID --article ID says which event is right",
        ),
        "update discussion.comments set decision = null, decided_at = null, decision_version ="
        " null",
    ),
    "a duplicated report": Fault(
        "insert into discussion.reports (article_id, comment_id, report_id, reporter_user_id,"
        " reason, reported_at, reported_version) select article_id, comment_id, 'p1 again',"
        " reporter_user_id, reason, reported_at, reported_version from discussion.reports where"
        " article_id = 'a'",
        "data_quality",
        (
            (
                "one reader reported the same comment for the same reason at the same time twice (1"
                " row)"
            ),
            '"report_id": "p1 again"',
            "discard the second by a report.withdrawn event",
        ),
        "delete from discussion.reports where report_id = 'p1 again'",
    ),
    "a lost mark, by the gate": Fault(
        "insert into discussion.comments (article_id, comment_id, user_id, posted_at,"
        " posted_version) values ('a', 'c3', 'u3', '2026-05-01 15:00+00', '\\x01')",
        "data_quality",
        (
            "figures leave out comments that are there",
            '[{"article_id": "a", "counted": 2, "posted": 3, ',
            "btl metrics rebuild --articles ID computes them",
        ),
        None,
    ),
    "a lost mark, by the audit": Fault(
        "update discussion.comments set deleted_at = '2026-05-01 16:00+00', deleted_version ="
        " '\\x01' where article_id = 'a' and comment_id = 'c2'",
        "ingest_audit",
        (
            "metrics.article_engagement (article_id 'a')",
            "comments_visible is 2, computed 1",
            "btl metrics rebuild` (--articles ID for some) computes wrong figures again",
        ),
        None,
    ),
    "a wrong figure": Fault(
        "update metrics.article_abuse set reports = 7 where article_id = 'b'",
        "ingest_audit",
        ("metrics.article_abuse (article_id 'b'): reports is 7, computed 1",),
        None,
    ),
}


@pytest.fixture
def room(connection: psycopg.Connection) -> Newsroom:
    return two_discussions(connection)


@pytest.mark.parametrize("dag", ["data_quality", "ingest_audit"])
def test_a_dag_finds_each_fault_says_what_to_do_and_passes_once_that_is_done(
    dags: Dags, room: Newsroom, dag: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dags = dags.where(BTL_QUALITY_HOME=str(tmp_path_factory.mktemp("quality")))
    faults = {name: fault for name, fault in FAULTS.items() if fault.dag == dag}
    assert len(faults) > 1
    for fault in faults.values():
        room.connection.execute(fault.seeded.encode())
    printed = dags.fail(dag)
    for name, fault in faults.items():
        for words in fault.says:
            assert words in printed, name
    for fault in faults.values():
        if fault.fix:
            room.connection.execute(fault.fix.encode())
    rebuild(room.connection, Selection(("a", "b")))
    dags.run(dag)
