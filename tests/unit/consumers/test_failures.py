"""What each database error means."""

import psycopg.errors
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
def test_every_class_of_error_has_its_answer(
    sqlstate: str | None, schema: str | None, failure: Failure
) -> None:
    assert classify(sqlstate, schema) is failure


# By class, as the documentation of Postgres has them; anything else is a defect of the software.
OF_CLASS = dict.fromkeys(("08", "40", "53", "55", "58"), Failure.FAULT) | dict.fromkeys(
    ("22", "23", "54"), Failure.DATA
)
OF_STATE = {
    "25006": Failure.FAULT,
    "25P02": Failure.FAULT,
    "25P03": Failure.FAULT,
    "57014": Failure.CANCELED,
    "57P01": Failure.FAULT,
    "57P02": Failure.FAULT,
    "57P03": Failure.FAULT,
    "57P04": Failure.FAULT,
    "57P05": Failure.FAULT,
}


def test_every_state_that_postgres_knows_has_its_answer() -> None:
    """A fault is waited out, a defect stops the consumer: neither may dead-letter a record."""
    named = (getattr(found, "sqlstate", None) for found in vars(psycopg.errors).values())
    states = {state for state in named if isinstance(state, str)}
    assert len(states) > 250
    for state in states:
        expected = OF_STATE.get(state, OF_CLASS.get(state[:2], Failure.DEFECT))
        assert classify(state, None) is expected, state
        # Raised by our own tables, a value that is refused is our fault and not the record's.
        of_ours = Failure.DEFECT if expected is Failure.DATA else expected
        assert classify(state, "ingest") is of_ours, state


def test_back_off_doubles_to_five_seconds_and_jitters_down_to_half() -> None:
    assert [backoff_seconds(attempt, 1.0) for attempt in (1, 2, 3, 6, 60)] == [
        0.2,
        0.4,
        0.8,
        5.0,
        5.0,
    ]
    assert backoff_seconds(6, 0.0) == 2.5
