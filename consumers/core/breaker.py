"""The breaker: stops a partition that is full of bad records, before all become dead letters.

When half of a stream is rejected, a producer was deployed with a fault, or this software was. A
person must look.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from below_the_line.contracts.events import Record, Rejection
from consumers.core.batch import DecodedRecord

_NOT_COUNTED = "unknown_type"
"""Neither good nor bad: any share of a topic may have types that are newer than this consumer."""


_MAX_EXAMPLES, _MIN_SHARE = 3, 0.05
"""The detail has an example of each of the most frequent codes that have this share or more."""
_MAX_MESSAGE_LENGTH = 200


class _Bad(NamedTuple):
    """What is kept of a bad record. Never the record: a thousand of them may be a gigabyte."""

    place: int
    """Its number among the records that were counted."""
    offset: int
    code: str
    message: str


@dataclass(frozen=True)
class BreakerPolicy:
    """Trips when more than half of the last ``window`` records of a partition are bad, and
    ``min_bad`` records or more.
    """

    window: int = 1_000
    min_bad: int = 200


class Breaker:
    """The breaker of one partition, as far as this process has read it."""

    def __init__(self, policy: BreakerPolicy, accepted_offset: int | None = None) -> None:
        """Records before ``accepted_offset`` are not counted: a person has accepted them."""
        self._policy = policy
        self._accepted_offset = accepted_offset or 0
        self._seen = 0
        self._bad: deque[_Bad] = deque()

    def trips(
        self, decoded: Sequence[DecodedRecord], dead_letters: Sequence[tuple[Record, Rejection]]
    ) -> bool:
        """Count records of the partition, in order; return whether the breaker trips.

        ``dead_letters`` are those of them that are not valid events: nearly always none, and then
        nothing is looked at.
        """
        if not dead_letters and decoded and decoded[0].record.offset >= self._accepted_offset:
            self._seen += len(decoded)
            return False
        for record, result in decoded:
            if record.offset < self._accepted_offset:
                continue
            if type(result) is not Rejection:
                self._seen += 1
            elif result.code != _NOT_COUNTED:
                self._seen += 1
                if self._is_over(record.offset, result):
                    return True
        return False

    def trips_afterwards(self, decoded: DecodedRecord) -> bool:
        """Return whether the breaker trips because a record that it counted as good is bad."""
        record, result = decoded
        return (
            type(result) is Rejection
            and record.offset >= self._accepted_offset
            and self._is_over(record.offset, result)
        )

    def _is_over(self, offset: int, rejection: Rejection) -> bool:
        message = (
            f"{rejection.pointer}: {rejection.message}" if rejection.pointer else rejection.message
        )
        self._bad.append(_Bad(self._seen, offset, rejection.code, message[:_MAX_MESSAGE_LENGTH]))
        while self._bad[0].place <= self._seen - self._policy.window:
            self._bad.popleft()
        bad = len(self._bad)
        return bad >= self._policy.min_bad and 2 * bad > min(self._seen, self._policy.window)

    @property
    def detail(self) -> str:
        """What the last bad records were, for people.

        With examples, because the records that were rolled back are not dead letters.
        """
        by_code = Counter(each.code for each in self._bad).most_common()
        codes = ", ".join(f"{code} {count}" for code, count in by_code)
        last_of = {each.code: each for each in self._bad}
        shown = [
            code for code, count in by_code[:_MAX_EXAMPLES] if count >= _MIN_SHARE * len(self._bad)
        ]
        examples = "; ".join(
            f"offset {last_of[code].offset}: {last_of[code].message.rstrip('.')}" for code in shown
        )
        last = min(self._seen, self._policy.window)
        return (
            f"{len(self._bad)} of the last {last} records could not be applied ({codes});"
            f" {examples}"
        )
