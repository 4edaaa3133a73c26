"""What each database error means."""

import pytest

from consumers.core.failures import Failure, backoff_seconds, classify


@pytest.mark.parametrize(
    ("sqlstate", "schema", "failure"),
    [
        (None, None, Failure.FAULT),
        ("08006", None, Failure.FAULT),
        ("40P01", None, Failure.FAULT),
        ("53100", None, Failure.FAULT),
        ("55P03", None, Failure.FAULT),
        ("57P01", None, Failure.FAULT),
        ("58030", None, Failure.FAULT),
        ("25P02", None, Failure.FAULT),
        ("25P03", None, Failure.FAULT),
        ("25006", None, Failure.FAULT),
        ("57014", None, Failure.CANCELED),
        ("22021", None, Failure.DATA),
        ("23514", "discussion", Failure.DATA),
        ("54000", None, Failure.DATA),
        ("23505", "ingest", Failure.DEFECT),
        ("22003", "ingest", Failure.DEFECT),
        ("42P01", None, Failure.DEFECT),
        ("42501", None, Failure.DEFECT),
        ("0A000", None, Failure.DEFECT),
        ("XX000", None, Failure.DEFECT),
        ("21000", None, Failure.DEFECT),
        ("BTL01", None, Failure.FENCED),
    ],
)
def test_every_class_of_error_has_its_answer(sqlstate: str | None, schema: str | None, failure: Failure) -> None:
    assert classify(sqlstate, schema) is failure


def test_back_off_doubles_to_five_seconds_and_jitters_down_to_half() -> None:
    assert [backoff_seconds(attempt, 1.0) for attempt in (1, 2, 3, 6, 60)] == [0.2, 0.4, 0.8, 5.0, 5.0]
    assert backoff_seconds(6, 0.0) == 2.5
