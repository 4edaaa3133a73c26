"""`btl topics check` and `apply`: a topic that drifted is named everywhere, and set again."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from below_the_line.accounting.audit import run_audit
from below_the_line.kafka import topic_settings
from below_the_line.kafka.admin import admin_client
from btl.stack import checks
from btl.stack.checks import System
from tests.commands import Btl
from tests.pipeline import Pipeline

pytestmark = pytest.mark.stack
TOPIC = "discussion-events"


@pytest.fixture
def drifted(pipeline: Pipeline) -> Iterator[Pipeline]:
    """A topic that somebody gave another retention and timestamp type."""
    with admin_client(pipeline.settings()) as admin:
        admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    TOPIC,
                    {"retention.ms": "86400000", "message.timestamp.type": "CreateTime"},
                )
            ]
        )
    try:
        yield pipeline
    finally:
        topic_settings.apply(pipeline.settings(), topic_settings.drifted(pipeline.settings()))


def test_a_topic_that_drifted_is_named_and_set_again(
    drifted: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    expected = [
        {"topic": TOPIC, "setting": name, "found": found, "wanted": wanted}
        for name, found, wanted in (
            ("retention.ms", "86400000", "2592000000"),
            ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        )
    ]
    assert json.loads(btl("topics", "check", "--json")) == {"missing": [], "differences": expected}
    assert btl.exit_code == 1
    findings = [str(each) for each in run_audit(connection, drifted.settings()).findings]
    assert (
        f"{TOPIC}: retention.ms is 86400000, and should be 2592000000. Decide: btl topics apply"
    ) in findings
    assert len(findings) == 2
    with closing(System(drifted.settings(), datetime.now(UTC))) as system:
        said = [str(notice) for notice in checks.topic_settings(system)]
    assert len(said) == 1
    assert said[0].startswith(f"{TOPIC}: retention.ms is")
    assert said[0].endswith("btl topics apply")
    assert "Set them again: btl topics apply" in btl("topics", "create")

    assert "retention.ms from 86400000 to" in btl("topics", "apply", "--dry-run")
    assert len(topic_settings.drifted(drifted.settings())) == 2
    btl("topics", "apply")
    assert "All topics are as" in btl("topics", "check")
    assert btl.exit_code == 0
    assert run_audit(connection, drifted.settings()).findings == ()
