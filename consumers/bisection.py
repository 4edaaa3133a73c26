"""Bisection: finds the records that the database rejects, and writes the rest of their batch."""

from collections.abc import Callable

from below_the_line.contracts.events import Rejection
from consumers.adapters.postgres import StoreError
from consumers.core.batch import Batch
from consumers.core.failures import Failure


def isolate(
    batch: Batch,
    failed: StoreError,
    write: Callable[[Batch], object],
    *,
    others_passed: bool = False,
) -> bool:
    """Write a batch that the database rejected, in ever smaller parts; dead-letter the records that
    it rejects alone.

    ``write`` writes one part, in order, or raises StoreError and leaves nothing of it. Returns
    whether a part with events was written. Where statements were cancelled, a record is to blame
    only if others pass (``others_passed``); if none passes, the server is too slow, which is a
    fault. Raises StoreError, and what else ``write`` raises.
    """
    if len(batch) == 1:
        (only,) = batch.decoded
        if isinstance(only.result, Rejection):
            raise StoreError(Failure.DEFECT, failed.cause)
        if failed.failure is Failure.CANCELED and not others_passed:
            raise StoreError(Failure.FAULT, failed.cause)
        rejection = Rejection(
            "database", "rejected_by_database", None, failed.reason, only.result.type
        )
        write(batch.reject_only_record(rejection))
        return False
    for half in batch.halves():
        try:
            write(half)
            others_passed = others_passed or half.has_events
        except StoreError as error:
            if error.failure not in (Failure.DATA, Failure.CANCELED):
                raise
            # A half that is rejected is written in parts at once: positions move in order.
            others_passed = (
                isolate(half, error, write, others_passed=others_passed) or others_passed
            )
    return others_passed
