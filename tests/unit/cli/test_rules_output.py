"""What is said of windows that are not applied yet."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from below_the_line.closing.timeline import TimelineReport
from btl.cli.rules_output import warnings


@pytest.mark.parametrize("has_passed", [True, False])
def test_applying_rules_is_recommended_only_where_a_barrier_has_passed(has_passed: bool) -> None:
    report = SimpleNamespace(
        cut_off=datetime(2026, 5, 5, tzinfo=UTC),
        cut_off_is_known=has_passed,
        is_applied=False,
        stored_state=None,
    )
    *_, said = warnings(cast(TimelineReport, report), ZoneInfo("UTC"))
    assert "The next run of close_discussions brings them up to date" in said
    assert ("btl rules apply" in said) is has_passed
