"""The breaker: a partition that is full of bad records is stopped, rather than poured into the dead
letters.

Half a stream refused is no stray record: a producer was deployed with a fault, or this software
was. Somebody is to look.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from below_the_line.contracts.events import Rejection
from consumers.core.batch import DecodedRecord

_NOT_COUNTED = "unknown_type"
"""Neither good nor bad: types that are newer than this consumer may make up any share of a
topic.
"""


_EXAMPLES, _LEAST_SHARE = 3, 0.05
"""Of bad records in the detail: the last one of each of the most frequent codes, if it is that of
one in twenty.
"""
_LONGEST_MESSAGE = 200


class _Bad(NamedTuple):
    """A bad record among the last. Never the record itself: a thousand of them may be a
    gigabyte.
    """

    place: int
    """In the row of those seen."""
    offset: int
    code: str
    message: str


@dataclass(frozen=True)
class BreakerPolicy:
    """Trips when over half of the last ``window`` records of a partition are bad, and at least
    ``least`` of them.
    """

    window: int = 1_000
    least: int = 200


class Breaker:
    """The breaker of one partition, as far as this process has read it."""

    def __init__(self, policy: BreakerPolicy, accepted_offset: int | None = None) -> None:
        """Records before ``accepted_offset`` are not counted: somebody looked at them."""
        self._policy = policy
        self._accepted_offset = accepted_offset or 0
        self._seen = 0
        self._bad: deque[_Bad] = deque()

    def trips(self, decoded: Sequence[DecodedRecord]) -> bool:
        """Count records of the partition, in order; whether the breaker trips at one of them."""
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
        """Whether the breaker trips because a record that it counted as good was bad after all."""
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
        self._bad.append(_Bad(self._seen, offset, rejection.code, message[:_LONGEST_MESSAGE]))
        while self._bad[0].place <= self._seen - self._policy.window:
            self._bad.popleft()
        bad = len(self._bad)
        return bad >= self._policy.least and 2 * bad > min(self._seen, self._policy.window)

    @property
    def detail(self) -> str:
        """What the last records were, for people, with examples: there is no dead letter of those
        that were rolled back.
        """
        by_code = Counter(each.code for each in self._bad).most_common()
        codes = ", ".join(f"{code} {count}" for code, count in by_code)
        last_of = {each.code: each for each in self._bad}
        shown = [
            code for code, count in by_code[:_EXAMPLES] if count >= _LEAST_SHARE * len(self._bad)
        ]
        examples = "; ".join(
            f"offset {last_of[code].offset}: {last_of[code].message.rstrip('.')}" for code in shown
        )
        last = min(self._seen, self._policy.window)
        return (
            f"{len(self._bad)} of the last {last} records could not be applied ({codes});"
            f" {examples}"
        )
