"""Params that no retry makes right."""

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from below_the_line.errors import BelowTheLineError


@contextmanager
def failing_at_once() -> Iterator[None]:
    """Fail the task without retries where what was asked for is wrong. Raises AirflowFailException
    with what to do.
    """
    try:
        yield
    except BelowTheLineError as error:
        raise AirflowFailException(str(error)) from error
