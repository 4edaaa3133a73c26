"""What a consumer reports about itself while it works: to metrics, health, or nobody."""

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from consumers.core.batch import Batch, Entry, Partition


class Step(Enum):
    """The steps of a batch, in order. Each is reported when it is done. A process may die after any
    of them.
    """

    POLLED = "polled"
    """kafka-python has returned records."""
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
    """COMMIT was sent, too; its result is not known yet."""
    COMMITTED = "committed"
    """The server has committed."""
    MIRRORED = "mirrored"
    """The positions were copied to Kafka."""
    NOTIFIED = "notified"
    """The metrics were notified."""


class Cause(Enum):
    """What a consumer waits for."""

    GROUP = "group"
    """Partitions: the group has not assigned any yet, or is assigning them again."""
    DATABASE = "database"
    """Postgres, or a lock in it."""
    BROKER = "broker"
    """Kafka."""
    FENCE = "fence"
    """Another owner took a partition: the group must decide who has it."""
    POSITION = "position"
    """The broker no longer has the offset to read from."""


class Halt(NamedTuple):
    """Why a partition is not read until a person decides."""

    status: str
    """``stopped``: reading on would lose or repeat records; ``tripped``: the breaker stopped it."""
    detail: str
    """What happened, for people."""
    next_offset: int
    """The offset after what is committed."""


class Observer:
    """Receives every report and ignores it: subclasses override the methods that they need.

    Methods are called on the consumer's thread and must not raise.
    """

    def turn(self) -> None:
        """The loop begins another turn: a few hundred times a second under load, a few times when
        idle.
        """

    def silent(self, seconds: float) -> None:
        """The loop waits for the database, which has been silent for ``seconds``. Called ten times
        a second.
        """

    def step(self, step: Step, seconds: float) -> None:
        """A step is done, and took ``seconds``. For MERGED these count from sending to the result,
        with what was read in between.
        """

    def committed(self, batch: Batch, entries: Sequence[Entry]) -> None:
        """A batch was committed, with these lines of the ledger."""

    def waiting(self, cause: Cause, detail: str) -> None:
        """Nothing is read until this is over. Called again with each attempt."""

    def reading(self, positions: Mapping[Partition, int], halted: Mapping[Partition, Halt]) -> None:
        """The waiting is over.

        ``positions`` has the partitions that are read, and from where; ``halted`` has those that
        wait for a decision, and why. Both are empty when the group has more members than
        partitions and this one stands by.
        """

    def fenced(self, detail: str) -> None:
        """A batch was rejected because another owner had taken one of its partitions."""

    def tripped(self, partition: Partition, detail: str) -> None:
        """The breaker stopped a partition."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        """The group assigned these partitions, and no others; none while it rebalances."""
