"""Errors that a retry cannot fix."""

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from below_the_line.errors import BelowTheLineError


@contextmanager
def fail_without_retry() -> Iterator[None]:
    """Turn a BelowTheLineError into an AirflowFailException with the same text: the task fails at
    once.
    """
    try:
        yield
    except BelowTheLineError as error:
        raise AirflowFailException(str(error)) from error
