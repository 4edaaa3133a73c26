"""What a consumer tells about itself while it works. Who listens decides what becomes of it:
figures, health, or nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from consumers.core.batch import Batch, Entry, Partition


class Step(Enum):
    """The steps of a batch, in order. Each is told when it is done; a process may die after any of
    them.
    """

    POLLED = "polled"
    """Records were handed over by kafka-python."""
    DECODED = "decoded"
    """The records are decoded."""
    STAGED = "staged"
    """The rows were folded and copied to the staging tables."""
    MERGING = "merging"
    """The merges were sent."""
    MERGED = "merged"
    """The server has merged."""
    FENCED = "fenced"
    """Fence and ledger were sent, COMMIT was not."""
    COMMITTING = "committing"
    """COMMIT was sent, too; what became of it is not known yet."""
    COMMITTED = "committed"
    """The server has committed."""
    MIRRORED = "mirrored"
    """Kafka was told the positions."""
    NOTIFIED = "notified"
    """The metrics were woken."""


class Cause(Enum):
    """What a consumer waits for."""

    GROUP = "group"
    """Partitions: the group has not assigned any yet, or is giving them out anew."""
    DATABASE = "database"
    """Postgres, or a lock in it."""
    BROKER = "broker"
    """Kafka."""
    FENCE = "fence"
    """Another owner took a partition: the group must say whose it is."""
    POSITION = "position"
    """The broker no longer has the offset to read from."""


class Halt(NamedTuple):
    """Why a partition of ours is not read until somebody decides."""

    status: str
    """``stopped``: reading on would lose or repeat records; ``tripped``: the breaker stopped it."""
    detail: str
    """What happened, for people."""
    next_offset: int
    """What is committed reaches up to this offset."""


class Observer:
    """Hears of everything and does nothing with it. Methods are called on the consumer's thread and
    must not raise.
    """

    def turn(self) -> None:
        """The loop begins another turn: some hundred times a second under load, a few times a
        second when idle.
        """

    def silent(self, seconds: float) -> None:
        """The loop waits for the database, which has said nothing for so long. Told ten times a
        second meanwhile.
        """

    def step(self, step: Step, seconds: float) -> None:
        """A step is done; it took so long. MERGED: from the sending to the result, reading
        meanwhile included.
        """

    def committed(self, batch: Batch, entries: Sequence[Entry]) -> None:
        """A batch was committed, with these lines of the ledger."""

    def waiting(self, cause: Cause, detail: str) -> None:
        """Nothing is read until this is over. Told again with each attempt."""

    def reading(self, positions: Mapping[Partition, int], halted: Mapping[Partition, Halt]) -> None:
        """The waiting is over: these partitions are read from these offsets on, those wait for a
        decision, and why.

        Of neither any: the group has more members than partitions, and we stand by.
        """

    def fenced(self, detail: str) -> None:
        """A batch was refused because another owner had taken a partition of it."""

    def tripped(self, partition: Partition, detail: str) -> None:
        """The breaker stopped a partition."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        """The group gave us these partitions, and no other; none, too, while it gives them out
        anew.
        """
